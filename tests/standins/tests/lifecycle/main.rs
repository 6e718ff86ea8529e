//! Every script of every generated project, run without a terminal against the recording stand-ins:
//! the whole life ends well and leaves nothing behind, and so it is after any failure on the way.
#![allow(missing_docs, unreachable_pub, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod bench;
mod context;
mod faults;
mod harm;
#[path = "../../../matrix/mod.rs"]
mod matrix;
#[path = "../../../needs/mod.rs"]
mod needs;
mod oracle;
mod projects;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use bench::Bench;
use projects::{Case, all};

needs::tests! {
    projects_live_and_leave_nothing,
    failures_are_told_and_cleaned_up,
    failures_are_injected_into_all_scripts,
    harm::help_comes_before_everything,
    harm::what_is_recorded_elsewhere_is_cleaned_up_first,
    harm::a_second_endpoint_takes_nothing_from_the_first,
    harm::an_image_of_other_files_or_for_another_machine_is_refused,
    harm::nothing_foreign_is_deleted,
    harm::a_damaged_record_ends_every_script_and_runs_nothing,
    harm::a_lock_has_one_holder_and_no_record_is_lost,
    harm::a_killed_script_leaves_nothing_in_the_systems_temporary_folder,
    harm::two_scripts_at_once_are_refused,
    context::sources_are_one_archive_without_links_and_secrets,
    context::dockerignore_is_understood,
    context::what_the_image_is_built_from_is_the_same_everywhere,
    context::requests_may_change_and_the_builder_is_named,
    context::a_model_without_known_features_gets_its_request_from_its_owner,
}

/// The life of a project, in the order in which its owner would go. What a project does not have is left out.
const LIFE: &[&str] = &[
    "validate",
    "build",
    "run --detach",
    "test local",
    "run --stop",
    "push",
    "submit",
    "deploy",
    "test",
    "logs",
    "status",
    "status --json",
    "register --note first",
    "register --list",
    "export",
    "manifest",
    "manifest --verify --json",
    "validate --aws",
    "build --no-cache",
    "push",
    "deploy",
    "test",
    "status",
    "deploy",
    "clean --yes",
    "clean --yes",
];

/// A line of [`LIFE`] with the state before it and the calls that it made.
pub struct Step {
    pub line: &'static str,
    /// Which run of that line it is.
    pub run: usize,
    pub before: Bench,
    pub calls: Vec<serde_json::Value>,
}

/// Lives through `case`. With `keep`, the state before each step is kept.
fn live(case: &Case, bench: &Bench, keep: bool) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut used = BTreeSet::new();
    for &line in LIFE {
        let script = line.split(' ').next().unwrap();
        if !bench.has(script) {
            continue;
        }
        used.insert(script.to_owned());
        let before = if keep {
            bench.fork(bench.root.with_extension(format!("before-{}", steps.len())))
        } else {
            bench.clone()
        };
        let known = bench.calls().len();
        let ran = bench.run(line).ends(0);
        assert!(
            !ran.stderr.contains("unbound variable") && !ran.stderr.contains("command not found"),
            "{ran}"
        );
        let run = steps.iter().filter(|s| s.line == line).count() + 1;
        steps.push(Step { line, run, before, calls: bench.calls().split_off(known) });
    }
    bench.is_clean(&case.seed, &"a whole life");
    if case.plain {
        matrix::shown("scripts", "live", case.config(), case.target());
    }
    let mut all: BTreeSet<String> = std::fs::read_dir(bench.project().join("do"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    for other in ["config", "lib", "ci"] {
        all.remove(other);
    }
    assert_eq!(used, all, "scripts that {} has and nothing runs", case.name);
    steps
}

/// `do/ci` does it all in one go, and cleans up after itself.
fn live_by_ci(case: &Case, bench: &Bench) {
    let ran = bench.run("ci --skip-local --report report.json").ends(0);
    bench.is_clean(&case.seed, &ran);
    assert!(bench.project().join("report.json").is_file());
}

/// Runs `each` for all cases on all cores; every case that fails is told, not the first only.
fn for_each(cases: Vec<Case>, each: impl Fn(&Case) + Sync) {
    let queue = Mutex::new(cases.into_iter());
    let failed = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().next() else { break };
                    if catch_unwind(AssertUnwindSafe(|| each(&case))).is_err() {
                        failed.lock().unwrap().push(case.name.clone());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "failed: {failed:?}; the reasons are above");
}

fn full() -> bool {
    std::env::var_os("MCC_TIER_FULL").is_some()
}

fn projects_live_and_leave_nothing() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let record = oracle::Record::default();
    for_each(all().into_iter().filter(|case| !has_faults(case)).collect(), |case| {
        let bench = case.set_up(folder.path());
        live(case, &bench, false);
        record.add(&case.name, &bench);
    });
    record.judge();
}

fn failures_are_told_and_cleaned_up() {
    needs::tool("jq");
    let folder = tempfile::tempdir().unwrap();
    let record = oracle::Record::default();
    for_each(all().into_iter().filter(has_faults).collect(), |case| {
        let bench = case.set_up(folder.path());
        let steps = live(case, &bench, true);
        live_by_ci(case, &bench);
        record.add(&case.name, &bench);
        faults::inject(case, &steps, full());
    });
    record.judge();
}

/// Failures injected into one project stand for all that have the same scripts: byte for byte, but for what
/// `do/config` sets. Every config on every target has those of a project that failures are injected into.
fn failures_are_injected_into_all_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let scripts = |case: &Case| scripts_of(&case.set_up(folder.path()));
    let (with, without): (Vec<Case>, Vec<Case>) = all().into_iter().partition(has_faults);
    let tried: BTreeSet<_> = with.iter().map(scripts).collect();
    for case in without.iter().filter(|case| case.plain || full()) {
        assert!(tried.contains(&scripts(case)), "no failures in the scripts of {}", case.name);
    }
    for case in all().iter().filter(|case| case.plain) {
        matrix::shown("faults", "injected", case.config(), case.target());
    }
}

/// Names and contents of what a project's scripts are made of, less the settings; of payloads only the names.
fn scripts_of(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in ["do", "do/lib", "deploy", "k8s"] {
        for entry in std::fs::read_dir(bench.project().join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let settings = !folder.starts_with("do") || path.ends_with("do/config");
            let content = if settings { Vec::new() } else { std::fs::read(&path).unwrap() };
            all.push((
                format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap()),
                content,
            ));
        }
    }
    all.sort();
    all
}

/// Whether failures are injected into `case`; with `MCC_TIER_FULL` also into the variants.
fn has_faults(case: &Case) -> bool {
    case.representative || (full() && !case.plain)
}
