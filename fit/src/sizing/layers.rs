//! Which layers of a model see the whole context, a window of it, or keep a state.

use serde_json::Value;

use super::cache::Cache;
use super::config_json::{ConfigError, MAX_LAYERS, MAX_TOKENS, MAX_WIDTH, Reader};
use super::parameters::{Recurrent, Sizes};

/// Layers by what they keep of a sequence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Layers {
    full: u64,
    windowed: u64,
    recurrent: u64,
    /// Layers that use the cache of another one.
    shared: u64,
    window: u64,
    /// Width of keys in layers that see everything, where it differs from the others.
    full_width: u64,
}

/// Counts the layers, and notes in `sizes` what recurrent ones are made of.
pub(super) fn read(r: &Reader, sizes: &mut Sizes) -> Result<Layers, ConfigError> {
    let mut layers = counted(r, sizes)?;
    let longest = r.size(&["max_position_embeddings"], MAX_TOKENS)?;
    if layers.windowed > 0 && longest > 0 && layers.window >= longest {
        layers.full += layers.windowed;
        layers.windowed = 0;
    }
    let global_dim = r.size(&["global_head_dim"], MAX_WIDTH)?;
    let global_heads =
        r.number(&["num_global_key_value_heads"], MAX_WIDTH)?.unwrap_or(sizes.kv_heads);
    layers.full_width = global_dim * global_heads;
    layers.shared = r.size(&["num_kv_shared_layers"], MAX_LAYERS)?;
    sizes.attention_layers = layers.full + layers.windowed;
    sizes.recurrent_layers = layers.recurrent;
    if layers.recurrent > 0 {
        sizes.recurrent = recurrent(r)?;
    }
    Ok(layers)
}

fn counted(r: &Reader, sizes: &mut Sizes) -> Result<Layers, ConfigError> {
    let total = sizes.layers;
    let window =
        r.size(&["sliding_window", "attention_chunk_size", "sliding_window_size"], MAX_TOKENS)?;
    let all_full = Layers { full: total, window, ..Layers::default() };
    if let Some(pattern) = r.text("hybrid_override_pattern") {
        let count = |letter: char| pattern.chars().filter(|c| *c == letter).count() as u64;
        // Every letter is one layer of one kind: mixers have no feed-forward block of their own.
        let layers =
            Layers { full: count('*'), recurrent: count('M'), window, ..Layers::default() };
        sizes.bare_layers = (layers.full + layers.recurrent).min(total);
        sizes.dense_layers = count('-');
        return Ok(layers);
    }
    if let Some(list) =
        r.get("layer_types").or_else(|| r.get("layers_block_type")).and_then(Value::as_array)
    {
        return Ok(listed(list, total, window));
    }
    if let Some(full) =
        r.get("linear_attn_config").and_then(|c| c.get("full_attn_layers")?.as_array())
    {
        let full = (full.len() as u64).min(total);
        return Ok(Layers { full, recurrent: total - full, window, ..Layers::default() });
    }
    // Families that always mix leave the interval out when it is their default.
    let linear = r.get("linear_num_value_heads").is_some();
    let every = r
        .number(&["full_attention_interval"], MAX_LAYERS)?
        .or(linear.then_some(4))
        .filter(|n| *n > 0);
    if let Some(every) = every {
        return Ok(Layers {
            full: total / every,
            recurrent: total - total / every,
            window,
            ..Layers::default()
        });
    }
    if let Some(every) = r.number(&["attn_layer_period"], MAX_LAYERS)?.filter(|n| *n > 0) {
        return Ok(Layers {
            full: total / every,
            recurrent: total - total / every,
            window,
            ..Layers::default()
        });
    }
    let off = r.get("use_sliding_window").and_then(Value::as_bool) == Some(false);
    if window == 0 || off {
        return Ok(all_full);
    }
    let pattern =
        match r.size(&["sliding_window_pattern", "_sliding_window_pattern"], MAX_LAYERS)? {
            0 if r.model_type().starts_with("gemma2") => 2,
            0 if r.model_type().starts_with("gemma3") => 6,
            0 if r.get("attention_chunk_size").is_some() => 4,
            n => n,
        };
    let full = if pattern > 0 { total / pattern } else { 0 };
    Ok(Layers { full, windowed: total - full, window, ..Layers::default() })
}

fn listed(list: &[Value], total: u64, window: u64) -> Layers {
    let mut layers = Layers { window, ..Layers::default() };
    for kind in
        list.iter().take(usize::try_from(total).unwrap_or(usize::MAX)).filter_map(Value::as_str)
    {
        match kind {
            "sliding_attention" | "chunked_attention" => layers.windowed += 1,
            "linear_attention" | "mamba" | "mamba2" | "recurrent" | "conv" => layers.recurrent += 1,
            _ => layers.full += 1,
        }
    }
    // A list that is too short says nothing of the rest: count it as the costliest kind.
    layers.full += total.saturating_sub(layers.full + layers.windowed + layers.recurrent);
    layers
}

/// Sizes of the recurrent mixer, which every family names differently.
fn recurrent(r: &Reader) -> Result<Recurrent, ConfigError> {
    let product = |a: u64, b: u64| a.saturating_mul(b).min(MAX_WIDTH);
    let kernel = r.size(
        &["linear_conv_kernel_dim", "mamba_d_conv", "conv_kernel", "conv_L_cache"],
        MAX_WIDTH,
    )?;
    let value_heads = r.size(&["linear_num_value_heads"], MAX_WIDTH)?;
    if value_heads > 0 {
        let value_dim = r.size(&["linear_value_head_dim"], MAX_WIDTH)?;
        let key_dim = r.size(&["linear_key_head_dim"], MAX_WIDTH)?;
        let keys = product(r.size(&["linear_num_key_heads"], MAX_WIDTH)?, key_dim);
        return Ok(Recurrent {
            inner: product(value_heads, value_dim),
            keys: 2 * keys,
            heads: value_heads,
            state: product(value_heads, value_dim).saturating_mul(key_dim),
            kernel,
            gated: true,
        });
    }
    if let Some(linear) = r.get("linear_attn_config").and_then(Value::as_object) {
        let number =
            |key: &str| linear.get(key).and_then(Value::as_u64).unwrap_or(0).min(MAX_WIDTH);
        let inner = product(number("num_heads"), number("head_dim"));
        return Ok(Recurrent {
            inner,
            keys: 2 * inner,
            heads: number("num_heads"),
            state: inner.saturating_mul(number("head_dim")),
            kernel: number("short_conv_kernel_size"),
            gated: true,
        });
    }
    let heads = r.size(&["mamba_num_heads", "mamba_n_heads", "n_mamba_heads"], MAX_WIDTH)?;
    let mut inner =
        product(heads, r.size(&["mamba_head_dim", "mamba_d_head", "mamba_headdim"], MAX_WIDTH)?);
    if inner == 0 {
        let expand = r.size(&["mamba_expand", "expand"], 64)?.max(2);
        inner = product(r.size(&["hidden_size"], MAX_WIDTH)?, expand);
    }
    let state = r.size(&["ssm_state_size", "mamba_d_state", "mamba_d_ssm_state"], MAX_WIDTH)?;
    let groups = r.size(&["n_groups", "mamba_n_groups", "mamba_ngroups"], MAX_WIDTH)?.max(1);
    Ok(Recurrent {
        inner,
        keys: 2 * product(groups, state),
        heads,
        state: inner.saturating_mul(state),
        kernel,
        gated: true,
    })
}

impl Layers {
    /// What a sequence costs, at 16 bits per value.
    pub(super) fn cache(self, sizes: &Sizes) -> Cache {
        let latent = sizes.latent.kv_rank > 0;
        let per_layer = if latent {
            // Keys and values share one latent vector.
            2 * (sizes.latent.kv_rank + sizes.latent.rope_dim)
        } else {
            2 * 2 * sizes.kv_heads * sizes.head_dim
        };
        let per_full_layer =
            if self.full_width > 0 && !latent { 2 * 2 * self.full_width } else { per_layer };
        // Layers that borrow a cache borrow it from one of their own kind, in the same proportion.
        let own = |count: u64| {
            let attention = (self.full + self.windowed).max(1);
            count - (count * self.shared / attention).min(count)
        };
        let r = sizes.recurrent;
        // The convolution keeps 16-bit inputs, the recurrence its 32-bit state.
        let convolution = (r.inner + r.keys).saturating_mul(r.kernel.saturating_sub(1)) * 2;
        Cache {
            token_bytes: own(self.full) * per_full_layer,
            windowed_token_bytes: own(self.windowed) * per_layer,
            window: if self.windowed > 0 { self.window } else { 0 },
            state_bytes: self
                .recurrent
                .saturating_mul(r.state.saturating_mul(4).saturating_add(convolution)),
            replicated: latent,
        }
    }
}
