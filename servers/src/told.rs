//! What a tool answers, as it goes out: foreign text in it is only of what can be seen. Where a value is repeated
//! that may be long, it is cut there; this is the net under all of them.

use std::borrow::Cow;

use mcc_catalogs::{ECHOED, cut, visible};
use serde_json::Value;

/// Most characters of any text but those of [`WHOLE`].
const MOST: usize = 4000;
/// Members whose texts are files, or parts of them: a caller gets them byte for byte.
const WHOLE: [&str; 3] = ["content", "data", "diff"];

/// The text of an answer. Its lines are those of the server: foreign values have none.
pub(crate) fn text(text: String) -> String {
    match visible(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(visible) => visible,
    }
}

/// The structured part of an answer.
pub(crate) fn value(mut value: Value) -> Value {
    walk(&mut value, MOST);
    value
}

/// A value of an input, repeated: its texts are cut like any that a message repeats.
pub(crate) fn given(mut value: Value) -> Value {
    walk(&mut value, ECHOED);
    value
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
    // Nearly all answers are of ASCII without escapes for controls, and short.
    let plain = written.len() <= MOST && written.is_ascii();
    if plain
        && !written
            .windows(2)
            .any(|pair| matches!(pair, [b'\\', next] if !matches!(next, b'"' | b'\\')))
    {
        return Ok(written);
    }
    let parsed: Value = serde_json::from_slice(&written)?;
    serde_json::to_vec(&value(parsed))
}

fn walk(value: &mut Value, most: usize) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(short) = cut(text, most) {
                *text = short;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, most)),
        Value::Object(members) => {
            if members.keys().any(|name| matches!(cut(name, ECHOED), Cow::Owned(_))) {
                let told =
                    |(name, member): (String, Value)| (cut(&name, ECHOED).into_owned(), member);
                *members = std::mem::take(members).into_iter().map(told).collect();
            }
            for (name, member) in members {
                if !(member.is_string() && WHOLE.contains(&name.as_str())) {
                    walk(member, most);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
