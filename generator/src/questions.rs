//! What has to be asked of the user, in the user's words.

use schemars::JsonSchema;
use serde::Serialize;

use crate::inputs::{self, Kind, Registered};
use crate::merge::Merged;
use crate::registry::{Config, Layer};

/// A missing input, asked of the user.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Question {
    /// The input's configuration key.
    pub key: String,
    /// What to ask.
    pub question: String,
    /// Answers to choose from; empty where any answer of the right form will do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What a right answer looks like.
    pub expected: String,
}

/// What to ask for an input, where its help is not a question; the first is asked first.
const WORDS: [(&str, &str); 8] = [
    (
        "modelName",
        "What is the model? A Hugging Face id, an S3 prefix with its files, or the ARN of a model package.",
    ),
    ("framework", "What was the model trained with?"),
    ("deploymentConfig", "What should serve the model?"),
    ("deploymentTarget", "Where should it run?"),
    ("hyperpodCluster", "On which HyperPod cluster? Its name or ARN."),
    ("region", "In which AWS Region?"),
    ("instanceType", "On which instance type?"),
    ("projectName", "What should the project be called?"),
];
/// The same where nothing says what kind of model it is.
const ANY_MODEL: &str =
    "What is the model? A Hugging Face id, an S3 prefix or a file; give a file as modelPath.";

/// What to ask where no config is chosen: the model decides it.
pub(crate) fn first(merged: &Merged) -> Vec<Question> {
    let has = |key: &str| merged.get(key).is_some() || merged.is_refused(key);
    if has("deploymentConfig") {
        return Vec::new();
    }
    if has("modelName") || has("modelPath") {
        // What was refused is put right first: then it may say which config.
        let refused = ["modelName", "modelPath"].iter().any(|key| merged.is_refused(key));
        return if refused { Vec::new() } else { vec![question("deploymentConfig", None)] };
    }
    let mut model = question("modelName", None);
    ANY_MODEL.clone_into(&mut model.question);
    vec![model]
}

/// What is missing for a config and its layers.
pub(crate) fn missing(merged: &Merged, config: &Config, layers: &[&Layer]) -> Vec<Question> {
    let mut keys: Vec<&str> =
        layers.iter().flat_map(|l| &l.manifest.needs).map(String::as_str).collect();
    keys.push("projectName");
    keys.extend(layers.iter().flat_map(|l| l.manifest.asks.keys()).map(String::as_str));
    let asks = |key: &str| layers.iter().rev().find_map(|layer| layer.manifest.asks.get(key));
    let guessed = |key: &str| {
        asks(key).is_some() && merged.values.get(key).is_some_and(|own| own.source.is_chosen())
    };
    keys.retain(|k| (merged.get(k).is_none() || guessed(k)) && !merged.is_refused(k));
    let model = if config.fetches() { "modelName" } else { "framework" };
    if keys.contains(&model) || merged.is_refused("modelName") {
        // Once the model is known, an instance type is recommended for it, and it gives its name to the project.
        keys.retain(|k| !["instanceType", "projectName"].contains(k));
    }
    let rank = |key: &&str| WORDS.iter().position(|(own, _)| own == key).unwrap_or(WORDS.len());
    keys.sort_by_key(rank);
    keys.dedup();
    let asked = keys.into_iter().map(|key| {
        let mut asked = question(key, Some(config));
        if let Some(words) = asks(key) {
            asked.question.clone_from(words);
        }
        if let Some(value) = merged.text(key) {
            asked.question.push_str(" Until that is known, ");
            asked.question.push_str(value);
            asked.question.push_str(" is assumed.");
        }
        asked
    });
    asked.collect()
}

fn question(key: &str, config: Option<&Config>) -> Question {
    let field = inputs::find(key);
    let mut choices = field.map(|f| f.kind.choices()).unwrap_or_default();
    if let (Some(config), Some(Kind::Named(Registered::Framework))) =
        (config, field.map(|f| f.kind))
    {
        choices.clone_from(&config.frameworks);
    }
    let expected = match field.map(|f| f.kind) {
        Some(Kind::Text(format)) => format.expected().to_owned(),
        _ if choices.is_empty() => "a value".to_owned(),
        _ => format!("one of {}", choices.join(", ")),
    };
    let help = || field.map(|f| f.help.to_owned()).unwrap_or_default();
    let words = WORDS.iter().find(|(own, _)| *own == key);
    let question = words.map_or_else(help, |(_, words)| (*words).to_owned());
    Question { key: key.to_owned(), question, choices, expected }
}
