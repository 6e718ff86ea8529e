//! GPUs for which a release of an engine or of CUDA has no kernels.

use mcc_generator::{Finding, Severity};
use serde_json::{Value, json};

use super::{findings, found, spec};
use crate::support::{self, object, plan_of};

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

/// No release that was read has kernels for it below 9.0.
#[test]
fn older_releases_have_no_kernels_for_sparse_attention_either() {
    let at = |config: &str, kind: &str, version: &str| {
        let version = json!({"engineVersion": version});
        let all = findings(config, "deepseek-ai/DeepSeek-V3.2", kind, version);
        found(&all, "MCC-GPU-001").map(|finding| finding.severity)
    };
    let vllm = "transformers-vllm";
    for version in ["0.13.0", "0.16.0", "0.19.1", "0.27.1"] {
        assert_eq!(at(vllm, "ml.p4de.24xlarge", version), Some(Severity::Error), "{version}");
        assert_eq!(at(vllm, "ml.p5en.48xlarge", version), None, "{version}");
    }
    // Not all ways of SGLang were read.
    let sglang = "transformers-sglang";
    assert_eq!(at(sglang, "ml.p4de.24xlarge", "0.5.14"), Some(Severity::Warning));
    assert_eq!(at(sglang, "ml.p5en.48xlarge", "0.5.14"), None);
}

/// A config of the model's own, whose weights are quantized so.
fn quantized(class: &str, experts: u64, quantization: &Value, more: Value) -> Value {
    let mut config = object(json!({
        "architectures": [class], "hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 32,
        "num_key_value_heads": 4, "vocab_size": 151_936, "intermediate_size": 6144,
        "max_position_embeddings": 32_768, "quantization_config": quantization,
    }));
    if experts > 0 {
        config.extend(object(json!({"num_experts": experts, "moe_intermediate_size": 768})));
    }
    let mut inputs = object(json!({"modelConfig": Value::Object(config).to_string()}));
    inputs.extend(object(more));
    Value::Object(inputs)
}

#[test]
fn formats_without_kernels_for_the_gpu_are_a_warning() {
    let said = |config: &str, kind: &str, more: Value| {
        let all = findings(config, "me/model", kind, more);
        found(&all, "MCC-GPU-001").map(|finding| (finding.severity, finding.message.clone()))
    };
    let nvfp4 = json!({"quant_method": "modelopt", "quant_algo": "NVFP4"});
    let sglang = |experts: u64, kind: &str, version: &str| {
        let class = if experts > 0 { "Qwen3MoeForCausalLM" } else { "Qwen3ForCausalLM" };
        let version = json!({"engineVersion": version});
        said("transformers-sglang", kind, quantized(class, experts, &nvfp4, version))
    };
    let (severity, message) = sglang(64, "ml.g7e.2xlarge", "0.5.12").unwrap();
    assert!(severity == Severity::Warning && message.contains("experts in NVFP4"), "{message}");
    assert_eq!(sglang(64, "ml.g7e.2xlarge", "0.5.13"), None, "it takes kernels for 12.x");
    assert_eq!(sglang(0, "ml.g7e.2xlarge", "0.5.12"), None, "there are no experts");

    let blocks = json!({"quant_method": "fp8", "weight_block_size": [128, 128]});
    let tensors = json!({"quant_method": "fp8"});
    let tensorrt = |quantization: &Value, kind: &str| {
        let config = quantized("Qwen3ForCausalLM", 0, quantization, json!({}));
        said("transformers-tensorrt-llm", kind, config)
    };
    let (severity, message) = tensorrt(&blocks, "ml.g6e.2xlarge").unwrap();
    assert!(severity == Severity::Warning && message.contains("share a scale"), "{message}");
    assert_eq!(tensorrt(&blocks, "ml.p5.4xlarge"), None);
    assert_eq!(tensorrt(&tensors, "ml.g6e.2xlarge"), None, "one scale for the whole tensor");
}
