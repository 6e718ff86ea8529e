//! What completion offers, and resources made of rows of a catalog.

use serde::Serialize;

use crate::common::deployment;
use crate::mcp::parameter::Given;
use crate::mcp::resource::{Content, Missing};
use crate::mcp::server::Context;

/// Ids of the catalog's models.
pub(crate) fn models(context: &Context, _given: &Given) -> Vec<String> {
    context.catalogs().models().ids().map(str::to_owned).collect()
}

/// Instance types.
pub(crate) fn instances(context: &Context, _given: &Given) -> Vec<String> {
    context.catalogs().instances().iter().map(|row| row.name.to_string()).collect()
}

/// Codes of Regions.
pub(crate) fn regions(context: &Context, _given: &Given) -> Vec<String> {
    context.catalogs().regions().iter().map(|row| row.region.to_string()).collect()
}

/// Families of base images.
pub(crate) fn families(context: &Context, _given: &Given) -> Vec<String> {
    context.catalogs().images().families().map(|row| row.family.clone()).collect()
}

/// Deployment configs.
pub(crate) fn configs(_context: &Context, _given: &Given) -> Vec<String> {
    deployment::configs().into_iter().map(str::to_owned).collect()
}

/// Deployment targets.
pub(crate) fn targets(_context: &Context, _given: &Given) -> Vec<String> {
    mcc_generator::registry().targets().to_vec()
}

/// Rows as JSON, one a line.
pub(crate) fn lines<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Result<Content, Missing> {
    let rows: Result<Vec<String>, _> =
        rows.into_iter().map(|row| serde_json::to_string(&row)).collect();
    let rows = rows.map_err(|error| Missing(format!("it is not JSON: {error}")))?;
    Ok(Content::Facts(format!("[\n{}\n]\n", rows.join(",\n"))))
}

/// One row as JSON, or those like it.
pub(crate) fn row<T: Serialize>(row: Option<T>, nearest: &[&str]) -> Result<Content, Missing> {
    match row {
        Some(row) => serde_json::to_string_pretty(&row)
            .map(|text| Content::Facts(text + "\n"))
            .map_err(|error| Missing(format!("it is not JSON: {error}"))),
        None => Err(missing(nearest)),
    }
}

/// There is none of that name.
pub(crate) fn missing(nearest: &[&str]) -> Missing {
    Missing(match nearest {
        [] => "there is none of that name".to_owned(),
        near => {
            let near: Vec<&str> = near.iter().take(5).copied().collect();
            format!("there is none of that name; near it are {}", near.join(", "))
        }
    })
}
