//! Which projects are run: every config on every target, and variants that take the other paths.

use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Project, Source, Sources, Support, generate, matrix, registry};
use serde_json::{Map, Value, json};

use crate::bench::Bench;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";

/// One project to run.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub inputs: Map<String, Value>,
    /// What the world has from the start.
    pub seed: Map<String, Value>,
    /// A config on a target as it comes, not a variant.
    pub plain: bool,
    /// Whether failures are injected in the everyday run, and not only in the full one.
    pub representative: bool,
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn merged(inputs: &Map<String, Value>) -> mcc_generator::Merged {
    let access = FileAccess::Anywhere(std::env::temp_dir());
    Sources::new().files(access).with(Source::Flag, inputs.clone()).merge()
}

fn case(name: &str, config: &str, target: &str, more: &Value, seed: &Value) -> Case {
    let mut inputs = registry().example_inputs(registry().config(config).unwrap(), target);
    inputs.extend(object(more));
    let cluster =
        inputs.get("hyperpodCluster").and_then(Value::as_str).unwrap_or("none").to_owned();
    let region = more["region"].as_str().unwrap_or(REGION);
    let mut all = object(&json!({
        format!("sagemaker.cluster/{region}/{cluster}"): {
            "ClusterName": cluster,
            "Orchestrator": {"Eks": {"ClusterArn": format!("arn:aws:eks:{region}:{ACCOUNT}:cluster/demo-eks")}},
        },
        format!("eks.cluster/{region}/demo-eks"): {"name": "demo-eks"},
    }));
    all.extend(object(seed));
    Case { name: name.to_owned(), inputs, seed: all, plain: false, representative: false }
}

impl Case {
    pub fn config(&self) -> &str {
        self.inputs["deploymentConfig"].as_str().unwrap()
    }

    pub fn target(&self) -> &str {
        self.inputs["deploymentTarget"].as_str().unwrap()
    }

    fn representative(mut self) -> Self {
        self.representative = true;
        self
    }

    /// Generates the project into a fresh bench below `root`.
    pub fn set_up(&self, root: &std::path::Path) -> Bench {
        let bench = Bench::new(root.join(&self.name), &self.seed);
        self.generate().write(&bench.project()).unwrap();
        bench
    }

    pub fn generate(&self) -> Project {
        match generate(Catalogs::embedded(), &merged(&self.inputs)) {
            Ok((_, project)) => project,
            Err(plan) => {
                panic!("{}: refused: {:#?} {:#?}", self.name, plan.questions, plan.findings)
            }
        }
    }
}

/// A config that packs its model into the image, and one that fetches it.
fn packed_and_hub() -> (&'static str, &'static str) {
    let packed = registry().configs().iter().find(|c| !c.frameworks.is_empty()).unwrap();
    (&packed.name, &registry().usual().unwrap().name)
}

pub fn all() -> Vec<Case> {
    plain().into_iter().chain(variants()).collect()
}

/// Every config on every target, as it comes.
fn plain() -> Vec<Case> {
    let (packed, hub) = packed_and_hub();
    let mut cases = Vec::new();
    for cell in matrix(Catalogs::embedded()) {
        if cell.status == Support::Refused {
            continue;
        }
        let (config, target) = (&cell.deployment_config, &cell.deployment_target);
        let mut one =
            case(&format!("{config}-on-{target}"), config, target, &json!({}), &json!({}));
        // One of each kind of target: all configs have the same scripts.
        let own = if target == "batch-transform" { hub } else { packed };
        one.representative = config == own;
        one.plain = true;
        cases.push(one);
    }
    cases
}

/// Projects whose inputs make scripts and payloads take their other paths.
fn variants() -> Vec<Case> {
    let (packed, hub) = packed_and_hub();
    let bucket =
        |name: &str| (format!("s3.bucket/-/{name}"), json!({"Name": name, "BucketRegion": REGION}));
    let topic = format!("arn:aws:sns:{REGION}:{ACCOUNT}:told");
    let secret = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:hf-AbCdEf");
    let own_network = json!({
        "vpcSubnets": ["subnet-0123456789abcdef0"], "vpcSecurityGroups": ["sg-0123456789abcdef0"],
        "kmsKeyArn": format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/0f0f0f0f-1111-2222-3333-444444444444"),
        "tags": {"team": "ml"}, "networkIsolation": true, "endpointDataCapturePercent": 10,
        "autoscalingMax": 3, "endpointInitialInstanceCount": 2,
    });
    let role = format!("arn:aws:iam::{ACCOUNT}:role/mine");
    let disk = json!({"FileSystemId": "fs-0123456789abcdef0", "DNSName": "fs-0123456789abcdef0.fsx.example",
                      "StorageCapacity": 1200, "LustreConfiguration": {"MountName": "abcdefgh"}});
    let disk = (format!("fsx.file-system/{REGION}/fs-0123456789abcdef0"), disk);
    let token = (
        format!("secretsmanager.secret/{REGION}/{secret}"),
        json!({"SecretString": "{\"HF_TOKEN\": \"hf_x\"}"}),
    );
    let (inputs_bucket, results_bucket) = (bucket("my-inputs"), bucket("my-results"));
    let to_zero = json!({"inferenceComponent": true, "autoscalingMin": 0, "autoscalingMax": 2});
    let async_sns = json!({
        "asyncSnsSuccessTopic": topic, "asyncSnsErrorTopic": topic, "autoscalingMin": 0, "autoscalingMax": 2,
        "asyncS3OutputPath": "s3://my-results/out", "asyncS3FailurePath": "s3://my-results/failed",
    });
    let operator = json!({"hyperpodNamespace": "models", "fsxVolumeHandle": "fs-0123456789abcdef0", "hfTokenArn": secret});
    let local = json!({"buildTarget": "local", "region": "eu-west-1", "roleArn": role, "includeTesting": false});
    vec![
        case("component-to-zero", hub, "managed-inference", &to_zero, &json!({})).representative(),
        case("endpoint-on-neuron", hub, "managed-inference", &json!({"instanceType": "ml.inf2.8xlarge"}), &json!({})),
        case("network-keys-tags", packed, "managed-inference", &own_network, &json!({})),
        case("built-here-elsewhere", packed, "managed-inference", &local, &json!({"iam.role/-/mine": {"RoleName": "mine", "Arn": role}})),
        case("async-sns-to-zero", packed, "async-inference", &async_sns, &json!({results_bucket.0: results_bucket.1})),
        case(
            "batch-csv-joined",
            packed,
            "batch-transform",
            &json!({"contentType": "text/csv", "batchStrategy": "MultiRecord", "batchJoinSource": "Input",
                    "batchMaxConcurrent": 4, "batchMaxPayload": 6, "batchInvocationTimeout": 900}),
            &json!({inputs_bucket.0: inputs_bucket.1}),
        ),
        case("pods-by-operator", hub, "hyperpod-eks", &operator, &json!({disk.0.clone(): disk.1.clone(), token.0: token.1}))
            .representative(),
        case(
            "pods-by-deployment",
            hub,
            "hyperpod-eks",
            &json!({"hyperpodManifest": "deployment", "fsxVolumeHandle": "fs-0123456789abcdef0", "hpQueue": "team"}),
            &json!({disk.0: disk.1}),
        )
        .representative(),
        case(
            "pods-with-model-in-s3",
            hub,
            "hyperpod-eks",
            &json!({"hyperpodManifest": "deployment", "modelName": "s3://my-models/one/", "modelConfig": CONFIG_JSON}),
            &json!({}),
        ),
        case(
            "operator-with-model-in-s3",
            hub,
            "hyperpod-eks",
            &json!({"modelName": "s3://my-models/one/", "modelConfig": CONFIG_JSON}),
            &json!({}),
        ),
    ]
}

const CONFIG_JSON: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048,
  "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
  "head_dim": 64, "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16",
  "tie_word_embeddings": true}"#;
