//! Failures: each call of a life is made to fail in turn.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::Step;
use crate::bench::{Bench, Ran};
use crate::projects::Case;

/// Calls that start something which can end badly although the call itself is accepted.
const STARTERS: [&str; 6] = [
    "sagemaker create-endpoint",
    "sagemaker update-endpoint",
    "sagemaker create-inference-component",
    "sagemaker create-transform-job",
    "codebuild start-build",
    "apply",
];

/// A call to make fail.
struct Call {
    tool: String,
    operation: String,
    /// Which call of that operation within its script.
    nth: usize,
}

/// What is tried out on one project.
struct Trial<'a> {
    case: &'a Case,
    /// States that `do/clean` has cleaned up.
    cleaned: RefCell<BTreeSet<String>>,
}

/// Injects failures into the scripts of `steps` that reach AWS or the cluster. The first call of every operation of a
/// script is enough; with `full` the scripts are killed there as well, and those of the project that stands for its
/// target at every call. All that go wrong are told, not the first only.
pub fn inject(case: &Case, steps: &[Step], full: bool) {
    let trial = Trial { case, cleaned: RefCell::default() };
    let every = full && case.plain && case.representative;
    let mut seen = BTreeSet::new();
    let mut failed = Vec::new();
    for step in steps {
        let local = ["build", "run --", "test local", "register", "export"];
        if local.iter().any(|l| step.line.starts_with(l)) {
            continue;
        }
        for call in calls(&step.calls) {
            let operation = call.operation.as_str();
            let reads = ["describe", "get", "head", "list", "batch-get"];
            let verb = operation.rsplit(' ').next().unwrap_or_default();
            let reads = reads.iter().any(|r| verb.starts_with(r));
            let first = seen.insert((step.line, 0, operation.to_owned()));
            // The first and the second deployment change different things, and look in the same way.
            let new = if reads {
                first
            } else {
                seen.insert((step.line, step.run, operation.to_owned()))
            };
            let mut attempt = |what: &dyn Fn()| {
                if catch_unwind(AssertUnwindSafe(what)).is_err() {
                    failed.push(format!(
                        "{} of `{operation}` in run {} of do/{}",
                        call.nth, step.run, step.line
                    ));
                }
            };
            if new || every {
                attempt(&|| trial.refused(step, &call, "denied"));
            }
            // Their words are read by the same lines of every target's scripts.
            let words = every || (new && case.plain && case.representative);
            if words && call.tool == "aws" && step.line == "clean --yes" {
                attempt(&|| trial.refused(step, &call, "unknown-key"));
                attempt(&|| trial.refused(step, &call, "denied-page"));
            }
            if full && (new || every) && ["aws", "kubectl"].contains(&call.tool.as_str()) {
                attempt(&|| trial.killed(step, &call, "killed-before"));
                attempt(&|| trial.killed(step, &call, "killed"));
            }
            if new && STARTERS.contains(&operation) {
                attempt(&|| trial.ends_badly(step, &call));
            }
            if !new || call.tool != "aws" {
                continue;
            }
            // The name of an answer is known only from the call's own answer: it cannot be noted before.
            let noted = operation != "sagemaker-runtime invoke-endpoint-async"
                && step.line != "clean --yes";
            if !reads && noted && (first || full) {
                attempt(&|| trial.interrupted(step, &call));
            }
        }
    }
    assert!(failed.is_empty(), "{}: {failed:#?}; the reasons are above", case.name);
}

fn calls(recorded: &[Value]) -> Vec<Call> {
    let mut all: Vec<Call> = Vec::new();
    for record in recorded {
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        // What kubectl does without a cluster cannot be refused by one.
        let offline = record["argv"].as_array().into_iter().flatten().any(|a| a == "--local");
        if !["aws", "kubectl"].contains(&text("tool").as_str())
            || offline
            || text("operation") == "port-forward"
        {
            continue;
        }
        let nth = all
            .iter()
            .filter(|c| c.tool == text("tool") && c.operation == text("operation"))
            .count()
            + 1;
        all.push(Call { tool: text("tool"), operation: text("operation"), nth });
    }
    all
}

impl Trial<'_> {
    fn try_out(&self, step: &Step, call: &Call, kind: &str, check: impl Fn(&Bench, &Ran)) {
        let root = step.before.root.with_extension("try");
        let _ = fs::remove_dir_all(&root); // of an attempt that failed
        let bench = step.before.fork(root);
        bench.arm(&call.tool, &call.operation, call.nth, kind);
        let ran = bench.run(step.line);
        bench.disarm();
        let name = &self.case.name;
        let label = format!("{name}: {kind} at call {} of `{}` in {ran}", call.nth, call.operation);
        let fired = bench.calls().iter().any(|c| !c["fault"].is_null());
        assert!(fired, "the fault did not fire: {label}");
        check(&bench, &ran);
        // What one clean has removed, another removes from the same state as well.
        let new = self.cleaned.borrow_mut().insert(bench.state(&self.case.seed));
        if new {
            let clean = bench.run("clean --yes");
            assert_eq!(clean.status, Some(0), "{clean}\nafter {label}");
            bench.is_clean(&self.case.seed, &label);
        }
        fs::remove_dir_all(&bench.root).unwrap();
    }

    /// The service refuses: the script ends with an error that has the service's own words.
    fn refused(&self, step: &Step, call: &Call, kind: &str) {
        self.try_out(step, call, kind, |_, ran| {
            let label = format!("{}: `{}` was refused", self.case.name, call.operation);
            assert!(ran.status.is_some_and(|s| s != 0 && s < 100), "{label}: {ran}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains("(injected)"), "{label}, without the service's message: {ran}");
            assert!(said.contains("error: "), "{label}, without an error: {ran}");
            let steers = |c: char| (c.is_control() && !"\n\t".contains(c)) || c == '\u{202e}';
            assert!(!said.contains(steers), "{label}, with what steers a terminal: {ran}");
            let checks = ["manifest", "validate"].iter().any(|s| step.line.starts_with(s));
            if call.tool == "aws" && !checks {
                assert_eq!(ran.status, Some(4), "{label}: {ran}");
            }
        });
    }

    /// The script is killed at a call, before or after its effect, and nobody goes on but `do/clean`.
    fn killed(&self, step: &Step, call: &Call, kind: &str) {
        // What an answer is called is known from the call's own answer only: results are the user's and stay.
        if kind == "killed" && call.operation == "sagemaker-runtime invoke-endpoint-async" {
            return;
        }
        self.try_out(step, call, kind, |_, ran| assert_ne!(ran.status, Some(0), "{ran}"));
    }

    /// The script is killed right after the effect of a call; run again it goes on.
    fn interrupted(&self, step: &Step, call: &Call) {
        self.try_out(step, call, "killed", |bench, ran| {
            assert_ne!(ran.status, Some(0), "{ran}");
            bench.run(step.line).ends(0);
        });
    }

    /// What a call starts fails later: the script says so, and the next attempt repairs it.
    fn ends_badly(&self, step: &Step, call: &Call) {
        self.try_out(step, call, "ends-failed", |bench, ran| {
            let label = format!("{}: what `{}` started failed", self.case.name, call.operation);
            assert_eq!(ran.status, Some(1), "{label}: {ran}");
            let said = ran.stderr.contains("error: ") && ran.stderr.contains("hint: ");
            assert!(said, "{label}: {ran}");
            bench.run(step.line).ends(0);
        });
    }
}
