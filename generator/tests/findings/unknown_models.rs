//! Models of which the catalogs know nothing but the name.

use mcc_generator::Severity;
use serde_json::json;

use super::support::project;
use super::{found, plan, says};
use crate::support::object;

const CONFIG: &str = r#"{"architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
    "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32, "vocab_size": 128256,
    "max_position_embeddings": 131072, "torch_dtype": "bfloat16"}"#;

#[test]
fn a_name_says_that_a_repository_holds_no_model() {
    let base = json!({"instanceType": "ml.g6e.2xlarge"});
    for (more, words) in [
        (json!({"modelName": "bartowski/Qwen3-8B-GGUF"}), "give Qwen/Qwen3-8B, or"),
        (json!({"modelName": "me/mine-gguf"}), "give the original model"),
        (json!({"modelName": "s3://models/mine-gguf/"}), "GGUF"),
        (json!({"modelName": "me/chat-lora"}), "lora-modules=NAME=me/chat-lora"),
        (
            json!({"modelName": "me/chat-lora", "deploymentConfig": "transformers-sglang"}),
            "lora-paths=NAME=me/chat-lora",
        ),
        (
            json!({"modelName": "me/chat-lora", "deploymentConfig": "transformers-djl"}),
            "a deployment config that takes adapters",
        ),
        (json!({"modelName": "s3://models/my-adapter/"}), "adapter_config.json"),
        // What is merged, or described, or known.
        (json!({"modelName": "me/chat-lora-merged"}), ""),
        (json!({"modelName": "me/chat-lora", "modelConfig": CONFIG}), ""),
        (json!({"modelName": "Qwen/Qwen3-8B"}), ""),
    ] {
        says(&base, &more, "MCC-MDL-006", words);
    }
    // It takes the place of the advice to give a file which is not there, with and without an instance type.
    for base in [base, json!({})] {
        let gguf = plan(&base, &json!({"modelName": "bartowski/Qwen3-8B-GGUF"}));
        assert!(found(&gguf, "MCC-MDL-001").is_none(), "{:#?}", gguf.findings);
        let told = found(&gguf, "MCC-MDL-006").expect("a finding");
        assert_eq!(
            (told.severity, told.choices.as_slice()),
            (Severity::Warning, &["Qwen/Qwen3-8B".to_owned()][..])
        );
    }
    // What the release in the image has against such files is said where it is known.
    let base = json!({"instanceType": "ml.g6e.2xlarge", "modelName": "me/mine-gguf"});
    says(&base, &json!({"engineVersion": "0.27.1"}), "MCC-ENG-008", "vllm 0.27.1 has no GGUF");
    says(&base, &json!({"engineVersion": "0.19.1"}), "MCC-ENG-008", "");
    // An image that is chosen is one that has it.
    says(&base, &json!({}), "MCC-ENG-008", "");
}

#[test]
fn the_size_in_a_name_is_held_against_the_accelerators() {
    let base = json!({"instanceType": "ml.g4dn.xlarge"});
    for (more, words) in [
        (json!({"modelName": "me/foo-70B"}), "70 billion parameters, about 130 GiB in 16 bits"),
        (json!({"modelName": "me/foo-70B-AWQ"}), "in 4 bits"),
        (json!({"modelName": "me/foo-8B", "quantization": "fp8"}), ""),
        (json!({"modelName": "me/foo-7B"}), ""),
        (json!({"modelName": "me/foo"}), ""),
        // What the file says is better than a name.
        (json!({"modelName": "me/foo-70B", "modelConfig": CONFIG}), ""),
        (json!({"modelName": "me/foo-70B", "instanceType": "ml.p5.48xlarge"}), ""),
    ] {
        says(&base, &more, "MCC-MDL-005", words);
    }
    let large = plan(&base, &json!({"modelName": "me/foo-70B"}));
    let told = found(&large, "MCC-MDL-005").expect("a finding");
    assert_eq!(told.severity, Severity::Warning);
    // What is proposed has the room, and no rule of its own against it.
    let best = told.choices.first().expect("an instance type");
    let better = plan(&base, &json!({"modelName": "me/foo-70B", "instanceType": best}));
    assert!(found(&better, "MCC-MDL-005").is_none() && better.is_ready(), "{:#?}", better.findings);
}

#[test]
fn what_is_asked_of_a_gpu_is_judged_without_the_model_s_sizes() {
    for (kind, more, words) in [
        ("ml.g4dn.xlarge", json!({"dtype": "bfloat16"}), "T4 has no bfloat16"),
        ("ml.g4dn.xlarge", json!({"dtype": "float16"}), ""),
        ("ml.g4dn.xlarge", json!({}), ""),
        ("ml.g6.xlarge", json!({"dtype": "bfloat16"}), ""),
        ("ml.p3.2xlarge", json!({"quantization": "awq"}), "awq needs compute capability 7.5"),
        ("ml.g4dn.xlarge", json!({"quantization": "awq"}), ""),
    ] {
        let base = json!({"modelName": "me/foo", "instanceType": kind});
        says(&base, &more, "MCC-GPU-002", words);
    }
}

#[test]
fn an_engine_that_is_told_nothing_uses_one_of_many_accelerators() {
    let base = json!({"modelName": "me/foo", "instanceType": "ml.g5.48xlarge"});
    for (more, words) in [
        (json!({}), "1 of the 8 A10G"),
        (json!({"tensorParallelSize": 8}), ""),
        (json!({"instanceType": "ml.g5.xlarge"}), ""),
        (json!({"engineArgs": {"data-parallel-size": 8}}), ""),
        (json!({"inferenceComponent": true}), ""),
    ] {
        says(&base, &more, "MCC-TP-003", words);
    }
    // A component of it takes the one that it uses.
    let mut inputs = object(base);
    inputs.insert("inferenceComponent".to_owned(), json!(true));
    let made = project(&inputs);
    let text =
        String::from_utf8_lossy(&made.get("deploy/create-inference-component.json").unwrap().bytes);
    assert!(text.contains("\"NumberOfAcceleratorDevicesRequired\": 1"), "{text}");
}

#[test]
fn a_model_of_unknown_size_gets_the_time_of_one_that_fills_the_accelerators() {
    let seconds = |name: &str, kind: &str| {
        let made = project(&object(json!({"modelName": name, "instanceType": kind})));
        let text = made.get("deploy/create-endpoint-config.json").unwrap().bytes.clone();
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let variant = &value["ProductionVariants"][0];
        variant["ContainerStartupHealthCheckTimeoutInSeconds"].as_u64().unwrap()
    };
    let (small, large) = (seconds("me/foo", "ml.g6.xlarge"), seconds("me/foo", "ml.g6e.48xlarge"));
    assert!((600..1800).contains(&small) && large == 3600, "{small} {large}");
    // A name that says less takes less.
    let named = seconds("me/foo-7B", "ml.g6e.48xlarge");
    assert!((600..1200).contains(&named), "{named}");
    assert_eq!(seconds("me/foo-7B", "ml.g6e.48xlarge"), seconds("me/bar-7B", "ml.g6.12xlarge"));
}

#[test]
fn hardly_any_memory_left_to_others_is_said() {
    let base = json!({"modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g6e.2xlarge"});
    says(
        &base,
        &json!({"gpuMemoryUtilization": 0.98}),
        "MCC-MEM-011",
        "0.9 GiB of each accelerator is left",
    );
    says(&base, &json!({"gpuMemoryUtilization": 0.95}), "MCC-MEM-011", "");
    says(&base, &json!({}), "MCC-MEM-011", "");
}
