//! One reader for what people and models write instead of the declared type: a number as text, a list as
//! JSON text or as its only item, a map as a list of `NAME=value`. Values are brought toward the declared
//! type and nowhere else; a text that has to be text stays as it is, byte for byte.

use serde_json::{Map, Value};

/// Longest JSON text that is read in place of a list or an object, in bytes.
const MAX_JSON: usize = 1024 * 1024;
/// Up to here every whole number is exact as a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether `value` stands for an input that is left out: null, or an empty text.
pub fn left_out(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// A whole number: as one, as a float such as `8192.0`, or as text.
pub fn integer(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(value.clone()),
        Value::Number(number) => whole(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            let exact = text.parse::<i64>().map(Value::from);
            exact
                .or_else(|_| text.parse::<u64>().map(Value::from))
                .ok()
                .or_else(|| whole(text.parse().ok()?))
        }
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked")]
fn whole(number: f64) -> Option<Value> {
    (number.fract() == 0.0 && number.abs() <= EXACT).then(|| Value::from(number as i64))
}

/// A number, or its text.
pub fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let number: f64 = text.trim().parse().ok()?;
            number.is_finite().then(|| Value::from(number))
        }
        _ => None,
    }
}

/// The number from `min` to `max` that is nearest to `number`, or that it is as a percentage.
pub fn within(number: f64, min: f64, max: f64) -> f64 {
    let share = number / 100.0;
    if max <= 1.0 && number > 1.0 && (min..=max).contains(&share) {
        share
    } else {
        number.clamp(min, max)
    }
}

/// `true` or `false`, or a word for one of them.
pub fn boolean(value: &Value) -> Option<bool> {
    let text = match value {
        Value::Bool(known) => return Some(*known),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    let is = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(["true", "1", "yes", "on"]) {
        Some(true)
    } else if is(["false", "0", "no", "off"]) {
        Some(false)
    } else {
        None
    }
}

/// The name of the first target that AWS's own documents use; schemas list it too.
pub const OTHER_TARGET: &str = "realtime-inference";

/// Other spellings of words: what users of earlier tools type, and what it means here.
const SPELLINGS: [(&str, &str, &str); 8] = [
    ("accelerator", "gpu", "cuda"),
    ("accelerator", "nvidia", "cuda"),
    ("deploymentTarget", OTHER_TARGET, "managed-inference"),
    ("deploymentTarget", "realtime", "managed-inference"),
    ("codebuildComputeType", "SMALL", "BUILD_GENERAL1_SMALL"),
    ("codebuildComputeType", "MEDIUM", "BUILD_GENERAL1_MEDIUM"),
    ("codebuildComputeType", "LARGE", "BUILD_GENERAL1_LARGE"),
    ("framework", "scikit-learn", "sklearn"),
];

/// The one of `words` that `text` is for the input `key`; case does not matter.
pub fn word<'a>(
    key: &str,
    text: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let text = text.trim();
    let other =
        SPELLINGS.iter().find(|(of, from, _)| *of == key && from.eq_ignore_ascii_case(text));
    let mut meant = None;
    for word in words {
        if word == text {
            return Some(word);
        }
        let same = word.eq_ignore_ascii_case(text);
        if same || other.is_some_and(|(_, _, to)| word.eq_ignore_ascii_case(to)) {
            meant = meant.or(Some(word));
        }
    }
    meant
}

/// The list or object that `text` is the JSON of; `open` is `[` or `{`.
pub fn json(text: &str, open: char) -> Option<Value> {
    if text.len() > MAX_JSON || !text.trim_start().starts_with(open) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// A list: as one, as JSON text if `texts` are read, or as its only item; and whether it was JSON text. Items that
/// are left out are dropped.
pub fn list(value: Value, texts: bool) -> (Vec<Value>, bool) {
    let parsed = match &value {
        Value::String(text) if texts => json(text, '['),
        _ => None,
    };
    let json = parsed.is_some();
    let items = match parsed.unwrap_or(value) {
        Value::Array(items) => items,
        one => vec![one],
    };
    (items.into_iter().filter(|item| !left_out(item)).collect(), json)
}

/// The items of a list of texts that hold no commas: `a,b` is two, in a list as well.
pub fn parts(value: Value, texts: bool) -> (Vec<Value>, bool) {
    let (items, mut json) = list(value, texts);
    let mut all = Vec::new();
    for item in items {
        match item {
            Value::String(text) if texts && !json && self::json(&text, '[').is_some() => {
                all.extend(list(Value::from(text), true).0);
                json = true;
            }
            Value::String(text) => {
                let own = text.split(',').map(str::trim).filter(|text| !text.is_empty());
                all.extend(own.map(Value::from));
            }
            other => all.push(other),
        }
    }
    (all, json)
}

/// A map: as an object, as a list of `NAME=value`, of `{"name": …, "value": …}` or of objects as JSON text, or as
/// the only one of these. A name alone is a flag where `flags` are taken. Members that are null are dropped.
///
/// # Errors
/// What it has to be instead.
pub fn map(value: Value, flags: bool, texts: bool) -> Result<Map<String, Value>, String> {
    let mut all = Map::new();
    let (value, texts) = match &value {
        Value::String(text) if texts => match json(text, '[') {
            Some(items) => (items, false),
            None => (value, true),
        },
        _ => (value, texts),
    };
    match value {
        Value::Object(members) => all = members,
        Value::Array(items) => {
            let items = items.into_iter().filter(|item| !left_out(item)).collect();
            let items = if flags { options(items)? } else { items };
            for item in items {
                for (name, value) in entry(item, flags, texts)? {
                    if !crate::repeated::add(&mut all, &name, value, flags) {
                        let name = mcc_catalogs::echo(&name);
                        return Err(format!("has {name} twice, and only one can be meant"));
                    }
                }
            }
        }
        other => all = entry(other, flags, texts)?,
    }
    all.retain(|_, value| !value.is_null());
    Ok(all)
}

/// Options in the form of a command's arguments, where a name and its value follow each other, as `name=value`.
fn options(items: Vec<Value>) -> Result<Vec<Value>, String> {
    let mut all: Vec<Value> = Vec::new();
    let mut open: Option<String> = None;
    for item in items {
        let plain = match &item {
            Value::String(text) if !text.starts_with('-') => Some(text.clone()),
            Value::Number(_) => Some(item.to_string()),
            _ => None,
        };
        match (open.take(), plain) {
            (Some(name), Some(value)) => {
                let named = value.split_once('=').is_some_and(|(name, _)| is_name(name));
                if named {
                    let shown = mcc_catalogs::echo;
                    let (name, value) = (shown(&name), shown(&value));
                    return Err(format!(
                        "has {name} before {value}, which may be its value or an option of its own"
                    ));
                }
                all.pop();
                all.push(Value::from(format!("{name}={value}")));
            }
            (_, _) => {
                if let Value::String(text) = &item
                    && text.strip_prefix("--").is_some_and(is_name)
                {
                    open = Some(text.clone());
                }
                all.push(item);
            }
        }
    }
    Ok(all)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c))
}

/// Name and value of an option, as `--name`, `--name=value`, `--name value` or `name=value`.
fn option(text: &str) -> Result<(String, Value), String> {
    let text = text.trim();
    let end = |c: char| c == '=' || (text.starts_with("--") && c.is_whitespace());
    let Some((name, value)) = text.split_once(end) else {
        return Ok((text.to_owned(), Value::Bool(true)));
    };
    let begins = value.trim_start();
    let between =
        |quote: char| begins.strip_prefix(quote).is_some_and(|rest| rest.ends_with(quote));
    let quoted = between('"') || between('\'');
    let whole = quoted || serde_json::from_str::<Value>(begins).is_ok();
    let several = || {
        let mut words = value.split_whitespace();
        words.any(|word| {
            word.strip_prefix("--").is_some_and(|rest| rest.starts_with(char::is_alphabetic))
        })
    };
    if !whole && several() {
        let text = mcc_catalogs::echo(text);
        return Err(format!("has several options in one text, {text}"));
    }
    let value = if text.get(name.len()..).is_some_and(|rest| rest.starts_with('=')) {
        value
    } else {
        begins
    };
    Ok((name.trim().to_owned(), Value::from(value)))
}

fn entry(item: Value, flags: bool, texts: bool) -> Result<Map<String, Value>, String> {
    let mut map = Map::new();
    match item {
        Value::String(text) if texts && text.trim_start().starts_with('{') => {
            match json(&text, '{') {
                Some(Value::Object(members)) => map = members,
                _ => return Err("is not a JSON object".to_owned()),
            }
        }
        Value::String(text) if flags => {
            let (name, value) = option(&text)?;
            map.insert(name, value);
        }
        Value::String(text) => match text.split_once('=') {
            Some((name, value)) => {
                map.insert(name.trim().to_owned(), Value::from(value));
            }
            None => return Err("must be name=value or a JSON object".to_owned()),
        },
        Value::Object(members) => match pair(&members) {
            Some((name, value)) => {
                map.insert(name, value);
            }
            None => return Err("must be a list of name=value".to_owned()),
        },
        _ => return Err("must be a map of names to values, or a list of name=value".to_owned()),
    }
    Ok(map)
}

/// `{"name": "A", "value": "b"}`, or `Key` and `Value` as the APIs of AWS write it.
fn pair(members: &Map<String, Value>) -> Option<(String, Value)> {
    let find = |names: [&str; 2]| {
        let mut all = members.iter();
        all.find(|(key, _)| names.iter().any(|name| name.eq_ignore_ascii_case(key)))
    };
    let (name, value) = (find(["name", "key"])?.1.as_str()?, find(["value", "value"])?.1);
    (members.len() == 2).then(|| (name.to_owned(), value.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_toward_their_type() {
        for whole in [json!(8192), json!(8192.0), json!("8192"), json!(" 8192 "), json!("8192.0")] {
            assert_eq!(integer(&whole), Some(json!(8192)), "{whole}");
        }
        for other in [
            json!(8192.5),
            json!("8k"),
            json!(true),
            json!([1]),
            json!(1e300),
            json!("nan"),
            json!(""),
        ] {
            assert_eq!(integer(&other), None, "{other}");
        }
        assert_eq!(integer(&json!(u64::MAX)), Some(json!(u64::MAX)));
        assert_eq!(number(&json!("0.5")), Some(json!(0.5)));
        assert_eq!(number(&json!("inf")), None);
        assert_eq!(boolean(&json!("False")), Some(false));
        assert_eq!(boolean(&json!(1)), None);
        for one in [json!(["a"]), json!("[\"a\"]"), json!("a"), json!([null, "a", ""])] {
            assert_eq!(list(one.clone(), true).0, [json!("a")], "{one}");
        }
        assert_eq!(list(json!("[\"a\"]"), false).0, [json!("[\"a\"]")]);
        assert_eq!(list(json!("[not JSON"), true), (vec![json!("[not JSON")], false));
    }

    #[test]
    fn maps_are_read_in_every_form_that_clients_send() {
        let right = json!({"A": "x=1", "B": "2"});
        for form in [
            right.clone(),
            json!({"A": "x=1", "B": "2", "C": null}),
            json!("{\"A\": \"x=1\", \"B\": \"2\"}"),
            json!(["A=x=1", "B=2"]),
            json!([{"name": "A", "value": "x=1"}, {"Key": "B", "Value": "2"}]),
            json!(["{\"A\": \"x=1\"}", null, "", {"name": "B", "value": "2"}]),
        ] {
            assert_eq!(
                map(form.clone(), false, true).map(Value::Object),
                Ok(right.clone()),
                "{form}"
            );
        }
        assert_eq!(map(json!("--x"), true, true).map(Value::Object), Ok(json!({"--x": true})));
        for wrong in [json!(1), json!("A"), json!([1]), json!([{"A": "b"}]), json!("{")] {
            assert!(map(wrong.clone(), false, true).is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_are_read_as_a_command_does() {
        let read = |form: Value| map(form, true, true).map(Value::Object);
        for form in [
            json!(["--seed", "4", "--enforce-eager"]),
            json!(["--seed", 4, "--enforce-eager"]),
            json!(["--seed=4", "--enforce-eager"]),
            json!(["--seed 4", "--enforce-eager"]),
            json!("[\"--seed\", \"4\", \"--enforce-eager\"]"),
        ] {
            let right = json!({"--seed": "4", "--enforce-eager": true});
            assert_eq!(read(form.clone()), Ok(right), "{form}");
        }
        for kept in ["{\"a\": \"x --y\"}", "'x --y'", "a - b -- c"] {
            assert_eq!(read(json!([format!("--a={kept}")])), Ok(json!({"--a": kept})), "{kept}");
        }
        for wrong in [
            json!("--chat-template=a.jinja --enforce-eager"),
            json!(["--seed 4 --enforce-eager"]),
            json!(["seed=4\t--enforce-eager"]),
            json!(["--flag", "seed=4"]),
            json!(["--seed=4", "--seed=5"]),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_is_taken_twice_and_commas_part_items() {
        let twice = map(json!(["A=1", "A=2"]), false, true).expect_err("twice");
        assert!(twice.contains("A twice"), "{twice}");
        for one in
            [json!("a, b"), json!(["a,b"]), json!("[\"a\", \"b\"]"), json!(["[\"a\",\"b\"]"])]
        {
            assert_eq!(parts(one.clone(), true).0, [json!("a"), json!("b")], "{one}");
        }
        let read = map(json!("[\"a=1\",\"b=2\"]"), false, true).map(Value::Object);
        assert_eq!(read, Ok(json!({"a": "1", "b": "2"})));
    }

    #[test]
    fn words_are_found_whatever_their_case() {
        assert_eq!(word("x", "FULL", ["concise", "full"]), Some("full"));
        assert_eq!(word("x", "a", ["A", "a"]), Some("a"));
        let targets = ["managed-inference", "realtime-inference"];
        assert_eq!(word("deploymentTarget", "realtime", targets), Some("managed-inference"));
        assert_eq!(word("deploymentTarget", "x", targets), None);
    }

    proptest! {
        #[test]
        fn texts_in_lists_and_maps_stay_byte_for_byte(text in "[^\u{0}]{1,40}") {
            prop_assume!(!text.trim_start().starts_with('['));
            prop_assert_eq!(list(json!(text), true).0, [json!(text)]);
            prop_assert_eq!(list(json!([text]), true).0, [json!(text)]);
            let read = map(json!([format!("A={text}")]), false, true).unwrap_or_default();
            prop_assert_eq!(read.get("A"), Some(&json!(text)));
            let read = map(json!({"A": text}), false, true).unwrap_or_default();
            prop_assert_eq!(read.get("A"), Some(&json!(text)));
        }
    }
}
