//! One file per command.

#[cfg(feature = "live")]
mod cache;
mod check;
mod completions;
mod doctor;
mod explain;
mod generate;
mod inputs;
mod list;
#[cfg(feature = "live")]
mod policy;
mod serve;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Arg, ArgAction, ArgMatches, Command};
use mcc_catalogs::reason::Told;
use mcc_catalogs::{Catalogs, Live};
use serde_json::{Value, json};

use crate::Exit;

const EXIT_CODES: &str = "Exit codes: 0 done; 1 inputs or project refused, with the reason; \
                          2 wrong usage; 3 a file could not be read or written.";

/// The whole command line.
pub(crate) fn cli() -> Command {
    let command = Command::new("mcc")
        .version(env!("CARGO_PKG_VERSION"))
        .about("From a model to a project that builds, tests, deploys and cleans up on Amazon SageMaker")
        .after_help(EXIT_CODES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(generate::command())
        .subcommand(check::command())
        .subcommand(list::command())
        .subcommand(inputs::command())
        .subcommand(explain::command())
        .subcommand(serve::command())
        .subcommand(doctor::command())
        .subcommand(completions::command());
    #[cfg(feature = "live")]
    let command = command.subcommand(policy::command()).subcommand(cache::command());
    command
}

/// Runs the chosen command.
pub(crate) fn run(matches: &ArgMatches) -> Result<Exit> {
    match matches.subcommand() {
        Some(("generate", m)) => generate::run(m),
        Some(("check", m)) => check::run(m),
        Some(("list", m)) => list::run(m),
        Some(("inputs", m)) => inputs::run(m),
        Some(("explain", m)) => explain::run(m),
        #[cfg(feature = "live")]
        Some(("policy", m)) => policy::run(m),
        #[cfg(feature = "live")]
        Some(("cache", m)) => cache::run(m),
        Some(("serve", m)) => serve::run(m),
        Some(("doctor", m)) => doctor::run(m),
        Some(("completions", m)) => completions::run(m),
        _ => Ok(Exit::Done),
    }
}

/// `--format text|json`.
fn format_arg() -> Arg {
    Arg::new("format")
        .long("format")
        .value_parser(["text", "json"])
        .default_value("text")
        .help("Form of the output")
}

fn is_json(matches: &ArgMatches) -> bool {
    matches.get_one::<String>("format").is_some_and(|f| f == "json")
}

/// `document` with what was looked up for it, if anything was, as its last member.
fn with_live(mut document: Value, live: &Live) -> Value {
    if let Value::Object(members) = &mut document
        && !live.is_empty()
    {
        members.insert("live".to_owned(), json!(live));
    }
    document
}

/// The same with an opinion on it, if there is one.
fn with_opinion(mut document: Value, opinion: Option<Told>) -> Value {
    if let (Value::Object(members), Some(opinion)) = (&mut document, opinion) {
        members.insert("opinion".to_owned(), json!(opinion));
    }
    document
}

/// `--catalogs DIR`.
fn catalogs_arg() -> Arg {
    Arg::new("catalogs")
        .long("catalogs")
        .value_name("DIR")
        .value_parser(clap::value_parser!(PathBuf))
        .action(ArgAction::Set)
        .help("Folder with rows of your own that are laid over the catalogs")
}

/// The catalogs, with the user's rows if there are any.
fn shared_catalogs(matches: &ArgMatches) -> Result<Arc<Catalogs>> {
    match matches.get_one::<PathBuf>("catalogs") {
        None => Ok(Arc::clone(Catalogs::shared())),
        Some(dir) => {
            let own = Catalogs::with_overlay(dir).context("the catalogs were not taken")?;
            Ok(Arc::new(own))
        }
    }
}
