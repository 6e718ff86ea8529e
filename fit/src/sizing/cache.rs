//! The key-value cache: what a token, a window and a recurrent state cost.

use super::layers::Layer;
use super::real;
use super::sizes::Sizes;
use super::state::{LATENT_TOKENS, Paged, States};

/// Tokens per cache block; sequences take whole blocks.
const BLOCK_TOKENS: u64 = 16;

/// What a model keeps of every sequence, in bytes over all devices at 16 bits per value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cache {
    /// Bytes per token of the layers that see the whole context.
    pub token_bytes: u64,
    /// Bytes per token of the layers that see a window only.
    pub windowed_token_bytes: u64,
    /// That window, in tokens; 0 without such layers.
    pub window: u64,
    /// Fixed bytes per sequence of recurrent layers (state-space or linear attention).
    pub state_bytes: u64,
    /// Whether every device holds all of it (latent attention) instead of its share of the heads.
    pub replicated: bool,
    /// How its layers are counted by an engine that keeps states in blocks; `None` where no layer is known to have one.
    pub states: Option<States>,
}

/// Bytes of the scale that an indexer keeps beside each token's eight-bit key.
const INDEX_SCALE: u64 = 4;

impl Sizes {
    /// What a sequence costs, at 16 bits per value; `None` where it does not follow from the layers.
    pub(super) fn cache(&self) -> Option<Cache> {
        if self.encoder.only {
            return Some(Cache::default());
        }
        if self.cache_unknown {
            return None;
        }
        let latent = self.latent.kv_rank > 0;
        let mut cache = Cache { window: 0, replicated: latent, ..Cache::default() };
        for layer in &self.layers {
            if layer.state {
                let r = self.recurrent;
                // The convolution keeps 16-bit inputs, the recurrence its 32-bit state.
                let state = r.state.saturating_mul(4).saturating_add(2 * self.convolution());
                cache.state_bytes = cache.state_bytes.saturating_add(state);
            }
            let Some(a) = layer.attention.filter(|_| layer.caches) else { continue };
            let bytes = if latent {
                // Keys and values share one latent vector.
                let index = match self.latent.index_dim {
                    0 => 0,
                    dim => dim + INDEX_SCALE,
                };
                2 * (self.latent.kv_rank + self.latent.rope_dim) + index
            } else {
                2 * a.kv_heads * (a.head_dim + a.value_dim)
            };
            if layer.windowed {
                cache.window = self.window;
                cache.windowed_token_bytes = cache.windowed_token_bytes.saturating_add(bytes);
            } else {
                cache.token_bytes = cache.token_bytes.saturating_add(bytes);
            }
        }
        let attends = self.layers.iter().any(|layer| layer.attention.is_some());
        if attends && cache.token_bytes + cache.windowed_token_bytes == 0 {
            return None;
        }
        cache.states = self.states();
        cache.state_bytes = cache.state_bytes.saturating_add(self.encoder.kept_bytes);
        Some(cache)
    }

    /// Values that the convolution of a layer with a state keeps.
    fn convolution(&self) -> u64 {
        let r = self.recurrent;
        r.channels.saturating_mul(r.kernel.saturating_sub(1))
    }

    /// The layers as they are counted where states are kept in blocks; `None` where their size is not known, or where it
    /// is not said that there are none.
    fn states(&self) -> Option<States> {
        let count = |of: &dyn Fn(&Layer) -> bool| {
            self.layers.iter().filter(|layer| of(layer)).count() as u64
        };
        let layers = count(&|layer| layer.state);
        let (recurrence, convolution) = (self.recurrent.state, self.convolution());
        let known = if layers > 0 {
            recurrence.saturating_add(convolution) > 0
        } else {
            self.mixers_listed
        };
        if !known {
            return None;
        }
        let attends = |layer: &Layer| layer.caches && layer.attention.is_some();
        let first = self.layers.iter().filter(|layer| layer.caches).find_map(|l| l.attention);
        let latent = self.latent.kv_rank > 0;
        Some(States {
            recurrence,
            value_bytes: self.recurrent.state_value_bytes,
            convolution,
            layers,
            full: count(&|layer| attends(layer) && !layer.windowed),
            windowed: count(&|layer| attends(layer) && layer.windowed),
            kv_heads: if latent { 1 } else { first.map_or(0, |a| a.kv_heads) },
            head_values: if latent {
                self.latent.kv_rank + self.latent.rope_dim
            } else {
                first.map_or(0, |a| a.head_dim + a.value_dim)
            },
            multiple: if latent { LATENT_TOKENS } else { BLOCK_TOKENS },
        })
    }

    /// Attention and key-value heads, over which a model is split; `None` without any.
    pub(super) fn split_heads(&self) -> Option<(u32, u32)> {
        let first = self.layers.iter().find_map(|layer| layer.attention)?;
        Some((u32::try_from(first.heads).ok()?, u32::try_from(first.kv_heads).ok()?))
    }
}

/// How the cache is kept on one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Kept {
    /// Devices that the key-value heads are really divided over.
    pub(super) shards: f64,
    /// Devices that recurrent states are divided over.
    pub(super) state_shards: f64,
    /// Bytes per value, 2 unless the cache is quantized.
    pub(super) value_bytes: f64,
    /// Tokens of one step of the scheduler, which windowed layers hold beside their window.
    pub(super) batched_tokens: u64,
    /// The blocks, where states are kept in blocks.
    pub(super) paged: Option<Paged>,
    /// What a draft model keeps, and the devices that it is divided over.
    pub(super) draft: Option<(Cache, f64)>,
}

impl Cache {
    /// Devices over which `tensor_parallel` really divides the cache: no head is split, and a latent
    /// cache is kept whole everywhere.
    pub(super) fn shards(&self, kv_heads: Option<u32>, tensor_parallel: u32) -> f64 {
        if self.replicated {
            return 1.0;
        }
        f64::from(tensor_parallel.min(kv_heads.unwrap_or(tensor_parallel)).max(1))
    }

    /// Bytes that one sequence of `tokens` tokens takes on one device.
    pub(super) fn sequence_bytes(&self, tokens: u64, kept: Kept) -> f64 {
        // The window may begin inside a block, hence the extra one.
        let held = tokens.min(self.window.saturating_sub(1) + kept.batched_tokens);
        let draft = kept.draft.map_or(0.0, |(cache, shards)| {
            let own = Kept { shards, state_shards: shards, paged: None, draft: None, ..kept };
            cache.sequence_bytes(tokens, own)
        });
        if let Some(paged) = kept.paged {
            return paged.sequence_bytes(tokens, held) + draft;
        }
        let scale = kept.value_bytes / 2.0 / kept.shards;
        let blocks = |t: u64| real(t.div_ceil(BLOCK_TOKENS) * BLOCK_TOKENS);
        let full = real(self.token_bytes) * blocks(tokens) * scale;
        let windowed = if self.windowed_token_bytes == 0 {
            0.0
        } else {
            real(self.windowed_token_bytes) * (blocks(held) + real(BLOCK_TOKENS)) * scale
        };
        // States keep their own format whatever the cache is quantized to.
        full + windowed + real(self.state_bytes) / kept.state_shards + draft
    }

    /// The longest sequence that `bytes` on one device can hold, at most `limit` tokens.
    pub(super) fn longest(&self, bytes: f64, limit: u64, kept: Kept) -> u64 {
        let (mut low, mut high) = (0, limit);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.sequence_bytes(middle, kept) <= bytes {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(shards: f64) -> Kept {
        Kept {
            shards,
            state_shards: shards,
            value_bytes: 2.0,
            batched_tokens: 2048,
            paged: None,
            draft: None,
        }
    }

    #[test]
    fn heads_are_not_split_further_than_there_are_heads() {
        let gqa = Cache { token_bytes: 1000, ..Cache::default() };
        assert!((gqa.shards(Some(4), 8) - 4.0).abs() < f64::EPSILON);
        assert!((gqa.shards(Some(8), 2) - 2.0).abs() < f64::EPSILON);
        let latent = Cache { replicated: true, ..gqa };
        assert!((latent.shards(Some(128), 8) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn windows_stop_growing_and_states_do_not_grow() {
        let cache =
            Cache { windowed_token_bytes: 100, window: 128, state_bytes: 7, ..Cache::default() };
        let long = cache.sequence_bytes(100_000, kept(1.0));
        assert!((long - cache.sequence_bytes(200_000, kept(1.0))).abs() < f64::EPSILON);
        assert!((long - (100.0 * f64::from(2176 + 16) + 7.0)).abs() < f64::EPSILON);
    }

    #[test]
    fn the_longest_sequence_is_the_longest() {
        let cache =
            Cache { token_bytes: 100, window: 64, windowed_token_bytes: 10, ..Cache::default() };
        let bytes = 1_000_000.0;
        let longest = cache.longest(bytes, 1_000_000, kept(1.0));
        assert!(cache.sequence_bytes(longest, kept(1.0)) <= bytes);
        assert!(cache.sequence_bytes(longest + 1, kept(1.0)) > bytes);
        assert_eq!(cache.longest(1e12, 4096, kept(1.0)), 4096);
        assert_eq!(cache.longest(0.0, 4096, kept(1.0)), 0);
    }
}
