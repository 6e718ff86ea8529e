//! Lines of this server's answers.

use std::fmt::Write as _;

use mcc_generator::Decisions;

use super::answers::{FindingAnswer, QuestionAnswer, ResolvedAnswer};
pub(super) use crate::common::text::Text;
use crate::mcp::told;

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
    if !finding.others.is_empty() {
        let end = if line.ends_with('?') { "" } else { "." };
        let _ = write!(line, "{end} Valid: {}", finding.others.join(", "));
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
    let value = told::shown(&input.value);
    match &input.source {
        Some(source) => format!("{} = {value} ({source})", input.key),
        None => format!("{} = {value}", input.key),
    }
}

/// One line for each decision.
pub(super) fn decisions(decisions: Option<&Decisions>) -> Vec<String> {
    let lines = decisions.map(Decisions::lines).unwrap_or_default();
    lines.into_iter().map(|(name, text)| format!("{name}: {text}")).collect()
}
