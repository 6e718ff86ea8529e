//! Parameters of a model, counted from its layer sizes.

/// Sizes that `config.json` gives, absent ones being 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) layers: u64,
    pub(super) hidden: u64,
    pub(super) heads: u64,
    pub(super) kv_heads: u64,
    pub(super) head_dim: u64,
    pub(super) intermediate: u64,
    pub(super) vocab: u64,
    /// Embeddings that every layer has of its own, all together.
    pub(super) layer_embeddings: u64,
    pub(super) tied: bool,
    /// Matrices of a feed-forward block: 3 if gated, otherwise 2.
    pub(super) feed_forward_matrices: u64,
    /// Whether queries come with a gate of the same size.
    pub(super) gated_queries: bool,
    pub(super) experts: u64,
    pub(super) expert_intermediate: u64,
    pub(super) shared_intermediate: u64,
    /// Layers with a dense feed-forward block in a mixture of experts.
    pub(super) dense_layers: u64,
    /// Layers without any feed-forward block (each a mixer only).
    pub(super) bare_layers: u64,
    pub(super) latent: Latent,
    /// Layers with full or windowed attention.
    pub(super) attention_layers: u64,
    /// Recurrent layers.
    pub(super) recurrent_layers: u64,
    pub(super) recurrent: Recurrent,
    /// The vision tower, counted apart.
    pub(super) vision_parameters: u64,
}

/// Multi-head latent attention.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Latent {
    pub(super) kv_rank: u64,
    pub(super) q_rank: u64,
    pub(super) nope_dim: u64,
    pub(super) rope_dim: u64,
    pub(super) value_dim: u64,
}

/// A recurrent mixer: state-space (`Mamba`) or linear attention.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Recurrent {
    /// Width of values over all heads.
    pub(super) inner: u64,
    /// Width of keys (or of the state's inputs) over all heads or groups, both of them together.
    pub(super) keys: u64,
    /// Heads.
    pub(super) heads: u64,
    /// Values of the recurrent state.
    pub(super) state: u64,
    /// Length of the convolution.
    pub(super) kernel: u64,
    /// Whether there is an output gate as wide as `inner` (there is in all known ones).
    pub(super) gated: bool,
}

/// A count of parameters and the share of them that belongs to experts and embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) total: u128,
    pub(super) embeddings: u128,
    pub(super) experts: u128,
}

impl Sizes {
    /// Counts in 128 bits: hostile sizes may not overflow.
    pub(super) fn count(&self) -> Count {
        let n = u128::from;
        let hidden = n(self.hidden);
        let embeddings =
            n(self.vocab) * hidden * if self.tied { 1 } else { 2 } + n(self.layer_embeddings);
        let sparse_layers = if self.experts > 0 {
            n(self.layers.saturating_sub(self.dense_layers).saturating_sub(self.bare_layers))
        } else {
            0
        };
        let dense_layers = if self.experts > 0 {
            n(self.dense_layers)
        } else {
            n(self.layers.saturating_sub(self.bare_layers))
        };
        let block = |width: u64| n(self.feed_forward_matrices) * hidden * n(width);
        let experts = sparse_layers * n(self.experts) * block(self.expert_intermediate);
        let router = sparse_layers * (n(self.experts) * hidden + block(self.shared_intermediate));
        let dense = dense_layers * block(self.intermediate);
        let mixers = n(self.attention_layers) * self.attention()
            + n(self.recurrent_layers) * self.recurrent();
        let norms = n(self.layers) * 2 * hidden + hidden;
        let total =
            embeddings + experts + router + dense + mixers + norms + n(self.vision_parameters);
        Count { total, embeddings, experts }
    }

    fn attention(&self) -> u128 {
        let n = u128::from;
        let hidden = n(self.hidden);
        let heads = n(self.heads);
        let l = self.latent;
        if l.kv_rank > 0 {
            let query_width = heads * (n(l.nope_dim) + n(l.rope_dim));
            let queries = if l.q_rank > 0 {
                n(l.q_rank) * (hidden + query_width)
            } else {
                hidden * query_width
            };
            let down = hidden * (n(l.kv_rank) + n(l.rope_dim));
            let up = n(l.kv_rank) * heads * (n(l.nope_dim) + n(l.value_dim));
            return queries + down + up + heads * n(l.value_dim) * hidden;
        }
        let width = heads * n(self.head_dim);
        let queries = width * if self.gated_queries { 2 } else { 1 };
        hidden * (queries + 2 * n(self.kv_heads) * n(self.head_dim) + width)
    }

    fn recurrent(&self) -> u128 {
        let n = u128::from;
        let r = self.recurrent;
        let mixed = n(r.inner) + n(r.keys);
        let gate = if r.gated { n(r.inner) } else { 0 };
        n(self.hidden) * (mixed + gate + 2 * n(r.heads))
            + mixed * n(r.kernel)
            + n(r.inner) * n(self.hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(sizes: Sizes) -> f64 {
        u64::try_from(sizes.count().total).map(super::super::real).expect("below 2^64")
    }

    fn close(sizes: Sizes, published: f64) {
        let error = (total(sizes) - published).abs() / published;
        assert!(error < 0.01, "{} against {published}: {:.2} %", total(sizes), error * 100.0);
    }

    #[test]
    fn dense_models_count_to_what_is_published() {
        // meta-llama/Llama-3.1-8B, and Qwen/Qwen3-0.6B with tied embeddings.
        let llama = Sizes {
            layers: 32,
            hidden: 4096,
            heads: 32,
            kv_heads: 8,
            head_dim: 128,
            intermediate: 14336,
            vocab: 128_256,
            feed_forward_matrices: 3,
            attention_layers: 32,
            ..Sizes::default()
        };
        close(llama, 8_030_261_248.0);
        let qwen = Sizes {
            layers: 28,
            hidden: 1024,
            heads: 16,
            kv_heads: 8,
            head_dim: 128,
            intermediate: 3072,
            vocab: 151_936,
            tied: true,
            feed_forward_matrices: 3,
            attention_layers: 28,
            ..Sizes::default()
        };
        close(qwen, 596_049_920.0);
    }

    #[test]
    fn mixtures_and_latent_attention_count_too() {
        // Qwen/Qwen3-235B-A22B and deepseek-ai/DeepSeek-V3 without its multi-token head (671.03 billion).
        let qwen = Sizes {
            layers: 94,
            hidden: 4096,
            heads: 64,
            kv_heads: 4,
            head_dim: 128,
            vocab: 151_936,
            experts: 128,
            expert_intermediate: 1536,
            feed_forward_matrices: 3,
            attention_layers: 94,
            ..Sizes::default()
        };
        close(qwen, 235_093_634_560.0);
        let deepseek = Sizes {
            layers: 61,
            hidden: 7168,
            heads: 128,
            kv_heads: 128,
            intermediate: 18432,
            vocab: 129_280,
            experts: 256,
            expert_intermediate: 2048,
            shared_intermediate: 2048,
            dense_layers: 3,
            feed_forward_matrices: 3,
            attention_layers: 61,
            latent: Latent {
                kv_rank: 512,
                q_rank: 1536,
                nope_dim: 128,
                rope_dim: 64,
                value_dim: 128,
            },
            ..Sizes::default()
        };
        close(deepseek, 671_026_404_352.0);
    }

    #[test]
    fn linear_attention_counts() {
        // Qwen/Qwen3-Next-80B-A3B: 12 full and 36 linear layers.
        let next = Sizes {
            layers: 48,
            hidden: 2048,
            heads: 16,
            kv_heads: 2,
            head_dim: 256,
            intermediate: 5120,
            vocab: 151_936,
            experts: 512,
            expert_intermediate: 512,
            shared_intermediate: 512,
            feed_forward_matrices: 3,
            gated_queries: true,
            attention_layers: 12,
            recurrent_layers: 36,
            recurrent: Recurrent {
                inner: 4096,
                keys: 4096,
                heads: 32,
                state: 0,
                kernel: 4,
                gated: true,
            },
            ..Sizes::default()
        };
        // 81.32 billion are published with the multi-token head of about 1.65 billion.
        close(next, 79_674_391_296.0);
    }

    #[test]
    fn hostile_sizes_do_not_overflow() {
        let huge = Sizes {
            layers: 10_000,
            hidden: 1 << 24,
            experts: 1 << 20,
            expert_intermediate: 1 << 24,
            feed_forward_matrices: 3,
            ..Sizes::default()
        };
        assert!(huge.count().total > u128::from(u64::MAX));
    }
}
