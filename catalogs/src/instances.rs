//! The instance types that SageMaker hosting, batch transform and HyperPod accept.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accelerators::{Accelerator, AcceleratorKind, Accelerators};
use crate::file::catalog_file;
use crate::ids::InstanceType;
use crate::nearest::nearest;
use crate::rows::Table;

/// Processor architecture.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Arch {
    /// Intel and AMD.
    #[serde(rename = "x86_64")]
    X86_64,
    /// Graviton and Grace.
    #[serde(rename = "arm64")]
    Arm64,
}

impl Arch {
    /// As container tools write it: `amd64` or `arm64`.
    pub fn container_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// As `docker build --platform` takes it.
    pub fn platform(self) -> &'static str {
        match self {
            Self::X86_64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
        }
    }
}

impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

/// One instance type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// `ml.g5.xlarge`.
    #[serde(rename = "type")]
    pub name: InstanceType,
    /// Virtual processors.
    pub vcpus: u32,
    /// Host memory in MiB.
    pub memory_mib: u64,
    /// Processor architecture, which the image must have.
    pub arch: Arch,
    /// Name of a row of `accelerators.json`.
    #[serde(default, rename = "accelerator", skip_serializing_if = "Option::is_none")]
    pub accelerator_name: Option<String>,
    /// How many of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub count: u32,
    /// Accepted for endpoints (real time and asynchronous).
    pub hosting: bool,
    /// Accepted for batch transform jobs.
    pub batch_transform: bool,
    /// Accepted for HyperPod clusters.
    pub hyperpod: bool,
    /// Local `NVMe` storage in GB; such types refuse `VolumeSizeInGB`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub nvme_gb: u32,
    /// Whether it has local `NVMe` is not known.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nvme_unknown: bool,
    /// Network baseline in Gbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_gbps: Option<f64>,
    /// How many EFA interfaces it can have.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub efa: u32,
    /// EC2 no longer counts it as current.
    #[serde(default, skip_serializing_if = "is_false")]
    pub previous_generation: bool,
    #[serde(skip)]
    joined: Option<Accelerator>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Instance {
    /// The family: `g5`, `p6-b200`.
    pub fn family(&self) -> &str {
        self.name.family()
    }

    /// What kind of accelerator it has; one of each is described by this, `count` says how many there are.
    pub fn accelerator(&self) -> Option<&Accelerator> {
        self.joined.as_ref()
    }

    /// GPU, Neuron, or none.
    pub fn accelerator_kind(&self) -> AcceleratorKind {
        self.joined.as_ref().map_or(AcceleratorKind::Cpu, |accelerator| accelerator.kind)
    }

    /// The number of GPUs; Neuron devices are not counted.
    pub fn gpus(&self) -> u32 {
        if self.accelerator_kind() == AcceleratorKind::Cuda { self.count } else { 0 }
    }

    /// Host memory in GiB.
    #[expect(clippy::cast_precision_loss, reason = "no host has 2^52 MiB")]
    pub fn memory_gib(&self) -> f64 {
        self.memory_mib as f64 / 1024.0
    }

    /// Memory of all accelerators together in GiB, as frameworks see it; 0 without one.
    pub fn accelerator_memory_gib(&self) -> f64 {
        self.joined
            .as_ref()
            .map_or(0.0, |accelerator| accelerator.memory_gib() * f64::from(self.count))
    }

    /// Whether it has local `NVMe` storage; none if that is not known.
    pub fn nvme(&self) -> Option<bool> {
        (!self.nvme_unknown).then_some(self.nvme_gb > 0)
    }
}

/// How many types the API's enumerations have, to notice a conversion that lost some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnumCounts {
    /// `ProductionVariantInstanceType`.
    pub hosting: usize,
    /// `TransformInstanceType`.
    pub batch_transform: usize,
    /// `ClusterInstanceType`.
    pub hyperpod: usize,
}

/// `instances.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstancesFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// Sizes of the API's enumerations at that date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enum_counts: Option<EnumCounts>,
    /// By type.
    #[serde(default)]
    pub instances: Table<Instance>,
    /// Types that the API's other enumerations have, for training, processing and notebooks: they exist, and more is
    /// not known of them here.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub other_uses: Table<InstanceType>,
}

catalog_file!(
    InstancesFile, "instances.json",
    rows { instances by |row| row.name.clone(), other_uses by InstanceType::clone }
);

/// The instance types, joined with their accelerators.
#[derive(Debug, Clone)]
pub struct Instances {
    file: InstancesFile,
    by_name: HashMap<InstanceType, usize>,
}

impl Instances {
    pub(crate) fn new(mut file: InstancesFile, accelerators: &Accelerators) -> Self {
        for row in &mut file.instances {
            row.joined =
                row.accelerator_name.as_deref().and_then(|name| accelerators.get(name)).cloned();
        }
        let by_name =
            file.instances.iter().enumerate().map(|(at, row)| (row.name.clone(), at)).collect();
        Self { file, by_name }
    }

    /// Date of the facts.
    pub fn as_of(&self) -> &str {
        &self.file.as_of
    }

    /// Sizes of the API's enumerations when the catalog was made.
    pub fn enum_counts(&self) -> Option<EnumCounts> {
        self.file.enum_counts
    }

    /// By its full name, `ml.g5.xlarge`.
    pub fn get(&self, name: &str) -> Option<&Instance> {
        let at = *self.by_name.get(name)?;
        self.file.instances.get(at)
    }

    /// Whether a type exists of which nothing else is known: `SageMaker` has it for other uses.
    pub fn has_other_uses(&self, name: &str) -> bool {
        self.file.other_uses.iter().any(|known| known.as_str() == name)
    }

    pub(crate) fn at(&self, place: usize) -> Option<&Instance> {
        self.file.instances.get(place)
    }

    /// All of them, by family and size.
    pub fn iter(&self) -> impl Iterator<Item = &Instance> {
        self.file.instances.iter()
    }

    /// The types whose name is most like `name`.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        nearest(name, self.iter().map(|row| row.name.as_str()), 3)
    }
}
