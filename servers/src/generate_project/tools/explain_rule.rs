//! `explain_rule`: why something is refused or warned about.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::generate_project::answers::{ExplainAnswer, RuleAnswer, Status};
use crate::generate_project::core;
use crate::generate_project::text::Text;
use crate::mcp::arguments;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema;
use crate::mcp::server::{self, Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "explain_rule",
    title: "Explain a rule",
    description: "Explains the rule behind a finding: what it checks, why it matters and where that is known from. \
                  Use it when the user asks why; a finding's own message and fix are enough to go on.",
    effect: Effect::Reads,
    file_arguments: &[],
    input: schema::input::<Arguments>,
    output: schema::output::<ExplainAnswer>,
    asks: None,
    waits: server::never,
    weighs: false,
    run: explain,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    /// Id of the rule, from a finding. Left out: all rules.
    rule: Option<String>,
}

fn explain(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(TOOL.input, call.arguments)?;
    let mut rules = core::rules();
    if let Some(wanted) = &arguments.rule {
        let mut ids: Vec<&str> = mcc_generator::rules()
            .map(|rule| rule.id)
            .filter(|id| id.eq_ignore_ascii_case(wanted))
            .collect();
        if ids.is_empty() {
            ids = mcc_generator::rules_about(wanted).iter().map(|rule| rule.id).collect();
        }
        let is_wanted = |rule: &RuleAnswer| ids.contains(&rule.rule.as_str());
        if !rules.iter().any(is_wanted) {
            let choices = arguments::nearest(wanted, rules.iter().map(|rule| rule.rule.as_str()));
            return Err(ToolError::of(
                "unknown_rule",
                Problem::of("rule", "there is no rule with this id, and none about it")
                    .value(&wanted.as_str().into())
                    .fix("use the id of a finding")
                    .choices(choices),
            ));
        }
        rules.retain(is_wanted);
    }
    let answer = ExplainAnswer { status: Status::Ok, rules };
    let text = text(&answer.rules);
    Ok(Reply::answer(answer, text))
}

fn text(rules: &[RuleAnswer]) -> String {
    Text::new("What the rules check, and why.")
        .list(
            "Rules",
            rules.iter().map(|rule| {
                format!(
                    "{} ({}): {}. Why: {} Source: {}",
                    rule.rule, rule.severity, rule.title, rule.why, rule.source
                )
            }),
        )
        .done()
}
