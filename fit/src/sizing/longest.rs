//! The longest context that an engine derives from a configuration.
//!
//! Rules of vLLM 0.33.0 (`vllm/config/model.py`, `_get_and_verify_max_len`) and `SGLang` 0.5.23
//! (`sglang/srt/configs/model_config.py`), read 2026-11-29. They differ in one thing: vLLM through 0.29 takes the
//! original context times the factor for `yarn`, later releases and `SGLang` take what the file says.

use mcc_catalogs::version;
use serde_json::Value;

use super::config_json::{ConfigError, Reader};
use super::shape::{ModelShape, Stretched};

/// Longest plausible context, in tokens.
pub(super) const MAX_TOKENS: u64 = 1 << 31;

/// Keys that limit the context; the least of them holds.
const KEYS: [&str; 9] = [
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
];

/// Kinds of scaling that say how positions are spread, and leave their number as the file has it.
const NOT_MULTIPLIED: [&str; 9] = [
    "default",
    "yarn",
    "deepseek_yarn",
    "deepseek_llama_scaling",
    "su",
    "longrope",
    "llama3",
    "mrope",
    "proportional",
];

/// The longest context in tokens that every release takes; none if the file does not say.
pub(super) fn of(r: &Reader) -> Result<Option<u64>, ConfigError> {
    let given = given(r)?;
    Ok(match stretched(r)? {
        Some(both) => Some(both.given.min(both.multiplied)),
        None => given,
    })
}

/// Both contexts of a file that asks for `yarn`.
pub(super) fn stretched(r: &Reader) -> Result<Option<Stretched>, ConfigError> {
    let scaling = Scaling::of(r);
    let original = scaling.original.filter(|_| scaling.kind == Some("yarn"));
    let Some((given, original)) = given(r)?.zip(original) else { return Ok(None) };
    let multiplied = super::whole(super::real(original) * scaling.factor).min(MAX_TOKENS);
    Ok((given != multiplied).then_some(Stretched { given, multiplied }))
}

/// Families whose positions begin after that of padding (`create_position_ids_from_input_ids` of transformers 5.15.0), so
/// that as many tokens fewer fit than the table has rows.
const AFTER_PADDING: [&str; 6] =
    ["roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "xlm_roberta"];

/// The least of the keys, times the factor of those kinds of scaling that are multiplied.
fn given(r: &Reader) -> Result<Option<u64>, ConfigError> {
    let mut least: Option<u64> = None;
    for key in KEYS {
        if let Some(tokens) = r.number(&[key], MAX_TOKENS)?.filter(|n| *n > 0) {
            least = Some(least.map_or(tokens, |known| known.min(tokens)));
        }
    }
    if AFTER_PADDING.contains(&r.family()) {
        let padding = r.number(&["pad_token_id"], MAX_TOKENS)?.unwrap_or(1);
        least = least.map(|tokens| tokens.saturating_sub(padding + 1));
    }
    let scaling = Scaling::of(r);
    let multiplied = scaling
        .kind
        .is_some_and(|kind| !NOT_MULTIPLIED.contains(&kind) && !r.family().starts_with("gemma3"));
    Ok(least.map(|tokens| {
        let times = if multiplied { scaling.factor } else { 1.0 };
        super::whole(super::real(tokens) * times).min(MAX_TOKENS)
    }))
}

/// A context that an engine does not start with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// The longest that it takes, in tokens.
    pub longest: u64,
    /// The environment variable that lets longer ones through.
    pub variable: &'static str,
}

/// Whether `engine` refuses a context of `tokens` for being longer than the model's own. Engines of which that is not
/// known refuse nothing here; where the release is not known, it is the one that takes most.
pub fn too_long(
    model: &ModelShape,
    engine: &str,
    release: Option<&str>,
    tokens: u64,
) -> Option<TooLong> {
    let variable = match engine {
        "vllm" => "VLLM_ALLOW_LONG_MAX_MODEL_LEN",
        "sglang" => "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN",
        _ => return None,
    };
    let before = |first| release.map(|release| version::compare(release, first).is_lt());
    let longest = match (model.stretched, engine, before("0.30.0")) {
        (Some(both), "vllm", Some(true)) => both.multiplied,
        (Some(both), "vllm", None) => both.given.max(both.multiplied),
        (Some(both), ..) => both.given,
        (None, ..) => model.max_positions?,
    };
    (tokens > longest).then_some(TooLong { longest, variable })
}

struct Scaling<'a> {
    kind: Option<&'a str>,
    factor: f64,
    original: Option<u64>,
}

impl<'a> Scaling<'a> {
    fn of(r: &Reader<'a>) -> Self {
        // Newer files have one set of parameters, or one for each kind of layer.
        let given = r.object("rope_scaling").or_else(|| r.object("rope_parameters"));
        let given =
            given.map(|map| map.get("full_attention").and_then(Value::as_object).unwrap_or(map));
        let kind = given.and_then(|m| m.get("rope_type").or_else(|| m.get("type"))?.as_str());
        let factor = given.and_then(|map| map.get("factor")?.as_f64());
        Self {
            kind,
            factor: factor.filter(|f| (1.0..=4096.0).contains(f)).unwrap_or(1.0),
            original: given
                .and_then(|map| map.get("original_max_position_embeddings")?.as_u64())
                .filter(|n| *n <= MAX_TOKENS),
        }
    }
}
