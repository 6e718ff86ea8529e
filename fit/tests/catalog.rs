//! The catalog's models through the reader: what it computes against totals and costs that others published, and the
//! checks that would have found what was wrong in the table before. Each check finds a fault that is planted here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use mcc_catalogs::{Basis, Catalogs, Model};
use mcc_fit::sizing::{
    ModelShape, Origin, Verdict, Wanted, device_of, parse_config, plan, shape_of,
};
use serde_json::{Value, json};

fn model(id: &str) -> Model {
    Catalogs::embedded().models().get(id).unwrap_or_else(|| panic!("{id} is not there")).clone()
}

/// The row with other values under some keys of it, and of its configuration.
fn changed(id: &str, row: &Value, config: &Value) -> Model {
    let mut value = serde_json::to_value(model(id)).unwrap();
    for (key, new) in row.as_object().unwrap() {
        value[key] = new.clone();
    }
    for (key, new) in config.as_object().unwrap() {
        value["config"][key] = new.clone();
    }
    serde_json::from_str(&value.to_string()).unwrap()
}

fn config_of(row: &Model) -> Value {
    serde_json::from_str(row.config.as_ref().unwrap().text()).unwrap()
}

/// Families with some layers that keep a window only, whose configuration has to say which.
const WINDOWED: [&str; 14] = [
    "Gemma2ForCausalLM",
    "Gemma3ForCausalLM",
    "Gemma3ForConditionalGeneration",
    "Gemma3nForConditionalGeneration",
    "Gemma4ForConditionalGeneration",
    "Gemma4UnifiedForConditionalGeneration",
    "Olmo3ForCausalLM",
    "Exaone4ForCausalLM",
    "Cohere2ForCausalLM",
    "GptOssForCausalLM",
    "Step3p5ForCausalLM",
    "MiMoV2FlashForCausalLM",
    "Llama4ForConditionalGeneration",
    "Gemma3TextModel",
];
const LATENT: [&str; 8] = [
    "DeepseekV2ForCausalLM",
    "DeepseekV3ForCausalLM",
    "DeepseekV32ForCausalLM",
    "Glm4MoeLiteForCausalLM",
    "GlmMoeDsaForCausalLM",
    "KimiK25ForConditionalGeneration",
    "MistralLarge3ForCausalLM",
    "KimiK3ForConditionalGeneration",
];
const STATEFUL: [&str; 8] = [
    "NemotronHForCausalLM",
    "FalconH1ForCausalLM",
    "Qwen3NextForCausalLM",
    "Qwen3_5ForConditionalGeneration",
    "Qwen3_5MoeForConditionalGeneration",
    "JambaForCausalLM",
    "KimiLinearForCausalLM",
    "KimiK3ForConditionalGeneration",
];
/// Larger models with as many key-value as attention heads, by their own configurations.
const MULTI_HEAD: [&str; 9] = [
    "meta-llama/Llama-2-7b",
    "meta-llama/Llama-2-13b",
    "allenai/OLMo-2-1124-7B",
    "allenai/OLMo-2-1124-13B",
    "google/gemma-7b",
    "llava-hf/llava-1.5-7b-hf",
    "lmsys/vicuna",
    "codellama/CodeLlama",
    "microsoft/Phi-3-medium",
];
/// Words in names of checkpoints that are quantized.
const QUANTIZED: [&str; 8] = ["FP8", "NVFP4", "FP4", "AWQ", "GPTQ", "Int4", "Int8", "w4a16"];

fn starts(id: &str, list: &[&str]) -> bool {
    list.iter().any(|name| id.to_lowercase().starts_with(&name.to_lowercase()))
}

/// What cannot be right about a row and the shape that is read from it, each with the number of its check.
fn faults(row: &Model) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(shape) = shape_of(row) else { return vec!["unsized".to_owned()] };
    let id = row.id.as_str();
    let class = row.architecture.as_str();
    let mut fault = |when: bool, what: &str| {
        if when {
            faults.push(what.to_owned());
        }
    };
    // C5 and what stands for C3: bytes of a parameter as the format has them.
    let each = shape.weight_bytes as f64 / shape.parameters as f64;
    let expected = match &shape.quantization {
        None if shape.dtype.bytes() > 2.0 => 3.9..4.1,
        // Quantized by the name only, or with a part in another format.
        None => 1.8..2.1,
        Some(q) if q.bytes_per_weight > 0.9 => 0.95..1.3,
        Some(_) => 0.5..1.2,
    };
    fault(!expected.contains(&each), "C5 bytes of a parameter");
    let named = QUANTIZED.iter().any(|word| id.contains(word));
    fault(named && shape.quantization.is_none(), "C3 quantized by its name");
    if let Some(cache) = shape.cache {
        let token = cache.token_bytes + cache.windowed_token_bytes;
        fault(LATENT.contains(&class) && !cache.replicated, "C8 latent by its class");
        fault(
            WINDOWED.contains(&class) && cache.windowed_token_bytes == 0,
            "C9 windowed by its class",
        );
        fault(
            STATEFUL.contains(&class) && (cache.state_bytes == 0 || cache.token_bytes == 0),
            "C10 stateful by its class",
        );
        let heads = shape.heads.unwrap_or_default();
        let multi = shape.kv_heads == shape.heads && heads > 1 && !cache.replicated && token > 0;
        fault(
            multi
                && shape.parameters > 5_000_000_000
                && !starts(id, &MULTI_HEAD)
                && row.basis != Basis::Recalled,
            "C11 a key-value head for each head",
        );
        fault(token > 600_000 && !starts(id, &MULTI_HEAD), "C12 cache of a token");
    }
    if let (Some(heads), Some(kv_heads)) = (shape.heads, shape.kv_heads) {
        fault(kv_heads == 0 || !heads.is_multiple_of(kv_heads), "C15 heads");
    }
    fault(
        id.contains("-2507") && shape.max_positions < Some(100_000),
        "C16 context of a dated release",
    );
    fault(shape.stretched.is_some(), "C17 yarn");
    if let Some(config) = &row.config {
        let value = config_of(row);
        let plain =
            ["num_hidden_layers", "num_key_value_heads", "head_dim"].map(|key| value[key].as_u64());
        let other = [
            "layer_types",
            "sliding_window",
            "kv_lora_rank",
            "hybrid_override_pattern",
            "layers_block_type",
        ];
        let listed = other.iter().any(|key| value.get(*key).is_some());
        // C13, where nothing but the three numbers says what a token costs.
        if let (
            [
                "LlamaForCausalLM"
                | "Qwen2ForCausalLM"
                | "Qwen3ForCausalLM"
                | "Qwen3MoeForCausalLM",
            ],
            [Some(l), Some(k), Some(d)],
            false,
        ) = ([class], plain, listed)
        {
            let cache = shape.cache.unwrap_or_default();
            fault(cache.token_bytes != 4 * l * k * d, "C13 cache of plain attention");
        }
        let read = parse_config(config.text()).map(|read| read.parameters);
        if let (Ok(read), Some(total)) = (read, row.parameters) {
            let error = (read as f64 / total as f64 - 1.0).abs();
            fault(error > 0.0075 && row.basis == Basis::Verbatim, "C14 parameters");
        }
    }
    faults
}

/// Rows whose total is not the sum of the layers that the configuration tells of, and why.
const OTHER_TOTALS: [(&str, &str); 17] = [
    (
        "meta-llama/Llama-3.2-11B-Vision-Instruct",
        "the vision tower has more than its configuration tells",
    ),
    ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "the vision tower's configuration is not there"),
    ("Qwen/Qwen3-0.6B", "a second copy of the tied embedding is in the file"),
    ("Qwen/Qwen3-1.7B", "the same"),
    ("Qwen/Qwen3-Next-80B-A3B-Instruct", "layers for multi-token prediction without a key"),
    ("Qwen/Qwen3-Embedding-8B", "the checkpoint has no output embedding"),
    (
        "google/gemma-4-E2B-it",
        "vision and audio towers, and wider blocks where the cache is shared",
    ),
    ("google/embeddinggemma-300m", "two dense layers of the pooling head"),
    ("google/gemma-4-26B-A4B", "the vision tower"),
    ("deepseek-ai/DeepSeek-V4-Flash-0731", "scales and a second prediction layer"),
    ("tiiuae/Falcon-H1-7B-Instruct", "the copy has no vocabulary or block width"),
    ("microsoft/Phi-3.5-vision-instruct", "the vision tower's configuration is not there"),
    ("openbmb/MiniCPM-V-2_6", "what joins the vision tower"),
    ("zai-org/GLM-4.1V-9B-Thinking", "the vision tower's blocks are narrower"),
    ("tiiuae/falcon-40b", "the hub counts buffers"),
    ("LiquidAI/LFM2.5-VL-1.6B", "the vision tower"),
    ("Qwen/Qwen3-VL-30B-A3B-Instruct", "position embeddings of the vision tower"),
];

/// What checks take for faults and is right, and why.
const RIGHT: [(&str, &str, &str); 8] = [
    ("google/gemma-4-31B-it", "C12", "most of it is in layers that keep 1024 tokens"),
    ("nvidia/Gemma-4-31B-IT-NVFP4", "C12", "the same"),
    (
        "CohereLabs/c4ai-command-r-v01",
        "C12",
        "a key-value head for each head, as later releases have not",
    ),
    ("deepseek-ai/DeepSeek-V4-Flash", "C5", "experts in four bits beside layers in eight"),
    ("deepseek-ai/DeepSeek-V4-Flash-0731", "C5", "the same"),
    ("deepseek-ai/DeepSeek-V4-Pro", "C5", "the same"),
    ("nvidia/DeepSeek-V4-Flash-NVFP4", "C5", "the same"),
    ("nvidia/DeepSeek-V4-Pro-NVFP4", "C5", "the same"),
];

#[test]
fn no_row_has_a_fault() {
    let mut found = Vec::new();
    let mut met = BTreeSet::new();
    for row in Catalogs::embedded().models().iter() {
        let id = row.id.as_str();
        for fault in faults(row) {
            if fault.starts_with("C14") && OTHER_TOTALS.iter().any(|(name, _)| *name == id) {
                met.insert(id.to_owned());
            } else if !RIGHT.iter().any(|(name, check, _)| *name == id && fault.starts_with(check))
            {
                found.push(format!("{id}: {fault}"));
            }
        }
    }
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
    let unmet: Vec<_> =
        OTHER_TOTALS.iter().map(|(id, _)| *id).filter(|id| !met.contains(*id)).collect();
    assert!(unmet.is_empty(), "no exceptions any more: {unmet:?}");
}

#[test]
fn each_check_finds_a_planted_fault() {
    let none = json!({});
    let planted = [
        ("C3", changed("Qwen/Qwen3-8B-FP8", &none, &json!({"quantization_config": null}))),
        (
            "C5",
            changed(
                "deepseek-ai/DeepSeek-V3.1",
                &json!({"weight_bytes": 1_369_062_772_000_u64}),
                &none,
            ),
        ),
        ("C8", changed("zai-org/GLM-4.7-Flash", &none, &json!({"kv_lora_rank": null}))),
        (
            "C9",
            changed(
                "allenai/Olmo-3-7B-Instruct",
                &none,
                &json!({"sliding_window": null, "layer_types": vec!["full_attention"; 32]}),
            ),
        ),
        (
            "C10",
            changed(
                "nvidia/NVIDIA-Nemotron-Nano-12B-v2",
                &none,
                &json!({"hybrid_override_pattern": "*".repeat(62)}),
            ),
        ),
        (
            "C11",
            changed(
                "Qwen/Qwen3-8B",
                &none,
                &json!({"num_key_value_heads": null, "num_attention_heads": 32, "model_type": "other"}),
            ),
        ),
        ("C12", changed("Qwen/Qwen3-32B", &none, &json!({"num_key_value_heads": 64}))),
        ("C14", changed("Qwen/Qwen3-8B", &none, &json!({"intermediate_size": 11008}))),
        ("C15", changed("Qwen/Qwen3-8B", &none, &json!({"num_key_value_heads": 5}))),
        (
            "C16",
            changed(
                "Qwen/Qwen3-30B-A3B-Instruct-2507",
                &none,
                &json!({"max_position_embeddings": 40960}),
            ),
        ),
        (
            "C17",
            changed(
                "Qwen/Qwen3-8B",
                &none,
                &json!({"rope_scaling": {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 32768}}),
            ),
        ),
    ];
    for (check, row) in planted {
        let found = faults(&row);
        assert!(
            found.iter().any(|fault| fault.starts_with(&format!("{check} "))),
            "{check}: {found:?}"
        );
    }
}

/// Models with one window for all layers, which the other program counts as if they kept all.
const UNIFORM_WINDOW: [&str; 3] =
    ["mistralai/Mistral-7B-v0.1", "bigcode/starcoder2-7b", "microsoft/Phi-mini-MoE-instruct"];

#[test]
fn what_a_token_costs_is_what_others_found() {
    let table: Value = serde_json::from_str(include_str!("data/kv.json")).unwrap();
    let mut held = 0;
    let mut wrong = Vec::new();
    for row in table["rows"].as_array().unwrap() {
        let (id, n) = (row[0].as_str().unwrap(), |at: usize| row[at].as_u64().unwrap());
        let Some(cache) = shape_of(&model(id)).and_then(|shape| shape.cache) else {
            wrong.push(format!("{id}: nothing"));
            continue;
        };
        if cache == mcc_fit::sizing::Cache::default() {
            // Encoders keep nothing.
            continue;
        }
        held += 1;
        let costs = (cache.token_bytes, cache.windowed_token_bytes, cache.window);
        let expected = if UNIFORM_WINDOW.contains(&id) {
            (0, n(1), cache.window)
        } else {
            (n(1) + n(4), n(2), n(3))
        };
        if costs != expected {
            wrong.push(format!("{id}: {costs:?}, and {expected:?} by the table"));
        }
    }
    assert!(wrong.is_empty() && held > 150, "{held}\n{}", wrong.join("\n"));
}

fn shape(id: &str) -> ModelShape {
    shape_of(&model(id)).unwrap_or_else(|| panic!("{id} is not sized"))
}

/// In their own formats, and not as if they had 16 bits.
#[test]
fn flagships_have_their_own_formats() {
    let sizes: BTreeMap<&str, (f64, &str)> = [
        ("deepseek-ai/DeepSeek-V3.1", (688.5e9, "fp8")),
        ("deepseek-ai/DeepSeek-V3-0324", (688.5e9, "fp8")),
        ("deepseek-ai/DeepSeek-R1-0528", (688.5e9, "fp8")),
        ("moonshotai/Kimi-K2-Thinking", (594.0e9, "compressed-tensors")),
        ("MiniMaxAI/MiniMax-M2", (230.0e9, "fp8")),
        ("mistralai/Mistral-Large-3-675B-Instruct-2512", (678.5e9, "fp8")),
        ("mistralai/Mistral-Small-4-119B-2603", (120.9e9, "fp8")),
        ("mistralai/Mistral-Medium-3.5-128B", (133.6e9, "fp8")),
    ]
    .into();
    for (id, (bytes, method)) in sizes {
        let shape = shape(id);
        let error = (shape.weight_bytes as f64 / bytes - 1.0).abs();
        assert!(error < 0.01, "{id}: {} bytes", shape.weight_bytes);
        assert_eq!(shape.quantization.map(|q| q.method).as_deref(), Some(method), "{id}");
    }
    assert_eq!(shape("nvidia/NVIDIA-Nemotron-Nano-12B-v2").parameters, 12_310_001_152);
    assert_eq!(shape("Qwen/Qwen3-235B-A22B-Instruct-2507").max_positions, Some(262_144));
    assert_eq!(shape("Qwen/Qwen2.5-7B-Instruct").max_positions, Some(32_768));
}

/// Each of them fits the eight H200 of one instance, at 32,768 tokens.
#[test]
fn flagships_run_on_one_instance() {
    let instances = Catalogs::embedded().instances();
    let device = device_of(instances.get("ml.p5en.48xlarge").unwrap()).unwrap();
    for id in [
        "deepseek-ai/DeepSeek-V3.1",
        "moonshotai/Kimi-K2-Thinking",
        "MiniMaxAI/MiniMax-M2",
        "mistralai/Mistral-Large-3-675B-Instruct-2512",
    ] {
        let wanted = Wanted { max_model_len: Some(32_768), ..Wanted::default() };
        let plan = plan(&shape(id), &device, &wanted);
        assert_eq!(plan.sizing.verdict, Verdict::Fits, "{id}: {:?}", plan.sizing);
    }
}

#[test]
fn sizes_that_are_not_the_model_s_own_say_so() {
    assert_eq!(shape("meta-llama/Llama-3.1-8B-Instruct").origin, Origin::Own);
    let sibling = Some("deepseek-ai/DeepSeek-V3".to_owned());
    assert_eq!(shape("deepseek-ai/DeepSeek-V3.1").origin, Origin::Derived { sibling });
    assert_eq!(shape("openai/whisper-large-v3").origin, Origin::Recalled);
    for row in Catalogs::embedded().models().iter() {
        let shape = shape_of(row);
        assert_eq!(
            shape.is_some_and(|shape| shape.origin == Origin::Own),
            row.basis == Basis::Verbatim,
            "{}",
            row.id
        );
    }
}
