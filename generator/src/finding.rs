//! What the generator says about inputs: one shape for refusals, warnings and notes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Severity {
    Note,
    Warning,
    Error,
}

impl Severity {
    /// The lower-case name, as printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong, risky or worth knowing about the inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable id of the rule, for `mcc explain`.
    pub id: String,
    /// Errors stop generation; warnings and notes travel with the result.
    pub severity: Severity,
    /// The input concerned, by its configuration key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The value concerned, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where the value came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub fix: String,
    /// Values that would be right, nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub choices: Vec<String>,
}

/// Longest value quoted in a finding, in characters: answers stay short and a hostile value stays out of them.
const MAX_QUOTED: usize = 80;

impl Finding {
    /// A finding of the rule `id` with nothing but its texts.
    pub fn new(
        id: &str,
        severity: Severity,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            severity,
            field: None,
            value: None,
            source: None,
            message: message.into(),
            fix: fix.into(),
            choices: Vec::new(),
        }
    }

    /// An error of the rule `id`.
    pub fn error(id: &str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(id, Severity::Error, message, fix)
    }

    /// A warning of the rule `id`.
    pub fn warning(id: &str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, message, fix)
    }

    /// Names the input that the finding is about.
    #[must_use]
    pub fn on(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// Quotes the value and says where it came from.
    #[must_use]
    pub fn given(mut self, value: &str, source: &str) -> Self {
        self.value = Some(shorten(value));
        self.source = Some(source.to_owned());
        self
    }

    /// Offers right values.
    #[must_use]
    pub fn choices<S: Into<String>>(mut self, choices: impl IntoIterator<Item = S>) -> Self {
        self.choices = choices.into_iter().map(Into::into).collect();
        self
    }

    /// Whether generation must stop.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `value` as a message may quote it: at most [`MAX_QUOTED`] characters, control characters escaped.
pub(crate) fn shorten(value: &str) -> String {
    let mut out: String = value.chars().take(MAX_QUOTED).flat_map(printable).collect();
    if value.chars().nth(MAX_QUOTED).is_some() {
        out.push('…');
    }
    out
}

fn printable(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_are_short_and_printable() {
        assert_eq!(shorten("a\nb\0"), "a\\nb\\u{0}");
        let long = shorten(&"x".repeat(1_000_000));
        assert_eq!(long.chars().count(), MAX_QUOTED + 1);
    }
}
