//! Published `config.json` files that were read wrongly or not at all, with values worked out by hand or published.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "tests"
)]

use mcc_fit::sizing::{ConfigError, ModelShape, Stretched, parse_config, too_long};
use serde_json::{Value, json};

fn read(config: &Value) -> ModelShape {
    parse_config(&config.to_string()).unwrap()
}

fn near(shape: &ModelShape, published: u64) {
    let error = (shape.parameters as f64 / published as f64 - 1.0).abs();
    assert!(error < 0.0075, "{} parameters, {published} are published", shape.parameters);
}

/// Bytes of a token in layers that keep all, in those with a window, and that window.
fn costs(shape: &ModelShape) -> (u64, u64, u64) {
    let cache = shape.cache.unwrap();
    (cache.token_bytes, cache.windowed_token_bytes, cache.window)
}

/// `config` with the entries of `more`.
fn with(config: &Value, more: &Value) -> Value {
    let mut config = config.clone();
    for (key, value) in more.as_object().unwrap() {
        config.as_object_mut().unwrap().insert(key.clone(), value.clone());
    }
    config
}

#[test]
fn a_family_s_defaults_are_filled_in() {
    // google/gemma-3-4b-it leaves heads, key-value heads, their size and the vocabulary out: 8, 4, 256 and 262208.
    let gemma = read(&json!({
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
        "text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
                        "num_hidden_layers": 34, "sliding_window": 1024},
        "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304,
                          "num_hidden_layers": 27},
    }));
    // Every sixth of 34 layers keeps all: 5 × 2 × 4 × 256 × 2 bytes.
    assert_eq!(costs(&gemma), (20_480, 118_784, 1024));
    assert_eq!((gemma.heads, gemma.kv_heads, gemma.vocab), (Some(8), Some(4), 262_208));
    near(&gemma, 4_300_079_472);
    // llava-hf/llava-1.5-7b-hf says nothing of its language model but that it is Llama.
    let llava = read(&json!({
        "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava",
        "text_config": {"model_type": "llama", "max_position_embeddings": 4096, "vocab_size": 32064},
        "vision_config": {"model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096,
                          "num_hidden_layers": 24},
    }));
    assert_eq!(costs(&llava), (524_288, 0, 0));
    near(&llava, 7_063_427_072);
}

#[test]
fn what_says_too_little_is_told_from_what_is_wrong() {
    let none = parse_config(r#"{"architectures": ["FoobarForCausalLM"]}"#);
    assert_eq!(none, Err(ConfigError::Missing("hidden_size")));
    let wrong = parse_config(r#"{"hidden_size": -1}"#);
    assert!(matches!(wrong, Err(ConfigError::OutOfRange { .. })), "{wrong:?}");
}

#[test]
fn models_without_attention_or_with_an_encoder_are_sized() {
    // mistralai/Mamba-Codestral-7B-v0.1.
    let mamba = read(&json!({
        "architectures": ["Mamba2ForCausalLM"], "model_type": "mamba2", "hidden_size": 4096, "num_heads": 128,
        "head_dim": 64, "state_size": 128, "n_groups": 8, "num_hidden_layers": 64, "vocab_size": 32768, "expand": 2,
        "conv_kernel": 4,
    }));
    near(&mamba, 7_285_403_648);
    let cache = mamba.cache.unwrap();
    assert_eq!((cache.token_bytes, cache.state_bytes), (0, 64 * (8192 * 128 * 4 + 10_240 * 3 * 2)));
    assert_eq!(mamba.heads, None);
    // openai/whisper-large-v3: 32 decoder layers of width 1280, and as much of 1500 frames.
    let whisper = read(&json!({
        "architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "d_model": 1280,
        "encoder_layers": 32, "decoder_layers": 32, "encoder_attention_heads": 20, "decoder_attention_heads": 20,
        "vocab_size": 51866, "num_mel_bins": 128, "max_target_positions": 448, "max_source_positions": 1500,
    }));
    near(&whisper, 1_543_490_560);
    let cache = whisper.cache.unwrap();
    assert_eq!((cache.token_bytes, cache.state_bytes), (163_840, 163_840 * 1500));
    assert_eq!(whisper.max_positions, Some(448));
    // google-t5/t5-large.
    let t5 = read(&json!({
        "architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "d_model": 1024, "d_ff": 4096, "d_kv": 64,
        "num_heads": 16, "num_layers": 24, "vocab_size": 32128,
    }));
    near(&t5, 737_668_096);
    // BAAI/bge-base-en-v1.5 encodes, and keeps nothing.
    let bert = read(&json!({
        "architectures": ["BertModel"], "model_type": "bert", "hidden_size": 768, "intermediate_size": 3072,
        "num_hidden_layers": 12, "num_attention_heads": 12, "vocab_size": 30522, "max_position_embeddings": 512,
        "type_vocab_size": 2, "torch_dtype": "float32",
    }));
    near(&bert, 109_482_240);
    assert_eq!(costs(&bert), (0, 0, 0));
}

#[test]
fn layers_differ() {
    // ai21labs/Jamba-v0.1: attention in layers 4, 12, 20, 28, experts in every second layer. 51.57 billion parameters.
    let jamba = read(&json!({
        "architectures": ["JambaForCausalLM"], "model_type": "jamba", "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "attn_layer_offset": 4,
        "attn_layer_period": 8, "expert_layer_offset": 1, "expert_layer_period": 2, "num_experts": 16,
        "mamba_d_conv": 4, "mamba_d_state": 16, "mamba_expand": 2, "vocab_size": 65536,
    }));
    assert_eq!(costs(&jamba).0, 16_384);
    near(&jamba, 51_570_323_328);
    // XiaomiMiMo/MiMo-V2-Flash: 9 of 48 layers keep all, with 4 key-value heads of 192 + 128; the others 8 of them.
    let pattern: Vec<u64> = (0..48).map(|at| u64::from(at != 0 && at % 6 != 5)).collect();
    let mimo = json!({
        "architectures": ["MiMoV2FlashForCausalLM"], "model_type": "mimo_v2_flash", "hidden_size": 4096,
        "intermediate_size": 16384, "num_hidden_layers": 48, "num_attention_heads": 64, "num_key_value_heads": 4,
        "head_dim": 192, "v_head_dim": 128, "vocab_size": 152_576, "max_position_embeddings": 262_144,
        "sliding_window": 128, "swa_num_attention_heads": 64, "swa_num_key_value_heads": 8, "swa_head_dim": 192,
        "swa_v_head_dim": 128, "hybrid_layer_pattern": pattern, "n_routed_experts": 256, "moe_intermediate_size": 2048,
        "moe_layer_freq": (0..48).map(|at| u64::from(at > 0)).collect::<Vec<_>>(),
    });
    assert_eq!(costs(&read(&mimo)), (23_040, 199_680, 128));
    near(&read(&mimo), 309_785_318_400);
    // The same with every layer's cache borrowed from another: that cannot be, so it is not known.
    assert_eq!(read(&with(&mimo, &json!({"num_kv_shared_layers": 48}))).cache, None);
    // Layers that are named, as stepfun-ai's are.
    let named = with(&mimo, &json!({"moe_layer_freq": null, "moe_layers_enum": "1,2"}));
    assert!(read(&named).parameters < 40_000_000_000);
    let dense_first = with(&mimo, &json!({"moe_layer_freq": null, "num_dense_layers": 46}));
    assert_eq!(read(&dense_first).parameters, read(&named).parameters);
}

#[test]
fn a_search_s_blocks_are_read_one_by_one() {
    let block = |group: Value, multiple: f64| {
        json!({"attention": {"n_heads_in_group": group, "no_op": group.is_null()},
               "ffn": {"ffn_mult": multiple, "no_op": false}})
    };
    let nas = read(&json!({
        "architectures": ["DeciLMForCausalLM"], "model_type": "nemotron-nas", "hidden_size": 8192,
        "num_hidden_layers": 3, "num_attention_heads": 64, "vocab_size": 128_256,
        "block_configs": [block(json!(8), 5.25), block(json!(null), 1.0), block(json!(8), 2.625)],
    }));
    // Two of three layers attend, with 8 key-value heads of 128.
    assert_eq!((costs(&nas), nas.kv_heads), ((2 * 4096, 0, 0), Some(8)));
    let widths = [28_672_u64, 5_632, 14_336];
    let attention = 2 * (2 * 8192 * 8192 + 2 * 8192 * 1024);
    near(&nas, 2 * 128_256 * 8192 + attention + 3 * 8192 * widths.iter().sum::<u64>());
}

fn qwen() -> Value {
    json!({
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 5120, "intermediate_size": 25600,
        "num_hidden_layers": 64, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128,
        "vocab_size": 151_936, "max_position_embeddings": 40960, "tie_word_embeddings": false,
    })
}

#[test]
fn formats_are_those_of_each_part() {
    let gib = |config: &Value| read(config).weight_bytes as f64 / (1u64 << 30) as f64;
    // Blocks in four bits with a scale of eight for 16 weights, attention in eight bits: 21.7 GiB, measured by a user.
    let mixed = json!({"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {
        "group_0": {"targets": ["re:.*mlp.*"], "weights": {"num_bits": 4, "type": "float", "group_size": 16},
                    "input_activations": {"num_bits": 4}},
        "group_1": {"targets": ["re:.*self_attn.*"], "weights": {"num_bits": 8, "type": "float"},
                    "input_activations": {"num_bits": 8}},
    }, "ignore": ["lm_head"]}});
    let weights = gib(&with(&qwen(), &mixed));
    assert!((weights - 21.7).abs() < 0.3, "{weights}");
    // Groups of 32 have four times the scales of groups of 128.
    let awq = |group: u64| {
        let quantization = json!({"quant_method": "awq", "bits": 4, "group_size": group});
        gib(&with(&qwen(), &json!({"quantization_config": quantization})))
    };
    assert!((awq(32) / awq(128) - 1.099).abs() < 0.01, "{} {}", awq(32), awq(128));
    // Modules that are left out by name, one layer at a time or by a pattern.
    let plain: Vec<String> =
        (0..64).map(|at| format!("model.layers.{at}.self_attn.q_proj")).collect();
    let fp8 = |names: Value| {
        let quantization = json!({"quant_method": "fp8", "modules_to_not_convert": names});
        gib(&with(&qwen(), &json!({"quantization_config": quantization})))
    };
    assert!(fp8(json!(plain)) > fp8(json!([])) + 4.0);
    assert!((fp8(json!(plain)) - fp8(json!(["re:.*self_attn.*"]))).abs() < 1e-9);
    assert!((fp8(json!(&plain[..2])) - fp8(json!([]))).abs() < 1e-9, "two layers are no part");
    // A tied embedding is one matrix, quantized or not.
    let tied = json!({"tie_word_embeddings": true, "quantization_config": {"quant_method": "fp8"}});
    let difference = fp8(json!([])) - gib(&with(&qwen(), &tied));
    assert!((difference - 151_936.0 * 5120.0 * 2.0 / 1_073_741_824.0).abs() < 0.01, "{difference}");
}

#[test]
fn the_longest_context_is_what_engines_derive() {
    let context = |more: &Value| read(&with(&qwen(), more)).max_positions;
    let scaled = |kind: &str, factor: f64, original: u64| {
        let scaling = json!({"rope_type": kind, "factor": factor, "original_max_position_embeddings": original});
        context(&json!({"rope_scaling": scaling}))
    };
    assert_eq!(context(&json!({"max_seq_len": 2048})), Some(2048), "the least of the keys");
    assert_eq!(scaled("linear", 2.0, 40960), Some(81920));
    assert_eq!(scaled("dynamic", 2.0, 40960), Some(81920));
    for kind in ["llama3", "longrope", "su", "default"] {
        assert_eq!(scaled(kind, 8.0, 8192), Some(40960), "{kind}");
    }
    let gemma = json!({"model_type": "gemma3_text", "rope_scaling": {"rope_type": "linear", "factor": 8.0}});
    assert_eq!(context(&gemma), Some(40960));
    // What every release takes.
    assert_eq!(scaled("yarn", 4.0, 32768), Some(40960));
    assert_eq!(scaled("yarn", 1.0, 32768), Some(32768));
}

#[test]
fn a_context_above_it_is_refused_by_those_engines_that_do() {
    let plain = read(&qwen());
    let limit = |shape: &ModelShape, engine: &str, release: Option<&str>, tokens: u64| {
        too_long(shape, engine, release, tokens).map(|found| found.longest)
    };
    assert_eq!(limit(&plain, "vllm", Some("0.27.1"), 40960), None);
    assert_eq!(limit(&plain, "vllm", Some("0.27.1"), 131_072), Some(40960));
    assert_eq!(limit(&plain, "sglang", None, 131_072), Some(40960));
    assert_eq!(limit(&plain, "transformers", None, 131_072), None, "not known");
    let scaling =
        json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768});
    let yarn = read(&with(&qwen(), &json!({"rope_scaling": scaling})));
    assert_eq!(yarn.stretched, Some(Stretched { given: 40960, multiplied: 131_072 }));
    assert_eq!(limit(&yarn, "vllm", Some("0.29.0"), 131_072), None);
    assert_eq!(limit(&yarn, "vllm", Some("0.30.0"), 131_072), Some(40960));
    assert_eq!(limit(&yarn, "vllm", None, 131_072), None, "some release takes it");
    assert_eq!(limit(&yarn, "sglang", Some("0.5.23"), 131_072), Some(40960));
    assert_eq!(limit(&ModelShape { max_positions: None, ..plain }, "vllm", None, 1 << 30), None);
}
