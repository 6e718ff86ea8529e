//! Which release of an engine serves which model on which GPU, and how the image is chosen or judged by it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod gpus;
mod pairs;
mod splits;

use mcc_catalogs::Catalogs;
use mcc_generator::{Finding, Severity, Spec};
use serde_json::{Value, json};
use support::{merged, object, plan_of};

fn inputs(config: &str, model: &str, kind: &str, more: Value) -> serde_json::Map<String, Value> {
    let mut inputs = object(json!({
        "projectName": "releases", "deploymentConfig": config, "modelName": model,
        "deploymentTarget": "managed-inference", "region": "us-east-1",
    }));
    if !kind.is_empty() {
        inputs.insert("instanceType".to_owned(), json!(kind));
    }
    inputs.extend(object(more));
    inputs
}

fn findings(config: &str, model: &str, kind: &str, more: Value) -> Vec<Finding> {
    plan_of(&inputs(config, model, kind, more)).findings
}

fn spec(config: &str, model: &str, kind: &str, more: Value) -> Spec {
    mcc_generator::spec(Catalogs::embedded(), &merged(&inputs(config, model, kind, more))).unwrap()
}

fn found<'a>(findings: &'a [Finding], id: &str) -> Option<&'a Finding> {
    findings.iter().find(|finding| finding.id == id)
}

fn errors(findings: &[Finding]) -> Vec<&str> {
    findings.iter().filter(|f| f.is_error()).map(|f| f.id.as_str()).collect()
}

const BATCH: &str = r#"{"deploymentTarget": "batch-transform"}"#;

fn batch() -> Value {
    serde_json::from_str(BATCH).unwrap()
}

#[test]
fn removed_classes_are_refused_also_of_models_without_sizes() {
    let llama = "meta-llama/Llama-3.2-11B-Vision-Instruct";
    let gone = findings("transformers-vllm", llama, "ml.g6e.2xlarge", json!({}));
    let finding = found(&gone, "MCC-ENG-004").unwrap();
    assert!(finding.is_error() && finding.message.contains("0.10.2"), "{finding:?}");
    assert!(finding.fix.contains("transformers-lmi"), "one of its images has 0.10.2: {finding:?}");
    let there = findings("transformers-lmi", llama, "ml.g6e.2xlarge", json!({}));
    assert!(found(&there, "MCC-ENG-004").is_none(), "{there:?}");
}

#[test]
fn a_recipe_that_asks_for_more_is_a_warning() {
    let minimax = "MiniMaxAI/MiniMax-M2.5";
    let old = json!({"engineVersion": "0.19.1"});
    let finding = findings("transformers-vllm", minimax, "ml.p5e.48xlarge", old);
    assert_eq!(found(&finding, "MCC-ENG-009").unwrap().severity, Severity::Warning);
    let new = findings("transformers-vllm", minimax, "ml.p5e.48xlarge", json!({}));
    assert!(found(&new, "MCC-ENG-009").is_none());
}

#[test]
fn tensorrt_llm_says_what_it_does_not_know() {
    let config = |class: &str| {
        json!({"modelConfig": json!({
            "architectures": [class], "hidden_size": 2048, "num_hidden_layers": 16,
            "num_attention_heads": 16, "num_key_value_heads": 8, "vocab_size": 32000,
            "intermediate_size": 8192,
        }).to_string()})
    };
    let at = |class: &str| {
        findings("transformers-tensorrt-llm", "me/model", "ml.g5.xlarge", config(class))
    };
    let unknown = at("FoobarForCausalLM");
    let finding = found(&unknown, "MCC-ENG-005").unwrap();
    assert!(finding.severity == Severity::Warning && finding.message.contains("not known"));
    assert!(found(&at("LlamaForCausalLM"), "MCC-ENG-005").is_none());
}

#[test]
fn batch_transform_takes_the_cuda_that_its_driver_starts() {
    let qwen = spec("transformers-vllm", "Qwen/Qwen3-8B", "ml.g5.2xlarge", batch());
    assert_eq!(qwen.image.cuda.as_deref(), Some("12.9"));
    assert_eq!(qwen.endpoint.ami.as_deref(), Some("al2-ami-sagemaker-batch-gpu-535"));
    let project =
        support::project(&inputs("transformers-vllm", "Qwen/Qwen3-8B", "ml.g5.2xlarge", batch()));
    let file = project.get("deploy/create-transform-job.json").expect("the job");
    let job: Value = serde_json::from_slice(&file.bytes).unwrap();
    assert_eq!(
        job["TransformResources"]["TransformAmiVersion"],
        json!("al2-ami-sagemaker-batch-gpu-535"),
        "without it the job starts on driver 470"
    );
    let mut new = object(batch());
    new.insert("engineVersion".to_owned(), json!("0.27.1"));
    let asked =
        findings("transformers-vllm", "Qwen/Qwen3-8B", "ml.g5.2xlarge", Value::Object(new.clone()));
    let finding = found(&asked, "MCC-DRV-002").unwrap();
    assert!(
        finding.message.contains("580.65") && finding.message.contains("gpu-535 has 535"),
        "{finding:?}"
    );
    new.insert("engineVersion".to_owned(), json!("0.19.1"));
    new.insert("transformAmiVersion".to_owned(), json!("al2-ami-sagemaker-batch-gpu-470"));
    let old = findings("transformers-vllm", "Qwen/Qwen3-8B", "ml.g5.2xlarge", Value::Object(new));
    let finding = found(&old, "MCC-DRV-002").unwrap();
    assert!(
        finding.message.contains("gpu-470 has 470") && finding.fix.contains("gpu-535"),
        "{finding:?}"
    );
}

#[test]
fn a_full_fit_of_the_driver_comes_before_the_newest_image() {
    let triton = |kind: &str| {
        let mut inputs = support::base("triton-fil", "managed-inference");
        inputs.insert("instanceType".to_owned(), json!(kind));
        mcc_generator::spec(Catalogs::embedded(), &merged(&inputs)).unwrap().image.engine_version
    };
    assert_eq!(triton("ml.g5.xlarge").as_deref(), Some("25.09"), "CUDA 13.0");
    assert_eq!(triton("ml.m5.xlarge").as_deref(), Some("26.03"), "no driver matters");
    let old = json!({"engineVersion": "26.07", "inferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-2"});
    let refused = findings("triton-vllm", "Qwen/Qwen3-8B", "ml.g5.2xlarge", old);
    let finding = found(&refused, "MCC-DRV-001").unwrap();
    assert!(
        finding.message.contains("580.65")
            && finding.fix.contains("has driver 580, on which it starts"),
        "{finding:?}"
    );
    let chosen = findings(
        "triton-vllm",
        "Qwen/Qwen3-8B",
        "ml.g5.2xlarge",
        json!({"engineVersion": "26.07"}),
    );
    let note = found(&chosen, "MCC-DRV-003").unwrap();
    assert!(note.severity == Severity::Note && note.message.contains("610.43"), "{note:?}");
    let full = findings("triton-vllm", "Qwen/Qwen3-8B", "ml.g5.2xlarge", json!({}));
    assert!(found(&full, "MCC-DRV-003").is_none() && found(&full, "MCC-DRV-001").is_none());
}

#[test]
fn a_given_image_is_judged_like_our_own() {
    let (config, qwen, kind) = ("transformers-vllm", "Qwen/Qwen3-8B", "ml.g5.2xlarge");
    let given = |image: &str| json!({"baseImage": image});
    let known = spec(config, qwen, kind, given("vllm/vllm-openai:v0.19.0"));
    assert_eq!(known.image.cuda.as_deref(), Some("12.9"));
    assert_eq!(known.endpoint.ami.as_deref(), Some("al2023-ami-sagemaker-inference-gpu-4-1"));
    assert!(
        found(&findings(config, qwen, kind, given("vllm/vllm-openai:v0.19.0")), "MCC-IMG-003")
            .is_none()
    );
    // A release from before the class, and a GPU that the release has no code for.
    let old = findings(config, qwen, kind, given("vllm/vllm-openai:v0.7.3"));
    assert!(found(&old, "MCC-ENG-004").is_some(), "{old:?}");
    let volta =
        findings(config, "Qwen/Qwen3-0.6B", "ml.p3.2xlarge", given("vllm/vllm-openai:v0.27.1"));
    assert!(found(&volta, "MCC-GPU-001").is_some(), "{volta:?}");
    // What is not known stays so.
    let own = findings(config, qwen, kind, given("registry.example.com/me/vllm:1"));
    assert!(found(&own, "MCC-IMG-003").is_some() && errors(&own).is_empty(), "{own:?}");
    let latest = findings(config, qwen, kind, given("vllm/vllm-openai:latest"));
    assert!(found(&latest, "MCC-IMG-003").unwrap().message.contains("release"), "{latest:?}");
    // Other engines and images without CUDA.
    let other = findings(config, qwen, kind, given("lmsysorg/sglang:v0.5.17-cu130"));
    assert!(found(&other, "MCC-IMG-006").is_some() && errors(&other).is_empty(), "{other:?}");
    let cpu = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker";
    assert!(found(&findings("transformers-djl", qwen, kind, given(cpu)), "MCC-IMG-006").is_some());
}

#[test]
fn a_triton_flavour_has_to_have_the_backend() {
    let with = |config: &str, image: &str| {
        let mut inputs = support::base(config, "managed-inference");
        inputs.extend(object(json!({"baseImage": image, "instanceType": "ml.g5.xlarge"})));
        plan_of(&inputs).findings
    };
    for (config, image, refused) in [
        ("triton-fil", "nvcr.io/nvidia/tritonserver:25.09-vllm-python-py3", true),
        ("triton-onnxruntime", "nvcr.io/nvidia/tritonserver:25.09-trtllm-python-py3", true),
        ("triton-fil", "nvcr.io/nvidia/tritonserver:25.09-py3-sdk", true),
        ("triton-fil", "vllm/vllm-openai:v0.27.1", true),
        ("triton-tensorflow", "nvcr.io/nvidia/tritonserver:25.03-py3", true),
        ("triton-tensorflow", "nvcr.io/nvidia/tritonserver:25.02-py3", false),
        ("triton-fil", "nvcr.io/nvidia/tritonserver:25.09-py3", false),
        ("triton-python", "nvcr.io/nvidia/tritonserver:25.09-vllm-python-py3", false),
        ("triton-vllm", "nvcr.io/nvidia/tritonserver:25.09-vllm-python-py3", false),
        ("triton-fil", "registry.example.com/me/tritonserver:25.09", false),
        ("http-flask", "nvcr.io/nvidia/tritonserver:25.09-vllm-python-py3", false),
    ] {
        let findings = with(config, image);
        assert_eq!(
            found(&findings, "MCC-IMG-005").is_some(),
            refused,
            "{config} {image}: {findings:?}"
        );
    }
}

#[test]
fn a_list_of_the_engine_may_be_given_in_parts() {
    let (config, qwen, kind) = ("transformers-vllm", "Qwen/Qwen3-8B", "ml.g5.2xlarge");
    let twice = json!({"engineArgs": ["lora-modules=a=x", "lora-modules=b=y"]});
    let options = spec(config, qwen, kind, twice).model.engine_options.unwrap();
    assert_eq!(options["lora-modules"], json!(["a=x", "b=y"]));
    let refused = findings(config, qwen, kind, json!({"engineArgs": ["seed=1", "seed=2"]}));
    assert!(refused.iter().any(|f| f.is_error() && f.message.contains("twice")), "{refused:?}");
}

#[test]
fn a_component_is_made_with_a_copy() {
    let (config, qwen, kind) = ("transformers-vllm", "Qwen/Qwen3-8B", "ml.g5.2xlarge");
    let none = json!({
        "inferenceComponent": true, "icCopyCount": 0, "autoscalingMin": 0, "autoscalingMax": 1,
    });
    let copies = spec(config, qwen, kind, none.clone()).endpoint.ic.unwrap().copies;
    assert_eq!(copies, 1);
    let all = findings(config, qwen, kind, none);
    assert_eq!(found(&all, "MCC-ASG-002").unwrap().severity, Severity::Note);
    let one = findings(config, qwen, kind, json!({"inferenceComponent": true, "icCopyCount": 1}));
    assert!(found(&one, "MCC-ASG-002").is_none());
}

/// What XGBoost writes from 3.1 on is read by Triton from 26.01 on, whatever the driver.
#[test]
fn a_model_file_gets_an_image_that_reads_it() {
    let place = tempfile::tempdir().unwrap();
    let planned = |version: &str, more: Value| {
        let file = place.path().join("churn.json");
        std::fs::write(&file, format!(r#"{{"learner":{{}},"version":[{version}]}}"#)).unwrap();
        let mut inputs = object(json!({
            "projectName": "churn", "deploymentConfig": "triton-fil", "instanceType": "ml.g5.xlarge",
            "modelPath": file, "modelInputs": {"input__0": "FP32[4]"}, "modelOutputs": {"output__0": "FP32[1]"},
        }));
        inputs.extend(object(more));
        plan_of(&inputs)
    };
    let image = |plan: &mcc_generator::Plan| plan.decisions.clone().unwrap().base_image;
    let old = planned("2,1,4", json!({}));
    assert!(image(&old).contains("25.09"), "{}", image(&old));
    for version in ["3,1,0", "3,4,1"] {
        let new = planned(version, json!({}));
        assert!(image(&new).contains(":26."), "{version}: {}", image(&new));
        let asked = planned(version, json!({"engineVersion": "25.09"}));
        let found = asked.findings.iter().find(|finding| finding.id == "MCC-FW-008").unwrap();
        assert!(found.is_error() && found.fix.contains("26.03"), "{found:?}");
        let right = planned(version, json!({"engineVersion": "26.03"}));
        assert!(right.findings.iter().all(|finding| finding.id != "MCC-FW-008"), "{version}");
    }
}
