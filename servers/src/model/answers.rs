//! What the tools of this server answer.

use schemars::JsonSchema;
use serde::Serialize;

use crate::common::model::{ModelAnswer, SettingAnswer};
use crate::mcp::schema::JsonObject;

/// How a call went; a failed one has `error`. `nothing_found` means that no model matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Ok,
    NothingFound,
}

/// A model, as a search shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoundAnswer {
    /// Its id on Hugging Face; value for modelName.
    pub(super) name: String,
    /// Parameters, all experts counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<u64>,
    /// Parameters that one token uses, if it is a mixture of experts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) active_parameters: Option<u64>,
    /// Weights as stored, in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weights_gib: Option<f64>,
    /// Longest context, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_positions: Option<u64>,
    /// Task on Hugging Face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task: Option<String>,
    /// Licence on Hugging Face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) license: Option<String>,
    /// Needs a token and an agreement on Hugging Face, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gated: Option<bool>,
    /// When it came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) released: Option<String>,
}

/// Answer of `search_models`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SearchAnswer {
    /// `ok` or `nothing_found`.
    pub(super) status: Status,
    /// The answer in one sentence.
    pub(super) summary: String,
    /// `static`: from dated catalogs, without looking at Hugging Face.
    pub(super) mode: String,
    /// Date of the catalog of models.
    pub(super) as_of: String,
    /// No model has all words of the query: these have names like it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) approximate: bool,
    /// The models, the best match first.
    pub(super) models: Vec<FoundAnswer>,
    /// Argument `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
    /// What to do next.
    pub(super) next_steps: Vec<String>,
}

/// What a name turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    HuggingFace,
    Described,
    S3Prefix,
    S3Archive,
    LocalPath,
    ModelPackage,
    Registry,
}

/// Whether a deployment config serves it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServedAnswer {
    /// Value for deploymentConfig.
    pub(super) deployment_config: String,
    /// Its engine and the version in its image.
    pub(super) engine: String,
    /// `supported`, `too_old`, `dropped`, `unsupported` or `unknown`.
    pub(super) support: String,
    /// What that means here.
    pub(super) message: String,
}

/// The same model in another precision.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VariantAnswer {
    /// Its id on Hugging Face.
    pub(super) name: String,
    /// Its precision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) precision: Option<String>,
    /// Weights in GiB, if they follow from that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weights_gib: Option<f64>,
}

/// Answer of `describe_model`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeAnswer {
    /// `ok`.
    pub(super) status: Status,
    /// What it is, in one sentence.
    pub(super) summary: String,
    /// `static`: from dated catalogs, without looking at Hugging Face.
    pub(super) mode: String,
    /// What the name turned out to be.
    pub(super) kind: Kind,
    /// Its sizes, as far as they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<ModelAnswer>,
    /// Task on Hugging Face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task: Option<String>,
    /// What requests ask it for, by its class and its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purpose: Option<String>,
    /// Licence on Hugging Face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) license: Option<String>,
    /// Needs a token and an agreement on Hugging Face, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gated: Option<bool>,
    /// `gated` was inferred from who published it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) gated_inferred: bool,
    /// When it came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) released: Option<String>,
    /// Key-value cache of one sequence at 16 bits over all GPUs, in GiB, by tokens of context.
    #[serde(skip_serializing_if = "JsonObject::is_empty")]
    pub(super) kv_cache_gib: JsonObject,
    /// Deployment configs that may serve it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) served_by: Vec<ServedAnswer>,
    /// What has to be set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) settings: Vec<SettingAnswer>,
    /// The same model in other precisions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) variants: Vec<VariantAnswer>,
    /// Where AWS's own tests or public logs show it running.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) evidence: Vec<String>,
    /// What is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// What to do next.
    pub(super) next_steps: Vec<String>,
}
