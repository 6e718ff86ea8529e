//! HyperPod clusters of an account, and capacity that it reserved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::{InstanceType, Region};
use crate::rows::{Origin, Table};

/// Instances of one type in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterGroup {
    /// Its name in the cluster.
    pub name: String,
    /// `ml.g5.xlarge`.
    #[serde(rename = "type")]
    pub instance: InstanceType,
    /// Nodes that it has, whether they run or not.
    pub current: u32,
    /// Nodes that it is set to; of a group of several types, those of all of them together.
    pub target: u32,
    /// What HyperPod says of it, such as `InService`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Nodes that HyperPod says run. None if they were not all read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes_in_service: Option<u32>,
}

impl ClusterGroup {
    /// Nodes that run, as far as that is known: of nodes that were not all read each is taken to run.
    pub fn running(&self) -> u32 {
        self.nodes_in_service.unwrap_or(self.current)
    }

    /// Nodes that it has and that are known not to run.
    pub fn not_running(&self) -> u32 {
        self.current.saturating_sub(self.running())
    }
}

/// One HyperPod cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub region: Region,
    /// Its address.
    pub arn: String,
    /// What HyperPod says of it, such as `InService`.
    pub status: String,
    /// ARN of the EKS cluster that it orchestrates with. None for Slurm, and where `groups` is None: then the cluster was
    /// not described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eks: Option<String>,
    /// Kubernetes on that cluster: `1.33`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// Version of HyperPod's inference operator that is installed as an add-on; empty where there is none. None if that
    /// could not be read: it can also be installed by Helm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Its instances. None if the cluster could not be described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<ClusterGroup>>,
}

/// What reserved capacity is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityKind {
    /// A flexible training plan of SageMaker.
    TrainingPlan,
    /// A capacity reservation of EC2, for SageMaker only where machine learning is what it is for.
    CapacityReservation,
}

/// Capacity that is reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// Its ARN, or its id.
    pub id: String,
    /// Where it is.
    pub region: Region,
    /// What it is.
    pub kind: CapacityKind,
    /// What it has, as the API names it: `ml.p5.48xlarge`, or EC2's `p5.48xlarge` with `ml.` before it.
    #[serde(rename = "type")]
    pub instance: InstanceType,
    /// Instances in all.
    pub total: u32,
    /// Instances that nobody uses.
    pub free: u32,
    /// What the API says of it, such as `Active`.
    pub status: String,
    /// What it may be used for, in SageMaker's words: `endpoint`, `hyperpod-cluster`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// When it starts, as `2026-11-30T08:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<String>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// The Availability Zone that it is in, such as `us-east-1a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// How far what a Region has was listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClustersListed {
    /// The Region.
    pub region: Region,
    /// All of its clusters are known by name: one that is not here is not there.
    pub clusters: bool,
    /// The same of training plans and capacity reservations.
    pub capacity: bool,
}

/// `clusters.json`. Empty in this build: clusters are an account's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClustersFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By Region and name.
    #[serde(default)]
    pub clusters: Table<Cluster>,
    /// By id.
    #[serde(default)]
    pub capacity: Table<Capacity>,
    /// By Region.
    #[serde(default)]
    pub listed: Table<ClustersListed>,
}

catalog_file!(
    ClustersFile, "clusters.json",
    rows {
        clusters by |row| (row.region.clone(), row.name.clone()),
        capacity by |row| row.id.clone(),
        listed by |row| row.region.clone(),
    }
);

/// The clusters and reservations that are known: none without a look-up or a user's own file.
#[derive(Debug, Clone)]
pub struct Clusters {
    file: ClustersFile,
}

impl Clusters {
    pub(crate) fn new(file: ClustersFile) -> Self {
        Self { file }
    }

    /// The clusters of a Region.
    pub fn of(&self, region: &str) -> impl Iterator<Item = &Cluster> {
        self.file.clusters.iter().filter(move |row| row.region.as_str() == region)
    }

    /// A cluster by its name.
    pub fn get(&self, region: &str, name: &str) -> Option<&Cluster> {
        self.of(region).find(|row| row.name == name)
    }

    /// A cluster by what an input names it by: its name or its ARN.
    pub fn named(&self, region: &str, named: &str) -> Option<&Cluster> {
        self.of(region).find(|row| row.name == named || row.arn == named)
    }

    /// Reserved capacity of a Region.
    pub fn capacity(&self, region: &str) -> impl Iterator<Item = &Capacity> {
        self.file.capacity.iter().filter(move |row| row.region.as_str() == region)
    }

    /// Reserved capacity by its ARN or id.
    pub fn reserved(&self, region: &str, id: &str) -> Option<&Capacity> {
        self.capacity(region).find(|row| row.id == id)
    }

    /// How far what a Region has was listed. None where nobody listed it.
    pub fn listed(&self, region: &str) -> Option<&ClustersListed> {
        self.file.listed.iter().find(|row| row.region.as_str() == region)
    }

    /// Where the rows of a Region are from.
    pub fn origin(&self, region: &str) -> &Origin {
        let ClustersFile { clusters, capacity, listed, .. } = &self.file;
        let here = [
            listed.origin_where(|row| row.region.as_str() == region),
            clusters.origin_where(|row| row.region.as_str() == region),
            capacity.origin_where(|row| row.region.as_str() == region),
        ];
        here.into_iter().find(|origin| **origin != Origin::Build).unwrap_or(&Origin::Build)
    }
}
