//! The inputs: one table from which the struct, the flags, the `ML_*` names, the configuration keys,
//! the tool schemas and the reference documentation follow.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::format::Format;

/// What values an input takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Text of a format; every format bounds its length.
    Text(Format),
    /// A whole number, bounds included.
    Integer(i64, i64),
    /// A number, bounds included.
    Number(f64, f64),
    /// `true` or `false`.
    Boolean,
    /// One of the listed words.
    Choice(&'static [&'static str]),
    /// One of the names that the layer registry knows.
    Named(Registered),
    /// A list of texts.
    List(Format),
    /// A map of names to values; the format is that of the names. Values are text unless `true` is given.
    Map(Format, bool),
}

/// Names that come from the folders of layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// Deployment configs.
    Config,
    /// Deployment targets.
    Target,
    /// Frameworks of an architecture.
    Framework,
    /// Model formats of the frameworks.
    ModelFormat,
}

/// One input.
#[derive(Debug, Clone)]
pub struct Field {
    /// The configuration key, `camelCase`.
    pub key: String,
    /// The command-line flag, without its dashes.
    pub flag: String,
    /// The environment variables, the first being the name to document.
    pub env: Vec<String>,
    /// Which layers take it: the name of a group that manifests list.
    pub group: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// One line of help.
    pub help: &'static str,
}

impl Field {
    /// Whether its value can name a file, which is read to plan a project.
    pub fn names_file(&self) -> bool {
        matches!(self.kind, Kind::Text(Format::Path | Format::PathOrJson))
    }
}

macro_rules! inputs {
    ($($group:literal { $($(#[doc = $help:literal])+ $name:ident : $ty:ty = $kind:expr $(, also $alias:literal)? ;)+ })+) => {
        /// All inputs, typed; absent ones are `None`.
        #[allow(rustdoc::broken_intra_doc_links, reason = "the texts are help, and tell forms such as FP32[8]")]
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        pub struct Inputs {
            $($($(#[doc = $help])+ pub $name: Option<$ty>,)+)+
        }

        static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
            use Format as F;
            use Kind::*;
            vec![$($(field($group, stringify!($name), $kind, concat!($($help),+).trim(), &[$($alias)?]),)+)+]
        });
    };
}

fn field(
    group: &'static str,
    name: &str,
    kind: Kind,
    help: &'static str,
    aliases: &[&str],
) -> Field {
    let mut key = String::new();
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            key.extend(c.to_uppercase());
            upper = false;
        } else {
            key.push(c);
        }
    }
    let mut env = vec![format!("ML_{}", name.to_uppercase())];
    env.extend(aliases.iter().map(|&a| a.to_owned()));
    Field { key, flag: name.replace('_', "-"), env, group, kind, help }
}

/// Every input, in the order of the reference.
pub fn fields() -> &'static [Field] {
    &FIELDS
}

/// The input with the configuration key `key`.
pub fn find(key: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|f| f.key == key)
}

type StringMap = Map<String, Value>;

inputs! {
    "project" {
        /// Name of the project, its folder and the resources it creates: 2 to 63 of a-z, 0-9 and -.
        project_name: String = Text(F::ProjectName);
        /// What serves the model: architecture and backend.
        deployment_config: String = Named(Registered::Config);
        /// Where it runs.
        deployment_target: String = Named(Registered::Target);
        /// AWS Region of everything that the project creates.
        region: String = Text(F::Region);
        /// ML instance type.
        instance_type: String = Text(F::InstanceType);
        /// IAM role that the container runs with; without it, `do/deploy` makes one with only the needed rights.
        role_arn: String = Text(F::RoleArn);
        /// Tags for every resource, as name=value.
        tags: StringMap = Map(F::TagKey, false);
        /// Image that the Dockerfile starts FROM, instead of the one that the catalogs name.
        base_image: String = Text(F::ImageUri);
        /// Where `do/ci` and the next steps build the image.
        build_target: String = Choice(&["codebuild", "local"]);
        /// Size of the CodeBuild machine.
        codebuild_compute_type: String = Choice(&["BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE", "BUILD_GENERAL1_XLARGE", "BUILD_GENERAL1_2XLARGE"]);
        /// Environment variables of the container, as NAME=value.
        model_env: StringMap = Map(F::EnvName, false);
        /// Whether the project has tests of its own under test/.
        include_testing: bool = Boolean;
    }
    "sagemaker" {
        /// KMS key (ARN) for the storage volume and the outputs.
        kms_key_arn: String = Text(F::KmsKeyArn);
        /// Subnets of the VPC that the container joins.
        vpc_subnets: Vec<String> = List(F::SubnetId);
        /// Security groups in that VPC.
        vpc_security_groups: Vec<String> = List(F::SecurityGroupId);
        /// Whether the container runs without any network.
        network_isolation: bool = Boolean;
    }
    "packed" {
        /// What the model was trained with.
        framework: String = Named(Registered::Framework);
        /// Version of the framework that the model was trained with.
        framework_version: String = Text(F::Version);
        /// Version of Python in the image.
        python_version: String = Choice(&["3.10", "3.11", "3.12", "3.13"]);
        /// Format of the model file.
        model_format: String = Named(Registered::ModelFormat);
        /// Model file to copy into the project; its framework version is read from it where it says.
        model_path: String = Text(F::Path);
        /// requirements.txt of the training environment, to take versions from.
        requirements_file: String = Text(F::Path);
        /// Worker processes of the model server; 0 means one per vCPU.
        workers: u32 = Integer(0, 128);
        /// Content type of requests that name none.
        content_type: String = Choice(&["application/json", "application/jsonlines", "text/csv"]);
        /// Whether the project trains and packs a sample model.
        include_sample: bool = Boolean;
    }
    "tensors" {
        /// Inputs of the model, as name=TYPE[dimensions] without that of the batch: features=FP32[8].
        model_inputs: StringMap = Map(F::TensorName, false);
        /// Outputs of the model, in the same form.
        model_outputs: StringMap = Map(F::TensorName, false);
    }
    "engine" {
        /// Version of the serving engine or its image; the catalogs list those that there are.
        engine_version: String = Text(F::Version);
    }
    "llm" {
        /// Hugging Face model id, s3:// prefix with the model's files, or ARN of a SageMaker model package or group of them.
        model_name: String = Text(F::ModelName);
        /// Revision of the Hugging Face model: branch, tag or commit.
        model_revision: String = Text(F::Revision);
        /// The model's config.json (a path, or its JSON text), for models that the catalogs do not know.
        model_config: String = Text(F::PathOrJson);
        /// Secrets Manager secret (ARN) that holds a Hugging Face token.
        hf_token_arn: String = Text(F::SecretArn);
        /// Options of the serving engine, as name=value; a name alone is a flag.
        engine_args: StringMap = Map(F::OptionName, true);
        /// Accelerators that one copy of the model is split over.
        tensor_parallel_size: u32 = Integer(1, 64);
        /// Longest context, in tokens.
        max_model_len: u64 = Integer(1, 10_000_000);
        /// Share of accelerator memory that the engine may take.
        gpu_memory_utilization: f64 = Number(0.1, 0.99);
        /// Number format of the weights in memory.
        dtype: String = Choice(&["auto", "bfloat16", "float16", "float32"]);
        /// Quantization method, when the checkpoint does not say.
        quantization: String = Text(F::OptionName);
        /// Most sequences decoded at once.
        max_num_seqs: u32 = Integer(1, 8192);
        /// Whether LoRA adapters can be loaded.
        enable_lora: bool = Boolean;
        /// Most LoRA adapters in one batch.
        max_loras: u32 = Integer(1, 256);
        /// Highest rank of a LoRA adapter.
        max_lora_rank: u32 = Integer(8, 512);
        /// Whether code that comes with the model may run.
        trust_remote_code: bool = Boolean;
    }
    "endpoint" {
        /// Instances that the endpoint starts with.
        endpoint_initial_instance_count: u32 = Integer(1, 100), also "ML_ENDPOINT_INSTANCE_COUNT";
        /// Percentage of requests captured to S3.
        endpoint_data_capture_percent: u32 = Integer(0, 100);
        /// S3 prefix of captured requests.
        endpoint_data_capture_path: String = Text(F::S3Uri);
        /// Name of the production variant.
        endpoint_variant_name: String = Text(F::SageMakerName);
        /// Size of the storage volume, in GB; only types without local NVMe take one.
        endpoint_volume_size: u32 = Integer(1, 512);
        /// Host image that decides the GPU driver.
        inference_ami_version: String = Text(F::OptionName);
        /// Seconds that the container may take until /ping answers.
        health_check_timeout: u32 = Integer(60, 3600);
        /// Seconds that the model's download may take.
        model_download_timeout: u32 = Integer(60, 3600);
        /// SageMaker capacity reservation (ARN) to run in.
        capacity_reservation_arn: String = Text(F::SageMakerArn);
        /// Fewest instances or copies under autoscaling.
        autoscaling_min: u32 = Integer(0, 100);
        /// Most instances or copies under autoscaling; giving it turns autoscaling on.
        autoscaling_max: u32 = Integer(1, 100);
        /// Load per instance or copy that autoscaling aims at: requests per minute, or the backlog of an async endpoint.
        autoscaling_target: f64 = Number(0.1, 1_000_000.0);
    }
    "ic" {
        /// Whether the model is an inference component, which shares its endpoint and can scale to zero copies.
        inference_component: bool = Boolean;
        /// GPUs or Neuron devices per copy.
        ic_gpu_count: u32 = Integer(0, 16);
        /// vCPUs per copy.
        ic_cpu_count: f64 = Number(0.25, 768.0);
        /// Memory per copy, in MiB.
        ic_memory_size: u32 = Integer(128, 3_145_728);
        /// Copies at start.
        ic_copy_count: u32 = Integer(0, 100);
    }
    "async" {
        /// S3 prefix of responses.
        async_s3_output_path: String = Text(F::S3Uri);
        /// S3 prefix of failures.
        async_s3_failure_path: String = Text(F::S3Uri);
        /// SNS topic (ARN) told of successes.
        async_sns_success_topic: String = Text(F::SnsTopicArn);
        /// SNS topic (ARN) told of failures.
        async_sns_error_topic: String = Text(F::SnsTopicArn);
        /// Requests that one instance works on at once.
        async_max_concurrent: u32 = Integer(1, 1000);
        /// Seconds that one request may take.
        async_invocation_timeout: u32 = Integer(1, 3600);
    }
    "batch" {
        /// S3 prefix or object to transform.
        batch_input_path: String = Text(F::S3Uri);
        /// S3 prefix of results.
        batch_output_path: String = Text(F::S3Uri);
        /// Instances of the job.
        batch_instance_count: u32 = Integer(1, 100);
        /// How input files are split into records.
        batch_split_type: String = Choice(&["None", "Line", "RecordIO", "TFRecord"]);
        /// Whether one request holds several records.
        batch_strategy: String = Choice(&["SingleRecord", "MultiRecord"]);
        /// Whether each result is joined to its input record.
        batch_join_source: String = Choice(&["None", "Input"]);
        /// Requests that one instance gets at once.
        batch_max_concurrent: u32 = Integer(1, 100);
        /// Largest request, in MB.
        batch_max_payload: u32 = Integer(1, 100);
        /// Content type of the input.
        batch_content_type: String = Text(F::ContentType);
        /// Seconds that one request may take.
        batch_invocation_timeout: u32 = Integer(1, 3600);
        /// Host image that decides the GPU driver of the job.
        transform_ami_version: String = Text(F::OptionName);
    }
    "hyperpod" {
        /// HyperPod cluster, by name or ARN.
        hyperpod_cluster: String = Text(F::ClusterName);
        /// Kubernetes namespace.
        hyperpod_namespace: String = Text(F::KubernetesName);
        /// Pods.
        hyperpod_replicas: u32 = Integer(1, 1000);
        /// Form of the manifests: for HyperPod's inference operator, or a plain Deployment and Service.
        hyperpod_manifest: String = Choice(&["operator", "deployment"]);
        /// FSx for Lustre volume handle, mounted as the cache of weights.
        fsx_volume_handle: String = Text(F::OptionName);
        /// Accelerators per pod.
        hp_gpu_count: u32 = Integer(0, 16);
        /// Node labels that pods need, as name=value.
        hp_node_selector: StringMap = Map(F::LabelKey, false);
        /// Whether pods get the EFA network devices of their node.
        hp_efa_enabled: bool = Boolean;
        /// Memory request of a pod, as a Kubernetes quantity.
        hp_mem_request: String = Text(F::Quantity);
        /// CPU request of a pod, as a Kubernetes quantity.
        hp_cpu_request: String = Text(F::Quantity);
        /// Kueue queue that admits the pods.
        hp_queue: String = Text(F::KubernetesName);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_struct() {
        let f = find("asyncS3OutputPath").expect("field");
        assert_eq!(f.flag, "async-s3-output-path");
        assert_eq!(f.env, ["ML_ASYNC_S3_OUTPUT_PATH"]);
        assert_eq!(f.group, "async");
    }

    #[test]
    fn struct_and_table_agree() {
        let all = serde_json::to_value(Inputs::default()).expect("json");
        let keys: Vec<&String> = all.as_object().expect("object").keys().collect();
        let fields: Vec<&String> = fields().iter().map(|f| &f.key).collect();
        assert_eq!(keys, fields);
    }
}
