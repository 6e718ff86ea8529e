//! `plan_project`: everything about a project except the project.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::common::Detail;
use crate::generate_project::answers::{PlanAnswer, Status};
use crate::generate_project::core::{self, Planned};
use crate::generate_project::given;
use crate::generate_project::text::{self, Text};
use crate::mcp::error::ToolError;
use crate::mcp::schema;
use crate::mcp::server::{Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "plan_project",
    title: "Plan a project",
    description: "Works out a project without writing anything: what is decided (base image and engine release, host \
                  image, versions and where they are from, memory, limits, request, cost), what is wrong or risky and \
                  how to fix it, what has to be asked of the user, and the next steps. Give what the user has said and \
                  leave the rest out: the model alone decides deploymentConfig, projectName and an instance type that \
                  fits, and what cannot be derived comes back as questions.",
    effect: Effect::Reads,
    file_arguments: &[],
    input: || core::with_inputs(schema::input::<Own>()),
    output: schema::output::<PlanAnswer>,
    asks: Some(core::asks),
    waits: |call| !call.context.roots.is_empty() && core::names_files(call),
    weighs: true,
    run: plan,
};

/// The arguments besides the generator's inputs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Own {
    /// `full` adds the inputs that have their defaults, how memory was estimated, and each file with its size and origin.
    #[serde(default)]
    detail: Detail,
}

fn plan(call: Call) -> Result<Reply, ToolError> {
    let (own, inputs) = given::read::<Own>(schema::input::<Own>, call.arguments)?;
    let (planned, choices) = core::plan(&call.context, inputs);
    let answer = answer(planned, own.detail);
    let text = text(&answer);
    Ok(Reply::answer(answer, text).among(choices))
}

fn answer(planned: Planned, detail: Detail) -> PlanAnswer {
    let mut next_steps = planned.next_steps;
    match planned.status {
        Status::NeedsInput => {
            next_steps = vec![
                "put the questions to the user, then call plan_project again with the answers added"
                    .to_owned(),
            ];
        }
        Status::Refused => {
            next_steps = vec![
                "follow the fix of each finding of severity error, then call plan_project again"
                    .to_owned(),
            ];
        }
        _ => next_steps.insert(
            0,
            "if the user agrees, call generate_project with the same arguments".to_owned(),
        ),
    }
    PlanAnswer {
        status: planned.status,
        summary: planned.summary,
        questions: planned.questions,
        findings: planned.findings,
        inputs: match detail {
            Detail::Full => planned.inputs,
            Detail::Concise => {
                planned.inputs.into_iter().filter(|input| input.telling).collect::<Vec<_>>()
            }
        }
        .into_iter()
        .map(|input| input.answer)
        .collect(),
        decisions: planned.decisions,
        file_count: planned.files.len(),
        file_details: full(planned.files, detail),
        estimate: full(planned.estimate, detail),
        cost: planned.cost,
        next_steps,
    }
}

/// What only a full answer has.
fn full<T>(all: Vec<T>, detail: Detail) -> Vec<T> {
    if detail == Detail::Full { all } else { Vec::new() }
}

fn text(answer: &PlanAnswer) -> String {
    let files: Vec<&str> = answer.file_details.iter().map(|file| file.path.as_str()).collect();
    let files = (!files.is_empty()).then(|| format!("Files: {}", files.join(", ")));
    let sourced = answer.inputs.iter().filter(|input| input.source.is_some());
    let given: Vec<&str> = answer
        .inputs
        .iter()
        .filter(|input| input.source.is_none())
        .map(|input| input.key.as_str())
        .collect();
    let given = (!given.is_empty()).then(|| format!("As given: {}.", given.join(", ")));
    Text::new(&answer.summary)
        .list("Questions", answer.questions.iter().map(text::question))
        .list("Findings", answer.findings.iter().map(text::finding))
        .list("Decided", text::decisions(answer.decisions.as_ref()))
        .list("Estimate", &answer.estimate)
        .list("Inputs that this call did not give", sourced.map(text::resolved))
        .line(given)
        .line(files)
        .list("Next", &answer.next_steps)
        .done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::schema::JsonObject;

    #[test]
    fn no_own_argument_hides_an_input() {
        let inputs = core::with_inputs(JsonObject::new());
        let own = schema::input::<Own>();
        let inputs = inputs["properties"].as_object().unwrap();
        for name in own["properties"].as_object().unwrap().keys() {
            assert!(!inputs.contains_key(name), "{name}");
        }
    }
}
