//! Measures generation and the servers, beside a bare two-tool rmcp server and, if asked for, a server of
//! the npm package that came before, all in one run:
//!
//! `cargo run --profile dist -p mcc-servers --example bench -- [--quick] [--npm] [--json] [--beside MCC]`
//!
//! It builds what it measures. `--npm` installs the package under `target/` with npm. `--beside` measures another `mcc`
//! too, such as that of the last release: all of them take turns, since a machine is slower for seconds, and then for
//! all of them.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark: it prints, and it stops where something is wrong"
)]

mod growth;
mod http;
mod process;
mod stdio;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// What is run for one server.
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) command: Vec<String>,
    /// Whether it is also measured on HTTP.
    pub(crate) http: bool,
    /// A tool and its arguments.
    pub(crate) call: (&'static str, Value),
}

/// Figures of one peer by name.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

const NPM: &str = "@aws/ml-container-creator@1.6.0";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == process::MEASURE) {
        return process::measure(&arguments[1..]);
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let rounds = if has("--quick") { 1 } else { 5 };
    let (mcc, bare) = build();
    let inputs = json!({
        "projectName": "churn", "deploymentConfig": "http-flask",
        "deploymentTarget": "managed-inference", "framework": "sklearn",
    });
    let text = |path: &Path| path.to_str().expect("a path of UTF-8").to_owned();
    let mut binaries = vec![(mcc.clone(), "")];
    if let Some(at) = arguments.iter().position(|argument| argument == "--beside") {
        let other = arguments.get(at + 1).expect("--beside is followed by the path of an mcc");
        binaries.push((std::fs::canonicalize(other).expect("another mcc"), " beside"));
    }
    let echo = ("echo", json!({"text": "hello"}));
    let model = json!({"modelName": "Qwen/Qwen3-8B"});
    let nodes = json!({
        "modelName": "Qwen/Qwen3-8B",
        "nodeGroups": [{"instanceType": "ml.g5.12xlarge", "count": 2}],
    });
    let mut peers =
        vec![Peer { name: "bare".to_owned(), command: vec![text(&bare)], http: true, call: echo }];
    for (name, server, call) in [
        ("mcc plan", "generate-project", ("plan_project", inputs)),
        ("mcc list", "generate-project", ("list_deployments", json!({}))),
        ("mcc instance", "instance", ("recommend_instance", model.clone())),
        ("mcc model", "model", ("describe_model", model.clone())),
        ("mcc search", "model", ("search_models", json!({"query": "qwen 8b"}))),
        ("mcc region", "region", ("recommend_region", json!({"near": "Tokyo"}))),
        ("mcc image", "base-image", ("search_images", json!({"family": "vllm", "limit": 5}))),
        ("mcc hyperpod", "hyperpod", ("fit_hyperpod", nodes)),
        ("mcc all", "all", ("recommend_instance", model)),
    ] {
        for (binary, whose) in &binaries {
            let command = vec![text(binary), "serve".to_owned(), server.to_owned()];
            let name = format!("{name}{whose}");
            peers.push(Peer { name, command, http: true, call: call.clone() });
        }
    }
    if has("--npm") {
        peers.push(npm());
    }

    let mut all: BTreeMap<String, Figures> = BTreeMap::new();
    all.extend(growth::figures(&text(&mcc), rounds));
    all.extend(process::generation(&binaries, rounds));
    all.extend(stdio::figures(&peers, rounds));
    peers.retain(|peer| peer.http);
    for peer in &mut peers {
        let address = "127.0.0.1:0".to_owned();
        match peer.name.as_str() {
            "bare" => peer.command.push(address),
            _ => peer.command.extend(["--http".to_owned(), address]),
        }
    }
    for (name, figures) in http::figures(&peers, rounds) {
        all.get_mut(&name).expect("measured before").extend(figures);
    }
    if has("--json") {
        println!("{:#}", json!(all));
    } else {
        print(&all);
    }
}

/// Builds the binary and the bare server as this program was built, and says where they are.
fn build() -> (PathBuf, PathBuf) {
    let own = std::env::current_exe().expect("this program has a path");
    let examples = own.parent().expect("a folder");
    let profile = examples.parent().expect("target/release");
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["build", "--quiet", "-p", "mcc", "-p", "mcc-servers", "--bin", "mcc"]);
    cargo.args(["--example", "bare"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    // Named after the folder, but for `dev`.
    let name = profile.file_name().and_then(|name| name.to_str()).expect("a name");
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: its figures say little");
    } else {
        cargo.args(["--profile", name]);
    }
    assert!(cargo.status().expect("cargo runs").success(), "the build failed");
    (profile.join("mcc"), examples.join("bare"))
}

/// One of the npm package's servers, which does less than ours: it lists regions.
fn npm() -> Peer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-npm");
    let server =
        folder.join("node_modules/@aws/ml-container-creator/servers/region-picker/index.js");
    if !server.exists() {
        let installed = Command::new("npm")
            .args([
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
            ])
            .arg(&folder)
            .arg(NPM)
            .status();
        assert!(installed.expect("npm runs").success(), "npm install failed");
    }
    let script = server.to_str().expect("a path of UTF-8").to_owned();
    let arguments = json!({"parameters": ["awsRegion"], "context": {"regionSearch": "europe"}});
    Peer {
        name: "npm".to_owned(),
        command: vec!["node".to_owned(), script],
        http: false,
        call: ("get_regions", arguments),
    }
}

/// A table with one line per figure, and each figure's ratio to the bare server's.
fn print(all: &BTreeMap<String, Figures>) {
    let bare = &all["bare"];
    let mut names: Vec<&str> = all.values().flat_map(|figures| figures.keys().copied()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        println!("{name}");
        for (peer, figures) in all {
            let Some(value) = figures.get(name) else { continue };
            let ratio = bare
                .get(name)
                .filter(|_| *peer != "bare")
                .map_or_else(String::new, |bare| format!("  {:.2} x bare", value / bare));
            println!("  {peer:<22}{value:>12.2}{ratio}");
        }
    }
}

/// The middle of `values`, and what one in a hundred exceeds.
pub(crate) fn median_and_p99(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[(values.len() * 99 / 100).min(values.len() - 1)])
}
