//! Models of XGBoost: JSON, UBJSON and the old binary form.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::ubjson;

/// What a forest of trees, or what else is boosted, says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Forest {
    /// Columns of the table that it predicts from.
    pub features: Option<i64>,
    /// Classes that it tells apart; 1 for two that are told apart by one number, 0 for a value.
    pub classes: Option<i64>,
    /// Values that it predicts at once.
    pub targets: Option<i64>,
    /// Number of the round that early stopping found best, from 0.
    pub best: Option<i64>,
    /// Rounds that the file has.
    pub rounds: Option<i64>,
    /// Whether it has categories of its own.
    pub categories: bool,
    /// Whether it is linear, without any tree.
    pub linear: bool,
    /// Names of the columns.
    pub names: Vec<String>,
    /// Version of XGBoost that wrote it.
    pub version: Option<String>,
}

/// Names that are kept.
const MAX_NAMES: usize = 20_000;

#[derive(Deserialize, Default)]
#[serde(default)]
struct File {
    learner: Option<Learner>,
    version: Vec<u64>,
    // A copy within a pickle is one of these.
    #[serde(rename = "Model")]
    model: Option<Box<File>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Learner {
    attributes: BTreeMap<String, Text>,
    feature_names: Vec<String>,
    feature_types: Vec<String>,
    gradient_booster: Booster,
    #[serde(rename = "learner_model_param")]
    parameters: Parameters,
    objective: Objective,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Objective {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Parameters {
    #[serde(rename = "num_class")]
    classes: Text,
    #[serde(rename = "num_feature")]
    features: Text,
    #[serde(rename = "num_target")]
    targets: Text,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Booster {
    name: String,
    model: Trees,
    // That of DART has the trees one level below.
    gbtree: Option<Box<Booster>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Trees {
    cats: Cats,
    gbtree_model_param: TreeParameters,
    iteration_indptr: Vec<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Cats {
    enc: Vec<IgnoredAny>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TreeParameters {
    num_trees: Text,
    num_parallel_tree: Text,
}

/// A text, or nothing of interest.
#[derive(Default)]
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        }))
    }
}

impl Text {
    fn number(&self) -> Option<i64> {
        self.0.as_ref()?.parse().ok()
    }
}

/// A model in JSON, all of whose text is there. The error says whether it is at least JSON.
pub(super) fn json(text: &[u8]) -> Result<Forest, bool> {
    let read: Result<File, _> = serde_json::from_slice(text);
    match read {
        Ok(file) => forest(file).ok_or(true),
        Err(error) => Err(error.is_data()),
    }
}

/// A model in UBJSON, all of whose bytes are there.
pub(super) fn ubj(bytes: &[u8]) -> Option<Forest> {
    forest(serde_json::from_value(ubjson::read(bytes)?).ok()?)
}

fn forest(file: File) -> Option<Forest> {
    let file = match file.model {
        Some(model) => *model,
        None => file,
    };
    let learner = file.learner?;
    let parameters = &learner.parameters;
    let outer = learner.gradient_booster;
    let linear = outer.name == "gblinear";
    let inner = outer.gbtree.map_or(outer.model, |inner| inner.model);
    let classes = parameters.classes.number();
    let attribute = |name: &str| learner.attributes.get(name).and_then(Text::number);
    let trees = &inner.gbtree_model_param;
    let a_round =
        classes.unwrap_or(0).max(1) * trees.num_parallel_tree.number().unwrap_or(1).max(1);
    let rounds = match inner.iteration_indptr.len() {
        0 => trees.num_trees.number().map(|n| n / a_round),
        n => i64::try_from(n - 1).ok(),
    };
    let mut names = learner.feature_names;
    names.truncate(MAX_NAMES);
    Some(Forest {
        features: parameters.features.number(),
        classes: told_apart(classes, &learner.objective.name),
        targets: parameters.targets.number(),
        best: attribute("best_iteration"),
        rounds,
        categories: !inner.cats.enc.is_empty() || learner.feature_types.iter().any(|t| t == "c"),
        linear,
        names,
        version: version(&file.version),
    })
}

fn version(numbers: &[u64]) -> Option<String> {
    match numbers {
        [major, minor, patch] => Some(format!("{major}.{minor}.{patch}")),
        _ => None,
    }
}

fn told_apart(classes: Option<i64>, objective: &str) -> Option<i64> {
    match classes {
        Some(n) if n > 1 => Some(n),
        _ if objective == "binary:logistic" => Some(1),
        other => other.map(|_| 0),
    }
}

/// Bytes of the old form's `LearnerModelParam`.
const PARAMETERS: usize = 136;

/// A model in the old binary form, with or without its first four letters, by its first bytes.
pub(super) fn binary(head: &[u8]) -> Option<Forest> {
    let marked = head.starts_with(b"binf");
    let body = if marked { head.get(4..)? } else { head };
    let number = |at: usize| -> Option<i64> {
        let bytes: [u8; 4] = body.get(at..at + 4)?.try_into().ok()?;
        Some(i64::from(i32::from_le_bytes(bytes)))
    };
    let text = |at: usize| -> Option<(&str, usize)> {
        let length: [u8; 8] = body.get(at..at + 8)?.try_into().ok()?;
        let length = usize::try_from(u64::from_le_bytes(length)).ok().filter(|n| *n < 64)?;
        let text = std::str::from_utf8(body.get(at + 8..at + 8 + length)?).ok()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || ":_".contains(c);
        (!text.is_empty() && text.chars().all(plain)).then_some((text, at + 8 + length))
    };
    let names = text(PARAMETERS).and_then(|(objective, end)| Some((objective, text(end)?.0)));
    let known = names.is_some_and(|(_, booster)| ["gbtree", "gblinear", "dart"].contains(&booster));
    if !marked && !known {
        return None;
    }
    let (objective, booster) = names.unwrap_or_default();
    let version = number(20).zip(number(24)).filter(|(major, minor)| *major > 0 && *minor >= 0);
    Some(Forest {
        features: number(4),
        classes: told_apart(number(8), objective),
        targets: number(28),
        linear: booster == "gblinear",
        version: version.map(|(major, minor)| format!("{major}.{minor}")),
        ..Forest::default()
    })
}

/// The version within a run of bytes of a pickle, of which begin and end are there.
pub(super) fn version_within(bytes: &[u8]) -> Option<String> {
    after(bytes, b"version[#L\0\0\0\0\0\0\0\x03")
        .and_then(|rest| match rest {
            [b'i', major, b'i', minor, b'i', patch, ..] => Some(format!("{major}.{minor}.{patch}")),
            _ => None,
        })
        .or_else(|| {
            let rest = after(bytes, b"\"version\":[")?;
            let end = rest.iter().take(24).position(|b| *b == b']')?;
            let numbers: Option<Vec<u64>> = std::str::from_utf8(rest.get(..end)?)
                .ok()?
                .split(',')
                .map(|n| n.trim().parse().ok())
                .collect();
            version(&numbers?)
        })
}

/// What begin and end of a larger file say.
pub(super) fn ends(head: &[u8], tail: &[u8]) -> Forest {
    let number = |json: &[u8], ubj: &[u8]| whole(tail, json).or_else(|| whole(tail, ubj));
    let objective = after(tail, b"binary:logistic").map_or("", |_| "binary:logistic");
    let early = |name: &[u8]| whole(head, name);
    let types = after(head, b"feature_types").and_then(|rest| rest.get(..rest.len().min(4096)));
    Forest {
        features: number(b"\"num_feature\"", b"num_featureS"),
        classes: told_apart(number(b"\"num_class\"", b"num_classS"), objective),
        targets: number(b"\"num_target\"", b"num_targetS"),
        best: early(b"\"best_iteration\"").or_else(|| early(b"best_iterationS")),
        rounds: early(b"\"num_trees\"").or_else(|| early(b"num_treesS")).map(|trees| {
            let classes = number(b"\"num_class\"", b"num_classS").unwrap_or(0).max(1);
            let parallel = early(b"\"num_parallel_tree\"").or_else(|| early(b"num_parallel_treeS"));
            trees / (classes * parallel.unwrap_or(1).max(1))
        }),
        categories: types.is_some_and(|t| {
            after(t, b"\"c\"").or_else(|| after(t, b"SL\0\0\0\0\0\0\0\x01c")).is_some()
        }),
        version: version_within(tail),
        ..Forest::default()
    }
}

/// The whole number within the next few bytes after the last occurrence of `needle`, whatever the
/// punctuation between.
fn whole(bytes: &[u8], needle: &[u8]) -> Option<i64> {
    let rest = after(bytes, needle)?;
    let start = rest.iter().take(14).position(u8::is_ascii_digit)?;
    let digits: Vec<u8> =
        rest.iter().skip(start).take(9).copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

/// The bytes after the last occurrence of `needle`.
pub(super) fn after<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::rfind(bytes, needle)?;
    bytes.get(at + needle.len()..)
}
