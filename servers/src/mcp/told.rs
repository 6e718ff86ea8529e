//! What a tool answers, as it goes out: foreign text in it is only of what can be seen. Where a value is repeated
//! that may be long, it is cut there; this is the net under all of them.

use std::borrow::Cow;

use mcc_catalogs::{ECHOED, cut, is_hidden, is_plain, visible};
use serde_json::Value;

/// Most characters of any text but those of [`EXACT`].
const MOST: usize = 4000;
/// Where an answer has what a caller gets byte for byte: files, parts of them, and arguments for the next call, which
/// are as long as arguments may be. `*` is each item of a list. All of a place are names of this server, so nothing
/// foreign gets one by its name.
const EXACT: [&str; 7] = [
    "contents/*/content",
    "archive/data",
    "drift/*/diff",
    "inputs",
    "recommendations/*/inputs",
    "rows/*/fit/inputs",
    "groups/*/fit/inputs",
];

/// The text of an answer. Its lines are those of the server: foreign values have none.
pub(crate) fn text(text: String) -> String {
    match visible(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(visible) => visible,
    }
}

/// The structured part of an answer.
pub(crate) fn value(mut value: Value) -> Value {
    if !stays(&value) {
        walk(&mut value, &EXACT);
    }
    value
}

/// Whether there is nothing to cut in `value`, wherever it stands.
fn stays(value: &Value) -> bool {
    let short = |text: &str, most| text.len() <= most && is_plain(text);
    match value {
        Value::String(text) => short(text, MOST),
        Value::Array(items) => items.iter().all(stays),
        Value::Object(members) => {
            members.iter().all(|(name, member)| short(name, ECHOED) && stays(member))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// A value of an input for one line of a text: as JSON, with long texts in it cut.
pub(crate) fn shown(value: &Value) -> String {
    escaped(&shortened(value).to_string()).into_owned()
}

fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(short(text)),
        Value::Array(items) => Value::Array(items.iter().map(shortened).collect()),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (short(name), shortened(member))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(ECHOED).and_then(|(end, _)| text.get(..end)) {
        Some(begin) => format!("{begin}… ({} characters)", text.chars().count()),
        None => text.to_owned(),
    }
}

/// JSON that means the same and in which everything can be seen: JSON has hidden characters in its strings only, where
/// an escape says the same.
pub(crate) fn escaped(json: &str) -> Cow<'_, str> {
    if is_plain(json) || !json.contains(is_hidden) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// One line of a text, whatever was put in it.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    cut(text, MOST)
}

/// The structured part, written already.
///
/// # Errors
/// What is not JSON.
pub(crate) fn json(written: Vec<u8>) -> serde_json::Result<Vec<u8>> {
    if is_told(&written) {
        return Ok(written);
    }
    let parsed: Value = serde_json::from_slice(&written)?;
    let told = serde_json::to_string(&value(parsed))?;
    Ok(escaped(&told).into_owned().into_bytes())
}

/// Whether there is nothing to cut or escape, as in nearly all answers. Reading an answer again takes as long as making
/// it, and looking at each byte in turn nearly so.
fn is_told(json: &[u8]) -> bool {
    let hides = |byte: u8| byte == b'\\' || byte >= 0x7f;
    // Without a way out of the loop, which would have to be looked for at each byte.
    if json.iter().fold(false, |found, byte| found | hides(*byte)) {
        return is_told_escaped(json);
    }
    // Without escapes, each quote begins or ends a text, and one is looked for only as often as texts may be long.
    let mut rest = json;
    while let Some(first) = rest.get(..ECHOED) {
        let quote = match first.iter().rposition(|byte| *byte == b'"') {
            Some(quote) => quote,
            None => match rest.iter().position(|byte| *byte == b'"') {
                Some(quote) if quote <= MOST && rest.get(quote + 1) != Some(&b':') => quote,
                Some(_) => return false,
                None => return true,
            },
        };
        rest = rest.get(quote + 1..).unwrap_or_default();
    }
    true
}

/// The same where there may be escapes.
fn is_told_escaped(json: &[u8]) -> bool {
    if !json.is_ascii() || json.contains(&0x7f) {
        return false;
    }
    let mut bytes = json.iter();
    // The length of the text that is being read.
    let mut inside = None;
    while let Some(byte) = bytes.next() {
        inside = match (inside, byte) {
            (None, b'"') => Some(0),
            (None, _) => None,
            (Some(length), b'"') => {
                let is_name = bytes.as_slice().first() == Some(&b':');
                if length > if is_name { ECHOED } else { MOST } {
                    return false;
                }
                None
            }
            (Some(length), b'\\') if matches!(bytes.next(), Some(b'"' | b'\\')) => Some(length + 1),
            (Some(_), b'\\') => return false,
            (Some(length), _) => Some(length + 1),
        };
    }
    true
}

/// Cuts what is not at one of the places of `exact`, which are relative to `value`.
fn walk(value: &mut Value, exact: &[&str]) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(short) = cut(text, MOST) {
                *text = short;
            }
        }
        Value::Array(items) => {
            let Some(below) = below(exact, "*") else { return };
            for item in items {
                walk(item, &below);
            }
        }
        Value::Object(members) => {
            if members.keys().any(|name| matches!(cut(name, ECHOED), Cow::Owned(_))) {
                let told =
                    |(name, member): (String, Value)| (cut(&name, ECHOED).into_owned(), member);
                *members = std::mem::take(members).into_iter().map(told).collect();
            }
            for (name, member) in members {
                // A member of that name is no item of a list.
                if name == "*" {
                    walk(member, &[]);
                } else if let Some(below) = below(exact, name) {
                    walk(member, &below);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The places below `step`; none if that is one itself.
fn below<'a>(exact: &[&'a str], step: &str) -> Option<Vec<&'a str>> {
    if exact.contains(&step) {
        return None;
    }
    let rest = |place: &&'a str| place.strip_prefix(step)?.strip_prefix('/');
    Some(exact.iter().filter_map(rest).collect())
}

#[cfg(test)]
mod tests;
