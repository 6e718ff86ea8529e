//! Arguments brought toward the types of their schema: what means the same in another form is read as in the
//! right one, and what is left out in whatever form is left out.

use mcc_generator::lenient;
use serde_json::Value;

use crate::mcp::error::ToolError;
use crate::mcp::guard;
use crate::mcp::schema::JsonObject;

/// Arguments that are the text of a JSON file, and that models also give as the object that it holds.
const OBJECTS: [&str; 1] = ["modelConfig"];

/// `arguments` without those that are left out, and with the others brought toward their types. What cannot be
/// brought there stays as it is, for the check to name.
///
/// # Errors
/// What was read from JSON text is beyond the limits, or a secret.
pub(crate) fn settled(
    schema: &JsonObject,
    files: &[&str],
    arguments: JsonObject,
) -> Result<JsonObject, ToolError> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Ok(arguments);
    };
    let mut all = JsonObject::new();
    for (name, value) in arguments {
        let Some(property) = properties.get(&name) else {
            all.insert(name, value);
            continue;
        };
        let value = if OBJECTS.contains(&name.as_str()) && value.is_object() {
            let text = Value::from(value.to_string());
            guard::argument(&name, &text, true)?;
            text
        } else {
            value
        };
        let mut reader = Reader { texts: true, parsed: false };
        let Some(value) = reader.settle(&name, property, value) else {
            continue;
        };
        if reader.parsed {
            // The guard saw a text; what its escapes stand for was not looked at.
            guard::argument(&name, &value, files.contains(&name.as_str()))?;
        }
        all.insert(name, value);
    }
    Ok(all)
}

/// Reads one argument.
struct Reader {
    /// Whether JSON text is read: never inside of JSON text.
    texts: bool,
    /// Whether some was.
    parsed: bool,
}

impl Reader {
    /// `value` as `schema` has it, as far as it can be brought there; none if it is left out.
    fn settle(&mut self, name: &str, schema: &Value, value: Value) -> Option<Value> {
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        let blank = matches!(&value, Value::String(text) if text.trim().is_empty());
        let free = kind == "string" && schema.get("enum").is_none();
        let nothing = name == "quantization"
            && value.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case("none"));
        if nothing || lenient::left_out(&value) || (blank && !free) {
            return None;
        }
        Some(match kind {
            "string" => named(name, schema, value),
            "integer" => lenient::integer(&value).unwrap_or(value),
            "number" => lenient::number(&value).unwrap_or(value),
            "boolean" => lenient::boolean(&value).map_or(value, Value::Bool),
            "array" => self.items(name, schema, value),
            "object" => self.members(schema, value),
            _ => value,
        })
    }

    fn items(&mut self, name: &str, schema: &Value, value: Value) -> Value {
        let of_texts =
            schema.get("items").and_then(|own| own.get("type")) == Some(&"string".into());
        let (items, json) = if of_texts {
            // No item of any tool holds a comma.
            lenient::parts(value, self.texts)
        } else {
            lenient::list(value, self.texts)
        };
        self.parsed |= json;
        let mut inner = Reader { texts: self.texts && !json, parsed: false };
        let items = items.into_iter().filter_map(|item| match schema.get("items") {
            Some(own) => inner.settle(name, own, item),
            None => Some(item),
        });
        let items = items.collect();
        self.parsed |= inner.parsed;
        Value::Array(items)
    }

    fn members(&mut self, schema: &Value, value: Value) -> Value {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return self.map(schema, value);
        };
        let (members, json) = match value {
            Value::Object(members) => (members, false),
            Value::String(text) if self.texts => match lenient::json(&text, '{') {
                Some(Value::Object(members)) => (members, true),
                _ => return Value::String(text),
            },
            other => return other,
        };
        self.parsed |= json;
        let mut inner = Reader { texts: self.texts && !json, parsed: false };
        let members = members.into_iter().filter_map(|(name, member)| {
            let member = match properties.get(&name) {
                Some(own) => inner.settle(&name, own, member)?,
                None => member,
            };
            Some((name, member))
        });
        let members = members.collect();
        self.parsed |= inner.parsed;
        Value::Object(members)
    }

    fn map(&mut self, schema: &Value, value: Value) -> Value {
        let flags = schema.get("additionalProperties").and_then(|own| own.get("type")).is_none();
        if let Value::Object(mut members) = value {
            members.retain(|_, member| !member.is_null());
            return Value::Object(members);
        }
        // Where a comma parts two, and where it belongs to a value, only the input itself knows.
        let comma = |item: &Value| {
            item.as_str().is_some_and(|text| {
                text.contains(',') && !text.trim_start().starts_with(['{', '['])
            })
        };
        if comma(&value) || value.as_array().is_some_and(|items| items.iter().any(comma)) {
            return value;
        }
        match lenient::map(value.clone(), flags, self.texts) {
            Ok(members) => {
                self.parsed = true;
                Value::Object(members)
            }
            Err(_) => value,
        }
    }
}

/// A word in the spelling of the schema; every other text as it is.
fn named(name: &str, schema: &Value, value: Value) -> Value {
    let (Some(Value::Array(allowed)), Some(text)) = (schema.get("enum"), value.as_str()) else {
        return value;
    };
    let allowed = allowed.iter().filter_map(Value::as_str);
    lenient::word(name, text, allowed).map_or_else(|| value.clone(), Value::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::mcp::arguments::tests::{object, schema};

    fn read_so(arguments: Value) -> Value {
        Value::Object(settled(&schema(), &["files"], object(arguments)).unwrap())
    }

    #[test]
    fn null_and_nothing_are_left_out_at_every_depth() {
        let names = ["detail", "limit", "share", "gated", "files", "types", "groups", "id"];
        for nothing in [json!(null), json!("")] {
            for name in names {
                assert_eq!(read_so(json!({name: nothing})), json!({}), "{name}");
            }
            let nested =
                json!({"groups": [{"type": nothing, "count": 1}, nothing], "types": [nothing]});
            assert_eq!(read_so(nested), json!({"groups": [{"count": 1}], "types": []}));
        }
        // A file may be empty.
        assert_eq!(read_so(json!({"files": {"a": ""}})), json!({"files": {"a": ""}}));
    }

    #[test]
    fn values_are_brought_toward_their_types() {
        let groups = json!({"groups": [{"type": "a", "count": 2}]});
        for form in [
            json!([{"type": "a", "count": 2.0}]),
            json!({"type": "a", "count": "2"}),
            json!("[{\"type\": \"a\", \"count\": \"2\"}]"),
            json!("{\"type\": \"a\", \"count\": 2}"),
            json!(["{\"type\": \"a\", \"count\": 2}"]),
        ] {
            assert_eq!(read_so(json!({"groups": form})), groups, "{form}");
        }
        // JSON text in JSON text is no more read.
        let twice = json!({"groups": "[\"{\\\"type\\\": \\\"a\\\", \\\"count\\\": 2}\"]"});
        assert_eq!(read_so(twice), json!({"groups": ["{\"type\": \"a\", \"count\": 2}"]}));
        assert_eq!(
            read_so(
                json!({"detail": "FULL", "limit": "3", "share": "0.5", "gated": "false", "types": "a,b", "files": ["a=b=c"]})
            ),
            json!({"detail": "full", "limit": 3, "share": 0.5, "gated": false, "types": ["a", "b"], "files": {"a": "b=c"}})
        );
    }

    #[test]
    fn objects_are_texts_where_files_are_carried_and_none_is_left_out() {
        let schema = object(json!({"properties": {
            "modelConfig": {"type": "string"}, "quantization": {"type": "string"},
            "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        }}));
        let given = json!({
            "modelConfig": {"a": 1}, "quantization": "None", "tags": "[\"a=1\",\"b=2\"]",
        });
        let read = settled(&schema, &[], object(given)).unwrap();
        let right = json!({"modelConfig": "{\"a\":1}", "tags": {"a": "1", "b": "2"}});
        assert_eq!(Value::Object(read), right);
    }

    #[test]
    fn what_json_text_hides_is_within_the_limits() {
        let secret = "[\"hf\\u005fabcdefghijklmnopqrstuvwxyzabcdefgh\"]";
        let error = settled(&schema(), &[], object(json!({"types": secret}))).unwrap_err();
        assert_eq!(error.code, "secret_refused");
        let many = format!("[{}1]", "1,".repeat(20_000));
        let error = settled(&schema(), &[], object(json!({"types": many}))).unwrap_err();
        assert_eq!(error.code, "too_many");
        let deep = format!("[{}{}]", "[".repeat(60), "]".repeat(60));
        let error = settled(&schema(), &[], object(json!({"types": deep}))).unwrap_err();
        assert_eq!(error.code, "too_deep");
    }

    proptest! {
        #[test]
        fn a_text_that_has_to_be_text_stays_byte_for_byte(text in "\\PC{1,60}|[ \\t\\n\\[{\"0-9truefals.,}\\]]{1,30}") {
            let given = json!({"id": text, "files": {"a": text}, "groups": [{"type": text, "count": 1}]});
            prop_assert_eq!(read_so(given.clone()), given);
        }
    }
}
