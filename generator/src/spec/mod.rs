//! The complete, typed description of a project: what templates see as their view and rules judge.
//!
//! Everything in it is decided; templates decide nothing. Absent values are `None`: structural templates
//! drop them, text templates write them as empty.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

mod basis;
mod endpoint;
mod model;

pub use basis::LiveValue;
pub(crate) use basis::*;
pub(crate) use endpoint::*;
pub(crate) use model::*;

/// Label that nodes carry their instance type in.
pub(crate) const TYPE_LABEL: &str = "node.kubernetes.io/instance-type";

/// Everything that is decided about a project.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
    /// What else is known of these decisions.
    pub basis: Basis,
}

impl Spec {
    /// Place of a packed model in the project, such as `model/model.pkl`.
    pub(crate) fn model_place(&self) -> Option<String> {
        Some(format!("{}/{}", self.basis.model_folder, self.model.file.as_deref()?))
    }
}

impl InstanceSpec {
    /// Accelerators that a model takes which is split over so many of their cores.
    pub(crate) fn split(&self, degree: Option<u32>) -> Option<u32> {
        degree.map(|cores| cores.div_ceil(self.accelerator_cores.max(1)))
    }
}

/// The project itself.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// The AWS side of everything.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "PascalCase")]
pub struct Vpc {
    /// Security groups.
    pub security_group_ids: Vec<String>,
    /// Subnets.
    pub subnets: Vec<String>,
}

/// The image.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
    /// Account of that host.
    pub pull_account: String,
    /// Repository there that `base` is in.
    pub pull_repository: String,
    /// CUDA version in the image, such as `13.0`.
    pub cuda: Option<String>,
    /// Version of the serving engine in the image.
    pub engine_version: Option<String>,
    /// Whether the tag is published in a list of tags, rather than composed by its pattern.
    pub listed: bool,
}

/// The instance that it runs on. Without one (a `HyperPod` project may name none) all numbers of its hardware are zero.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct InstanceSpec {
    /// Type, such as `ml.g5.xlarge`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Instances, or pods, at the start.
    pub count: u32,
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

/// The server in the container.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
    /// The body of a request of the model's task, for models that are fetched.
    pub request: Option<Value>,
    /// A condition of jq on its answer.
    pub test_expect: Option<String>,
    /// What an answer that is a file has in its first bytes.
    pub test_begins: Option<String>,
    /// What the engine is told of the task.
    pub engine_task: Option<String>,
    /// Seconds that the making of a video may take, where the platform waits that long.
    pub video_timeout_s: Option<u32>,
}

/// The pods.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
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
    /// Pods beyond their number that an update starts first.
    pub surge: u32,
    /// Pods that an update may end first.
    pub unavailable: u32,
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
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct S3Source {
    /// Bucket.
    pub bucket: Option<String>,
    /// Prefix, ending with `/`.
    pub prefix: Option<String>,
}

/// What the execution role may do.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Iam {
    /// Objects that it reads in the bucket of this tool, which has to be this account's.
    pub own_read: Option<Vec<String>>,
    /// Objects that it writes there.
    pub own_write: Option<Vec<String>>,
    /// That bucket, where it needs it.
    pub own_bucket: Option<String>,
    /// Objects there that it must not reach: the sources of images.
    pub sources: String,
    /// Objects that it reads in buckets that the inputs name.
    pub s3_read: Option<Vec<String>>,
    /// Objects that it writes there.
    pub s3_write: Option<Vec<String>>,
    /// Those buckets.
    pub s3_buckets: Option<Vec<String>>,
    /// Topics that it publishes to.
    pub sns_topics: Option<Vec<String>>,
    /// Secrets that it reads.
    pub secrets: Option<Vec<String>>,
    /// KMS keys that it uses.
    pub kms_keys: Option<Vec<String>>,
}
