//! What the tools of this server answer. These types are the contract with clients: they are kept
//! apart from the generator's own, so that neither changes by accident with the other. Decisions and the data of fixes alone
//! are the generator's: they are worded once, for people at a terminal too.

use mcc_generator::{Decisions, WrittenFix};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::mcp::schema::JsonObject;

/// A deployment config, as `list_deployments` shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigAnswer {
    /// Value for deploymentConfig.
    pub(super) name: String,
    /// A few words.
    pub(super) title: String,
    /// What it serves and how.
    pub(super) description: String,
    /// Inputs that have to be given.
    pub(super) needs: Vec<String>,
    /// Values for framework; left out where there is no such choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) frameworks: Vec<FrameworkAnswer>,
    /// What it runs on: cpu, cuda (NVIDIA GPUs), neuron (AWS Inferentia and Trainium).
    pub(super) accelerators: Vec<String>,
    /// Values of inputs that are not given.
    pub(super) defaults: JsonObject,
}

/// A framework of a deployment config.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FrameworkAnswer {
    /// Value for framework.
    pub(super) name: String,
    /// Values for modelFormat.
    pub(super) model_formats: Vec<String>,
}

/// A deployment target, as `list_deployments` shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TargetAnswer {
    /// Value for deploymentTarget.
    pub(super) name: String,
    /// A few words.
    pub(super) title: String,
    /// What it is for.
    pub(super) description: String,
    /// Inputs that have to be given, besides those of the config.
    pub(super) needs: Vec<String>,
    /// Values of inputs that are not given.
    pub(super) defaults: JsonObject,
}

/// An input, as `list_deployments` shows it in full.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InputAnswer {
    /// Argument of `plan_project` and `generate_project`.
    pub(super) key: String,
    /// What it is.
    pub(super) help: String,
    /// JSON type of its values.
    pub(super) r#type: String,
    /// The valid values, where they can be listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) choices: Vec<String>,
}

/// Answer of `list_deployments`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListAnswer {
    /// `ok`.
    pub(super) status: Status,
    /// What serves a model.
    pub(super) deployment_configs: Vec<&'static ConfigAnswer>,
    /// Where it runs.
    pub(super) deployment_targets: Vec<&'static TargetAnswer>,
    /// Every input that the listed configs and targets take; only with detail `full`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) inputs: Vec<InputAnswer>,
    /// What to do next.
    pub(super) next_steps: Vec<String>,
}

/// How a call went; a failed one has `error`, see [`crate::mcp::schema::output`]. `needs_input` and `refused` mean that nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Ok,
    Ready,
    Written,
    Updated,
    Unchanged,
    Returned,
    NeedsInput,
    Refused,
    Drifted,
}

/// A value that an input has.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResolvedAnswer {
    /// The input.
    pub(super) key: String,
    /// Its value, of whatever type the input has.
    // A schema without any keyword is refused or misread by some clients; this one holds for every value.
    #[schemars(extend("maxLength" = 1_048_576))]
    pub(super) value: Value,
    /// Where the value came from, if it did not come with this call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
}

/// Something that has to be asked of the user.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuestionAnswer {
    /// The input that answers it.
    pub(super) key: String,
    /// What to ask.
    pub(super) question: String,
    /// Valid answers, where they can be listed; the likeliest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) choices: Vec<String>,
    /// What a right answer looks like.
    pub(super) expected: String,
}

/// What a rule found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FindingAnswer {
    /// Stable id; `explain_rule` tells more.
    pub(super) rule: String,
    /// `error` stops generation; `warning` and `note` do not.
    pub(super) severity: String,
    /// The input concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
    /// Its value, shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    /// Where the value came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// What is wrong, and why.
    pub(super) message: String,
    /// What to do about it.
    pub(super) fix: String,
    /// The same as data: each item is one way, done as a whole, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fixes: Vec<WrittenFix>,
    /// Valid values, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) choices: Vec<String>,
    /// Those of them that a text tells, because the fix does not name them.
    #[serde(skip)]
    pub(super) others: Vec<String>,
}

/// What it costs to run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CostAnswer {
    /// US dollars per hour, for all instances together.
    pub(super) usd_per_hour: f64,
    /// How many instances.
    pub(super) instances: u32,
    /// Where the price is from, and for which Region and instance type.
    pub(super) basis: String,
}

/// A file of the project.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileAnswer {
    /// Path below the project's folder.
    pub(super) path: String,
    /// Size in bytes.
    pub(super) bytes: usize,
    /// Whether it has to be executable.
    pub(super) executable: bool,
    /// The layer of the generator that it comes from.
    pub(super) layer: String,
}

/// What a plan and a generated project have in common.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanAnswer {
    /// `ready`, `needs_input` or `refused`.
    pub(super) status: Status,
    /// What it is, in one sentence.
    pub(super) summary: String,
    /// What has to be asked of the user before the project can be generated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) questions: Vec<QuestionAnswer>,
    /// What is wrong, risky or worth knowing.
    pub(super) findings: Vec<FindingAnswer>,
    /// What was decided, as the project's files have it; left out while too little is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decisions: Option<Decisions>,
    /// The inputs with their values. Defaults are left out unless detail is `full`.
    pub(super) inputs: Vec<ResolvedAnswer>,
    /// How many files the project has.
    pub(super) file_count: usize,
    /// The files with their sizes and layers; only with detail `full`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) file_details: Vec<FileAnswer>,
    /// How memory was estimated, in sentences; only with detail `full`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) estimate: Vec<String>,
    /// What running it costs, if the price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost: Option<CostAnswer>,
    /// What to do next.
    pub(super) next_steps: Vec<String>,
}

/// The content of a file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContentAnswer {
    /// Path below the project's folder.
    pub(super) path: String,
    /// Whether it has to be made executable.
    pub(super) executable: bool,
    /// `utf-8`, or `base64` for what is not text.
    pub(super) encoding: String,
    /// The content.
    pub(super) content: String,
}

/// The whole project in one piece.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArchiveAnswer {
    /// File name; unpacks into a folder named like the project.
    pub(super) name: String,
    /// `application/gzip`.
    pub(super) media_type: String,
    /// `base64`.
    pub(super) encoding: String,
    /// The archive.
    pub(super) data: String,
}

/// Answer of `generate_project`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerateAnswer {
    /// `written`, `updated` or `unchanged` with a folder; `returned` with files or an archive; `needs_input` or `refused`.
    pub(super) status: Status,
    /// What was done, in one sentence.
    pub(super) summary: String,
    /// The project's folder, if it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) directory: Option<String>,
    /// What has to be asked of the user first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) questions: Vec<QuestionAnswer>,
    /// What is wrong, risky or worth knowing.
    pub(super) findings: Vec<FindingAnswer>,
    /// What was decided, as the project's files have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decisions: Option<Decisions>,
    /// How many files the project has.
    pub(super) file_count: usize,
    /// Paths of files that an update wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) updated: Vec<String>,
    /// Paths of files that an update removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) removed: Vec<String>,
    /// Paths of edited files whose edits an update kept as <name>.orig.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) kept: Vec<String>,
    /// Contents of files, if returned that way; there are more if nextCursor is given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) contents: Vec<ContentAnswer>,
    /// Argument `cursor` for the next page of contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
    /// The project in one piece, if returned that way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) archive: Option<ArchiveAnswer>,
    /// What running it costs, if the price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost: Option<CostAnswer>,
    /// What to do next.
    pub(super) next_steps: Vec<String>,
}

/// A file that differs from what would be generated.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DriftAnswer {
    /// Path below the project's folder.
    pub(super) path: String,
    /// What generating again would do to it: `added`, `changed` or `removed`.
    pub(super) change: String,
    /// Whether it was edited by hand since it was generated.
    pub(super) edited: bool,
    /// Unified diff from the file to what would be generated; only with detail `full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diff: Option<String>,
}

/// Answer of `check_project`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckAnswer {
    /// `ok`, `drifted` (files differ) or `refused` (findings of severity error).
    pub(super) status: Status,
    /// What was found, in one sentence.
    pub(super) summary: String,
    /// What is wrong, risky or worth knowing.
    pub(super) findings: Vec<FindingAnswer>,
    /// Files that differ from what would be generated from the project's own inputs.
    pub(super) drift: Vec<DriftAnswer>,
    /// What to do next.
    pub(super) next_steps: Vec<String>,
}

/// Answer of `explain_rule`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExplainAnswer {
    /// `ok`.
    pub(super) status: Status,
    /// The rules asked for.
    pub(super) rules: Vec<RuleAnswer>,
}

/// A rule.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleAnswer {
    /// The id.
    pub(super) rule: String,
    /// How much its findings weigh at most.
    pub(super) severity: String,
    /// What it checks.
    pub(super) title: String,
    /// Why it matters.
    pub(super) why: String,
    /// Where that is known from.
    pub(super) source: String,
}
