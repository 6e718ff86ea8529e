//! Which files in a folder are a model's weights, wherever the folder is: on the hub or in S3.

use std::collections::BTreeMap;

use crate::models::Only;

/// Most bytes that a model or an image can have: a hundred terabytes. Whoever says more of one does not know it.
const MOST_BYTES: u64 = 100_000_000_000_000;

/// Whether that many bytes can be the size of a model, of a file of one, or of an image.
pub fn is_believable(bytes: u64) -> bool {
    bytes <= MOST_BYTES
}

/// A file in a folder of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightFile {
    /// Its path in the folder.
    pub name: String,
    /// Bytes, where they are known.
    pub size: Option<u64>,
}

impl Only {
    /// What a folder without weights that engines load has in their place. None where it has neither.
    pub fn of(files: &[WeightFile]) -> Option<Self> {
        let any = |is: &dyn Fn(&str) -> bool| files.iter().any(|file| is(&file.name));
        if any(&|name| name == "adapter_config.json") {
            Some(Self::Adapter)
        } else {
            any(&is_gguf).then_some(Self::Gguf)
        }
    }
}

/// Whether it is a file of llama.cpp.
pub fn is_gguf(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".gguf")
}

/// Files of weights that are loaded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightSet<'a> {
    files: Vec<&'a WeightFile>,
}

impl<'a> WeightSet<'a> {
    /// The sets of files in a folder that could be what an engine loads, the likeliest first. Files in folders below it
    /// are none of them.
    pub fn of(files: &'a [WeightFile]) -> Vec<Self> {
        let root: Vec<&WeightFile> = files.iter().filter(|file| !file.name.contains('/')).collect();
        let indexes = root.iter().any(|file| file.name == "model.safetensors.index.json");
        sets(&root, indexes)
    }

    /// Their bytes, if all are known and can be.
    pub fn sum(&self) -> Option<u64> {
        let sum = self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size?));
        sum.filter(|bytes| is_believable(*bytes))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// Parts that are missing of those that their names count, and how many those are.
    pub fn lacking(&self) -> Option<(u64, u64)> {
        let parts: Vec<Part<'_>> = self.files.iter().filter_map(|file| part(&file.name)).collect();
        let of = parts.first()?.of;
        let there = u64::try_from(parts.len()).ok()?;
        (there < of).then(|| (of - there, of))
    }
}

/// The part of a set that a name says: `model-00001-of-00004.safetensors`.
struct Part<'a> {
    stem: &'a str,
    of: u64,
}

fn part(name: &str) -> Option<Part<'_>> {
    let (rest, _) = name.rsplit_once('.')?;
    let (rest, of) = rest.rsplit_once("-of-")?;
    let (stem, at) = rest.rsplit_once('-')?;
    let (at, of): (u64, u64) = (at.parse().ok()?, of.parse().ok()?);
    (at <= of).then_some(Part { stem, of })
}

/// The sets of files that could be what an engine loads, the likeliest first.
fn sets<'a>(root: &[&'a WeightFile], indexes: bool) -> Vec<WeightSet<'a>> {
    let ending = |end: &str, takes: &dyn Fn(&str) -> bool| -> Vec<&'a WeightFile> {
        root.iter().copied().filter(|f| f.name.ends_with(end) && takes(&f.name)).collect()
    };
    // Copies in other precisions, adapters, and the publisher's own format are beside the model.
    let own = |name: &str| {
        let beside =
            ["consolidated", "adapter_", "optimizer", "scheduler", "rng_state", "training_args"];
        let copies = [".fp16.", ".bf16.", ".fp32.", ".int8.", ".non_ema."];
        !beside.iter().any(|start| name.starts_with(start))
            && !copies.iter().any(|copy| name.contains(copy))
    };
    let all = ending(".safetensors", &own);
    if !all.is_empty() {
        let single: Vec<&WeightFile> =
            all.iter().copied().filter(|file| file.name == "model.safetensors").collect();
        let parts = parts_of(&all);
        let beside = || all.iter().copied().filter(|file| part(&file.name).is_none());
        let with: Vec<&WeightFile> = parts
            .iter()
            .copied()
            .chain(beside().filter(|file| file.name != "model.safetensors"))
            .collect();
        let parts_first = if parts.is_empty() { vec![] } else { vec![with, parts] };
        let order: Vec<Vec<&WeightFile>> = if indexes || single.is_empty() {
            parts_first.into_iter().chain([single, all]).collect()
        } else {
            [single].into_iter().chain(parts_first).chain([all]).collect()
        };
        return filled(order);
    }
    let consolidated = ending(".safetensors", &|name| name.starts_with("consolidated"));
    let pickled = ending(".bin", &|name| own(name) && name.starts_with("pytorch_model"));
    let saved = ending(".pt", &own).into_iter().chain(ending(".pth", &own)).collect();
    let set = [consolidated, pickled, saved].into_iter().find(|set: &Vec<_>| !set.is_empty());
    filled(set.into_iter().map(|set| if parts_of(&set).is_empty() { set } else { parts_of(&set) }))
}

fn filled<'a>(sets: impl IntoIterator<Item = Vec<&'a WeightFile>>) -> Vec<WeightSet<'a>> {
    sets.into_iter().filter(|files| !files.is_empty()).map(|files| WeightSet { files }).collect()
}

/// The parts of the set that is whole, or has the most of them: leftovers of another upload lie beside some.
fn parts_of<'a>(files: &[&'a WeightFile]) -> Vec<&'a WeightFile> {
    let mut sets: BTreeMap<(&str, u64), Vec<&'a WeightFile>> = BTreeMap::new();
    for file in files.iter().copied() {
        if let Some(part) = part(&file.name) {
            sets.entry((part.stem, part.of)).or_default().push(file);
        }
    }
    let whole = |of: u64, set: &[&WeightFile]| set.len() as u64 == of;
    let best = sets
        .into_iter()
        .max_by_key(|((stem, of), set)| (whole(*of, set), *stem == "model", set.len()));
    best.map(|(_, set)| set).unwrap_or_default()
}
