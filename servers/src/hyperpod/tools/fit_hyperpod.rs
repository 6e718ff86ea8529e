//! `fit_hyperpod`: what fits the node groups of a cluster.

use mcc_catalogs::reason::Choice;
use mcc_catalogs::{Ask, Catalogs, Instance};
use mcc_fit::sizing;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::asks;
use crate::common::deployment;
use crate::common::fits::{FitAnswer, Judge, ServingArguments, assumptions};
use crate::common::instances;
use crate::common::model::{FILE_ARGUMENTS, ModelAnswer, ModelArguments, Sized};
use crate::common::region;
use crate::common::text::Text;
use crate::hyperpod::clusters;
use crate::mcp::arguments;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{self, Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "fit_hyperpod",
    title: "Fit a model to HyperPod nodes",
    description: "Works out how a model runs on the node groups of a HyperPod cluster: for each group whether it fits, how a copy \
                  is split, how many copies fit a node and the group, what a pod asks for; or why it does not fit, and which \
                  types that HyperPod takes would do.",
    effect: Effect::Reads,
    file_arguments: FILE_ARGUMENTS,
    input: schema,
    output: schema::output::<FitsAnswer>,
    asks: Some(in_cluster),
    waits: server::never,
    weighs: true,
    run: fit,
};

/// The target that all of this is about.
const TARGET: &str = "hyperpod-eks";

fn schema() -> JsonObject {
    let mut schema = deployment::with_names(schema::input::<Arguments>());
    if let Some(properties) = schema.get_mut("properties").and_then(|value| value.as_object_mut()) {
        properties.remove("deploymentTarget");
    }
    schema
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    /// The cluster's node groups. Left out: those of hyperpodCluster.
    #[schemars(length(min = 1, max = 20))]
    node_groups: Option<Vec<NodeGroup>>,
    /// Name or ARN of a cluster in region, whose node groups are looked up (smart mode).
    hyperpod_cluster: Option<String>,
    #[serde(flatten)]
    model: ModelArguments,
    #[serde(flatten)]
    serving: ServingArguments,
}

/// Nodes of one type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NodeGroup {
    /// Their type, such as ml.g5.12xlarge.
    instance_type: String,
    /// How many there are.
    #[schemars(range(min = 0, max = 10_000))]
    count: u32,
}

/// How a call went; a failed one has `error`. `nothing_fits` means that no group takes a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    NothingFits,
}

/// A node group.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GroupAnswer {
    /// Type of its nodes.
    instance_type: String,
    /// How many nodes it has.
    nodes: u32,
    /// Copies of the model that fit an empty node.
    copies_per_node: u32,
    /// Copies that fit all of its nodes.
    copies: u32,
    /// Why it takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How a copy runs on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fit: Option<FitAnswer>,
}

/// Answer of `fit_hyperpod`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FitsAnswer {
    /// `ok` or `nothing_fits`.
    status: Status,
    /// The answer in one sentence.
    summary: String,
    /// `static`: from dated catalogs, without looking at the cluster.
    mode: String,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<ModelAnswer>,
    /// The node groups, those with most copies first.
    groups: Vec<GroupAnswer>,
    /// Cheapest types that HyperPod takes and on which it would run, where no group does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    would_fit: Vec<String>,
    /// What was assumed because it was not said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assumptions: Vec<String>,
    /// What to do next.
    next_steps: Vec<String>,
}

/// How many types are suggested.
const SUGGESTED: usize = 5;

/// What runs, and the clusters that it could run in.
fn in_cluster(call: &Call) -> Vec<Ask> {
    let mut asks = asks::of_run(call);
    asks.extend(asks::region(&call.arguments).map(Ask::Clusters));
    asks
}

fn fit(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(schema, call.arguments)?;
    let catalogs = call.context.catalogs();
    let deployment = match arguments.serving.deployment_config.as_deref() {
        Some(config) => deployment::named(config, Some(TARGET))?,
        None if arguments.model.given() => deployment::of_models(Some(TARGET))?,
        None => {
            return Err(ToolError::of(
                "invalid_arguments",
                Problem::of("modelName", "nothing says what has to run")
                    .fix("give modelName, modelConfig or deploymentConfig"),
            ));
        }
    };
    let model = if deployment.hub { Some(arguments.model.sized(&call.context)?) } else { None };
    if let Some(model) = &model {
        deployment::serves(catalogs, &deployment, model)?;
    }
    let wish = arguments.serving.wish(catalogs, &deployment)?;
    if let Some(region) = wish.region.as_deref() {
        region::named(catalogs, region)?;
    }
    let judge = Judge::new(catalogs, &deployment, model.as_ref(), &wish);
    let others = mcc_generator::elsewhere(&deployment);
    let others: Vec<Judge<'_>> =
        others.iter().map(|other| Judge::new(catalogs, other, model.as_ref(), &wish)).collect();
    let region = wish.region.as_deref();
    let cluster = arguments.hyperpod_cluster.as_deref().filter(|_| arguments.node_groups.is_none());
    let stopped = cluster.and_then(|name| not_running(catalogs, region?, name));
    let nodes =
        nodes(catalogs, arguments.node_groups, arguments.hyperpod_cluster.as_deref(), region)?;
    let groups = groups(catalogs, &nodes, &judge, &others)?;
    let copies: u32 = groups.iter().map(|group| group.copies).fold(0, u32::saturating_add);
    let answer = FitsAnswer {
        status: if copies == 0 { Status::NothingFits } else { Status::Ok },
        summary: summary(&groups, copies),
        mode: call.standing.mode(),
        would_fit: if copies == 0 { would_fit(catalogs, &judge) } else { Vec::new() },
        assumptions: [
            assumed(catalogs, &judge, &others, &groups),
            stopped.into_iter().collect(),
            vec!["the nodes are empty: what other pods hold is not known".to_owned()],
        ]
        .concat(),
        model: model.as_ref().map(Sized::answer),
        groups,
        next_steps: vec![if copies > 0 {
            "call plan_project of the generate-project server with inputs of the chosen group and hyperpodCluster".to_owned()
        } else {
            "ask the user to add nodes of a type in wouldFit, or ask for less: a shorter maxModelLen, kvCacheDtype fp8, a quantized variant".to_owned()
        }],
    };
    let text = text(&answer);
    let choices = call.context.choices(|| answer.groups.iter().filter_map(choice).collect());
    Ok(Reply::answer(answer, text).among(choices))
}

/// A group that takes a copy, as one of several to choose from.
fn choice(group: &GroupAnswer) -> Option<Choice> {
    let mut choice = group.fit.as_ref().filter(|_| group.copies > 0)?.choice();
    let nodes = format!(
        "{} nodes take {} copies, {} on each",
        group.nodes, group.copies, group.copies_per_node
    );
    choice.facts.insert(0, nodes);
    Some(choice)
}

/// What was assumed for the nodes that there are.
fn assumed<'a>(
    catalogs: &Catalogs,
    judge: &Judge<'a>,
    others: &[Judge<'a>],
    groups: &[GroupAnswer],
) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for group in groups {
        let kind = catalogs.instances().get(&group.instance_type);
        let own = kind.and_then(|kind| others.iter().find(|one| one.deployment().runs_on(kind)));
        for assumption in assumptions(own.unwrap_or(judge)) {
            if !all.contains(&assumption) {
                all.push(assumption);
            }
        }
    }
    all
}

/// The groups that were given, or those of a cluster that was looked up.
fn nodes(
    catalogs: &Catalogs,
    given: Option<Vec<NodeGroup>>,
    cluster: Option<&str>,
    region: Option<&str>,
) -> Result<Vec<NodeGroup>, ToolError> {
    let missing = |text: &str, fix: &str| {
        ToolError::of("invalid_arguments", Problem::of("nodeGroups", text).fix(fix))
    };
    match (given, cluster) {
        (Some(given), _) => Ok(given),
        (None, None) => Err(missing(
            "nothing says which nodes there are",
            "give nodeGroups, or hyperpodCluster and region",
        )),
        (None, Some(name)) => {
            let found = clusters::named(catalogs, region, name)?;
            let Some(groups) = &found.groups else {
                return Err(missing(
                    "the nodes of this cluster could not be read",
                    "give nodeGroups, as the steps of describe_hyperpod show them",
                ));
            };
            let one = groups.iter().map(|group| NodeGroup {
                instance_type: group.instance.to_string(),
                count: group.running(),
            });
            Ok(one.collect())
        }
    }
}

/// What is said of nodes that a cluster has and that do not run.
fn not_running(catalogs: &Catalogs, region: &str, cluster: &str) -> Option<String> {
    let groups = catalogs.clusters().named(region, cluster)?.groups.as_ref()?;
    let stopped = groups.iter().filter(|group| group.not_running() > 0);
    let told: Vec<String> =
        stopped.map(|group| format!("{} of {}", group.not_running(), group.instance)).collect();
    (!told.is_empty())
        .then(|| format!("nodes that do not run are not counted: {}", told.join(", ")))
}

fn groups<'a>(
    catalogs: &'a Catalogs,
    nodes: &[NodeGroup],
    judge: &Judge<'a>,
    others: &[Judge<'a>],
) -> Result<Vec<GroupAnswer>, ToolError> {
    let mut groups = Vec::new();
    let mut problems = Vec::new();
    for group in nodes {
        let instance = match instances::one(catalogs, "nodeGroups", &group.instance_type) {
            Ok(instance) => instance,
            Err(problem) => {
                problems.push(*problem);
                continue;
            }
        };
        let own = others.iter().find(|other| other.deployment().runs_on(instance));
        let judge = own.unwrap_or(judge);
        let judged = judge.judge(instance);
        let reason = judged.as_ref().err().map(|reason| reason.text.clone());
        let fit = judged.ok().map(|fit| FitAnswer::new(fit, judge, false));
        let per_node = fit.as_ref().map_or(0, |fit| {
            let devices = sizing::device_of(instance).map_or(0, |device| device.count);
            fit.tensor_parallel_size.map_or(1, |degree| devices / degree.max(1))
        });
        let copies = per_node.saturating_mul(group.count);
        let fit = fit.map(|mut fit| {
            if copies > 0 {
                fit.inputs.put("hyperpodReplicas", copies.min(1000));
            }
            fit
        });
        groups.push(GroupAnswer {
            instance_type: instance.name.to_string(),
            nodes: group.count,
            copies_per_node: per_node,
            copies,
            reason,
            fit,
        });
    }
    if !problems.is_empty() {
        return Err(ToolError::all("unknown_instance_type", problems));
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.copies));
    Ok(groups)
}

/// The cheapest types that would do.
fn would_fit<'a>(catalogs: &'a Catalogs, judge: &Judge<'a>) -> Vec<String> {
    let does = |instance: &&'a Instance| {
        mcc_fit::is_current(instance)
            && judge.plausible(instance)
            && judge.judge(instance).is_ok_and(|fit| fit.reservation.is_none())
    };
    let region = judge.wish().region.as_deref();
    let types = mcc_fit::in_order(catalogs, judge.deployment(), region, 1);
    let types = types.map(|(_, instance)| instance).filter(does);
    types.take(SUGGESTED).map(|instance| instance.name.to_string()).collect()
}

fn summary(groups: &[GroupAnswer], copies: u32) -> String {
    match groups.first() {
        Some(first) if copies > 0 => format!(
            "{copies} copies fit in all; {} nodes of {} take {}, {} on each.",
            first.nodes, first.instance_type, first.copies, first.copies_per_node
        ),
        _ => "No copy fits these nodes.".to_owned(),
    }
}

fn text(answer: &FitsAnswer) -> String {
    let groups = answer.groups.iter().map(|group| {
        let what = format!(
            "{} nodes of {}: {} copies, {} on each. ",
            group.nodes, group.instance_type, group.copies, group.copies_per_node
        );
        match (&group.fit, &group.reason) {
            (Some(fit), _) => fit.lines(&what),
            (None, reason) => vec![what + reason.as_deref().unwrap_or_default()],
        }
    });
    let model = answer.model.as_ref().map(|model| format!("Model: {}", model.name));
    Text::new(&answer.summary)
        .line(model)
        .blocks("Node groups", groups)
        .list("Would fit, the cheapest first", &answer.would_fit)
        .list("Assumed", &answer.assumptions)
        .list("Next", &answer.next_steps)
        .done()
}
