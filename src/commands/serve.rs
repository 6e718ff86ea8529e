//! `mcc serve`: an MCP server on stdio or HTTP.
use anyhow::Result;
use clap::{Arg, ArgMatches, Command};
use crate::Exit;
pub(super) fn command() -> Command { Command::new("serve").arg(Arg::new("SERVER").required(true)) }
pub(super) fn run(_: &ArgMatches) -> Result<Exit> { Ok(Exit::Done) }
