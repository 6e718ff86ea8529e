//! The one place that speaks to the generator: from arguments to its inputs, and from its types to
//! the answers of this server.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mcc_catalogs::Ask;
use mcc_catalogs::reason::Choice;
use mcc_files::Folder;
use mcc_generator::{
    Change, Decisions, Field, FileAccess, Finding, Kind, Merged, Plan, Project, Registered, Source,
    Sources, registry,
};
use serde_json::{Value, json};

use super::answers::{
    ConfigAnswer, CostAnswer, DriftAnswer, FileAnswer, FindingAnswer, FrameworkAnswer, InputAnswer,
    QuestionAnswer, ResolvedAnswer, RuleAnswer, Status, TargetAnswer,
};
use super::given;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{Call, Context};

/// The tool's own arguments together with the generator's inputs, as one closed schema.
pub(super) fn with_inputs(own: JsonObject) -> JsonObject {
    let mut all = schema::normalised(mcc_generator::inputs_schema());
    if let (Some(Value::Object(inputs)), Some(Value::Object(own))) =
        (all.get_mut("properties"), own.get("properties"))
    {
        inputs.extend(own.clone());
    }
    all
}

/// The JSON type of the values of an input.
pub(super) fn json_type(key: &str) -> &'static str {
    mcc_generator::field(key).map_or("string", |field| type_of(field.kind))
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text(_) | Kind::Choice(_) | Kind::Named(_) => "string",
        Kind::Integer(..) => "integer",
        Kind::Number(..) => "number",
        Kind::Boolean => "boolean",
        Kind::List(_) => "array",
        Kind::Map(..) => "object",
    }
}

/// What is known about a project before it is written.
pub(super) struct Planned {
    /// `Ready`, `NeedsInput` or `Refused`.
    pub(super) status: Status,
    pub(super) summary: String,
    pub(super) name: String,
    pub(super) questions: Vec<QuestionAnswer>,
    pub(super) findings: Vec<FindingAnswer>,
    pub(super) inputs: Vec<PlannedInput>,
    pub(super) decisions: Option<Decisions>,
    pub(super) estimate: Vec<String>,
    pub(super) files: Vec<FileAnswer>,
    pub(super) cost: Option<CostAnswer>,
    pub(super) next_steps: Vec<String>,
}

/// A value, and whether a short answer shows it.
pub(super) struct PlannedInput {
    pub(super) answer: ResolvedAnswer,
    pub(super) telling: bool,
}

/// What a plan stands on.
pub(super) fn asks(call: &Call) -> Vec<Ask> {
    // What is wrong with the arguments is told by the tool itself.
    let Ok(mut inputs) = given::settled(call.arguments.clone()) else {
        return Vec::new();
    };
    for (key, value) in &call.answered.values {
        inputs.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let merged = Sources::new().files(FileAccess::Nothing).with(Source::Flag, inputs).merge();
    mcc_generator::asks(call.context.catalogs(), &merged)
}

/// Whether files may be read to plan a project. Without any it takes less than a thread costs.
pub(super) fn names_files(call: &Call) -> bool {
    let keys = call.arguments.keys().chain(call.answered.values.keys());
    keys.filter_map(|key| mcc_generator::field(key)).any(Field::names_file)
}

/// Plans a project. With what it could run on, for somebody who has an opinion on that.
pub(super) fn plan(context: &Context, inputs: JsonObject) -> (Planned, Vec<Choice>) {
    let (catalogs, merged) = (context.catalogs(), merged(context, inputs));
    let plan = mcc_generator::plan(catalogs, &merged);
    let choices = context.choices(|| mcc_generator::choices(catalogs, &merged, &plan));
    (planned(plan), choices)
}

/// Makes a project in memory. Without one, the plan says why.
pub(super) fn generate(context: &Context, inputs: JsonObject) -> (Planned, Option<Project>) {
    match mcc_generator::generate(context.catalogs(), &merged(context, inputs)) {
        Ok((plan, project)) => (planned(plan), Some(project)),
        Err(plan) => (planned(*plan), None),
    }
}

/// Inputs may name files (a model, its config.json), and only below the roots.
fn merged(context: &Context, inputs: JsonObject) -> Merged {
    // No Region from the environment: that of a server is its own, and not that of whoever calls it.
    Sources::new().files(context.files()).with(Source::Flag, inputs).merge()
}

fn planned(plan: Plan) -> Planned {
    let refused = plan.findings.iter().any(Finding::is_error);
    let what = format!(
        "{} as {} on {}",
        or(&plan.project_name, "a project without a name yet"),
        or(&plan.deployment_config, "a config still to be chosen"),
        or(&plan.deployment_target, "a target still to be chosen"),
    );
    let (status, how) = if refused {
        (Status::Refused, "cannot be generated: see the findings of severity error".to_owned())
    } else if plan.questions.is_empty() {
        let files = plan.files.len();
        (Status::Ready, format!("is ready to be generated: {files} files"))
    } else {
        let count = plan.questions.len();
        (Status::NeedsInput, format!("needs {count} more input(s) from the user"))
    };
    let mut next_steps = plan.next_steps;
    let place = next_steps.len().min(1);
    next_steps.splice(place..place, plan.first_steps);
    Planned {
        status,
        summary: format!("{what} {how}."),
        name: plan.project_name,
        questions: plan.questions.into_iter().map(question).collect(),
        findings: told(plan.findings),
        inputs: plan.inputs.into_iter().map(input).collect(),
        decisions: plan.decisions,
        estimate: plan.fit,
        files: plan
            .files
            .into_iter()
            .map(|file| FileAnswer {
                path: file.path,
                bytes: file.bytes,
                executable: file.executable,
                layer: file.layer,
            })
            .collect(),
        cost: plan.cost.map(|cost| CostAnswer {
            basis: format!(
                "{} price for {} as of {}{}",
                cost.basis,
                cost.region,
                cost.as_of,
                cost.live.map(|told| format!(", {told}")).unwrap_or_default()
            ),
            usd_per_hour: cost.usd_per_hour,
            instances: cost.instances,
        }),
        next_steps,
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn input(input: mcc_generator::ResolvedInput) -> PlannedInput {
    PlannedInput {
        telling: input.telling,
        answer: ResolvedAnswer {
            source: (!input.from_call).then_some(input.source),
            key: input.key,
            value: input.value,
        },
    }
}

/// The generator names a flag where a value came in with the call.
pub(super) fn source(label: String) -> String {
    if label.starts_with("--") { "this call".to_owned() } else { label }
}

fn question(question: mcc_generator::Question) -> QuestionAnswer {
    QuestionAnswer {
        key: question.key,
        question: question.question,
        choices: question.choices,
        expected: question.expected,
    }
}

fn told(findings: Vec<Finding>) -> Vec<FindingAnswer> {
    mcc_generator::first_of_many(findings).into_iter().map(finding).collect()
}

/// A finding as this server answers it.
pub(super) fn finding(finding: Finding) -> FindingAnswer {
    FindingAnswer {
        fixes: finding.fixes.written(),
        others: finding.other_choices().to_vec(),
        choices: finding.choices,
        rule: finding.id,
        severity: finding.severity.name().to_owned(),
        field: finding.field,
        value: finding.value,
        source: finding.source.map(source),
        message: finding.message,
        fix: finding.fix,
    }
}

/// All deployment configs.
pub(super) fn configs() -> &'static [ConfigAnswer] {
    static ALL: LazyLock<Vec<ConfigAnswer>> = LazyLock::new(made_configs);
    &ALL
}

fn made_configs() -> Vec<ConfigAnswer> {
    let registry = registry();
    registry
        .configs()
        .iter()
        .map(|config| {
            let layers = config_layers(&config.name);
            let own = layers.last();
            ConfigAnswer {
                name: config.name.clone(),
                title: own.map(|layer| layer.manifest.title.clone()).unwrap_or_default(),
                description: layers
                    .iter()
                    .map(|layer| layer.manifest.description.as_str())
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join(" "),
                needs: needs(&layers),
                frameworks: config
                    .frameworks
                    .iter()
                    .map(|name| framework(&config.architecture, name))
                    .collect(),
                accelerators: registry
                    .accelerators(config)
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                defaults: defaults(&layers),
            }
        })
        .collect()
}

fn framework(architecture: &str, name: &str) -> FrameworkAnswer {
    let layer = registry().layer(&format!("layers/{architecture}/framework/{name}"));
    FrameworkAnswer {
        name: name.to_owned(),
        model_formats: layer
            .and_then(|layer| layer.manifest.framework.as_ref())
            .map(|framework| framework.formats.iter().map(|format| format.name.clone()).collect())
            .unwrap_or_default(),
    }
}

/// All deployment targets.
pub(super) fn targets() -> &'static [TargetAnswer] {
    static ALL: LazyLock<Vec<TargetAnswer>> = LazyLock::new(made_targets);
    &ALL
}

fn made_targets() -> Vec<TargetAnswer> {
    registry()
        .targets()
        .iter()
        .map(|name| {
            let layers = registry().target_layers(name);
            let own = layers.last();
            TargetAnswer {
                name: name.clone(),
                title: own.map(|layer| layer.manifest.title.clone()).unwrap_or_default(),
                description: own
                    .map(|layer| layer.manifest.description.clone())
                    .unwrap_or_default(),
                needs: needs(&layers),
                defaults: defaults(&layers),
            }
        })
        .collect()
}

/// Every input that one of the configs takes on one of the targets.
pub(super) fn inputs(configs: &[&str], targets: &[&str]) -> Vec<InputAnswer> {
    let layers: Vec<&mcc_generator::Layer> = configs
        .iter()
        .flat_map(|name| config_layers(name))
        .chain(targets.iter().flat_map(|name| registry().target_layers(name)))
        .chain(registry().layer("layers/base"))
        .collect();
    mcc_generator::fields()
        .iter()
        .filter(|field| {
            let groups = layers.iter().flat_map(|layer| &layer.manifest.groups);
            groups.clone().any(|group| group == field.group)
        })
        .map(|field| InputAnswer {
            key: field.key.clone(),
            help: field.help.to_owned(),
            r#type: type_of(field.kind).to_owned(),
            choices: match field.kind {
                // The configs and targets are listed beside the inputs.
                Kind::Named(Registered::Config | Registered::Target) => Vec::new(),
                kind => kind.choices(),
            },
        })
        .collect()
}

/// The layers that make a config what it is, its own last.
fn config_layers(name: &str) -> Vec<&'static mcc_generator::Layer> {
    registry().config(name).map(|c| registry().config_layers(c, None)).unwrap_or_default()
}

fn needs(layers: &[&mcc_generator::Layer]) -> Vec<String> {
    let mut needs: Vec<String> = Vec::new();
    for need in layers.iter().flat_map(|layer| &layer.manifest.needs) {
        if !needs.contains(need) {
            needs.push(need.clone());
        }
    }
    needs
}

fn defaults(layers: &[&mcc_generator::Layer]) -> JsonObject {
    let mut all = JsonObject::new();
    for layer in layers {
        all.extend(layer.manifest.defaults.clone());
    }
    all
}

/// All rules.
pub(super) fn rules() -> Vec<RuleAnswer> {
    mcc_generator::rules()
        .map(|rule| RuleAnswer {
            rule: rule.id.to_owned(),
            severity: rule.severity.name().to_owned(),
            title: rule.title.to_owned(),
            why: rule.why.to_owned(),
            source: rule.source.to_owned(),
        })
        .collect()
}

/// What a check found.
pub(super) struct Checked {
    pub(super) findings: Vec<FindingAnswer>,
    pub(super) drift: Vec<DriftAnswer>,
}

/// Checks the project in `folder`, which `field` of the call named as `requested`.
pub(super) fn check(
    context: &Context,
    folder: Folder,
    field: &str,
    requested: &str,
) -> Result<Checked, ToolError> {
    mcc_generator::check_folder(context.shared(), folder)
        .map(checked)
        .map_err(|finding| not_a_project(field, &requested.into(), *finding))
}

/// Checks the project that consists of `files`.
pub(super) fn check_files(
    context: &Context,
    files: &BTreeMap<String, String>,
) -> Result<Checked, ToolError> {
    let paths: Vec<&String> = files.keys().take(5).collect();
    mcc_generator::check_files(context.shared(), files)
        .map(checked)
        .map_err(|finding| not_a_project("files", &json!(paths), *finding))
}

fn checked(report: mcc_generator::CheckReport) -> Checked {
    Checked {
        findings: told(report.findings),
        drift: report
            .differences
            .into_iter()
            .map(|difference| DriftAnswer {
                path: difference.path,
                change: match difference.change {
                    Change::Added => "added",
                    Change::Changed => "changed",
                    Change::Removed => "removed",
                }
                .to_owned(),
                edited: difference.edited,
                diff: Some(difference.diff),
            })
            .collect(),
    }
}

fn not_a_project(field: &str, value: &Value, finding: Finding) -> ToolError {
    ToolError::of(
        "not_a_project",
        Problem { rule: Some(finding.id), ..Problem::of(field, finding.message) }
            .value(value)
            .fix(finding.fix),
    )
}
