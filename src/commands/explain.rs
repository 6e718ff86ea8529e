//! `mcc explain`: what a rule checks, why, and where that is known from.

use anyhow::Result;
use clap::{Arg, ArgMatches, Command};
use serde_json::json;

use super::{format_arg, is_json};
use crate::{Exit, output};

pub(super) fn command() -> Command {
    Command::new("explain")
        .about("Explain a rule by its id, or list the rules about a topic, or all")
        .arg(
            Arg::new("ID")
                .value_name("ID or TOPIC")
                .help("Id of a rule, such as MCC-DRV-001, or a topic, such as gpu"),
        )
        .arg(format_arg())
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let wanted = matches.get_one::<String>("ID").map(|id| id.to_uppercase());
    let mut rules: Vec<_> =
        mcc_generator::rules().filter(|r| wanted.as_deref().is_none_or(|id| id == r.id)).collect();
    // A topic lists what there is, as no word at all does.
    let mut one = wanted.is_some();
    if let (true, Some(topic)) = (rules.is_empty(), &wanted) {
        rules = mcc_generator::rules_about(topic);
        one = false;
    }
    if rules.is_empty() {
        let id = wanted.unwrap_or_default();
        let near = mcc_catalogs::nearest(&id, mcc_generator::rules().map(|r| r.id), 3);
        let hint =
            if near.is_empty() { "mcc explain lists all".to_owned() } else { near.join(", ") };
        output::failure(&format!("there is no rule {id}, and none about it"), Some(&hint));
        return Ok(Exit::Refused);
    }
    if is_json(matches) {
        let row = |r: &&mcc_generator::Rule| json!({"id": r.id, "severity": r.severity, "title": r.title, "why": r.why, "source": r.source});
        output::json(&rules.iter().map(row).collect());
        return Ok(Exit::Done);
    }
    for rule in &rules {
        if one {
            output::line(&format!("{} ({}): {}", rule.id, rule.severity.name(), rule.title));
            output::line(&format!("  why: {}", rule.why));
            output::line(&format!("  source: {}", rule.source));
        } else {
            output::line(&format!("{:<12} {:<8} {}", rule.id, rule.severity.name(), rule.title));
        }
    }
    Ok(Exit::Done)
}
