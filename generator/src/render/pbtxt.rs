//! The text form of a protocol buffer message, as model servers keep their configuration. Every text is a
//! quoted string, except in the few fields that hold an enumerator.

use std::fmt::Write;

use serde_json::Value;

/// Fields whose values are enumerators, which stand without quotes.
const ENUMERATED: [&str; 3] = ["data_type", "kind", "format"];

/// `value`, an object, as a message.
pub(super) fn message(value: &Value) -> String {
    let mut out = String::new();
    members(&mut out, value, 0);
    out
}

fn members(out: &mut String, value: &Value, depth: usize) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            // A field that repeats is written once for each of its values; numbers fit on one line.
            Value::Array(items) if items.iter().any(|i| i.is_object() || i.is_string()) => {
                for item in items {
                    field(out, key, item, depth);
                }
            }
            _ => field(out, key, value, depth),
        }
    }
}

fn field(out: &mut String, key: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let _ = match value {
        Value::Object(map) if map.is_empty() => writeln!(out, "{indent}{key} {{}}"),
        Value::Object(_) => {
            let _ = writeln!(out, "{indent}{key} {{");
            members(out, value, depth + 1);
            writeln!(out, "{indent}}}")
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            writeln!(out, "{indent}{key}: [{}]", items.join(", "))
        }
        Value::String(text) if ENUMERATED.contains(&key) && is_enumerator(text) => {
            writeln!(out, "{indent}{key}: {text}")
        }
        Value::String(text) => writeln!(out, "{indent}{key}: {}", quoted(text)),
        scalar => writeln!(out, "{indent}{key}: {scalar}"),
    };
}

fn is_enumerator(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// `text` in double quotes. Other escapes than these are not needed: the form is UTF-8.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_ascii_control() => {
                let _ = write!(out, "\\{:03o}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages() {
        let value = json!({"name": "a\"b\n\\\u{1}é", "max_batch_size": 8, "dynamic_batching": {},
            "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1, 8]}, {"name": "TYPE_FP32", "kind": "a }"}]});
        let expected = "name: \"a\\\"b\\n\\\\\\001é\"\nmax_batch_size: 8\ndynamic_batching {}\n\
            input {\n  name: \"x\"\n  data_type: TYPE_FP32\n  dims: [-1, 8]\n}\n\
            input {\n  name: \"TYPE_FP32\"\n  kind: \"a }\"\n}\n";
        assert_eq!(message(&value), expected);
    }
}
