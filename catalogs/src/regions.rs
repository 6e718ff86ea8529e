//! The AWS regions: partition, services, and a hint at what EC2 offers there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::{InstanceType, Region};
use crate::instances::Instance;
use crate::nearest::nearest;
use crate::rows::{Origin, Table};

/// One region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionRow {
    /// `us-east-1`.
    pub region: Region,
    /// `US East (N. Virginia)`.
    pub name: String,
    /// `aws`, `aws-cn`, `aws-us-gov` and the isolated ones.
    pub partition: String,
    /// `amazonaws.com` and its kind.
    pub dns_suffix: String,
    /// Endpoint prefixes of the services that are there, of those that projects use.
    pub services: Vec<String>,
    /// The HyperPod inference operator's image is published there.
    pub hyperpod_operator: bool,
    /// Accelerated instance types that EC2 offers there: a hint for SageMaker, no proof. None if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ec2_accelerators: Option<Vec<InstanceType>>,
    /// Accelerated types without a hosting price there that have one elsewhere: endpoints and jobs cannot use them, though
    /// clusters may. Empty where the price list was not read to its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_hosted: Vec<InstanceType>,
}

impl RegionRow {
    /// Whether a service is there, by its endpoint prefix: `sagemaker`, `codebuild`, `eks`.
    pub fn has(&self, service: &str) -> bool {
        self.services.iter().any(|known| known == service)
    }
}

/// `regions.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionsFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By region.
    #[serde(default)]
    pub regions: Table<RegionRow>,
}

catalog_file!(RegionsFile, "regions.json", rows { regions by |row| row.region.clone() });

/// The regions.
#[derive(Debug, Clone)]
pub struct Regions {
    file: RegionsFile,
}

impl Regions {
    pub(crate) fn new(file: RegionsFile) -> Self {
        Self { file }
    }

    /// Date of the facts.
    pub fn as_of(&self) -> &str {
        &self.file.as_of
    }

    /// By code.
    pub fn get(&self, region: &str) -> Option<&RegionRow> {
        self.file.regions.iter().find(|row| row.region.as_str() == region)
    }

    /// Where the row of a Region is from.
    pub fn origin(&self, region: &str) -> &Origin {
        self.file.regions.origin_where(|row| row.region.as_str() == region)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &RegionRow> {
        self.file.regions.iter()
    }

    /// The codes most like `region`.
    pub fn nearest(&self, region: &str) -> Vec<&str> {
        nearest(region, self.iter().map(|row| row.region.as_str()), 3)
    }

    /// Whether EC2 offers an accelerated type in a region, as a hint for SageMaker. None if not known:
    /// for types without accelerator, for regions without data, and for types that the data has nowhere.
    pub fn offers(&self, region: &str, instance: &Instance) -> Option<bool> {
        instance.accelerator()?;
        let offered = |row: &RegionRow| {
            row.ec2_accelerators.as_ref().map(|types| types.contains(&instance.name))
        };
        let here = offered(self.get(region)?)?;
        (here || self.iter().any(|row| offered(row) == Some(true))).then_some(here)
    }

    /// Whether AWS's price list of a region was read, and has no price for hosting on this type.
    pub fn has_no_hosting_price(&self, region: &str, instance: &Instance) -> bool {
        self.get(region).is_some_and(|row| row.not_hosted.contains(&instance.name))
    }

    /// The regions where EC2 offers an accelerated type.
    pub fn offering(&self, instance: &InstanceType) -> Vec<&Region> {
        self.iter()
            .filter(|row| {
                row.ec2_accelerators.as_ref().is_some_and(|types| types.contains(instance))
            })
            .map(|row| &row.region)
            .collect()
    }
}
