//! How a model is to be served, as arguments say it.

use mcc_catalogs::Catalogs;
use mcc_fit::Deployment;
use mcc_fit::sizing;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judge::Wish;
use crate::common::model;
use crate::mcp::error::{Problem, ToolError};

/// How the model is to be served.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServingArguments {
    /// What serves the model. Left out: what serves language models.
    pub(crate) deployment_config: Option<String>,
    /// Where it runs; each takes other instance types. Left out: managed-inference.
    pub(crate) deployment_target: Option<String>,
    /// AWS Region.
    region: Option<String>,
    /// Longest context in tokens, prompt and answer together. Left out: 8192, or the model's if that is less.
    #[schemars(range(min = 1, max = 100_000_000))]
    max_model_len: Option<u64>,
    /// How many sequences of that length have to run at once; most real requests are shorter.
    #[schemars(range(min = 1, max = 8192))]
    concurrency: Option<u32>,
    /// GPUs that one copy of the model is split over. Left out: the fewest that do.
    #[schemars(range(min = 1, max = 64))]
    tensor_parallel_size: Option<u32>,
    /// Share of GPU memory that the engine may take. Left out: the engine's own default.
    #[schemars(range(min = 0.1, max = 0.99))]
    gpu_memory_utilization: Option<f64>,
    /// Number format of unquantized weights.
    dtype: Option<Dtype>,
    /// Quantization while loading, such as fp8 or bitsandbytes, for a checkpoint that is not quantized.
    quantization: Option<String>,
    /// Number format of the key-value cache; fp8 doubles the tokens, and needs a GPU that has it.
    kv_cache_dtype: Option<CacheDtype>,
    /// Version of the serving engine.
    engine_version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dtype {
    Auto,
    Bfloat16,
    Float16,
    Float32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CacheDtype {
    Auto,
    Fp8,
}

impl ServingArguments {
    /// The wish that they make.
    ///
    /// # Errors
    /// A quantization that is not known, or a cache that the engine does not have.
    pub(crate) fn wish(
        &self,
        catalogs: &Catalogs,
        deployment: &Deployment,
    ) -> Result<Wish, ToolError> {
        let eight_bit_cache = self.kv_cache_dtype == Some(CacheDtype::Fp8);
        if eight_bit_cache && deployment.eight_bit_cache(catalogs).is_none() {
            return Err(ToolError::of(
                "invalid_arguments",
                Problem::of(
                    "kvCacheDtype",
                    format!("{} has no option for such a cache", deployment.config),
                )
                .value(&"fp8".into())
                .fix("leave it out"),
            ));
        }
        Ok(Wish {
            context: self.max_model_len,
            concurrency: self.concurrency,
            memory_utilization: self.gpu_memory_utilization,
            tensor_parallel: self.tensor_parallel_size,
            dtype: match self.dtype {
                None | Some(Dtype::Auto) => None,
                Some(Dtype::Bfloat16) => Some(sizing::Dtype::Bfloat16),
                Some(Dtype::Float16) => Some(sizing::Dtype::Float16),
                Some(Dtype::Float32) => Some(sizing::Dtype::Float32),
            },
            in_flight: self.quantization.as_deref().map(model::quantization).transpose()?,
            eight_bit_cache,
            engine_version: self.engine_version.clone(),
            region: self.region.clone(),
            ..Wish::default()
        })
    }
}
