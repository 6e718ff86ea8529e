//! Tools from npm, installed once at fixed versions.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The tools, and a Node that is new enough for them.
const PACKAGES: [&str; 3] = [
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "@modelcontextprotocol/inspector@2.12.0",
    "node@24.21.0",
];

/// The folder with the commands; or what is missing for it.
fn installed() -> &'static Result<PathBuf, String> {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mcp-node");
        let commands = folder.join("node_modules/.bin");
        // Written last, so that an installation that was cut short is made again.
        let done = folder.join("done");
        let wanted = PACKAGES.join(" ");
        if std::fs::read_to_string(&done).is_ok_and(|text| text == wanted) {
            return Ok(commands);
        }
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let output = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
            .arg(&folder)
            .args(PACKAGES)
            .current_dir(&folder)
            .output()
            .map_err(|error| format!("npm: {error}"))?;
        if !output.status.success() {
            return Err(format!("npm install: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        std::fs::write(done, wanted).map_err(|error| error.to_string())?;
        Ok(commands)
    })
}

/// One of the commands, run by the Node that was installed with it.
///
/// # Errors
/// What is missing for it.
pub fn command(name: &str) -> Result<Command, String> {
    let commands = installed().clone()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: OsString =
        std::env::join_paths([commands.clone()].into_iter().chain(std::env::split_paths(&path)))
            .map_err(|error| error.to_string())?;
    let mut command = Command::new(commands.join(name));
    command.env("PATH", path);
    Ok(command)
}
