//! What an instance costs.

use std::collections::HashMap;

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
        // A price holds where it holds: that of another Region stands beside it, and does not take its place.
        let home = self.region.clone();
        let place =
            |row: &PriceRow| row.region.clone().filter(|region| Some(region) != home.as_ref());
        self.prices.lay(stamped.into(), origin, |row| (row.name.clone(), place(row)));
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
}

/// The prices. One answer is about one Region: where rows of one other than the file's were laid, they are the prices,
/// and those of the file stand in for what has none there.
#[derive(Debug, Clone)]
pub struct Prices {
    file: PricesFile,
    /// The rows of the one Region, those of the file's for what is not there, and others for what is in neither.
    by_name: HashMap<InstanceType, usize>,
    /// Each row where it holds.
    by_region: HashMap<(InstanceType, Region), usize>,
    /// The one Region whose prices were looked up.
    place: Option<Region>,
}

impl Prices {
    pub(crate) fn new(file: PricesFile) -> Self {
        let (mut looked_up, mut own): (Vec<&Region>, Vec<&Region>) = (Vec::new(), Vec::new());
        for (at, row) in file.prices.iter().enumerate() {
            let live = file.prices.origin(at).live().is_some();
            let regions: &mut Vec<&Region> = if live { &mut looked_up } else { &mut own };
            if let Some(region) = row.region.as_ref().filter(|region| !regions.contains(region)) {
                regions.push(region);
            }
        }
        // A user's own prices are not asked for: they say what they know, wherever something is to run.
        let regions = if looked_up.is_empty() { &own } else { &looked_up };
        let one = if let [one] = regions.as_slice() { Some((*one).clone()) } else { None };
        let (mut by_name, mut by_region) = (HashMap::new(), HashMap::new());
        let is = |row: &PriceRow, wanted: usize| match &row.region {
            Some(region) if one.as_ref() == Some(region) => wanted == 0,
            None => wanted == 1,
            Some(_) => wanted == 2,
        };
        for wanted in 0..3 {
            for (at, row) in file.prices.iter().enumerate().filter(|(_, row)| is(row, wanted)) {
                by_name.entry(row.name.clone()).or_insert(at);
                let region = row.region.as_ref().or(file.region.as_ref());
                if let Some(region) = region {
                    by_region.insert((row.name.clone(), region.clone()), at);
                }
            }
        }
        let place = one.filter(|_| !looked_up.is_empty());
        Self { file, by_name, by_region, place }
    }

    /// The price of an instance type; none if it is not known. Where prices of a Region were looked up, that of a type
    /// that has none there is the one of another Region, and so an estimate.
    pub fn usd_per_hour(&self, name: &str) -> Option<Price> {
        let row = self.row(name)?;
        let mut price = self.price(row);
        if self.place.is_some() && price.region != self.place {
            price.basis = PriceBasis::Estimate;
        }
        Some(price)
    }

    /// The price of an instance type in a Region, if it is known there.
    pub fn usd_per_hour_in(&self, name: &InstanceType, region: &Region) -> Option<Price> {
        let at = self.by_region.get(&(name.clone(), region.clone()))?;
        self.file.prices.get(*at).map(|row| self.price(row))
    }

    fn price(&self, row: &PriceRow) -> Price {
        Price {
            usd: row.usd_per_hour,
            basis: row.basis,
            as_of: self.file.date_of(row),
            region: row.region.clone().or_else(|| self.file.region.clone()),
        }
    }

    /// The Region whose prices were looked up. None without a look-up, or with one of several Regions.
    pub fn place(&self) -> Option<&Region> {
        self.place.as_ref()
    }

    /// Where the prices of a Region are from. Those of the file, and a user's own, stand in for what was not looked up.
    pub(crate) fn origin(&self, region: &str) -> &Origin {
        let there = |row: &PriceRow| row.region.as_ref().is_some_and(|at| at.as_str() == region);
        match self.file.prices.origin_where(there) {
            Origin::Build => match self.file.prices.latest() {
                own @ Origin::Own { .. } => own,
                // Another Region's.
                _ => &Origin::Build,
            },
            laid => laid,
        }
    }

    /// The number alone.
    pub fn usd(&self, name: &str) -> Option<f64> {
        self.row(name).map(|row| row.usd_per_hour)
    }

    /// The number to order by, behind whether it is of another Region than the one whose prices were looked up: prices of
    /// two Regions are not in one order. What has no price comes last.
    pub(crate) fn rank(&self, name: &str) -> (bool, f64) {
        let Some(row) = self.row(name) else { return (true, f64::INFINITY) };
        let elsewhere = self.place.is_some() && row.region != self.place;
        (elsewhere, row.usd_per_hour)
    }

    fn row(&self, name: &str) -> Option<&PriceRow> {
        self.file.prices.get(*self.by_name.get(name)?)
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
