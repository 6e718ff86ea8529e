//! Reading a tool's arguments. rmcp checks neither names, types nor ranges, and serde stops at the
//! first fault without saying what would be right; so arguments are brought toward the tool's own input
//! schema, held against it, all at once, and then given to serde.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use mcc_generator::{lenient, meaning};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::JsonObject;
use crate::mcp::settle::settled;

/// Checks `arguments` against the schema of `T` and reads them.
///
/// # Errors
/// `invalid_arguments` with a problem for each argument that is unknown, missing or of a wrong
/// value.
pub(crate) fn read<T: DeserializeOwned + 'static>(
    schema: fn() -> JsonObject,
    arguments: JsonObject,
) -> Result<T, ToolError> {
    read_by(&made::<T>(schema), &[], arguments)
}

/// As [`read`], where `files` are arguments that carry whole files.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_with_files<T: DeserializeOwned + 'static>(
    schema: fn() -> JsonObject,
    files: &[&str],
    arguments: JsonObject,
) -> Result<T, ToolError> {
    read_by(&made::<T>(schema), files, arguments)
}

/// The schema of `T`. It is made when the first call comes; making it takes longer than most calls.
pub(crate) fn made<T: 'static>(schema: fn() -> JsonObject) -> Arc<JsonObject> {
    static MADE: RwLock<BTreeMap<TypeId, Arc<JsonObject>>> = RwLock::new(BTreeMap::new());
    let key = TypeId::of::<T>();
    if let Some(known) = MADE.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Arc::clone(known);
    }
    let made = Arc::new(schema());
    MADE.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&made));
    made
}

fn read_by<T: DeserializeOwned>(
    schema: &JsonObject,
    files: &[&str],
    arguments: JsonObject,
) -> Result<T, ToolError> {
    let arguments = settled(schema, files, arguments)?;
    let problems = check(schema, &arguments);
    if !problems.is_empty() {
        return Err(ToolError::all("invalid_arguments", problems));
    }
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| ToolError::new("invalid_arguments", error.to_string()))
}

/// Everything that is wrong with `arguments`, in their order.
fn check(schema: &JsonObject, arguments: &JsonObject) -> Vec<Problem> {
    let empty = JsonObject::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let mut problems = Vec::new();
    for (name, value) in arguments {
        match properties.get(name) {
            Some(property) => check_value(name, name, property, value, &mut problems),
            None => problems.push(unknown(name, properties.keys())),
        }
    }
    let required = schema.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !arguments.contains_key(name) {
            problems.push(Problem::of(name, "it is required").fix("add it"));
        }
    }
    problems
}

/// The problem of an argument that does not exist: what there is, nearest first.
fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Problem {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let meant: Vec<&str> =
        meaning::inputs(name).into_iter().filter(|input| known.contains(input)).collect();
    let near = mcc_catalogs::nearest(name, known.iter().copied(), 1);
    let best = near.first().or(meant.first()).copied();
    let fix =
        best.map_or_else(|| "leave it out".to_owned(), |best| format!("did you mean `{best}`?"));
    let rest = known.iter().copied().filter(|name| Some(*name) != best);
    let choices = best.into_iter().chain(rest).map(str::to_owned).collect();
    Problem::of(name, "there is no such argument").choices(choices).fix(fix)
}

/// `known`, what looks most like `given` first and the rest in its own order.
pub(crate) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known: Vec<&str> = known.collect();
    let near = mcc_catalogs::nearest(given, known.iter().copied(), known.len());
    let rest = known.iter().filter(|name| !near.contains(name));
    near.iter().chain(rest).map(|&name| name.to_owned()).collect()
}

/// Whether any of `known` looks like `given`, so that the first of [`nearest`] is worth proposing.
pub(crate) fn is_near<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> bool {
    !mcc_catalogs::nearest(given, known, 1).is_empty()
}

/// Holds one value against the parts of a schema that this crate's tools use. `key` is the name of the property
/// itself, `name` how a problem names it.
fn check_value(name: &str, key: &str, schema: &Value, value: &Value, problems: &mut Vec<Problem>) {
    let problem = |message: String| Problem::of(name, message).value(value);
    let kind = schema.get("type").and_then(Value::as_str);
    let fits = match kind {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !fits {
        let wrong = format!("it has to be {}, not {}", a(kind.unwrap_or_default()), kind_of(value));
        problems.push(match (kind, value) {
            // Numbers lose digits on their way here: 3.10 arrives as 3.1.
            (Some("string"), Value::Number(_)) => {
                problem(wrong).fix(format!("write it as text: \"{value}\""))
            }
            (Some("string"), Value::Object(_)) => problem(wrong).fix("write it as one text"),
            _ => problem(wrong),
        });
        return;
    }
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        problems.push(no_word(key, problem, allowed, value.as_str().unwrap_or_default()));
        return;
    }
    match value {
        Value::Array(items) => {
            let bound = |key: &str| {
                let bound = schema.get(key).and_then(Value::as_u64);
                bound.and_then(|bound| usize::try_from(bound).ok())
            };
            match (bound("minItems"), bound("maxItems")) {
                (Some(least), _) if items.len() < least => {
                    problems.push(problem(format!("it has to have at least {least}")));
                }
                (_, Some(most)) if items.len() > most => {
                    problems.push(problem(format!("it has to have at most {most}")));
                }
                _ => {}
            }
            let Some(own) = schema.get("items") else { return };
            for (at, item) in items.iter().enumerate() {
                // Of several objects the place tells which is meant; a plain item tells it by itself.
                let place = match item {
                    Value::Object(_) if items.len() > 1 => format!("{name}[{at}]"),
                    _ => name.to_owned(),
                };
                check_value(&place, key, own, item, problems);
            }
        }
        Value::Object(members) if schema.get("properties").is_some() => {
            let Some(schema) = schema.as_object() else { return };
            problems.extend(
                check(schema, members)
                    .into_iter()
                    .map(|inner| Problem { field: Some(within(name, inner.field)), ..inner }),
            );
        }
        Value::Object(members) => {
            let Some(own) = schema.get("additionalProperties") else { return };
            for (member, value) in members {
                let shown: String = member.chars().take(100).collect();
                check_value(&format!("{name}.{shown}"), member, own, value, problems);
            }
        }
        Value::Number(number) => {
            let Some(number) = number.as_f64() else { return };
            let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
            match (bound("minimum"), bound("maximum")) {
                (Some(low), _) if number < low => {
                    let text = format!("it has to be at least {low}");
                    problems.push(problem(text).fix(format!("use {low}")));
                }
                (low, Some(high)) if number > high => {
                    let text = format!("it has to be at most {high}");
                    let meant = lenient::within(number, low.unwrap_or_default(), high);
                    problems.push(problem(text).fix(format!("use {meant}")));
                }
                _ => {}
            }
        }
        _ => {}
    }
}

/// The problem of a text that is none of the words of an enumeration.
fn no_word(
    key: &str,
    problem: impl Fn(String) -> Problem,
    allowed: &[Value],
    given: &str,
) -> Problem {
    let words = || allowed.iter().filter_map(Value::as_str);
    let mut meant = match key {
        "deploymentConfig" => meaning::configs(given),
        _ => Vec::new(),
    };
    meant.retain(|config| words().any(|word| word == config));
    let best = match meant.first() {
        Some(best) => Some(best.clone()),
        None => mcc_catalogs::nearest(given, words(), 1).first().map(|&word| word.to_owned()),
    };
    let mut choices = meant;
    for word in nearest(given, words()) {
        if !choices.contains(&word) {
            choices.push(word);
        }
    }
    let problem = problem("it is not one of the valid values".to_owned()).choices(choices);
    match best {
        Some(best) => problem.fix(format!("use {best}")),
        None => problem,
    }
}

/// A JSON type in words.
fn a(kind: &str) -> &'static str {
    match kind {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "an object",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The name of a member of an argument.
fn within(name: &str, member: Option<String>) -> String {
    member.map_or_else(|| name.to_owned(), |member| format!("{name}.{member}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn object(value: Value) -> JsonObject {
        let Value::Object(object) = value else { panic!("{value} is no object") };
        object
    }

    pub(crate) fn schema() -> JsonObject {
        object(json!({
            "properties": {
                "detail": {"type": "string", "enum": ["concise", "full"]},
                "limit": {"type": "integer", "minimum": 1, "maximum": 9},
                "share": {"type": "number"},
                "gated": {"type": "boolean"},
                "files": {"type": "object", "additionalProperties": {"type": "string"}},
                "types": {"type": "array", "items": {"type": "string"}},
                "groups": {"type": "array", "items": {
                    "type": "object",
                    "properties": {"type": {"type": "string"}, "count": {"type": "integer"}},
                    "required": ["type", "count"],
                }},
                "id": {"type": "string"},
            },
            "required": ["id"],
        }))
    }

    #[test]
    fn every_fault_is_reported_with_what_would_be_right() {
        let arguments = object(json!({
            "detail": "ful", "limit": 10, "files": 1, "detial": 1, "zzzzzz": 1, "types": [1, "a", true],
            "groups": [{"type": "a", "count": "x"}, {"count": 1.5}],
        }));
        let found = check(&schema(), &arguments);
        let short: Vec<String> = found.iter().map(Problem::text).collect();
        let all = "detail, limit, share, gated, files, types, groups, id";
        assert_eq!(
            short,
            [
                "detail = \"ful\": it is not one of the valid values. Fix: use full. Valid: full, concise",
                "limit = 10: it has to be at most 9. Fix: use 9",
                "files = 1: it has to be an object, not a number",
                &format!(
                    "detial: there is no such argument. Fix: did you mean `detail`? Valid: {all}"
                ),
                &format!("zzzzzz: there is no such argument. Fix: leave it out. Valid: {all}"),
                "types = 1: it has to be text, not a number. Fix: write it as text: \"1\"",
                "types = true: it has to be text, not true or false",
                "groups[0].count = \"x\": it has to be a whole number, not text",
                "groups[1].count = 1.5: it has to be a whole number, not a number with a fraction",
                "groups[1].type: it is required. Fix: add it",
                "id: it is required. Fix: add it",
            ]
        );
        let error = read_by::<JsonObject>(&schema(), &[], arguments).unwrap_err();
        assert_eq!(error.message, "11 inputs have to be put right");
    }
}
