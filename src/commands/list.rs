//! `mcc list`: deployment configs and targets.

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use mcc_catalogs::Catalogs;
use mcc_generator::{Support, registry};
use serde_json::{Value, json};

use super::{format_arg, is_json};
use crate::{Exit, output};

pub(super) fn command() -> Command {
    Command::new("list")
        .about("List deployment configs and targets")
        .arg(
            Arg::new("matrix")
                .long("matrix")
                .action(ArgAction::SetTrue)
                .help("Say for every config on every target whether it is supported, and why not"),
        )
        .arg(format_arg())
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    if matches.get_flag("matrix") {
        return Ok(matrix(is_json(matches)));
    }
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

/// One line for each deployment config on each target, and the reasons below it.
fn matrix(as_json: bool) -> Exit {
    let cells = mcc_generator::matrix(Catalogs::embedded());
    if as_json {
        output::json(&json!({"cells": cells}));
        return Exit::Done;
    }
    for cell in &cells {
        let status = match cell.status {
            Support::Supported => "supported",
            Support::Warning => "warning",
            Support::Refused => "refused",
        };
        output::line(&format!(
            "{:<30} {:<18} {status}",
            cell.deployment_config, cell.deployment_target
        ));
        for finding in &cell.findings {
            output::line(&format!("    {}: {}", finding.id, finding.message));
        }
    }
    Exit::Done
}
