//! The life of generated projects through the real AWS CLI, against an emulator of AWS: moto, as `tests/emulator/server.py`
//! starts it, which says what of it is not moto's. `.ci/emulator` installs both. One config of every architecture on every
//! target that moto has something of; HyperPod is in `tests/kubernetes.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "emulator/mod.rs"]
mod emulated;
mod needs;
#[path = "matrix/mod.rs"]
mod shown;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use emulated::Emulator;
use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Source, Sources, Support, generate, matrix, registry};
use serde_json::{Map, Value, json};

needs::tests! {
    projects_live_in_an_emulated_account,
}

/// A project to live through, and whether its image is built by CodeBuild.
struct Case {
    name: String,
    inputs: Map<String, Value>,
    submits: bool,
}

fn case(config: &str, target: &str, suffix: &str, more: Value) -> Case {
    let name = format!("{}{suffix}", target.split('-').next().unwrap());
    let name = format!("{}-{name}", config.replace("transformers", "tf"));
    let mut inputs = registry().example_inputs(registry().config(config).unwrap(), target);
    inputs.insert("projectName".into(), name.clone().into());
    inputs.extend(more.as_object().unwrap().clone());
    Case { name, inputs, submits: false }
}

/// The first config of each architecture that a target takes, and two projects that take other paths.
fn cases() -> Vec<Case> {
    let mut seen = BTreeSet::new();
    let mut cases = Vec::new();
    for cell in matrix(Catalogs::embedded()) {
        let config = registry().config(&cell.deployment_config).unwrap();
        let target = &cell.deployment_target;
        if cell.status == Support::Refused || target.starts_with("hyperpod") {
            continue;
        }
        if seen.insert((config.architecture.clone(), target.clone())) {
            cases.push(case(&config.name, target, "", json!({})));
        }
    }
    let architectures: BTreeSet<&String> =
        seen.iter().map(|(architecture, _)| architecture).collect();
    let targets: BTreeSet<&String> = seen.iter().map(|(_, target)| target).collect();
    assert_eq!((architectures.len(), targets.len()), (4, 3), "{seen:?}");
    let usual = &registry().usual().unwrap().name;
    let zero = json!({"inferenceComponent": true, "autoscalingMin": 0, "autoscalingMax": 2});
    cases.push(case(usual, "managed-inference", "-component", zero));
    let scaled = json!({"autoscalingMin": 0, "autoscalingMax": 2});
    cases.push(case("http-flask", "async-inference", "-scaled", scaled));
    // One project of each target is built by CodeBuild, twice.
    for case in cases.iter_mut().take(3) {
        case.submits = true;
    }
    cases
}

fn live(emulator: &Emulator, case: &Case) {
    let sources = Sources::new().files(FileAccess::Anywhere(std::env::temp_dir()));
    let merged = sources.with(Source::Flag, case.inputs.clone()).merge();
    let project = match generate(Catalogs::embedded(), &merged) {
        Ok((_, project)) => project,
        Err(plan) => panic!("{}: {:#?} {:#?}", case.name, plan.questions, plan.findings),
    };
    let folder = emulator.folder.path().join(&case.name);
    project.write(&folder).unwrap();
    let image: &[&str] =
        if case.submits { &["submit", "submit"] } else { &["build", "push", "push"] };
    for line in image.iter().chain(&["deploy", "test", "status", "logs"]) {
        let said = emulator.script(&folder, line);
        assert!(*line != "logs" || said.contains("the model serves"), "{said}");
    }
    if case.submits {
        emulator.script(&folder, "validate --aws");
        assert!(emulator.script(&folder, "logs --build").contains("built"));
        // Something has changed: the endpoint is updated.
        let payload = folder.join("deploy/create-model.json");
        let mut model: Value = serde_json::from_slice(&fs::read(&payload).unwrap()).unwrap();
        model["PrimaryContainer"]["Environment"]["CHANGED"] = "1".into();
        fs::write(&payload, model.to_string()).unwrap();
    }
    if case.submits || case.name.ends_with("-component") {
        emulator.script(&folder, "deploy");
        emulator.script(&folder, "status --json");
    }
    emulator.script(&folder, "clean --yes");
    let state = fs::read_to_string(folder.join(".mcc/state.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["resources"], json!([]), "{}", case.name);
    let input = |key: &str| case.inputs[key].as_str().unwrap();
    shown::shown(
        "aws",
        "lived in an emulator",
        input("deploymentConfig"),
        input("deploymentTarget"),
    );
}

fn projects_live_in_an_emulated_account() {
    let emulator = Emulator::start("server.py", &[]);
    let cases = cases();
    let (queue, failed) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().next() else { break };
                    let started = Instant::now();
                    if catch_unwind(AssertUnwindSafe(|| live(&emulator, case))).is_err() {
                        failed.lock().unwrap().push(&case.name);
                    }
                    println!("{}: {:.1} s", case.name, started.elapsed().as_secs_f32());
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "failed: {failed:?}; the reasons are above");

    // What all of them together have left behind, asked for in the emulator and not in their records.
    for (question, key) in [
        ("sagemaker list-endpoints", "Endpoints"),
        ("sagemaker list-endpoint-configs", "EndpointConfigs"),
        ("sagemaker list-models", "Models"),
        ("sagemaker list-inference-components", "InferenceComponents"),
        ("ecr describe-repositories", "repositories"),
        ("codebuild list-projects", "projects"),
        ("iam list-roles", "Roles"),
        ("cloudwatch describe-alarms", "MetricAlarms"),
        (
            "application-autoscaling describe-scalable-targets --service-namespace sagemaker",
            "ScalableTargets",
        ),
    ] {
        let left = emulator.aws(question);
        let left = left[key].as_array().cloned().unwrap_or_default();
        assert_eq!(left, Vec::<Value>::new(), "{question}");
    }
    // The project that made the bucket leaves it to those that still use it; what they had in it is gone.
    for bucket in emulator.aws("s3api list-buckets")["Buckets"].as_array().into_iter().flatten() {
        let objects =
            format!("s3api list-objects-v2 --bucket {}", bucket["Name"].as_str().unwrap());
        assert_eq!(emulator.aws(&objects)["Contents"], Value::Null, "{bucket}");
    }
}
