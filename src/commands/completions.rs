//! `mcc completions`: shell completions.

use anyhow::Result;
use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

use crate::{Exit, output};

pub(super) fn command() -> Command {
    Command::new("completions")
        .about("Print completions for a shell")
        .arg(Arg::new("SHELL").required(true).value_parser(value_parser!(Shell)))
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    if let Some(shell) = matches.get_one::<Shell>("SHELL") {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut super::cli(), "mcc", &mut script);
        output::bytes(&script);
    }
    Ok(Exit::Done)
}
