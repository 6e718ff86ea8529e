//! `mcc check`: an existing project against today's rules and layers.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use mcc_generator::Finding;
use serde_json::json;

use super::{catalogs_arg, format_arg, is_json, shared_catalogs, with_live};
use crate::lookups::Lookups;
use crate::{Exit, mode, output};

pub(super) fn command() -> Command {
    let command = Command::new("check")
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
        .arg(
            Arg::new("live")
                .long("live")
                .action(ArgAction::SetTrue)
                .help("Look facts up as well: the same as --mode smart"),
        );
    mode::args(command)
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let mut lookups = Lookups::of(matches, shared_catalogs(matches)?)?;
    let dir = matches.get_one::<PathBuf>("DIR").cloned().unwrap_or_default();
    lookups.look_up(|catalogs| mcc_generator::check_asks(catalogs, &dir));
    let told = lookups.told();
    let report = match mcc_generator::check(lookups.catalogs(), &dir) {
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
        let status = if wrong { "refused" } else { "checked" };
        output::json(&with_live(json!({"status": status, "report": report}), told));
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
        output::live(told);
    }
    Ok(if wrong { Exit::Refused } else { Exit::Done })
}
