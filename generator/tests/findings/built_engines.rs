//! TensorRT-LLM engines that were built before: their config.json decides image, split and limits.

use serde_json::{Value, json};

use super::support::{object, project};
use super::{found, plan, says};

/// The config.json of an engine that was built by a release for a split.
fn engine(version: &str, tensor_parallel: u32, pipeline_parallel: u32) -> Value {
    let devices = tensor_parallel * pipeline_parallel;
    let text = json!({
        "version": version,
        "pretrained_config": {
            "architecture": "LlamaForCausalLM", "dtype": "bfloat16", "num_hidden_layers": 32,
            "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096, "intermediate_size": 14336,
            "vocab_size": 128_256, "max_position_embeddings": 131_072, "head_size": 128,
            "quantization": {"quant_algo": null},
            "mapping": {"world_size": devices, "tp_size": tensor_parallel, "pp_size": pipeline_parallel},
        },
        "build_config": {"max_input_len": 1024, "max_seq_len": 4096, "max_batch_size": 8},
    });
    json!({"modelName": "s3://models/engine/", "modelConfig": text.to_string()})
}

fn input(plan: &mcc_generator::Plan, key: &str) -> (Value, String) {
    let found = plan.inputs.iter().find(|input| input.key == key).expect(key);
    (found.value.clone(), found.source.clone())
}

#[test]
fn an_engine_decides_image_split_and_limits() {
    let plan = plan(&engine("1.1.0", 2, 1), &json!({"instanceType": "ml.g6.12xlarge"}));
    assert!(plan.is_ready(), "{:#?}", plan.findings);
    for (key, value) in [
        ("deploymentConfig", json!("triton-tensorrtllm")),
        ("engineVersion", json!("1.1.0")),
        ("tensorParallelSize", json!(2)),
        ("maxModelLen", json!(4096)),
        ("maxNumSeqs", json!(8)),
    ] {
        assert_eq!(input(&plan, key), (value, "derived from modelConfig".to_owned()), "{key}");
    }
    // The newest image that has that release.
    let base =
        plan.decisions.as_ref().map(|d| serde_json::to_value(d).unwrap()["baseImage"].clone());
    assert!(base.unwrap().as_str().unwrap().contains("tritonserver:26.02-trtllm"), "{plan:#?}");
    // Nothing proposes another split than the one that was built.
    let idle = found(&plan, "MCC-TP-003").expect("two of four");
    assert!(!idle.fix.contains("tensorParallelSize"), "{}", idle.fix);
    assert!(found(&plan, "MCC-TRT-003").is_some());
    let mut inputs = object(engine("1.1.0", 2, 1));
    inputs.insert("instanceType".to_owned(), json!("ml.g6.12xlarge"));
    let made = project(&inputs);
    let model = made.get("model_repository/model/1/model.json").unwrap().bytes.clone();
    let model: Value = serde_json::from_slice(&model).unwrap();
    assert_eq!(
        (&model["tensor_parallel_size"], &model["max_seq_len"], &model["max_batch_size"]),
        (&json!(2), &json!(4096), &json!(8))
    );
}

#[test]
fn an_engine_has_the_devices_that_it_was_built_for() {
    for (tensor, pipeline, kind, words) in [
        (2, 1, "ml.g6.xlarge", "give instanceType: ml.g6.12xlarge"),
        (2, 2, "ml.g6.12xlarge", ""),
        (2, 4, "ml.g6.12xlarge", "give instanceType: ml.g6.48xlarge"),
        (1, 1, "ml.g6.xlarge", ""),
    ] {
        let base = engine("1.1.0", tensor, pipeline);
        says(&base, &json!({"instanceType": kind}), "MCC-TP-002", words);
    }
}

#[test]
fn another_release_than_the_one_that_built_it_is_refused() {
    let kind = json!({"instanceType": "ml.g6.12xlarge"});
    for (version, more, words) in [
        ("1.1.0", json!({}), ""),
        ("1.1.0", json!({"engineVersion": "26.02"}), ""),
        ("1.1.0", json!({"engineVersion": "25.09"}), "give engineVersion 26.02"),
        ("0.18.2", json!({}), ""),
        ("0.9.9", json!({}), "or give a baseImage that has 0.9.9"),
        ("1.1.0", json!({"deploymentConfig": "transformers-vllm"}), "triton-tensorrtllm"),
        (
            "1.1.0",
            json!({"baseImage": "nvcr.io/nvidia/tritonserver:25.09-trtllm-python-py3"}),
            "the image has 1.0.0",
        ),
        ("1.1.0", json!({"baseImage": "mine.example/engine:1"}), ""),
    ] {
        let mut more = object(more);
        more.extend(object(kind.clone()));
        says(&engine(version, 2, 1), &Value::Object(more), "MCC-TRT-001", words);
    }
    says(&engine("1.2.1", 2, 1), &kind, "MCC-TRT-004", "whether TensorRT-LLM 1.2.1 still loads");
    says(&engine("1.1.0", 2, 1), &kind, "MCC-TRT-004", "");
    // A checkpoint is no engine.
    let checkpoint =
        json!({"modelName": "Qwen/Qwen3-8B", "deploymentConfig": "triton-tensorrtllm"});
    for id in ["MCC-TRT-001", "MCC-TRT-002", "MCC-TRT-003"] {
        says(&checkpoint, &kind, id, "");
    }
}

#[test]
fn what_is_built_in_is_not_asked_for_otherwise() {
    let base = engine("1.1.0", 2, 1);
    for (more, words) in [
        (json!({"tensorParallelSize": 4}), "give 2"),
        (json!({"tensorParallelSize": 2}), ""),
        (json!({"maxModelLen": 8192}), "at most 4096"),
        (json!({"maxModelLen": 2048}), ""),
        (json!({"maxNumSeqs": 9}), "at most 8"),
    ] {
        let mut more = object(more);
        more.insert("instanceType".to_owned(), json!("ml.g6.12xlarge"));
        says(&base, &Value::Object(more), "MCC-TRT-002", words);
    }
}

#[test]
fn a_release_of_the_engine_finds_the_same_image_everywhere() {
    let base = json!({"modelName": "Qwen/Qwen3-8B", "deploymentConfig": "triton-tensorrtllm"});
    let plan = plan(&base, &json!({"engineVersion": "0.18.2"}));
    let made = serde_json::to_value(plan.decisions.as_ref().expect("decisions")).unwrap();
    assert!(
        plan.is_ready() && made["baseImage"].as_str().unwrap().contains(":25.04-trtllm"),
        "{made:#}"
    );
}
