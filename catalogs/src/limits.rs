//! Limits of the SageMaker API and runtime.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Origin;
use crate::file::CatalogFile;

/// A closed range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Least value allowed.
    pub min: u64,
    /// Greatest value allowed.
    pub max: u64,
}

impl Range {
    /// Whether the value is allowed.
    pub fn contains(self, value: u64) -> bool {
        (self.min..=self.max).contains(&value)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.min, self.max)
    }
}

macro_rules! limits {
    ($(#[$doc:meta] $name:ident { $(#[$field_doc:meta] $field:ident: $type:ty),* $(,)? })*) => {
        $(
            #[$doc]
            #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $( #[$field_doc] pub $field: $type, )* }
        )*
    };
}

limits! {
    /// Endpoints that answer at once.
    RealtimeLimits {
        /// Greatest request in MB.
        payload_mb: u64,
        /// Time to answer in seconds.
        response_timeout_s: u64,
        /// Time to finish a streamed answer in seconds.
        streaming_timeout_s: u64,
        /// `ContainerStartupHealthCheckTimeoutInSeconds`.
        health_check_timeout_s: Range,
        /// `ModelDataDownloadTimeoutInSeconds`.
        model_download_timeout_s: Range,
        /// `VolumeSizeInGB`, for types without local `NVMe`.
        volume_size_gb: Range,
    }
    /// Endpoints that answer through S3.
    AsyncLimits {
        /// Greatest request in MB.
        payload_mb: u64,
        /// Greatest request that can be given in the call instead of in S3.
        inline_body_bytes: u64,
        /// `InvocationTimeoutSeconds` of a call.
        invocation_timeout_s: Range,
        /// What holds if a call does not say.
        invocation_timeout_default_s: u64,
        /// `MaxConcurrentInvocationsPerInstance`.
        max_concurrent_per_instance: Range,
        /// `RequestTTLSeconds` of a call.
        request_ttl_s: Range,
    }
    /// Transform jobs.
    BatchLimits {
        /// `MaxPayloadInMB`.
        max_payload_mb: Range,
        /// What holds if a job does not say.
        max_payload_default_mb: u64,
        /// Greatest product of `MaxPayloadInMB` and `MaxConcurrentTransforms`.
        payload_times_concurrency_mb: u64,
        /// `InvocationsTimeoutInSeconds`.
        invocation_timeout_s: Range,
        /// What holds if a job does not say.
        invocation_timeout_default_s: u64,
        /// `InvocationsMaxRetries`.
        retries: Range,
        /// `InstanceCount`.
        instance_count: Range,
        /// Greatest number of entries of the job's own environment.
        env_entries: usize,
    }
    /// Environment of a model's container.
    ModelEnvLimits {
        /// Greatest number of entries.
        entries: usize,
        /// Greatest length of a name.
        key_chars: usize,
        /// Greatest length of a value.
        value_chars: usize,
        /// Greatest size of all of it in KiB.
        total_kb: usize,
    }
    /// Inference components.
    InferenceComponentLimits {
        /// Greatest number of entries of the environment.
        env_entries: usize,
    }
    /// Names of endpoints, models and jobs.
    NameLimits {
        /// Regular expression.
        pattern: String,
        /// Greatest length.
        max_chars: usize,
    }
    /// What SageMaker expects of a container.
    ContainerContract {
        /// Where it listens.
        port: u16,
        /// Where the model artifacts are.
        model_dir: String,
    }
    /// `limits.json`. An overlay replaces it whole.
    Limits {
        /// Date of the facts.
        as_of: String,
        /// Where they come from.
        source: String,
        /// Endpoints that answer at once.
        realtime: RealtimeLimits,
        /// Endpoints that answer through S3.
        r#async: AsyncLimits,
        /// Transform jobs.
        batch: BatchLimits,
        /// Environment of a model's container.
        model_env: ModelEnvLimits,
        /// Inference components.
        inference_component: InferenceComponentLimits,
        /// Names of endpoints, models and jobs.
        name: NameLimits,
        /// What SageMaker expects of a container.
        container: ContainerContract,
    }
}

impl CatalogFile for Limits {
    const NAME: &'static str = "limits.json";
    const TEXT: &'static str = include_str!("../data/limits.json");

    fn as_of(&self) -> &str {
        &self.as_of
    }

    fn lay(&mut self, over: Self, _: &Origin) {
        *self = over;
    }
}
