//! `--query` and `--output` of the AWS CLI.

use serde_json::Value;

use super::args::{Call, Format};
use crate::outcome::{Failure, Outcome};

/// Prints an answer in the way the call asks for.
pub(super) fn print(answer: &Value, call: &Call) -> Result<Outcome, Failure> {
    if let Value::String(text) = answer {
        // Commands that print plain text (`ecr get-login-password`, `s3 ls`, `logs tail`).
        return Ok(Outcome::text(text.clone()));
    }
    let empty = answer.as_object().is_some_and(serde_json::Map::is_empty) || answer.is_null();
    if empty && call.query.is_none() {
        return Ok(Outcome::default());
    }
    let selected = match &call.query {
        None => answer.clone(),
        Some(expression) => select(expression, answer)?,
    };
    Ok(match call.format {
        Format::Json => Outcome::json(&selected),
        Format::Text => Outcome::text(text(&selected)),
    })
}

fn select(expression: &str, answer: &Value) -> Result<Value, Failure> {
    let bad = |e: &dyn std::fmt::Display| {
        Failure::usage(format!("aws: [ERROR]: Bad value for --query {expression}: {e}"))
    };
    let compiled = jmespath::compile(expression).map_err(|e| bad(&e))?;
    let found = compiled.search(answer).map_err(|e| bad(&e))?;
    serde_json::to_value(&*found).map_err(|e| bad(&e))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("None".to_owned()),
        Value::Bool(b) => Some(if *b { "True" } else { "False" }.to_owned()),
        Value::Number(n) => Some(n.to_string()),
        Value::String(s) => Some(s.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// The CLI's text format, for what scripts use it for: scalars, lists, and lists of lists.
fn text(value: &Value) -> String {
    match value {
        Value::Array(items) if items.iter().all(|i| scalar(i).is_some()) => {
            let words: Vec<String> = items.iter().filter_map(scalar).collect();
            if words.is_empty() { String::new() } else { words.join("\t") + "\n" }
        }
        Value::Array(items) => items.iter().map(text).collect(),
        Value::Object(map) => {
            let words: Vec<String> = map.values().filter_map(scalar).collect();
            words.join("\t") + "\n"
        }
        other => scalar(other).unwrap_or_default() + "\n",
    }
}
