//! What a project remembers of its generation: `.mcc/inputs.json`, from which it can be generated again,
//! and `.mcc/files.json`, which tells edited files from untouched ones.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use mcc_files::Folder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::kept;
use crate::merge::Merged;
use crate::project::{File, Project};
use crate::source::{LookedUp, Saved, Source, Sourced};
use crate::written::{self, INPUTS, RECORD};

/// Layer name of the files that the generator itself writes.
const LAYER: &str = "generator";
/// Largest record that is read back.
const MAX_RECORD: u64 = 4 * 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedInputs {
    /// Version of the generator.
    mcc: String,
    /// The inputs that were given or follow from those, whatever their source; defaults are not saved, so that they can improve.
    inputs: Map<String, Value>,
    /// Those of them that were looked up, each with who was asked and when.
    #[serde(default, rename = "lookedUp", skip_serializing_if = "BTreeMap::is_empty")]
    looked_up: BTreeMap<String, LookedUp>,
}

/// Digests of the files as they were generated.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    sha256: BTreeMap<String, String>,
}

/// Adds the saved inputs to `project`, with what they name outside of it; `model` is the place of a copied model.
pub(crate) fn inputs(project: &mut Project, merged: &Merged, model: Option<&str>) {
    let given = merged.values.iter().filter(|(_, v)| v.source.is_kept());
    let mut inputs = given.map(|(k, v)| (k.clone(), v.value.clone())).collect();
    kept::keep(project, merged, model, &mut inputs);
    let looked = |(key, own): (&String, &Sourced)| match &own.source {
        Source::LookedUp(looked) => Some((key.clone(), looked.clone())),
        _ => None,
    };
    let looked_up = merged.values.iter().filter_map(looked).collect();
    let saved = SavedInputs { mcc: env!("CARGO_PKG_VERSION").to_owned(), inputs, looked_up };
    project.insert(INPUTS, File::new(json(&saved), LAYER));
}

/// Adds the record of all files to `project`; it comes last.
pub(crate) fn record(project: &mut Project) {
    insert_record(project, digest_of);
}

/// Adds a file that is as long as the record will be. A plan says no more of it, and digests take a tenth of its time.
pub(crate) fn keep_place(project: &mut Project) {
    insert_record(project, |_| "0".repeat(2 * <Sha256 as Digest>::output_size()));
}

fn insert_record(project: &mut Project, digest: impl Fn(&File) -> String) {
    let others = project.files().filter(|(path, _)| *path != RECORD);
    let sha256 = others.map(|(path, file)| (path.to_owned(), digest(file))).collect();
    project.insert(RECORD, File::new(json(&Record { sha256 }), LAYER));
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text.into_bytes()
}

/// The digest of a file. What comes as it is from a layer is the same in every project, and digested once.
fn digest_of(file: &File) -> String {
    /// By address and length: as many as layers have files.
    static KNOWN: RwLock<BTreeMap<(usize, usize), String>> = RwLock::new(BTreeMap::new());
    let Cow::Borrowed(bytes) = file.bytes else {
        return digest(&file.bytes);
    };
    let at = (bytes.as_ptr().addr(), bytes.len());
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&at) {
        return known.clone();
    }
    let made = digest(bytes);
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(at, made.clone());
    made
}

fn digest(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// The inputs saved in the project at `dir`; files of the project that they name are named from where `dir` is.
pub fn read_inputs(dir: &Path) -> Result<Saved, String> {
    let folder = Folder::open(dir).map_err(|e| format!("{e}; {}", e.fix()))?;
    let mut saved = read_inputs_in(&folder)?;
    kept::from_elsewhere(dir, &mut saved.inputs);
    Ok(saved)
}

/// The inputs saved in a project.
pub fn read_inputs_in(folder: &Folder) -> Result<Saved, String> {
    let text = folder
        .read_text(INPUTS, MAX_RECORD)
        .map_err(|e| format!("{} cannot be read: {}", mcc_files::shown(&e.path), e.reason))?;
    parse_inputs(&text)
}

/// The inputs in the text of a saved file.
pub fn parse_inputs(text: &str) -> Result<Saved, String> {
    let SavedInputs { inputs, looked_up, .. } =
        serde_json::from_str(text).map_err(|e| format!("{INPUTS} cannot be parsed: {e}"))?;
    Ok(Saved { inputs, looked_up })
}

impl Record {
    /// The record of a project. Paths at which no version of the generator writes are dropped: who can change the
    /// record decides about nothing else.
    pub(crate) fn read(folder: &Folder) -> Result<Self, String> {
        let text = folder
            .read_text(RECORD, MAX_RECORD)
            .map_err(|e| format!("{RECORD} cannot be read: {}", e.reason))?;
        let mut record: Self =
            serde_json::from_str(&text).map_err(|e| format!("{RECORD} cannot be parsed: {e}"))?;
        record.sha256.retain(|path, _| written::may_write(path));
        Ok(record)
    }

    /// Whether `bytes` are what the generator wrote at `path`.
    pub(crate) fn wrote(&self, path: &str, bytes: &[u8]) -> bool {
        self.sha256.get(path).is_some_and(|d| *d == digest(bytes))
    }

    /// All generated files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.sha256.keys().map(String::as_str)
    }
}
