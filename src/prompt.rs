//! Questions at a terminal, for inputs that no other source gave.

use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;

use anyhow::{Result, bail};
use mcc_generator::{Plan, Question, accepts};
use serde_json::{Map, Value};

use crate::output;

/// Longest answer that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Whether there is somebody to ask.
pub(crate) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks the questions of a plan, each until its answer is of the right form.
///
/// # Errors
/// When the input ends before the last answer.
pub(crate) fn ask(plan: &Plan) -> Result<Map<String, Value>> {
    let mut input = std::io::stdin().lock();
    plan.questions.iter().map(|question| answer(question, &mut input)).collect()
}

/// The input that an answer is for: a file that is there is a model's path and not its name.
fn key_of(question: &Question, text: &str) -> String {
    let is_file = question.key == "modelName"
        && (mcc_files::open(Path::new(text)).is_ok() || mcc_files::is_folder(Path::new(text)));
    if is_file { "modelPath" } else { &question.key }.to_owned()
}

fn answer(question: &Question, input: &mut impl BufRead) -> Result<(String, Value)> {
    output::ask(&format!("{}\n", question.question));
    for (number, choice) in question.choices.iter().enumerate() {
        output::ask(&format!("  {:>2}  {choice}\n", number + 1));
    }
    let form =
        if question.choices.is_empty() { question.expected.as_str() } else { "number or name" };
    loop {
        output::ask(&format!("{} ({form}): ", question.key));
        let mut line = String::new();
        if input.by_ref().take(LONGEST).read_line(&mut line)? == 0 {
            output::ask("\n");
            bail!("the input ended before {} was answered", question.key);
        }
        let text = line.trim();
        let chosen =
            text.parse::<usize>().ok().and_then(|n| question.choices.get(n.checked_sub(1)?));
        let value = Value::from(chosen.map_or(text, String::as_str));
        let key = key_of(question, text);
        match accepts(&key, &value) {
            Ok(()) => return Ok((key, value)),
            Err(reason) => output::ask(&format!("{} {reason}\n", question.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            key: "deploymentTarget".to_owned(),
            question: "Where?".to_owned(),
            choices: vec!["batch-transform".to_owned(), "hyperpod-eks".to_owned()],
            expected: String::new(),
        }
    }

    #[test]
    fn a_number_a_name_and_a_second_try_are_taken() {
        for typed in ["2\n", " hyperpod-eks \n", "nowhere\n0\n99\n2\n"] {
            let (key, value) = answer(&question(), &mut typed.as_bytes()).expect("answer");
            assert_eq!((key.as_str(), value), ("deploymentTarget", "hyperpod-eks".into()));
        }
    }

    #[test]
    fn the_end_of_input_is_an_error() {
        assert!(answer(&question(), &mut "nowhere\n".as_bytes()).is_err());
    }
}
