//! `list_deployments`: what there is to choose from.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::common::Detail;
use crate::generate_project::answers::{ConfigAnswer, ListAnswer, Status, TargetAnswer};
use crate::generate_project::core;
use crate::generate_project::text::Text;
use crate::mcp::arguments;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{self, Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "list_deployments",
    title: "List deployment configs and targets",
    description: "Lists what can serve a model (deployment configs) and where it can run (deployment targets), with \
                  what each needs: required inputs, frameworks and model formats, accelerators, defaults. Use it to \
                  choose, or with detail `full` and one config and target to see every input that they take.",
    effect: Effect::Reads,
    file_arguments: &[],
    input: schema::input::<Arguments>,
    output: schema::output::<ListAnswer>,
    asks: None,
    waits: server::never,
    weighs: false,
    run: list,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    /// Only this config.
    deployment_config: Option<String>,
    /// Only this target.
    deployment_target: Option<String>,
    /// `full` adds every input with its type and choices.
    #[serde(default)]
    detail: Detail,
}

/// The lines of what never changes are made once.
static CONFIG_LINES: LazyLock<Vec<String>> =
    LazyLock::new(|| core::configs().iter().map(config).collect());
static TARGET_LINES: LazyLock<Vec<String>> =
    LazyLock::new(|| core::targets().iter().map(target).collect());

fn list(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(TOOL.input, call.arguments)?;
    let (configs, config_lines) = chosen(
        "deploymentConfig",
        arguments.deployment_config.as_deref(),
        (core::configs(), &CONFIG_LINES),
        |config| &config.name,
    )?;
    let (targets, target_lines) = chosen(
        "deploymentTarget",
        arguments.deployment_target.as_deref(),
        (core::targets(), &TARGET_LINES),
        |target| &target.name,
    )?;
    let inputs = match arguments.detail {
        Detail::Concise => Vec::new(),
        Detail::Full => {
            let configs: Vec<&str> = configs.iter().map(|config| config.name.as_str()).collect();
            let targets: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            core::inputs(&configs, &targets)
        }
    };
    let answer = ListAnswer {
        status: Status::Ok,
        deployment_configs: configs,
        deployment_targets: targets,
        inputs,
        next_steps: vec![
            "call plan_project with deploymentConfig, deploymentTarget and what the user has said"
                .to_owned(),
        ],
    };
    let text = text(&answer, &config_lines, &target_lines);
    Ok(Reply::answer(answer, text))
}

/// Rows with their lines.
type Chosen<T> = (Vec<&'static T>, Vec<&'static str>);

/// All of them with their lines, or the one that is asked for.
fn chosen<T>(
    field: &str,
    wanted: Option<&str>,
    (all, lines): (&'static [T], &'static [String]),
    name: impl Fn(&'static T) -> &'static String,
) -> Result<Chosen<T>, ToolError> {
    let wanted = wanted.map(|wanted| {
        let names = all.iter().map(|one| name(one).as_str());
        mcc_generator::lenient::word(field, wanted, names).unwrap_or(wanted)
    });
    let found: Chosen<T> = all
        .iter()
        .zip(lines.iter().map(String::as_str))
        .filter(|(one, _)| wanted.is_none_or(|wanted| name(one) == wanted))
        .unzip();
    match wanted {
        Some(wanted) if found.0.is_empty() => {
            let choices = arguments::nearest(wanted, all.iter().map(|one| name(one).as_str()));
            Err(ToolError::of(
                "invalid_arguments",
                Problem::of(field, "there is none of that name")
                    .value(&wanted.into())
                    .fix("use one of the choices, or leave it out to see all")
                    .choices(choices),
            ))
        }
        _ => Ok(found),
    }
}

fn text(answer: &ListAnswer, configs: &[&str], targets: &[&str]) -> String {
    Text::new("What serves the model (deploymentConfig) and where it runs (deploymentTarget).")
        .list("Configs", configs)
        .list("Targets", targets)
        .list(
            "Inputs",
            answer.inputs.iter().map(|input| {
                let choices = if input.choices.is_empty() {
                    String::new()
                } else {
                    format!(" One of: {}.", input.choices.join(", "))
                };
                format!("{} ({}): {}{choices}", input.key, input.r#type, input.help)
            }),
        )
        .list("Next", &answer.next_steps)
        .done()
}

fn config(config: &ConfigAnswer) -> String {
    let frameworks: Vec<String> = config
        .frameworks
        .iter()
        .map(|framework| format!("{} ({})", framework.name, framework.model_formats.join(", ")))
        .collect();
    let mut line = format!("{}: {}. {}", config.name, config.title, config.description);
    add(&mut line, "Needs", &config.needs);
    add(&mut line, "Frameworks", &frameworks);
    add(&mut line, "Runs on", &config.accelerators);
    add(&mut line, "Defaults", &pairs(&config.defaults));
    line
}

fn target(target: &TargetAnswer) -> String {
    let mut line = format!("{}: {}. {}", target.name, target.title, target.description);
    add(&mut line, "Needs", &target.needs);
    add(&mut line, "Defaults", &pairs(&target.defaults));
    line
}

fn add(line: &mut String, what: &str, items: &[String]) {
    if !items.is_empty() {
        line.push_str(&format!(" {what}: {}.", items.join(", ")));
    }
}

fn pairs(values: &JsonObject) -> Vec<String> {
    values.iter().map(|(key, value)| format!("{key}={value}")).collect()
}
