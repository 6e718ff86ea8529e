//! `mcc serve`: an MCP server on stdio or HTTP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use mcc_servers::{HttpOptions, Options, StateKey};

use super::{catalogs_arg, shared_catalogs};
use crate::mode::{self, Mode};
use crate::{Exit, live, reasoning, surroundings};

pub(super) fn command() -> Command {
    let names: Vec<&str> = mcc_servers::servers()
        .iter()
        .map(|server| server.name)
        .chain([mcc_servers::all().name])
        .collect();
    let repeated = |name: &'static str, value: &'static str| {
        Arg::new(name).long(name).value_name(value).action(ArgAction::Append)
    };
    let command = Command::new("serve")
        .about("Serve an MCP server to an AI assistant, on stdin and stdout or on HTTP")
        .arg(
            Arg::new("SERVER")
                .required(true)
                .value_parser(PossibleValuesParser::new(names))
                .help("Name of the server; `all` has the tools of all of them"),
        )
        .arg(
            Arg::new("http")
                .long("http")
                .value_name("ADDR")
                .value_parser(clap::value_parser!(SocketAddr))
                .help(
                    "Serve on HTTP at this address, such as 127.0.0.1:8000; the endpoint is /mcp",
                ),
        )
        .arg(repeated("root", "DIR").value_parser(clap::value_parser!(PathBuf)).help(
            "Folder below which projects may be read and written; repeatable. On stdio the \
                 default is the working directory, unless that is / or has the home folder in it; on HTTP \
                 there is none",
        ))
        .arg(repeated("allow-host", "NAME").requires("http").help(
            "Host name under which clients reach the HTTP server, besides loopback; repeatable",
        ))
        .arg(repeated("allow-origin", "ORIGIN").requires("http").help(
            "Origin of web pages that may call the HTTP server, besides loopback; repeatable",
        ))
        .arg(
            Arg::new("without-token")
                .long("without-token")
                .requires("http")
                .action(ArgAction::SetTrue)
                .help(
                    "Let everybody who reaches the address call without a token, as behind a gateway \
                     that checks who calls. Otherwise other machines have to send the one in \
                     MCC_SERVE_TOKEN, and with --root this machine, too: where the variable is not \
                     set, a token is made at each start and shown on stderr",
                ),
        )
        .arg(repeated("trust-proxy", "ADDR").requires("http").help(
            "Address or network of a proxy in front, such as 10.0.0.0/8, whose X-Forwarded-For or \
             Forwarded header names the client, so that limits hold for each client and not for the \
             proxy; repeatable",
        ))
        .arg(
            Arg::new("state-key")
                .long("state-key")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help(
                    "File with a secret of at least 32 bytes that signs what clients carry between \
                     the questions of one call; several processes behind one address need the same, \
                     here or in MCC_SERVE_STATE_KEY. Without it each process makes its own",
                ),
        )
        .arg(repeated("allow-profile", "NAME").help(
            "AWS profile that calls may name as awsProfile in smart mode, so that its account is looked at; \
             repeatable. Without it calls are looked up with the credentials of the server alone",
        ))
        .arg(catalogs_arg())
        .after_help("On HTTP the endpoint is /mcp; /health says that it is well, and /metrics is for Prometheus. \
             MCC_SERVE_TOKEN holds the token that clients have to send, if there is one.\n\
             A client has 10 seconds for the head of a request and 30 for its body, and a connection may be idle \
             for 75. Connections, calls at once and memory for bodies are shared fairly among addresses: whoever \
             holds more than what is left gets 503, or loses the oldest connection on which nothing is worked on.\n\
             Logs go to stderr; MCC_LOG=access=info logs requests without their content, MCC_LOG=debug \
             everything, MCC_LOG=target=level,… chooses.");
    reasoning::args(mode::args(command))
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let name = matches.get_one::<String>("SERVER").map_or("", String::as_str);
    let many = |name: &str| -> Vec<String> {
        matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
    };
    let profiles = many("allow-profile");
    let mode = mode::of(matches)?;
    let reasoning = reasoning::of(matches, mode)?;
    let (lookup, reasoner) = match mode {
        Mode::Static => (None, None),
        Mode::Smart => {
            let smart = live::smart(&shared_catalogs(matches)?, &profiles, reasoning)?;
            (Some(smart.0), smart.1)
        }
    };
    let mut options = Options {
        roots: matches.get_many::<PathBuf>("root").into_iter().flatten().cloned().collect(),
        catalogs: matches.get_one::<PathBuf>("catalogs").cloned(),
        lookup,
        profiles,
        reasoner,
        unsettled: false,
        state_key: state_key(matches.get_one::<PathBuf>("state-key"))?,
        log: surroundings::text("MCC_LOG"),
    };
    match matches.get_one::<SocketAddr>("http") {
        Some(&address) => {
            let http = HttpOptions {
                address,
                allowed_hosts: many("allow-host"),
                allowed_origins: many("allow-origin"),
                token: surroundings::text("MCC_SERVE_TOKEN").filter(|token| !token.is_empty()),
                open: matches.get_flag("without-token"),
                proxies: many("trust-proxy"),
            };
            mcc_servers::run_http(name, &http, &options)?;
        }
        None => {
            if options.roots.is_empty() {
                let here = surroundings::here().context("the working directory is not there")?;
                // Desktop applications start servers in `/`, or where the user's own files are.
                if is_for_projects(&here) {
                    options.roots.push(here);
                } else {
                    options.unsettled = true;
                }
            }
            mcc_servers::run_stdio(name, &options)?;
        }
    }
    Ok(Exit::Done)
}

/// Whether the working directory may be taken for the folder of projects when nobody named one.
fn is_for_projects(here: &Path) -> bool {
    let Ok(here) = mcc_files::real(here) else { return false };
    let home = surroundings::home().and_then(|home| mcc_files::real(&home).ok());
    let system =
        surroundings::variable("SystemRoot").is_some_and(|system| here.starts_with(system));
    here.parent().is_some() && !system && !home.is_some_and(|home| home.starts_with(&here))
}

/// The key that signs the state of calls, from the file or the environment.
fn state_key(file: Option<&PathBuf>) -> Result<Option<StateKey>> {
    let variable = surroundings::variable("MCC_SERVE_STATE_KEY");
    Ok(match (file, variable) {
        (Some(_), Some(_)) => bail!("give the state key in --state-key or in MCC_SERVE_STATE_KEY"),
        (Some(file), None) => Some(StateKey::read(file)?),
        (None, Some(key)) => Some(StateKey::new(key.as_encoded_bytes())?),
        (None, None) => None,
    })
}
