//! One helper for all schemas, so that every client can read every tool.
//!
//! Measured and reported trouble: `$schema`, `$defs` and `format: "uint32"` are refused by some
//! clients; `anyOf` with null confuses others; a top-level `anyOf`, `oneOf` or `allOf` makes some
//! reject the whole tool list. So schemas are inlined, plain, and objects at the top.

use mcc_catalogs::Live;
use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::mcp::error::ToolError;
use crate::mcp::standing;

/// A JSON object.
pub(crate) type JsonObject = Map<String, Value>;

/// The schema of a tool's arguments: closed, so that a misspelt argument is an error.
pub(crate) fn input<T: JsonSchema>() -> JsonObject {
    let mut schema = of::<T>(Contract::Deserialize);
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

/// The schema of a tool's answer.
///
/// A failed call carries `error` in place of the answer, and some clients check that too against
/// the schema. So `status` is the only member that is always there.
pub(crate) fn output<T: JsonSchema>() -> JsonObject {
    let mut schema = of::<T>(Contract::Serialize);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        if let Some(Value::Array(statuses)) =
            properties.get_mut("status").and_then(|status| status.get_mut("enum"))
        {
            statuses.push(json!("error"));
        }
        properties.insert(
            "error".to_owned(),
            described(
                of::<ToolError>(Contract::Serialize),
                "Why the call failed; only with status `error`.",
            ),
        );
    }
    schema.insert("required".to_owned(), json!(["status"]));
    schema
}

/// Adds to the schema of an answer what every answer tells of what was looked up for it.
pub(crate) fn tell_live(schema: &mut JsonObject) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let told = of::<Live>(Contract::Serialize);
        let told = described(told, "What was looked up for this answer, if anything was.");
        properties.insert(standing::MEMBER.to_owned(), told);
    }
}

/// The plain schema of `T`, as it is read or as it is written: a member that is skipped when it is
/// empty is required in the one and not in the other.
fn of<T: JsonSchema>(contract: Contract) -> JsonObject {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings.contract = contract;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    plain(&mut schema);
    match schema {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

/// The schema of a part of an answer.
pub(crate) fn part<T: JsonSchema>() -> JsonObject {
    of::<T>(Contract::Serialize)
}

/// Makes a schema from elsewhere as plain as those made here.
pub(crate) fn normalised(mut schema: Value) -> JsonObject {
    inline(&mut schema);
    plain(&mut schema);
    match schema {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

fn described(mut schema: JsonObject, text: &str) -> Value {
    schema.insert("description".to_owned(), json!(text));
    Value::Object(schema)
}

/// Replaces every reference to `$defs` by what it refers to. A definition that contains itself is
/// cut off at its second occurrence, as an object of any content.
fn inline(schema: &mut Value) {
    let Some(definitions) = schema.as_object_mut().and_then(|root| root.remove("$defs")) else {
        return;
    };
    replace_references(schema, &definitions, &mut Vec::new());
}

fn replace_references(schema: &mut Value, definitions: &Value, open: &mut Vec<String>) {
    let name = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.strip_prefix("#/$defs/"))
        .map(str::to_owned);
    if let Some(name) = name {
        let target = if open.contains(&name) { None } else { definitions.get(&name).cloned() };
        let mut target = target.unwrap_or_else(|| json!({"type": "object"}));
        open.push(name);
        replace_references(&mut target, definitions, open);
        open.pop();
        // What stands beside the reference, such as a description, is nearer and wins.
        if let (Value::Object(target), Value::Object(beside)) = (&mut target, &*schema) {
            for (key, value) in beside {
                if key != "$ref" {
                    target.insert(key.clone(), value.clone());
                }
            }
        }
        *schema = target;
        return;
    }
    match schema {
        Value::Object(members) => {
            for member in members.values_mut() {
                replace_references(member, definitions, open);
            }
        }
        Value::Array(items) => {
            for item in items {
                replace_references(item, definitions, open);
            }
        }
        _ => {}
    }
}

/// Members that hold schemas by name, whose keys are not keywords.
const BY_NAME: [&str; 3] = ["properties", "patternProperties", "$defs"];
/// Members that hold data, not schemas.
const DATA: [&str; 4] = ["enum", "const", "default", "examples"];

fn plain(schema: &mut Value) {
    if let Value::Bool(true) = schema {
        // "Anything": boolean schemas are valid, and unknown to several clients.
        *schema = json!({});
        return;
    }
    let Value::Object(members) = schema else {
        return;
    };
    for noise in ["$schema", "$id", "format", "title"] {
        // Titles are the names of Rust types here; a property called `title` is under `properties`.
        members.remove(noise);
    }
    if members.get("default").is_some_and(Value::is_null) {
        members.remove("default");
    }
    without_null_type(members);
    for alternatives in ["anyOf", "oneOf"] {
        collapse(members, alternatives);
    }
    for (key, member) in members.iter_mut() {
        if DATA.contains(&key.as_str()) {
            continue;
        }
        match member {
            Value::Object(named) if BY_NAME.contains(&key.as_str()) => {
                named.values_mut().for_each(plain);
            }
            // `additionalProperties: true|false` is understood everywhere.
            Value::Bool(_) => {}
            Value::Object(_) => plain(member),
            Value::Array(items) => items.iter_mut().for_each(plain),
            _ => {}
        }
    }
}

/// `"type": ["string", "null"]` becomes `"type": "string"`: what may be left out is left out, here,
/// and never sent as null.
fn without_null_type(members: &mut JsonObject) {
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            members.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = members.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// `anyOf: [X, null]` becomes X, and a choice between constants becomes an `enum`.
fn collapse(members: &mut JsonObject, key: &str) {
    let Some(Value::Array(alternatives)) = members.get_mut(key) else {
        return;
    };
    alternatives.retain(|alternative| alternative.get("type") != Some(&json!("null")));
    if let [Value::Object(only)] = alternatives.as_slice() {
        let only = only.clone();
        members.remove(key);
        for (name, value) in only {
            members.entry(name).or_insert(value);
        }
        return;
    }
    // schemars writes variants without a comment as one `enum`, and those with one as `const`.
    let constants: Option<Vec<Vec<Value>>> = alternatives
        .iter()
        .map(|alternative| match (alternative.get("const"), alternative.get("enum")) {
            (Some(constant), _) => Some(vec![constant.clone()]),
            (None, Some(Value::Array(several))) => Some(several.clone()),
            _ => None,
        })
        .collect();
    if let Some(constants) = constants {
        members.remove(key);
        members.insert("type".to_owned(), json!("string"));
        members.insert("enum".to_owned(), Value::Array(constants.concat()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Sample {
        /// How many.
        count: Option<u32>,
        inner: Option<Inner>,
        anything: Value,
        title: String,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    enum Inner {
        /// Described, which schemars turns into `oneOf` of constants.
        First,
        Second,
    }

    #[test]
    fn optional_and_nested_members_are_plain() {
        assert_eq!(
            Value::Object(input::<Sample>()),
            json!({
                "type": "object",
                "properties": {
                    "count": {"description": "How many.", "type": "integer", "minimum": 0},
                    "inner": {"type": "string", "enum": ["Second", "First"]},
                    "anything": {},
                    "title": {"type": "string"},
                },
                "required": ["anything", "title"],
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn references_are_replaced_and_recursion_ends() {
        let schema = normalised(json!({
            "type": "object",
            "$schema": "x",
            "properties": {"node": {"$ref": "#/$defs/Node", "description": "nearer"}},
            "$defs": {"Node": {
                "description": "farther",
                "type": "object",
                "properties": {"child": {"$ref": "#/$defs/Node"}},
            }},
        }));
        assert_eq!(
            Value::Object(schema),
            json!({
                "type": "object",
                "properties": {"node": {
                    "description": "nearer",
                    "type": "object",
                    "properties": {"child": {"type": "object"}},
                }},
            })
        );
    }
}
