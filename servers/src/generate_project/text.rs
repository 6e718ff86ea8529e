//! Answers as text. Some clients give a model nothing else, so it says everything that matters.

use std::fmt::Write as _;

use super::answers::{CostAnswer, FindingAnswer, QuestionAnswer, ResolvedAnswer};

/// A text that is written in paragraphs.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins with one sentence.
    pub(super) fn new(first: &str) -> Self {
        Self(first.to_owned())
    }

    /// Adds a heading with one line per item, unless there are none.
    pub(super) fn list(mut self, heading: &str, items: impl IntoIterator<Item = String>) -> Self {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            // Writing to a string cannot fail.
            let _ = write!(self.0, "\n\n{heading}:");
            for item in items {
                let _ = write!(self.0, "\n- {item}");
            }
        }
        self
    }

    /// Adds a line.
    pub(super) fn line(mut self, line: Option<String>) -> Self {
        if let Some(line) = line {
            let _ = write!(self.0, "\n\n{line}");
        }
        self
    }

    /// The text.
    pub(super) fn done(self) -> String {
        self.0
    }
}

/// One line for a finding.
pub(super) fn finding(finding: &FindingAnswer) -> String {
    let mut line = format!("{} {}", finding.severity, finding.rule);
    if let Some(field) = &finding.field {
        let _ = write!(line, " {field}");
    }
    if let Some(value) = &finding.value {
        let _ = write!(line, " = {value}");
    }
    if let Some(source) = &finding.source {
        let _ = write!(line, " (from {source})");
    }
    let _ = write!(line, ": {}. Fix: {}", finding.message.trim_end_matches('.'), finding.fix);
    if !finding.choices.is_empty() {
        let _ = write!(line, ". Valid: {}", finding.choices.join(", "));
    }
    line
}

/// One line for a question.
pub(super) fn question(question: &QuestionAnswer) -> String {
    let mut line = format!("{}: {}", question.key, question.question);
    if question.choices.is_empty() {
        let _ = write!(line, " Expected: {}.", question.expected.trim_end_matches('.'));
    } else {
        let _ = write!(line, " Choices: {}.", question.choices.join(", "));
    }
    line
}

/// One line for a value.
pub(super) fn resolved(input: &ResolvedAnswer) -> String {
    format!("{} = {} (from {})", input.key, input.value, input.source)
}

/// One line for a cost.
pub(super) fn cost(cost: &CostAnswer) -> String {
    format!(
        "Cost: {} USD per hour for {} instance(s); {}",
        cost.usd_per_hour, cost.instances, cost.basis
    )
}
