//! `mcc list`: deployment configs and targets.

use anyhow::Result;
use clap::{ArgMatches, Command};
use mcc_generator::registry;
use serde_json::{Value, json};

use super::{format_arg, is_json};
use crate::{Exit, output};

pub(super) fn command() -> Command {
    Command::new("list").about("List deployment configs and targets").arg(format_arg())
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let registry = registry();
    let text = |path: &str| {
        let manifest = registry.layer(path).map(|l| &l.manifest);
        manifest.map(|m| (m.title.clone(), m.description.clone())).unwrap_or_default()
    };
    let configs: Vec<(String, Vec<String>, (String, String))> = registry
        .configs()
        .iter()
        .map(|c| {
            let path = format!("layers/{}/backend/{}", c.architecture, c.backend);
            (c.name.clone(), c.frameworks.clone(), text(&path))
        })
        .collect();
    let targets: Vec<(String, (String, String))> =
        registry.targets().iter().map(|t| (t.clone(), text(&format!("targets/{t}")))).collect();
    if is_json(matches) {
        let config = |(name, frameworks, (title, description)): &(
            String,
            Vec<String>,
            (String, String),
        )| {
            json!({"name": name, "title": title, "description": description, "frameworks": frameworks})
        };
        let target = |(name, (title, description)): &(String, (String, String))| json!({"name": name, "title": title, "description": description});
        let configs: Value = configs.iter().map(config).collect();
        let targets: Value = targets.iter().map(target).collect();
        output::json(&json!({"deploymentConfigs": configs, "deploymentTargets": targets}));
        return Ok(Exit::Done);
    }
    output::line("deployment configs:");
    for (name, frameworks, (_, description)) in &configs {
        let choice = if frameworks.is_empty() {
            String::new()
        } else {
            format!(" (--framework {})", frameworks.join("|"))
        };
        output::line(&format!("  {name:<20} {description}{choice}"));
    }
    output::line("deployment targets:");
    for (name, (_, description)) in &targets {
        output::line(&format!("  {name:<20} {description}"));
    }
    Ok(Exit::Done)
}
