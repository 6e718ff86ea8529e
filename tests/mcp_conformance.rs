//! The official conformance suite: its generic scenarios against every server, and its whole sets against
//! the suite's fixtures on the transport of the servers; and what MCP Inspector says of every tool.
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

use serde_json::Value;

use mcp::{HttpServer, MCC, names};

needs::tests! {
    generic_scenarios_pass_on_every_server,
    the_transport_passes_both_sets,
    the_inspector_has_nothing_to_say_of_any_tool,
}

/// The revisions of the suite, and the scenarios of each that call nothing by a name of the suite's fixtures.
const GENERIC: [(&str, &[&str]); 2] = [
    (
        "2026-07-28",
        &[
            "server-stateless",
            "tools-list",
            "resources-list",
            "prompts-list",
            "sep-2164-resource-not-found",
            "dns-rebinding-protection",
            "caching",
            "http-header-validation",
            "server-sse-multiple-streams",
            "input-required-result-unsupported-methods",
            "input-required-result-validate-input",
        ],
    ),
    (
        "2025-11-25",
        &[
            "server-initialize",
            "ping",
            "tools-list",
            "resources-list",
            "prompts-list",
            "dns-rebinding-protection",
            "server-session-lifecycle",
        ],
    ),
];

/// Checks of generic scenarios that need a diagnostic tool of the fixtures all the same. The suite says of
/// each that it is not testable without.
const NEED_FIXTURES: [&str; 4] = [
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
];

/// Runs everything that a revision requires, and leaves what was found in `results`.
fn suite(url: &str, revision: &str, results: &Path) -> Output {
    let mut command = node::command("conformance");
    command.args(["server", "--url", url, "--requirements", revision, "-o"]).arg(results);
    command.output().unwrap()
}

/// The checks of one scenario.
fn checks(results: &Path, scenario: &str) -> Vec<Value> {
    let begins = format!("server-{scenario}-20");
    let folder: PathBuf = std::fs::read_dir(results)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&begins))
        .unwrap_or_else(|| panic!("{scenario} was not run"));
    let text = std::fs::read_to_string(folder.join("checks.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn generic_scenarios_pass_on_every_server() {
    let place = tempfile::tempdir().unwrap();
    let (mut passed, mut faults) = (0, Vec::new());
    for name in names() {
        let server = HttpServer::named(name, place.path());
        for (revision, scenarios) in GENERIC {
            let results = place.path().join(format!("{name}-{revision}"));
            let output = suite(&server.url, revision, &results);
            assert!(results.exists(), "{}", String::from_utf8_lossy(&output.stderr));
            for scenario in scenarios {
                for check in checks(&results, scenario) {
                    let id = check["id"].as_str().unwrap();
                    let untestable = NEED_FIXTURES.contains(&id)
                        && check["errorMessage"]
                            .as_str()
                            .is_some_and(|why| why.contains("Not testable"));
                    match check["status"].as_str().unwrap() {
                        "SUCCESS" => passed += 1,
                        "FAILURE" | "WARNING" if !untestable => faults.push(format!(
                            "{name} {revision} {scenario} {id}: {}",
                            check["errorMessage"]
                        )),
                        _ => {}
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} failed, {passed} passed:\n{}", faults.len(), faults.join("\n"));
    // 63 of each server, or the suite was not what it is thought to be.
    assert!(passed >= 60 * names().len(), "{passed}");
}

/// The fixtures are an example of the servers' package, which `cargo test --workspace` builds.
fn fixtures() -> PathBuf {
    let path = Path::new(MCC).parent().unwrap().join("examples/conformance");
    if !path.is_file() {
        needs::missing("the fixtures of the suite, which `cargo test --workspace` builds");
    }
    path
}

fn the_transport_passes_both_sets() {
    let place = tempfile::tempdir().unwrap();
    let server = HttpServer::spawned(&mut Command::new(fixtures()));
    for (revision, _) in GENERIC {
        let results = place.path().join(revision);
        let output = suite(&server.url, revision, &results);
        // Fails if a required scenario does; what is optional or pending is not counted.
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{revision}: {said}");
        for check in checks(&results, "completion-complete") {
            assert_eq!(check["status"], "SUCCESS", "{check}");
        }
    }
}

/// `--strict` writes about every schema that some client may not take.
fn the_inspector_has_nothing_to_say_of_any_tool() {
    let place = tempfile::tempdir().unwrap();
    for name in names() {
        let server = HttpServer::named(name, place.path());
        for target in [&[MCC, "serve", name][..], &[&server.url]] {
            let output = node::command("inspector")
                .args(["--cli", "--method", "tools/list", "--strict"])
                .args(target)
                .current_dir(place.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.trim().is_empty(), "{name}: {said}");
            let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
            let own = mcc_servers::tool_schemas(name).unwrap();
            assert_eq!(
                listed["tools"].as_array().unwrap().len(),
                own.as_array().unwrap().len(),
                "{name}"
            );
        }
    }
}
