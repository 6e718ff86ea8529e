//! Which Regions there are, in which order, and what each has. Pure.

use std::sync::Arc;

use mcc_catalogs::{Catalogs, Instance, RegionPlace, RegionRow, Whereabouts, distance_km};
use mcc_fit::{Asked, Deployment};
use schemars::JsonSchema;
use serde::Serialize;

use crate::mcp::error::{Problem, ToolError};

/// What is wanted of a Region.
#[derive(Debug, Default)]
pub(super) struct Wish<'a> {
    /// Point to be near to: degrees north and east.
    pub(super) point: Option<(f64, f64)>,
    /// Countries that it has to be in.
    pub(super) countries: Option<Vec<String>>,
    pub(super) partition: Option<&'a str>,
    pub(super) services: Vec<String>,
    pub(super) instances: Vec<&'a Instance>,
    pub(super) deployment: Option<Arc<Deployment>>,
}

/// Whether a Region has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Has {
    Yes,
    No,
    Unknown,
}

impl From<Option<bool>> for Has {
    fn from(known: Option<bool>) -> Self {
        match known {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unknown,
        }
    }
}

/// A Region and what it has.
#[derive(Debug)]
pub(super) struct Ranked<'a> {
    pub(super) row: &'a RegionRow,
    pub(super) place: Option<&'a RegionPlace>,
    pub(super) distance_km: Option<f64>,
    /// What it certainly lacks.
    pub(super) lacks: Vec<String>,
    /// Instance types with whether they are there.
    pub(super) types: Vec<(&'a str, Has)>,
    /// Whether the base image is published there.
    pub(super) image: Option<Has>,
}

/// A point to be near to (degrees north and east), and countries to be in.
type Found = (Option<(f64, f64)>, Option<Vec<String>>);

/// Resolves what a place is called: a point to be near to, or countries to be in.
///
/// # Errors
/// A place that nobody knows, with names like it.
pub(super) fn find(catalogs: &Catalogs, field: &str, text: &str) -> Result<Found, ToolError> {
    let places = catalogs.places();
    let code = text.trim().to_lowercase();
    if let Some(region) = places.region(&code) {
        return Ok((Some((region.latitude, region.longitude)), None));
    }
    match places.find(text) {
        Some(Whereabouts::Place(place)) => Ok((Some((place.latitude, place.longitude)), None)),
        Some(Whereabouts::Group(group)) => Ok((None, Some(group.countries.clone()))),
        None => {
            let mut near: Vec<String> =
                places.nearest(text).into_iter().map(str::to_owned).collect();
            near.extend(catalogs.regions().nearest(&code).into_iter().map(str::to_owned));
            Err(ToolError::of(
                "unknown_place",
                Problem::of(
                    field,
                    "no city, country, continent or Region of that name is known here",
                )
                .value(&text.into())
                .fix("give a larger city nearby, the country, the continent or a Region code")
                .choices(near),
            ))
        }
    }
}

/// The countries that data has to stay in: one country, or a group.
///
/// # Errors
/// As [`find`].
pub(super) fn countries(
    catalogs: &Catalogs,
    field: &str,
    text: &str,
) -> Result<Vec<String>, ToolError> {
    match catalogs.places().find(text) {
        Some(Whereabouts::Group(group)) => Ok(group.countries.clone()),
        Some(Whereabouts::Place(place)) => Ok(vec![place.country.clone()]),
        None => find(catalogs, field, text).map(|_| Vec::new()),
    }
}

/// All Regions that are allowed, the best first: those that lack nothing, then the nearest.
pub(super) fn rank<'a>(catalogs: &'a Catalogs, wish: &Wish<'a>) -> Vec<Ranked<'a>> {
    let mut ranked: Vec<Ranked<'a>> = catalogs
        .regions()
        .iter()
        .filter(|row| wish.partition.unwrap_or("aws") == row.partition)
        .filter_map(|row| {
            let place = catalogs.places().region(row.region.as_str());
            let allowed = wish.countries.as_ref().is_none_or(|countries| {
                place.is_some_and(|place| countries.contains(&place.country))
            });
            allowed.then(|| judged(catalogs, wish, row, place))
        })
        .collect();
    let unknowns = |ranked: &Ranked<'_>| {
        ranked.types.iter().filter(|(_, has)| *has == Has::Unknown).count()
            + usize::from(ranked.image == Some(Has::Unknown))
    };
    let distance = |ranked: &Ranked<'_>| ranked.distance_km.unwrap_or(f64::INFINITY);
    ranked.sort_by(|a, b| {
        a.lacks
            .len()
            .cmp(&b.lacks.len())
            .then_with(|| unknowns(a).cmp(&unknowns(b)))
            .then_with(|| distance(a).total_cmp(&distance(b)))
            // Without a place: what offers most, since a Region with few types is a dead end.
            .then_with(|| offers(b).cmp(&offers(a)))
            .then_with(|| a.row.region.cmp(&b.row.region))
    });
    ranked
}

fn offers(ranked: &Ranked<'_>) -> usize {
    mcc_fit::accelerated_types(ranked.row).unwrap_or_default()
}

fn judged<'a>(
    catalogs: &'a Catalogs,
    wish: &Wish<'a>,
    row: &'a RegionRow,
    place: Option<&'a RegionPlace>,
) -> Ranked<'a> {
    let mut lacks: Vec<String> =
        wish.services.iter().filter(|service| !row.has(service)).cloned().collect();
    let types: Vec<(&str, Has)> = wish
        .instances
        .iter()
        .map(|instance| {
            let offered = mcc_fit::offered(
                catalogs,
                wish.deployment.as_deref(),
                row.region.as_str(),
                instance,
            );
            (instance.name.as_str(), offered.into())
        })
        .collect();
    lacks.extend(
        types.iter().filter(|(_, has)| *has == Has::No).map(|(name, _)| (*name).to_owned()),
    );
    let image =
        wish.deployment.as_ref().and_then(|deployment| published(catalogs, deployment, row));
    if image == Some(Has::No) {
        lacks.push("the base image".to_owned());
    }
    Ranked {
        row,
        place,
        distance_km: wish
            .point
            .zip(place)
            .map(|(point, place)| distance_km(point, (place.latitude, place.longitude)).round()),
        lacks,
        types,
        image,
    }
}

/// Whether the image of a deployment is published in a Region; none if it has no image of AWS's.
fn published(catalogs: &Catalogs, deployment: &Deployment, row: &RegionRow) -> Option<Has> {
    let image = deployment.image(catalogs, &Asked::default(), mcc_catalogs::Arch::X86_64)?;
    let set = catalogs.registries().set(image.set.as_deref()?)?;
    let there = set.regions.contains(&row.region);
    Some(match (there, image.set_assumed) {
        (true, false) => Has::Yes,
        (true, true) => Has::Unknown,
        (false, _) => Has::No,
    })
}
