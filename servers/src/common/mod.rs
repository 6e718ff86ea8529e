//! What several servers need.

pub(crate) mod asks;
pub(crate) mod deployment;
pub(crate) mod fits;
pub(crate) mod inputs;
pub(crate) mod instances;
pub(crate) mod model;
pub(crate) mod number;
#[cfg(test)]
#[path = "opinions/tests.rs"]
mod opinions;
pub(crate) mod page;
pub(crate) mod region;
pub(crate) mod text;
pub(crate) mod values;

use schemars::JsonSchema;
use serde::Deserialize;

/// How much an answer says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Detail {
    #[default]
    Concise,
    Full,
}
