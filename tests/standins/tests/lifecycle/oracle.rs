//! Every input that scripts sent, judged by the service models that AWS publishes with botocore.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use serde_json::json;

use crate::bench::Bench;
use crate::needs;

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
        let python = needs::module("botocore");
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
