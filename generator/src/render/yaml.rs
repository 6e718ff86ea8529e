//! Block YAML with every string in double quotes, which is what JSON's strings are in YAML too: nothing
//! in a value can be taken for anything else.

use std::fmt::Write;

use serde_json::Value;

/// `value` as YAML; an array at the root becomes one document per item.
pub(super) fn documents(value: &Value) -> String {
    let mut out = String::new();
    let single = [value.clone()];
    let items = value.as_array().map_or(&single[..], Vec::as_slice);
    for item in items {
        out.push_str("---\n");
        node(&mut out, item, 0);
    }
    out
}

fn node(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (i, (key, value)) in map.iter().enumerate() {
                // The first key of a mapping in a sequence stands on the line of the dash.
                if i > 0 || out.ends_with('\n') {
                    indent(out, depth);
                }
                let _ = write!(out, "{}:", key_text(key));
                nested(out, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(out, depth);
                out.push_str("- ");
                match item {
                    Value::Array(inner) if !inner.is_empty() => {
                        out.push('\n');
                        node(out, item, depth + 1);
                    }
                    _ => node(out, item, depth + 1),
                }
            }
        }
        scalar => {
            let _ = writeln!(out, "{scalar}");
        }
    }
}

fn nested(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            node(out, value, depth + 1);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            node(out, value, depth + 1);
        }
        scalar => {
            out.push(' ');
            node(out, scalar, depth);
        }
    }
}

fn key_text(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
            .contains(&key.to_ascii_lowercase().as_str());
    if plain { key.to_owned() } else { Value::from(key).to_string() }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks() {
        let value = json!([{"a": {"b": ["x: y", 1, {"c": true, "d": []}]}, "no": null}, {"e": {}}]);
        let expected = "---\na:\n  b:\n    - \"x: y\"\n    - 1\n    - c: true\n      d: []\n\"no\": null\n---\ne: {}\n";
        assert_eq!(documents(&value), expected);
    }
}
