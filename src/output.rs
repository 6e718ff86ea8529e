//! How the command line writes for people: colours only on terminals, hints after errors.

use std::fmt::Arguments;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use mcc_catalogs::reason::{HEADING, Told};
use mcc_catalogs::{Live, cut, is_hidden, visible};
use mcc_generator::{Decisions, Finding, Plan, Severity, first_of_many};
use serde_json::Value;

/// Most characters of an error.
const MOST: usize = 4000;

/// Whether some of the output could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Whether some of the output could not be written, for another reason than that nobody reads it any more.
pub(crate) fn is_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes what clap has to say, an error with words of the command line in it or the help, and ends.
pub(crate) fn usage(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    // Only errors have foreign text, and with it no colours: they would look like part of it.
    let is_help = !error.use_stderr();
    if is_help || (visible(&text) == text && text.chars().count() <= MOST) {
        error.exit()
    }
    let short: String = text.chars().take(MOST).collect();
    note(format_args!("{}", visible(&short).trim_end()));
    std::process::exit(error.exit_code())
}

/// A reader that went away (`| head`) is no error; a full disk is.
fn written(outcome: std::io::Result<()>) {
    if outcome.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe) {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Writes text to stderr without ending the line: a question.
pub(crate) fn ask(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{}", visible(text)).and_then(|()| stderr.flush());
}

/// Says what is waited for, to somebody who waits at a terminal.
pub(crate) fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        note(format_args!("{}", visible(text)));
    }
}

/// Writes to stderr what went wrong while facts were looked up.
pub(crate) fn live_notes(live: &Live) {
    for text in live.notes() {
        note(format_args!("{}: {}", paint("1;34", "note"), visible(text)));
    }
}

/// Writes the same, and to stdout who was asked.
pub(crate) fn live(live: &Live) {
    live_notes(live);
    if let Some(sources) = live.sources() {
        line(&format!("  {:<11} {sources}", "live"));
    }
}

/// Writes what a language model thinks of what was told before.
pub(crate) fn opinion(opinion: &Told) {
    line("");
    line(HEADING);
    for text in opinion.lines() {
        line(&format!("- {}", cut(&text, MOST)));
    }
}

/// Writes bytes to stdout.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()));
}

/// Writes a line to stdout.
pub(crate) fn line(text: &str) {
    bytes(format!("{}\n", visible(text)).as_bytes());
}

/// Writes a line to stderr; nobody is left to be told that it cannot be written.
fn note(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes a JSON document to stdout.
pub(crate) fn json(value: &Value) {
    let mut text = String::new();
    for c in format!("{value:#}").chars() {
        if is_hidden(c) && c != '\n' {
            // Only texts have such letters, and there this means the same.
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = std::fmt::Write::write_fmt(&mut text, format_args!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    line(&text);
}

fn paint(code: &str, text: &str) -> String {
    let plain = crate::surroundings::variable("NO_COLOR").is_some();
    if std::io::stderr().is_terminal() && !plain {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Writes an error and what to do about it to stderr.
pub(crate) fn failure(message: &str, hint: Option<&str>) {
    note(format_args!("{}: {}", paint("1;31", "error"), cut(message, MOST)));
    if let Some(hint) = hint {
        note(format_args!("{}: {}", paint("1;36", "hint"), visible(hint)));
    }
}

/// Writes findings to stderr, errors first.
pub(crate) fn findings(findings: &[Finding]) {
    for finding in first_of_many(findings.to_vec()) {
        let color = match finding.severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Note => "1;34",
        };
        note(format_args!(
            "{}[{}]: {}",
            paint(color, finding.severity.name()),
            finding.id,
            finding.message
        ));
        if let (Some(value), Some(source)) = (&finding.value, &finding.source) {
            note(format_args!("  given: {value} by {source}"));
        }
        note(format_args!("  {}: {}", paint("1;36", "hint"), finding.in_flags()));
        let choices = finding.other_choices();
        if choices.len() > 1 {
            note(format_args!("  choices: {}", choices.join(", ")));
        }
    }
}

/// Writes what is missing to stderr.
pub(crate) fn questions(plan: &Plan) {
    for question in &plan.questions {
        let flag = mcc_generator::field(&question.key).map_or("", |f| f.flag.as_str());
        note(format_args!(
            "{}: {} is missing: {}",
            paint("1;31", "error"),
            question.key,
            question.question
        ));
        note(format_args!("  {}: give --{flag} ({})", paint("1;36", "hint"), question.expected));
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

/// Writes what was decided, and the inputs that nobody gave with this call.
pub(crate) fn decisions(plan: &Plan, long: bool) {
    for (name, text) in plan.decisions.iter().flat_map(Decisions::lines) {
        line(&format!("  {name:<11} {text}"));
    }
    for note in plan.fit.iter().filter(|_| long) {
        line(&format!("  {:<11} {note}", "estimate"));
    }
    for input in plan.inputs.iter().filter(|input| input.telling && !input.from_call) {
        let value = input.value.as_str().map_or_else(|| input.value.to_string(), str::to_owned);
        line(&format!("  {} = {value} ({})", input.key, input.source));
    }
}

/// Writes what was planned: decisions and next steps.
pub(crate) fn plan(plan: &Plan, dir: &Path, long: bool, looked_up: &Live) {
    decisions(plan, long);
    live(looked_up);
    if plan.next_steps.is_empty() {
        return;
    }
    line("next:");
    // The plan knows the project's name, and this command where the project is.
    line(&format!("  cd {}", quoted(&dir.display().to_string())));
    for step in &plan.first_steps {
        line(&format!("  # first: {step}"));
    }
    for step in plan.next_steps.iter().skip(1) {
        line(&format!("  {step}"));
    }
    line("when you no longer need it, do/clean deletes what was created");
}
