//! The accounts that hold AWS's images, by region.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::{ImageUri, Region};
use crate::regions::Regions;
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

/// Why a build cannot pull from a private registry, as far as its address says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// The registry is in another partition than the build: credentials are good for one partition only.
    Abroad,
    /// Names of the Region's hosts end otherwise.
    Suffix,
    /// The account is AWS's, of another partition: accounts are in one partition only.
    Partition,
    /// The account is AWS's, and in this Region AWS has the same registry in another account.
    Account,
}

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

    /// What is wrong with account and Region of an image in a private ECR registry, for a build in the Region `from`, and the
    /// addresses that are right, as far as they are known. None if nothing is known to be wrong.
    pub fn misplaced(
        &self,
        image: &ImageUri,
        from: &str,
        regions: &Regions,
    ) -> Option<(Misplaced, Vec<String>)> {
        let (account, region) = image.ecr()?;
        let row = regions.get(region)?;
        let host = image.host()?;
        let (before, suffix) = host.strip_prefix(account)?.split_once(&format!("{region}."))?;
        // Of other hosts, such as those of another kind of endpoint, nothing is known.
        if !regions.iter().any(|known| known.dns_suffix == suffix) {
            return None;
        }
        let own: Vec<&Registry> =
            self.iter().filter(|row| row.accounts.values().any(|known| known == account)).collect();
        let accounts_in = |region: &Region| {
            let found = own.iter().filter_map(|own| own.accounts.get(region)).cloned();
            found.collect::<BTreeSet<String>>()
        };
        let path = image.as_str().strip_prefix(host)?;
        if let Some(from) = regions.get(from).filter(|from| from.partition != row.partition) {
            let address =
                |account| format!("{account}.dkr.ecr.{}.{}{path}", from.region, from.dns_suffix);
            let right = accounts_in(&from.region).into_iter().map(address).collect();
            return Some((Misplaced::Abroad, right));
        }
        let mut right = accounts_in(&row.region);
        let foreign = || {
            let homes = own.iter().flat_map(|own| &own.accounts);
            let mut homes = homes.filter(|(_, known)| *known == account).map(|(home, _)| home);
            !own.is_empty()
                && homes.all(|home| {
                    regions.get(home.as_str()).is_some_and(|home| home.partition != row.partition)
                })
        };
        let why = if suffix != row.dns_suffix {
            Misplaced::Suffix
        } else if foreign() {
            Misplaced::Partition
        } else if right.is_empty() || right.contains(account) {
            return None;
        } else {
            Misplaced::Account
        };
        if own.is_empty() || right.contains(account) {
            right = BTreeSet::from([account.to_owned()]);
        }
        let address = |account| format!("{account}{before}{region}.{}{path}", row.dns_suffix);
        Some((why, right.into_iter().map(address).collect()))
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
