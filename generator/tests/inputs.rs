//! Every accepted input changes the project, is refused, or is told to have no effect: one that is silently dropped would
//! be a lie.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests"
)]

mod support;

use std::collections::BTreeMap;

use mcc_generator::{Kind, Plan, Project, Severity, fields, registry};
use serde_json::{Map, Value, json};
use support::{base, object, pairs, try_project};

/// Another value than any default for each input, and what it needs beside it to make sense.
#[allow(clippy::too_many_lines, reason = "a line for each input")]
fn samples(key: &str, config: &str) -> Vec<(Value, Value)> {
    let with = |value: Value, context: Value| vec![(value, context)];
    let alone = |value: Value| vec![(value, json!({}))];
    let account = "123456789012";
    match key {
        "projectName" => alone(json!("other")),
        "deploymentConfig" | "deploymentTarget" => Vec::new(), // every pair is generated anyway
        "region" => alone(json!("eu-west-1")),
        "instanceType" => ["ml.c7i.2xlarge", "ml.g6e.2xlarge", "ml.g5.12xlarge", "ml.c5.2xlarge"]
            .iter()
            .map(|name| (json!(name), json!({})))
            .collect(),
        "roleArn" => alone(json!(format!("arn:aws:iam::{account}:role/mine"))),
        "tags" => alone(json!({"team": "ml"})),
        "baseImage" => alone(json!("registry.example.com/base:1")),
        "buildTarget" => vec![(json!("local"), json!({})), (json!("codebuild"), json!({}))],
        "codebuildComputeType" => {
            with(json!("BUILD_GENERAL1_2XLARGE"), json!({"buildTarget": "codebuild"}))
        }
        "modelEnv" => alone(json!({"LOG_LEVEL": "debug"})),
        "includeTesting" | "includeSample" => {
            vec![(json!(false), json!({})), (json!(true), json!({}))]
        }
        "kmsKeyArn" => alone(json!(format!(
            "arn:aws:kms:us-east-1:{account}:key/0f0f0f0f-1111-2222-3333-444444444444"
        ))),
        "vpcSubnets" => with(
            json!(["subnet-0123456789abcdef0"]),
            json!({"vpcSecurityGroups": ["sg-0123456789abcdef0"]}),
        ),
        "vpcSecurityGroups" => with(
            json!(["sg-0123456789abcdef0"]),
            json!({"vpcSubnets": ["subnet-0123456789abcdef0"]}),
        ),
        "networkIsolation" => vec![
            (json!(true), json!({})),
            (
                json!(true),
                json!({"modelName": "s3://bucket/model/", "instanceType": "ml.g5.2xlarge"}),
            ),
        ],
        "framework" => {
            let all = &registry().config(config).unwrap().frameworks;
            all.iter().map(|f| (json!(f), json!({}))).collect()
        }
        "frameworkVersion" => vec![(json!("1.8.0"), json!({"framework": "sklearn"}))],
        "pythonVersion" => vec![(json!("3.11"), json!({})), (json!("3.13"), json!({}))],
        "modelFormat" => with(json!("joblib"), json!({"framework": "sklearn"})),
        "modelPath" => {
            vec![(json!(fixture("model.pkl", b"\x80\x04N.")), json!({"includeSample": false}))]
        }
        "requirementsFile" => alone(json!(fixture("requirements.txt", b"scikit-learn==1.8.0\n"))),
        "workers" => alone(json!(3)),
        "contentType" => alone(json!("text/csv")),
        "modelInputs" => vec![(
            json!({"x": "FP32[4]"}),
            json!({"modelOutputs": {"y": "INT64[-1,2]"}, "includeSample": false}),
        )],
        "modelOutputs" => with(
            json!({"y": "FP16[2]"}),
            json!({"modelInputs": {"x": "BYTES[1]"}, "includeSample": false}),
        ),
        "modelName" => alone(json!("Qwen/Qwen3-4B")),
        "modelRevision" => alone(json!("v1.0")),
        "modelConfig" => with(json!(CONFIG_JSON), json!({"modelName": "me/own"})),
        "hfTokenArn" => {
            alone(json!(format!("arn:aws:secretsmanager:us-east-1:{account}:secret:hf-AbCdEf")))
        }
        "engineVersion" => vec![
            (json!("0.26.0"), json!({})),
            (json!("0.25.0"), json!({})),
            (json!("0.24.0"), json!({})),
            (json!("25.09"), json!({})),
            (json!("24.05"), json!({})),
        ],
        "engineArgs" => vec![
            (json!({"enable-prefix-caching": true}), json!({})),
            (json!({"seed": 7}), json!({})),
        ],
        "tensorParallelSize" => with(json!(1), json!({"instanceType": "ml.g5.12xlarge"})),
        "maxModelLen" => alone(json!(4096)),
        "gpuMemoryUtilization" => alone(json!(0.92)),
        "dtype" => vec![(json!("bfloat16"), json!({})), (json!("float16"), json!({}))],
        "quantization" => vec![
            (json!("fp8"), json!({"instanceType": "ml.g6e.2xlarge"})),
            (json!("bitsandbytes"), json!({})),
        ],
        "maxNumSeqs" => alone(json!(16)),
        "enableLora" | "trustRemoteCode" => alone(json!(true)),
        "maxLoras" => with(json!(3), json!({"enableLora": true})),
        "maxLoraRank" => with(json!(64), json!({"enableLora": true})),
        "endpointInitialInstanceCount" => alone(json!(3)),
        "endpointDataCapturePercent" => alone(json!(50)),
        "endpointDataCapturePath" => {
            with(json!("s3://captured/here"), json!({"endpointDataCapturePercent": 50}))
        }
        "endpointVariantName" => alone(json!("Blue")),
        "endpointVolumeSize" => alone(json!(200)),
        "inferenceAmiVersion" | "transformAmiVersion" => registered_amis(key),
        "healthCheckTimeout" => alone(json!(1234)),
        "modelDownloadTimeout" => vec![
            (json!(1234), json!({})),
            (
                json!(1234),
                json!({"modelName": "s3://bucket/model/", "instanceType": "ml.g5.2xlarge"}),
            ),
        ],
        "capacityReservationArn" => with(
            json!(format!("arn:aws:sagemaker:us-east-1:{account}:training-plan/plan")),
            json!({}),
        ),
        "autoscalingMin" => with(json!(2), json!({"autoscalingMax": 5})),
        "autoscalingMax" => alone(json!(5)),
        "autoscalingTarget" => with(json!(17.5), json!({"autoscalingMax": 5})),
        "inferenceComponent" => alone(json!(true)),
        "icGpuCount" => {
            with(json!(1), json!({"inferenceComponent": true, "instanceType": "ml.g5.12xlarge"}))
        }
        "icCpuCount" => with(json!(1.5), json!({"inferenceComponent": true})),
        "icMemorySize" => with(json!(2048), json!({"inferenceComponent": true})),
        "icCopyCount" => with(json!(2), json!({"inferenceComponent": true})),
        "asyncS3OutputPath" | "asyncS3FailurePath" | "batchOutputPath" => {
            alone(json!("s3://results/here"))
        }
        "asyncSnsSuccessTopic" | "asyncSnsErrorTopic" => {
            alone(json!(format!("arn:aws:sns:us-east-1:{account}:topic")))
        }
        "asyncMaxConcurrent" => alone(json!(7)),
        "asyncInvocationTimeout" | "batchInvocationTimeout" => alone(json!(777)),
        "batchInputPath" => alone(json!("s3://inputs/here")),
        "batchInstanceCount" => alone(json!(2)),
        "batchSplitType" => vec![(json!("None"), json!({})), (json!("Line"), json!({}))],
        "batchStrategy" => {
            vec![(json!("SingleRecord"), json!({})), (json!("MultiRecord"), json!({}))]
        }
        "batchJoinSource" => alone(json!("Input")),
        "batchMaxConcurrent" => alone(json!(9)),
        "batchMaxPayload" => alone(json!(3)),
        "batchContentType" => alone(json!("text/csv")),
        "hyperpodCluster" => alone(json!("another")),
        "hyperpodNamespace" => alone(json!("models")),
        "hyperpodReplicas" => alone(json!(3)),
        "hyperpodManifest" => {
            vec![(json!("deployment"), json!({})), (json!("operator"), json!({}))]
        }
        "fsxVolumeHandle" => vec![
            (json!("fs-0123456789abcdef0"), json!({"hyperpodManifest": "deployment"})),
            (json!("fs-0123456789abcdef0"), json!({})),
        ],
        "hpGpuCount" => with(json!(4), json!({"instanceType": "ml.g5.12xlarge"})),
        "hpNodeSelector" => alone(json!({"team": "ml"})),
        "hpEfaEnabled" => with(json!(true), json!({"instanceType": "ml.p4d.24xlarge"})),
        "hpMemRequest" => alone(json!("3Gi")),
        "hpCpuRequest" => alone(json!("1500m")),
        "hpQueue" => alone(json!("team-queue")),
        other => panic!("give {other} a sample value here"),
    }
}

const CONFIG_JSON: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048,
  "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
  "head_dim": 64, "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16",
  "tie_word_embeddings": true}"#;

fn fixture(name: &str, bytes: &[u8]) -> String {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("inputs");
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn registered_amis(key: &str) -> Vec<(Value, Value)> {
    let amis = mcc_catalogs::Catalogs::embedded().amis();
    let names: Vec<String> = if key.starts_with("inference") {
        amis.inference().map(|a| a.ami.clone()).collect()
    } else {
        amis.transform().map(|a| a.ami.clone()).collect()
    };
    assert!(!names.is_empty());
    // Of an image of the user's own nothing is known, so that no host image is chosen for it.
    let own = json!({"baseImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1"});
    let both = |name: &String| [(json!(name), json!({})), (json!(name), own.clone())];
    names.iter().flat_map(both).collect()
}

/// How many devices a plan divides the model over, which a user may say as well.
fn degree(plan: &Plan) -> Option<Value> {
    let memory = plan.decisions.as_ref()?.memory.as_ref()?;
    Some(memory.tensor_parallel.into())
}

/// What the project does, less what only tells about it.
fn effect(project: &Project) -> BTreeMap<String, Vec<u8>> {
    let told = |path: &str| path.starts_with(".mcc/") || path == "README.md";
    project
        .files()
        .filter(|(p, _)| !told(p))
        .map(|(p, f)| (p.to_owned(), f.bytes.to_vec()))
        .collect()
}

#[test]
fn every_input_changes_the_project_or_is_told_not_to() {
    let mut matters: BTreeMap<String, bool> =
        fields().iter().map(|f| (f.key.clone(), f.key.starts_with("deployment"))).collect();
    let mut ignored = Vec::new();
    for (config, target) in pairs() {
        let start = base(&config, &target);
        let mut seen = BTreeMap::new();
        for field in fields() {
            for (value, context) in samples(&field.key, &config) {
                let mut without = start.clone();
                without.extend(object(context));
                without.shift_remove(&field.key);
                if start.contains_key(&field.key) && !without.contains_key(&field.key) {
                    without.insert(field.key.clone(), start[&field.key].clone());
                }
                let mut with = without.clone();
                with.insert(field.key.clone(), value.clone());
                let Ok((plan, with_project)) = try_project(&with) else { continue };
                let noted = plan.findings.iter().any(|f| is_note(f, &field.key));
                // Some inputs come in pairs: without its partner the other is refused, so it matters.
                let before = (*seen.entry(json!(without).to_string()).or_insert_with(|| {
                    try_project(&without).ok().map(|(_, project)| effect(&project))
                }))
                .as_ref();
                let changed = before != Some(&effect(&with_project));
                if noted {
                    let same = before.is_none_or(|before| *before == effect(&with_project));
                    assert!(same, "{config} on {target}: {} has an effect", field.key);
                    continue;
                }
                let is_default =
                    matches!(field.kind, Kind::Choice(_) | Kind::Boolean | Kind::Named(_))
                        || default_of(&without, &field.key).as_ref() == Some(&value)
                        || (field.key == "tensorParallelSize"
                            && degree(&plan).as_ref() == Some(&value));
                if changed {
                    matters.insert(field.key.clone(), true);
                } else if !is_default && !equal_by_choice(&field.key) {
                    ignored.push(format!("{config} on {target}: {} = {value}", field.key));
                }
            }
        }
    }
    let never: Vec<&String> = matters.iter().filter(|(_, m)| !**m).map(|(k, _)| k).collect();
    assert!(ignored.is_empty(), "accepted, and changed nothing:\n{}", ignored.join("\n"));
    assert!(never.is_empty(), "never accepted with an effect: {never:?}");
}

/// Whether a finding says that the input `key` has no effect.
fn is_note(finding: &mcc_generator::Finding, key: &str) -> bool {
    finding.field.as_deref() == Some(key)
        && finding.severity == Severity::Note
        && ["MCC-INP-005", "MCC-INP-006"].contains(&finding.id.as_str())
}

/// What the default is, where that is known from the plan.
fn default_of(inputs: &Map<String, Value>, key: &str) -> Option<Value> {
    support::plan_of(inputs).inputs.into_iter().find(|i| i.key == key).map(|i| i.value)
}

/// Inputs whose sample can be what is chosen without it: the newest host image, for one, or as many
/// accelerators as one copy is split over.
fn equal_by_choice(key: &str) -> bool {
    [
        "inferenceAmiVersion",
        "transformAmiVersion",
        "engineVersion",
        "instanceType",
        "icGpuCount",
        "hpGpuCount",
    ]
    .contains(&key)
}

#[test]
fn an_input_of_another_config_or_target_is_left_out_with_a_note() {
    for (config, target) in pairs() {
        for field in fields() {
            let taken = layer_groups(&config, &target).contains(&field.group.to_owned());
            let Some((value, _)) = samples(&field.key, &config).into_iter().next() else {
                continue;
            };
            if taken {
                continue;
            }
            let start = base(&config, &target);
            let mut inputs = start.clone();
            inputs.insert(field.key.clone(), value);
            let about =
                |f: &&mcc_generator::Finding| f.field.as_deref() == Some(field.key.as_str());
            // Another model than the one that is served, or less safety than was asked for, is no extra.
            let contradicts = ["modelName", "modelPath"].contains(&field.key.as_str())
                || refuses(&config, &target, &field.key);
            match try_project(&inputs) {
                Ok((plan, project)) => {
                    assert!(!contradicts, "{config} on {target} takes {}", field.key);
                    assert!(plan.findings.iter().any(|f| is_note(f, &field.key)), "{}", field.key);
                    let (_, without) = try_project(&start).unwrap();
                    // The Region of an ARN is said with it, whatever becomes of the ARN.
                    let same = effect(&project) == effect(&without);
                    assert!(same, "{config} on {target}: {} has an effect", field.key);
                }
                Err(plan) => {
                    assert!(contradicts, "{config} on {target} refuses {}", field.key);
                    let finding = plan.findings.iter().find(about).expect("a finding about it");
                    assert!(!finding.fix.is_empty() && !finding.message.is_empty());
                }
            }
        }
    }
}

fn refuses(config: &str, target: &str, key: &str) -> bool {
    let registry = registry();
    let layers = registry.overlay(registry.config(config).unwrap(), None, target);
    layers.iter().any(|layer| layer.manifest.refuses.contains_key(key))
}

fn layer_groups(config: &str, target: &str) -> Vec<String> {
    let registry = registry();
    let found = registry.config(config).unwrap();
    let framework = found.frameworks.first().map(String::as_str);
    registry
        .overlay(found, framework, target)
        .iter()
        .flat_map(|l| l.manifest.groups.clone())
        .collect()
}
