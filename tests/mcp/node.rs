//! Tools and clients from npm, installed once, as `tests/mcp/node/package-lock.json` names them.
#![allow(unreachable_pub, missing_docs, reason = "each test file uses some of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::needs;

/// The folder with `node_modules`; or what is missing for it. `.ci/node` is the installer.
fn installed() -> &'static Result<PathBuf, String> {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = root.join("target/mcp-node");
        let output = Command::new(root.join(".ci/node"))
            .arg(&folder)
            .output()
            .map_err(|error| format!(".ci/node: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(folder) } else { Err(said.trim().to_owned()) }
    })
}

/// One of the commands, run by the Node that was installed with it.
pub fn command(name: &str) -> Command {
    let folder = installed().as_ref().unwrap_or_else(|missing| needs::missing(missing));
    let commands = folder.join("node_modules/.bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths([commands.clone()].into_iter().chain(std::env::split_paths(&path)))
            .unwrap();
    let mut command = Command::new(commands.join(name));
    command.env("PATH", path).env("NODE_PATH", folder.join("node_modules"));
    command
}
