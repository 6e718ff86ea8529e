//! What a plan says was decided is what the project's files have: an input that changes the one changes the other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::collections::BTreeSet;

use mcc_generator::{Decisions, Project};
use serde_json::{Map, Value, json};
use support::{object, project, try_project};

const SKLEARN: &str =
    r#"{"projectName": "p1", "deploymentConfig": "http-flask", "framework": "sklearn"}"#;
const LLM: &str = r#"{"projectName": "p1", "deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B",
    "instanceType": "ml.g5.12xlarge", "region": "us-east-1"}"#;
/// An engine whose CUDA runs on more than one host image.
const OLDER: &str = r#"{"projectName": "p1", "deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B",
    "instanceType": "ml.g5.12xlarge", "engineVersion": "0.19.1"}"#;
const ONNX: &str =
    r#"{"projectName": "p1", "deploymentConfig": "triton-onnxruntime", "includeSample": false}"#;

/// A decision, the inputs to start from, what changes it, and a text that the changed project then has in a file, where
/// the decision is told in the words of that file.
fn rows() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let aws = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1";
    vec![
        ("baseImage", SKLEARN, json!({"baseImage": aws}), aws),
        ("baseImage", LLM, json!({"baseImage": aws}), aws),
        ("engine", LLM, json!({"engineVersion": "0.25.0"}), ""),
        ("engine", LLM, json!({"baseImage": aws}), ""),
        ("engine", ONNX, json!({"engineVersion": "25.09"}), ""),
        (
            "hostImage",
            OLDER,
            json!({"inferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-3-1"}),
            "al2-ami-sagemaker-inference-gpu-3-1",
        ),
        ("hostImage", LLM, json!({"engineVersion": "0.19.1"}), ""),
        ("build", SKLEARN, json!({"buildTarget": "local"}), ""),
        (
            "build",
            SKLEARN,
            json!({"codebuildComputeType": "BUILD_GENERAL1_LARGE"}),
            "BUILD_GENERAL1_LARGE",
        ),
        ("build", SKLEARN, json!({"instanceType": "ml.m6g.large"}), "linux/arm64"),
        ("model", LLM, json!({"modelName": "Qwen/Qwen3-4B"}), "Qwen/Qwen3-4B"),
        ("model", LLM, json!({"modelRevision": "v1.5"}), "v1.5"),
        ("task", LLM, json!({"modelName": "BAAI/bge-m3"}), ""),
        ("task", LLM, json!({"engineArgs": {"runner": "pooling"}}), ""),
        (
            "model",
            LLM,
            json!({"modelName": "s3://weights/own/", "modelConfig": "Qwen/Qwen3-8B"}),
            "s3://weights/own/",
        ),
        ("model", SKLEARN, json!({"modelFormat": "joblib"}), "model.joblib"),
        ("model", SKLEARN, json!({"includeSample": false}), ""),
        ("framework", SKLEARN, json!({"frameworkVersion": "1.7.2"}), "1.7.2"),
        ("python", SKLEARN, json!({"pythonVersion": "3.11"}), "3.11"),
        (
            "tensors",
            ONNX,
            json!({"modelInputs": {"x": "FP32[4]"}, "modelOutputs": {"y": "INT64[1]"}}),
            "INT64",
        ),
        ("memory", LLM, json!({"tensorParallelSize": 2}), ""),
        ("memory", LLM, json!({"maxModelLen": 5000}), "5000"),
        ("memory", LLM, json!({"gpuMemoryUtilization": 0.75}), ""),
        ("memory", LLM, json!({"instanceType": "ml.g6e.2xlarge"}), ""),
        ("memory", LLM, json!({"quantization": "fp8", "instanceType": "ml.g6e.2xlarge"}), ""),
        (
            "pod",
            LLM,
            json!({"deploymentTarget": "hyperpod-eks", "hyperpodCluster": "c1", "hpMemRequest": "3Gi"}),
            "3Gi",
        ),
        (
            "pod",
            LLM,
            json!({"deploymentTarget": "hyperpod-eks", "hyperpodCluster": "c1", "hyperpodReplicas": 3}),
            "",
        ),
        ("limits", SKLEARN, json!({"healthCheckTimeout": 1234}), "1234"),
        ("limits", SKLEARN, json!({"endpointVolumeSize": 77}), "77"),
        (
            "limits",
            LLM,
            json!({"modelName": "s3://weights/own/", "modelConfig": "Qwen/Qwen3-8B", "modelDownloadTimeout": 1357}),
            "1357",
        ),
        ("request", SKLEARN, json!({"contentType": "text/csv"}), "text/csv"),
        ("request", SKLEARN, json!({"deploymentTarget": "async-inference"}), ""),
        (
            "request",
            SKLEARN,
            json!({"deploymentTarget": "batch-transform", "batchMaxPayload": 3}),
            "",
        ),
        ("cost", SKLEARN, json!({"endpointInitialInstanceCount": 3}), ""),
        ("cost", SKLEARN, json!({"instanceType": "ml.c5.4xlarge"}), ""),
        ("cost", SKLEARN, json!({"region": "eu-west-1"}), "eu-west-1"),
        ("cost", SKLEARN, json!({"deploymentTarget": "batch-transform"}), ""),
    ]
}

fn with(base: &str, more: &Value) -> Map<String, Value> {
    let mut inputs = object(serde_json::from_str(base).unwrap());
    inputs.extend(object(more.clone()));
    inputs
}

fn made(inputs: &Map<String, Value>) -> (Value, Project) {
    let (plan, project) = try_project(inputs)
        .unwrap_or_else(|plan| panic!("{inputs:?}: {:#?} {:#?}", plan.questions, plan.findings));
    (serde_json::to_value(plan.decisions.expect("decisions")).unwrap(), project)
}

/// The files that do something; those that tell of the inputs change with every one.
fn effect(project: &Project) -> Vec<(&str, &[u8])> {
    let told = |path: &str| path.starts_with(".mcc/") || path == "README.md";
    project.files().filter(|(p, _)| !told(p)).map(|(p, f)| (p, f.bytes.as_ref())).collect()
}

#[test]
fn what_changes_a_decision_changes_the_project_with_it() {
    let mut shown = BTreeSet::new();
    for (key, base, change, written) in rows() {
        let (before, old) = made(&with(base, &json!({})));
        let (after, new) = made(&with(base, &change));
        assert_ne!(before[key], after[key], "{change} does not change {key}");
        assert_ne!(effect(&old), effect(&new), "{change} changes {key} and no file");
        if !written.is_empty() {
            assert!(after[key].to_string().contains(written), "{key} is {}", after[key]);
            let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(written);
            assert!(effect(&new).iter().any(|(_, bytes)| has(bytes)), "no file has {written}");
        }
        shown.insert(key.to_owned());
    }
    let schema = schemars::schema_for!(Decisions);
    let all = schema.get("properties").unwrap().as_object().unwrap();
    // Where values are from is told with them, and decides nothing.
    let all = all.keys().filter(|key| *key != "live").cloned().collect();
    assert_eq!(shown, all, "every decision is in the table");
}

#[test]
fn decisions_say_where_they_are_from() {
    let said = |base: &str, more: Value, key: &str| made(&with(base, &more)).0[key].to_string();
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("decisions");
    std::fs::create_dir_all(&dir).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(dir.join(name), bytes).unwrap();
        dir.join(name).to_str().unwrap().to_owned()
    };
    let pickle: &[u8] = b"\x80\x04csklearn.linear_model._base\nLinearRegression\n)\x81}\x8c\x10_sklearn_version\x94\x8c\x051.7.2\x94sb.";
    let old = file("old.pkl", pickle);
    let silent =
        file("silent.pkl", b"\x80\x04csklearn.linear_model._base\nLinearRegression\n)\x81.");
    for (base, more, key, words) in [
        (
            SKLEARN,
            json!({"modelPath": old}),
            "framework",
            "scikit-learn 1.7.2, read from the model file",
        ),
        (SKLEARN, json!({"modelPath": silent}), "framework", "a guess: the file does not say"),
        (SKLEARN, json!({"modelPath": old}), "model", "model/model.pkl, a copy of modelPath"),
        (SKLEARN, json!({"frameworkVersion": "1.8.0"}), "framework", "1.8.0, as given"),
        (SKLEARN, json!({}), "framework", "the usual one"),
        (SKLEARN, json!({"includeSample": false}), "model", "which you put there"),
        (SKLEARN, json!({"region": "eu-west-1"}), "cost", "that of eu-west-1 differs"),
        (SKLEARN, json!({"region": "cn-north-1", "buildTarget": "local"}), "cost", "not known"),
        (
            SKLEARN,
            json!({"deploymentTarget": "batch-transform"}),
            "cost",
            "only while the job runs",
        ),
        (
            SKLEARN,
            json!({"deploymentTarget": "async-inference", "autoscalingMin": 0, "autoscalingMax": 2}),
            "cost",
            "0 when idle",
        ),
        (
            LLM,
            json!({"deploymentTarget": "hyperpod-eks", "hyperpodCluster": "research"}),
            "cost",
            "which are there already",
        ),
        (LLM, json!({}), "engine", "CUDA 1"),
        (LLM, json!({}), "hostImage", "driver 5"),
        (
            LLM,
            json!({"modelName": "s3://weights/own/", "modelConfig": "Qwen/Qwen3-8B"}),
            "model",
            "by SageMaker",
        ),
    ] {
        let text = said(base, more.clone(), key);
        assert!(text.contains(words), "{more}: {key} is {text}");
    }
    let month = said(SKLEARN, json!({"deploymentTarget": "batch-transform"}), "cost");
    assert!(!month.contains("month"), "a job has no price by the month: {month}");
}

#[test]
fn the_plan_repeats_no_foreign_text_at_length() {
    let inputs: Map<String, Value> = (0..100)
        .map(|n| (format!("tensor-{n}-{}", "x".repeat(200)), json!("FP32[-1,3,224,224]")))
        .collect();
    let more = json!({"modelInputs": inputs, "modelOutputs": {"y": "FP32[1]"}});
    let (plan, _) = try_project(&with(ONNX, &more)).unwrap();
    let text = serde_json::to_string(&plan.decisions).unwrap();
    assert!(text.len() < 4000 && text.contains("96 more"), "{text}");
    project(&with(ONNX, &more));
}
