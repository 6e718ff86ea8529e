//! `mcc check`: an existing project against today's rules and layers.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Arg, ArgMatches, Command, value_parser};
use mcc_generator::Finding;
use serde_json::json;

use super::{catalogs, catalogs_arg, format_arg, is_json};
use crate::{Exit, output};

pub(super) fn command() -> Command {
    Command::new("check")
        .about(
            "Check a generated project: its inputs by the rules, its files against the generator",
        )
        .arg(
            Arg::new("DIR")
                .help("Folder of the project")
                .default_value(".")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(format_arg())
        .arg(catalogs_arg())
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let catalogs = catalogs(matches)?;
    let dir = matches.get_one::<PathBuf>("DIR").cloned().unwrap_or_default();
    let report = match mcc_generator::check(catalogs, &dir) {
        Ok(report) => report,
        Err(finding) => {
            if is_json(matches) {
                output::json(&json!({"status": "failed", "findings": [finding]}));
            } else {
                output::failure(&finding.message, Some(&finding.fix));
            }
            return Ok(Exit::Failed);
        }
    };
    let wrong = report.findings.iter().any(Finding::is_error);
    if is_json(matches) {
        output::json(
            &json!({"status": if wrong { "refused" } else { "checked" }, "report": report}),
        );
    } else {
        output::findings(&report.findings);
        for difference in &report.differences {
            let who = if difference.edited { "edited" } else { "not up to date" };
            output::line(&format!("  {who}: {}", difference.path));
        }
        output::line(&format!(
            "{}: {} finding(s), {} file(s) differ from what would be generated",
            report.project_name,
            report.findings.len(),
            report.differences.len()
        ));
    }
    Ok(if wrong { Exit::Refused } else { Exit::Done })
}
