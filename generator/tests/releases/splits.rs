//! What of quantized weights a release does not cut.

use mcc_generator::Severity;
use serde_json::{Value, json};

use super::{findings, found, spec};
use crate::support::object;

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
