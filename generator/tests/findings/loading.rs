//! What a model needs while it is loaded, which releases load it, and what is proposed where one does not.

use serde_json::json;

use super::{found, plan, says};

/// 27.5 GiB at 16 bits, on an L4 with 22.
#[test]
fn quantizing_while_loading_may_need_the_whole_model_first() {
    let base = json!({"modelName": "Qwen/Qwen3-14B", "instanceType": "ml.g6.2xlarge", "quantization": "fp8"});
    for (more, words) in [
        (
            json!({"deploymentConfig": "transformers-sglang"}),
            "give load-format: layered in engineArgs",
        ),
        (
            json!({"deploymentConfig": "transformers-sglang", "engineArgs": {"load-format": "layered"}}),
            "",
        ),
        (json!({"deploymentConfig": "transformers-sglang", "instanceType": "ml.g6e.2xlarge"}), ""),
        (json!({"deploymentConfig": "transformers-sglang", "modelName": "Qwen/Qwen3-8B"}), ""),
        // vLLM converts while it loads from 0.20.0 on.
        (json!({"deploymentConfig": "transformers-vllm"}), ""),
        (
            json!({"deploymentConfig": "transformers-vllm", "engineVersion": "0.19.1"}),
            "as it comes is not known",
        ),
        // Of earlier ones its documentation says the contrary.
        (
            json!({"deploymentConfig": "triton-vllm", "engineVersion": "25.10"}),
            "and vllm 0.10.2 loads all of them before it quantizes",
        ),
    ] {
        says(&base, &more, "MCC-MEM-030", words);
    }
}

#[test]
fn another_release_is_proposed_only_if_it_has_the_class() {
    // Releases before 0.20.0 have kernels for every GPU, and not this model.
    let sparse =
        json!({"modelName": "deepseek-ai/DeepSeek-V4-Flash", "instanceType": "ml.p4d.24xlarge"});
    let told = plan(&sparse, &json!({}));
    let finding = found(&told, "MCC-GPU-001").expect("a finding");
    assert!(!finding.fix.contains("engineVersion"), "{finding:#?}");
    for choice in &finding.choices {
        let other = plan(&sparse, &json!({"instanceType": choice}));
        assert!(other.is_ready(), "{choice}: {:#?}", other.findings);
    }
    assert!(!finding.choices.is_empty(), "{finding:#?}");
    let volta = json!({"modelName": "Qwen/Qwen3-0.6B", "instanceType": "ml.p3.2xlarge", "engineVersion": "0.27.1"});
    says(&volta, &json!({}), "MCC-GPU-001", "0.19.1");
}

/// TensorRT-LLM calculates FP8 from Ada on; vLLM and `SGLang` keep the weights at 8 bits on older GPUs.
#[test]
fn eight_bit_checkpoints_on_older_gpus_depend_on_the_engine() {
    let model = json!({"modelName": "Qwen/Qwen3-8B-FP8", "instanceType": "ml.g5.2xlarge"});
    for (config, kind, refused) in [
        ("transformers-tensorrt-llm", "ml.g5.2xlarge", true),
        ("triton-tensorrtllm", "ml.p4d.24xlarge", true),
        ("transformers-tensorrt-llm", "ml.g6.2xlarge", false),
        ("transformers-vllm", "ml.g5.2xlarge", false),
        ("transformers-sglang", "ml.g5.2xlarge", false),
    ] {
        let told = plan(&model, &json!({"deploymentConfig": config, "instanceType": kind}));
        let finding = found(&told, "MCC-GPU-002");
        assert_eq!(finding.is_some(), refused, "{config} {kind}: {:#?}", told.findings);
    }
}

#[test]
fn a_reranker_that_generates_is_sent_where_it_can_score() {
    for config in ["transformers-sglang", "transformers-djl", "transformers-lmi"] {
        let base = json!({"modelName": "Qwen/Qwen3-Reranker-0.6B", "instanceType": "ml.g6.2xlarge", "deploymentConfig": config});
        let told = plan(&base, &json!({}));
        let finding = found(&told, "MCC-TSK-003").unwrap_or_else(|| panic!("{config}"));
        assert!(finding.fix.contains("transformers-vllm"), "{config}: {finding:#?}");
        assert!(
            !finding.fix.contains("transformers-sglang"),
            "it generates there too: {finding:#?}"
        );
    }
}
