//! Stand-ins for the `aws`, `docker` and `kubectl` commands that generated projects call.
//!
//! One binary answers to all three names (by the name it is started under, or by its first
//! argument). They share a *world*: a folder, named by `MCC_STANDIN_DIR`, that holds
//!
//! - `world.json`: every resource that exists, so that a test can ask what is left;
//! - `calls.jsonl`: every call with its whole input, so that payloads can be checked;
//! - `fault.json`: the failure to inject, if any (see [`fault`]).
//!
//! They are strict: an operation or argument they do not know is refused with the exit status
//! that the real tool uses for usage errors, and references to things that do not exist are
//! answered as the service would.

mod aws;
mod docker;
mod fault;
mod kubectl;
mod outcome;
mod world;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use outcome::Outcome;

fn main() -> ExitCode {
    let mut words = std::env::args();
    let started_as = words.next().unwrap_or_default();
    let mut name = Path::new(&started_as)
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    if name.starts_with("standin") {
        name = words.next().unwrap_or_default();
    }
    let args: Vec<String> = words.collect();
    let outcome = match name.as_str() {
        "aws" => aws::run(&args),
        "docker" => docker::run(&args),
        "kubectl" => kubectl::run(&args),
        other => Outcome::failed(64, format!("standin: no stand-in for {other:?}")),
    };
    // A reader that went away (`head`, `grep -q`) is no reason to fail.
    let _ = std::io::stdout().write_all(&outcome.stdout);
    let _ = std::io::stderr().write_all(outcome.stderr.as_bytes());
    ExitCode::from(outcome.status)
}
