//! A model described by its Hugging Face `config.json`.
//!
//! The file comes from a user or from a model repository and is not trusted: its size, nesting and every
//! number in it are bounded, and products are formed in 128 bits.

use serde_json::{Map, Value};
use thiserror::Error;

use super::layers::{self, Layers};
use super::parameters::{Count, Latent, Recurrent, Sizes};
use super::shape::{Dtype, ModelShape, Quantization};
use super::widths::Widths;

/// Larger files are not configurations (the largest known one has 0.2 MB).
pub const MAX_CONFIG_BYTES: usize = 1 << 20;

/// Ceiling of a plausible parameter count: a hundred trillion.
const MAX_PARAMETERS: u128 = 100_000_000_000_000;

/// What is wrong with a `config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Longer than [`MAX_CONFIG_BYTES`].
    #[error("model configuration has {0} bytes; at most {MAX_CONFIG_BYTES} are read")]
    TooLarge(usize),
    /// Not JSON, or nested too deeply.
    #[error("model configuration is not JSON: {0}")]
    NotJson(String),
    /// Not an object.
    #[error("model configuration is not a JSON object")]
    NotObject,
    /// A size that every language model has is not there.
    #[error(
        "model configuration has no `{0}`, so this is not a language model whose memory can be estimated"
    )]
    Missing(&'static str),
    /// A size that no model has.
    #[error("model configuration: `{field}` is {value}, outside {min} to {max}")]
    OutOfRange {
        /// The key.
        field: String,
        /// Its value, shortened.
        value: String,
        /// Smallest plausible value.
        min: u64,
        /// Largest plausible value.
        max: u64,
    },
    /// Sizes that are plausible one by one, but not together.
    #[error("model configuration describes {0} parameters, which no model has")]
    Implausible(u128),
}

/// Reads the model out of the text of a `config.json`.
pub fn parse_config(text: &str) -> Result<ModelShape, ConfigError> {
    if text.len() > MAX_CONFIG_BYTES {
        return Err(ConfigError::TooLarge(text.len()));
    }
    let root: Value =
        serde_json::from_str(text).map_err(|e| ConfigError::NotJson(e.to_string()))?;
    let root = root.as_object().ok_or(ConfigError::NotObject)?;
    // Multimodal models keep the language model's sizes one level down.
    let nested = ["text_config", "llm_config", "language_config"]
        .iter()
        .find_map(|k| root.get(*k)?.as_object());
    let reader = Reader { text: nested.unwrap_or(root), root };
    let mut sizes = sizes(&reader)?;
    let layers = layers::read(&reader, &mut sizes)?;
    sizes.vision_parameters = vision_parameters(&reader)?;
    shape(&reader, &sizes, &layers)
}

/// Looks keys up in the language model's part first, then in the whole.
pub(super) struct Reader<'a> {
    text: &'a Map<String, Value>,
    root: &'a Map<String, Value>,
}

impl Reader<'_> {
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.text.get(key).or_else(|| self.root.get(key)).filter(|v| !v.is_null())
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// The number under the first of `keys` that is there, within `0..=max`.
    pub(super) fn number(&self, keys: &[&str], max: u64) -> Result<Option<u64>, ConfigError> {
        let Some((key, value)) = keys.iter().find_map(|k| Some((*k, self.get(k)?))) else {
            return Ok(None);
        };
        bounded(key, value, max).map(Some)
    }

    pub(super) fn size(&self, keys: &[&str], max: u64) -> Result<u64, ConfigError> {
        Ok(self.number(keys, max)?.unwrap_or(0))
    }

    pub(super) fn truthy(&self, key: &str) -> bool {
        self.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The model's `model_type`, the language model's own first.
    pub(super) fn model_type(&self) -> &str {
        self.text("model_type").unwrap_or_default()
    }
}

/// Whether `text` can be the name of a class. What cannot is not repeated as one: the model's class is unknown then.
fn is_class(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
}

fn bounded(key: &str, value: &Value, max: u64) -> Result<u64, ConfigError> {
    // Some configurations give one value per layer (`[8, 8, …]`): the largest is the safe one.
    let number = match value {
        Value::Array(items) => items.iter().filter_map(Value::as_u64).max(),
        _ => value.as_u64(),
    };
    number.filter(|n| *n <= max).ok_or_else(|| ConfigError::OutOfRange {
        field: key.to_owned(),
        value: mcc_catalogs::echo(&value.to_string()),
        min: 0,
        max,
    })
}

pub(super) const MAX_LAYERS: u64 = 4096;
pub(super) const MAX_WIDTH: u64 = 1 << 20;
pub(super) const MAX_TOKENS: u64 = 1 << 31;
const MAX_EXPERTS: u64 = 1 << 16;
const MAX_VOCAB: u64 = 1 << 24;

fn sizes(r: &Reader) -> Result<Sizes, ConfigError> {
    let required = |keys: &[&'static str], max| match r.number(keys, max)? {
        Some(0) | None => Err(ConfigError::Missing(keys.first().copied().unwrap_or_default())),
        Some(n) => Ok(n),
    };
    let hidden = required(&["hidden_size", "n_embd", "d_model"], MAX_WIDTH)?;
    let layers = required(&["num_hidden_layers", "n_layer", "num_layers", "n_layers"], MAX_LAYERS)?;
    let heads = required(&["num_attention_heads", "n_head", "n_heads"], MAX_WIDTH)?;
    let vocab = required(&["vocab_size"], MAX_VOCAB)?;
    let kv_heads = match r.number(
        &["num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"],
        MAX_WIDTH,
    )? {
        Some(n) if n > 0 => n,
        _ if r.truthy("multi_query") => 1,
        _ => heads,
    };
    let head_dim = match r.number(&["head_dim", "attention_head_dim", "kv_channels"], MAX_WIDTH)? {
        Some(n) if n > 0 => n,
        _ => hidden / heads,
    };
    let intermediate =
        match r.number(&["intermediate_size", "ffn_hidden_size", "n_inner", "d_ff"], MAX_WIDTH)? {
            Some(n) if n > 0 => n,
            _ => 4 * hidden,
        };
    let experts = r.size(
        &["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"],
        MAX_EXPERTS,
    )?;
    let expert_intermediate =
        match r.size(&["moe_intermediate_size", "expert_intermediate_size"], MAX_WIDTH)? {
            0 => intermediate,
            n => n,
        };
    let shared_experts =
        r.size(&["n_shared_experts", "num_shared_experts", "moe_num_shared_experts"], MAX_EXPERTS)?;
    let shared_width = r.size(
        &[
            "shared_expert_intermediate_size",
            "shared_intermediate_size",
            "moe_shared_expert_intermediate_size",
        ],
        MAX_WIDTH,
    )?;
    let shared_intermediate = match (shared_width, r.model_type().starts_with("llama4")) {
        (0, true) => expert_intermediate,
        (0, false) => shared_experts.saturating_mul(expert_intermediate),
        (width, _) => width,
    };
    Ok(Sizes {
        layers,
        hidden,
        heads,
        kv_heads,
        head_dim,
        intermediate,
        vocab,
        // Small models of some families have another embedding for every layer.
        layer_embeddings: r.size(&["vocab_size_per_layer_input"], MAX_VOCAB)?
            * r.size(&["hidden_size_per_layer_input"], MAX_WIDTH)?
            * layers,
        tied: tied(r),
        feed_forward_matrices: if plain_feed_forward(r) { 2 } else { 3 },
        gated_queries: r.truthy("attn_output_gate")
            || r.model_type().starts_with("qwen3_next")
            || r.model_type().starts_with("qwen3_5"),
        experts,
        expert_intermediate,
        shared_intermediate,
        dense_layers: if experts > 0 { dense_layers(r, layers)? } else { 0 },
        latent: Latent {
            kv_rank: r.size(&["kv_lora_rank"], MAX_WIDTH)?,
            q_rank: r.size(&["q_lora_rank"], MAX_WIDTH)?,
            nope_dim: r.size(&["qk_nope_head_dim"], MAX_WIDTH)?,
            rope_dim: r.size(&["qk_rope_head_dim"], MAX_WIDTH)?,
            value_dim: r.size(&["v_head_dim"], MAX_WIDTH)?,
        },
        recurrent: Recurrent::default(),
        ..Sizes::default()
    })
}

/// Whether input and output embeddings are one matrix. Families whose configurations leave the key out
/// because it is their default are listed by their type.
fn tied(r: &Reader) -> bool {
    match r.get("tie_word_embeddings").and_then(Value::as_bool) {
        Some(tied) => tied,
        None => {
            r.model_type().starts_with("gemma")
                || matches!(r.model_type(), "falcon" | "gpt2" | "cohere" | "cohere2" | "phi4mm")
        }
    }
}

/// Families whose feed-forward block has no gate.
fn plain_feed_forward(r: &Reader) -> bool {
    matches!(
        r.model_type(),
        "falcon"
            | "gpt2"
            | "gpt_neox"
            | "gpt_bigcode"
            | "starcoder2"
            | "phi"
            | "opt"
            | "bloom"
            | "mpt"
            | "nemotron"
            | "nemotron_h"
    )
}

/// Layers of a mixture of experts that have a dense block instead.
fn dense_layers(r: &Reader, layers: u64) -> Result<u64, ConfigError> {
    if let Some(first) = r.number(&["first_k_dense_replace"], MAX_LAYERS)? {
        return Ok(first.min(layers));
    }
    let listed = r.get("mlp_only_layers").and_then(Value::as_array).map_or(0, Vec::len);
    let step = r
        .size(
            &["decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_frequency"],
            MAX_LAYERS,
        )?
        .max(1);
    Ok((layers - layers / step).max(u64::try_from(listed).unwrap_or(layers).min(layers)))
}

/// The vision tower: attention and a plain feed-forward block per layer.
fn vision_parameters(r: &Reader) -> Result<u64, ConfigError> {
    let Some(vision) = r.root.get("vision_config").and_then(Value::as_object) else {
        return Ok(0);
    };
    let v = Reader { text: vision, root: vision };
    let hidden = v.size(&["hidden_size", "embed_dim", "width"], 1 << 16)?;
    let layers = v.size(&["num_hidden_layers", "depth", "layers"], 1 << 10)?;
    let intermediate = v.size(&["intermediate_size"], 1 << 17)?;
    Ok(layers * hidden * (4 * hidden + 3 * intermediate))
}

fn shape(r: &Reader, sizes: &Sizes, layers: &Layers) -> Result<ModelShape, ConfigError> {
    let count = sizes.count();
    let parameters = u64::try_from(count.total)
        .ok()
        .filter(|n| u128::from(*n) <= MAX_PARAMETERS)
        .ok_or(ConfigError::Implausible(count.total))?;
    let dtype = r
        .text("torch_dtype")
        .or_else(|| r.text("dtype"))
        .and_then(Dtype::parse)
        .unwrap_or(Dtype::Bfloat16);
    let quantization = quantization(r);
    Ok(ModelShape {
        architecture: r
            .root
            .get("architectures")
            .and_then(|a| a.get(0)?.as_str())
            .filter(|class| is_class(class))
            .map(str::to_owned),
        parameters,
        parameters_computed: true,
        weight_bytes: weight_bytes(count, dtype, quantization.as_ref()),
        embedding_parameters: u64::try_from(count.embeddings).unwrap_or(parameters),
        hidden: sizes.hidden,
        heads: u32::try_from(sizes.heads).ok(),
        kv_heads: u32::try_from(sizes.kv_heads).ok(),
        layers: u32::try_from(sizes.layers).unwrap_or_default(),
        vocab: sizes.vocab,
        max_positions: r
            .number(
                &[
                    "max_position_embeddings",
                    "n_positions",
                    "max_seq_len",
                    "seq_length",
                    "max_sequence_length",
                ],
                MAX_TOKENS,
            )?
            .filter(|n| *n > 0),
        dtype,
        quantization,
        cache: Some(layers.cache(sizes)),
        custom_code: r.root.contains_key("auto_map"),
        widths: Widths::read(r, sizes),
    })
}

/// Bytes that the checkpoint has.
pub(super) fn weight_bytes(count: Count, dtype: Dtype, quantization: Option<&Quantization>) -> u64 {
    let number = |n: u128| super::real(u64::try_from(n).unwrap_or(u64::MAX));
    let bytes = match quantization {
        None => number(count.total) * dtype.bytes(),
        Some(q) => {
            let quantized = if q.experts_only && count.experts > 0 {
                count.experts
            } else {
                count.total.saturating_sub(count.embeddings)
            };
            number(quantized) * q.bytes_per_weight
                + number(count.total.saturating_sub(quantized)) * dtype.bytes()
        }
    };
    super::whole(bytes)
}

/// `quantization_config`, or `compression_config` of older checkpoints.
fn quantization(r: &Reader) -> Option<Quantization> {
    let config =
        r.get("quantization_config").or_else(|| r.get("compression_config"))?.as_object()?;
    let c = Reader { text: config, root: config };
    let bits = ["bits", "w_bit", "weight_bits", "num_bits"].iter().find_map(|k| c.get(k)?.as_u64());
    let bits = bits.and_then(|b| u32::try_from(b).ok());
    let method = c.text("quant_method").unwrap_or_default();
    match method {
        "bitsandbytes" => {
            let eight = c.truthy("load_in_8bit") || c.truthy("_load_in_8bit");
            Quantization::named(method, Some(if eight { 8 } else { 4 }))
        }
        "compressed-tensors" => compressed(&c),
        "modelopt" | "" => {
            let algorithm =
                c.text("quant_algo").or_else(|| c.text("quant_type")).unwrap_or_default();
            Quantization::named(algorithm, bits).or_else(|| Quantization::named(method, bits))
        }
        _ => Quantization::named(method, bits),
    }
}

/// The first group of a compressed-tensors checkpoint says bits and kind of weights and activations.
fn compressed(c: &Reader) -> Option<Quantization> {
    let group = c.get("config_groups")?.as_object()?.values().next()?;
    let weights = group.get("weights")?;
    let bits = weights.get("num_bits")?.as_u64()?;
    let float = weights.get("type").and_then(Value::as_str) == Some("float");
    let weight_only = group.get("input_activations").is_none_or(Value::is_null);
    let name = match (bits, float, weight_only) {
        (8, true, _) => "fp8",
        (8, false, true) => "w8a16",
        (8, false, false) => "w8a8",
        (4, true, _) => "nvfp4",
        (4, false, _) => "w4a16",
        _ => return None,
    };
    Quantization::named(name, None)
        .map(|q| Quantization { method: "compressed-tensors".to_owned(), ..q })
}
