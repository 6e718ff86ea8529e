//! Parameters of prompts and of resource templates, and the completion of their values.

use std::collections::BTreeMap;

use rmcp::model::{CompleteResult, CompletionInfo, ErrorData};
use serde_json::Value;

use crate::mcp::guard;
use crate::mcp::schema::JsonObject;
use crate::mcp::server::Context;

/// Values by name of the parameter.
pub(crate) type Given = BTreeMap<String, String>;

/// The values that a parameter may take, in a fixed order; the values of other parameters are known as far
/// as they were given.
pub(crate) type Values = fn(&Context, &Given) -> Vec<String>;

/// One parameter.
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) description: &'static str,
    /// Whether it has to be given.
    pub(crate) required: bool,
    /// What completion offers; none for free text.
    pub(crate) values: Option<Values>,
}

/// Reads what was given for `parameters`.
///
/// # Errors
/// Names everything that is unknown, missing, no text, too long or a secret.
pub(crate) fn read(parameters: &[Parameter], given: JsonObject) -> Result<Given, ErrorData> {
    let refuse = |message: String| Err(ErrorData::invalid_params(message, None));
    if let Err(error) = guard::texts(&given) {
        return refuse(error.text());
    }
    let mut all = Given::new();
    for (name, value) in given {
        if !parameters.iter().any(|parameter| parameter.name == name) {
            let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
            let shown = mcc_catalogs::echo(&name);
            return refuse(format!(
                "there is no argument `{shown}`; there is {}",
                known.join(", ")
            ));
        }
        match value {
            // Forms send what was left empty as an empty text.
            Value::String(text) if text.trim().is_empty() => {}
            Value::String(text) => {
                all.insert(name, text.trim().to_owned());
            }
            Value::Null => {}
            _ => return refuse(format!("`{name}` has to be a text")),
        }
    }
    let missing = |parameter: &&Parameter| parameter.required && !all.contains_key(parameter.name);
    match parameters.iter().find(missing) {
        Some(parameter) => {
            refuse(format!("`{}` is required: {}", parameter.name, parameter.description))
        }
        None => Ok(all),
    }
}

/// The values that `typed` may become: those that begin with it, then those that contain all its words.
pub(crate) fn complete(values: Vec<String>, typed: &str) -> CompleteResult {
    let typed = typed.trim().to_lowercase();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let (mut begin, mut contain) = (Vec::new(), Vec::new());
    for value in values {
        let lower = value.to_lowercase();
        if lower.starts_with(&typed) {
            begin.push(value);
        } else if words.iter().all(|word| lower.contains(word)) {
            contain.push(value);
        }
    }
    begin.append(&mut contain);
    let total = begin.len();
    begin.truncate(CompletionInfo::MAX_VALUES);
    let mut info = CompletionInfo::default();
    info.has_more = Some(begin.len() < total);
    info.total = u32::try_from(total).ok();
    info.values = begin;
    CompleteResult::new(info)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PARAMETERS: &[Parameter] = &[
        Parameter { name: "model", description: "Which.", required: true, values: None },
        Parameter { name: "region", description: "Where.", required: false, values: None },
    ];

    fn told(given: Value) -> String {
        match read(PARAMETERS, given.as_object().cloned().unwrap()) {
            Ok(given) => format!("{given:?}"),
            Err(error) => error.message.into_owned(),
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(told(json!({"model": " a ", "region": ""})), r#"{"model": "a"}"#);
        assert_eq!(told(json!({})), "`model` is required: Which.");
        assert_eq!(
            told(json!({"model": "a", "x": "b"})),
            "there is no argument `x`; there is model, region"
        );
        assert_eq!(told(json!({"model": 1})), "`model` has to be a text");
        assert!(told(json!({"model": "x".repeat(40_000)})).contains("32768"));
        assert!(told(json!({"model": "hf_abcdefghijklmnopqrstuvwxyzabcdefgh"})).contains("secret"));
    }

    #[test]
    fn completion_puts_beginnings_first_and_is_bounded() {
        let values = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let found = complete(values(&["b-qwen-8b", "Qwen-7b", "qwen-8b", "x"]), "QWEN").completion;
        assert_eq!(found.values, ["Qwen-7b", "qwen-8b", "b-qwen-8b"]);
        assert_eq!((found.total, found.has_more), (Some(3), Some(false)));
        let words = complete(values(&["Qwen/Qwen3-8B", "Qwen/Qwen3-4B"]), "qwen3 8b").completion;
        assert_eq!(words.values, ["Qwen/Qwen3-8B"]);
        let many: Vec<String> = (0..300).map(|number| number.to_string()).collect();
        let found = complete(many, "").completion;
        assert_eq!((found.values.len(), found.total, found.has_more), (100, Some(300), Some(true)));
    }
}
