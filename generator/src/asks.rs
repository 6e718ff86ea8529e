//! What a plan stands on, and could be looked up before it is made.

use mcc_catalogs::{Arn, Ask, Catalogs, GatedFrom, Region};

use crate::derive;
use crate::kept;
use crate::merge::Merged;
use crate::plan;

/// What could be looked up for a plan of these inputs, as far as they say it by now. Nothing is asked that they say
/// themselves: the configuration of a model, for one.
pub fn asks(catalogs: &Catalogs, merged: &Merged) -> Vec<Ask> {
    let mut merged = merged.clone();
    kept::read(catalogs, &mut merged);
    derive::complete(catalogs, &mut merged);
    let chosen = plan::choose(&mut merged);
    let mut asks = Vec::new();
    if !merged.is_given("modelConfig") {
        let revision = merged.text("modelRevision");
        let name = merged.text("modelName");
        asks.extend(name.and_then(Ask::of_model).map(|ask| ask.at(revision)));
        // The files of a package are known once the package is.
        let place =
            name.map(|name| catalogs.resources().place_of(name)).filter(|at| name != Some(at));
        asks.extend(place.and_then(Ask::of_model));
    }
    if let Some(image) = merged.text("baseImage") {
        asks.extend(image.parse().ok().map(Ask::Image));
    } else {
        let deployment =
            chosen.and_then(|(config, target)| crate::deployment(config, &target, None));
        asks.extend(deployment.and_then(|of| of.images.clone()).map(Ask::Images));
    }
    if let Some(region) = merged.text("region").and_then(|region| region.parse::<Region>().ok()) {
        asks.extend(Ask::of_place(&region));
        // One look at what the account has there knows both.
        let named = ["hyperpodCluster", "capacityReservationArn"];
        if named.iter().any(|key| merged.text(key).is_some()) {
            asks.push(Ask::Clusters(region.clone()));
        }
        if wants_token(catalogs, &merged) {
            asks.push(Ask::Secrets(region));
        }
    }
    let secret = |arn: &Arn| arn.service() == "secretsmanager";
    let token = merged.text("hfTokenArn").and_then(|arn| arn.parse::<Arn>().ok()).filter(secret);
    asks.extend(token.map(Ask::Named));
    asks
}

/// Whether the model is known to be gated or private, and no token is given for it: then a secret could be offered.
fn wants_token(catalogs: &Catalogs, merged: &Merged) -> bool {
    let model = merged.text("modelName").and_then(|name| catalogs.models().get(name));
    model.is_some_and(|row| row.gated == Some(true) && row.gated_from != Some(GatedFrom::Publisher))
        && !merged.is_given("hfTokenArn")
}
