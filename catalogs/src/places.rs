//! Where the regions are: their cities and countries, and the places that people name instead of a region.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::Region;
use crate::nearest::nearest;
use crate::rows::Table;

/// The city and country of a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionPlace {
    /// `eu-central-1`.
    pub region: Region,
    /// The city or metropolitan area that AWS names.
    pub city: String,
    /// Country by its ISO 3166 code: `DE`.
    pub country: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// A city, or a country by its largest city.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedPlace {
    /// Its English name.
    pub name: String,
    /// Other names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Country by its ISO 3166 code.
    pub country: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// Countries that are named together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountryGroup {
    /// `europe`, `european union`.
    pub name: String,
    /// Other names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Countries by their ISO 3166 codes.
    pub countries: Vec<String>,
}

/// `places.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlacesFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By region.
    #[serde(default)]
    pub regions: Table<RegionPlace>,
    /// By name.
    #[serde(default)]
    pub places: Table<NamedPlace>,
    /// By name.
    #[serde(default)]
    pub groups: Table<CountryGroup>,
}

catalog_file!(
    PlacesFile, "places.json",
    rows { regions by |row| row.region.clone(), places by |row| row.name.clone(), groups by |row| row.name.clone() }
);

/// What a name stands for on the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Whereabouts<'a> {
    /// A point: a city, or the largest city of a country.
    Place(&'a NamedPlace),
    /// Several countries.
    Group(&'a CountryGroup),
}

/// The places.
#[derive(Debug, Clone)]
pub struct Places {
    file: PlacesFile,
    /// Groups and places by their plain names.
    named: HashMap<String, Named>,
}

#[derive(Debug, Clone, Copy)]
enum Named {
    Group(usize),
    Place(usize),
}

impl Places {
    pub(crate) fn new(file: PlacesFile) -> Self {
        let mut named = HashMap::new();
        let mut add = |name: &str, aliases: &[String], what: Named| {
            for name in std::iter::once(name).chain(aliases.iter().map(String::as_str)) {
                // The first of a name is the one that is meant.
                named.entry(plain(name)).or_insert(what);
            }
        };
        for (at, row) in file.groups.iter().enumerate() {
            add(&row.name, &row.aliases, Named::Group(at));
        }
        for (at, row) in file.places.iter().enumerate() {
            add(&row.name, &row.aliases, Named::Place(at));
        }
        Self { file, named }
    }

    /// Where a region is; none for those whose place is not public.
    pub fn region(&self, region: &str) -> Option<&RegionPlace> {
        self.file.regions.iter().find(|row| row.region.as_str() == region)
    }

    /// All regions with a place.
    pub fn regions(&self) -> impl Iterator<Item = &RegionPlace> {
        self.file.regions.iter()
    }

    /// The English name of a country, or its code if there is none.
    pub fn country<'a>(&'a self, code: &'a str) -> &'a str {
        // Countries are the first place of each code.
        let row = self.file.places.iter().find(|place| place.country == code);
        row.map_or(code, |place| place.name.as_str())
    }

    /// What a city, country, continent or group of countries is called; case, and words such as "near", do not matter.
    pub fn find(&self, text: &str) -> Option<Whereabouts<'_>> {
        let wanted = plain(text);
        if wanted.is_empty() {
            return None;
        }
        let found = self.named.get(&wanted).and_then(|named| match named {
            Named::Group(at) => self.file.groups.get(*at).map(Whereabouts::Group),
            Named::Place(at) => self.file.places.get(*at).map(Whereabouts::Place),
        });
        if found.is_some() {
            return found;
        }
        // "Vienna, Austria": the first part is the nearer one.
        let (first, _) = text.split_once(',')?;
        self.find(first)
    }

    /// Names most like `text`.
    pub fn nearest(&self, text: &str) -> Vec<&str> {
        let groups = self.file.groups.iter().map(|row| row.name.as_str());
        nearest(&plain(text), groups.chain(self.file.places.iter().map(|row| row.name.as_str())), 5)
    }
}

/// Words that say nothing of where it is.
const FILLERS: [&str; 8] = ["near", "in", "close", "to", "the", "around", "region", "city"];

/// Lower case letters without accents, and without words that say nothing.
fn plain(text: &str) -> String {
    let lower = text.to_lowercase();
    let unaccented: String = lower
        .chars()
        .map(|character| match character {
            'á' | 'à' | 'â' | 'ã' | 'ä' | 'å' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'i',
            'ó' | 'ò' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            'ñ' => 'n',
            other => other,
        })
        .collect();
    let words: Vec<&str> = unaccented
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    // "Mexico City" keeps its city.
    let telling: Vec<&str> = words.iter().copied().filter(|word| !FILLERS.contains(word)).collect();
    if telling.len() < 2 && words.last() == Some(&"city") {
        return words
            .iter()
            .filter(|word| **word != "in" && **word != "near")
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
    }
    telling.join(" ")
}

/// Kilometres between two points given in degrees north and east, on a sphere.
pub fn distance_km(from: (f64, f64), to: (f64, f64)) -> f64 {
    const RADIUS_KM: f64 = 6371.0;
    let (latitude, other) = (from.0.to_radians(), to.0.to_radians());
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let chord = half(to.0 - from.0) + latitude.cos() * other.cos() * half(to.1 - from.1);
    2.0 * RADIUS_KM * chord.sqrt().clamp(0.0, 1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogs;

    #[test]
    fn places_are_found_as_people_write_them() {
        let places = Catalogs::embedded().places();
        for (text, name) in [
            ("near Tokyo", "Tokyo"),
            ("Vienna, Austria", "Vienna"),
            ("SÃO PAULO", "Sao Paulo"),
            ("Mexico City", "Mexico City"),
            ("uk", "United Kingdom"),
            ("Deutschland", "Germany"),
            ("new york city", "New York"),
        ] {
            assert!(
                matches!(places.find(text), Some(Whereabouts::Place(place)) if place.name == name),
                "{text}"
            );
        }
        for (text, name) in
            [("Europe", "europe"), ("EU", "european union"), ("apac", "asia pacific")]
        {
            assert!(
                matches!(places.find(text), Some(Whereabouts::Group(group)) if group.name == name),
                "{text}"
            );
        }
        assert_eq!(places.find("Atlantis"), None);
        assert_eq!(places.find(""), None);
        assert!(places.nearest("Tokio").contains(&"Tokyo"));
    }

    #[test]
    fn every_public_region_has_a_place_and_every_place_a_region_or_country() {
        let catalogs = Catalogs::embedded();
        for row in catalogs.regions().iter().filter(|row| !row.partition.starts_with("aws-iso")) {
            assert!(catalogs.places().region(row.region.as_str()).is_some(), "{}", row.region);
        }
        for place in catalogs.places().regions() {
            assert!(catalogs.regions().get(place.region.as_str()).is_some(), "{}", place.region);
            assert_ne!(
                catalogs.places().country(&place.country),
                place.country,
                "{}",
                place.region
            );
        }
    }

    #[test]
    fn distances_are_right() {
        let km = distance_km((50.1, 8.7), (48.9, 2.4));
        assert!((km - 478.0).abs() < 10.0, "{km}");
        assert!(distance_km((0.0, 0.0), (0.0, 180.0)) > 20_000.0);
        assert!(distance_km((10.0, 10.0), (10.0, 10.0)) < 0.1);
    }
}
