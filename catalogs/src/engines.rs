//! Model servers: which model classes each release serves, what it is built for, and its options.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accelerators::ComputeCapability;
use crate::engine_options::{EngineOptions, EngineOptionsFile};
use crate::file::catalog_file;
use crate::rows::Table;
use crate::version;

/// One model server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// `vllm`.
    pub engine: String,
    /// The newest release that was read.
    pub last_sampled: String,
    /// What the AWS images put before a flag's name to read it from the environment.
    pub env_prefix: String,
    /// Several releases were read, so that first and last are known.
    pub history: bool,
    /// The newest release that was read serves no other class than those listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// The engine whose command line it has, being a plugin of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options_of: Option<String>,
}

/// The share of a device's memory that an engine takes unless told otherwise, from a release on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryUtilization {
    /// Name of the engine.
    pub engine: String,
    /// First release with this default, as far as releases were read.
    pub from: String,
    /// The share.
    pub default: f64,
}

/// What a quantization method needs of a GPU, whatever kernel it falls back to there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuantizationMethod {
    /// Name of the engine.
    pub engine: String,
    /// Name of the method, as in a checkpoint's `quant_method` or on the command line.
    pub method: String,
    /// The least compute capability that it runs on.
    pub min_compute_capability: ComputeCapability,
}

/// What a release is built for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineRelease {
    /// Name of the engine.
    pub engine: String,
    /// The release.
    pub version: String,
    /// Version of `PyTorch`.
    pub torch: String,
    /// Versions of transformers that it accepts.
    pub transformers: String,
    /// CUDA of its own image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda: Option<String>,
    /// Compute capabilities that its image is compiled for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compute_capabilities: Vec<ComputeCapability>,
}

/// A model class that an engine serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineArchitecture {
    /// Name of the engine.
    pub engine: String,
    /// Class name, as in a model's `architectures`.
    pub class: String,
    /// First release read that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// Last release that has it, of classes that were dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// `text_generation`, `multimodal`, `embedding`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The engine's own example needs code from the model's repository.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trust_remote_code: bool,
}

impl EngineArchitecture {
    fn key(&self) -> (&str, &str) {
        (&self.engine, &self.class)
    }
}

/// `engines.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnginesFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By name.
    #[serde(default)]
    pub engines: Table<Engine>,
    /// By engine and release.
    #[serde(default)]
    pub memory_utilization: Table<MemoryUtilization>,
    /// By engine and method.
    #[serde(default)]
    pub quantization: Table<QuantizationMethod>,
    /// By engine and release.
    #[serde(default)]
    pub releases: Table<EngineRelease>,
    /// By engine and class.
    #[serde(default)]
    pub architectures: Table<EngineArchitecture>,
}

catalog_file!(
    EnginesFile, "engines.json",
    rows {
        engines by |row| row.engine.clone(),
        memory_utilization by |row| (row.engine.clone(), row.from.clone()),
        quantization by |row| (row.engine.clone(), row.method.clone()),
        releases by |row| (row.engine.clone(), row.version.clone()),
        architectures by |row| (row.engine.clone(), row.class.clone()),
    }
);

/// Whether a release of an engine serves a model class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It does.
    Supported,
    /// A later release does.
    TooOld {
        /// The first release read that has it.
        first: String,
    },
    /// An earlier release did.
    Dropped {
        /// The last release that has it.
        last: String,
    },
    /// No release does: the newest that was read has none of that name.
    Absent,
    /// Not known: the class or the release is not among those read, or lies between two of them.
    Unknown,
}

/// The engines.
#[derive(Debug, Clone)]
pub struct Engines {
    file: EnginesFile,
    options: EngineOptionsFile,
    /// Rows of classes in the order of engine and class.
    by_class: Vec<usize>,
    /// What is asked of an engine for each image of each family.
    releases: Vec<Releases>,
}

/// The releases of an engine.
#[derive(Debug, Clone)]
struct Releases {
    engine: String,
    /// Those with a row, oldest first.
    sampled: Vec<String>,
    /// Their rows.
    rows: Vec<usize>,
    /// The oldest from which classes could be read: what it has may be older still.
    oldest_with_classes: Option<String>,
}

/// What is known of a model class in the releases of an engine: looked up once, and asked for each release.
#[derive(Debug, Clone, Copy)]
pub struct ClassOf<'a> {
    engine: Option<&'a Engine>,
    class: Option<&'a EngineArchitecture>,
    releases: Option<&'a Releases>,
}

impl ClassOf<'_> {
    /// Whether a release serves the class.
    pub fn served_by(&self, version: &str) -> Support {
        let Some(known) = self.engine else {
            return Support::Unknown;
        };
        let Some(row) = self.class else {
            // Classes are added and hardly ever dropped: what the newest lacks, older ones lack too.
            let read = version::compare(version, &known.last_sampled) != Ordering::Greater;
            return if known.complete && read { Support::Absent } else { Support::Unknown };
        };
        if !known.history {
            return if version::compare(version, &known.last_sampled) == Ordering::Equal {
                Support::Supported
            } else {
                Support::Unknown
            };
        }
        if let Some(last) = &row.last
            && version::compare(version, last) == Ordering::Greater
        {
            // Dropped somewhere after `last`; for certain only from the next release that was read.
            let mut sampled = self.releases.iter().flat_map(|known| &known.sampled);
            let next = sampled.find(|release| version::compare(release, last) == Ordering::Greater);
            let certain =
                next.is_some_and(|next| version::compare(version, next) != Ordering::Less);
            return if certain {
                Support::Dropped { last: last.clone() }
            } else {
                Support::Unknown
            };
        }
        if let Some(first) = &row.first
            && version::compare(version, first) == Ordering::Less
        {
            // Added somewhere before `first`; for certain only after the release read before it.
            let mut sampled = self.releases.iter().flat_map(|known| known.sampled.iter().rev());
            let before = sampled.find(|release| version::compare(release, first) == Ordering::Less);
            let oldest = self.releases.and_then(|known| known.oldest_with_classes.as_ref());
            let certain = before
                .is_some_and(|before| version::compare(version, before) != Ordering::Greater)
                && Some(first) != oldest;
            return if certain {
                Support::TooOld { first: first.clone() }
            } else {
                Support::Unknown
            };
        }
        if version::compare(version, &known.last_sampled) == Ordering::Greater {
            Support::Unknown
        } else {
            Support::Supported
        }
    }
}

impl Engines {
    pub(crate) fn new(file: EnginesFile, options: EngineOptionsFile) -> Self {
        let mut by_class: Vec<usize> = (0..file.architectures.len()).collect();
        by_class.sort_by_key(|at| file.architectures.get(*at).map(EngineArchitecture::key));
        let names = file.engines.iter().map(|row| &row.engine);
        let names: BTreeSet<&String> =
            names.chain(file.releases.iter().map(|row| &row.engine)).collect();
        let releases = names.into_iter().map(|engine| releases(&file, engine)).collect();
        Self { file, options, by_class, releases }
    }

    /// All engines.
    pub fn iter(&self) -> impl Iterator<Item = &Engine> {
        self.file.engines.iter()
    }

    /// An engine by name.
    pub fn get(&self, engine: &str) -> Option<&Engine> {
        self.iter().find(|row| row.engine == engine)
    }

    /// All model classes of all engines.
    pub fn architectures(&self) -> impl Iterator<Item = &EngineArchitecture> {
        self.file.architectures.iter()
    }

    /// A model class of an engine.
    pub fn architecture(&self, engine: &str, class: &str) -> Option<&EngineArchitecture> {
        let rows = &self.file.architectures;
        let key = |at: &usize| rows.get(*at).map(EngineArchitecture::key);
        let at = self.by_class.binary_search_by_key(&Some((engine, class)), key).ok()?;
        rows.get(*self.by_class.get(at)?)
    }

    /// The engine that each row names, by what else it is found by.
    pub(crate) fn engines_named(&self) -> impl Iterator<Item = (&str, &str)> {
        let file = &self.file;
        let shares = file.memory_utilization.iter().map(|row| (&row.from, &row.engine));
        let methods = file.quantization.iter().map(|row| (&row.method, &row.engine));
        let releases = file.releases.iter().map(|row| (&row.version, &row.engine));
        let classes = file.architectures.iter().map(|row| (&row.class, &row.engine));
        let all = shares.chain(methods).chain(releases).chain(classes);
        all.map(|(other, engine)| (other.as_str(), engine.as_str()))
    }

    /// Whether a release serves a model class.
    pub fn supports(&self, engine: &str, version: &str, class: &str) -> Support {
        self.class(engine, class).served_by(version)
    }

    /// What is known of a model class in the releases of an engine.
    pub fn class(&self, engine: &str, class: &str) -> ClassOf<'_> {
        ClassOf {
            engine: self.get(engine),
            class: self.architecture(engine, class),
            releases: self.releases_of(engine),
        }
    }

    /// What a release is built for: its own row, else the newest older one of the same minor version.
    pub fn release(&self, engine: &str, version: &str) -> Option<&EngineRelease> {
        let known = self.releases_of(engine)?;
        // Nearly all that are asked for have a row, and to look is less than to compare.
        if let Some(at) = known.sampled.iter().rposition(|own| own == version) {
            return self.file.releases.get(*known.rows.get(at)?);
        }
        let second = version.match_indices('.').nth(1);
        let minor = second.and_then(|(at, _)| version.get(..at)).unwrap_or(version);
        let newer = |own: &String| version::compare(own, version) == Ordering::Greater;
        let after = known.sampled.partition_point(|own| !newer(own));
        // Whatever has the same minor version and is not newer stands right before what is newer.
        let row = self.file.releases.get(*known.rows.get(after.checked_sub(1)?)?)?;
        version::starts_with(&row.version, minor).then_some(row)
    }

    /// The releases with a row, oldest first.
    pub fn releases(&self, engine: &str) -> Vec<&EngineRelease> {
        let rows = self.releases_of(engine).map_or(&[][..], |known| &known.rows);
        rows.iter().filter_map(|at| self.file.releases.get(*at)).collect()
    }

    /// The least compute capability that a release's image is compiled for.
    pub fn min_compute_capability(&self, engine: &str, version: &str) -> Option<ComputeCapability> {
        self.release(engine, version)?.compute_capabilities.iter().min().copied()
    }

    /// The least compute capability that a quantization method runs on; none if that is not known.
    pub fn quantization_capability(&self, engine: &str, method: &str) -> Option<ComputeCapability> {
        let rows = &self.file.quantization;
        let row = rows.iter().find(|row| row.engine == engine && row.method == method)?;
        Some(row.min_compute_capability)
    }

    /// The share of a device's memory that a release takes unless told otherwise.
    pub fn default_memory_utilization(&self, engine: &str, version: &str) -> Option<f64> {
        let rows = self.file.memory_utilization.iter().filter(|row| {
            row.engine == engine && version::compare(&row.from, version) != Ordering::Greater
        });
        rows.max_by(|a, b| version::compare(&a.from, &b.from)).map(|row| row.default)
    }

    /// The options of an engine; none if they were not read.
    pub fn options(&self, engine: &str) -> Option<EngineOptions<'_>> {
        let engine = self.get(engine).and_then(|row| row.options_of.as_deref()).unwrap_or(engine);
        let source = self.options.sources.iter().find(|row| row.engine == engine)?;
        let options = self.options.options.iter().filter(|row| row.engine == engine).collect();
        Some(EngineOptions { engine: &source.engine, version: &source.version, options })
    }

    fn releases_of(&self, engine: &str) -> Option<&Releases> {
        self.releases.iter().find(|row| row.engine == engine)
    }
}

fn releases(file: &EnginesFile, engine: &str) -> Releases {
    let rows = file.releases.iter().enumerate().filter(|(_, row)| row.engine == engine);
    let mut rows: Vec<(usize, &EngineRelease)> = rows.collect();
    rows.sort_by(|(_, a), (_, b)| version::compare(&a.version, &b.version));
    let sampled = rows.iter().map(|(_, row)| row.version.clone()).collect();
    let rows = rows.into_iter().map(|(at, _)| at).collect();
    let classes = file.architectures.iter().filter(|row| row.engine == engine);
    let firsts = classes.filter_map(|row| row.first.as_ref());
    let oldest_with_classes = firsts.min_by(|a, b| version::compare(a, b)).cloned();
    Releases { engine: engine.to_owned(), sampled, rows, oldest_with_classes }
}
