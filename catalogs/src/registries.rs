//! The accounts that hold AWS's images, by region.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::Region;
use crate::rows::Table;

/// One registry: the same images in an account of AWS's in every region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// `dlc` for the Deep Learning Containers.
    pub registry: String,
    /// Account number by region.
    pub accounts: BTreeMap<Region, String>,
}

/// The regions in which a group of images is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageSet {
    /// Name that rows of `images.json` refer to.
    pub set: String,
    /// Name of the registry.
    pub registry: String,
    /// Where the images are.
    pub regions: Vec<Region>,
}

/// `registries.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistriesFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By name.
    #[serde(default)]
    pub registries: Table<Registry>,
    /// By name.
    #[serde(default)]
    pub sets: Table<ImageSet>,
}

catalog_file!(RegistriesFile, "registries.json", rows { registries by |row| row.registry.clone(), sets by |row| row.set.clone() });

/// The registries.
#[derive(Debug, Clone)]
pub struct Registries {
    file: RegistriesFile,
}

impl Registries {
    pub(crate) fn new(file: RegistriesFile) -> Self {
        Self { file }
    }

    /// The account of a registry in a region.
    pub fn account(&self, registry: &str, region: &str) -> Option<&str> {
        let accounts = &self.file.registries.iter().find(|row| row.registry == registry)?.accounts;
        accounts.get(&region.parse::<Region>().ok()?).map(String::as_str)
    }

    /// A group of images.
    pub fn set(&self, name: &str) -> Option<&ImageSet> {
        self.file.sets.iter().find(|row| row.set == name)
    }

    /// All registries.
    pub fn iter(&self) -> impl Iterator<Item = &Registry> {
        self.file.registries.iter()
    }

    /// All groups of images.
    pub fn sets(&self) -> impl Iterator<Item = &ImageSet> {
        self.file.sets.iter()
    }

    /// The registry and region of one of AWS's accounts, to explain a permission error.
    pub fn owner(&self, account: &str) -> Option<(&str, &Region)> {
        self.iter().find_map(|row| {
            row.accounts
                .iter()
                .find(|(_, known)| *known == account)
                .map(|(region, _)| (row.registry.as_str(), region))
        })
    }
}
