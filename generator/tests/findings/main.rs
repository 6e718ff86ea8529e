//! What a plan says of single facts: each finding with what meets it, and with a near miss.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod account;
mod built_engines;
mod capacity;
mod clusters;
mod container;
mod loading;
mod pods;
mod quotas;
mod registries;
mod tensors;
mod unknown_models;
mod wrong_statements;

use mcc_generator::{Finding, Plan};
use serde_json::Value;
use support::{object, plan_of};

/// The plan of `base` with `more`.
fn plan(base: &Value, more: &Value) -> Plan {
    let mut inputs = object(base.clone());
    inputs.extend(object(more.clone()));
    plan_of(&inputs)
}

/// The finding of the rule `id`, if there is one.
fn found<'a>(plan: &'a Plan, id: &str) -> Option<&'a Finding> {
    plan.findings.iter().find(|finding| finding.id == id)
}

/// That of `inputs` the plan has a finding of the rule `id` whose text has `words`, or none where there are no words.
fn says(base: &Value, more: &Value, id: &str, words: &str) {
    let plan = plan(base, more);
    let said = found(&plan, id).map(|finding| format!("{}\n{}", finding.message, finding.fix));
    match said {
        Some(said) => assert!(!words.is_empty() && said.contains(words), "{more}: {said}"),
        None => assert!(words.is_empty(), "{more}: no {id} in {:#?}", plan.findings),
    }
}
