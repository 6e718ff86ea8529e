//! The inputs as a JSON schema.

use serde_json::{Map, Value, json};

use crate::inputs::{self, Field, Kind, Registered};

/// The JSON schema of the inputs, as tools and configuration files take them.
pub fn schema() -> Value {
    let mut properties = Map::new();
    for field in inputs::fields() {
        properties.insert(field.key.clone(), property(field));
    }
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn property(field: &Field) -> Value {
    let mut schema = match field.kind {
        Kind::Text(_) => json!({"type": "string"}),
        Kind::Integer(min, max) => {
            json!({"type": "integer", "minimum": min, "maximum": max})
        }
        Kind::Number(min, max) => {
            json!({"type": "number", "minimum": min, "maximum": max})
        }
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Choice(_) | Kind::Named(_) => {
            json!({"type": "string", "enum": field.kind.choices()})
        }
        Kind::List(_) => json!({"type": "array", "items": {"type": "string"}}),
        Kind::Map(_, false) => {
            json!({"type": "object", "additionalProperties": {"type": "string"}})
        }
        Kind::Map(_, true) => json!({"type": "object", "additionalProperties": true}),
    };
    if field.kind == Kind::Named(Registered::Target)
        && let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut)
    {
        words.push(Value::from(crate::lenient::OTHER_TARGET));
    }
    if let (Some(object), help) = (schema.as_object_mut(), field.help) {
        object.insert("description".to_owned(), Value::from(help));
    }
    schema
}
