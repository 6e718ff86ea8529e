//! A rule about the release of transformers that wrote the model's `config.json`.

use mcc_catalogs::{Catalogs, Image as CatalogImage, version};

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::Fix;
use crate::resolve::Context;
use crate::spec::Spec;

const ID: &str = "MCC-MDL-007";

pub(super) const RULES: &[Rule] = &[Rule {
    id: ID,
    severity: Severity::Warning,
    title: "config.json is of a newer generation of transformers than the image takes",
    why: "each generation writes keys that the one before does not read, such as rope_parameters instead of rope_theta: the \
          model may not load, or answer wrongly without an error",
    source: "catalogs/data/engines.json: requirements of the engines' source distributions; tags of images that name \
             transformers",
    check: Some(written_by),
}];

fn written_by(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let shape = context.facts.shape.as_ref();
    let Some(own) = shape.and_then(|shape| shape.written_by.as_deref()) else { return };
    let Some(written) = number(own) else { return };
    let takes = |image| taken(context.catalogs, image);
    let Some(image) = context.base(&spec.instance) else { return };
    let Some(most) = takes(image).filter(|most| *most < written) else { return };
    let choice = context.choice(None);
    let newer = choice.usual().find(|image| takes(image).is_some_and(|most| most >= written));
    let fix = match newer {
        Some(newer) if context.inputs.base_image.is_none() => {
            format!(
                "give engineVersion {}, if the model does not load or answers wrongly",
                newer.version
            )
        }
        _ => "give an image of a newer release, if the model does not load or answers wrongly"
            .to_owned(),
    };
    let finding = Finding::warning(
        ID,
        format!(
            "config.json was written by transformers {own}, and what is in the image takes transformers {most} at most: it may \
             not read all of it"
        ),
        Fix::say(fix),
    );
    let key = if context.inputs.base_image.is_some() { "baseImage" } else { "engineVersion" };
    findings.push(context.merged.about(key, finding));
}

/// The newest generation of transformers in an image: as its tag says, else the newest that the engine in it takes, whether
/// that is what serves the model or not; without bound where the engine has none. None where that is not known.
fn taken(catalogs: &Catalogs, image: &CatalogImage) -> Option<u32> {
    if let Some((_, tagged)) = image.tag.split_once("-transformers") {
        return number(tagged);
    }
    let (engine, release) = (image.engine.as_deref()?, image.engine_version.as_deref()?);
    let bounds = &catalogs.engines().release(engine, release)?.transformers;
    Some(bounds.split(',').find_map(|bound| most(bound.trim())).unwrap_or(u32::MAX))
}

/// The newest generation that an upper bound leaves.
fn most(bound: &str) -> Option<u32> {
    if let Some(exact) = bound.strip_prefix("==") {
        return number(exact);
    }
    let bound = bound.strip_prefix('<')?;
    if let Some(last) = bound.strip_prefix('=') {
        return number(last);
    }
    let first = number(bound)?;
    // Nothing of generation 5 is below 5, and some of it is below 5.18.
    let whole = version::compare(bound.trim(), &first.to_string()).is_eq();
    if whole { first.checked_sub(1) } else { Some(first) }
}

/// Generation of a release.
fn number(release: &str) -> Option<u32> {
    release.trim().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
