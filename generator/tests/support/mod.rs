//! Projects to test with: every deployment config on every target, from the registry.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses some of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../../../tests/matrix/mod.rs"]
pub mod matrix;

use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Merged, Plan, Project, Source, Sources, generate, registry};
use serde_json::{Map, Value};

/// Inputs of the smallest project of `config` on `target`.
pub fn base(config: &str, target: &str) -> Map<String, Value> {
    registry().example_inputs(registry().config(config).unwrap(), target)
}

/// Every deployment config with every target.
pub fn pairs() -> Vec<(String, String)> {
    let configs = registry().configs().iter().map(|c| c.name.clone());
    configs.flat_map(|c| registry().targets().iter().map(move |t| (c.clone(), t.clone()))).collect()
}

/// Every config that has a layer for Neuron, with every target that takes such an instance type, the cheapest.
pub fn on_neuron() -> Vec<Map<String, Value>> {
    let catalogs = Catalogs::embedded();
    let mut all = Vec::new();
    for (name, target) in pairs() {
        let config = registry().config(&name).unwrap();
        let of = mcc_generator::deployment(config, &target, None).unwrap();
        let Some(on) = mcc_generator::on(&of, mcc_catalogs::AcceleratorKind::Neuron) else {
            continue;
        };
        let known = |row: &&mcc_catalogs::Instance| {
            on.takes(row) && on.runs_on(row) && row.memory_gib() > 20.0
        };
        let usd = |row: &mcc_catalogs::Instance| {
            catalogs.prices().usd(row.name.as_str(), None).unwrap_or(f64::INFINITY)
        };
        let rows = catalogs.instances().iter().filter(known);
        let row = rows.min_by(|a, b| usd(a).total_cmp(&usd(b))).unwrap();
        let mut inputs = base(&name, &target);
        inputs.insert("instanceType".to_owned(), row.name.as_str().into());
        inputs.insert("modelName".to_owned(), "meta-llama/Llama-3.1-8B-Instruct".into());
        all.push(inputs);
    }
    assert!(!all.is_empty(), "no config runs on Neuron");
    all
}

pub fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

pub fn merged(inputs: &Map<String, Value>) -> Merged {
    let access = FileAccess::Anywhere(std::env::temp_dir());
    Sources::new().files(access).with(Source::Flag, inputs.clone()).merge()
}

pub fn plan_of(inputs: &Map<String, Value>) -> Plan {
    mcc_generator::plan(Catalogs::embedded(), &merged(inputs))
}

pub fn try_project(inputs: &Map<String, Value>) -> Result<(Plan, Project), Box<Plan>> {
    generate(Catalogs::embedded(), &merged(inputs))
}

pub fn project(inputs: &Map<String, Value>) -> Project {
    match try_project(inputs) {
        Ok((_, project)) => project,
        Err(plan) => panic!("{inputs:#?}\nrefused: {:#?} {:#?}", plan.questions, plan.findings),
    }
}
