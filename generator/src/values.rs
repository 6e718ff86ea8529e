//! One value of one input: from what a person or a model wrote to a checked JSON value.

use serde_json::{Map, Value};

use crate::format::Format;
use crate::inputs::{Field, Kind, Registered};
use crate::registry::registry;

/// Most entries of a list or map input.
const MAX_ENTRIES: usize = 100;
/// Longest value in a map, in bytes. Environment values and tags have tighter limits, which rules check.
const MAX_MAP_VALUE: usize = 64 * 1024;

/// Why a value is not taken, and what would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What is wrong.
    pub message: String,
    /// Right values, nearest first.
    pub choices: Vec<String>,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), choices: Vec::new() }
    }
}

impl Kind {
    /// The words that it takes, where those can be listed.
    pub fn choices(self) -> Vec<String> {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        match self {
            Self::Choice(words) => owned(words.to_vec()),
            Self::Named(Registered::Config) => {
                registry().configs().iter().map(|c| c.name.clone()).collect()
            }
            Self::Named(Registered::Target) => registry().targets().to_vec(),
            Self::Named(Registered::Framework) => owned(registry().frameworks()),
            Self::Named(Registered::ModelFormat) => owned(registry().model_formats()),
            _ => Vec::new(),
        }
    }
}

/// Other spellings of words: what users of earlier tools type, and what it means here.
const SPELLINGS: [(&str, &str, &str); 6] = [
    ("deploymentTarget", "realtime-inference", "managed-inference"),
    ("deploymentTarget", "realtime", "managed-inference"),
    ("codebuildComputeType", "SMALL", "BUILD_GENERAL1_SMALL"),
    ("codebuildComputeType", "MEDIUM", "BUILD_GENERAL1_MEDIUM"),
    ("codebuildComputeType", "LARGE", "BUILD_GENERAL1_LARGE"),
    ("framework", "scikit-learn", "sklearn"),
];

/// Whether the input `key` takes `value`.
///
/// # Errors
/// Why not, with the nearest right values.
pub fn accepts(key: &str, value: &Value) -> Result<(), String> {
    let field = crate::inputs::find(key).ok_or_else(|| "is not an input".to_owned())?;
    normalise(field, value).map(|_| ()).map_err(|refusal| match refusal.choices.first() {
        Some(best) => format!("{}: did you mean {best}?", refusal.message),
        None => refusal.message,
    })
}

/// Checks `value` for `field` and brings it to its one form.
pub(crate) fn normalise(field: &Field, value: &Value) -> Result<Value, Refusal> {
    match field.kind {
        Kind::Text(format) => {
            let text = text(field, value)?;
            if format.accepts(text) {
                Ok(Value::from(text))
            } else {
                Err(Refusal::new(format!("is not {}", format.expected())))
            }
        }
        Kind::Integer(min, max) => integer(value, min, max),
        Kind::Number(min, max) => number(value, min, max),
        Kind::Boolean => boolean(value),
        Kind::Choice(_) | Kind::Named(_) => choice(field, value),
        Kind::List(format) => list(value, format),
        Kind::Map(format, flags) => map(value, format, flags),
    }
}

fn text<'a>(field: &Field, value: &'a Value) -> Result<&'a str, Refusal> {
    match (field.kind, value) {
        (_, Value::String(text)) => Ok(text),
        _ => Err(Refusal::new(format!("must be text, not {}", kind_of(value)))),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn integer(value: &Value, min: i64, max: i64) -> Result<Value, Refusal> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    match number {
        Some(n) if (min..=max).contains(&n) => Ok(Value::from(n)),
        Some(n) => Err(Refusal {
            message: format!("must be between {min} and {max}"),
            choices: vec![n.clamp(min, max).to_string()],
        }),
        None => Err(Refusal::new(format!("must be a whole number between {min} and {max}"))),
    }
}

fn number(value: &Value, min: f64, max: f64) -> Result<Value, Refusal> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    match number {
        Some(n) if (min..=max).contains(&n) => Ok(Value::from(n)),
        Some(n) if n.is_finite() => Err(Refusal {
            message: format!("must be between {min} and {max}"),
            choices: vec![n.clamp(min, max).to_string()],
        }),
        _ => Err(Refusal::new(format!("must be a number between {min} and {max}"))),
    }
}

fn boolean(value: &Value) -> Result<Value, Refusal> {
    let word = value.as_str().map(str::to_ascii_lowercase);
    match (value, word.as_deref()) {
        (Value::Bool(b), _) => Ok(Value::Bool(*b)),
        (_, Some("true" | "1" | "yes" | "on")) => Ok(Value::Bool(true)),
        (_, Some("false" | "0" | "no" | "off")) => Ok(Value::Bool(false)),
        _ => Err(Refusal {
            message: "must be true or false".to_owned(),
            choices: vec!["true".to_owned(), "false".to_owned()],
        }),
    }
}

fn choice(field: &Field, value: &Value) -> Result<Value, Refusal> {
    let word = text(field, value)?;
    let spelled = SPELLINGS
        .iter()
        .find(|(key, from, _)| *key == field.key && from.eq_ignore_ascii_case(word))
        .map_or(word, |(_, _, to)| to);
    let choices = field.kind.choices();
    if let Some(found) = choices.iter().find(|c| c.eq_ignore_ascii_case(spelled)) {
        return Ok(Value::from(found.as_str()));
    }
    let nearest = mcc_catalogs::nearest(spelled, choices.iter().map(String::as_str), choices.len());
    let choices: Vec<String> = if nearest.is_empty() {
        choices
    } else {
        let rest = choices.iter().filter(|c| !nearest.contains(&c.as_str()));
        nearest.iter().map(|&s| s.to_owned()).chain(rest.cloned()).collect()
    };
    Err(Refusal { message: "is not one of the choices".to_owned(), choices })
}

fn list(value: &Value, format: Format) -> Result<Value, Refusal> {
    let items: Vec<&str> = match value {
        Value::String(text) => text.split(',').map(str::trim).filter(|s| !s.is_empty()).collect(),
        Value::Array(items) => items
            .iter()
            .map(|i| i.as_str().ok_or_else(|| Refusal::new("must be a list of texts")))
            .collect::<Result<_, _>>()?,
        other => return Err(Refusal::new(format!("must be a list, not {}", kind_of(other)))),
    };
    if items.len() > MAX_ENTRIES {
        return Err(Refusal::new(format!("has over {MAX_ENTRIES} entries")));
    }
    if let Some(bad) = items.iter().find(|i| !format.accepts(i)) {
        let bad = crate::finding::shorten(bad);
        return Err(Refusal::new(format!(
            "has the entry {bad}, which is not {}",
            format.expected()
        )));
    }
    Ok(Value::from(items))
}

fn map(value: &Value, names: Format, flags: bool) -> Result<Value, Refusal> {
    let entries = match value {
        Value::Object(map) => map.clone(),
        Value::String(text) => parse_map(text, flags)?,
        Value::Array(items) => {
            let mut all = Map::new();
            for item in items {
                let text =
                    item.as_str().ok_or_else(|| Refusal::new("must be a list of name=value"))?;
                all.extend(parse_map(text, flags)?);
            }
            all
        }
        other => return Err(Refusal::new(format!("must be a map, not {}", kind_of(other)))),
    };
    if entries.len() > MAX_ENTRIES {
        return Err(Refusal::new(format!("has over {MAX_ENTRIES} entries")));
    }
    let mut out = Map::new();
    for (name, value) in entries {
        let shown = crate::finding::shorten(&name);
        // Options may be written as on the engine's own command line.
        let name = if flags { name.trim_start_matches("--") } else { &name };
        if !names.accepts(name) {
            return Err(Refusal::new(format!(
                "has the name {shown}, which is not {}",
                names.expected()
            )));
        }
        let value = match value {
            Value::String(_) => value,
            Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::Array(_) if flags => {
                value
            }
            Value::Number(n) => Value::from(n.to_string()),
            Value::Bool(b) => Value::from(b.to_string()),
            other => {
                let kind = kind_of(&other);
                return Err(Refusal::new(format!("has {kind} as the value of {shown}; give text")));
            }
        };
        if let Value::String(text) = &value
            && (text.len() > MAX_MAP_VALUE || text.contains('\0'))
        {
            return Err(Refusal::new(format!(
                "has a value of {shown} that is over {MAX_MAP_VALUE} bytes or holds a NUL"
            )));
        }
        out.insert(name.to_owned(), value);
    }
    Ok(Value::Object(out))
}

/// One `name=value`, or a JSON object. A name alone is a flag where the input takes those.
fn parse_map(text: &str, flags: bool) -> Result<Map<String, Value>, Refusal> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text)
            .map_err(|e| Refusal::new(format!("is not a JSON object: {e}")));
    }
    let mut map = Map::new();
    match text.split_once('=') {
        Some((name, value)) => map.insert(name.trim().to_owned(), Value::from(value)),
        None if flags => map.insert(text.trim().to_owned(), Value::Bool(true)),
        None => return Err(Refusal::new("must be name=value or a JSON object")),
    };
    Ok(map)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inputs::find;

    fn value(key: &str, value: &Value) -> Result<Value, Refusal> {
        normalise(find(key).expect("field"), value)
    }

    #[test]
    fn texts_of_flags_and_environment_become_typed() {
        assert_eq!(value("workers", &json!("4")), Ok(json!(4)));
        assert_eq!(value("includeSample", &json!("no")), Ok(json!(false)));
        assert_eq!(
            value("vpcSubnets", &json!("subnet-0123abcd, subnet-0123abce")),
            Ok(json!(["subnet-0123abcd", "subnet-0123abce"]))
        );
        assert_eq!(
            value("deploymentTarget", &json!("realtime-inference")),
            Ok(json!("managed-inference"))
        );
    }

    #[test]
    fn engine_options_keep_every_byte() {
        let text = r#"limit={"a": "x y'z $(id)"}"#;
        assert_eq!(
            value("engineArgs", &json!([text, "--flag"])),
            Ok(json!({"limit": "{\"a\": \"x y'z $(id)\"}", "flag": true}))
        );
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        let refusal = value("endpointVolumeSize", &json!(9999)).expect_err("too large");
        assert_eq!(refusal.choices, ["512"]);
        let refusal = value("deploymentTarget", &json!("async")).expect_err("unknown");
        assert_eq!(refusal.choices.first().map(String::as_str), Some("async-inference"));
    }
}
