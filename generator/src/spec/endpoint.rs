//! The endpoint or job that serves the model.

use serde::Serialize;

/// Bounds of autoscaling.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Autoscaling {
    /// Fewest instances or copies.
    pub min: u32,
    /// Most.
    pub max: u32,
    /// Load per instance or copy.
    pub target: f64,
    /// Whether it goes down to none.
    pub to_zero: bool,
}

/// What autoscaling scales.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Scaling {
    /// The scalable target, such as `endpoint/churn/variant/AllTraffic`.
    pub resource_id: String,
    /// Its dimension.
    pub dimension: String,
    /// The predefined metric.
    pub metric: String,
}

/// Bounds within which the service itself adds instances for inference components.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "PascalCase")]
pub struct ManagedScaling {
    /// Fewest instances.
    pub min_instance_count: u32,
    /// Most instances; one more than needed, as room for a rolling update.
    pub max_instance_count: u32,
}

/// What an inference component asks for, per copy.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct ComponentSpec {
    /// GPUs or Neuron devices.
    pub gpus: Option<u32>,
    /// vCPUs.
    pub cpus: Option<f64>,
    /// Memory, in MiB.
    pub memory_mb: u32,
    /// Copies at start.
    pub copies: u32,
}

/// The endpoint or job.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Endpoint {
    /// Host image.
    pub ami: Option<String>,
    /// Seconds until `/ping` must answer.
    pub health_check_timeout_s: u32,
    /// Seconds that the model's download may take.
    pub download_timeout_s: Option<u32>,
    /// Size of the storage volume, in GB.
    pub volume_gb: Option<u32>,
    /// KMS key of that volume.
    pub volume_kms_key: Option<String>,
    /// Autoscaling, if any.
    pub autoscaling: Option<Autoscaling>,
    /// Whether there is autoscaling.
    pub scaled: bool,
    /// Whether it goes down to none.
    pub scale_to_zero: bool,
    /// What it scales.
    pub scaling: Option<Scaling>,
    /// Bounds of the instances below inference components.
    pub managed_scaling: ManagedScaling,
    /// Whether the model is an inference component.
    pub inference_component: bool,
    /// What the component asks for.
    pub ic: Option<ComponentSpec>,
    /// Role of the endpoint's configuration, which inference components need.
    pub config_role: Option<String>,
    /// Network isolation of the endpoint's configuration, which inference components need.
    pub config_isolation: Option<bool>,
    /// S3 prefix of captured requests.
    pub data_capture_path: Option<String>,
    /// S3 prefix of async responses.
    pub async_output_path: String,
    /// S3 prefix of async failures.
    pub async_failure_path: String,
}

/// The transform job.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Batch {
    /// S3 prefix of the input.
    pub input_path: String,
    /// Whether that is the project's own, into which `do/deploy` puts a sample.
    pub input_is_ours: bool,
    /// S3 prefix of the output.
    pub output_path: String,
    /// Content type of the requests that are made of the input.
    pub content_type: String,
    /// Whether results are joined to their input.
    pub join: bool,
    /// How results are put together.
    pub assemble_with: String,
    /// Times that a failed request is sent again.
    pub max_retries: u32,
}
