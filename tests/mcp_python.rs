//! The Python MCP client from PyPI, current and 1.x, and FastMCP's, over stdio and HTTP: the main job
//! (`tests/mcp/client.py`), and everything that every server lists (`tests/mcp/inventory.py`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod mcp;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use mcp::{HttpServer, MCC, names, skip};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A virtual environment with `requirement`, made once and kept; or what is missing for it.
fn python(name: &str, requirement: &str) -> Result<PathBuf, String> {
    // Tests of one process want the same environments, and each is made by one of them.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = Path::new(ROOT).join("target/mcp-clients").join(name);
    let python = folder.join("bin/python");
    // Written last, so that an environment that was cut short is made again.
    let done = folder.join("done");
    if std::fs::read_to_string(&done).is_ok_and(|text| text == requirement) {
        return Ok(python);
    }
    let ran = |command: &mut Command, what: &str| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{what}: {error}")),
    };
    ran(
        Command::new("python3")
            .args(["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"]),
        "python3 from 3.11 with venv",
    )?;
    ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), "python3 -m venv")?;
    ran(
        Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            requirement,
        ]),
        &format!("pip install {requirement}"),
    )?;
    std::fs::write(done, requirement).unwrap();
    Ok(python)
}

fn passes(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn main_job(test: &str, name: &str, requirement: &str) {
    let python = match python(name, requirement) {
        Ok(python) => python,
        Err(missing) => return skip(test, &missing),
    };
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
fn inventory(test: &str, client: &str, name: &str, requirement: &str) {
    let python = match python(name, requirement) {
        Ok(python) => python,
        Err(missing) => return skip(test, &missing),
    };
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

const CURRENT: (&str, &str) = ("mcp-2", "mcp>=2.3,<3");
const OLD: (&str, &str) = ("mcp-1", "mcp>=1.30,<2");
const FASTMCP: (&str, &str) = ("fastmcp", "fastmcp>=4.1,<5");

#[test]
fn the_current_python_client_does_the_main_job() {
    main_job("the_current_python_client_does_the_main_job", CURRENT.0, CURRENT.1);
}

#[test]
fn the_python_client_1_x_does_the_main_job() {
    main_job("the_python_client_1_x_does_the_main_job", OLD.0, OLD.1);
}

#[test]
fn the_current_python_client_uses_all_of_every_server() {
    let test = "the_current_python_client_uses_all_of_every_server";
    inventory(test, "mcp", CURRENT.0, CURRENT.1);
}

#[test]
fn the_python_client_1_x_uses_all_of_every_server() {
    inventory("the_python_client_1_x_uses_all_of_every_server", "mcp", OLD.0, OLD.1);
}

#[test]
fn fastmcp_uses_all_of_every_server() {
    inventory("fastmcp_uses_all_of_every_server", "fastmcp", FASTMCP.0, FASTMCP.1);
}
