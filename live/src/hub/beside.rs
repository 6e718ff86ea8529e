//! Small files of a repository that say what its description and its configuration leave open.

use mcc_catalogs::{Model, WeightFile as File};
use serde_json::{Map, Value};

use super::info::Info;

/// Most bytes of such a file: indexes and tokenizers have some hundred kilobytes.
pub(super) const MOST: usize = 4 << 20;
/// Longest text that a tokenizer can mean. Those without a limit say 10^30.
const LONGEST: u64 = 100_000_000;
/// Most pixels that a processor can mean.
const MOST_PIXELS: u64 = 1_000_000_000;
/// Longest edge of an image. What is called an edge and is longer counts pixels, as Qwen's processors have it.
const LONGEST_EDGE: u64 = 16_384;

/// A file that says something more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// The formats of a checkpoint of NVIDIA's Model Optimizer.
    Quantization,
    /// The sum of bytes, where the hub did not count them.
    Index,
    /// The longest text.
    Tokenizer,
    /// The largest image.
    Processor,
}

impl Beside {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quantization => "hf_quant_config.json",
            Self::Index => "model.safetensors.index.json",
            Self::Tokenizer => "tokenizer_config.json",
            Self::Processor => "preprocessor_config.json",
        }
    }

    /// What is read of a repository, at most two, the most telling first: how large the model is, where that is open, the
    /// largest image of a model that reads images, and the longest text.
    pub(super) fn of(info: &Info) -> Vec<Self> {
        let small = |file: &File| file.size.is_none_or(|size| size <= MOST as u64);
        let has = |one: &Self| info.file(one.name()).is_some_and(small);
        let images = info.task.as_deref().is_some_and(|task| task.contains("image-text"));
        let size = [Self::Quantization, Self::Index].into_iter();
        let size = size.filter(|one| *one != Self::Index || info.totals.is_none()).find(has);
        let takes = images.then_some(Self::Processor).into_iter().chain([Self::Tokenizer]);
        size.into_iter().chain(takes.filter(has)).take(2).collect()
    }

    /// Adds to `row` what the file says of what the model takes. What nobody can mean is left out.
    pub(super) fn tell(self, row: &mut Model, file: &Map<String, Value>) {
        match self {
            Self::Tokenizer => {
                let limit = file.get("model_max_length").and_then(Value::as_u64);
                row.tokenizer_limit = limit.filter(|limit| (1..=LONGEST).contains(limit));
            }
            Self::Processor => row.image_pixels = pixels(file),
            Self::Quantization | Self::Index => {}
        }
    }
}

/// The most pixels that a processor keeps of an image.
fn pixels(file: &Map<String, Value>) -> Option<u64> {
    let size = |key: &str| file.get("size")?.get(key)?.as_u64();
    let whole = || size("height")?.checked_mul(size("width")?);
    let counted = || size("longest_edge").filter(|count| *count > LONGEST_EDGE);
    let most = file.get("max_pixels").and_then(Value::as_u64);
    most.or_else(whole).or_else(counted).filter(|pixels| (1..=MOST_PIXELS).contains(pixels))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(beside: Beside, file: &Value) -> (Option<u64>, Option<u64>) {
        let mut row = super::super::model::empty("a/b".parse().unwrap());
        beside.tell(&mut row, file.as_object().unwrap());
        (row.tokenizer_limit, row.image_pixels)
    }

    #[test]
    fn limits_that_nobody_can_mean_are_left_out() {
        let tokens = |text: &str| {
            let file: Value =
                serde_json::from_str(&format!("{{\"model_max_length\": {text}}}")).unwrap();
            told(Beside::Tokenizer, &file).0
        };
        assert_eq!(tokens("131072"), Some(131_072));
        for odd in
            ["1e30", "1000000000000000019884624838656", "-1", "0", "512.5", "\"512\"", "null", "[]"]
        {
            assert_eq!(tokens(odd), None, "{odd}");
        }
    }

    #[test]
    fn processors_say_the_largest_image_in_their_own_ways() {
        for (file, pixels) in [
            // Qwen2-VL, and the same as later releases of transformers write it.
            (json!({"min_pixels": 3136, "max_pixels": 12_845_056}), Some(12_845_056)),
            (
                json!({"size": {"longest_edge": 16_777_216, "shortest_edge": 65_536}}),
                Some(16_777_216),
            ),
            // CLIP and SigLIP.
            (json!({"size": {"height": 384, "width": 384}}), Some(147_456)),
            // Edges say nothing of the number of pixels.
            (json!({"size": {"shortest_edge": 336}}), None),
            (json!({"size": {"longest_edge": 2048}}), None),
            (json!({"max_pixels": -1}), None),
            (json!({"max_pixels": 1e300}), None),
            (json!({"size": {"height": u64::MAX, "width": 2}}), None),
            (json!({"size": 336}), None),
            (json!({}), None),
        ] {
            assert_eq!(told(Beside::Processor, &file).1, pixels, "{file}");
        }
    }
}
