//! Reading a tool's arguments. rmcp checks neither names, types nor ranges, and serde stops at the
//! first fault without saying what would be right; so arguments are held against the tool's own
//! input schema first, all at once, and then given to serde.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Problem, ToolError};
use crate::schema::JsonObject;

/// Checks `arguments` against the schema of `T` and reads them.
///
/// # Errors
/// `invalid_arguments` with a problem for each argument that is unknown, missing or of a wrong
/// value.
pub(crate) fn read<T: DeserializeOwned + 'static>(
    schema: fn() -> JsonObject,
    arguments: JsonObject,
) -> Result<T, ToolError> {
    read_by(&made::<T>(schema), arguments)
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
    arguments: JsonObject,
) -> Result<T, ToolError> {
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
            Some(property) => problems.extend(check_value(name, property, value)),
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
    let choices = nearest(name, known.map(String::as_str));
    let fix = choices
        .first()
        .map_or_else(|| "leave it out".to_owned(), |first| format!("did you mean `{first}`?"));
    Problem::of(name, "there is no such argument").choices(choices).fix(fix)
}

/// `known`, what looks most like `given` first and the rest in its own order.
pub(crate) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let known: Vec<&str> = known.collect();
    let near = mcc_catalogs::nearest(given, known.iter().copied(), known.len());
    let rest = known.iter().filter(|name| !near.contains(name));
    near.iter().chain(rest).map(|&name| name.to_owned()).collect()
}

/// Holds one value against the parts of a schema that this crate's tools use.
fn check_value(name: &str, schema: &Value, value: &Value) -> Option<Problem> {
    let problem = |message: String| Some(Problem::of(name, message).value(value));
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
        return problem(format!("it has to be of type {}", kind.unwrap_or_default()));
    }
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        let given = value.as_str().unwrap_or_default();
        let choices = nearest(given, allowed.iter().filter_map(Value::as_str));
        return problem("it is not one of the valid values".to_owned())
            .map(|problem| problem.choices(choices));
    }
    if let Some(items) = value.as_array() {
        let bound = |key: &str| {
            schema.get(key).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok())
        };
        return match (bound("minItems"), bound("maxItems")) {
            (Some(least), _) if items.len() < least => {
                problem(format!("it has to have at least {least}"))
            }
            (_, Some(most)) if items.len() > most => {
                problem(format!("it has to have at most {most}"))
            }
            _ => items.iter().find_map(|item| check_value(name, schema.get("items")?, item)),
        };
    }
    if let (Some(Value::Object(properties)), Some(members)) =
        (schema.get("properties"), value.as_object())
    {
        return check(schema.as_object()?, members)
            .into_iter()
            .next()
            .map(|inner| Problem { field: Some(within(name, inner.field)), ..inner })
            .filter(|_| !properties.is_empty());
    }
    let number = value.as_f64()?;
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    match (bound("minimum"), bound("maximum")) {
        (Some(low), _) if number < low => problem(format!("it has to be at least {low}")),
        (_, Some(high)) if number > high => problem(format!("it has to be at most {high}")),
        _ => None,
    }
}

/// The name of a member of an argument.
fn within(name: &str, member: Option<String>) -> String {
    member.map_or_else(|| name.to_owned(), |member| format!("{name}.{member}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_is_reported_with_what_would_be_right() {
        let Value::Object(schema) = json!({
            "properties": {
                "detail": {"type": "string", "enum": ["concise", "full"]},
                "limit": {"type": "integer", "minimum": 1, "maximum": 9},
                "files": {"type": "object"},
                "id": {"type": "string"},
            },
            "required": ["id"],
        }) else {
            panic!("a schema is an object")
        };
        let Value::Object(arguments) =
            json!({"detail": "ful", "limit": 10, "files": [], "detial": 1})
        else {
            panic!("arguments are an object")
        };
        let found = check(&schema, &arguments);
        let short: Vec<String> = found.iter().map(Problem::text).collect();
        assert_eq!(
            short,
            [
                "detail = \"ful\": it is not one of the valid values. Valid: full, concise",
                "limit = 10: it has to be at most 9",
                "files = []: it has to be of type object",
                "detial: there is no such argument. Fix: did you mean `detail`?. \
                 Valid: detail, limit, files, id",
                "id: it is required. Fix: add it",
            ]
        );
        let error = read_by::<JsonObject>(&schema, arguments).unwrap_err();
        assert_eq!(error.message, "5 inputs have to be put right");
    }
}
