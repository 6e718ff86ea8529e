//! What of a model's weights a device holds beyond its share of their bytes.

use mcc_catalogs::Catalogs;

use super::{real, whole};

/// What tensor parallelism, or an engine's way to load them, does not divide evenly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weights {
    /// Whether there are routed experts.
    pub experts: bool,
    /// Bytes that every device holds, as the checkpoint stores them: projections into the latent space of attention, and
    /// the indexer that picks tokens for it, which have no heads to divide.
    pub copied_bytes: u64,
    /// Weights of experts that the checkpoint stores in four bits beside layers of eight.
    pub four_bit_experts: u64,
}

impl Weights {
    /// The same of a checkpoint with `bytes` in place of `before`, in another format throughout.
    pub(super) fn stored_in(self, bytes: u64, before: u64) -> Self {
        let copied = real(self.copied_bytes) * real(bytes) / real(before.max(1));
        Self { copied_bytes: whole(copied), four_bit_experts: 0, ..self }
    }

    /// Bytes of `loaded` on one of `parallel` devices of each of `stages`, where `stored` is what the checkpoint has.
    pub(super) fn on_one(self, loaded: f64, stored: u64, parallel: f64, stages: f64) -> f64 {
        let copied = real(self.copied_bytes.min(stored));
        let copied = if stored > 0 { copied * loaded / real(stored) } else { 0.0 };
        ((loaded - copied) / parallel + copied) / stages
    }
}

/// How an engine keeps the scales of experts in four bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExpertScales {
    /// As the checkpoint has them; also where nothing is known of it.
    #[default]
    AsStored,
    /// At 32 bits, beside those that the kernel takes, on GPUs of one generation.
    Widened {
        /// Major compute capability of those GPUs.
        major: u32,
    },
}

/// Bytes of a scale at 32 bits for each of the weights that share it.
const WIDE: f64 = 4.0 / 32.0;

impl ExpertScales {
    /// Those of a release.
    pub fn of(catalogs: &Catalogs, engine: Option<(&str, &str)>) -> Self {
        let limits = catalogs.engine_limits();
        let major = engine.and_then(|(engine, release)| limits.widens(engine, release));
        major.map_or(Self::AsStored, |major| Self::Widened { major: u32::from(major) })
    }

    /// Bytes that they take beyond the checkpoint's, over all devices of `capability`.
    pub(super) fn bytes(self, weights: Weights, capability: Option<(u32, u32)>) -> f64 {
        match (self, capability) {
            (Self::Widened { major }, Some((has, _))) if has == major => {
                real(weights.four_bit_experts) * WIDE
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::estimate::tests::{a10g, llama_8b, serving};
    use super::super::{Device, GIB, ModelShape, Serving, device_of, estimate, shape_of};
    use super::*;

    fn shape(id: &str) -> ModelShape {
        Catalogs::embedded().models().get(id).and_then(shape_of).expect("a known model")
    }

    fn h200() -> Device {
        let instances = Catalogs::embedded().instances();
        instances.get("ml.p5en.48xlarge").and_then(device_of).expect("eight H200")
    }

    /// The log of `SemiAnalysisAI/InferenceX` issue 2128 has 125.65 GiB, and 3.07 for the layer for prediction, which it
    /// does not load and which is counted here.
    #[test]
    fn four_bit_experts_take_what_a_log_of_sglang_says() {
        let of = |release| {
            let scales = ExpertScales::of(Catalogs::embedded(), Some(("sglang", release)));
            let serving = Serving { scales, ..serving(8, 8192) };
            estimate(&shape("deepseek-ai/DeepSeek-V4-Pro"), &h200(), &serving).weights_gib
        };
        for release in ["0.5.12", "0.5.15"] {
            assert!((of(release) / (125.65 + 3.07) - 1.0).abs() < 0.03, "{}", of(release));
        }
        // Since then they are as the checkpoint has them.
        assert!((102.0..108.0).contains(&of("0.5.16")), "{}", of("0.5.16"));
    }

    #[test]
    fn scales_are_those_of_one_generation_and_of_four_bits() {
        let old = ExpertScales::of(Catalogs::embedded(), Some(("sglang", "0.5.15")));
        assert_eq!(old, ExpertScales::Widened { major: 9 });
        let weights = shape("deepseek-ai/DeepSeek-V4-Pro").weights;
        assert!(weights.experts && old.bytes(weights, Some((9, 0))) > 150.0 * GIB);
        for capability in [Some((10, 0)), Some((8, 0)), None] {
            assert!(old.bytes(weights, capability).abs() < 1.0, "{capability:?}");
        }
        let eight = shape("deepseek-ai/DeepSeek-V3.1").weights;
        assert!(eight.experts && old.bytes(eight, Some((9, 0))).abs() < 1.0);
        let vllm = ExpertScales::of(Catalogs::embedded(), Some(("vllm", "0.27.1")));
        assert_eq!(vllm, ExpertScales::AsStored);
        assert_eq!(ExpertScales::of(Catalogs::embedded(), None), ExpertScales::AsStored);
    }

    /// By hand, of DeepSeek-V3: 61 layers, and one for prediction, of 7168 · (1536 + 512 + 64) weights of one byte.
    #[test]
    fn what_has_no_heads_is_on_every_device() {
        let deepseek = shape("deepseek-ai/DeepSeek-V3.1");
        let copied = 62.0 * 7168.0 * (1536.0 + 512.0 + 64.0);
        assert!((real(deepseek.weights.copied_bytes) / copied - 1.0).abs() < 0.01);
        let on = |model: &ModelShape, degree: u32| {
            estimate(model, &h200(), &serving(degree, 8192)).weights_gib
        };
        let (one, eight) = (on(&deepseek, 1), on(&deepseek, 8));
        assert!((one * GIB / real(deepseek.weight_bytes) - 1.0).abs() < 1e-9, "one has all of it");
        let more = eight - one / 8.0;
        assert!((more - copied / GIB * 7.0 / 8.0).abs() < 0.01, "{more}");
        // Sparse attention has an indexer beside it.
        let sparse = shape("deepseek-ai/DeepSeek-V3.2").weights.copied_bytes;
        assert!(sparse > deepseek.weights.copied_bytes * 3 / 2, "{sparse}");
        let plain = estimate(&llama_8b(), &a10g(), &serving(4, 8192)).weights_gib;
        let whole = estimate(&llama_8b(), &a10g(), &serving(1, 8192)).weights_gib;
        assert!((plain * 4.0 - whole).abs() < 1e-9);
        assert_eq!(shape("Qwen/Qwen3-32B").weights, Weights::default());
    }
}
