//! A draft model: a smaller one, loaded beside the model, that guesses tokens which the model then checks.

use super::cache::Cache;
use super::real;
use super::shape::ModelShape;

/// What a draft model takes beside the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draft {
    /// Bytes of its weights as the checkpoint stores them.
    pub weight_bytes: u64,
    /// What it keeps of every sequence.
    pub cache: Cache,
    /// Its key-value heads; `None` if unknown.
    pub kv_heads: Option<u32>,
    /// Whether every device holds it whole, instead of its share as of the model.
    pub whole: bool,
}

impl Draft {
    /// A model as the draft of another; `whole` if it is not split.
    pub fn of(model: &ModelShape, whole: bool) -> Self {
        Self {
            weight_bytes: model.weight_bytes,
            cache: model.cache.unwrap_or_default(),
            kv_heads: model.kv_heads,
            whole,
        }
    }

    /// Devices that it is divided over, of `parallel`.
    fn over(self, parallel: u32) -> u32 {
        if self.whole { 1 } else { parallel.max(1) }
    }

    /// Bytes of its weights on one of `parallel` devices.
    pub(super) fn bytes(self, parallel: u32) -> f64 {
        real(self.weight_bytes) / f64::from(self.over(parallel))
    }

    /// Devices that its cache is divided over.
    pub(super) fn shards(self, parallel: u32) -> f64 {
        self.cache.shards(self.kv_heads, self.over(parallel))
    }
}

#[cfg(test)]
mod tests {
    use super::super::estimate::tests::{a10g, llama_8b, serving};
    use super::super::{GIB, Serving, Verdict, estimate};
    use super::*;

    /// A quarter of the model beside it.
    fn draft(whole: bool) -> Draft {
        let small = ModelShape {
            weight_bytes: 4 << 30,
            cache: Some(Cache { token_bytes: 65_536, ..Cache::default() }),
            ..llama_8b()
        };
        Draft::of(&small, whole)
    }

    #[test]
    fn a_draft_takes_its_weights_and_its_cache() {
        let alone = estimate(&llama_8b(), &a10g(), &serving(2, 8192));
        let with = |whole: bool| {
            let serving = Serving { draft: Some(draft(whole)), ..serving(2, 8192) };
            estimate(&llama_8b(), &a10g(), &serving)
        };
        assert!((with(false).weights_gib - alone.weights_gib - 2.0).abs() < 1e-9);
        assert!((with(true).weights_gib - alone.weights_gib - 4.0).abs() < 1e-9);
        let tokens = with(false).sequence_gib.expect("known") - alone.sequence_gib.expect("known");
        assert!((tokens * GIB - 65_536.0 * 8192.0 / 2.0).abs() < 1.0, "{tokens}");
        assert_eq!(with(true).verdict, Verdict::Fits);
        let serving = Serving { draft: Some(draft(false)), ..serving(1, 8192) };
        let one = estimate(&llama_8b(), &a10g(), &serving);
        assert_eq!(one.verdict, Verdict::TooBig, "{one:?}");
    }
}
