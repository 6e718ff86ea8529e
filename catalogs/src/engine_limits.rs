//! What releases of engines refuse beyond their registries of model classes: GPUs without kernels, pairs of release and
//! model that are known to fail, and splits that a quantization does not allow.

use std::cmp::Ordering;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accelerators::ComputeCapability;
use crate::file::catalog_file;
use crate::rows::Table;
use crate::version;

/// How well a limit is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Read in the engine's source.
    Read,
    /// The publisher documents it.
    Documented,
    /// Users report it, or it was read of one of several paths: a reason to warn, none to refuse.
    Reported,
}

impl Trust {
    /// Whether it is known well enough to refuse what it speaks against.
    pub fn refuses(self) -> bool {
        self != Self::Reported
    }
}

/// The GPUs on which releases of an engine have no kernels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GpuLimit {
    /// Stable name of the row.
    pub id: String,
    /// Name of the engine.
    pub engine: String,
    /// First release for which it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// First release for which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Model classes that it concerns; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The least compute capability.
    pub least: ComputeCapability,
    /// Newer generations (major compute capabilities) without kernels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<u8>,
    /// What the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where it is known from.
    pub source: String,
    /// How well.
    pub trust: Trust,
}

impl GpuLimit {
    /// Whether a GPU is outside of it.
    pub fn excludes(&self, capability: ComputeCapability) -> bool {
        capability < self.least || self.without.contains(&capability.major)
    }

    /// Whether it is about a release.
    pub fn covers(&self, release: &str) -> bool {
        within(release, self.from.as_deref(), self.before.as_deref())
    }
}

/// What has to be the case, besides release and class, for a pair to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Circumstance {
    /// The model is split over several devices.
    TensorParallel,
    /// Its layers are divided into groups on devices of their own.
    PipelineParallel,
    /// The model's own layers for multi-token prediction draft tokens.
    Mtp,
    /// Some of its layers keep a state, others a cache.
    StateLayers,
    /// The `LMCache` connector keeps the cache.
    LmCache,
}

/// A release and a kind of model that are known to fail together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BadPair {
    /// Stable name of the row.
    pub id: String,
    /// Name of the engine.
    pub engine: String,
    /// First release for which it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// First release for which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Families of images that it concerns; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<String>,
    /// Model classes that it concerns; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Quantization methods that it concerns; empty for all, and for models without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// What else has to be the case; all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Circumstance>,
    /// What happens, as the end of a sentence about the release.
    pub what: String,
    /// What the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where it is known from.
    pub source: String,
    /// How well.
    pub trust: Trust,
}

/// Layers that tensor parallelism divides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitPart {
    /// The routed experts.
    Experts,
    /// Everything else that is quantized: feed-forward layers and shared experts.
    Linear,
}

/// What of a quantization has to stay whole on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scales {
    /// Blocks of rows and columns that share a scale.
    Block,
    /// Groups of inputs that share a scale.
    Group,
    /// The sixteen values of an NVFP4 scale.
    Nvfp4,
}

/// A split that releases of an engine refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitLimit {
    /// Stable name of the row.
    pub id: String,
    /// Name of the engine.
    pub engine: String,
    /// First release for which it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// First release for which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Which layers.
    pub part: SplitPart,
    /// What has to stay whole.
    pub scales: Scales,
    /// The release divides scales down to this many values where a block would be cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refines_to: Option<u64>,
    /// What the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where it is known from.
    pub source: String,
    /// How well.
    pub trust: Trust,
}

/// The least compute capability that a CUDA toolkit makes code for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CudaCapability {
    /// From this toolkit on.
    pub from: String,
    /// The least compute capability.
    pub least: ComputeCapability,
    /// Where it is known from.
    pub source: String,
}

impl BadPair {
    /// Whether it is about a release.
    pub fn covers(&self, release: &str) -> bool {
        within(release, self.from.as_deref(), self.before.as_deref())
    }
}

/// How releases of an engine keep the states of recurrent layers: in blocks of the key-value cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateLimit {
    /// Stable name of the row.
    pub id: String,
    /// Name of the engine.
    pub engine: String,
    /// First release for which it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// First release for which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Blocks that a sequence takes in each group of layers with a state.
    pub pages: u32,
    /// It does not start with more sequences at once than it has blocks, unless graphs are off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refuses: bool,
    /// What the engine says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where it is known from.
    pub source: String,
    /// How well.
    pub trust: Trust,
}

/// A model class some of whose layers keep a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateClass {
    /// Class name, as in a model's `architectures`.
    pub class: String,
}

/// Releases of an engine that sort the whole vocabulary to choose tokens, which takes memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SorterRow {
    /// Stable name of the row.
    pub id: String,
    /// Name of the engine.
    pub engine: String,
    /// First release for which it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// First release for which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Where it is known from.
    pub source: String,
}

/// `engine_limits.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineLimitsFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By id.
    #[serde(default)]
    pub gpus: Table<GpuLimit>,
    /// By id.
    #[serde(default)]
    pub pairs: Table<BadPair>,
    /// By id.
    #[serde(default)]
    pub splits: Table<SplitLimit>,
    /// By id.
    #[serde(default)]
    pub states: Table<StateLimit>,
    /// By id.
    #[serde(default)]
    pub sorters: Table<SorterRow>,
    /// By class.
    #[serde(default)]
    pub state_classes: Table<StateClass>,
    /// By toolkit.
    #[serde(default)]
    pub cuda: Table<CudaCapability>,
}

catalog_file!(
    EngineLimitsFile, "engine_limits.json",
    rows {
        gpus by |row| row.id.clone(),
        pairs by |row| row.id.clone(),
        splits by |row| row.id.clone(),
        states by |row| row.id.clone(),
        sorters by |row| row.id.clone(),
        state_classes by |row| row.class.clone(),
        cuda by |row| row.from.clone(),
    }
);

/// The limits of engines.
#[derive(Debug, Clone)]
pub struct EngineLimits {
    file: EngineLimitsFile,
    /// Its rows about splits, which are kept with what is wanted.
    splits: Vec<Arc<SplitLimit>>,
}

impl EngineLimits {
    pub(crate) fn new(mut file: EngineLimitsFile) -> Self {
        // They are asked for by engine, for each image.
        file.gpus.sort_by(|a, b| a.engine.cmp(&b.engine));
        file.pairs.sort_by(|a, b| a.engine.cmp(&b.engine));
        file.splits.sort_by(|a, b| a.engine.cmp(&b.engine));
        let splits =
            std::mem::take(&mut file.splits).into_rows().into_iter().map(Arc::new).collect();
        Self { file, splits }
    }

    /// Date of the facts.
    pub fn as_of(&self) -> &str {
        &self.file.as_of
    }

    /// All rows about GPUs.
    pub fn gpus(&self) -> impl Iterator<Item = &GpuLimit> {
        self.file.gpus.iter()
    }

    /// All known pairs.
    pub fn pairs(&self) -> impl Iterator<Item = &BadPair> {
        self.file.pairs.iter()
    }

    /// All rows about splits.
    pub fn splits(&self) -> impl Iterator<Item = &SplitLimit> {
        self.splits.iter().map(AsRef::as_ref)
    }

    /// What the releases of an engine say about GPUs for models of `class`.
    pub fn gpus_of<'a, 'b>(
        &'a self,
        engine: &str,
        class: Option<&'b str>,
    ) -> impl Iterator<Item = &'a GpuLimit> + use<'a, 'b> {
        let rows = of(&self.file.gpus, engine, |row| &row.engine);
        rows.filter(move |row| {
            row.classes.is_empty()
                || class.is_some_and(|class| row.classes.iter().any(|known| known == class))
        })
    }

    /// The known pairs of an engine's releases.
    pub fn pairs_of<'a>(&'a self, engine: &str) -> impl Iterator<Item = &'a BadPair> + use<'a> {
        of(&self.file.pairs, engine, |row| &row.engine)
    }

    /// The splits that a release refuses.
    pub fn splits_of<'a, 'b>(
        &'a self,
        engine: &'b str,
        release: &'b str,
    ) -> impl Iterator<Item = &'a Arc<SplitLimit>> + use<'a, 'b> {
        let rows = of(&self.splits, engine, |row| &row.engine);
        rows.filter(move |row| within(release, row.from.as_deref(), row.before.as_deref()))
    }

    /// How a release keeps the states of recurrent layers; none where it does not keep them in blocks, or is not known.
    pub fn states_of(&self, engine: &str, release: &str) -> Option<&StateLimit> {
        self.file.states.iter().find(|row| {
            row.engine == engine && within(release, row.from.as_deref(), row.before.as_deref())
        })
    }

    /// Whether a release is known to sort the whole vocabulary to choose tokens.
    pub fn sorts(&self, engine: &str, release: &str) -> bool {
        self.file.sorters.iter().any(|row| {
            row.engine == engine && within(release, row.from.as_deref(), row.before.as_deref())
        })
    }

    /// Whether layers of models of `class` are known to keep a state.
    pub fn keeps_states(&self, class: &str) -> bool {
        self.file.state_classes.iter().any(|row| row.class == class)
    }

    /// What the newest known toolkit up to `cuda` makes code for.
    pub fn of_cuda(&self, cuda: &str) -> Option<&CudaCapability> {
        let rows = self.file.cuda.iter();
        let known = rows.filter(|row| version::compare(&row.from, cuda) != Ordering::Greater);
        known.max_by(|a, b| version::compare(&a.from, &b.from))
    }
}

/// The rows of an engine among those in the order of engines.
fn of<'a, T>(
    rows: &'a [T],
    engine: &str,
    whose: fn(&T) -> &String,
) -> impl Iterator<Item = &'a T> + use<'a, T> {
    let from = rows.partition_point(|row| whose(row).as_str() < engine);
    let rows = rows.get(from..).unwrap_or_default();
    let until = rows.partition_point(|row| whose(row).as_str() == engine);
    rows.iter().take(until)
}

fn within(release: &str, from: Option<&str>, before: Option<&str>) -> bool {
    from.is_none_or(|from| version::compare(release, from) != Ordering::Less)
        && before.is_none_or(|before| version::compare(release, before) == Ordering::Less)
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn a_range_ends_before_its_second_release() {
        assert!(within("0.27.1", Some("0.27.0"), Some("0.28.0")));
        assert!(!within("0.28.0", Some("0.27.0"), Some("0.28.0")));
        assert!(!within("0.26.0", Some("0.27.0"), None));
        assert!(within("0.1", None, None));
    }
}
