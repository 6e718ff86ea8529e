//! A sixteenth deployment config is one folder: a backend is added to a copy of the project, no Rust is changed,
//! and it is in the command line, the tools of the servers, the matrix, the documents and the tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

const NAME: &str = "http-waitress";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Makes `to` what `from` is. What is the same is not written again, so that it is not compiled again.
fn mirror(from: &Path, to: &Path) {
    if from.is_file() {
        let wanted = fs::read(from).unwrap();
        if fs::read(to).ok().as_ref() != Some(&wanted) {
            fs::write(to, wanted).unwrap();
        }
        return;
    }
    fs::create_dir_all(to).unwrap();
    let names = |folder: &Path| -> Vec<_> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    let skipped = |name: &str| ["target", ".git"].contains(&name);
    for name in names(to) {
        if !from.join(&name).exists() {
            let old = to.join(&name);
            if old.is_dir() {
                fs::remove_dir_all(old).unwrap();
            } else {
                fs::remove_file(old).unwrap();
            }
        }
    }
    for name in names(from) {
        if !skipped(name.to_str().unwrap()) {
            mirror(&from.join(&name), &to.join(&name));
        }
    }
}

/// The copy. Its binaries have a folder of their own; compiled dependencies are shared, and what is compiled of the
/// copy is kept apart by its version: cargo knows packages of a workspace by name and version, not by place.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    fn with_the_toy() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("toy");
        mirror(root(), &folder);
        let backend = folder.join("generator/layers/http/backend/waitress");
        mirror(&root().join("tests/toy/waitress"), &backend);
        let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
        let other = format!("version = \"{}-toy\"", env!("CARGO_PKG_VERSION"));
        for (file, before) in
            [("Cargo.toml", "[workspace.package]"), ("Cargo.lock", "name = \"mcc")]
        {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            let mut after = "";
            let mut changed = String::new();
            for line in text.lines() {
                let is_ours = line == version && after.starts_with(before);
                changed += if is_ours { &other } else { line };
                changed.push('\n');
                after = line;
            }
            assert_ne!(changed, text, "{file}");
            fs::write(folder.join(file), changed).unwrap();
        }
        Self { folder }
    }

    fn binaries(&self) -> PathBuf {
        self.folder.join("target")
    }

    fn cargo(&self, arguments: &[&str]) {
        let dependencies = root().join("target");
        let dependencies = std::env::var_os("CARGO_TARGET_DIR").map_or(dependencies, PathBuf::from);
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.binaries())
            .env("CARGO_BUILD_BUILD_DIR", dependencies)
            .env("MCC_UPDATE_EXAMPLES", "1")
            .env_remove("MCC_MATRIX")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "cargo {arguments:?}\n{}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }

    fn mcc(&self, arguments: &[&str], input: &str) -> String {
        let mut child = Command::new(self.binaries().join("debug/mcc"))
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap()
    }
}

#[test]
fn a_sixteenth_config_is_a_folder() {
    let copy = Copy::with_the_toy();
    // The tests that walk over all configs hold for it, and the documents are written anew.
    copy.cargo(&["test", "--locked", "--workspace", "--test", "project", "--test", "docs"]);
    copy.cargo(&["test", "--locked", "--workspace", "--test", "lint", "--", "ruff"]);

    let listed: Value = serde_json::from_str(&copy.mcc(&["list", "--format", "json"], "")).unwrap();
    let known = listed["deploymentConfigs"].as_array().unwrap();
    assert_eq!(known.len(), mcc_generator::registry().configs().len() + 1);
    assert!(known.iter().any(|config| config["name"] == NAME), "{listed:#}");
    let matrix: Value =
        serde_json::from_str(&copy.mcc(&["list", "--matrix", "--format", "json"], "")).unwrap();
    let cells: Vec<&Value> = matrix["cells"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|cell| cell["deploymentConfig"] == NAME)
        .collect();
    assert_eq!(cells.len(), listed["deploymentTargets"].as_array().unwrap().len());
    assert!(cells.iter().all(|cell| cell["status"] == "supported"), "{cells:#?}");

    let help = copy.mcc(&["generate", "--help"], "");
    assert!(help.contains(NAME), "{help}");
    let project = copy.folder.join("target/churn");
    let _ = fs::remove_dir_all(&project);
    let name = project.to_str().unwrap();
    copy.mcc(
        &[
            "generate",
            "churn",
            "--project-dir",
            name,
            "--deployment-config",
            NAME,
            "--framework",
            "sklearn",
        ],
        "",
    );
    assert!(fs::read_to_string(project.join("requirements.txt")).unwrap().contains("waitress"));

    let session = [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#,
    ];
    let answers = copy.mcc(&["serve", "all"], &format!("{}\n", session.join("\n")));
    let tools = answers.lines().last().unwrap();
    assert!(tools.contains("inputSchema") && tools.contains(NAME), "{tools}");

    for document in ["README.md", "docs/inputs.md"] {
        assert!(copy.read(document).contains(NAME), "{document}");
    }
}
