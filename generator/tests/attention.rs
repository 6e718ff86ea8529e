//! What a sequence costs under each kind of attention, worked out by hand from published `config.json` files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "tests"
)]

use mcc_fit::sizing::{
    Device, Dtype, ExpertScales, GIB, ModelShape, Sampling, Serving, allowed_degrees, estimate,
    parse_config,
};
use serde_json::{Value, json};

fn model(config: &Value) -> ModelShape {
    parse_config(&config.to_string()).unwrap()
}

/// Bytes of one sequence of `tokens` on each of `tensor_parallel` devices.
fn sequence(model: &ModelShape, tokens: u64, tensor_parallel: u32) -> u64 {
    let device = Device {
        name: "H200".to_owned(),
        memory_gib: 139.8,
        count: 8,
        together: 1,
        groups: Vec::new(),
        compiled: false,
        compute_capability: Some((9, 0)),
        bf16: true,
        fp8: true,
        fp4: false,
    };
    let serving = Serving {
        tensor_parallel,
        pipeline_parallel: 1,
        memory_utilization: 0.9,
        max_model_len: tokens,
        max_num_seqs: None,
        max_num_batched_tokens: Some(2048),
        dtype: Dtype::Bfloat16,
        in_flight: None,
        cache_value_bytes: 2.0,
        lora: None,
        eager: false,
        states: None,
        sampling: Sampling::default(),
        scales: ExpertScales::default(),
        draft: None,
    };
    let gib = estimate(model, &device, &serving).sequence_gib.unwrap();
    format!("{:.0}", gib * GIB).parse().unwrap()
}

fn near(model: &ModelShape, published: u64) {
    let error = (model.parameters as f64 / published as f64 - 1.0).abs();
    assert!(error < 0.01, "{} parameters, {published} are published", model.parameters);
}

#[test]
fn multi_head_attention() {
    // meta-llama/Llama-2-7b-hf: 2 (keys, values) × 32 layers × 32 heads × 128 × 2 bytes = 524,288 per token.
    let llama = model(&json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
        "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 32, "vocab_size": 32000, "max_position_embeddings": 4096,
        "torch_dtype": "float16", "tie_word_embeddings": false,
    }));
    near(&llama, 6_738_415_616);
    assert_eq!(sequence(&llama, 4096, 1), 524_288 * 4096);
    assert_eq!(sequence(&llama, 4096, 8), 524_288 * 4096 / 8);
    // Sequences take whole blocks of 16 tokens.
    assert_eq!(sequence(&llama, 17, 1), 524_288 * 32);
}

#[test]
fn grouped_query_attention() {
    // meta-llama/Llama-3.1-8B: 2 × 32 layers × 8 key-value heads × 128 × 2 bytes = 131,072 per token.
    let llama = model(&json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
        "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "vocab_size": 128_256, "max_position_embeddings": 131_072,
        "torch_dtype": "bfloat16", "tie_word_embeddings": false,
    }));
    near(&llama, 8_030_261_248);
    // 16 GiB for the whole context on one device; past 8 devices the heads are copied, not divided.
    assert_eq!(sequence(&llama, 131_072, 1), 16 * (1 << 30));
    assert_eq!(sequence(&llama, 131_072, 8), 2 * (1 << 30));
    assert_eq!(sequence(&llama, 131_072, 16), 2 * (1 << 30));
}

#[test]
fn multi_query_attention() {
    // tiiuae/falcon-7b: 2 × 32 layers × 1 head × 64 × 2 bytes = 8,192 per token, whole on every device.
    let falcon = model(&json!({
        "architectures": ["FalconForCausalLM"], "model_type": "falcon", "hidden_size": 4544,
        "num_hidden_layers": 32, "num_attention_heads": 71, "multi_query": true,
        "parallel_attn": true, "new_decoder_architecture": false, "vocab_size": 65024,
        "torch_dtype": "bfloat16",
    }));
    near(&falcon, 6_921_720_704);
    assert_eq!(sequence(&falcon, 2048, 1), 8192 * 2048);
    assert_eq!(sequence(&falcon, 2048, 4), 8192 * 2048);
    assert_eq!(allowed_degrees(&falcon, 8), [1], "71 is a prime");
}

#[test]
fn multi_head_latent_attention() {
    // deepseek-ai/DeepSeek-V3: 61 layers × (512 + 64) × 2 bytes = 70,272 per token, whole on every device.
    let deepseek = model(&json!({
        "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "hidden_size": 7168,
        "intermediate_size": 18432, "num_hidden_layers": 61, "num_attention_heads": 128,
        "num_key_value_heads": 128, "vocab_size": 129_280, "max_position_embeddings": 163_840,
        "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
        "v_head_dim": 128, "n_routed_experts": 256, "n_shared_experts": 1,
        "moe_intermediate_size": 2048, "first_k_dense_replace": 3, "torch_dtype": "bfloat16",
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    }));
    near(&deepseek, 671_026_404_352);
    assert_eq!(sequence(&deepseek, 16_384, 1), 70_272 * 16_384);
    assert_eq!(sequence(&deepseek, 16_384, 8), 70_272 * 16_384);
    // 8-bit weights, 16-bit embeddings (2 × 129,280 × 7,168): near 673 GB.
    let gb = deepseek.weight_bytes as f64 / 1e9;
    assert!((672.0..676.0).contains(&gb), "{gb}");
}

#[test]
fn sliding_window_attention() {
    // google/gemma-3-27b-it: every sixth of 62 layers sees everything. A layer costs 2 × 16 × 128 × 2 = 8,192 bytes
    // per token. 10 layers keep 131,072 tokens; 52 keep the window of 1,024 less the token itself, beside a step of
    // 2,048, in whole blocks, and one block that the window begins in: 3,088 tokens.
    let gemma = model(&json!({
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        "torch_dtype": "bfloat16",
        "text_config": {
            "model_type": "gemma3_text", "hidden_size": 5376, "intermediate_size": 21504,
            "num_hidden_layers": 62, "num_attention_heads": 32, "num_key_value_heads": 16,
            "head_dim": 128, "vocab_size": 262_208, "sliding_window": 1024,
            "sliding_window_pattern": 6, "max_position_embeddings": 131_072,
        },
    }));
    near(&gemma, 27_009_000_000);
    assert_eq!(sequence(&gemma, 131_072, 1), 81_920 * 131_072 + 425_984 * 3_088);
    // A short sequence has no use for a window.
    assert_eq!(sequence(&gemma, 512, 1), 81_920 * 512 + 425_984 * (512 + 16));
}

#[test]
fn linear_attention_beside_full_attention() {
    // Qwen/Qwen3-Next-80B-A3B: 12 of 48 layers have a cache of 2 × 2 × 256 × 2 = 2,048 bytes per token. 36 keep
    // 32 heads × 128 × 128 × 4 bytes, and 3 inputs of a convolution over 2 × 16 × 128 + 32 × 128 channels.
    let next = model(&json!({
        "architectures": ["Qwen3NextForCausalLM"], "model_type": "qwen3_next", "hidden_size": 2048,
        "intermediate_size": 5120, "num_hidden_layers": 48, "num_attention_heads": 16,
        "num_key_value_heads": 2, "head_dim": 256, "vocab_size": 151_936,
        "max_position_embeddings": 262_144, "full_attention_interval": 4,
        "linear_num_value_heads": 32, "linear_value_head_dim": 128, "linear_num_key_heads": 16,
        "linear_key_head_dim": 128, "linear_conv_kernel_dim": 4, "num_experts": 512,
        "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
        "torch_dtype": "bfloat16", "tie_word_embeddings": false,
    }));
    let state = 36 * (32 * 128 * 128 * 4 + 3 * 8192 * 2);
    assert_eq!(sequence(&next, 262_144, 1), 24_576 * 262_144 + state);
    // A state does not grow: a hundred tokens cost it too.
    assert_eq!(sequence(&next, 112, 1), 24_576 * 112 + state);
    // 81.3 billion are published with a head that predicts several tokens, of some 1.6 billion.
    near(&next, 79_674_391_296);
}

#[test]
fn state_space_beside_attention() {
    // nvidia/Nemotron-H-8B: of 52 layers 24 are Mamba-2, 24 feed-forward and 4 attention, the latter with
    // 2 × 8 × 128 × 2 = 4,096 bytes per token. A Mamba layer keeps 128 heads × 64 × 128 states of 4 bytes, and 3 inputs
    // of a convolution over 8,192 + 2 × 8 × 128 channels.
    let nemotron = model(&json!({
        "architectures": ["NemotronHForCausalLM"], "model_type": "nemotron_h", "hidden_size": 4096,
        "intermediate_size": 21504, "num_hidden_layers": 52, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131_072,
        "max_position_embeddings": 8192,
        "hybrid_override_pattern": "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-",
        "mamba_num_heads": 128, "mamba_head_dim": 64, "ssm_state_size": 128, "n_groups": 8,
        "conv_kernel": 4, "torch_dtype": "bfloat16", "tie_word_embeddings": false,
    }));
    near(&nemotron, 8_100_000_000);
    let state = 24 * (128 * 64 * 128 * 4 + 3 * (8192 + 2 * 8 * 128) * 2);
    assert_eq!(sequence(&nemotron, 8192, 1), 4 * 4096 * 8192 + state);
}

#[test]
fn a_mixture_of_experts_keeps_all_experts_and_the_cache_of_its_attention() {
    // mistralai/Mixtral-8x7B: 46.7 billion parameters in memory, though a token uses 12.9; 131,072 bytes per token.
    let mixtral = model(&json!({
        "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 4096,
        "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2,
        "vocab_size": 32000, "max_position_embeddings": 32_768, "sliding_window": null,
        "torch_dtype": "bfloat16", "tie_word_embeddings": false,
    }));
    near(&mixtral, 46_702_792_704);
    assert_eq!(mixtral.weight_bytes, 2 * mixtral.parameters);
    assert_eq!(sequence(&mixtral, 32_768, 2), 131_072 * 32_768 / 2);
}
