//! A sixteenth deployment config is one folder: with `tests/toy` beside the embedded layers, without a change in Rust,
//! it is in the command line, the tools of the servers and the matrix. `.ci/run` runs the tests that walk over all
//! configs with it, and writes the documents with it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const NAME: &str = "http-waitress";

fn mcc(folder: &Path, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mcc"))
        .args(arguments)
        .current_dir(folder)
        .env("MCC_LAYERS", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&mcc(folder, arguments, "")).unwrap()
}

#[test]
fn a_sixteenth_config_is_a_folder() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let listed = json(place, &["list", "--format", "json"]);
    let known = listed["deploymentConfigs"].as_array().unwrap();
    assert_eq!(known.len(), mcc_generator::registry().configs().len() + 1);
    assert!(known.iter().any(|config| config["name"] == NAME), "{listed:#}");
    let matrix = json(place, &["list", "--matrix", "--format", "json"]);
    let all = matrix["cells"].as_array().unwrap();
    let cells: Vec<&Value> = all.iter().filter(|cell| cell["deploymentConfig"] == NAME).collect();
    assert_eq!(cells.len(), listed["deploymentTargets"].as_array().unwrap().len());
    assert!(cells.iter().all(|cell| cell["status"] == "supported"), "{cells:#?}");

    let help = mcc(place, &["generate", "--help"], "");
    assert!(help.contains(NAME), "{help}");
    mcc(place, &["generate", "churn", "--deployment-config", NAME, "--framework", "sklearn"], "");
    let requirements = fs::read_to_string(place.join("churn/requirements.txt")).unwrap();
    assert!(requirements.contains("waitress"), "{requirements}");

    let session = [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#,
    ];
    let answers = mcc(place, &["serve", "all"], &format!("{}\n", session.join("\n")));
    let tools = answers.lines().last().unwrap();
    assert!(tools.contains("inputSchema") && tools.contains(NAME), "{tools}");
}
