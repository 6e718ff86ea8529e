//! `describe_hyperpod`: what a cluster needs, and how to find one.

use mcc_catalogs::{AcceleratorKind, Ask, Catalogs, Standing};
use mcc_fit::{Deployment, InstancePool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::asks;
use crate::common::region;
use crate::common::text::Text;
use crate::hyperpod::clusters::{self, ClusterAnswer};
use crate::hyperpod::guide;
use crate::mcp::arguments;
use crate::mcp::error::ToolError;
use crate::mcp::schema;
use crate::mcp::server::{self, Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "describe_hyperpod",
    title: "Describe HyperPod",
    description: "Says what serving on SageMaker HyperPod with EKS takes: the steps that find a cluster and its node groups, the \
                  permissions for them, what the cluster has to have, the inference operator with its custom resources and \
                  Regions, and the instance types that HyperPod takes.",
    effect: Effect::Reads,
    file_arguments: &[],
    input: schema::input::<Arguments>,
    output: schema::output::<DescribeAnswer>,
    asks: Some(|call| asks::region(&call.arguments).into_iter().map(Ask::Clusters).collect()),
    waits: server::never,
    weighs: false,
    run: describe,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    /// Only this Region.
    region: Option<String>,
    /// Only instance types with this: cpu, cuda or neuron. Left out: cuda and neuron.
    accelerator: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Cpu,
    Cuda,
    Neuron,
}

/// How a call went; a failed one has `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
}

/// A thing to do.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct StepAnswer {
    /// What it does.
    title: String,
    /// How; words in capitals are to be replaced.
    command: String,
}

/// An IAM permission.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PermissionAnswer {
    /// The action.
    action: String,
    /// What it is for.
    reason: String,
}

/// The inference operator.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OperatorAnswer {
    /// Version of the Helm chart that this is known of.
    chart_version: String,
    /// Namespace that it runs in.
    namespace: String,
    /// `apiVersion` of its resources.
    api_version: String,
    /// Its custom resources, as plural.group.
    custom_resources: Vec<String>,
}

/// Answer of `describe_hyperpod`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct DescribeAnswer {
    /// `ok`.
    status: Status,
    /// The answer in one sentence.
    summary: String,
    /// `static`: from dated catalogs, without looking at AWS.
    mode: String,
    /// The account's clusters in the Region that was named, where they were looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clusters: Vec<ClusterAnswer>,
    /// Capacity that the account reserved there, where that was looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reserved: Vec<String>,
    /// What finds a cluster and its nodes, in order.
    steps: Vec<StepAnswer>,
    /// What those steps are allowed by.
    permissions: Vec<PermissionAnswer>,
    /// What the cluster has to have.
    requirements: Vec<String>,
    /// The inference operator, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<OperatorAnswer>,
    /// Regions where the operator is published.
    regions: Vec<String>,
    /// Instance types that HyperPod takes.
    instance_types: Vec<String>,
    /// What to do next.
    next_steps: Vec<String>,
}

fn describe(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(TOOL.input, call.arguments)?;
    let catalogs = call.context.catalogs();
    if let Some(region) = arguments.region.as_deref() {
        region::named(catalogs, region)?;
    }
    let only = |region: &str| arguments.region.as_deref().is_none_or(|wanted| wanted == region);
    let regions: Vec<String> = catalogs
        .regions()
        .iter()
        .filter(|row| row.hyperpod_operator && only(row.region.as_str()))
        .map(|row| row.region.to_string())
        .collect();
    let summary = match (&arguments.region, regions.is_empty()) {
        (Some(region), true) => format!(
            "The inference operator is not known to be published in {region}; a plain deployment (hyperpodManifest deployment) needs no operator."
        ),
        _ => "Serving on HyperPod takes an EKS-orchestrated cluster, access to it, and fitting nodes.".to_owned(),
    };
    let found = clusters::of_region(catalogs, arguments.region.as_deref());
    let (summary, next) = if found.is_empty() {
        (
            summary,
            "run the steps, or ask the user to; then call fit_hyperpod with the node groups that they show",
        )
    } else {
        let region = arguments.region.as_deref().unwrap_or_default();
        (
            format!("{summary} {} cluster(s) were found in {region}.", found.len()),
            "call fit_hyperpod with hyperpodCluster and region: its node groups are known",
        )
    };
    let place = arguments.region.as_deref().unwrap_or("REGION");
    let reserved = clusters::reserved(catalogs, arguments.region.as_deref());
    let listed = arguments.region.as_deref().and_then(|region| catalogs.clusters().listed(region));
    // A look-up that was refused leaves nothing that the answer stands on.
    let looked =
        !found.is_empty() || !reserved.is_empty() || listed.is_some_and(|listed| listed.clusters);
    let standing = if looked { call.standing } else { Standing::default() };
    let answer = DescribeAnswer {
        status: Status::Ok,
        summary,
        mode: standing.mode(),
        clusters: found,
        reserved,
        steps: guide::STEPS
            .iter()
            .map(|step| StepAnswer {
                title: step.title.to_owned(),
                command: step.command.replace("REGION", place),
            })
            .collect(),
        permissions: guide::PERMISSIONS
            .iter()
            .map(|(action, reason)| PermissionAnswer {
                action: (*action).to_owned(),
                reason: (*reason).to_owned(),
            })
            .collect(),
        requirements: guide::REQUIREMENTS.iter().map(|&text| text.to_owned()).collect(),
        operator: operator(catalogs),
        regions,
        instance_types: types(catalogs, &arguments),
        next_steps: vec![next.to_owned()],
    };
    let text = text(&answer);
    Ok(Reply::answer(answer, text))
}

fn operator(catalogs: &Catalogs) -> Option<OperatorAnswer> {
    let operator = catalogs.hyperpod().operator()?;
    Some(OperatorAnswer {
        chart_version: operator.chart_version.clone(),
        namespace: operator.namespace.clone(),
        api_version: operator.api_version.clone(),
        custom_resources: catalogs
            .hyperpod()
            .crds()
            .map(|crd| format!("{}.{}", crd.plural, crd.group))
            .collect(),
    })
}

/// The types that HyperPod takes, without those that EC2 does not offer in the Region.
fn types(catalogs: &Catalogs, arguments: &Arguments) -> Vec<String> {
    let pods = Deployment { pool: Some(InstancePool::Hyperpod), ..Deployment::default() };
    let wanted = |kind: AcceleratorKind| match arguments.accelerator {
        None => kind != AcceleratorKind::Cpu,
        Some(Kind::Cpu) => kind == AcceleratorKind::Cpu,
        Some(Kind::Cuda) => kind == AcceleratorKind::Cuda,
        Some(Kind::Neuron) => kind == AcceleratorKind::Neuron,
    };
    catalogs
        .instances()
        .iter()
        .filter(|row| InstancePool::Hyperpod.has(row) && wanted(row.accelerator_kind()))
        .filter(|row| {
            let region = arguments.region.as_deref();
            region.is_none_or(|region| !mcc_fit::lacks(catalogs, &pods, region, row))
        })
        .map(|row| row.name.to_string())
        .collect()
}

fn text(answer: &DescribeAnswer) -> String {
    let operator = answer.operator.as_ref().map(|operator| {
        format!(
            "Inference operator: chart {}, namespace {}, API {}, resources {}",
            operator.chart_version,
            operator.namespace,
            operator.api_version,
            operator.custom_resources.join(", ")
        )
    });
    Text::new(&answer.summary)
        .list("Clusters", answer.clusters.iter().map(ClusterAnswer::line))
        .list("Reserved capacity", &answer.reserved)
        .list("Steps", answer.steps.iter().map(|step| format!("{}: {}", step.title, step.command)))
        .list(
            "Permissions",
            answer.permissions.iter().map(|row| format!("{}: {}", row.action, row.reason)),
        )
        .list("The cluster has to have", &answer.requirements)
        .line(operator)
        .line(Some(format!("Regions of the operator: {}", answer.regions.join(", "))))
        .line(Some(format!("Instance types: {}", answer.instance_types.join(", "))))
        .list("Next", &answer.next_steps)
        .done()
}
