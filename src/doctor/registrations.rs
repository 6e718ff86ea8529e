//! Where MCP clients are told of mcc, and whether they can start it.

use std::path::{Path, PathBuf};

use mcc_catalogs::echo;
use serde_json::Value;

use super::Check;
use crate::{programs, surroundings};

/// Most bytes of a client's file: some keep their history in it.
const MOST: u64 = 32 << 20;
/// Most servers that are looked at, of all files.
const SERVERS: usize = 40;

/// Files of a project, below the working folder, and of the user, below the home folder.
const OF_PROJECT: [&str; 3] = [".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json"];
const OF_USER: [&str; 3] = [".claude.json", ".cursor/mcp.json", ".codex/config.toml"];

/// One check for each server that is mcc.
pub(super) fn checks() -> Vec<Check> {
    let here = surroundings::here().ok();
    let home = surroundings::home();
    let below = |folder: Option<PathBuf>, names: [&'static str; 3], shown: &'static str| {
        let named = move |name: &'static str| (format!("{shown}{name}"), name);
        let files = move |folder: PathBuf| names.map(named).map(|(s, n)| (s, folder.join(n)));
        folder.map(files).into_iter().flatten()
    };
    let files = below(here.clone(), OF_PROJECT, "").chain(below(
        home.filter(|home| Some(home) != here.as_ref()),
        OF_USER,
        "~/",
    ));
    let mut all: Vec<Check> =
        files.flat_map(|(shown, path)| of_file(&shown, &path)).take(SERVERS).collect();
    if all.is_empty() {
        all.push(
            Check::not_checked("registrations", "no configuration file of an MCP client names mcc")
                .with_fix("for Claude Code: `claude mcp add mcc -- mcc serve all`"),
        );
    }
    all
}

fn of_file(shown: &str, path: &Path) -> Vec<Check> {
    let name = format!("registration in {shown}");
    let text = match mcc_files::read_text(path, MOST) {
        Ok(text) => text,
        Err(error) if matches!(error.reason, mcc_files::Reason::Missing) => return Vec::new(),
        Err(_) => {
            return vec![
                Check::warning(&name, "the file cannot be read")
                    .with_fix(format!("check that {shown} is a text file that you may read")),
            ];
        }
    };
    let is_toml = path.extension().is_some_and(|ending| ending == "toml");
    let parsed: Option<Value> =
        if is_toml { toml::from_str(&text).ok() } else { serde_json::from_str(&text).ok() };
    let Some(document) = parsed else {
        // Some clients take comments, and their files are none of ours then.
        return if text.contains("mcc") {
            vec![Check::not_checked(&name, "the file is not valid JSON or TOML")]
        } else {
            Vec::new()
        };
    };
    let servers = servers(&document);
    servers.filter_map(|(server, entry)| of_server(&name, server, entry)).collect()
}

/// The servers of a client's file, by each client's word for them.
fn servers(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let projects = document.get("projects").and_then(Value::as_object);
    let places = std::iter::once(document).chain(projects.into_iter().flat_map(|all| all.values()));
    places
        .flat_map(|place| ["mcpServers", "servers", "mcp_servers"].map(|name| place.get(name)))
        .flatten()
        .filter_map(Value::as_object)
        .flatten()
}

fn of_server(name: &str, server: &str, entry: &Value) -> Option<Check> {
    let command = entry.get("command")?.as_str()?;
    let arguments = entry.get("args").and_then(Value::as_array);
    let mut words = arguments.into_iter().flatten().filter_map(Value::as_str);
    if !is_mcc(command) && !words.any(is_mcc) {
        return None;
    }
    let server = echo(server);
    // Clients fill such in, each its own way, and look relative ones up each elsewhere.
    if command.contains('$') || command.starts_with('~') {
        let message = format!("the client fills in the command of `{server}`");
        return Some(Check::not_checked(name, message));
    }
    let path = Path::new(command);
    let there = if path.is_absolute() {
        programs::is_program(path)
    } else if path.components().count() > 1 {
        let message = format!(
            "the command of `{server}` is relative to the folder in which its client starts"
        );
        return Some(Check::not_checked(name, message).with_fix("give its full path"));
    } else {
        programs::find(command).is_some()
    };
    Some(if there {
        Check::ok(name, format!("the command of `{server}` exists"))
    } else {
        Check::failed(name, format!("the command of `{server}` does not exist"))
            .with_fix("give the full path of mcc as its command")
    })
}

/// Whether a word of a command line is mcc.
fn is_mcc(word: &str) -> bool {
    Path::new(word).file_stem().is_some_and(|stem| stem == "mcc")
}
