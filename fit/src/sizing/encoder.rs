//! Models with an encoder: those that only encode, and those whose decoder attends to one.

use super::config_json::{ConfigError, Reader};
use super::layers::{Attention, Feed, Layer};
use super::sizes::{MAX_LAYERS, MAX_WIDTH, Sizes, required, tied};

/// An encoder beside the layers, and what they keep of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Encoder {
    /// Parameters of the encoder, and of the decoder's attention to it.
    pub(super) parameters: u64,
    /// Bytes at 16 bits that a sequence keeps of what was encoded.
    pub(super) kept_bytes: u64,
    /// Whether nothing is kept at all, since nothing is generated.
    pub(super) only: bool,
}

/// Families that encode and do not generate.
const ENCODERS: [&str; 9] = [
    "bert",
    "roberta",
    "xlm-roberta",
    "mpnet",
    "camembert",
    "distilbert",
    "electra",
    "modernbert",
    "nomic_bert",
];

/// The sizes of such a model; `None` for one that has no encoder.
pub(super) fn read(r: &Reader) -> Result<Option<Sizes>, ConfigError> {
    match r.family() {
        "whisper" => speech(r).map(Some),
        "t5" | "mt5" | "umt5" => text(r).map(Some),
        family if ENCODERS.contains(&family) => encoder(r).map(Some),
        _ => Ok(None),
    }
}

fn layers(count: u64, attention: Attention, width: u64) -> Vec<Layer> {
    let layer = Layer {
        attention: Some(attention),
        windowed: false,
        state: false,
        caches: true,
        feed: Feed::Dense(width),
    };
    vec![layer; usize::try_from(count.min(MAX_LAYERS)).unwrap_or_default()]
}

/// Parameters of `count` layers with attention of this inner width and a feed-forward block.
fn block(count: u64, hidden: u64, inner: u64, matrices: u64, width: u64) -> u64 {
    let layer = (4 * hidden).saturating_mul(inner) + (matrices * hidden).saturating_mul(width);
    count.saturating_mul(layer)
}

fn encoder(r: &Reader) -> Result<Sizes, ConfigError> {
    let hidden = required(r, &["hidden_size", "dim"], MAX_WIDTH)?;
    let heads = required(r, &["num_attention_heads", "n_heads"], MAX_WIDTH)?;
    let head_dim = hidden / heads;
    let attention =
        Attention { heads, kv_heads: heads, head_dim, value_dim: head_dim, keys_are_values: false };
    let positions = r.size(&["max_position_embeddings"], 1 << 24)?;
    let types = r.size(&["type_vocab_size"], 1 << 10)?;
    let width = match r.size(&["intermediate_size", "hidden_dim"], MAX_WIDTH)? {
        0 => 4 * hidden,
        width => width,
    };
    let count = required(r, &["num_hidden_layers", "n_layers"], MAX_LAYERS)?;
    Ok(Sizes {
        hidden,
        vocab: required(r, &["vocab_size"], 1 << 24)?,
        more_embeddings: (positions + types).saturating_mul(hidden),
        tied: true,
        feed_forward_matrices: 2,
        layers: layers(count, attention, width),
        // The pooler.
        encoder: Encoder { parameters: hidden * hidden, kept_bytes: 0, only: true },
        ..Sizes::default()
    })
}

fn speech(r: &Reader) -> Result<Sizes, ConfigError> {
    let hidden = required(r, &["d_model"], MAX_WIDTH)?;
    let heads = required(r, &["decoder_attention_heads"], MAX_WIDTH)?;
    let count = required(r, &["decoder_layers"], MAX_LAYERS)?;
    let head_dim = hidden / heads;
    let attention =
        Attention { heads, kv_heads: heads, head_dim, value_dim: head_dim, keys_are_values: false };
    // The published files leave the widths out where they are four times the model's.
    let width = |key: &str| match r.get(key) {
        Some(_) => r.size(&[key], MAX_WIDTH),
        None => Ok(4 * hidden),
    };
    let frames = r.size(&["max_source_positions"], 1 << 20)?;
    let encoder_layers = r.size(&["encoder_layers"], MAX_LAYERS)?;
    let convolutions = 3 * hidden * (r.size(&["num_mel_bins"], 1 << 12)? + hidden);
    let positions = frames + r.size(&["max_target_positions"], 1 << 20)?;
    Ok(Sizes {
        hidden,
        vocab: required(r, &["vocab_size"], 1 << 24)?,
        more_embeddings: positions * hidden,
        tied: true,
        feed_forward_matrices: 2,
        layers: layers(count, attention, width("decoder_ffn_dim")?),
        encoder: Encoder {
            parameters: block(encoder_layers, hidden, hidden, 2, width("encoder_ffn_dim")?)
                .saturating_add(convolutions)
                .saturating_add(block(count, hidden, hidden, 0, 0)),
            kept_bytes: (4 * count).saturating_mul(hidden).saturating_mul(frames),
            only: false,
        },
        ..Sizes::default()
    })
}

fn text(r: &Reader) -> Result<Sizes, ConfigError> {
    let hidden = required(r, &["d_model"], MAX_WIDTH)?;
    let heads = required(r, &["num_heads"], MAX_WIDTH)?;
    let head_dim = required(r, &["d_kv"], MAX_WIDTH)?;
    let encoder_layers = required(r, &["num_layers"], MAX_LAYERS)?;
    let count = match r.size(&["num_decoder_layers"], MAX_LAYERS)? {
        0 => encoder_layers,
        count => count,
    };
    let width = required(r, &["d_ff"], MAX_WIDTH)?;
    let gated = r.text("feed_forward_proj").is_some_and(|kind| kind.starts_with("gated"));
    let matrices = if gated { 3 } else { 2 };
    let inner = heads.saturating_mul(head_dim).min(MAX_WIDTH);
    let attention =
        Attention { heads, kv_heads: heads, head_dim, value_dim: head_dim, keys_are_values: false };
    Ok(Sizes {
        hidden,
        vocab: required(r, &["vocab_size"], 1 << 24)?,
        tied: r.flag("tie_word_embeddings").is_none() || tied(r),
        feed_forward_matrices: matrices,
        layers: layers(count, attention, width),
        encoder: Encoder {
            parameters: block(encoder_layers, hidden, inner, matrices, width)
                .saturating_add(block(count, hidden, inner, 0, 0)),
            // As many tokens as the family was trained with; it has no bound of its own.
            kept_bytes: (4 * count).saturating_mul(inner).saturating_mul(512),
            only: false,
        },
        ..Sizes::default()
    })
}
