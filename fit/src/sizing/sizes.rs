//! What a model is made of, read from its configuration.

use serde_json::Value;

use super::config_json::{ConfigError, Reader};
use super::encoder;
use super::layers::{self, Attention, Layer};
use super::parameters::{Latent, Recurrent, Tower};
use super::recurrent;

pub(super) const MAX_LAYERS: u64 = 4096;
pub(super) const MAX_WIDTH: u64 = 1 << 20;
const MAX_EXPERTS: u64 = 1 << 16;
const MAX_VOCAB: u64 = 1 << 24;

/// Sizes that `config.json` gives, absent ones being 0.
#[expect(clippy::struct_excessive_bools, reason = "families differ in just these ways")]
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sizes {
    pub(super) hidden: u64,
    pub(super) vocab: u64,
    /// Embeddings beside those of the vocabulary: of each layer, of positions.
    pub(super) more_embeddings: u64,
    pub(super) tied: bool,
    /// Matrices of a feed-forward block: 3 if gated, otherwise 2.
    pub(super) feed_forward_matrices: u64,
    /// Whether queries come with a gate of the same size.
    pub(super) gated_queries: bool,
    pub(super) layers: Vec<Layer>,
    /// Whether the file says of each layer what mixes its tokens.
    pub(super) mixers_listed: bool,
    /// Tokens that layers with a window keep.
    pub(super) window: u64,
    pub(super) experts: u64,
    pub(super) expert_intermediate: u64,
    /// Width that experts work in, where it is not the hidden one.
    pub(super) expert_hidden: Option<u64>,
    pub(super) shared_intermediate: u64,
    pub(super) latent: Latent,
    pub(super) recurrent: Recurrent,
    /// Layers for multi-token prediction, which load only where they are asked for.
    pub(super) prediction_layers: u64,
    /// Whether those have embeddings of their own in the checkpoint.
    pub(super) prediction_embeddings: bool,
    /// The vision tower, counted apart.
    pub(super) tower: Tower,
    /// An encoder beside the decoder, or in its place.
    pub(super) encoder: encoder::Encoder,
    /// Whether what a sequence keeps does not follow from the layers.
    pub(super) cache_unknown: bool,
}

/// Reads all of it.
pub(super) fn read(r: &Reader) -> Result<Sizes, ConfigError> {
    if let Some(sizes) = encoder::read(r)? {
        return Ok(sizes);
    }
    let hidden = required(r, &["hidden_size", "n_embd", "d_model"], MAX_WIDTH)?;
    let count = match (r.text("hybrid_override_pattern"), r.list("layers_block_type")) {
        // A letter or a name for each layer.
        (Some(pattern), _) => (pattern.len() as u64).min(MAX_LAYERS),
        (None, Some(list)) if !list.is_empty() => (list.len() as u64).min(MAX_LAYERS),
        _ => required(r, &["num_hidden_layers", "n_layer", "num_layers", "n_layers"], MAX_LAYERS)?,
    };
    let vocab = r.size(&["vocab_size"], MAX_VOCAB)?;
    let stateful = matches!(r.family(), "mamba" | "mamba2" | "falcon_mamba");
    let heads = match r.number(&["num_attention_heads", "n_head", "n_heads"], MAX_WIDTH)? {
        Some(heads) if heads > 0 => heads,
        _ if stateful => 0,
        _ => return Err(ConfigError::Missing("num_attention_heads")),
    };
    let attention = attention(r, hidden, heads)?;
    let intermediate = first(
        r,
        &["dense_intermediate_size", "intermediate_size", "ffn_hidden_size", "n_inner", "d_ff"],
    )?
    .unwrap_or(4 * hidden);
    let intermediate = match r.size(&["intermediate_size_mlp"], MAX_WIDTH)? {
        0 => adjusted(r, intermediate)?,
        wide => wide,
    };
    let experts = r.size(
        &["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"],
        MAX_EXPERTS,
    )?;
    let expert_intermediate =
        first(r, &["moe_intermediate_size", "expert_intermediate_size", "intermediate_size"])?
            .unwrap_or(intermediate);
    let family = r.family();
    let shared_intermediate = shared_width(r, expert_intermediate)?;
    let intermediate = match (family, experts) {
        // Without experts, what every token goes through is the block.
        ("granitemoehybrid", 0) if shared_intermediate > 0 => shared_intermediate,
        _ => intermediate,
    };
    let mut sizes = Sizes {
        hidden,
        vocab,
        // Small models of some families have another embedding for every layer.
        more_embeddings: r.size(&["vocab_size_per_layer_input"], MAX_VOCAB)?
            * r.size(&["hidden_size_per_layer_input"], MAX_WIDTH)?
            * count,
        tied: tied(r),
        feed_forward_matrices: if plain_feed_forward(family) { 2 } else { 3 },
        gated_queries: r.truthy("attn_output_gate")
            || family.starts_with("qwen3_next")
            || family.starts_with("qwen3_5"),
        experts,
        expert_intermediate,
        expert_hidden: r
            .number(&["moe_latent_size", "routed_expert_hidden_size"], MAX_WIDTH)?
            .filter(|n| *n > 0),
        shared_intermediate,
        latent: latent(r)?,
        recurrent: recurrent::read(r)?,
        prediction_layers: r.size(&["num_nextn_predict_layers", "mtp_num_hidden_layers"], 64)?,
        prediction_embeddings: ["deepseek", "glm", "kimi"].iter().any(|f| family.starts_with(f)),
        tower: tower(r)?,
        cache_unknown: family.starts_with("deepseek_v4") || family == "deepseek_ref",
        ..Sizes::default()
    };
    layers::read(r, &mut sizes, layers::Usual { count, attention, intermediate })?;
    Ok(sizes)
}

pub(super) fn required(r: &Reader, keys: &[&'static str], max: u64) -> Result<u64, ConfigError> {
    match r.number(keys, max)? {
        Some(0) | None => Err(ConfigError::Missing(keys.first().copied().unwrap_or_default())),
        Some(n) => Ok(n),
    }
}

/// The first width of `keys` that is more than 0.
fn first(r: &Reader, keys: &[&str]) -> Result<Option<u64>, ConfigError> {
    for key in keys {
        if let Some(n) = r.number(&[key], MAX_WIDTH)?.filter(|n| *n > 0) {
            return Ok(Some(n));
        }
    }
    Ok(None)
}

/// The width that LFM2 makes of the one it says: two thirds, to the next multiple.
fn adjusted(r: &Reader, width: u64) -> Result<u64, ConfigError> {
    if !r.truthy("block_auto_adjust_ff_dim") {
        return Ok(width);
    }
    let width = r.number(&["block_ff_dim"], MAX_WIDTH)?.unwrap_or(width);
    let multiple = r.size(&["block_multiple_of"], MAX_WIDTH)?.max(1);
    let times = r.get("block_ffn_dim_multiplier").and_then(Value::as_f64).unwrap_or(1.0);
    let width = super::whole(super::real(2 * width / 3) * times.clamp(0.0, 64.0));
    Ok((width.div_ceil(multiple) * multiple).min(MAX_WIDTH))
}

fn attention(r: &Reader, hidden: u64, heads: u64) -> Result<Attention, ConfigError> {
    let given = r.number(
        &[
            "num_attention_groups",
            "num_key_value_heads",
            "num_kv_heads",
            "n_head_kv",
            "multi_query_group_num",
        ],
        MAX_WIDTH,
    )?;
    let kv_heads = match given {
        // Falcon's first models say how many there are, and have one.
        _ if r.truthy("multi_query") && !r.truthy("new_decoder_architecture") => {
            if r.family().contains("chatglm") { given.unwrap_or(1) } else { 1 }
        }
        Some(n) if n > 0 => n,
        _ => heads,
    };
    let head_dim = match r.number(&["head_dim", "attention_head_dim", "kv_channels"], MAX_WIDTH)? {
        Some(n) if n > 0 => n,
        _ => hidden / heads.max(1),
    };
    let value_dim = match r.size(&["v_head_dim"], MAX_WIDTH)? {
        0 => head_dim,
        n => n,
    };
    Ok(Attention { heads, kv_heads, head_dim, value_dim, keys_are_values: false })
}

fn latent(r: &Reader) -> Result<Latent, ConfigError> {
    let index_heads = r.size(&["index_n_heads"], MAX_WIDTH)?;
    Ok(Latent {
        kv_rank: r.size(&["kv_lora_rank"], MAX_WIDTH)?,
        q_rank: r.size(&["q_lora_rank"], MAX_WIDTH)?,
        o_rank: r.size(&["o_lora_rank"], MAX_WIDTH)?,
        o_groups: r.size(&["o_groups"], 1 << 10)?,
        nope_dim: r.size(&["qk_nope_head_dim"], MAX_WIDTH)?,
        rope_dim: r.size(&["qk_rope_head_dim"], MAX_WIDTH)?,
        value_dim: r.size(&["v_head_dim"], MAX_WIDTH)?,
        index_heads,
        index_dim: if index_heads > 0 { r.size(&["index_head_dim"], MAX_WIDTH)? } else { 0 },
    })
}

/// Width of the expert that every token goes through.
fn shared_width(r: &Reader, expert_intermediate: u64) -> Result<u64, ConfigError> {
    let width = r.size(
        &[
            "shared_expert_intermediate_size",
            "share_expert_dim",
            "moe_shared_expert_intermediate_size",
            "shared_intermediate_size",
        ],
        MAX_WIDTH,
    )?;
    let count = r.size(
        &["n_shared_experts", "num_shared_experts", "num_shared_expert", "moe_num_shared_experts"],
        MAX_EXPERTS,
    )?;
    Ok(match (width, r.family().starts_with("llama4")) {
        (0, true) => expert_intermediate,
        (0, false) => count.saturating_mul(expert_intermediate),
        (width, _) => width,
    })
}

/// Whether input and output embeddings are one matrix. Families whose configurations leave the key out
/// because it is their default are listed by their type.
pub(super) fn tied(r: &Reader) -> bool {
    let said = r.flag("tie_word_embeddings");
    said.unwrap_or_else(|| {
        r.family().starts_with("gemma")
            || matches!(
                r.family(),
                "falcon"
                    | "gpt2"
                    | "cohere"
                    | "cohere2"
                    | "phi4mm"
                    | "starcoder2"
                    | "smollm3"
                    | "opt"
                    | "bloom"
                    | "mpt"
                    | "bert"
                    | "xlm-roberta"
                    | "mpnet"
            )
    })
}

/// Families whose feed-forward block has no gate.
fn plain_feed_forward(family: &str) -> bool {
    matches!(
        family,
        "falcon"
            | "gpt2"
            | "gpt_neox"
            | "gpt_bigcode"
            | "starcoder2"
            | "phi"
            | "phi-msft"
            | "opt"
            | "bloom"
            | "mpt"
            | "nemotron"
            | "nemotron_h"
    )
}

/// The vision tower: attention and a feed-forward block in each layer, and what joins it to the model.
fn tower(r: &Reader) -> Result<Tower, ConfigError> {
    let vision =
        r.root.get("vision_config").or_else(|| r.object("thinker_config")?.get("vision_config"));
    let Some(vision) = vision.and_then(Value::as_object) else {
        return Ok(Tower::default());
    };
    let v = Reader::part(vision);
    let whole = r.root.get("model_type").and_then(Value::as_str).unwrap_or_default();
    let kind = v.text("model_type").unwrap_or(whole);
    let hidden = match kind {
        // There `hidden_size` is the language model's width.
        "qwen2_vl" => v.size(&["embed_dim", "hidden_size"], 1 << 16)?,
        _ => v.size(&["hidden_size", "embed_dim", "width"], 1 << 16)?,
    };
    let intermediate = match v.size(&["intermediate_size"], 1 << 17)? {
        0 => 4 * hidden,
        n => n,
    };
    Ok(Tower {
        hidden,
        layers: v.size(&["num_hidden_layers", "depth", "layers"], 1 << 10)?,
        intermediate,
        matrices: if matches!(kind, "qwen2_5_vl" | "pixtral") { 3 } else { 2 },
        // Qwen3-VL joins three inner layers as well.
        mergers: match v.list("deepstack_visual_indexes") {
            Some(list) => 1 + list.len().min(64) as u64,
            None if kind.starts_with("qwen3_vl") => 4,
            None => 1,
        },
        merged: v.size(&["spatial_merge_size"], 64)?,
    })
}
