//! How many instances an account may use in a Region, and does.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::{InstanceType, Region};
use crate::rows::{Origin, Table};

/// What an instance is used for; each use has a quota of its own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaUse {
    /// Endpoints, real-time and asynchronous.
    Endpoint,
    /// Transform jobs.
    Transform,
    /// Nodes of HyperPod clusters.
    Cluster,
}

/// One quota.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaRow {
    /// Where it holds.
    pub region: Region,
    /// What for.
    #[serde(rename = "use")]
    pub used_for: QuotaUse,
    /// `ml.g5.xlarge`.
    #[serde(rename = "type")]
    pub name: InstanceType,
    /// Instances at once.
    pub limit: u32,
    /// Instances in use when it was read. None if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_use: Option<u32>,
    /// Not all that may use it was counted: `in_use` is a lower bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// Service Quotas' code, to ask for more: `L-1928E07B`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// `quotas.json`. Empty in this build: quotas are an account's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotasFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// The account whose they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// By Region, use and type.
    #[serde(default)]
    pub quotas: Table<QuotaRow>,
}

catalog_file!(
    QuotasFile, "quotas.json",
    rows { quotas by |row| (row.region.clone(), row.used_for, row.name.clone()) },
    values { account }
);

/// The quotas that are known: none without a look-up or a user's own file.
#[derive(Debug, Clone)]
pub struct Quotas {
    file: QuotasFile,
    /// Where the rows of a type are.
    by_name: HashMap<InstanceType, Vec<usize>>,
}

impl Quotas {
    pub(crate) fn new(file: QuotasFile) -> Self {
        let mut by_name: HashMap<InstanceType, Vec<usize>> = HashMap::new();
        for (at, row) in file.quotas.iter().enumerate() {
            by_name.entry(row.name.clone()).or_default().push(at);
        }
        Self { file, by_name }
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.file.quotas.is_empty()
    }

    /// One quota. None if it is not known.
    pub fn get(&self, region: &str, used_for: QuotaUse, name: &str) -> Option<&QuotaRow> {
        let rows = self.by_name.get(name)?.iter().filter_map(|at| self.file.quotas.get(*at));
        rows.filter(|row| row.used_for == used_for).find(|row| row.region.as_str() == region)
    }

    /// The account whose they are.
    pub fn account(&self) -> Option<&str> {
        self.file.account.as_deref()
    }

    /// Where the rows of a Region are from.
    pub fn origin(&self, region: &str) -> &Origin {
        self.file.quotas.origin_where(|row| row.region.as_str() == region)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &QuotaRow> {
        self.file.quotas.iter()
    }
}

impl QuotaRow {
    /// Instances that may still be started, at most. None if it is not known that any run, or that none do.
    pub fn free(&self) -> Option<u32> {
        self.in_use.map(|used| self.limit.saturating_sub(used))
    }
}
