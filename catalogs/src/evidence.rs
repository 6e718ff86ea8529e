//! What was seen to work, and how much memory it took: to advise with, and to hold sizing against.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::{InstanceType, ModelId};
use crate::rows::Table;

/// A configuration that AWS's own tests serve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownFit {
    /// Name in the tests.
    pub model: String,
    /// Id on the hub, where the name leaves no doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ModelId>,
    /// Model server.
    pub engine: String,
    /// Instance type.
    #[serde(rename = "type")]
    pub instance: InstanceType,
    /// Devices that share the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor_parallel: Option<u32>,
    /// Context in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_model_len: Option<u64>,
    /// Type of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    /// Share of a device's memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_utilization: Option<f64>,
}

/// `known_fits.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownFitsFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// One configuration each.
    #[serde(default)]
    pub fits: Table<KnownFit>,
}

catalog_file!(
    KnownFitsFile, "known_fits.json",
    rows { fits by |row| (row.model.clone(), row.engine.clone(), row.instance.clone(), row.max_model_len, row.tensor_parallel) }
);

/// How a measurement is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// Model and settings are stated in a public thread.
    Stated,
    /// A real log, with the model stated.
    Logged,
    /// A real log, with the model inferred from its figures.
    Inferred,
}

/// The memory that one deployment took. GiB are for one GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the engine's log lines")]
pub struct Measurement {
    pub id: String,
    pub model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ModelId>,
    pub engine: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtype: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_dtype: Option<String>,
    pub tp: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_total_gib: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_utilization: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_model_len: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_num_seqs: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_num_batched_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expert_parallel: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforce_eager: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_gib_per_gpu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_torch_gib: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_peak_gib: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cudagraph_gib: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_gib: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_cache_gib_per_gpu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fits: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub quality: Quality,
    /// The lines that say so, as the log has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// What sets this deployment apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Measurement {
    /// Whether this one is not looked at while constants of sizing are set, so that it can tell whether they hold
    /// for models that nobody set them by: the 64-bit FNV-1a hash of the model's id, or of its name where it has
    /// none, is a multiple of 3. All measurements of a model go one way.
    pub fn is_held_out(&self) -> bool {
        let id = self.base.as_ref().map_or(self.model.as_str(), ModelId::as_str);
        fnv1a(id.as_bytes()).is_multiple_of(3)
    }
}

/// The 64-bit FNV-1a hash: the same on every machine and in every release, unlike the standard library's.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// `measured_vram.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasuredFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// One deployment each.
    #[serde(default)]
    pub points: Table<Measurement>,
}

catalog_file!(MeasuredFile, "measured_vram.json", rows { points by |row| row.id.clone() });

/// What was seen.
#[derive(Debug, Clone)]
pub struct Evidence {
    fits: KnownFitsFile,
    measured: MeasuredFile,
}

impl Evidence {
    pub(crate) fn new(fits: KnownFitsFile, measured: MeasuredFile) -> Self {
        Self { fits, measured }
    }

    /// Configurations that AWS's own tests serve.
    pub fn known_fits(&self) -> impl Iterator<Item = &KnownFit> {
        self.fits.fits.iter()
    }

    /// Memory of real deployments.
    pub fn measured(&self) -> impl Iterator<Item = &Measurement> {
        self.measured.points.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogs;

    #[test]
    fn the_hash_is_the_published_one() {
        // Test vectors of the FNV reference code.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn about_a_third_is_held_out() {
        let all: Vec<_> = Catalogs::embedded().evidence().measured().collect();
        let held = all.iter().filter(|point| point.is_held_out()).count();
        assert!(held * 4 > all.len() && held * 5 < all.len() * 2, "{held} of {}", all.len());
    }
}
