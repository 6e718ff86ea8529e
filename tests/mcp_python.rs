//! Clients that others wrote, over stdio and HTTP: of every generation of the Python and the `TypeScript` SDK, FastMCP's,
//! mcp-use and `CrewAI`'s adapter. They do the main job (`tests/mcp/client.py`), use everything that every server lists
//! (`tests/mcp/inventory.py`), and call every tool with as little as it takes and with nulls (`tests/mcp/sweep.py` and
//! `sweep.mjs`). rmcp's client is in `tests/mcp_rmcp.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod mcp;
mod needs;
#[path = "mcp/node.rs"]
mod node;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use mcp::{HttpServer, MCC, names};

needs::tests! {
    the_current_python_client_does_the_main_job,
    the_python_client_1_x_does_the_main_job,
    the_current_python_client_uses_all_of_every_server,
    the_python_client_1_x_uses_all_of_every_server,
    fastmcp_uses_all_of_every_server,
    nulls_are_left_out_for_the_oldest_python_sdk,
    nulls_are_left_out_for_the_python_sdk_1_x,
    nulls_are_left_out_for_the_current_python_sdk,
    nulls_are_left_out_for_fastmcp,
    mcp_use_calls_every_tool,
    crewai_calls_every_tool,
    nulls_are_left_out_for_the_oldest_typescript_sdk,
    nulls_are_left_out_for_the_typescript_sdk_1_x,
    nulls_are_left_out_for_the_current_typescript_sdk,
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The Python of an environment that `.ci/environment` makes of a lock, and keeps.
fn python(name: &str) -> PathBuf {
    // Tests of one process want the same environments, and each is made by one of them.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = Path::new(ROOT).join("target/clients").join(name);
    let script = Path::new(ROOT).join(".ci/environment");
    let output = Command::new(script).arg(name).arg(&folder).output();
    match output {
        Ok(output) if output.status.success() => folder.join("bin/python"),
        Ok(output) => needs::missing(String::from_utf8_lossy(&output.stderr).trim()),
        Err(error) => needs::missing(&format!(".ci/environment: {error}")),
    }
}

fn passes(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn main_job(name: &str) {
    let python = python(name);
    let client = Path::new(ROOT).join("tests/mcp/client.py");

    let place = tempfile::tempdir().unwrap();
    let stdio = Command::new(&python)
        .arg(&client)
        .arg("stdio")
        .arg(place.path())
        .args([MCC, "serve", "generate-project"])
        .output()
        .unwrap();
    passes(&stdio);
    assert!(place.path().join("churn/do/deploy").exists());

    let place = tempfile::tempdir().unwrap();
    let nowhere = tempfile::tempdir().unwrap();
    let server = HttpServer::start(nowhere.path(), &[]);
    let http = Command::new(&python)
        .arg(&client)
        .arg("http")
        .arg(place.path())
        .arg(&server.url)
        .output()
        .unwrap();
    passes(&http);
    assert!(place.path().join("churn/do/deploy").exists());
    assert_eq!(
        std::fs::read_dir(nowhere.path()).unwrap().count(),
        0,
        "nothing on the server's disk"
    );
}

/// Every server, over both transports.
fn inventory(client: &str, name: &str) {
    let python = python(name);
    let script = Path::new(ROOT).join("tests/mcp/inventory.py");
    let place = tempfile::tempdir().unwrap();
    for server in names() {
        let run = |transport: &str, target: &[&str]| {
            let mut command = Command::new(&python);
            command.arg(&script).args([client, server, transport]).arg(place.path()).args(target);
            passes(&command.current_dir(place.path()).output().unwrap());
        };
        run("stdio", &[MCC, "serve", server]);
        let http = HttpServer::named(server, place.path());
        run("http", &[&http.url]);
    }
}

fn the_current_python_client_does_the_main_job() {
    main_job("mcp-2");
}

fn the_python_client_1_x_does_the_main_job() {
    main_job("mcp-1");
}

fn the_current_python_client_uses_all_of_every_server() {
    inventory("mcp", "mcp-2");
}

fn the_python_client_1_x_uses_all_of_every_server() {
    inventory("mcp", "mcp-1");
}

fn fastmcp_uses_all_of_every_server() {
    inventory("fastmcp", "fastmcp");
}

/// All tools of all servers over both transports, by what `client` makes of a transport and a place.
fn sweep(client: impl Fn(&str, &Path) -> Command) {
    let place = tempfile::tempdir().unwrap();
    let mut stdio = client("stdio", place.path());
    passes(&stdio.args([MCC, "serve", "all"]).output().unwrap());
    let place = tempfile::tempdir().unwrap();
    let server = HttpServer::named("all", place.path());
    let mut http = client("http", place.path());
    passes(&http.arg(&server.url).output().unwrap());
}

fn python_sweep(client: &str, environment: &str) {
    let python = python(environment);
    sweep(|transport, place| {
        let mut command = Command::new(&python);
        command.arg(Path::new(ROOT).join("tests/mcp/sweep.py")).args([client, transport]);
        command.arg(place);
        command
    });
}

fn node_sweep(package: &str) {
    sweep(|transport, place| {
        let mut command = node::command("node");
        command.arg(Path::new(ROOT).join("tests/mcp/sweep.mjs")).args([package, transport]);
        command.arg(place);
        command
    });
}

fn nulls_are_left_out_for_the_oldest_python_sdk() {
    python_sweep("mcp", "mcp-oldest");
}

fn nulls_are_left_out_for_the_python_sdk_1_x() {
    python_sweep("mcp", "mcp-1");
}

fn nulls_are_left_out_for_the_current_python_sdk() {
    python_sweep("mcp", "mcp-2");
}

fn nulls_are_left_out_for_fastmcp() {
    python_sweep("fastmcp", "fastmcp");
}

fn mcp_use_calls_every_tool() {
    python_sweep("mcp-use", "mcp-use");
}

fn crewai_calls_every_tool() {
    python_sweep("crewai", "crewai");
}

fn nulls_are_left_out_for_the_oldest_typescript_sdk() {
    node_sweep("sdk-oldest");
}

fn nulls_are_left_out_for_the_typescript_sdk_1_x() {
    node_sweep("sdk-1");
}

fn nulls_are_left_out_for_the_current_typescript_sdk() {
    node_sweep("@modelcontextprotocol/client");
}
