//! Every deployment config on every target: what becomes of it.

use mcc_catalogs::Catalogs;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::finding::{Finding, Severity};
use crate::merge::Sources;
use crate::plan::plan;
use crate::registry::{Config, Registry, registry};
use crate::source::Source;

/// What becomes of one deployment config on one target, with the example inputs of its layers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// The deployment config.
    pub deployment_config: String,
    /// The target.
    pub deployment_target: String,
    /// What becomes of it.
    pub status: Support,
    /// Warnings, or why it is refused; empty where it is simply supported.
    pub findings: Vec<Finding>,
}

/// What becomes of a deployment config on a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Support {
    /// It is generated.
    Supported,
    /// It is generated, and there is something to know.
    Warning,
    /// It is refused, with the reason.
    Refused,
}

impl Registry {
    /// The smallest inputs of a deployment config on a target: what its layers need, with their example values.
    pub fn example_inputs(&self, config: &Config, target: &str) -> Map<String, Value> {
        let mut inputs = Map::new();
        inputs.insert("projectName".to_owned(), json!("example"));
        inputs.insert("deploymentConfig".to_owned(), json!(config.name));
        inputs.insert("deploymentTarget".to_owned(), json!(target));
        let framework = config.frameworks.first().map(String::as_str);
        if let Some(framework) = framework {
            inputs.insert("framework".to_owned(), json!(framework));
        }
        for layer in self.overlay(config, framework, target) {
            inputs.extend(layer.manifest.examples.clone());
        }
        // What is asked for there is what a plan assumes until it is known.
        let layers = self.target_layers(target);
        if layers
            .iter()
            .flat_map(|layer| layer.manifest.asks.keys())
            .any(|k| !inputs.contains_key(k))
        {
            let merged = Sources::new().with(Source::Flag, inputs.clone()).merge();
            let plan = plan(Catalogs::embedded(), &merged);
            let open = |key: &str| plan.questions.iter().any(|question| question.key == key);
            let assumed = plan.inputs.iter().filter(|input| open(&input.key));
            inputs.extend(assumed.map(|input| (input.key.clone(), input.value.clone())));
        }
        inputs
    }
}

/// All deployment configs on all targets.
pub fn matrix(catalogs: &Catalogs) -> Vec<Cell> {
    let registry = registry();
    let targets = |config| registry.targets().iter().map(move |target| (config, target));
    let pairs = registry.configs().iter().flat_map(targets);
    let cell = |(config, target): (&Config, &String)| {
        let inputs = registry.example_inputs(config, target);
        let plan = plan(catalogs, &Sources::new().with(Source::Flag, inputs).merge());
        let least = if plan.is_ready() { Severity::Warning } else { Severity::Error };
        let findings: Vec<Finding> =
            plan.findings.iter().filter(|f| f.severity >= least).cloned().collect();
        let status = match (plan.is_ready(), findings.is_empty()) {
            (false, _) => Support::Refused,
            (true, true) => Support::Supported,
            (true, false) => Support::Warning,
        };
        Cell {
            deployment_config: config.name.clone(),
            deployment_target: target.clone(),
            status,
            findings,
        }
    };
    pairs.map(cell).collect()
}
