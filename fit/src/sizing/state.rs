//! Blocks of a paged cache that recurrent states share with the cache of attention.
//!
//! An engine that keeps states in blocks makes a block of attention as large as a state, forms groups of layers of equal
//! size which share a pool of blocks, and does not start with more sequences than blocks: vLLM's
//! `v1/core/kv_cache_utils.py` and `model_executor/models/config.py`, by which logged numbers follow exactly.

use mcc_catalogs::{Catalogs, StateLimit};

use super::{real, whole};

/// Tokens of which a block of attention is a multiple.
const TOKENS: u64 = 16;
/// The same where attention is latent: its kernels take at least so many.
pub(super) const LATENT_TOKENS: u64 = 64;
/// Sequences at once where states are kept in blocks of which nothing is known: few enough for any.
const FEW: u32 = 8;

/// Layers with a state, as an engine counts them that keeps states in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct States {
    /// Values of the recurrent state of one layer, over all devices.
    pub recurrence: u64,
    /// Bytes of each of them.
    pub value_bytes: u64,
    /// Values at 16 bits that the layer's convolution keeps, over all devices.
    pub convolution: u64,
    /// Layers with a state.
    pub layers: u64,
    /// Layers whose attention keeps the whole context.
    pub full: u64,
    /// Layers whose attention keeps a window.
    pub windowed: u64,
    /// Key-value heads of a layer; 1 where attention is latent.
    pub kv_heads: u64,
    /// Values that a layer keeps of a token for each of them.
    pub head_values: u64,
    /// Tokens of which a block of attention is a multiple.
    pub multiple: u64,
}

/// How a release of an engine keeps states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateRule {
    /// Blocks that a sequence takes in each group of layers with a state.
    pub pages: u64,
    /// Whether it does not start with more sequences than blocks.
    pub refuses: bool,
    /// Whether layers of the model are known to have states, whatever their sizes.
    pub expected: bool,
}

impl StateRule {
    /// That of a release for a model of `class`; none where the engine does not keep states in blocks.
    pub fn of(
        catalogs: &Catalogs,
        engine: Option<(&str, &str)>,
        class: Option<&str>,
    ) -> Option<Self> {
        let (engine, release) = engine?;
        let limits = catalogs.engine_limits();
        let row: &StateLimit = limits.states_of(engine, release)?;
        Some(Self {
            pages: u64::from(row.pages),
            refuses: row.refuses && row.trust.refuses(),
            expected: class.is_some_and(|class| limits.keeps_states(class)),
        })
    }

    /// Sequences at once to give an engine that may have too few blocks for its default, where the sizes of the states are
    /// not known.
    pub fn few(self) -> Option<u32> {
        (self.refuses && self.expected).then_some(FEW)
    }
}

/// Blocks on one device, by an estimate of its cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateBlocks {
    /// So many there are, within the error of the estimate.
    pub sure: u64,
    /// By the estimate itself.
    pub usual: u64,
    /// By the most favourable one.
    pub most: u64,
    /// Groups of layers, in each of which a sequence takes at least one.
    pub groups: u64,
}

impl StateBlocks {
    /// The most sequences that can really run at once: one block is the engine's own.
    pub fn useful(&self) -> u32 {
        let useful = (self.usual.saturating_sub(1) / self.groups.max(1)).min(self.sure).max(1);
        u32::try_from(useful).unwrap_or(u32::MAX)
    }
}

/// The blocks of one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Paged {
    /// Tokens of attention in a block.
    tokens: u64,
    /// Bytes that a block takes, of all layers of a group.
    bytes: f64,
    /// Groups of layers with full attention, with a window, and with a state.
    full: u64,
    windowed: u64,
    state: u64,
    /// Blocks that a sequence takes in each of the last.
    pages: u64,
}

impl States {
    /// Its blocks on each of `parallel` devices that a layer is divided over, where the layers are in so many `stages` and
    /// a value of attention has `value_bytes`.
    pub(super) fn paged(
        &self,
        parallel: u32,
        stages: u32,
        value_bytes: f64,
        rule: StateRule,
    ) -> Paged {
        let parallel = u64::from(parallel.max(1));
        let state = real(self.recurrence / parallel * self.value_bytes)
            + real(self.convolution / parallel * 2);
        let heads = (self.kv_heads / parallel).max(1);
        let token = real(heads * self.head_values) * value_bytes;
        let attends = self.full + self.windowed > 0 && token > 0.0;
        let (tokens, page) = if attends {
            let least = token * real(self.multiple);
            let multiples = whole((state / least).ceil()).max(1);
            (multiples.saturating_mul(self.multiple), least * real(multiples))
        } else {
            (TOKENS, state)
        };
        let of_stage = |layers: u64| layers.div_ceil(u64::from(stages.max(1)));
        let kinds = [self.full, self.windowed, self.layers].map(of_stage);
        let (least, most) = (
            kinds.into_iter().filter(|n| *n > 0).min().unwrap_or(1),
            kinds.into_iter().max().unwrap_or(1),
        );
        let group = if 2 * most >= 3 * least { least } else { most };
        let [full, windowed, state] = kinds.map(|layers| layers.div_ceil(group));
        Paged { tokens, bytes: page * real(group), full, windowed, state, pages: rule.pages }
    }
}

impl Paged {
    /// Blocks in `bytes` of cache.
    fn count(&self, bytes: f64) -> u64 {
        whole((bytes / self.bytes).floor())
    }

    /// Those of a device, of whose cache so much is sure, usual and at most there, in bytes.
    pub(super) fn blocks(&self, sure: f64, usual: f64, most: f64) -> StateBlocks {
        StateBlocks {
            sure: self.count(sure),
            usual: self.count(usual),
            most: self.count(most),
            groups: self.full + self.windowed + self.state,
        }
    }

    /// Bytes of a sequence of `tokens` tokens, of which layers with a window hold `held`.
    pub(super) fn sequence_bytes(&self, tokens: u64, held: u64) -> f64 {
        let windowed = match self.windowed {
            0 => 0,
            // The window may begin inside a block.
            groups => groups * (held.div_ceil(self.tokens) + 1),
        };
        let blocks = self.full * tokens.div_ceil(self.tokens) + windowed + self.state * self.pages;
        real(blocks) * self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::GIB;
    use super::*;

    /// Qwen3.5 and Qwen3.6 by their configurations: value heads, layers with a state and with attention, key-value heads.
    fn qwen(value_heads: u64, layers: u64, full: u64, kv_heads: u64) -> States {
        States {
            recurrence: value_heads * 128 * 128,
            value_bytes: 4,
            convolution: (2 * 16 * 128 + value_heads * 128) * 3,
            layers,
            full,
            windowed: 0,
            kv_heads,
            head_values: 2 * 256,
            multiple: TOKENS,
        }
    }

    fn rule(release: &str) -> StateRule {
        StateRule::of(Catalogs::embedded(), Some(("vllm", release)), None).expect("known")
    }

    /// vLLM issue 49064: Qwen3.6-27B on two GPUs, 3.86 GiB of cache each.
    #[test]
    fn blocks_and_tokens_of_a_log() {
        let paged = qwen(48, 48, 16, 4).paged(2, 1, 2.0, rule("0.23.1"));
        assert_eq!((paged.tokens, paged.bytes), (784, 1_605_632.0 * 16.0));
        let bytes = 3.86 * GIB;
        let blocks = paged.blocks(bytes * 0.9, bytes, bytes);
        assert_eq!((blocks.usual, blocks.groups), (161, 4));
        assert_eq!(blocks.useful(), 40);
        // As the engine reckons: whole sequences of the longest context, in blocks.
        let sequence = paged.sequence_bytes(122_633, 0);
        let tokens = 161.0 * paged.bytes / sequence * 122_633.0;
        assert_eq!(whole(tokens), 123_399);
    }

    /// The case's log of Qwen3.5-9B: 107 blocks at exactly 1.74 GiB, 108 a little above, and the log rounds.
    #[test]
    fn blocks_of_another_log() {
        let paged = qwen(32, 24, 8, 4).paged(1, 1, 2.0, rule("0.27.1"));
        assert_eq!((paged.tokens, paged.bytes), (528, 2_162_688.0 * 8.0));
        assert_eq!(paged.count(1.74 * GIB), 107);
        assert_eq!(paged.count(1.7403 * GIB), 108);
    }

    /// Qwen3.6-35B-A3B with an eight-bit cache: 95 blocks and 1.44 sequences of 131,072 tokens, 66 blocks each.
    #[test]
    fn an_eight_bit_cache_has_longer_blocks() {
        let paged = qwen(32, 30, 10, 2).paged(1, 1, 1.0, rule("0.25.0"));
        assert_eq!(paged.tokens, 2096);
        let blocks = paged.sequence_bytes(131_072, 0) / paged.bytes;
        assert_eq!(whole(blocks), 66);
    }

    #[test]
    fn groups_are_of_the_smallest_kind_unless_kinds_are_alike() {
        // Falcon-H1: every layer attends and has a state.
        let both = States { full: 44, layers: 44, ..qwen(24, 44, 44, 2) };
        let blocks = both.paged(1, 1, 2.0, rule("0.27.1")).blocks(0.0, 0.0, 0.0);
        assert_eq!((blocks.groups, blocks.useful()), (2, 1));
        // Without any attention a block is a state, in one group.
        let pure = States { full: 0, kv_heads: 0, head_values: 0, ..qwen(32, 64, 0, 0) };
        let paged = pure.paged(1, 1, 2.0, rule("0.27.1"));
        assert_eq!((paged.full, paged.state), (0, 1));
        assert!((paged.bytes - real(64 * (32 * 128 * 128 * 4 + 8192 * 6))).abs() < 1.0);
    }

    #[test]
    fn releases_keep_states_in_their_own_way() {
        let class = Some("Qwen3_5ForConditionalGeneration");
        let of = |release| StateRule::of(Catalogs::embedded(), Some(("vllm", release)), class);
        assert_eq!(of("0.17.0"), None, "not read");
        assert_eq!(of("0.19.1").map(|rule| (rule.pages, rule.few())), Some((1, None)));
        assert_eq!(of("0.20.0").map(|rule| (rule.pages, rule.few())), Some((1, Some(FEW))));
        assert_eq!(of("0.26.0").map(|rule| rule.pages), Some(2));
        let dense = StateRule::of(Catalogs::embedded(), Some(("vllm", "0.27.1")), Some("Llama"));
        assert_eq!(dense.and_then(StateRule::few), None);
        let sglang = StateRule::of(Catalogs::embedded(), Some(("sglang", "0.5.17")), class);
        assert_eq!(sglang, None, "it caps the number itself");
    }
}
