//! One value of one input: from what a person or a model wrote to a checked JSON value.

use serde_json::{Map, Value};

use crate::fix::{Fix, Fixes};
use crate::format::Format;
use crate::inputs::{Field, Kind, Registered};
use crate::registry::registry;
use crate::{lenient, meaning, repeated};

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
    /// What to do, where it is more than to take the first choice.
    pub fix: Option<Fixes>,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), choices: Vec::new(), fix: None }
    }

    fn choices(mut self, choices: Vec<String>) -> Self {
        self.choices = choices;
        self
    }

    fn fix(mut self, fix: impl Into<Fixes>) -> Self {
        self.fix = Some(fix.into());
        self
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
            if let (Format::PathOrJson, Value::Object(_)) = (format, value) {
                return normalise(field, &Value::from(value.to_string()));
            }
            let text = text(field, value)?;
            if format == Format::PathOrJson
                && text.trim_start().starts_with('{')
                && let Err(error) = serde_json::from_str::<Value>(text)
            {
                return Err(Refusal::new(format!("is not JSON: {error}"))
                    .fix("give the whole text of config.json, or the path of the file"));
            }
            if format.accepts(text) {
                return Ok(Value::from(text));
            }
            match meaning::of_text(format, text) {
                meaning::Meant::This(meant) if format.accepts(&meant) => Ok(Value::from(meant)),
                meaning::Meant::Perhaps { choices, fix } => {
                    let fix = fix.map(Fixes::from);
                    Err(Refusal { message: format!("is not {}", format.expected()), choices, fix })
                }
                meaning::Meant::This(_) => {
                    Err(Refusal::new(format!("is not {}", format.expected())))
                }
            }
        }
        Kind::Integer(min, max) => integer(value, min, max),
        Kind::Number(min, max) => number(value, min, max),
        Kind::Boolean => lenient::boolean(value).map(Value::Bool).ok_or_else(|| {
            Refusal::new("must be true or false")
                .choices(vec!["true".to_owned(), "false".to_owned()])
        }),
        Kind::Choice(_) | Kind::Named(_) => choice(field, value),
        Kind::List(format) => list(value, format),
        Kind::Map(format, flags) => map(field, value, format, flags),
    }
}

fn text<'a>(field: &Field, value: &'a Value) -> Result<&'a str, Refusal> {
    value.as_str().ok_or_else(|| {
        let message = format!("must be text, not {}", kind_of(value));
        let refusal = Refusal::new(message.as_str());
        match value {
            // Numbers lose digits on their way here: 3.10 arrives as 3.1.
            Value::Number(_) => match normalise(field, &Value::from(value.to_string())) {
                Ok(text) => refusal
                    .fix(Fix::set(field.key.as_str(), text).and(Fix::say("as text, in quotes"))),
                Err(right) => Refusal { message, ..right },
            },
            Value::Object(_) => refusal.fix("write it as one text"),
            _ => refusal,
        }
    })
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
    match lenient::integer(value).and_then(|number| number.as_i64()) {
        Some(n) if (min..=max).contains(&n) => Ok(Value::from(n)),
        Some(n) => Err(Refusal::new(format!("must be between {min} and {max}"))
            .choices(vec![n.clamp(min, max).to_string()])),
        None => Err(Refusal::new(format!("must be a whole number between {min} and {max}"))),
    }
}

fn number(value: &Value, min: f64, max: f64) -> Result<Value, Refusal> {
    match lenient::number(value).and_then(|number| number.as_f64()) {
        Some(n) if (min..=max).contains(&n) => Ok(Value::from(n)),
        Some(n) => Err(Refusal::new(format!("must be between {min} and {max}"))
            .choices(vec![lenient::within(n, min, max).to_string()])),
        None => Err(Refusal::new(format!("must be a number between {min} and {max}"))),
    }
}

fn choice(field: &Field, value: &Value) -> Result<Value, Refusal> {
    let choices = field.kind.choices();
    let word = text(field, value).map_err(|refusal| refusal.choices(choices.clone()))?;
    if let Some(found) = lenient::word(&field.key, word, choices.iter().map(String::as_str)) {
        return Ok(Value::from(found));
    }
    let mut near = match field.kind {
        Kind::Named(Registered::Config) => meaning::configs(word),
        _ => Vec::new(),
    };
    if near.is_empty() {
        let names = choices.iter().map(String::as_str);
        near = mcc_catalogs::nearest(word, names, 5).into_iter().map(str::to_owned).collect();
    }
    let refusal = Refusal::new("is not one of the choices");
    let refusal = match near.as_slice() {
        [] => refusal.fix(elsewhere(field, word, &choices)),
        near => refusal.fix(Fix::choose(field.key.as_str(), near.iter().cloned())),
    };
    let rest = choices.into_iter().filter(|choice| !near.contains(choice));
    let all = near.iter().cloned().chain(rest).collect();
    Err(refusal.choices(all))
}

/// What to do about a word that is like none of the choices: it may be a deployment config's.
fn elsewhere(field: &Field, word: &str, choices: &[String]) -> Fixes {
    let configs = match field.kind {
        Kind::Named(Registered::Framework | Registered::ModelFormat) => meaning::configs(word),
        _ => Vec::new(),
    };
    let key = field.key.as_str();
    if configs.is_empty() {
        Fix::choose(key, choices.iter().cloned()).into()
    } else {
        Fix::choose("deploymentConfig", configs).and(Fix::unset(key)).into()
    }
}

fn list(value: &Value, format: Format) -> Result<Value, Refusal> {
    if !matches!(value, Value::String(_) | Value::Array(_)) {
        return Err(Refusal::new(format!("must be a list, not {}", kind_of(value))));
    }
    let mut items = Vec::new();
    for item in lenient::parts(value.clone(), true).0 {
        match item {
            Value::String(text) => items.push(text),
            _ => return Err(Refusal::new("must be a list of texts")),
        }
    }
    if items.len() > MAX_ENTRIES {
        return Err(Refusal::new(format!("has over {MAX_ENTRIES} entries")));
    }
    if let Some(bad) = items.iter().find(|i| !format.accepts(i)) {
        let bad = mcc_catalogs::echo(bad);
        return Err(Refusal::new(format!(
            "has the entry {bad}, which is not {}",
            format.expected()
        )));
    }
    Ok(Value::from(items))
}

fn map(field: &Field, value: &Value, names: Format, flags: bool) -> Result<Value, Refusal> {
    let value = several(value, names);
    let as_object = if flags {
        format!("give {} as {{\"NAME\": \"value\", \"FLAG\": true}}", field.key)
    } else {
        format!("give {} as {{\"NAME\": \"value\"}}", field.key)
    };
    let entries = lenient::map(value, flags, true)
        .map_err(|message| Refusal::new(message).fix(as_object.clone()))?;
    if entries.len() > MAX_ENTRIES {
        return Err(Refusal::new(format!("has over {MAX_ENTRIES} entries")));
    }
    let mut out = Map::new();
    for (name, value) in entries {
        let shown = mcc_catalogs::echo(&name);
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
        if !repeated::add(&mut out, name, value, flags) {
            let message = format!("has {shown} twice, and only one can be meant");
            return Err(Refusal::new(message).fix(as_object));
        }
    }
    Ok(Value::Object(out))
}

/// `a=1,b=2` as two, where no value can hold a comma: those of tags and labels cannot.
fn several(value: &Value, names: Format) -> Value {
    let parts = |text: &str| -> Option<Vec<Value>> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let pairs = matches!(names, Format::TagKey | Format::LabelKey)
            && !text.trim_start().starts_with(['{', '['])
            && parts.iter().all(|part| part.contains('='));
        pairs.then(|| parts.into_iter().map(Value::from).collect())
    };
    let split = |item: &Value| match item {
        Value::String(text) => parts(text).unwrap_or_else(|| vec![item.clone()]),
        other => vec![other.clone()],
    };
    match value {
        Value::Array(items) => items.iter().flat_map(split).collect(),
        Value::String(text) => lenient::json(text, '[')
            .map_or_else(|| Value::Array(split(value)), |items| several(&items, names)),
        other => other.clone(),
    }
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
    fn lists_and_maps_are_read_in_every_form() {
        let two = Ok(json!(["subnet-0123abcd", "subnet-0123abce"]));
        for form in [
            json!("[\"subnet-0123abcd\",\"subnet-0123abce\"]"),
            json!(["subnet-0123abcd,subnet-0123abce"]),
            json!(["subnet-0123abcd", "subnet-0123abce"]),
        ] {
            assert_eq!(value("vpcSubnets", &form), two, "{form}");
        }
        for form in [json!("[\"a=1\",\"b=2\"]"), json!("a=1,b=2"), json!(["a=1,b=2"])] {
            assert_eq!(value("tags", &form), Ok(json!({"a": "1", "b": "2"})), "{form}");
        }
        for twice in
            [json!(["A=1", "A=2"]), json!([{"Key": "A", "Value": "1"}, {"Key": "A", "Value": "2"}])]
        {
            let refusal = value("tags", &twice).expect_err("twice");
            assert!(refusal.message.contains("twice"), "{}", refusal.message);
        }
        assert_eq!(
            value("engineArgs", &json!(["--lora-modules=a=x", "--lora-modules=b=y"])),
            Ok(json!({"lora-modules": ["a=x", "b=y"]})),
            "a list of the engine's"
        );
        let twice = value("engineArgs", &json!(["--seed=1", "seed=2"])).expect_err("twice");
        assert!(twice.message.contains("twice"), "{}", twice.message);
    }

    #[test]
    fn a_config_may_be_an_object_and_has_to_be_json() {
        assert_eq!(value("modelConfig", &json!({"a": 1})), Ok(json!("{\"a\":1}")));
        let refusal = value("modelConfig", &json!("{")).expect_err("no JSON");
        assert!(refusal.message.starts_with("is not JSON"), "{}", refusal.message);
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        let refusal = value("endpointVolumeSize", &json!(9999)).expect_err("too large");
        assert_eq!(refusal.choices, ["512"]);
        let refusal = value("gpuMemoryUtilization", &json!(90)).expect_err("a percentage");
        assert_eq!(refusal.choices, ["0.9"]);
        let refusal = value("deploymentTarget", &json!("async")).expect_err("unknown");
        assert_eq!(refusal.choices.first().map(String::as_str), Some("async-inference"));
    }
}
