//! Parameters of a model, counted part by part from its layers: parts differ in how they are quantized.

use super::layers::{Attention, Feed, Layer};
use super::sizes::Sizes;

/// Multi-head latent attention, and the indexer that picks tokens for it. Absent sizes are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Latent {
    pub(super) kv_rank: u64,
    pub(super) q_rank: u64,
    pub(super) o_rank: u64,
    pub(super) o_groups: u64,
    pub(super) nope_dim: u64,
    pub(super) rope_dim: u64,
    pub(super) value_dim: u64,
    pub(super) index_heads: u64,
    pub(super) index_dim: u64,
}

/// A recurrent mixer: state-space (`Mamba`), linear attention or a short convolution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Recurrent {
    /// Width of values over all heads.
    pub(super) inner: u64,
    /// Width of keys (or of the state's inputs) over all heads or groups, both of them together.
    pub(super) keys: u64,
    /// Width of what is projected to rates and decays.
    pub(super) rates: u64,
    /// Values of the recurrent state.
    pub(super) state: u64,
    /// Bytes of each of them where an engine keeps them in the format that the model asks for.
    pub(super) state_value_bytes: u64,
    /// Length of the convolution.
    pub(super) kernel: u64,
    /// Width of what it runs over.
    pub(super) channels: u64,
    /// Whether there is an output gate as wide as `inner`.
    pub(super) gated: bool,
}

/// A vision tower.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tower {
    pub(super) hidden: u64,
    pub(super) layers: u64,
    pub(super) intermediate: u64,
    /// Matrices of a feed-forward block.
    pub(super) matrices: u64,
    /// How often its layers are joined to the model.
    pub(super) mergers: u64,
    /// Patches along each side that become one token.
    pub(super) merged: u64,
}

impl Tower {
    fn count(&self, language: u64) -> u128 {
        let n = u128::from;
        let hidden = n(self.hidden);
        let layer = hidden * (4 * hidden + n(self.matrices) * n(self.intermediate));
        let joined = hidden * n(self.merged.max(1)).pow(2);
        let merger =
            if self.merged > 0 { joined * (joined + n(language)) } else { hidden * n(language) };
        n(self.layers) * layer + if self.layers > 0 { merger * n(self.mergers) } else { 0 }
    }
}

/// Parameters by part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Input and output embeddings.
    pub(super) embeddings: u128,
    pub(super) attention: u128,
    /// Of those the part that has no heads to divide.
    pub(super) copied: u128,
    /// Recurrent mixers.
    pub(super) state: u128,
    /// Dense feed-forward blocks.
    pub(super) dense: u128,
    /// Experts that every token goes through.
    pub(super) shared: u128,
    pub(super) experts: u128,
    /// The vision tower and encoders.
    pub(super) towers: u128,
    /// Routers, norms, and copies of embeddings for multi-token prediction.
    pub(super) rest: u128,
}

impl Count {
    pub(super) fn total(&self) -> u128 {
        self.embeddings
            + self.attention
            + self.state
            + self.dense
            + self.shared
            + self.experts
            + self.towers
            + self.rest
    }
}

impl Sizes {
    /// Counts in 128 bits: hostile sizes may not overflow.
    pub(super) fn count(&self) -> Count {
        let n = u128::from;
        let hidden = n(self.hidden);
        let matrices = if self.tied { 1 } else { 2 };
        let mut count = Count {
            embeddings: n(self.vocab) * hidden * matrices + n(self.more_embeddings),
            towers: self.tower.count(self.hidden) + n(self.encoder.parameters),
            rest: hidden,
            ..Count::default()
        };
        for layer in &self.layers {
            self.add(layer, &mut count);
        }
        if let Some(last) = self.layers.iter().rev().find(|l| l.attention.is_some()) {
            let feed = self
                .layers
                .iter()
                .rev()
                .find(|l| l.feed != Feed::None)
                .map_or(last.feed, |l| l.feed);
            for _ in 0..self.prediction_layers {
                self.add(&Layer { feed, state: false, ..*last }, &mut count);
                count.rest += 2 * hidden * hidden;
                if self.prediction_embeddings {
                    count.rest += 2 * n(self.vocab) * hidden;
                }
            }
        }
        count
    }

    fn add(&self, layer: &Layer, count: &mut Count) {
        let n = u128::from;
        let hidden = n(self.hidden);
        let block = |inner: u128, width: u64| n(self.feed_forward_matrices) * inner * n(width);
        if let Some(attention) = &layer.attention {
            count.attention += self.attention(attention);
            count.copied += self.copied(attention);
        }
        if layer.state {
            count.state += self.recurrent();
        }
        if let Feed::Dense(width) | Feed::Both(width) = layer.feed {
            count.dense += block(hidden, width);
        }
        if matches!(layer.feed, Feed::Sparse | Feed::Both(_)) {
            // Experts of some families work in a narrower space, with a projection into it and out.
            let inner = self.expert_hidden.map_or(hidden, n);
            count.experts += n(self.experts) * block(inner, self.expert_intermediate);
            count.shared += block(hidden, self.shared_intermediate);
            count.rest += n(self.experts) * hidden;
            count.rest += self.expert_hidden.map_or(0, |inner| 2 * n(inner) * hidden);
        }
        count.rest += 2 * hidden;
    }

    fn attention(&self, a: &Attention) -> u128 {
        let n = u128::from;
        let hidden = n(self.hidden);
        let heads = n(a.heads);
        let l = self.latent;
        let queries = |width: u128| match n(l.q_rank) {
            0 => hidden * width,
            rank => rank * (hidden + width),
        };
        let index = self.indexer();
        if l.kv_rank > 0 {
            let width = heads * (n(l.nope_dim) + n(l.rope_dim));
            let down = hidden * (n(l.kv_rank) + n(l.rope_dim));
            let up = n(l.kv_rank) * heads * (n(l.nope_dim) + n(l.value_dim));
            return queries(width) + down + up + heads * n(l.value_dim) * hidden + index;
        }
        let width = heads * n(a.head_dim);
        let values = if a.keys_are_values { 0 } else { n(a.value_dim) };
        let output = match n(l.o_rank) {
            0 => heads * n(a.value_dim) * hidden,
            rank => rank * (width + n(l.o_groups.max(1)) * hidden),
        };
        queries(width * if self.gated_queries { 2 } else { 1 })
            + hidden * n(a.kv_heads) * (n(a.head_dim) + values)
            + output
            + index
    }

    /// The part of latent attention that has no heads: engines have it on every device that the heads are divided over.
    fn copied(&self, a: &Attention) -> u128 {
        let n = u128::from;
        let (hidden, l) = (n(self.hidden), self.latent);
        let keys = match (l.kv_rank, l.o_rank) {
            (0, 0) => return 0,
            // One key, which is the value as well.
            (0, _) => n(a.kv_heads) * n(a.head_dim),
            (rank, _) => n(rank) + n(l.rope_dim),
        };
        hidden * (n(l.q_rank) + keys) + self.indexer()
    }

    /// What picks the tokens that sparse attention sees.
    fn indexer(&self) -> u128 {
        let n = u128::from;
        let (hidden, l) = (n(self.hidden), self.latent);
        n(l.index_dim) * (n(l.index_heads) * n(l.q_rank) + hidden) + hidden * n(l.index_heads)
    }

    fn recurrent(&self) -> u128 {
        let n = u128::from;
        let r = self.recurrent;
        let mixed = n(r.inner) + n(r.keys);
        let gate = if r.gated { n(r.inner) } else { 0 };
        n(self.hidden) * (mixed + gate + n(r.rates))
            + mixed * n(r.kernel)
            + n(r.inner) * n(self.hidden)
    }
}
