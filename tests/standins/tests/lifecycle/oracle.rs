//! Every input that scripts sent, judged by the service models that AWS publishes with botocore.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::bench::{Bench, which};

/// Distinct calls of all worlds.
#[derive(Default)]
pub struct Record(Mutex<BTreeSet<String>>);

impl Record {
    /// Adds what was called in the world of `bench`.
    pub fn add(&self, name: &str, bench: &Bench) {
        let mut all = self.0.lock().unwrap();
        for call in bench.calls() {
            let usage = call["result"].as_str().unwrap_or_default().starts_with("usage");
            assert!(!usage, "{name}: the command line was wrong: {call}");
            if call["tool"] == "aws" {
                let one = json!({"operation": call["operation"], "api": call["api"], "input": call["input"]});
                all.insert(one.to_string());
            }
        }
    }

    /// Has the oracle judge all of them, in one process.
    pub fn judge(&self) {
        let calls = self.0.lock().unwrap();
        assert!(calls.len() > 100, "only {} distinct calls were recorded", calls.len());
        let Some(python) = python() else {
            let _ = writeln!(
                std::io::stderr(),
                "skipped: {} payloads by botocore, which is not installed",
                calls.len()
            );
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("calls.jsonl");
        fs::write(&file, calls.iter().fold(String::new(), |text, call| text + call + "\n"))
            .unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let ran = Command::new(python)
            .arg(root.join("../oracle/payloads.py"))
            .arg("--calls")
            .arg(file)
            .arg("--operations")
            .arg(root.join("src/aws/operations.txt"))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(ran.status.success(), "{}\n{}", text(&ran.stdout), text(&ran.stderr));
    }
}

/// A Python that has botocore. Where tools are required, one is made.
fn python() -> Option<PathBuf> {
    let system = which("python3");
    let has = |python: &Path| {
        let ran = Command::new(python).args(["-c", "import botocore"]).output();
        ran.is_ok_and(|o| o.status.success())
    };
    let required = std::env::var_os("MCC_REQUIRE_TOOLS").is_some();
    let Some(system) = system else {
        assert!(!required, "python3 is not installed");
        return None;
    };
    if has(&system) {
        return Some(system);
    }
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle-venv");
    let python = venv.join("bin/python");
    if has(&python) {
        return Some(python);
    }
    if !required {
        return None;
    }
    let run = |program: &Path, arguments: &[&str]| {
        let ran = Command::new(program).args(arguments).output().unwrap();
        let said: Value = json!(String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{}: {said}", program.display());
    };
    run(&system, &["-m", "venv", &venv.to_string_lossy()]);
    run(&python, &["-m", "pip", "install", "--quiet", "botocore"]);
    Some(python)
}
