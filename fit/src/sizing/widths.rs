//! What of a quantized model must stay whole where it is split: blocks and groups of weights that share a scale.

use std::sync::Arc;

use mcc_catalogs::{Catalogs, Scales, SplitLimit, SplitPart};
use serde_json::Value;

use super::config_json::Reader;
use super::layers::Feed;
use super::sizes::{MAX_WIDTH, Sizes};

/// Widths that tensor parallelism divides, and what must not be cut. What is not known, or is not quantized in every
/// layer, is none: then nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Widths {
    /// Width of a routed expert.
    pub experts: Option<u64>,
    /// Width of the dense feed-forward layers.
    pub feed_forward: Option<u64>,
    /// Width of the shared experts together.
    pub shared: Option<u64>,
    /// Width of the hidden state.
    pub hidden: u64,
    /// Rows and columns of a block that shares a scale.
    pub block: Option<(u64, u64)>,
    /// Weights of the experts that share a scale.
    pub expert_group: Option<u64>,
    /// Inputs of the other layers that share a scale.
    pub group: Option<u64>,
    /// The weights are NVFP4, of which sixteen share a scale.
    pub nvfp4: bool,
    /// Blocks can be divided into smaller ones with the same scale, where the engine does that.
    pub divisible: bool,
}

/// Names of lists of layers that are not quantized.
const LEFT_OUT: [&str; 4] =
    ["modules_to_not_convert", "ignored_layers", "ignore", "exclude_modules"];
/// Values of an NVFP4 scale.
const NVFP4: u64 = 16;

impl Widths {
    /// Reads them from a `config.json`; all are unknown where the weights are not quantized.
    pub(super) fn read(r: &Reader, sizes: &Sizes) -> Self {
        let quantization = r.get("quantization_config").or_else(|| r.get("compression_config"));
        let Some(config) = quantization.and_then(Value::as_object) else {
            return Self::default();
        };
        let method = config.get("quant_method").and_then(Value::as_str).unwrap_or_default();
        let group = |key: &str, of: &Value| {
            of.get(key).and_then(Value::as_u64).filter(|number| in_bounds(*number))
        };
        let whole = Value::Object(config.clone());
        let first = config.get("config_groups").and_then(Value::as_object);
        let first = first.filter(|groups| groups.len() == 1);
        let weights = first.and_then(|groups| groups.values().next()?.get("weights"));
        let compressed = method == "compressed-tensors";
        let pair = config
            .get("weight_block_size")
            .or_else(|| weights?.get("block_structure"))
            .and_then(Value::as_array);
        let block = pair.and_then(|pair| match pair.as_slice() {
            [n, k] => Some((
                n.as_u64().filter(|number| in_bounds(*number))?,
                k.as_u64().filter(|number| in_bounds(*number))?,
            )),
            _ => None,
        });
        let bits = weights.and_then(|weights| group("num_bits", weights));
        let float = weights.and_then(|weights| weights.get("type")?.as_str()) == Some("float");
        let integers = if compressed {
            weights.filter(|_| !float && matches!(bits, Some(4 | 8)))
        } else {
            ["awq", "gptq"].contains(&method).then_some(&whole)
        };
        let grouped = integers.and_then(|of| group("group_size", of));
        let algorithm = config.get("quant_algo").and_then(Value::as_str).unwrap_or_default();
        let left_out: Vec<&str> = LEFT_OUT
            .iter()
            .filter_map(|key| config.get(*key)?.as_array())
            .flatten()
            .filter_map(Value::as_str)
            .map(|name| name.trim_end_matches('$'))
            // Gates are small and not divided.
            .filter(|name| !name.ends_with("gate"))
            .collect();
        let quantized = |width: u64, words: &[&str]| {
            let skipped = left_out.iter().any(|name| words.iter().any(|word| name.contains(word)));
            (width > 0 && !skipped).then_some(width)
        };
        let dense = sizes.layers.iter().filter_map(|layer| match layer.feed {
            Feed::Dense(width) | Feed::Both(width) => Some(width),
            Feed::None | Feed::Sparse => None,
        });
        // Where layers differ, nothing is said of them.
        let dense = dense.map(Some).reduce(|one, other| one.filter(|_| one == other)).flatten();
        let feed_forward = ["mlp", "ffn", "feed_forward", "down_proj", "layers"];
        Self {
            // Experts in a format of their own have none of these blocks.
            experts: quantized(sizes.expert_intermediate, &["experts", "layers"])
                .filter(|_| sizes.experts > 0 && r.get("expert_dtype").is_none()),
            feed_forward: dense.and_then(|width| quantized(width, &feed_forward)),
            shared: quantized(sizes.shared_intermediate, &["shared", "layers"])
                .filter(|_| sizes.experts > 0),
            hidden: sizes.hidden,
            block,
            expert_group: grouped.filter(|_| compressed),
            group: grouped,
            nvfp4: algorithm == "NVFP4",
            divisible: method == "fp8",
        }
    }
}

fn in_bounds(number: u64) -> bool {
    (1..=MAX_WIDTH).contains(&number)
}

/// How an engine divides a model, as far as its release is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    limits: Arc<[Arc<SplitLimit>]>,
    /// Ranks that the experts are spread over whole, instead of being divided: 0 and 1 for none, the largest number for
    /// all.
    pub expert_ranks: u32,
}

/// Something that a split would cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The width that is divided.
    pub width: u64,
    /// By how many.
    pub over: u32,
    /// What must stay whole.
    pub whole: u64,
    /// What is known of the engine.
    pub limit: SplitLimit,
}

impl Split {
    /// What is known of a release.
    pub fn of(catalogs: &Catalogs, engine: Option<(&str, &str)>) -> Self {
        let limits = engine.into_iter().flat_map(|(engine, release)| {
            catalogs.engine_limits().splits_of(engine, release).cloned().collect::<Vec<_>>()
        });
        Self { limits: limits.collect(), expert_ranks: 0 }
    }

    /// The same with experts that are spread over `ranks`.
    #[must_use]
    pub fn spread(self, ranks: u32) -> Self {
        Self { expert_ranks: ranks, ..self }
    }

    /// The first thing that a split over `degree` devices would cut, what is certain before what is not.
    pub(super) fn cut(&self, widths: &Widths, degree: u32) -> Option<Cut> {
        let cuts = || self.limits.iter().filter_map(|limit| self.cut_by(limit, widths, degree));
        cuts().find(|cut| cut.limit.trust.refuses()).or_else(|| cuts().next())
    }

    fn cut_by(&self, limit: &SplitLimit, widths: &Widths, degree: u32) -> Option<Cut> {
        let experts = limit.part == SplitPart::Experts;
        // Experts that are spread are divided over what is left, and not at all if that is one.
        let over = if experts { (degree / self.expert_ranks.max(1)).max(1) } else { degree };
        if over <= 1 {
            return None;
        }
        let whole = match (limit.scales, limit.part) {
            (Scales::Block, SplitPart::Experts) => widths.block?.0,
            (Scales::Block, SplitPart::Linear) => widths.block?.1,
            (Scales::Group, SplitPart::Experts) => widths.expert_group?,
            (Scales::Group, SplitPart::Linear) => widths.group?,
            (Scales::Nvfp4, _) => widths.nvfp4.then_some(NVFP4)?,
        };
        let parts: &[Option<u64>] = match limit.part {
            SplitPart::Experts => &[widths.experts],
            SplitPart::Linear => &[widths.feed_forward, widths.shared],
        };
        let cut = |width: &u64| {
            // A group as wide as the layer is one scale for all of it.
            let one = limit.scales == Scales::Group && whole >= *width;
            !one && !width.is_multiple_of(whole.saturating_mul(u64::from(over)))
        };
        let width = parts.iter().flatten().copied().find(|width| cut(width))?;
        if let (Some(least), true) = (limit.refines_to, widths.divisible)
            && width.is_multiple_of(u64::from(over))
        {
            let (rows, columns) = widths.block?;
            let all = [columns, width / u64::from(over), widths.hidden];
            if all.into_iter().fold(rows, divisor) >= least {
                return None;
            }
        }
        Some(Cut { width, over, whole, limit: limit.clone() })
    }
}

/// The greatest common divisor; that of a number and nothing is the number.
fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(engine: &str, release: &str) -> Split {
        Split::of(Catalogs::embedded(), Some((engine, release)))
    }

    /// Experts of 1536, as MiniMax-M2 has them, in blocks of 128.
    fn blocks() -> Widths {
        Widths {
            experts: Some(1536),
            hidden: 3072,
            block: Some((128, 128)),
            divisible: true,
            ..Widths::default()
        }
    }

    #[test]
    fn blocks_of_experts_stay_whole() {
        let old = split("vllm", "0.27.1");
        assert_eq!(old.cut(&blocks(), 4), None, "384 is three blocks");
        let cut = old.cut(&blocks(), 8).expect("192 is one and a half");
        assert_eq!((cut.width, cut.over, cut.whole), (1536, 8, 128));
        assert!(split("sglang", "0.5.17").cut(&blocks(), 8).is_some());
        assert_eq!(split("sglang", "0.5.10").cut(&blocks(), 8), None, "not read");
    }

    #[test]
    fn later_releases_divide_the_scales() {
        let new = split("vllm", "0.29.0");
        assert_eq!(new.cut(&blocks(), 8), None, "64 divides 192");
        assert!(new.cut(&Widths { divisible: false, ..blocks() }, 8).is_some());
        // A greatest common divisor of 16 is too small.
        let odd = Widths { experts: Some(1536 + 128), ..blocks() };
        assert!(new.cut(&odd, 8).is_some(), "208 and 128 have 16 in common");
    }

    #[test]
    fn spread_experts_are_not_divided() {
        let all = Split { expert_ranks: u32::MAX, ..split("vllm", "0.27.1") };
        assert_eq!(all.cut(&blocks(), 8), None);
        let two = Split { expert_ranks: 2, ..split("sglang", "0.5.17") };
        assert_eq!(two.cut(&blocks(), 8), None, "over four each");
        // The dense part of the model is divided all the same.
        let shared = Widths { shared: Some(1536), ..blocks() };
        assert!(all.cut(&shared, 8).is_some());
    }

    #[test]
    fn groups_are_reported_and_the_rest_is_certain() {
        // Qwen2.5-72B in AWQ: 29568 / 8 is 3696, which is no multiple of 128.
        let awq = Widths { feed_forward: Some(29_568), group: Some(128), ..Widths::default() };
        let cut = split("vllm", "0.27.1").cut(&awq, 8).expect("cut");
        assert!(!cut.limit.trust.refuses());
        assert!(split("vllm", "0.27.1").cut(&awq, 1).is_none());
        let nvfp4 = Widths { feed_forward: Some(1000), nvfp4: true, ..Widths::default() };
        assert!(split("vllm", "0.27.1").cut(&nvfp4, 2).is_some());
        assert!(
            split("vllm", "0.27.1").cut(&Widths { feed_forward: Some(1024), ..nvfp4 }, 2).is_none()
        );
    }
}
