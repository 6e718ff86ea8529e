//! What answers stand on, from arguments as they came: nothing of them has been looked at, and what has a wrong form asks
//! for nothing.

use mcc_catalogs::{Ask, Region};
use serde_json::Value;

use crate::common::deployment;
use crate::mcp::schema::JsonObject;
use crate::mcp::server::Call;

/// For what runs: the models, and the Region if it is named.
pub(crate) fn of_run(call: &Call) -> Vec<Ask> {
    let mut asks = of_models(call);
    asks.extend(region(&call.arguments).iter().flat_map(Ask::of_place));
    asks
}

/// For the models, unless their configuration is given: as a plan asks, to which parameters say nothing. What a repository
/// holds matters whatever its size.
pub(crate) fn of_models(call: &Call) -> Vec<Ask> {
    let arguments = &call.arguments;
    let told = |key: &str| arguments.get(key).is_some_and(|value| !value.is_null());
    if told("modelConfig") {
        return Vec::new();
    }
    let several = arguments.get("modelNames");
    let list = several.and_then(Value::as_array).into_iter().flatten();
    let names = list.chain(several.filter(|one| one.is_string())).chain(arguments.get("modelName"));
    names.filter_map(Value::as_str).filter_map(Ask::of_model).collect()
}

/// For the images of a config, or of the family that is named.
pub(crate) fn of_images(call: &Call) -> Vec<Ask> {
    let text = |key: &str| call.arguments.get(key).and_then(Value::as_str);
    if let Some(family) = text("family") {
        return vec![Ask::Images(family.to_owned())];
    }
    let Some(Ok(of)) = text("deploymentConfig").map(|config| deployment::named(config, None))
    else {
        return Vec::new();
    };
    deployment::families(&of).into_iter().map(Ask::Images).collect()
}

/// The Region that is named.
pub(crate) fn region(arguments: &JsonObject) -> Option<Region> {
    arguments.get("region")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests;
