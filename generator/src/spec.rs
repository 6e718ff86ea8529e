//! The complete, typed description of a project: what templates see as their view and rules judge.
//!
//! Everything in it is decided; templates decide nothing. Absent values are `None`: structural templates
//! drop them, text templates write them as empty.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::framework::Requirement;

/// Everything that is decided about a project.
#[derive(Debug, Clone, Serialize)]
pub struct Spec {
    /// Every input by its key; null where it is not set.
    pub inputs: Map<String, Value>,
    /// The project itself.
    pub project: ProjectSpec,
    /// The AWS side of everything.
    pub aws: Aws,
    /// The image.
    pub image: Image,
    /// The instance that it runs on.
    pub instance: InstanceSpec,
    /// The model.
    pub model: Model,
    /// The server in the container.
    pub server: Server,
    /// The endpoint or job.
    pub endpoint: Endpoint,
    /// The transform job.
    pub batch: Batch,
    /// The pods.
    pub hyperpod: Hyperpod,
    /// What the execution role may do.
    pub iam: Iam,
}

impl InstanceSpec {
    /// Accelerators that a model takes which is split over so many of their cores.
    pub(crate) fn split(&self, degree: Option<u32>) -> Option<u32> {
        degree.map(|cores| cores.div_ceil(self.accelerator_cores.max(1)))
    }
}

/// The project itself.
#[derive(Debug, Clone, Serialize)]
pub struct ProjectSpec {
    /// Its name.
    pub name: String,
    /// The deployment config.
    pub config: String,
    /// Its architecture.
    pub architecture: String,
    /// Its backend.
    pub backend: String,
    /// Its framework; empty where there is no such choice.
    pub framework: String,
    /// The deployment target.
    pub target: String,
    /// Version of the generator.
    pub version: String,
    /// Whether images are built by `CodeBuild`.
    pub codebuild: bool,
}

/// A tag, as AWS APIs take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// The AWS side of everything.
#[derive(Debug, Clone, Serialize)]
pub struct Aws {
    /// Region.
    pub region: String,
    /// Partition, such as `aws` or `aws-cn`.
    pub partition: String,
    /// Domain of the partition's services.
    pub dns_suffix: String,
    /// Tags of every resource.
    pub tags: Vec<Tag>,
    /// VPC of the container.
    pub vpc: Option<Vpc>,
}

/// A VPC, as the `SageMaker` API takes it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Vpc {
    /// Security groups.
    pub security_group_ids: Vec<String>,
    /// Subnets.
    pub subnets: Vec<String>,
}

/// The image.
#[derive(Debug, Clone, Serialize)]
pub struct Image {
    /// What the Dockerfile starts FROM.
    pub base: String,
    /// Platform that it is built for.
    pub platform: String,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// Private ECR host to log in to before FROM can be pulled; empty for public images.
    pub pull_host: String,
    /// Region of that host.
    pub pull_region: String,
    /// CUDA version in the image, such as `13.0`.
    pub cuda: Option<String>,
    /// Version of the serving engine in the image.
    pub engine_version: Option<String>,
    /// Whether the tag is published in a list of tags, rather than composed by its pattern.
    pub listed: bool,
}

/// The instance that it runs on. Without one (a `HyperPod` project may name none) all numbers are zero.
#[derive(Debug, Clone, Default, Serialize)]
pub struct InstanceSpec {
    /// Type, such as `ml.g5.xlarge`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Family, such as `g5`.
    pub family: String,
    /// Whether the catalogs know the type.
    pub known: bool,
    /// GPUs.
    pub gpus: u32,
    /// GPUs or Neuron devices.
    pub accelerators: u32,
    /// Cores of each of them that a model is split over; 1 for GPUs.
    pub accelerator_cores: u32,
    /// `cpu`, `cuda` or `neuron`.
    pub accelerator_kind: String,
    /// Whether that is `neuron`.
    pub neuron: bool,
    /// Name of the accelerator, such as `A10G`.
    pub accelerator: Option<String>,
    /// Kubernetes resource of the accelerators; empty for none.
    pub resource: String,
    /// vCPUs.
    pub vcpus: u32,
    /// Memory, in GiB.
    pub memory_gib: f64,
    /// Whether it has local `NVMe` storage.
    pub nvme: bool,
    /// EFA network devices.
    pub efa: u32,
}

/// The model.
#[derive(Debug, Clone, Serialize)]
pub struct Model {
    /// Its name for people and for requests.
    pub name: String,
    /// `packed`, `hub` or `s3`.
    pub source: String,
    /// File in the model folder of the container.
    pub file: Option<String>,
    /// Format of a packed model.
    pub format: Option<String>,
    /// Version of the framework.
    pub framework_version: Option<String>,
    /// Version of Python.
    pub python_version: Option<String>,
    /// Python packages of the image.
    pub requirements: Vec<Requirement>,
    /// Its input tensors, where the server must be told them.
    pub inputs: Option<Vec<Tensor>>,
    /// Its output tensors.
    pub outputs: Option<Vec<Tensor>>,
    /// Most records that one call of it takes; 0 where it takes no batches.
    pub max_batch_size: Option<u32>,
    /// Whether its file says that it predicts classes.
    pub classifier: bool,
    /// The inputs of a request to it, in the form of the `KServe` v2 protocol.
    pub request: Option<Value>,
    /// What the engine loads: a hub id, or a folder.
    pub id: Option<String>,
    /// S3 place of the model's files.
    pub s3_uri: Option<String>,
    /// That place if it is an archive.
    pub s3_archive: Option<String>,
    /// That place if it is a prefix; ends with `/`.
    pub s3_prefix: Option<String>,
    /// Whether the service copies that prefix into the container before it starts.
    pub s3_mounted: bool,
    /// Accelerators that one copy is split over.
    pub tensor_parallel: Option<u32>,
    /// Longest context, in tokens.
    pub max_model_len: Option<u64>,
    /// Share of accelerator memory that the engine may take.
    pub gpu_memory_utilization: Option<f64>,
    /// Number format of the weights in memory.
    pub dtype: Option<String>,
    /// A text to embed, for the test request of models that embed; absent for those that write.
    pub sample_text: Option<String>,
    /// Further options of the engine, in the form that its command line takes.
    pub engine_options: Option<Map<String, Value>>,
    /// How it fits; absent for packed models and for models that nothing describes.
    pub fit: Option<Fit>,
}

/// A tensor of a model, in the terms of a model server's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its type, such as `TYPE_FP32`.
    pub data_type: String,
    /// Its dimensions without that of the batch; -1 for one of any length.
    pub dims: Vec<i64>,
    /// The shape that the model itself has it in, where that has no dimension but the batch's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reshape: Option<Reshape>,
}

/// The shape that a model has a tensor in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reshape {
    /// Its dimensions without that of the batch.
    pub shape: Vec<i64>,
}

/// How a model fits its instance, by the estimates of [`crate::sizing`].
#[derive(Debug, Clone, Serialize)]
pub struct Fit {
    /// Weights per accelerator, in GiB.
    pub weights_gib: f64,
    /// Disk for weights and caches, in GB.
    pub disk_gb: u32,
    /// Main memory below which loading is slow or fails, in GiB.
    pub memory_gib: u64,
    /// Seconds until the health check can succeed.
    pub health_check_timeout_s: u32,
    /// Seconds for the service's own download.
    pub download_timeout_s: u32,
    /// The arithmetic and the decisions, as sentences.
    pub notes: Vec<String>,
}

/// The server in the container.
#[derive(Debug, Clone, Serialize)]
pub struct Server {
    /// Port.
    pub port: u16,
    /// Worker processes; absent means decided at start by the vCPUs.
    pub workers: Option<u32>,
    /// The complete environment that the deployment gives the container.
    pub env: BTreeMap<String, String>,
    /// Largest request body, in MB.
    pub max_body_mb: u32,
    /// Longest time to answer, in seconds.
    pub timeout_s: u32,
    /// Request file of the project that tests send.
    pub test_payload: String,
    /// Its content type.
    pub content_type: String,
}

/// Bounds of autoscaling.
#[derive(Debug, Clone, Serialize)]
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
#[serde(rename_all = "PascalCase")]
pub struct ManagedScaling {
    /// Fewest instances.
    pub min_instance_count: u32,
    /// Most instances; one more than needed, as room for a rolling update.
    pub max_instance_count: u32,
}

/// What an inference component asks for, per copy.
#[derive(Debug, Clone, Serialize)]
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

/// The pods.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Hyperpod {
    /// Kubernetes name of everything.
    pub name: String,
    /// Whether the inference operator's resource is used.
    pub operator: bool,
    /// Whether a plain Deployment is used.
    pub deployment: bool,
    /// Image until `do/deploy` puts in the one that was pushed.
    pub image: String,
    /// Labels that hand the pods to a Kueue queue.
    pub queue_labels: Option<Map<String, Value>>,
    /// Resource requests.
    pub requests: Map<String, Value>,
    /// Resource limits.
    pub limits: Map<String, Value>,
    /// Node labels that pods need.
    pub node_selector: Map<String, Value>,
    /// The same as an affinity, for the operator; absent where the instance type alone decides.
    pub node_affinity: Option<Value>,
    /// Instance type for the operator; absent where an affinity decides.
    pub instance_type: Option<String>,
    /// Size of /dev/shm.
    pub shm: Option<String>,
    /// Environment of the container, as Kubernetes takes it.
    pub env: Vec<Value>,
    /// Times that the start-up probe may fail, ten seconds apart.
    pub startup_failures: u32,
    /// Seconds that a roll-out may take.
    pub deadline_s: u32,
    /// `FSx` for Lustre volume.
    pub fsx: Option<Value>,
    /// Bucket and prefix of a model in S3; both null where the model is not there.
    pub s3: S3Source,
    /// `s3` or `kubernetesVolume`, as the operator calls them.
    pub source_type: String,
    /// Whether the weights are kept in a volume of the pod's own.
    pub store: bool,
    /// Whether that volume is a scratch one.
    pub scratch: bool,
    /// Whether there is a persistent volume and a claim on it.
    pub claim: bool,
    /// Where the volume is mounted.
    pub mount_path: String,
    /// Whether it is mounted read-only.
    pub read_only: Option<bool>,
    /// Options of that mount.
    pub mount_options: Option<Vec<String>>,
    /// Name of the persistent volume.
    pub volume: String,
    /// Its storage driver.
    pub csi: Option<Value>,
    /// Tags, in the spelling of the operator.
    pub tags: Vec<Value>,
}

/// A model's place in S3.
#[derive(Debug, Clone, Default, Serialize)]
pub struct S3Source {
    /// Bucket.
    pub bucket: Option<String>,
    /// Prefix, ending with `/`.
    pub prefix: Option<String>,
}

/// What the execution role may do.
#[derive(Debug, Clone, Serialize)]
pub struct Iam {
    /// Objects that it reads.
    pub s3_read: Vec<String>,
    /// Objects that it writes.
    pub s3_write: Vec<String>,
    /// Buckets of both.
    pub s3_buckets: Vec<String>,
    /// Topics that it publishes to.
    pub sns_topics: Option<Vec<String>>,
    /// Secrets that it reads.
    pub secrets: Option<Vec<String>>,
    /// KMS keys that it uses.
    pub kms_keys: Option<Vec<String>>,
}
