//! What the generator says about inputs: one shape for refusals, warnings and notes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mcc_catalogs::{cut, echo};
use schemars::JsonSchema;
use serde::Serialize;

use crate::fix::{Face, Fix, Fixes};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
    /// What to do about it, in words that name inputs by their keys.
    pub fix: String,
    /// The same as data, for what can be done by giving inputs and leaving them out: each is a way of its own.
    #[serde(skip_serializing_if = "has_no_data")]
    #[schemars(with = "Vec<crate::fix::Written>")]
    pub fixes: Fixes,
    /// Values that the input takes, nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// A foreign value as a message may quote it.
pub(crate) use mcc_catalogs::echo as shorten;

/// Most characters of a message: long enough for the longest list of choices, and an end to what is foreign in it.
const MAX_MESSAGE: usize = 4000;

impl Finding {
    /// A finding of the rule `id` with nothing but its texts.
    pub fn new(
        id: &str,
        severity: Severity,
        message: impl Into<String>,
        fix: impl Into<Fixes>,
    ) -> Self {
        let this = Self {
            id: id.to_owned(),
            severity,
            field: None,
            value: None,
            source: None,
            message: line(message.into()),
            fix: String::new(),
            fixes: Fixes::default(),
            choices: Vec::new(),
        };
        this.fixed_by(fix)
    }

    /// An error of the rule `id`.
    pub fn error(id: &str, message: impl Into<String>, fix: impl Into<Fixes>) -> Self {
        Self::new(id, Severity::Error, message, fix)
    }

    /// A warning of the rule `id`.
    pub fn warning(id: &str, message: impl Into<String>, fix: impl Into<Fixes>) -> Self {
        Self::new(id, Severity::Warning, message, fix)
    }

    /// Names the input that the finding is about.
    #[must_use]
    pub fn on(mut self, field: &str) -> Self {
        self.field = Some(echo(field));
        self
    }

    /// Quotes the value and says where it came from.
    #[must_use]
    pub fn given(mut self, value: &str, source: &str) -> Self {
        self.value = Some(echo(value));
        self.source = Some(echo(source));
        self
    }

    /// Says what to do about it, in place of what was said.
    #[must_use]
    pub fn fixed_by(mut self, fixes: impl Into<Fixes>) -> Self {
        self.fixes = fixes.into();
        for fix in self.fixes.0.iter_mut().flat_map(|remedy| &mut remedy.0) {
            if let Fix::Say(text) = fix {
                *text = line(std::mem::take(text));
            }
        }
        self.fix = line(self.fixes.words(Face::Arguments));
        self
    }

    /// Adds another way to put it right.
    #[must_use]
    pub fn or(self, fixes: impl Into<Fixes>) -> Self {
        let all = self.fixes.clone().or(fixes);
        self.fixed_by(all)
    }

    /// What to do about it, in the words of whoever types flags.
    pub fn in_flags(&self) -> String {
        let given = self.field.as_deref().zip(self.source.as_deref());
        line(self.fixes.words(Face::Flags(given)))
    }

    /// The choices, if what to do does not name them already.
    pub fn other_choices(&self) -> &[String] {
        let named = |choice: &String| {
            self.field.as_ref().is_some_and(|field| self.fixes.names(field, choice))
        };
        if self.choices.iter().all(named) { &[] } else { &self.choices }
    }

    /// Offers right values.
    #[must_use]
    pub fn choices<S: Into<String>>(mut self, choices: impl IntoIterator<Item = S>) -> Self {
        self.choices = choices.into_iter().map(|choice| line(choice.into())).collect();
        self
    }

    /// Whether generation must stop.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// For serde.
fn has_no_data(fixes: &Fixes) -> bool {
    fixes.data().next().is_none()
}

/// Most findings of one rule and severity that are told one by one.
const ALIKE: usize = 20;

/// The findings to tell. Of many alike the first say enough, and the last of those says how many more there are:
/// whatever a call or a project is full of is not repeated in full.
pub fn first_of_many(mut all: Vec<Finding>) -> Vec<Finding> {
    let mut counts: BTreeMap<(String, Severity), usize> = BTreeMap::new();
    for finding in &all {
        *counts.entry((finding.id.clone(), finding.severity)).or_default() += 1;
    }
    let mut told: BTreeMap<(String, Severity), usize> = BTreeMap::new();
    all.retain_mut(|finding| {
        let kind = (finding.id.clone(), finding.severity);
        let more = counts.get(&kind).map_or(0, |count| count.saturating_sub(ALIKE));
        let so_far = told.entry(kind).or_default();
        *so_far += 1;
        if *so_far == ALIKE && more > 0 {
            let message = finding.message.trim_end_matches('.');
            finding.message = format!("{message}; and {more} more of this rule");
        }
        *so_far <= ALIKE
    });
    all
}

/// A message has one line, whatever was put in it.
fn line(text: String) -> String {
    match cut(&text, MAX_MESSAGE) {
        Cow::Borrowed(_) => text,
        Cow::Owned(cut) => cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_alike_the_first_are_told_and_the_rest_is_counted() {
        let many = |count| (0..count).map(|at| Finding::error("MCC-A", at.to_string(), "fix"));
        let other = Finding::warning("MCC-A", "another severity", "fix");
        let told = first_of_many(many(25).chain([other.clone()]).collect());
        assert_eq!(told.len(), 21);
        assert_eq!(told[18].message, "18");
        assert_eq!(told[19].message, "19; and 5 more of this rule");
        assert_eq!(told[20], other);
        let few: Vec<Finding> = many(20).collect();
        assert_eq!(first_of_many(few.clone()), few);
    }

    #[test]
    fn a_finding_has_lines_that_can_be_seen_and_end() {
        let foreign = "a\n\u{1b}[2J\u{202e}".repeat(100_000);
        let finding = Finding::error("MCC-X", foreign.clone(), foreign.clone())
            .on(&foreign)
            .given(&foreign, &foreign)
            .choices([foreign]);
        let said = serde_json::to_string(&finding).unwrap();
        for text in [&finding.message, &finding.fix, &finding.choices[0]] {
            assert!(!text.contains(mcc_catalogs::is_hidden), "{text}");
        }
        assert!(said.len() < 20_000, "{}", said.len());
    }
}
