//! What a GPU or Neuron device is, once per model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::nearest::nearest;
use crate::rows::Table;

/// The kinds of accelerator that images and pods are made for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum AcceleratorKind {
    /// None.
    Cpu,
    /// NVIDIA GPU.
    Cuda,
    /// AWS Inferentia or Trainium.
    Neuron,
}

impl AcceleratorKind {
    /// `cpu`, `cuda` or `neuron`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Neuron => "neuron",
        }
    }

    /// The Kubernetes resource that a pod asks for, if any.
    pub fn resource(self) -> Option<&'static str> {
        match self {
            Self::Cpu => None,
            Self::Cuda => Some("nvidia.com/gpu"),
            Self::Neuron => Some("aws.amazon.com/neuron"),
        }
    }
}

impl std::fmt::Display for AcceleratorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the memory figure of an accelerator comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemoryBasis {
    /// What a framework reported at start on such a device.
    Measured,
    /// What EC2 reports; a framework may see up to about 4 % less.
    Reported,
    /// The product page's figure; a framework sees less.
    Marketing,
}

/// CUDA compute capability, `8.6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComputeCapability {
    /// Architecture generation.
    pub major: u8,
    /// Revision within the generation.
    pub minor: u8,
}

impl std::fmt::Display for ComputeCapability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl std::str::FromStr for ComputeCapability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |part: &str| part.parse::<u8>().ok();
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self { major: parse(major)?, minor: parse(minor)? }))
            .ok_or_else(|| format!("`{text}` is not a compute capability such as `8.6`"))
    }
}

impl Serialize for ComputeCapability {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ComputeCapability {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ComputeCapability {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ComputeCapability".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": r"^\d+\.\d+$", "description": "CUDA compute capability" })
    }
}

/// One model of GPU or Neuron device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accelerator {
    /// `A10G`, `A100-80GB`, `Inferentia2`.
    pub name: String,
    /// GPU or Neuron.
    pub kind: AcceleratorKind,
    /// Ampere, Hopper, NeuronCore-v2.
    pub architecture: String,
    /// Memory of one device in MiB as a framework sees it, as far as `memory_basis` says.
    pub memory_mib: u32,
    /// Where `memory_mib` comes from.
    pub memory_basis: MemoryBasis,
    /// Memory in MiB that EC2 reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_mib: Option<u32>,
    /// Memory in GB on the product page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketing_gb: Option<u32>,
    /// Only for GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_capability: Option<ComputeCapability>,
    /// Computes in bfloat16. None for Neuron devices, where the compiler decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bf16: Option<bool>,
    /// Has FP8 matrix units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fp8: Option<bool>,
    /// Has FP4 matrix units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fp4: Option<bool>,
    /// The first CUDA toolkit that knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_cuda: Option<String>,
    /// The first driver branch that knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_driver: Option<u32>,
    /// The last driver branch that knows it, of devices that newer drivers dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_driver: Option<u32>,
    /// Memory bandwidth in GB/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_gb_s: Option<u32>,
    /// Neuron cores in one device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// The only numbers of cores that work together; empty for any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub core_groups: Vec<u32>,
}

impl Accelerator {
    /// Memory of one device in GiB as a framework sees it.
    pub fn memory_gib(&self) -> f64 {
        f64::from(self.memory_mib) / 1024.0
    }
}

/// `accelerators.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceleratorsFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By name.
    #[serde(default)]
    pub accelerators: Table<Accelerator>,
}

catalog_file!(AcceleratorsFile, "accelerators.json", rows { accelerators by |row| row.name.clone() });

/// The accelerators.
#[derive(Debug, Clone)]
pub struct Accelerators {
    file: AcceleratorsFile,
}

impl Accelerators {
    pub(crate) fn new(file: AcceleratorsFile) -> Self {
        Self { file }
    }

    /// By name, as instances refer to it.
    pub fn get(&self, name: &str) -> Option<&Accelerator> {
        self.file.accelerators.iter().find(|row| row.name == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Accelerator> {
        self.file.accelerators.iter()
    }

    /// The names most like `name`.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        nearest(name, self.iter().map(|row| row.name.as_str()), 3)
    }
}
