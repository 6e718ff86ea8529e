//! Models of the Hugging Face hub, with what sizing needs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::ModelId;
use crate::nearest::nearest;

/// How a model's layers keep what they have read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttentionKind {
    /// One key and value head for each attention head.
    Mha,
    /// Key and value heads are shared by groups of attention heads.
    Gqa,
    /// One key and value head for all.
    Mqa,
    /// Compressed latent, which tensor parallelism replicates.
    Mla,
    /// Some layers keep a window only.
    Sliding,
    /// Some layers attend within chunks only.
    Chunked,
    /// Some layers have linear attention with a fixed state.
    Linear,
    /// Some layers are state-space layers with a fixed state.
    Mamba,
    /// A mix of layers whose pattern is not known.
    Hybrid,
    /// Compressed cache with a ratio of its own in each layer.
    Compressed,
    /// Not known.
    Unknown,
}

/// What a token costs. Bytes are for a 16-bit cache and all devices together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// How the layers keep what they have read.
    pub kind: AttentionKind,
    /// Bytes by token in the layers that keep all of it; none if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_bytes_per_token: Option<u64>,
    /// Each device of a tensor-parallel group holds all of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replicated: bool,
    /// Number of layers that keep all tokens, where others do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_layers: Option<u32>,
    /// Number of layers that keep a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windowed_layers: Option<u32>,
    /// Tokens in the window or chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
    /// Bytes by token in the windowed layers, for as many tokens as the window has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windowed_kv_bytes_per_token: Option<u64>,
    /// Number of layers with a fixed state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_layers: Option<u32>,
    /// Bytes of that state by sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_bytes_per_sequence: Option<u64>,
}

impl Attention {
    /// Bytes that a sequence of `tokens` keeps, on all devices together, in a 16-bit cache; none if not known.
    pub fn bytes_for(&self, tokens: u64) -> Option<u64> {
        let windowed = self.windowed_kv_bytes_per_token.unwrap_or_default()
            * self.window.map_or(tokens, |window| window.min(tokens));
        Some(
            self.kv_bytes_per_token?.saturating_mul(tokens)
                + windowed
                + self.state_bytes_per_sequence.unwrap_or_default(),
        )
    }
}

/// How weights are stored, where it is not the `dtype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoredQuantization {
    /// Eight-bit floating point.
    Fp8,
    /// Four-bit microscaling floating point.
    Mxfp4,
    /// Four-bit integers.
    Int4,
    /// Eight-bit floating point with experts in four bits.
    Fp4Experts,
}

/// How sure a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// From the model's own configuration, or several sources agree.
    High,
    /// From one secondary source.
    Medium,
    /// Guessed.
    Low,
}

/// The same model in another precision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its id on the hub.
    pub id: ModelId,
    /// `fp8`, `int4`, `nvfp4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its id on the hub.
    pub id: ModelId,
    /// All parameters, vision tower and experts included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Parameters that one token uses, of mixtures of experts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_parameters: Option<u64>,
    /// Hidden layers of the language model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<u32>,
    /// Hidden size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<u32>,
    /// Attention heads, which the tensor-parallel size must divide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<u32>,
    /// Key and value heads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<u32>,
    /// Size of a head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<u32>,
    /// Size of the vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocab: Option<u32>,
    /// Longest context in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_positions: Option<u64>,
    /// Type of the weights and of computing: `bfloat16`.
    pub dtype: String,
    /// The `dtype` is that of models like it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dtype_assumed: bool,
    /// How the weights are stored, where it is not the `dtype`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<StoredQuantization>,
    /// Bytes of all weights as stored, from parameters and storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_bytes: Option<u64>,
    /// What a token costs.
    pub attention: Attention,
    /// Class name in the model's configuration, which engines look up.
    pub architecture: String,
    /// The class is that of models of the same type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub architecture_derived: bool,
    /// Task on the hub: `text-generation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// License on the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Needs a token and a click on the hub; inferred from who published it. None if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gated: Option<bool>,
    /// First vLLM that serves it, by vLLM's own recipes; later than the first with its class for newer variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_vllm: Option<String>,
    /// The same model in other precisions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// When it came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// How sure the row is.
    pub confidence: Confidence,
}

impl Model {
    /// First version of `engine` that serves this model, where the engine's recipes say it.
    pub fn first_version_of(&self, engine: &str) -> Option<&str> {
        if engine == "vllm" { self.min_vllm.as_deref() } else { None }
    }
}

/// `models.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By id.
    #[serde(default)]
    pub models: Vec<Model>,
}

catalog_file!(ModelsFile, "models.json", rows { models by |row| row.id.as_str().to_lowercase() });

/// The models.
#[derive(Debug, Clone)]
pub struct Models {
    file: ModelsFile,
    /// Where each is, in the order of their ids in lower case.
    by_lower_id: Vec<(Box<str>, usize)>,
}

impl Models {
    pub(crate) fn new(file: ModelsFile) -> Self {
        let lower = |row: &Model| row.id.as_str().to_lowercase().into_boxed_str();
        let mut by_lower_id: Vec<(Box<str>, usize)> =
            file.models.iter().enumerate().map(|(at, row)| (lower(row), at)).collect();
        by_lower_id.sort_unstable();
        Self { file, by_lower_id }
    }

    /// Date of the facts.
    pub fn as_of(&self) -> &str {
        &self.file.as_of
    }

    /// By id; upper and lower case do not matter, as on the hub.
    pub fn get(&self, id: &str) -> Option<&Model> {
        let id = id.to_lowercase();
        let place = self.by_lower_id.binary_search_by(|(known, _)| (**known).cmp(&id)).ok()?;
        self.file.models.get(self.by_lower_id.get(place)?.1)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.file.models.iter()
    }

    /// All of them with their ids in lower case, in the order of those.
    pub fn by_lower_id(&self) -> impl Iterator<Item = (&str, &Model)> {
        let rows = self.by_lower_id.iter();
        rows.filter_map(|(id, at)| Some((&**id, self.file.models.get(*at)?)))
    }

    /// The ids most like `id`.
    pub fn nearest(&self, id: &str) -> Vec<&str> {
        nearest(id, self.iter().map(|row| row.id.as_str()), 3)
    }

    /// The model of which `id` is a variant in another precision.
    pub fn variant(&self, id: &str) -> Option<(&Model, &Variant)> {
        self.iter().find_map(|row| {
            row.variants
                .iter()
                .find(|variant| variant.id.as_str().eq_ignore_ascii_case(id))
                .map(|variant| (row, variant))
        })
    }
}
