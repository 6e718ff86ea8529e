//! Generated language-model projects start their engine as they should: `tests/llm/serve_check.py` runs the
//! project's own entry point with a stand-in for the engine, and says what it found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod matrix;
mod needs;

use std::path::{Path, PathBuf};
use std::process::Command;

needs::tests! {
    the_entry_point_keeps_its_contract,
    the_real_engine_takes_the_project,
}

/// The checks that run without an engine, in the order of their names.
const CHECKS: [&str; 5] = ["CommandLine", "Environment", "Life", "Models", "Secrets"];

fn project(dir: &Path, more: &[&str]) -> PathBuf {
    let output = Command::new(env!("CARGO_BIN_EXE_mcc"))
        .args(["generate", "chat", "--deployment-config", "transformers-vllm"])
        .args(more)
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    dir.join("chat")
}

fn the_entry_point_keeps_its_contract() {
    let python = needs::tool("python3");
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path(), &["--model-name", "Qwen/Qwen3-8B"]);
    let output = Command::new(&python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llm/serve_check.py"))
        .arg(&project)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for group in CHECKS {
        assert!(said.contains(&format!("__main__.{group}.")), "{group} was not run:\n{said}");
    }
    matrix::shown_on_all("server", "entry point", "transformers-vllm");
}

/// The real engine on the CPU. It is 6 GB of packages, so only where it is asked for; see CONTRIBUTING.md.
fn the_real_engine_takes_the_project() {
    needs::tier("MCC_TIER_VLLM", "the real engine (6 GB of packages)");
    let python = needs::tool("python3");
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = dir.path().join("model");
    let run = |arguments: &[&std::ffi::OsStr]| {
        let output = Command::new(&python).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
    };
    let script = root.join("tests/llm/real_engine.py");
    let place = root.join("target/vllm-cpu");
    run(&[script.as_os_str(), "install".as_ref(), place.as_os_str()]);
    run(&[script.as_os_str(), "model".as_ref(), place.as_os_str(), model.as_os_str()]);
    let config = model.join("config.json");
    let project = project(
        dir.path(),
        &[
            "--model-name",
            "s3://bucket/tiny",
            "--model-config",
            config.to_str().unwrap(),
            "--instance-type",
            "ml.g5.2xlarge",
            "--engine-args",
            "{\"limit-mm-per-prompt\": {\"image\": 0}, \"seed\": 7, \"no-enable-prefix-caching\": true}",
        ],
    );
    run(&[
        script.as_os_str(),
        "serve".as_ref(),
        place.as_os_str(),
        model.as_os_str(),
        project.as_os_str(),
    ]);
    matrix::shown_on_all("server", "vLLM serves", "transformers-vllm");
}
