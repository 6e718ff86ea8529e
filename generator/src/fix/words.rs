//! The words of fixes: arguments of a tool, or flags at a terminal.

use serde_json::Value;

use super::{Fix, Fixes, Remedy, parts};
use crate::inputs::{self, Field, Kind};
use mcc_catalogs::echo as shorten;

impl Fixes {
    /// What they say to whoever reads them.
    pub(crate) fn words(&self, face: Face<'_>) -> String {
        let words: Vec<String> = self.0.iter().map(|remedy| remedy.words(face)).collect();
        words.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", or ")
    }
}

/// Who reads a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face<'a> {
    /// Who gives arguments of a tool, or keys of a file.
    Arguments,
    /// Who types flags. The label says where the value of an input came from that the finding is about.
    Flags(Option<(&'a str, &'a str)>),
}

impl Remedy {
    fn words(&self, face: Face<'_>) -> String {
        let mut words: Vec<String> = Vec::new();
        let mut remarks: Vec<String> = Vec::new();
        for fix in &self.0 {
            match fix {
                Fix::Set(key, value) => words.push(format!("give {}", face.given(key, &[value]))),
                Fix::Choose(key, values) if !values.is_empty() => {
                    let values: Vec<&Value> = values.iter().collect();
                    words.push(format!("give {}", face.given(key, &values)));
                }
                Fix::Choose(..) => {}
                Fix::Unset(key) => words.push(face.left_out(key)),
                Fix::Say(text) => remarks.push(face.text(text)),
            }
        }
        match (words.is_empty(), remarks.is_empty()) {
            (true, _) => remarks.join(", and "),
            (false, true) => words.join(" and "),
            (false, false) => format!("{} ({})", words.join(" and "), remarks.join("; ")),
        }
    }
}

impl Face<'_> {
    /// The input `key` with one of `values`.
    fn given(self, key: &str, values: &[&Value]) -> String {
        let (input, name) = parts(key);
        let field = inputs::find(input);
        match (self, field, name) {
            (Self::Flags(_), Some(field), name) => flag(field, name, values),
            (_, _, Some(name)) => {
                format!("{}: {} in {input}", shorten(name), listed(values.iter().map(|v| told(v))))
            }
            _ => format!("{input}: {}", listed(values.iter().map(|v| told(v)))),
        }
    }

    fn left_out(self, key: &str) -> String {
        let (input, name) = parts(key);
        let flag = match (self, inputs::find(input)) {
            (Self::Flags(_), Some(field)) => format!("--{}", field.flag),
            _ => shorten(input),
        };
        match (self, name) {
            (_, Some(name)) => format!("leave {} out of {flag}", shorten(name)),
            (Self::Flags(Some((own, label))), None) if own == input && !label.starts_with("--") => {
                match label.strip_prefix("the environment variable ") {
                    Some(variable) => format!("unset {variable}"),
                    None if label == "the argument" => format!("leave {label} out"),
                    None => format!("leave {input} out of {label}"),
                }
            }
            _ => format!("leave {flag} out"),
        }
    }

    /// Words, in which the inputs that they name are flags where flags are typed.
    fn text(self, text: &str) -> String {
        if self == Self::Arguments {
            return text.to_owned();
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            let (before, from) = rest.split_at(at);
            let end = from.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(from.len());
            let (word, after) = from.split_at(end);
            out.push_str(before);
            // Words of one part, such as region, are words of the language too.
            let named = word.contains(|c: char| c.is_ascii_uppercase()).then(|| inputs::find(word));
            match named.flatten().filter(|_| !before.ends_with(['-', '/', '.', '_', '$'])) {
                Some(field) => out.push_str(&format!("--{}", field.flag)),
                None => out.push_str(word),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// A flag as it is typed, with its values.
fn flag(field: &Field, name: Option<&str>, values: &[&Value]) -> String {
    let flag = format!("--{}", field.flag);
    if let Some(name) = name {
        let one = |value: &&Value| match value {
            Value::Bool(true) => typed(name),
            value => typed(&format!("{name}={}", plain(value))),
        };
        return format!("{flag} {}", listed(values.iter().map(one)));
    }
    match (field.kind, values) {
        (Kind::Boolean, [Value::Bool(true)]) => flag,
        (Kind::Boolean, values) => {
            listed(values.iter().map(|value| format!("{flag}={}", plain(value))))
        }
        (_, [Value::Array(items)]) => {
            let one = |item: &Value| format!("{flag} {}", typed(&plain(item)));
            items.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        (_, [Value::Object(entries)]) => {
            let one = |(name, value): (&String, &Value)| {
                format!("{flag} {}", typed(&format!("{name}={}", plain(value))))
            };
            entries.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        (_, values) => {
            format!("{flag} {}", listed(values.iter().map(|value| typed(&plain(value)))))
        }
    }
}

/// A word as a shell takes it.
fn typed(word: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "/._-:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(bare) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn plain(value: &Value) -> String {
    crate::render::plain(value)
}

/// A value in a sentence about arguments.
fn told(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `a, b or c`.
fn listed(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}
