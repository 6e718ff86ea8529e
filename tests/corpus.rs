//! A corpus of models, trained on the spot in pinned environments, is packed, checked and served by generated projects,
//! and every answer is compared with the library's own. `tests/corpus/check.py` does it and says what it found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod needs;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

needs::tests! {
    every_answer_is_the_librarys_own,
    a_model_whose_loading_starts_threads_is_served,
}

/// The environments (lists in `tests/corpus`) with the models that nginx is put before when not all are.
const ENVIRONMENTS: [(&str, &str); 3] =
    [("now", "one_hot,texts"), ("middle", "lightgbm,xgboost_categories"), ("old", "imputed")];

fn every_answer_is_the_librarys_own() {
    let full = std::env::var_os("MCC_TIER_FULL").is_some();
    let dir = tempfile::tempdir().unwrap();
    let projects = ["sklearn", "xgboost"].map(|framework| generate(dir.path(), "flask", framework));
    std::thread::scope(|scope| {
        for (environment, served) in ENVIRONMENTS {
            let mut check = check(&python(environment), &projects);
            if !full {
                check.args(["--records", "200", "--served-only", served]);
            }
            scope.spawn(move || passes(&mut check, environment));
        }
    });
    // Its one package has 300 MB.
    if full {
        let python = python("older-xgboost");
        for model in ["xgboost", "xgboost_stopped", "xgboost_categories", "xgboost_missing"] {
            passes(check(&python, &projects).args(["--only", model]), "older-xgboost");
        }
    }
}

fn a_model_whose_loading_starts_threads_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(python("now"));
    command
        .args(["-W", "ignore"])
        .arg(root().join("tests/corpus/threads.py"))
        .args(["flask", "fastapi"].map(|backend| generate(dir.path(), backend, "sklearn")));
    passes(&mut command, "threads");
}

fn check(python: &Path, projects: &[PathBuf; 2]) -> Command {
    let mut command = Command::new(python);
    command.args(["-W", "ignore"]).arg(root().join("tests/corpus/check.py")).args(projects);
    command
}

fn passes(command: &mut Command, what: &str) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{what}\n{}", said(&output));
    println!("{what}\n{}", String::from_utf8_lossy(&output.stdout));
}

/// The interpreter of an environment, which is made unless it is there.
fn python(environment: &str) -> PathBuf {
    needs::tool("nginx");
    let folder = root().join("target/corpus");
    let output =
        Command::new(root().join(".ci/corpus")).arg(&folder).arg(environment).output().unwrap();
    if !output.status.success() {
        needs::missing(&format!("the corpus of {environment}: {}", said(&output)));
    }
    folder.join(environment).join("bin/python")
}

fn generate(dir: &Path, backend: &str, framework: &str) -> PathBuf {
    let name = format!("{backend}-{framework}");
    let output = Command::new(env!("CARGO_BIN_EXE_mcc"))
        .args([
            "generate",
            &name,
            "--deployment-config",
            &format!("http-{backend}"),
            "--framework",
            framework,
        ])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    dir.join(name)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|s| String::from_utf8_lossy(s).into_owned()).concat()
}
