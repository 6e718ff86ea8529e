//! Structural templates: JSON documents whose `"{{path}}"` strings are replaced by values.
//!
//! Values are serialised, never pasted. A null drops its key; an object or array that drops empty goes
//! with it. `"..."` merges the members of an object in, `"?"` and `"?!"` make an object conditional.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};

use super::{RenderError, lookup, pbtxt, truthy, yaml};

/// Templates by their place, parsed once: that takes as long as filling one.
static TEMPLATES: RwLock<BTreeMap<String, Arc<Value>>> = RwLock::new(BTreeMap::new());

/// The document, or `None` when its root's condition leaves it out.
///
/// At one place there is always the same template.
pub(super) fn render(
    place: &str,
    output: &str,
    source: &[u8],
    view: &Value,
) -> Result<Option<String>, RenderError> {
    let wrong = |reason: String| RenderError::Template { path: place.to_owned(), reason };
    let template = parsed(place, source).map_err(|e| wrong(e.to_string()))?;
    let Some(value) = fill(&template, view).map_err(wrong)? else {
        return Ok(None);
    };
    let extension = std::path::Path::new(output).extension().and_then(|e| e.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("yaml" | "yml") => return Ok(Some(yaml::documents(&value))),
        Some("pbtxt") => return Ok(Some(pbtxt::message(&value))),
        Some("jsonl") => return Ok(lines(&value, ToString::to_string)),
        Some("csv") => return Ok(lines(&value, cells)),
        _ => {}
    }
    let mut text = serde_json::to_string_pretty(&value).map_err(|e| wrong(e.to_string()))?;
    text.push('\n');
    Ok(Some(text))
}

fn parsed(place: &str, source: &[u8]) -> serde_json::Result<Arc<Value>> {
    let known = TEMPLATES.read().unwrap_or_else(PoisonError::into_inner).get(place).map(Arc::clone);
    if let Some(template) = known {
        return Ok(template);
    }
    let template = Arc::new(serde_json::from_slice(source)?);
    let mut templates = TEMPLATES.write().unwrap_or_else(PoisonError::into_inner);
    templates.insert(place.to_owned(), Arc::clone(&template));
    Ok(template)
}

/// A line for each item; no file without any.
fn lines(value: &Value, one: impl Fn(&Value) -> String) -> Option<String> {
    let items = value.as_array().filter(|items| !items.is_empty())?;
    Some(items.iter().map(|item| one(item) + "\n").collect())
}

/// The values of a record, without their names.
fn cells(record: &Value) -> String {
    let values: Vec<&Value> = match record {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        other => vec![other],
    };
    values.iter().map(ToString::to_string).collect::<Vec<String>>().join(",")
}

pub(super) fn fill(template: &Value, view: &Value) -> Result<Option<Value>, String> {
    match template {
        Value::String(text) => string(text, view),
        Value::Array(items) => {
            let mut out = Vec::new();
            for item in items {
                if let Some(value) = fill(item, view)? {
                    out.push(value);
                }
            }
            Ok((items.is_empty() || !out.is_empty()).then_some(Value::Array(out)))
        }
        Value::Object(map) => object(map, view),
        other => Ok(Some(other.clone())),
    }
}

fn object(map: &Map<String, Value>, view: &Value) -> Result<Option<Value>, String> {
    // Few objects have a condition, and to look at the names is less than to look two of them up.
    for (key, condition) in map.iter().filter(|(key, _)| key.starts_with('?')) {
        let wanted = match key.as_str() {
            "?" => true,
            "?!" => false,
            _ => continue,
        };
        let value = fill(condition, view)?;
        if value.as_ref().is_some_and(truthy) != wanted {
            return Ok(None);
        }
    }
    let mut out = Map::with_capacity(map.len());
    let mut members = 0;
    for (key, value) in map {
        match key.as_str() {
            "?" | "?!" => {}
            "..." => match fill(value, view)? {
                Some(Value::Object(more)) => out.extend(more),
                Some(_) => return Err("\"...\" needs an object".to_owned()),
                None => members += 1,
            },
            _ => {
                members += 1;
                if let Some(value) = fill(value, view)? {
                    out.insert(key.clone(), value);
                }
            }
        }
    }
    Ok((members == 0 || !out.is_empty()).then_some(Value::Object(out)))
}

fn string(text: &str, view: &Value) -> Result<Option<Value>, String> {
    let Some((before, rest)) = opened(text) else {
        return Ok(Some(Value::from(text)));
    };
    let (path, after) = rest.split_once("}}").ok_or_else(|| format!("unclosed {text:?}"))?;
    let (as_text, path) = match path.trim().strip_prefix("string ") {
        Some(path) => (true, path.trim()),
        None => (false, path.trim()),
    };
    let value = lookup(view, path).ok_or_else(|| format!("unknown path {path}"))?;
    if value.is_null() {
        return Ok(None);
    }
    if before.is_empty() && after.is_empty() {
        return Ok(Some(if as_text { Value::from(plain(value)) } else { value.clone() }));
    }
    let Some(Value::String(after)) = string(after, view)? else {
        return Ok(None);
    };
    Ok(Some(Value::from(format!("{before}{}{after}", plain(value)))))
}

/// What stands before the first `{{` and after it. Most texts have none, which is found without setting a search up.
fn opened(text: &str) -> Option<(&str, &str)> {
    let at = text.as_bytes().windows(2).position(|two| two == b"{{")?;
    Some((text.get(..at)?, text.get(at + 2..)?))
}

/// A value as text: a string as it is, anything else as JSON.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &Value, view: &Value) -> Option<Value> {
        fill(template, view).expect("template")
    }

    #[test]
    fn values_keep_their_type_and_their_bytes() {
        let view = json!({"n": 3, "s": "a\"b\n$(id)", "none": null});
        let template = json!({"N": "{{n}}", "T": "{{string n}}", "S": "{{s}}", "M": "x-{{n}}-{{s}}", "Gone": "{{none}}"});
        assert_eq!(
            filled(&template, &view),
            Some(json!({"N": 3, "T": "3", "S": "a\"b\n$(id)", "M": "x-3-a\"b\n$(id)"}))
        );
    }

    #[test]
    fn what_drops_empty_goes_and_what_is_empty_stays() {
        let view = json!({"none": null});
        assert_eq!(
            filled(&json!({"a": {"b": "{{none}}"}, "c": {}, "d": []}), &view),
            Some(json!({"c": {}, "d": []}))
        );
        assert_eq!(filled(&json!(["{{none}}"]), &view), None);
    }

    #[test]
    fn conditions_and_spreads() {
        let view = json!({"on": true, "off": false, "more": {"x": 1, "y": 2}});
        let template = json!({"a": {"?": "{{on}}", "k": 1}, "b": {"?": "{{off}}", "k": 1}, "c": {"?!": "{{off}}", "k": 1}, "d": {"...": "{{more}}", "y": 3}});
        assert_eq!(
            filled(&template, &view),
            Some(json!({"a": {"k": 1}, "c": {"k": 1}, "d": {"x": 1, "y": 3}}))
        );
    }

    #[test]
    fn an_unknown_path_is_an_error() {
        assert!(fill(&json!("{{nowhere.x}}"), &json!({})).is_err());
    }
}
