//! What the tools of this server answer.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::fit::FitAnswer;
use super::judge::Judge;
use crate::common::model::{ModelAnswer, SettingAnswer};

/// How a call went; a failed one has `error`. `nothing_fits` means that no type was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Ok,
    NothingFits,
    NeedsInput,
}

/// An instance type that it does not run on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MissAnswer {
    /// The type.
    pub(super) instance_type: String,
    /// US dollars per hour, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usd_per_hour: Option<f64>,
    /// Why not.
    pub(super) reason: String,
}

/// Answer of `recommend_instance`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecommendAnswer {
    /// `ok`, `nothing_fits` or `needs_input`.
    pub(super) status: Status,
    /// The answer in one sentence.
    pub(super) summary: String,
    /// `static`: from dated catalogs, without looking at AWS.
    pub(super) mode: String,
    /// Date of the catalog of instance types.
    pub(super) as_of: String,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<ModelAnswer>,
    /// What has to be set for this model, besides `inputs`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) settings: Vec<SettingAnswer>,
    /// What it runs on, the best first.
    pub(super) recommendations: Vec<FitAnswer>,
    /// Cheaper types that were close, and why not; if nothing fits, what comes closest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) near_misses: Vec<MissAnswer>,
    /// What was assumed because it was not said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) assumptions: Vec<String>,
    /// What to do next.
    pub(super) next_steps: Vec<String>,
}

/// One model on one instance type.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CompareRow {
    /// The model; left out where none was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// The type.
    pub(super) instance_type: String,
    /// Whether it runs.
    pub(super) fits: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// How, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fit: Option<FitAnswer>,
}

/// Answer of `compare_instances`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CompareAnswer {
    /// `ok`.
    pub(super) status: Status,
    /// The answer in one sentence.
    pub(super) summary: String,
    /// `static`: from dated catalogs, without looking at AWS.
    pub(super) mode: String,
    /// Date of the catalog of instance types.
    pub(super) as_of: String,
    /// The models that were compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) models: Vec<ModelAnswer>,
    /// Every model on every type: those that fit first, the cheapest first.
    pub(super) rows: Vec<CompareRow>,
    /// What was assumed because it was not said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) assumptions: Vec<String>,
    /// What to do next.
    pub(super) next_steps: Vec<String>,
}

impl MissAnswer {
    pub(super) fn new(instance_type: &str, usd: Option<f64>, reason: String) -> Self {
        Self {
            instance_type: instance_type.to_owned(),
            usd_per_hour: usd.map(rounded_price),
            reason,
        }
    }
}

impl fmt::Display for MissAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.instance_type)?;
        if let Some(usd) = self.usd_per_hour {
            write!(f, " at {usd} USD per hour")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What was assumed because nobody said it.
pub(crate) fn assumptions(judge: &Judge<'_>) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(of) = judge.price_region() {
        all.push(format!("prices are those of {of}: other Regions cost up to about twice as much"));
    }
    let Some(model) = judge.model() else {
        return all;
    };
    all.extend(model.caution());
    // Without a cache that is known, nothing is sized for a context.
    if judge.wish().context.is_none() && model.shape.cache.is_some() && model.shape.parts.is_none()
    {
        let own = model
            .shape
            .max_positions
            .map_or_else(String::new, |own| format!("; the model goes up to {own}"));
        all.push(format!(
            "sized for a context of {} tokens, since maxModelLen was not given{own}",
            judge.context()
        ));
    }
    let share = judge.memory_utilization();
    all.push(if judge.deployment().compiles() {
        format!(
            "an estimate: {share} of each Neuron core's memory is counted on, with maxNumSeqs {} compiled in; nothing \
             was measured there",
            judge.compiled_sequences()
        )
    } else {
        format!("the engine may take {share} of each GPU's memory")
    });
    all
}

/// Prices have up to four decimals.
pub(super) fn rounded_price(usd: f64) -> f64 {
    (usd * 1e4).round() / 1e4
}
