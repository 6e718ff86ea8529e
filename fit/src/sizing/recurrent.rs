//! Sizes of the recurrent mixer, which every family names differently.

use super::config_json::{ConfigError, Reader};
use super::parameters::Recurrent;
use super::shape::Dtype;
use super::sizes::MAX_WIDTH;

/// Reads them; all 0 where there is none.
pub(super) fn read(r: &Reader) -> Result<Recurrent, ConfigError> {
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
        let inner = product(value_heads, value_dim);
        return Ok(Recurrent {
            inner,
            keys: 2 * keys,
            rates: 2 * value_heads,
            state: inner.saturating_mul(key_dim),
            state_value_bytes: value_bytes(r),
            kernel,
            channels: inner + 2 * keys,
            gated: true,
        });
    }
    if let Some(linear) = r.object("linear_attn_config") {
        let linear = Reader::part(linear);
        let (heads, dim) =
            (linear.size(&["num_heads"], MAX_WIDTH)?, linear.size(&["head_dim"], MAX_WIDTH)?);
        let inner = product(heads, dim);
        return Ok(Recurrent {
            inner,
            keys: 2 * inner,
            // Two projections through the size of a head, and a rate for each head.
            rates: 2 * dim + heads,
            state: inner.saturating_mul(dim),
            // Whatever the format of the model.
            state_value_bytes: 4,
            kernel: linear.size(&["short_conv_kernel_size"], MAX_WIDTH)?,
            channels: 3 * inner,
            gated: false,
        });
    }
    let hidden = r.size(&["hidden_size", "d_model"], MAX_WIDTH)?;
    if r.get("conv_L_cache").is_some() {
        // A short convolution between two gates, without any state beside it.
        return Ok(Recurrent {
            inner: hidden,
            keys: hidden,
            rates: 0,
            state: 0,
            state_value_bytes: 2,
            kernel,
            channels: hidden,
            gated: true,
        });
    }
    let stateful = matches!(r.family(), "mamba" | "mamba2" | "falcon_mamba");
    let mut heads = r.size(&["mamba_num_heads", "mamba_n_heads", "n_mamba_heads"], MAX_WIDTH)?;
    if stateful {
        heads = r.size(&["num_heads"], MAX_WIDTH)?;
    }
    let state =
        r.size(&["ssm_state_size", "mamba_d_state", "mamba_d_ssm_state", "state_size"], MAX_WIDTH)?;
    if heads == 0 && state == 0 {
        return Ok(Recurrent::default());
    }
    let mut dim = r.size(&["mamba_head_dim", "mamba_d_head", "mamba_headdim"], MAX_WIDTH)?;
    if stateful {
        dim = r.size(&["head_dim"], MAX_WIDTH)?;
    }
    let mut inner = match r.size(&["mamba_d_ssm"], MAX_WIDTH)? {
        0 => product(heads, dim),
        width => width,
    };
    if inner == 0 {
        inner = product(hidden, r.size(&["mamba_expand", "expand"], 64)?.max(2));
    }
    let groups = r
        .size(&["n_groups", "mamba_n_groups", "mamba_ngroups", "mamba_num_groups"], MAX_WIDTH)?
        .max(1);
    // The first generation has rates for each channel, through a narrow projection.
    let rates = if heads == 0 { hidden.div_ceil(16) } else { heads };
    Ok(Recurrent {
        inner,
        keys: 2 * product(groups, state),
        rates,
        state: inner.saturating_mul(state),
        state_value_bytes: value_bytes(r),
        kernel,
        // The first generation's runs over the values only.
        channels: if heads == 0 { inner } else { inner + 2 * product(groups, state) },
        gated: true,
    })
}

/// Bytes of a value of a state: as the configuration says, or as the family's code does; otherwise those of the model
/// (vLLM's `mamba_utils.py` and `models/config.py`).
fn value_bytes(r: &Reader) -> u64 {
    let said = r.text("mamba_ssm_dtype").or_else(|| r.text("mamba_ssm_cache_dtype"));
    match said.and_then(Dtype::parse) {
        Some(Dtype::Float32) => 4,
        Some(_) => 2,
        // The published files say so, and not every copy has the key.
        None if r.family().starts_with("qwen3_5") || r.family() == "nemotron_h" => 4,
        None => 2,
    }
}
