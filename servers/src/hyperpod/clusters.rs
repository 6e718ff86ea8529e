//! HyperPod clusters that were looked up, as answers show them.

use mcc_catalogs::{Capacity, CapacityKind, Catalogs, Cluster};
use schemars::JsonSchema;
use serde::Serialize;

use crate::mcp::error::{Problem, ToolError};

/// Nodes of one type.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodesAnswer {
    /// The group's name.
    name: String,
    /// Their type.
    instance_type: String,
    /// Nodes that run; where HyperPod's list of nodes could not be read, those that the group has.
    count: u32,
    /// Nodes that the group has and that HyperPod says do not run, such as failed ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_running: Option<u32>,
    /// Nodes that the group is set to, if that is another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<u32>,
}

/// A cluster of the account.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterAnswer {
    /// Its name; value for hyperpodCluster.
    name: String,
    /// Its Region.
    region: String,
    /// What HyperPod says of it, such as `InService`.
    status: String,
    /// The EKS cluster below it; left out where something else orchestrates it, and where nodeGroups could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    eks: Option<String>,
    /// Kubernetes on that cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes: Option<String>,
    /// The inference operator: its version as an add-on, `no add-on` (an installation by Helm is not seen), or `unknown`.
    operator: String,
    /// Its nodes; left out if they could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_groups: Option<Vec<NodesAnswer>>,
}

impl ClusterAnswer {
    pub(super) fn of(cluster: &Cluster) -> Self {
        let nodes = cluster.groups.as_ref().map(|groups| {
            let one = groups.iter().map(|group| NodesAnswer {
                name: mcc_catalogs::echo(&group.name),
                instance_type: group.instance.to_string(),
                count: group.running(),
                not_running: Some(group.not_running()).filter(|nodes| *nodes > 0),
                target: Some(group.target).filter(|target| *target != group.running()),
            });
            one.collect()
        });
        Self {
            name: mcc_catalogs::echo(&cluster.name),
            region: cluster.region.to_string(),
            status: mcc_catalogs::echo(&cluster.status),
            eks: cluster.eks.as_deref().map(mcc_catalogs::echo),
            kubernetes: cluster.kubernetes.as_deref().map(mcc_catalogs::echo),
            operator: match cluster.operator.as_deref() {
                Some("") => "no add-on (an installation by Helm is not seen)".to_owned(),
                Some(version) => mcc_catalogs::echo(version),
                None => "unknown".to_owned(),
            },
            node_groups: nodes,
        }
    }

    /// One line.
    pub(super) fn line(&self) -> String {
        let groups = self.node_groups.as_ref().map_or_else(
            || "nodes not known".to_owned(),
            |groups| {
                let one = groups.iter().map(|group| {
                    let target = group.target.map_or_else(String::new, |n| format!(" of {n}"));
                    let stopped = match group.not_running {
                        None => String::new(),
                        Some(1) => " running, 1 is there and does not run".to_owned(),
                        Some(n) => format!(" running, {n} are there and do not run"),
                    };
                    format!(
                        "{}: {}{target} nodes of {}{stopped}",
                        group.name, group.count, group.instance_type
                    )
                });
                one.collect::<Vec<_>>().join(", ")
            },
        );
        let eks = match (&self.eks, &self.node_groups) {
            (Some(eks), _) => format!("EKS {eks}"),
            (None, Some(_)) => "no EKS cluster".to_owned(),
            // It was not described.
            (None, None) => "EKS cluster not known".to_owned(),
        };
        let kubernetes = self.kubernetes.as_ref().map_or_else(String::new, |v| format!(" {v}"));
        format!(
            "{} in {} ({}): {eks}{kubernetes}, inference operator {}; {groups}",
            self.name, self.region, self.status, self.operator
        )
    }
}

/// The clusters of a Region.
pub(super) fn of_region(catalogs: &Catalogs, region: Option<&str>) -> Vec<ClusterAnswer> {
    let rows = region.into_iter().flat_map(|region| catalogs.clusters().of(region));
    rows.map(ClusterAnswer::of).collect()
}

/// Capacity that is reserved there, in words.
pub(super) fn reserved(catalogs: &Catalogs, region: Option<&str>) -> Vec<String> {
    let rows = region.into_iter().flat_map(|region| catalogs.clusters().capacity(region));
    rows.map(capacity).collect()
}

fn capacity(row: &Capacity) -> String {
    let what = match row.kind {
        CapacityKind::TrainingPlan => "training plan",
        CapacityKind::CapacityReservation => "capacity reservation",
    };
    let until = row.ends.as_deref().map(mcc_catalogs::echo);
    let until = until.map_or_else(String::new, |end| format!(", until {end}"));
    let targets: Vec<String> =
        row.targets.iter().map(|target| mcc_catalogs::echo(target)).collect();
    let targets =
        if targets.is_empty() { String::new() } else { format!(", for {}", targets.join(" and ")) };
    format!(
        "{what} {}: {} of {} {} free ({}){until}{targets}",
        mcc_catalogs::echo(&row.id),
        row.free,
        row.total,
        row.instance,
        mcc_catalogs::echo(&row.status)
    )
}

/// The cluster that is named.
///
/// # Errors
/// There is none, or nobody has looked.
pub(super) fn named<'a>(
    catalogs: &'a Catalogs,
    region: Option<&str>,
    name: &str,
) -> Result<&'a Cluster, ToolError> {
    let problem =
        |what: String, fix: &str| Problem::of("hyperpodCluster", what).value(&name.into()).fix(fix);
    let Some(region) = region else {
        let what = "a cluster is looked up in a Region".to_owned();
        return Err(ToolError::of("invalid_arguments", problem(what, "give region too")));
    };
    if let Some(cluster) = catalogs.clusters().named(region, name) {
        return Ok(cluster);
    }
    let names: Vec<&str> = catalogs.clusters().of(region).map(|row| row.name.as_str()).collect();
    if names.is_empty() {
        let what = format!("nothing is known of clusters in {region}");
        let fix = "give nodeGroups, as the steps of describe_hyperpod show them";
        return Err(ToolError::of("unknown_cluster", problem(what, fix)));
    }
    let near = mcc_catalogs::nearest(name, names.iter().copied(), 3);
    let choices = if near.is_empty() { names } else { near };
    let choices: Vec<String> = choices.into_iter().map(str::to_owned).collect();
    let what = format!("no cluster of this name was found in {region}");
    let problem = problem(what, "take one of the choices, or give nodeGroups").choices(choices);
    Err(ToolError::of("unknown_cluster", problem))
}
