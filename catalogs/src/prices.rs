//! What an instance costs, by Region.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::CatalogFile;
use crate::ids::{InstanceType, Region};
use crate::rows::{Origin, Table};

/// Whether AWS published a price or it was worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PriceBasis {
    /// From the SageMaker price list.
    Published,
    /// EC2 list price times the premium of the family; a few per cent off for common families, more for rare ones.
    Estimate,
}

/// One price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    /// `ml.g5.xlarge`.
    #[serde(rename = "type")]
    pub name: InstanceType,
    /// US dollars for an hour of one instance.
    pub usd_per_hour: f64,
    /// Published or estimated.
    pub basis: PriceBasis,
    /// Date of this row, if it is not the file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Region of this row, if it is not the file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

/// `prices.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PricesFile {
    /// Date of the published prices.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// Where they hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Always US dollars today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Storage attached to an endpoint, US dollars for a GB and month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_usd_per_gb_month: Option<f64>,
    /// Date of the list that the estimates start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimates_as_of: Option<String>,
    /// By type.
    #[serde(default)]
    pub prices: Table<PriceRow>,
}

impl PricesFile {
    fn date_of(&self, row: &PriceRow) -> String {
        let own = row.as_of.as_ref();
        let of_basis =
            if row.basis == PriceBasis::Estimate { self.estimates_as_of.as_ref() } else { None };
        own.or(of_basis).unwrap_or(&self.as_of).clone()
    }
}

impl CatalogFile for PricesFile {
    const NAME: &'static str = "prices.json";
    const TEXT: &'static str = include_str!("../data/prices.json");

    fn as_of(&self) -> &str {
        &self.as_of
    }

    fn lay(&mut self, overlay: Self, origin: &Origin) {
        // A user's prices are of another day, and perhaps of another region, than the rows around them.
        let stamped: Vec<PriceRow> = overlay
            .prices
            .iter()
            .map(|row| PriceRow {
                as_of: Some(overlay.date_of(row)),
                region: row.region.clone().or_else(|| overlay.region.clone()),
                ..row.clone()
            })
            .collect();
        let home = self.region.clone();
        self.prices.lay(stamped.into(), origin, |row| {
            (row.name.clone(), row.region.clone().or_else(|| home.clone()))
        });
        if overlay.storage_usd_per_gb_month.is_some() {
            self.storage_usd_per_gb_month = overlay.storage_usd_per_gb_month;
        }
    }
}

/// A price with what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Price {
    /// US dollars for an hour of one instance.
    pub usd: f64,
    /// Published or estimated.
    pub basis: PriceBasis,
    /// Date of the price.
    pub as_of: String,
    /// Where it holds; other regions cost up to about twice as much.
    pub region: Option<Region>,
    /// Where it is from.
    #[serde(skip)]
    pub origin: Origin,
}

/// How a price stands in an order for one Region: prices of several Regions are never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nearness {
    /// It is of the Region itself.
    There,
    /// It is of the Region that most prices of the file are of.
    Home,
    /// It is of another one.
    Elsewhere,
    /// There is none.
    Unknown,
}

/// The prices.
#[derive(Debug, Clone)]
pub struct Prices {
    file: PricesFile,
    /// Rows of the file's own Region.
    home: HashMap<InstanceType, usize>,
    /// Rows of others.
    elsewhere: BTreeMap<Region, HashMap<InstanceType, usize>>,
}

impl Prices {
    pub(crate) fn new(file: PricesFile) -> Self {
        let mut home = HashMap::with_capacity(file.prices.len());
        let mut elsewhere: BTreeMap<Region, HashMap<InstanceType, usize>> = BTreeMap::new();
        for (at, row) in file.prices.iter().enumerate() {
            match row.region.as_ref().filter(|region| file.region.as_ref() != Some(*region)) {
                Some(region) => {
                    elsewhere.entry(region.clone()).or_default().insert(row.name.clone(), at);
                }
                None => {
                    home.insert(row.name.clone(), at);
                }
            }
        }
        Self { file, home, elsewhere }
    }

    /// The price of an instance type in `region`; where that is not known, or no Region is asked about, that of the Region
    /// that most prices are of, else that of any. It says where it holds. None if none is known.
    pub fn usd_per_hour(&self, name: &str, region: Option<&str>) -> Option<Price> {
        let (at, near) = self.place(name, region)?;
        let row = self.file.prices.get(at)?;
        // Where a Region has prices of its own, one of another is no more than an estimate for it.
        let known = region.is_some_and(|region| self.knows(region));
        let estimate = known && near != Nearness::There;
        Some(Price {
            origin: self.file.prices.origin(at).clone(),
            usd: row.usd_per_hour,
            basis: if estimate { PriceBasis::Estimate } else { row.basis },
            as_of: self.file.date_of(row),
            region: row.region.clone().or_else(|| self.file.region.clone()),
        })
    }

    /// Where the prices are from that an answer about `region` tells.
    pub(crate) fn origin(&self, region: &str) -> &Origin {
        let of = |region: &str, row: &PriceRow| {
            let own = row.region.as_ref().or(self.file.region.as_ref());
            own.is_some_and(|own| own.as_str() == region)
        };
        let rows = &self.file.prices;
        let home = || {
            let home = self.file.region.as_ref()?;
            rows.latest_where(|row| of(home.as_str(), row))
        };
        rows.latest_where(|row| of(region, row)).or_else(home).unwrap_or(&Origin::Build)
    }

    /// The number alone.
    pub fn usd(&self, name: &str, region: Option<&str>) -> Option<f64> {
        let (at, _) = self.place(name, region)?;
        Some(self.file.prices.get(at)?.usd_per_hour)
    }

    /// The number, to order by.
    pub(crate) fn rank(&self, name: &str, region: Option<&str>) -> (Nearness, f64) {
        let row = self
            .place(name, region)
            .and_then(|(at, near)| Some((near, self.file.prices.get(at)?.usd_per_hour)));
        row.unwrap_or((Nearness::Unknown, f64::INFINITY))
    }

    /// The Regions that prices are known of, besides the one that most are of.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Region> {
        self.elsewhere.keys()
    }

    /// Whether any price of `region` itself is known.
    pub fn knows(&self, region: &str) -> bool {
        self.is_home(region) || self.elsewhere.keys().any(|own| own.as_str() == region)
    }

    /// The Region that most prices are of.
    pub fn home(&self) -> Option<&Region> {
        self.file.region.as_ref()
    }

    fn is_home(&self, region: &str) -> bool {
        self.home().is_some_and(|home| home.as_str() == region)
    }

    fn place(&self, name: &str, region: Option<&str>) -> Option<(usize, Nearness)> {
        let home = self.home.get(name).copied();
        let region = region.filter(|region| !self.is_home(region));
        let Some(region) = region else {
            let home = home.map(|at| (at, Nearness::There));
            return home.or_else(|| self.anywhere(name));
        };
        // Few are known: none, for most.
        let there = self.elsewhere.iter().find(|(own, _)| own.as_str() == region);
        let there = there.and_then(|(_, rows)| rows.get(name).copied());
        there
            .map(|at| (at, Nearness::There))
            .or_else(|| home.map(|at| (at, Nearness::Home)))
            .or_else(|| self.anywhere(name))
    }

    fn anywhere(&self, name: &str) -> Option<(usize, Nearness)> {
        self.elsewhere.values().find_map(|rows| rows.get(name)).map(|at| (*at, Nearness::Elsewhere))
    }

    /// Storage attached to an endpoint, US dollars for a GB and month.
    pub fn storage_usd_per_gb_month(&self) -> Option<f64> {
        self.file.storage_usd_per_gb_month
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = &PriceRow> {
        self.file.prices.iter()
    }
}
