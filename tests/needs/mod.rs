//! Tests that need what not every machine has: they end as ignored without it, with what is missing, and as failed
//! where `MCC_REQUIRE_TOOLS` is set. The test harness of Rust knows only before a test whether it is ignored, so files
//! with such tests have `harness = false` and list their tests with [`tests!`].
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses some of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::panic::{catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Completion, Trial};

/// What a test ends with that is ignored.
struct Ignored(String);

/// The tests of a file, which takes the place of `#[test]`. A test that is not listed is dead code, which is a warning.
macro_rules! tests {
    ($($test:path),+ $(,)?) => {
        fn main() -> std::process::ExitCode {
            needs::run(file!(), &[$((stringify!($test), $test as fn())),+])
        }
    };
}
pub(crate) use tests;

pub fn run(file: &str, tests: &[(&'static str, fn())]) -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if let Some(file) = root.ancestors().map(|dir| dir.join(file)).find(|file| file.is_file()) {
        none_is_hidden(&file);
    }
    let trial = |&(name, test): &(&'static str, fn())| {
        Trial::ignorable_test(name, move || match catch_unwind(test) {
            Ok(()) => Ok(Completion::Completed),
            Err(payload) => match payload.downcast::<Ignored>() {
                Ok(ignored) => Ok(Completion::ignored_with(ignored.0)),
                Err(failed) => resume_unwind(failed),
            },
        })
    };
    let trials = tests.iter().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// `#[test]` means nothing without Rust's harness: it would take a test away without a word.
fn none_is_hidden(file: &Path) {
    let beside = if file.ends_with("main.rs") { file.parent() } else { None };
    let beside = beside.and_then(|dir| std::fs::read_dir(dir).ok()).into_iter().flatten();
    for file in beside.flatten().map(|entry| entry.path()).chain([file.to_owned()]) {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let hidden = text.lines().any(|line| line.trim() == "#[test]");
        let file = file.display();
        assert!(!hidden, "{file}: #[test] is not run here; list the test in `needs::tests!`");
    }
}

/// Ends the test, since `what` is not on this machine.
pub fn missing(what: &str) -> ! {
    let required = std::env::var_os("MCC_REQUIRE_TOOLS").is_some_and(|value| !value.is_empty());
    assert!(!required, "missing: {what}");
    // Not a panic, which would be told as one.
    resume_unwind(Box::new(Ignored(format!("needs {what}"))))
}

/// Ends the test, since `what` of `kind` is not on this machine. `MCC_WITHOUT` names kinds that a machine cannot have.
pub fn missing_of(kind: &str, what: &str) -> ! {
    let without = std::env::var("MCC_WITHOUT").unwrap_or_default();
    if without.split(' ').any(|one| one == kind) {
        resume_unwind(Box::new(Ignored(format!("needs {what}; MCC_WITHOUT has {kind}"))))
    }
    missing(what)
}

/// Ends the test unless `variable` asks for it. That is no tool: nothing fails because it is not set.
pub fn tier(variable: &str, what: &str) {
    if std::env::var_os(variable).is_none() {
        resume_unwind(Box::new(Ignored(format!("{what}, with {variable}=1"))))
    }
}

/// The program of that name.
pub fn tool(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| missing(name))
}

/// The `python3` that has `module`.
pub fn module(module: &str) -> PathBuf {
    let python = tool("python3");
    let code = format!(
        "import importlib.util, sys; sys.exit(importlib.util.find_spec('{module}') is None)"
    );
    let has = Command::new(&python).args(["-c", &code]).status().is_ok_and(|ran| ran.success());
    if has { python } else { missing(&format!("the Python package {module}")) }
}
