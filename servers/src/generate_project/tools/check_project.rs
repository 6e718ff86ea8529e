//! `check_project`: whether a project that exists is still what it should be.

use std::collections::BTreeMap;

use mcc_catalogs::Ask;
use mcc_generator::{SAVED_INPUTS, Source, Sources};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::common::Detail;
use crate::generate_project::answers::{CheckAnswer, Status};
use crate::generate_project::core::{self, Checked};
use crate::generate_project::text::{self, Text};
use crate::mcp::arguments;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema;
use crate::mcp::server::{Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "check_project",
    title: "Check a project",
    description: "Checks a project that was generated before: applies all rules to the inputs that it keeps in \
                  .mcc/inputs.json, and lists the files that differ from what would be generated today, telling \
                  edits by hand from changes of the generator. Give its directory, or its files where the server \
                  cannot see it. Changes nothing.",
    effect: Effect::Reads,
    file_arguments: &["files"],
    input: schema::input::<Arguments>,
    output: schema::output::<CheckAnswer>,
    asks: Some(asks),
    waits: |_| true,
    weighs: false,
    run: check,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    /// The project's folder, below one of the server's folders; relative to the first of them.
    directory: Option<String>,
    /// Instead of a directory: the text of the project's files by path, with .mcc/inputs.json and .mcc/files.json among them.
    files: Option<BTreeMap<String, String>>,
    /// `full` adds a diff of each file that differs.
    #[serde(default)]
    detail: Detail,
}

/// What a plan of the saved inputs stands on. Where nobody looks things up they are not even read for it.
fn asks(call: &Call) -> Vec<Ask> {
    if call.context.lookup.is_none() {
        return Vec::new();
    }
    let given = |key: &str| call.arguments.get(key);
    let saved = match given("files").and_then(|files| files.get(SAVED_INPUTS)) {
        Some(text) => text.as_str().and_then(|text| mcc_generator::saved_inputs_of(text).ok()),
        None => given("directory").and_then(serde_json::Value::as_str).and_then(|directory| {
            let folder = call.context.roots.folder("directory", directory).ok()?;
            mcc_generator::saved_inputs_in(&folder).ok()
        }),
    };
    let Some(saved) = saved else { return Vec::new() };
    let merged = Sources::new().saved(Source::ConfigFile(SAVED_INPUTS.into()), saved).merge();
    mcc_generator::asks(call.context.catalogs(), &merged)
}

fn check(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments =
        arguments::read_with_files(TOOL.input, TOOL.file_arguments, call.arguments)?;
    let context = &call.context;
    let checked = match (arguments.directory, arguments.files) {
        (Some(directory), None) => {
            let folder = context.roots.folder("directory", &directory)?;
            core::check(context, folder, "directory", &directory)?
        }
        (None, Some(files)) => core::check_files(context, &files)?,
        (None, None) => {
            return Err(one_of("give one of the two"));
        }
        (Some(_), Some(_)) => {
            return Err(one_of("leave one of the two out"));
        }
    };
    let answer = answer(checked, arguments.detail);
    let text = text(&answer);
    Ok(Reply::answer(answer, text))
}

fn one_of(fix: &str) -> ToolError {
    ToolError::of(
        "invalid_arguments",
        Problem::of("directory", "either directory or files says what to check").fix(fix),
    )
}

fn answer(checked: Checked, detail: Detail) -> CheckAnswer {
    let mut drift = checked.drift;
    if detail == Detail::Concise {
        for file in &mut drift {
            file.diff = None;
        }
    }
    let errors = checked.findings.iter().filter(|finding| finding.severity == "error").count();
    let edited = drift.iter().filter(|file| file.edited).count();
    let (status, summary, next) = if errors > 0 {
        (
            Status::Refused,
            format!("{errors} finding(s) of severity error."),
            "follow the fix of each finding: call generate_project with the corrected inputs and onExisting `update`",
        )
    } else if drift.is_empty() {
        (
            Status::Ok,
            "The project is what would be generated from its inputs.".to_owned(),
            "nothing has to be done",
        )
    } else {
        (
            Status::Drifted,
            format!(
                "{} file(s) differ from what would be generated, {edited} of them edited by hand.",
                drift.len()
            ),
            "edits by hand are fine to keep; to take over what the generator would write, call generate_project with the same inputs and onExisting `update`",
        )
    };
    CheckAnswer {
        status,
        summary,
        findings: checked.findings,
        drift,
        next_steps: vec![next.to_owned()],
    }
}

fn text(answer: &CheckAnswer) -> String {
    Text::new(&answer.summary)
        .list("Findings", answer.findings.iter().map(text::finding))
        .blocks(
            "Files that differ",
            answer.drift.iter().map(|file| {
                let by_hand = if file.edited { ", edited by hand" } else { "" };
                let first = format!("{}: would be {}{by_hand}", file.path, file.change);
                let diff = file.diff.iter().flat_map(|diff| diff.lines()).map(str::to_owned);
                [first].into_iter().chain(diff).collect::<Vec<_>>()
            }),
        )
        .list("Next", &answer.next_steps)
        .done()
}
