//! How the command line writes for people: colours only on terminals, hints after errors.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the one place that prints")]

use std::io::{IsTerminal, Write};
use std::path::Path;

use mcc_generator::{Finding, Plan, Severity};
use serde_json::Value;

/// Writes text to stderr without ending the line: a question.
pub(crate) fn ask(text: &str) {
    eprint!("{text}");
    let _ = std::io::stderr().flush();
}

/// Writes a line to stdout. A reader that went away (`| head`) is no error.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes a JSON document to stdout.
pub(crate) fn json(value: &Value) {
    line(&format!("{value:#}"));
}

fn paint(code: &str, text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    if std::io::stderr().is_terminal() && !plain {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Writes an error and what to do about it to stderr.
pub(crate) fn failure(message: &str, hint: Option<&str>) {
    eprintln!("{}: {message}", paint("1;31", "error"));
    if let Some(hint) = hint {
        eprintln!("{}: {hint}", paint("1;36", "hint"));
    }
}

/// Writes findings to stderr, errors first.
pub(crate) fn findings(findings: &[Finding]) {
    for finding in findings {
        let color = match finding.severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Note => "1;34",
        };
        eprintln!("{}[{}]: {}", paint(color, finding.severity.name()), finding.id, finding.message);
        if let (Some(value), Some(source)) = (&finding.value, &finding.source) {
            eprintln!("  given: {value} by {source}");
        }
        eprintln!("  {}: {}", paint("1;36", "hint"), finding.fix);
        if finding.choices.len() > 1 {
            eprintln!("  choices: {}", finding.choices.join(", "));
        }
    }
}

/// Writes what is missing to stderr.
pub(crate) fn questions(plan: &Plan) {
    for question in &plan.questions {
        let flag = mcc_generator::field(&question.key).map_or("", |f| f.flag.as_str());
        eprintln!("{}: {} is missing: {}", paint("1;31", "error"), question.key, question.question);
        eprintln!("  {}: give --{flag} ({})", paint("1;36", "hint"), question.expected);
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        return word.to_owned();
    }
    let path = if word.starts_with('-') { format!("./{word}") } else { word.to_owned() };
    format!("'{}'", path.replace('\'', "'\\''"))
}

/// Writes what was planned: cost, fit, next steps.
pub(crate) fn plan(plan: &Plan, dir: &Path) {
    for note in &plan.fit {
        line(&format!("  {note}"));
    }
    if let Some(cost) = &plan.cost {
        line(&format!(
            "  costs about {} USD per hour for {} instance(s) in {} ({}, {})",
            cost.usd_per_hour, cost.instances, cost.region, cost.basis, cost.as_of
        ));
    }
    if !plan.next_steps.is_empty() {
        line("next:");
        line(&format!("  cd {}", quoted(&dir.display().to_string())));
        for step in &plan.next_steps {
            line(&format!("  {step}"));
        }
        line("when you no longer need it, do/clean deletes what was created");
    }
}
