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
        self.prices.lay(stamped.into(), origin, |row| row.name.clone());
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

/// The prices.
#[derive(Debug, Clone)]
pub struct Prices {
    file: PricesFile,
    by_name: HashMap<InstanceType, usize>,
}

impl Prices {
    pub(crate) fn new(file: PricesFile) -> Self {
        let by_name =
            file.prices.iter().enumerate().map(|(at, row)| (row.name.clone(), at)).collect();
        Self { file, by_name }
    }

    /// The price of an instance type; none if it is not known.
    pub fn usd_per_hour(&self, name: &str) -> Option<Price> {
        let row = self.row(name)?;
        Some(Price {
            usd: row.usd_per_hour,
            basis: row.basis,
            as_of: self.file.date_of(row),
            region: row.region.clone().or_else(|| self.file.region.clone()),
        })
    }

    /// Where the latest of the rows is from that were laid on them.
    pub(crate) fn latest(&self) -> &Origin {
        self.file.prices.latest()
    }

    /// The number alone, to order by.
    pub fn usd(&self, name: &str) -> Option<f64> {
        self.row(name).map(|row| row.usd_per_hour)
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
