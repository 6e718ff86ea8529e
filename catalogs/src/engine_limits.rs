//! What releases of engines refuse beyond their registries of model classes: GPUs without kernels, pairs of release and
//! model that are known to fail, and splits that a quantization does not allow.

mod known;

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accelerators::ComputeCapability;
use crate::file::catalog_file;
use crate::rows::Table;
use crate::version;

pub use known::EngineLimits;

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
    /// Quantization methods that it concerns; empty for all, and for models without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// What else has to be the case; all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Circumstance>,
    /// What there are no kernels for, where it is not the models of the classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
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
    /// It has routed experts.
    Experts,
    /// Blocks of rows and columns of its weights share a scale.
    Blocks,
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

/// Releases of an engine that keep the scales of experts in four bits at 32 bits, beside those that the kernel takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleRow {
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
    /// Generation (major compute capability) of the GPUs on which it does.
    pub major: u8,
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
    /// By id.
    #[serde(default)]
    pub scales: Table<ScaleRow>,
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
        scales by |row| row.id.clone(),
        state_classes by |row| row.class.clone(),
        cuda by |row| row.from.clone(),
    }
);

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
