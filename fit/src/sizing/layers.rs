//! The layers of a model, one by one: what each attends to, what it keeps of a sequence, what it feeds through.

use serde_json::{Map, Value};

use super::config_json::{ConfigError, Reader, bounded};
use super::longest::MAX_TOKENS;
use super::sizes::{MAX_LAYERS, MAX_WIDTH, Sizes};

/// Attention heads of a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attention {
    pub(super) heads: u64,
    pub(super) kv_heads: u64,
    pub(super) head_dim: u64,
    pub(super) value_dim: u64,
    /// Whether there is one projection for both.
    pub(super) keys_are_values: bool,
}

/// What follows the mixer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feed {
    /// Nothing.
    None,
    /// A block of this width.
    Dense(u64),
    /// Experts.
    Sparse,
    /// Experts beside a block of this width.
    Both(u64),
}

/// One layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) attention: Option<Attention>,
    /// Whether its attention keeps a window only.
    pub(super) windowed: bool,
    /// Whether it has a recurrent state.
    pub(super) state: bool,
    /// Whether what it attends to is kept for it, and is none of another layer or of an image.
    pub(super) caches: bool,
    pub(super) feed: Feed,
}

/// The layer that a model has where nothing else is said.
pub(super) struct Usual {
    pub(super) count: u64,
    pub(super) attention: Attention,
    pub(super) intermediate: u64,
}

/// Fills in the layers of `sizes`.
pub(super) fn read(r: &Reader, sizes: &mut Sizes, usual: Usual) -> Result<(), ConfigError> {
    let has_attention = usual.attention.heads > 0;
    let layer = Layer {
        attention: has_attention.then_some(usual.attention),
        windowed: false,
        state: !has_attention,
        caches: true,
        feed: if has_attention { Feed::Dense(usual.intermediate) } else { Feed::None },
    };
    let count = usize::try_from(usual.count).unwrap_or_default();
    let mut layers = vec![layer; count];
    sizes.window =
        r.size(&["sliding_window", "attention_chunk_size", "sliding_window_size"], MAX_TOKENS)?;
    sizes.mixers_listed =
        ["layer_types", "layers_block_type"].iter().any(|key| r.get(key).is_some());
    let feeds_are_told = mixers(r, &mut layers, sizes.window)?;
    if sizes.experts > 0 && !feeds_are_told {
        experts(r, &mut layers, usual.intermediate)?;
    }
    let longest = r.size(&["max_position_embeddings"], MAX_TOKENS)?;
    if longest > 0 && sizes.window >= longest {
        for layer in &mut layers {
            layer.windowed = false;
        }
    }
    widths(r, &mut layers)?;
    for at in r.list("cross_attention_layers").unwrap_or_default() {
        if let Some(layer) = at.as_u64().and_then(|at| layers.get_mut(usize::try_from(at).ok()?)) {
            layer.caches = false;
        }
    }
    let shared = r.size(&["num_kv_shared_layers"], MAX_LAYERS)?;
    for layer in layers.iter_mut().rev().take(usize::try_from(shared).unwrap_or(usize::MAX)) {
        layer.caches = false;
    }
    sizes.layers = layers;
    Ok(())
}

const FULL: fn(&mut Layer) = |_| {};
const WINDOW: fn(&mut Layer) = |layer| layer.windowed = true;
const STATE: fn(&mut Layer) = |layer| {
    layer.attention = None;
    layer.state = true;
};

/// Says of each layer what mixes its tokens; true if that says as well what it feeds through.
fn mixers(r: &Reader, layers: &mut [Layer], window: u64) -> Result<bool, ConfigError> {
    let count = layers.len() as u64;
    if let Some(pattern) = r.text("hybrid_override_pattern") {
        return Ok(nemotron(
            layers,
            pattern.chars().map(|letter| match letter {
                'M' => "mamba",
                '-' => "mlp",
                'E' => "moe",
                _ => "attention",
            }),
        ));
    }
    if let Some(list) = r.list("layer_types").or_else(|| r.list("layers_block_type")) {
        let names = || list.iter().map(|name| name.as_str().unwrap_or_default());
        if names().any(|name| matches!(name, "mlp" | "moe")) {
            return Ok(nemotron(layers, names()));
        }
        for (layer, name) in layers.iter_mut().zip(names()) {
            match name {
                "sliding_attention" | "chunked_attention" => WINDOW(layer),
                "linear_attention" | "mamba" | "mamba2" | "recurrent" | "conv" => STATE(layer),
                "hybrid" => layer.state = true,
                _ => FULL(layer),
            }
        }
        // The family's code makes the last layer one that sees everything.
        if r.family().starts_with("gemma4") {
            layers.last_mut().into_iter().for_each(|layer| layer.windowed = false);
        }
        return Ok(false);
    }
    let each = |layers: &mut [Layer], change: fn(&mut Layer), of: &dyn Fn(u64) -> bool| {
        let numbered = layers.iter_mut().zip(0_u64..);
        numbered.filter(|(_, at)| of(*at)).for_each(|(layer, _)| change(layer));
    };
    if let Some(list) = r.list("hybrid_layer_pattern") {
        for (layer, kind) in layers.iter_mut().zip(list) {
            layer.windowed = kind.as_u64() == Some(1);
        }
    } else if let Some(full) =
        r.object("linear_attn_config").and_then(|c| c.get("full_attn_layers")?.as_array())
    {
        // Counted from 1.
        let full: Vec<u64> = full.iter().filter_map(Value::as_u64).collect();
        each(layers, STATE, &|at| !full.contains(&(at + 1)));
    } else if let Some(every) = interval(r)? {
        each(layers, STATE, &|at| !(at + 1).is_multiple_of(every));
    } else if let Some(period) = r.number(&["attn_layer_period"], MAX_LAYERS)?.filter(|n| *n > 0) {
        let offset = r.size(&["attn_layer_offset"], MAX_LAYERS)?;
        each(layers, STATE, &|at| at % period != offset % period);
    } else if r.family() == "falcon_h1" {
        for layer in layers.iter_mut() {
            layer.state = true;
        }
    } else if r.get("mamba_n_heads").is_some() && r.family() == "granitemoehybrid" {
        layers.iter_mut().for_each(STATE);
    } else if let Some(blocks) = r.list("block_configs") {
        searched(layers, &blocks.iter().map(block).collect::<Vec<_>>(), r)?;
    } else if let Some(summary) = r.object("block_configs_summary") {
        searched(layers, &summarised(summary), r)?;
    } else if window > 0 && !window_is_off(r) {
        let first = match r.get("use_sliding_window") {
            Some(_) => r.size(&["max_window_layers"], MAX_LAYERS)?,
            None => 0,
        };
        let pattern = window_pattern(r)?;
        each(layers, WINDOW, &|at| {
            at >= first.min(count) && (pattern == 0 || !(at + 1).is_multiple_of(pattern))
        });
    }
    Ok(false)
}

/// Layers that are a mixer or a feed-forward block, and not both.
fn nemotron<'a>(layers: &mut [Layer], kinds: impl Iterator<Item = &'a str>) -> bool {
    for (layer, kind) in layers.iter_mut().zip(kinds) {
        let dense = layer.feed;
        layer.feed = Feed::None;
        match kind {
            "mlp" => (layer.attention, layer.feed) = (None, dense),
            "moe" => (layer.attention, layer.feed) = (None, Feed::Sparse),
            "mamba" | "mamba2" | "linear_attention" => STATE(layer),
            _ => {}
        }
    }
    true
}

/// Every which layer has full attention. Families that always mix leave it out when it is their default.
fn interval(r: &Reader) -> Result<Option<u64>, ConfigError> {
    let linear = r.get("linear_num_value_heads").is_some() || r.family().starts_with("qwen3_next");
    let given = r.number(&["full_attention_interval"], MAX_LAYERS)?;
    Ok(given.or(linear.then_some(4)).filter(|n| *n > 0))
}

/// Qwen's dense families have a window that is off unless it is asked for.
fn window_is_off(r: &Reader) -> bool {
    let off = r.family().starts_with("qwen") || r.family() == "smollm3";
    !r.flag("use_sliding_window").unwrap_or(!off)
}

/// Every which layer has no window; 0 if all have one.
fn window_pattern(r: &Reader) -> Result<u64, ConfigError> {
    let given = r.get("sliding_window_pattern").or_else(|| r.get("_sliding_window_pattern"));
    match given {
        // `LLLG`: three local layers to a global one.
        Some(Value::String(letters)) => Ok(letters.len().min(64) as u64),
        Some(number) => bounded("sliding_window_pattern", number, MAX_LAYERS),
        None => Ok(match r.family() {
            "gemma2" | "gpt_oss" => 2,
            family if family.starts_with("gemma3n") => 5,
            family if family.starts_with("gemma3") || family.starts_with("gemma4") => 6,
            "cohere2" | "olmo3" | "exaone4" => 4,
            _ if r.get("attention_chunk_size").is_some() || r.family() == "llama4_text" => 4,
            _ => 0,
        }),
    }
}

/// What a search over architectures left of a layer: heads that share a key, and the feed-forward's part of the width.
struct Block {
    group: Option<u64>,
    feed: Option<f64>,
}

fn block(value: &Value) -> Block {
    let none = |part: Option<&Value>| {
        part.is_some_and(|p| p.get("no_op").and_then(Value::as_bool) == Some(true))
    };
    let (attention, feed) = (value.get("attention"), value.get("ffn"));
    Block {
        group: attention
            .filter(|_| !none(attention))
            .and_then(|a| a.get("n_heads_in_group")?.as_u64()),
        feed: feed.filter(|_| !none(feed)).and_then(|f| f.get("ffn_mult")?.as_f64()),
    }
}

/// The same in the catalog's short form: a list for each.
fn summarised(summary: &Map<String, Value>) -> Vec<Block> {
    let list = |key: &str| summary.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let (groups, feeds) = (list("attention_n_heads_in_group"), list("ffn_mult"));
    groups
        .iter()
        .zip(&feeds)
        .map(|(group, feed)| Block { group: group.as_u64(), feed: feed.as_f64() })
        .collect()
}

fn searched(layers: &mut [Layer], blocks: &[Block], r: &Reader) -> Result<(), ConfigError> {
    let hidden = r.size(&["hidden_size"], MAX_WIDTH)?;
    for (layer, block) in layers.iter_mut().zip(blocks) {
        layer.attention = match (layer.attention, block.group.filter(|n| *n > 0)) {
            (Some(a), Some(group)) => Some(Attention { kv_heads: (a.heads / group).max(1), ..a }),
            _ => None,
        };
        // `_ffn_mult_to_intermediate_size`: two thirds of the multiple, to the next 256.
        layer.feed = match block.feed.filter(|m| (0.0..64.0).contains(m)) {
            Some(multiple) => {
                let width = super::whole(2.0 * multiple * super::real(hidden) / 3.0);
                Feed::Dense(width.div_ceil(256) * 256)
            }
            None => Feed::None,
        };
    }
    Ok(())
}

/// Layers whose heads are not those of the others.
fn widths(r: &Reader, layers: &mut [Layer]) -> Result<(), ConfigError> {
    let other = r.object("attention_other_setting").map(Reader::part);
    let swa = Reader::number;
    let windowed = [
        match &other {
            Some(o) => o.number(&["num_attention_heads"], MAX_WIDTH)?,
            None => swa(r, &["swa_num_attention_heads"], MAX_WIDTH)?,
        },
        match &other {
            Some(o) => o.number(&["num_attention_groups"], MAX_WIDTH)?,
            None => swa(r, &["swa_num_key_value_heads"], MAX_WIDTH)?,
        },
        match &other {
            Some(o) => o.number(&["head_dim"], MAX_WIDTH)?,
            None => swa(r, &["swa_head_dim"], MAX_WIDTH)?,
        },
        swa(r, &["swa_v_head_dim"], MAX_WIDTH)?,
    ];
    let global_dim = r.number(&["global_head_dim"], MAX_WIDTH)?;
    let full =
        [None, r.number(&["num_global_key_value_heads"], MAX_WIDTH)?, global_dim, global_dim];
    let same = r.truthy("attention_k_eq_v");
    for layer in layers {
        let [heads, kv_heads, head_dim, value_dim] = if layer.windowed { windowed } else { full };
        if let Some(a) = &mut layer.attention {
            a.heads = heads.unwrap_or(a.heads);
            a.kv_heads = kv_heads.unwrap_or(a.kv_heads);
            a.value_dim = value_dim.or(head_dim).unwrap_or(a.value_dim);
            a.head_dim = head_dim.unwrap_or(a.head_dim);
            a.keys_are_values = same && !layer.windowed;
        }
    }
    Ok(())
}

/// Says of each layer whether it has experts.
fn experts(r: &Reader, layers: &mut [Layer], intermediate: u64) -> Result<(), ConfigError> {
    let size = |keys: &[&str]| r.size(keys, MAX_LAYERS);
    let dense_first =
        size(&["first_k_dense_replace", "num_dense_layers", "moe_layer_start_index"])?;
    let step =
        size(&["decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_interval"])?.max(1);
    let (period, offset) = (size(&["expert_layer_period"])?, size(&["expert_layer_offset"])?);
    let listed: Vec<u64> =
        r.list("mlp_only_layers").unwrap_or_default().iter().filter_map(Value::as_u64).collect();
    // `"4,5,6"` or a list: the layers that have them.
    let named: Option<Vec<u64>> = match r.get("moe_layers_enum").or_else(|| r.get("moe_layers")) {
        Some(Value::String(text)) => {
            Some(text.split(',').filter_map(|n| n.trim().parse().ok()).collect())
        }
        Some(Value::Array(list)) => Some(list.iter().filter_map(Value::as_u64).collect()),
        _ => None,
    };
    let kinds = r.list("mlp_layer_types");
    // A list of ones and zeros, or every which layer after the first dense ones.
    let frequency = r.get("moe_layer_freq").or_else(|| r.get("moe_layer_frequency"));
    let every = frequency.and_then(Value::as_u64).unwrap_or(1).clamp(1, MAX_LAYERS);
    for (layer, at) in layers.iter_mut().zip(0_u64..) {
        let of = |list: &[Value]| usize::try_from(at).ok().and_then(|at| list.get(at).cloned());
        let sparse = if let Some(named) = &named {
            named.contains(&at)
        } else if let Some(kinds) = kinds {
            of(kinds).is_none_or(|kind| kind.as_str() == Some("sparse"))
        } else if let Some(list) = frequency.and_then(Value::as_array) {
            of(list).is_none_or(|kind| kind.as_u64() != Some(0))
        } else if period > 0 {
            at % period == offset % period
        } else {
            at >= dense_first
                && at.is_multiple_of(every)
                && (at + 1).is_multiple_of(step)
                && !listed.contains(&at)
        };
        if sparse {
            layer.feed =
                if r.truthy("enable_moe_block") { Feed::Both(intermediate) } else { Feed::Sparse };
        }
    }
    Ok(())
}
