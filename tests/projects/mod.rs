//! Projects in folders of their own, made by the binary, and what tests put there.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses some of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use crate::mcp::MCC;

/// How many rounds: what every run does, and what `MCC_TIER_FULL=1` does.
pub fn rounds(usual: u64, full: u64) -> u64 {
    if std::env::var("MCC_TIER_FULL").is_ok_and(|v| v == "1") { full } else { usual }
}

pub fn inputs() -> Value {
    json!({
        "projectName": "churn",
        "deploymentConfig": "http-flask",
        "deploymentTarget": "managed-inference",
        "framework": "sklearn",
    })
}

pub fn with(more: Value) -> Value {
    let mut all = inputs();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

pub fn generate(dir: &Path, extra: &[&str]) -> Command {
    let mut command = Command::new(MCC);
    command
        .args(["generate", "churn", "--deployment-config", "http-flask", "--framework", "sklearn"])
        .args(extra)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The outcome, which has to come soon.
pub fn soon(mut command: Command, what: &str) -> Output {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("{what}: no end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

pub fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                all.insert(name, fs::read(path).unwrap_or_default());
            }
        }
    }
    all
}

/// A project in a new folder.
pub fn project() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let output = soon(generate(place.path(), &[]), "generate");
    assert!(output.status.success(), "{}", said(&output));
    let folder = place.path().join("churn");
    (place, folder)
}

/// Puts more files into the record, with the digest of what is there.
pub fn recorded(folder: &Path, paths: &[(&str, &str)]) {
    let file = folder.join(".mcc/files.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for (path, digest) in paths {
        record["sha256"][path] = json!(digest);
    }
    fs::write(file, record.to_string()).unwrap();
}

pub fn digest(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

pub fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

pub const SECRET: &str = "aws_secret_access_key = 0123456789";
