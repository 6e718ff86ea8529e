//! `mcc doctor`: what is in the way of smart mode and of generated projects.

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::{format_arg, is_json};
use crate::doctor::{self, State};
use crate::{Exit, output};

pub(super) fn command() -> Command {
    Command::new("doctor")
        .about("Check settings, network, credentials, programs and MCP registrations")
        .arg(
            Arg::new("offline")
                .long("offline")
                .action(ArgAction::SetTrue)
                .help("Check only what needs no network"),
        )
        .arg(format_arg())
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let checks = doctor::checks(matches.get_flag("offline"));
    if is_json(matches) {
        output::json(&json!({"checks": checks}));
    } else {
        for check in &checks {
            output::line(&format!("{:<11}  {}: {}", check.state.name(), check.name, check.message));
            if let Some(fix) = &check.fix {
                output::line(&format!("{:<11}  fix: {fix}", ""));
            }
        }
    }
    let failed = checks.iter().any(|check| check.state == State::Failed);
    Ok(if failed { Exit::Refused } else { Exit::Done })
}
