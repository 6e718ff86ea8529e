//! HyperPod on EKS: the inference operator and what its nodes offer to pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::InstanceType;
use crate::rows::Table;

/// The HyperPod inference operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Version of the Helm chart that the facts are of.
    pub chart_version: String,
    /// Version of the operator in it.
    pub app_version: String,
    /// Where it runs.
    pub namespace: String,
    /// `apiVersion` of its resources.
    pub api_version: String,
    /// Where it mounts the model unless told otherwise.
    pub model_mount_path: String,
    /// Where it scrapes metrics unless told otherwise.
    pub metrics_path: String,
    /// Replicas unless told otherwise.
    pub default_replicas: u32,
    /// Time for a deployment in seconds unless told otherwise.
    pub max_deploy_time_s: u32,
}

/// A custom resource of the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomResource {
    /// `InferenceEndpointConfig`.
    pub kind: String,
    /// `inferenceendpointconfigs`.
    pub plural: String,
    /// API group.
    pub group: String,
    /// Version that is stored.
    pub version: String,
    /// `Namespaced`.
    pub scope: String,
}

/// What a node of a type has, as the HyperPod CLI counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeResources {
    /// `ml.g5.xlarge`.
    #[serde(rename = "type")]
    pub name: InstanceType,
    /// Virtual processors.
    pub cpu: u32,
    /// Memory in GiB.
    pub memory_gib: u32,
    /// GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u32>,
    /// Neuron devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neuron: Option<u32>,
    /// EFA interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub efa: Option<u32>,
}

/// `hyperpod.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HyperpodFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// The operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// By kind.
    #[serde(default)]
    pub crds: Table<CustomResource>,
    /// By type. HyperPod accepts more types than its CLI counts; `Instance::hyperpod` has all.
    #[serde(default)]
    pub node_resources: Table<NodeResources>,
}

catalog_file!(
    HyperpodFile, "hyperpod.json",
    rows { crds by |row| row.kind.clone(), node_resources by |row| row.name.clone() },
    values { operator }
);

/// HyperPod.
#[derive(Debug, Clone)]
pub struct Hyperpod {
    file: HyperpodFile,
}

impl Hyperpod {
    pub(crate) fn new(file: HyperpodFile) -> Self {
        Self { file }
    }

    /// The inference operator.
    pub fn operator(&self) -> Option<&Operator> {
        self.file.operator.as_ref()
    }

    /// The operator's resources.
    pub fn crds(&self) -> impl Iterator<Item = &CustomResource> {
        self.file.crds.iter()
    }

    /// JSON schema (draft 7) of a whole manifest of the kind, of the kinds that projects write.
    pub fn crd_schema(&self, kind: &str) -> Option<&'static str> {
        SCHEMAS.iter().find(|(known, _)| *known == kind).map(|(_, schema)| *schema)
    }

    /// What a node of a type has; none if the CLI does not count it.
    pub fn node(&self, name: &str) -> Option<&NodeResources> {
        self.file.node_resources.iter().find(|row| row.name.as_str() == name)
    }

    /// All node types with a row.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeResources> {
        self.file.node_resources.iter()
    }
}

const SCHEMAS: [(&str, &str); 1] =
    [("InferenceEndpointConfig", include_str!("../data/crds/inferenceendpointconfig.json"))];
