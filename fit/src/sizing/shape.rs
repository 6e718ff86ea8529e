//! What sizing needs to know of a model.

use super::cache::Cache;
use super::loaded::Weights;
use super::pipeline::Parts;
use super::widths::Widths;

/// Number format of weights or of the key-value cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floating point.
    Float32,
    /// IEEE half precision.
    Float16,
    /// Brain floating point; needs compute capability 8.0.
    Bfloat16,
}

impl Dtype {
    /// Bytes per value.
    pub fn bytes(self) -> f64 {
        match self {
            Self::Float32 => 4.0,
            Self::Float16 | Self::Bfloat16 => 2.0,
        }
    }

    /// The name that engines and `config.json` use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Bfloat16 => "bfloat16",
        }
    }

    /// The format called `name`; `half` and `float` are the short names of engines.
    pub fn parse(name: &str) -> Option<Self> {
        match name.trim_start_matches("torch.") {
            "float32" | "float" => Some(Self::Float32),
            "float16" | "half" => Some(Self::Float16),
            "bfloat16" => Some(Self::Bfloat16),
            _ => None,
        }
    }
}

/// How the weights of a checkpoint are quantized.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantization {
    /// The method's name as in `quantization_config.quant_method`: `awq`, `gptq`, `fp8`, `mxfp4`, …
    pub method: String,
    /// Bytes that one quantized weight takes, scales included.
    pub bytes_per_weight: f64,
    /// Whether only the experts are quantized and everything else keeps its format.
    pub experts_only: bool,
    /// Bits of the activations where the method quantizes those too; 16 for weight-only methods.
    pub activation_bits: u32,
}

impl Quantization {
    /// The method called `method` at `bits` bits per weight, with the usual group size.
    ///
    /// `None` for a name that says nothing of the size (such as `quark` without bits).
    pub fn named(method: &str, bits: Option<u32>) -> Option<Self> {
        let name = method.to_ascii_lowercase();
        let (bytes_per_weight, activation_bits) = match (name.as_str(), bits) {
            // Half a byte, and for each 128 weights a 16-bit scale and a 4-bit zero point.
            (
                "awq" | "gptq" | "awq_marlin" | "gptq_marlin" | "auto-round" | "auto_awq"
                | "auto_gptq",
                None | Some(4),
            )
            | ("int4" | "w4a16", _)
            | ("compressed-tensors", Some(4)) => (0.52, 16),
            // Half a byte and an 8-bit block constant for each 64 weights.
            ("bitsandbytes" | "bnb", None | Some(4)) => (0.516, 16),
            // Half a byte and one 8-bit scale for 32 (mxfp4) or 16 (nvfp4) weights.
            ("mxfp4" | "fp4-experts", _) => (0.532, 16),
            ("nvfp4" | "modelopt_fp4" | "fp4", _) => (0.563, 4),
            ("fp8" | "fbgemm_fp8" | "modelopt" | "mxfp8" | "modelopt_mxfp8", _) => (1.002, 8),
            ("w8a16", _) => (1.016, 16),
            ("experts_int8", _) => (1.0, 16),
            ("int8" | "w8a8", _) | ("compressed-tensors", Some(8)) => (1.002, 8),
            ("bitsandbytes" | "bnb" | "gptq" | "gptq_marlin", Some(8)) => (1.016, 16),
            ("gptq" | "gptq_marlin", Some(bits @ (2 | 3))) => (f64::from(bits) / 8.0 + 0.02, 16),
            _ => return None,
        };
        let experts_only = matches!(name.as_str(), "mxfp4" | "fp4-experts" | "experts_int8");
        Some(Self { method: name, bytes_per_weight, experts_only, activation_bits })
    }
}

/// The longest contexts, in tokens, of a model that spreads its positions by `yarn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretched {
    /// As the file says, which vLLM takes from 0.30 on, and `SGLang`.
    pub given: u64,
    /// The original context times the factor, which vLLM takes through 0.29.
    pub multiplied: u64,
}

/// Where a model's sizes are from, which every answer that uses them says unless they are the model's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Its own `config.json`, or numbers that the user gave.
    #[default]
    Own,
    /// What is published of a pipeline's parts, rounded.
    Parts,
    /// The `config.json` of a sibling, or parts of its own.
    Derived {
        /// The sibling, if it is that.
        sibling: Option<String>,
    },
    /// Recalled and not read.
    Recalled,
    /// The sizes are those of another model, in another precision.
    Variant {
        /// That model.
        of: String,
    },
}

/// A model, as far as its memory and its division over accelerators are concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelShape {
    /// Class name of the architecture, such as `LlamaForCausalLM`.
    pub architecture: Option<String>,
    /// Parameters, all experts counted.
    pub parameters: u64,
    /// Whether `parameters` was calculated from the layer sizes instead of read from the checkpoint.
    pub parameters_computed: bool,
    /// Bytes of all weights as the checkpoint stores them.
    pub weight_bytes: u64,
    /// Parameters that quantization leaves alone: the input and output embeddings.
    pub embedding_parameters: u64,
    /// Width of the hidden state.
    pub hidden: u64,
    /// Attention heads, which tensor parallelism divides; `None` if unknown.
    pub heads: Option<u32>,
    /// Key-value heads; `None` if unknown.
    pub kv_heads: Option<u32>,
    /// Hidden layers.
    pub layers: u32,
    /// Vocabulary entries.
    pub vocab: u64,
    /// Longest context in tokens that every engine derives from the configuration.
    pub max_positions: Option<u64>,
    /// The two that engines derive where `yarn` is asked for.
    pub stretched: Option<Stretched>,
    /// Format of the unquantized weights.
    pub dtype: Dtype,
    /// Quantization of the checkpoint.
    pub quantization: Option<Quantization>,
    /// The key-value cache; `None` if nothing is known of it.
    pub cache: Option<Cache>,
    /// Whether the checkpoint brings code of its own (`auto_map`).
    pub custom_code: bool,
    /// Release of transformers that wrote the configuration, digits and dots only.
    pub written_by: Option<String>,
    /// Whether it has a part that reads images.
    pub reads_images: bool,
    /// What of its weights a device holds beyond its share of their bytes.
    pub weights: Weights,
    /// Where all this is from.
    pub origin: Origin,
    /// What must stay whole where it is split.
    pub widths: Widths,
    /// Its parts, of a diffusion pipeline.
    pub parts: Option<Parts>,
}

impl ModelShape {
    /// Whether it keeps nothing of what it has read: an encoder, which reads a text in one pass.
    pub fn keeps_nothing(&self) -> bool {
        self.cache == Some(Cache::default()) && self.parts.is_none()
    }

    /// Bytes of the weights once loaded as `dtype`, with the engine quantizing while loading if
    /// `in_flight` names a method and the checkpoint is not quantized itself.
    pub fn loaded_bytes(&self, dtype: Dtype, in_flight: Option<&Quantization>) -> f64 {
        let stored = super::real(self.weight_bytes);
        match (&self.quantization, in_flight) {
            (Some(_), _) => stored,
            (None, None) => stored * dtype.bytes() / self.dtype.bytes(),
            (None, Some(method)) => {
                let embeddings = super::real(self.embedding_parameters.min(self.parameters));
                let rest = super::real(self.parameters) - embeddings;
                embeddings * dtype.bytes() + rest * method.bytes_per_weight
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_the_size_of_their_bits() {
        let bytes = |m, b| Quantization::named(m, b).map(|q| q.bytes_per_weight);
        assert_eq!(bytes("awq", None), Some(0.52));
        assert_eq!(bytes("gptq", Some(8)), Some(1.016));
        assert_eq!(bytes("compressed-tensors", None), None, "says nothing without bits");
        assert!(bytes("fp8", None) > Some(1.0));
        assert_eq!(bytes("something-new", Some(4)), None);
    }

    #[test]
    fn names_of_formats_are_those_of_engines() {
        assert_eq!(Dtype::parse("torch.bfloat16"), Some(Dtype::Bfloat16));
        assert_eq!(Dtype::parse("half"), Some(Dtype::Float16));
        assert_eq!(Dtype::parse("auto"), None);
    }
}
