//! What the hub says in JSON, of which nothing is taken for granted.

use std::borrow::Cow;

use mcc_catalogs::cut;
use serde_json::{Map, Value};

/// The object that `text` is. None for what is none, or is nested too deeply.
pub(super) fn object(text: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&finite(text)).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// A short text under `key`.
pub(super) fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    short(object.get(key)?.as_str()?)
}

/// `text` if it says something, cut to what a name or a word may have.
pub(super) fn short(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| cut(text, 100).into_owned())
}

/// `text` with numbers that JSON lacks as `null`. Python writes and reads them, and configurations have them.
fn finite(text: &[u8]) -> Cow<'_, [u8]> {
    const NONE: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut out: Vec<u8> = Vec::new();
    let (mut kept, mut at, mut quoted) = (0, 0, false);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let number = NONE.iter().find(|number| !quoted && rest.starts_with(number));
        if let Some(number) = number {
            out.extend_from_slice(text.get(kept..at).unwrap_or_default());
            out.extend_from_slice(b"null");
            at += number.len();
            kept = at;
            continue;
        }
        match rest.first() {
            Some(b'"') => quoted = !quoted,
            // What is escaped ends no string.
            Some(b'\\') if quoted => at += 1,
            _ => {}
        }
        at += 1;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(text.get(kept..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_lacks_are_null() {
        let read = |text: &str| object(text.as_bytes()).map(|map| Value::Object(map).to_string());
        assert_eq!(
            read(
                r#"{"a": [0.0, Infinity], "b": -Infinity, "c": NaN, "d": "NaN \" NaN", "e": "\\"}"#
            )
            .as_deref(),
            Some(r#"{"a":[0.0,null],"b":null,"c":null,"d":"NaN \" NaN","e":"\\"}"#)
        );
        for none in ["", "[]", "<!doctype html>", "{\"a\": NaNa}", "{\"a\": \"", "{\"\\"] {
            assert_eq!(read(none), None, "{none}");
        }
        assert_eq!(read(&("{\"a\":".repeat(200) + &"}".repeat(200))), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = object(&bytes);
        }

        #[test]
        fn what_is_json_is_left_alone(text: String) {
            let json = Value::String(text).to_string();
            proptest::prop_assert_eq!(&*finite(json.as_bytes()), json.as_bytes());
        }
    }
}
