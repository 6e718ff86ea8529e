//! A model described by its Hugging Face `config.json`, whether a user gives the file or the catalog has it.
//!
//! The file is not trusted: its size, nesting and every number in it are bounded, and products are formed in 128 bits.

use serde_json::{Map, Value};
use thiserror::Error;

use super::compiled::as_checkpoint;
use super::family::default_of;
use super::longest;
use super::quantized::{self, Formats};
use super::shape::{Dtype, ModelShape, Origin};
use super::sizes::{self, Sizes};
use super::widths::Widths;

/// Larger files are not configurations (the largest known one has 0.2 MB).
pub const MAX_CONFIG_BYTES: usize = 1 << 20;

/// Ceiling of a plausible parameter count: a hundred trillion.
const MAX_PARAMETERS: u128 = 100_000_000_000_000;

/// What is wrong with a `config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Longer than [`MAX_CONFIG_BYTES`].
    #[error("model configuration has {0} bytes; at most {MAX_CONFIG_BYTES} are read")]
    TooLarge(usize),
    /// Not JSON, or nested too deeply.
    #[error("model configuration is not JSON: {0}")]
    NotJson(String),
    /// Not an object.
    #[error("model configuration is not a JSON object")]
    NotObject,
    /// A size that memory follows from is not there, nor is the family known to have it by default. The file may still
    /// be a model's: nothing is wrong with it.
    #[error("model configuration has no `{0}`, so the model's memory cannot be estimated from it")]
    Missing(&'static str),
    /// A size that no model has.
    #[error("model configuration: `{field}` is {value}, outside {min} to {max}")]
    OutOfRange {
        /// The key.
        field: String,
        /// Its value, shortened.
        value: String,
        /// Smallest plausible value.
        min: u64,
        /// Largest plausible value.
        max: u64,
    },
    /// Sizes that are plausible one by one, but not together.
    #[error("model configuration describes {0} parameters, which no model has")]
    Implausible(u128),
}

/// Reads the model out of the text of a `config.json`.
///
/// # Errors
/// Text that is no configuration or has sizes that no model has; [`ConfigError::Missing`] where it says too little.
pub fn parse_config(text: &str) -> Result<ModelShape, ConfigError> {
    let shape = parse_part(text)?;
    if shape.vocab == 0 { Err(ConfigError::Missing("vocab_size")) } else { Ok(shape) }
}

/// The same of a file without those keys that only totals follow from, for whom the totals are known.
pub(super) fn parse_part(text: &str) -> Result<ModelShape, ConfigError> {
    let root = as_checkpoint(object(text)?);
    let reader = Reader::new(&root);
    let sizes = sizes::read(&reader)?;
    shape(&reader, &sizes)
}

/// The object that `text` is.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, ConfigError> {
    if text.len() > MAX_CONFIG_BYTES {
        return Err(ConfigError::TooLarge(text.len()));
    }
    match serde_json::from_str(text).map_err(|e| ConfigError::NotJson(e.to_string()))? {
        Value::Object(root) => Ok(root),
        _ => Err(ConfigError::NotObject),
    }
}

/// Looks keys up in the language model's part first, then in the whole, then in the family's defaults.
pub(super) struct Reader<'a> {
    text: &'a Map<String, Value>,
    pub(super) root: &'a Map<String, Value>,
    family: &'a str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(root: &'a Map<String, Value>) -> Self {
        // Multimodal models keep the language model's sizes one or two levels down.
        let inner = |map: &'a Map<String, Value>| {
            ["text_config", "llm_config", "language_config"]
                .iter()
                .find_map(|key| map.get(*key)?.as_object())
        };
        let thinker = root.get("thinker_config").and_then(Value::as_object);
        let text = inner(root).or_else(|| thinker.and_then(inner)).unwrap_or(root);
        let own = text.get("model_type").and_then(Value::as_str);
        let family = own.or_else(|| root.get("model_type")?.as_str()).unwrap_or_default();
        Self { text, root, family }
    }

    /// A part of a configuration as one of its own.
    pub(super) fn part(part: &'a Map<String, Value>) -> Self {
        Self { text: part, root: part, family: "" }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.text.get(key).or_else(|| self.root.get(key)).filter(|v| !v.is_null())
    }

    pub(super) fn object(&self, key: &str) -> Option<&'a Map<String, Value>> {
        self.get(key)?.as_object()
    }

    pub(super) fn list(&self, key: &str) -> Option<&'a [Value]> {
        self.get(key)?.as_array().map(Vec::as_slice)
    }

    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// The number under the first of `keys` that is there, or that the family has by default, within `0..=max`.
    pub(super) fn number(&self, keys: &[&str], max: u64) -> Result<Option<u64>, ConfigError> {
        match keys.iter().find_map(|k| Some((*k, self.get(k)?))) {
            Some((key, value)) => bounded(key, value, max).map(Some),
            // A key that is null says that there is none.
            None => Ok(keys
                .iter()
                .filter(|key| !self.text.contains_key(**key))
                .find_map(|key| default_of(self.family, key))),
        }
    }

    /// The same, 0 where there is none.
    pub(super) fn size(&self, keys: &[&str], max: u64) -> Result<u64, ConfigError> {
        Ok(self.number(keys, max)?.unwrap_or(0))
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    pub(super) fn truthy(&self, key: &str) -> bool {
        self.flag(key).unwrap_or(false)
    }

    /// The model's `model_type`, the language model's own first.
    pub(super) fn family(&self) -> &'a str {
        self.family
    }

    /// The class that the configuration names.
    pub(super) fn class(&self) -> Option<&'a str> {
        self.root.get("architectures")?.get(0)?.as_str().filter(|class| is_class(class))
    }
}

/// Whether a configuration has a part that reads images.
fn reads_images(root: &Map<String, Value>) -> bool {
    let has = |map: &Map<String, Value>| {
        ["vision_config", "img_processor"]
            .iter()
            .any(|key| map.get(*key).is_some_and(Value::is_object))
    };
    has(root) || root.get("thinker_config").and_then(Value::as_object).is_some_and(has)
}

/// What a `config.json` says of the model's class, and how many classes the model tells apart.
pub fn parse_class(text: &str) -> (Option<String>, Option<u64>) {
    let Ok(root) = object(text) else { return (None, None) };
    let labels = root.get("id2label").and_then(Value::as_object).map(|map| map.len() as u64);
    let labels = labels.or_else(|| root.get("num_labels").and_then(Value::as_u64));
    (Reader::new(&root).class().map(str::to_owned), labels)
}

/// Whether `text` can be the name of a class. What cannot is not repeated as one: the model's class is unknown then.
fn is_class(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
}

/// The release that a version begins with: `5.0.0` of `5.0.0.dev0`.
fn release(version: &str) -> Option<&str> {
    let end = version.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(version.len());
    let release = version.get(..end)?.trim_end_matches('.');
    (1..=32).contains(&release.len()).then_some(release)
}

pub(super) fn bounded(key: &str, value: &Value, max: u64) -> Result<u64, ConfigError> {
    // Some configurations give one value per layer (`[8, 8, …]`): the largest is the safe one.
    let number = match value {
        Value::Array(items) => items.iter().filter_map(Value::as_u64).max(),
        _ => value.as_u64(),
    };
    number.filter(|n| *n <= max).ok_or_else(|| ConfigError::OutOfRange {
        field: key.to_owned(),
        value: mcc_catalogs::echo(&value.to_string()),
        min: 0,
        max,
    })
}

fn shape(r: &Reader, sizes: &Sizes) -> Result<ModelShape, ConfigError> {
    let count = sizes.count();
    let parameters = u64::try_from(count.total())
        .ok()
        .filter(|n| u128::from(*n) <= MAX_PARAMETERS)
        .ok_or(ConfigError::Implausible(count.total()))?;
    let dtype = r
        .text("torch_dtype")
        .or_else(|| r.text("dtype"))
        .and_then(Dtype::parse)
        .unwrap_or(Dtype::Bfloat16);
    let formats = Formats::of(r, dtype, sizes);
    let heads = sizes.split_heads();
    Ok(ModelShape {
        architecture: r.class().map(str::to_owned),
        parameters,
        parameters_computed: true,
        weight_bytes: formats.bytes(&count),
        embedding_parameters: u64::try_from(count.embeddings).unwrap_or(parameters),
        hidden: sizes.hidden,
        heads: heads.map(|(heads, _)| heads),
        kv_heads: heads.map(|(_, kv_heads)| kv_heads),
        layers: u32::try_from(sizes.layers.len()).unwrap_or_default(),
        vocab: sizes.vocab,
        max_positions: longest::of(r)?,
        stretched: longest::stretched(r)?,
        dtype,
        quantization: quantized::method(r),
        cache: sizes.cache(),
        custom_code: r.root.contains_key("auto_map"),
        written_by: r.text("transformers_version").and_then(release).map(str::to_owned),
        reads_images: reads_images(r.root),
        weights: formats.weights(r, sizes, &count),
        origin: Origin::Own,
        widths: Widths::read(r, sizes),
        parts: None,
    })
}
