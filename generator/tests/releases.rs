//! Which release of an engine serves which model on which GPU, and how the image is chosen or judged by it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

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
fn engines_have_kernels_for_some_gpus_only() {
    let (vllm, qwen) = ("transformers-vllm", "Qwen/Qwen3-8B");
    for (config, model, kind, refused) in [
        ("transformers-sglang", "Qwen/Qwen3-0.6B", "ml.g4dn.xlarge", true),
        ("transformers-sglang", "Qwen/Qwen3-0.6B", "ml.g5.xlarge", false),
        ("transformers-sglang", "Qwen/Qwen3-0.6B", "ml.p3.2xlarge", true),
        ("transformers-tensorrt-llm", "Qwen/Qwen3-0.6B", "ml.g4dn.xlarge", true),
        ("triton-tensorrtllm", "Qwen/Qwen3-0.6B", "ml.g4dn.xlarge", true),
        ("transformers-tensorrt-llm", "Qwen/Qwen3-0.6B", "ml.g5.xlarge", false),
        (vllm, "deepseek-ai/DeepSeek-V4-Flash", "ml.p4de.24xlarge", true),
        (vllm, "deepseek-ai/DeepSeek-V4-Flash", "ml.p5e.48xlarge", false),
        (vllm, "deepseek-ai/DeepSeek-V3.2", "ml.p4de.24xlarge", true),
        (vllm, "Qwen/Qwen3-0.6B", "ml.g4dn.xlarge", false),
        (vllm, qwen, "ml.p4d.24xlarge", false),
    ] {
        let findings = findings(config, model, kind, json!({}));
        let finding = found(&findings, "MCC-GPU-001");
        assert_eq!(
            finding.is_some_and(Finding::is_error),
            refused,
            "{config} {model} {kind}: {finding:?}"
        );
    }
}

#[test]
fn a_release_for_the_gpu_is_chosen_where_one_is_known() {
    // V100: 0.19.1 is the last that is compiled for it.
    let old = spec("transformers-vllm", "Qwen/Qwen3-0.6B", "ml.p3.2xlarge", json!({}));
    assert_eq!(old.image.engine_version.as_deref(), Some("0.19.1"));
    let given = json!({"engineVersion": "0.27.1"});
    let findings = findings("transformers-vllm", "Qwen/Qwen3-0.6B", "ml.p3.2xlarge", given);
    assert!(found(&findings, "MCC-GPU-001").unwrap().is_error());
    let new = spec("transformers-vllm", "Qwen/Qwen3-0.6B", "ml.g5.xlarge", json!({}));
    assert_eq!(new.image.engine_version.as_deref(), Some("0.27.1"));
}

#[test]
fn a_toolkit_that_dropped_a_gpu_and_a_driver_that_did_are_refused() {
    let packed = |kind: &str, version: &str| {
        let mut inputs = support::base("triton-fil", "managed-inference");
        inputs.extend(object(json!({"instanceType": kind, "engineVersion": version})));
        plan_of(&inputs).findings
    };
    // CUDA 13 has no code for V100, 12.6 has.
    let refused = packed("ml.p3.2xlarge", "25.09");
    assert!(found(&refused, "MCC-GPU-001").unwrap().message.contains("CUDA 13.0"), "{refused:?}");
    assert!(found(&packed("ml.p3.2xlarge", "24.09"), "MCC-GPU-001").is_none());
    // K80: driver 470 is the last.
    let refused = packed("ml.p2.xlarge", "23.12");
    assert!(found(&refused, "MCC-GPU-001").is_some(), "{refused:?}");
}

#[test]
fn known_bad_pairs_are_avoided_and_refused_where_they_are_asked_for() {
    let (config, gemma, kind) =
        ("transformers-vllm", "google/gemma-4-26B-A4B-it", "ml.g7e.2xlarge");
    let chosen = spec(config, gemma, kind, json!({}));
    assert_eq!(chosen.image.engine_version.as_deref(), Some("0.26.0"));
    assert!(found(&findings(config, gemma, kind, json!({})), "MCC-ENG-008").is_none());
    for more in [
        json!({"engineVersion": "0.27.1"}),
        json!({"baseImage": "vllm/vllm-openai:v0.27.0"}),
        json!({"baseImage": "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.27-gpu-py312"}),
    ] {
        let findings = findings(config, gemma, kind, more.clone());
        let finding =
            found(&findings, "MCC-ENG-008").unwrap_or_else(|| panic!("{more} {findings:?}"));
        assert!(finding.is_error() && finding.message.contains("head_dim"), "{finding:?}");
        assert!(finding.fix.contains("0.26.0"), "{finding:?}");
    }
    for more in [
        json!({"engineVersion": "0.28.0"}),
        json!({"baseImage": "vllm/vllm-openai:v0.28.0"}),
        json!({"baseImage": "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-vllm:0.27.1-transformers5.10.2-gpu-py312-cu130-ubuntu22.04"}),
    ] {
        let findings = findings(config, gemma, kind, more.clone());
        assert!(found(&findings, "MCC-ENG-008").is_none(), "{more} {findings:?}");
    }
    let other = findings(config, "google/gemma-3-27b-it", kind, json!({"engineVersion": "0.27.1"}));
    assert!(found(&other, "MCC-ENG-008").is_none());
}

#[test]
fn options_make_pairs_too_and_reports_only_warn() {
    let (config, qwen, kind) = ("transformers-vllm", "Qwen/Qwen3-8B", "ml.g5.12xlarge");
    let mtp = |stages: u64| {
        let options = json!({
            "engineVersion": "0.27.1",
            "engineArgs": {"speculative-config": {"method": "mtp"}, "pipeline-parallel-size": stages},
        });
        findings(config, qwen, kind, options)
    };
    assert!(found(&mtp(2), "MCC-ENG-008").unwrap().is_error());
    assert!(found(&mtp(1), "MCC-ENG-008").is_none());
    let bitsandbytes = |version: &str| {
        let options = json!({"engineVersion": version, "quantization": "bitsandbytes"});
        findings(config, qwen, kind, options)
    };
    assert_eq!(found(&bitsandbytes("0.28.0"), "MCC-ENG-008").unwrap().severity, Severity::Warning);
    assert!(found(&bitsandbytes("0.27.1"), "MCC-ENG-008").is_none());
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

/// MiniMax-M2.5 by its own config.json.
fn minimax(more: Value) -> Value {
    let config = json!({
        "architectures": ["MiniMaxM2ForCausalLM"], "model_type": "minimax_m2", "num_hidden_layers": 62,
        "hidden_size": 3072, "num_attention_heads": 48, "num_key_value_heads": 8, "head_dim": 128,
        "intermediate_size": 1536, "vocab_size": 200_064, "num_local_experts": 256, "num_experts_per_tok": 8,
        "max_position_embeddings": 196_608, "shared_intermediate_size": 0,
        "quantization_config": {
            "quant_method": "fp8", "weight_block_size": [128, 128],
            "modules_to_not_convert": ["gate", "e_score_correction_bias", "lm_head"],
        },
    });
    let mut inputs = object(json!({"modelConfig": config.to_string()}));
    inputs.extend(object(more));
    Value::Object(inputs)
}

#[test]
fn blocks_of_experts_are_not_cut() {
    let (config, model, kind) = ("transformers-vllm", "MiniMaxAI/MiniMax-M2.5", "ml.p5.48xlarge");
    let degree = |more: Value| spec(config, model, kind, minimax(more)).model.tensor_parallel;
    assert_eq!(degree(json!({"engineVersion": "0.27.1"})), Some(4));
    assert_eq!(degree(json!({"engineVersion": "0.29.0"})), Some(8), "scales are divided");
    let spread = json!({"engineVersion": "0.27.1", "engineArgs": {"enable-expert-parallel": true}});
    assert_eq!(degree(spread), Some(8));
    let given = |version: &str| {
        findings(
            config,
            model,
            kind,
            minimax(json!({"engineVersion": version, "tensorParallelSize": 8})),
        )
    };
    let refused = given("0.27.1");
    let finding = found(&refused, "MCC-TP-005").unwrap();
    assert!(finding.is_error() && finding.fix.contains("enable-expert-parallel"), "{finding:?}");
    // The degree that was asked for stays.
    assert!(
        finding.choices.is_empty() && !finding.fix.contains("tensorParallelSize:"),
        "{finding:?}"
    );
    assert!(found(&given("0.29.0"), "MCC-TP-005").is_none());
    // The hint about idle devices does not lead there either.
    let idle = findings(config, model, kind, minimax(json!({"engineVersion": "0.27.1"})));
    let hint = found(&idle, "MCC-TP-003").map(|finding| finding.fix.clone());
    assert!(hint.is_none_or(|fix| !fix.contains("tensorParallelSize: 8")), "{idle:?}");
}

#[test]
fn layers_and_groups_are_not_cut() {
    let dense = |quantization: Value, width: u64| {
        json!({"engineVersion": "0.27.1", "tensorParallelSize": 8, "modelConfig": json!({
            "architectures": ["Qwen3ForCausalLM"], "hidden_size": 2560, "num_hidden_layers": 36,
            "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 151_936,
            "intermediate_size": width, "quantization_config": quantization,
        }).to_string()})
    };
    let at = |quantization: Value, width: u64| {
        let all = findings(
            "transformers-vllm",
            "me/model",
            "ml.p4d.24xlarge",
            dense(quantization, width),
        );
        found(&all, "MCC-TP-005").map(|finding| finding.severity)
    };
    let blocks = json!({"quant_method": "fp8", "weight_block_size": [128, 128]});
    assert_eq!(at(blocks.clone(), 9728), Some(Severity::Error), "1216 is nine and a half blocks");
    assert_eq!(at(blocks, 12_288), None);
    let left_out = json!({"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["model.layers.0.mlp"]});
    assert_eq!(at(left_out, 9728), None, "not all of them are quantized");
    let awq = json!({"quant_method": "awq", "bits": 4, "group_size": 128});
    assert_eq!(at(awq.clone(), 29_568), Some(Severity::Warning), "another kernel may take it");
    assert_eq!(at(awq, 29_696), None);
    assert_eq!(at(json!({"quant_method": "gptq", "bits": 4, "group_size": -1}), 29_568), None);
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
