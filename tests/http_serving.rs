//! Generated HTTP projects really serve: their requirements are installed, their sample is trained, and their
//! own entrypoint is started behind nginx and called. `tests/http/serve_check.py` does it and says what it found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod matrix;
mod needs;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

needs::tests! {
    scikit_learn_projects_serve,
    xgboost_projects_serve,
    tensorflow_projects_serve,
    nothing_that_serves_stays_root,
    no_format_is_left_out,
}

/// Status of `serve_check.py` when something is missing on this machine.
const MISSING: i32 = 77;

/// One project: backend, framework, format, and how much of it is checked.
type Case = (&'static str, &'static str, &'static str, &'static str);

const CASES: [Case; 8] = [
    ("flask", "sklearn", "pkl", "full"),
    ("fastapi", "sklearn", "joblib", "normal"),
    ("fastapi", "xgboost", "json", "full"),
    ("flask", "xgboost", "ubj", "normal"),
    ("flask", "xgboost", "model", "brief"),
    ("flask", "tensorflow", "keras", "full"),
    ("fastapi", "tensorflow", "SavedModel", "full"),
    ("fastapi", "tensorflow", "h5", "brief"),
];

fn scikit_learn_projects_serve() {
    serves("sklearn");
}

fn xgboost_projects_serve() {
    serves("xgboost");
}

fn tensorflow_projects_serve() {
    needs::tier("MCC_TIER_TENSORFLOW", "3 projects with TensorFlow (274 MB)");
    serves("tensorflow");
}

fn nothing_that_serves_stays_root() {
    let python = python();
    let dir = tempfile::tempdir().unwrap();
    for backend in ["flask", "fastapi"] {
        let project = generate(dir.path(), &(backend, "sklearn", "pkl", ""), &python);
        check(
            &[project.as_os_str(), OsStr::new("--user")],
            &format!("giving up root under {backend}"),
        );
    }
}

/// Every framework, format and backend that the registry has is among the cases.
fn no_format_is_left_out() {
    let registry = mcc_generator::registry();
    for config in registry.configs().iter().filter(|c| c.architecture == "http") {
        for framework in &config.frameworks {
            let here = CASES.iter().filter(|c| c.1 == framework);
            assert!(
                here.clone().any(|c| c.0 == config.backend && c.3 != "brief"),
                "{framework} on {} is not served in a test",
                config.backend
            );
            let layer = registry.layer(&format!("layers/http/framework/{framework}")).unwrap();
            for format in &layer.manifest.framework.as_ref().unwrap().formats {
                assert!(
                    here.clone().any(|c| c.2 == format.name),
                    "{framework} as {} is not served in a test",
                    format.name
                );
            }
        }
    }
}

fn serves(framework: &str) {
    let python = python();
    let dir = tempfile::tempdir().unwrap();
    // Beside the other things that are kept from one build to the next.
    let venvs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("venvs");
    for case in CASES.iter().filter(|c| c.1 == framework) {
        let project = generate(dir.path(), case, &python);
        let kept = project.with_extension("model");
        let arguments = [
            project.as_os_str(),
            OsStr::new("--keep"),
            kept.as_os_str(),
            OsStr::new("--venvs"),
            venvs.as_os_str(),
            OsStr::new("--python-version"),
            OsStr::new(&python),
            OsStr::new("--level"),
            OsStr::new(case.3),
        ];
        check(&arguments, &format!("{} on {} as {}", case.1, case.0, case.2));
        is_taken(dir.path(), case, &kept);
        matrix::shown_on_all("server", framework, &format!("http-{}", case.0));
    }
}

/// The model that was trained is taken as one of the user's own: copied as it is, its version read from it.
fn is_taken(dir: &Path, case: &Case, trained: &Path) {
    let (backend, framework, format, _) = case;
    let trained = std::fs::read_dir(trained)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap() != "warm_up.json")
        .unwrap();
    let generate = |name: &str, extra: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_mcc"))
            .args(["generate", name, "--framework", framework, "--model-path"])
            .arg(&trained)
            .args(["--deployment-config", &format!("http-{backend}")])
            .args(extra)
            .current_dir(dir)
            .output()
            .unwrap()
    };
    let name = format!("own-{}", format.to_lowercase());
    let output = generate(&name, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let copied = dir.join(&name).join("model").join(trained.file_name().unwrap());
    let file = if trained.is_dir() { "saved_model.pb" } else { "" };
    let bytes = |path: PathBuf| std::fs::read(if file.is_empty() { path } else { path.join(file) });
    assert_eq!(bytes(copied).unwrap(), bytes(trained.clone()).unwrap(), "{}", trained.display());

    let older = match *framework {
        "sklearn" => "1.8.0",
        "xgboost" => "3.1.3",
        _ => return, // TensorFlow's files do not say
    };
    let output = generate("older", &["--framework-version", older, "--dry-run"]);
    let (refused, text) = (!output.status.success(), said(&output));
    assert!(text.contains("MCC-FW-001"), "{text}");
    assert_eq!(refused, *framework == "sklearn", "{text}");
}

fn generate(dir: &Path, case: &Case, python: &str) -> PathBuf {
    let (backend, framework, format, _) = case;
    let name = format!("{backend}-{framework}-{}", format.to_lowercase());
    let output = Command::new(env!("CARGO_BIN_EXE_mcc"))
        .args(["generate", &name, "--framework", framework, "--model-format", format])
        .args(["--deployment-config", &format!("http-{backend}"), "--python-version", python])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}\n{}", said(&output));
    dir.join(name)
}

/// The version of Python that projects are generated for: one that this machine has too.
fn python() -> String {
    let output = run(&[OsStr::new("--pythons")]);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Runs the checker, which must find nothing.
fn check(arguments: &[&OsStr], what: &str) {
    let output = run(arguments);
    assert!(output.status.success(), "{what}\n{}", said(&output));
    println!("{what}\n{}", said(&output));
}

fn run(arguments: &[&OsStr]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/serve_check.py");
    let output = Command::new(needs::tool("python3")).arg(script).args(arguments).output().unwrap();
    if output.status.code() == Some(MISSING) {
        let text = String::from_utf8_lossy(&output.stdout);
        needs::missing(text.lines().last().unwrap_or_default());
    }
    output
}

fn said(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|s| String::from_utf8_lossy(s).into_owned());
    text.concat()
}
