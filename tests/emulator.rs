//! The life of generated projects through the real AWS CLI, against an emulator of AWS: moto, as `tests/emulator/server.py`
//! starts it, which says what of it is not moto's. `.ci/emulator` installs both. One config of every architecture on every
//! target that moto has something of; HyperPod is in `tests/kubernetes.rs`. And the policy of smart mode, against AWS's
//! own reference of what policies can say.
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
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use emulated::Emulator;
use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Source, Sources, Support, generate, matrix, registry};
use serde_json::{Map, Value, json};

needs::tests! {
    projects_live_in_an_emulated_account,
    what_is_elsewhere_or_foreign_is_found_or_left_alone,
    the_policy_of_smart_mode_is_one_of_awss_reference,
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

/// What is left behind, asked for in the emulator and not in the records of projects.
fn nothing_is_left(emulator: &Emulator, region: &str) {
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
        let left = emulator.aws(&format!("{question} --region {region}"));
        let left = left[key].as_array().cloned().unwrap_or_default();
        assert_eq!(left, Vec::<Value>::new(), "{question}");
    }
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

    nothing_is_left(&emulator, emulated::REGION);
    // The project that made the bucket leaves it to those that still use it; what they had in it is gone.
    for bucket in emulator.aws("s3api list-buckets")["Buckets"].as_array().into_iter().flatten() {
        let objects =
            format!("s3api list-objects-v2 --bucket {}", bucket["Name"].as_str().unwrap());
        assert_eq!(emulator.aws(&objects)["Contents"], Value::Null, "{bucket}");
    }
}

/// `do/LINE` ends badly and says `why`.
fn refused(emulator: &Emulator, folder: &Path, line: &str, why: &str) {
    let (said, well) = emulator.run(folder, line);
    assert!(!well && said.contains(why), "do/{line}, {why}: {said}");
}

/// Two Regions, two accounts, a former name, things of others: through the real CLI.
fn what_is_elsewhere_or_foreign_is_found_or_left_alone() {
    let emulator = Emulator::start("server.py", &[]);
    let one = case("http-flask", "managed-inference", "-places", json!({"buildTarget": "local"}));
    let sources = Sources::new().files(FileAccess::Anywhere(std::env::temp_dir()));
    let merged = sources.with(Source::Flag, one.inputs.clone()).merge();
    let Ok((_, project)) = generate(Catalogs::embedded(), &merged) else { panic!("{}", one.name) };
    let folder = emulator.folder.path().join(&one.name);
    project.write(&folder).unwrap();
    let config = folder.join("do/config");
    let kept = fs::read_to_string(&config).unwrap();
    let change = |name: &str, value: &str| {
        let start = format!("{name}=");
        let line = kept.lines().find(|line| line.starts_with(&start)).unwrap();
        fs::write(&config, kept.replace(line, &format!("{start}{value}"))).unwrap();
    };
    for line in ["build", "push", "deploy"] {
        emulator.script(&folder, line);
    }
    let serves = || {
        let found = emulator.aws("sagemaker list-endpoints");
        assert_eq!(found["Endpoints"][0]["EndpointName"], one.name, "{found}");
    };

    change("REGION", "eu-west-1");
    for line in ["push", "deploy", "register"] {
        refused(&emulator, &folder, line, "in us-east-1");
    }
    let made = emulator.aws("ecr describe-repositories --region eu-west-1")["repositories"].clone();
    assert_eq!(made, json!([]));
    change("PROJECT_NAME", "renamed");
    refused(&emulator, &folder, "deploy", &format!("do/clean --project {}", one.name));
    refused(&emulator, &folder, "clean --yes", &format!("under the name {}", one.name));
    serves();
    fs::write(&config, &kept).unwrap();

    // The credentials of another account find it recorded where they cannot reach it.
    let role =
        "sts assume-role --role-arn arn:aws:iam::222222222222:role/x --role-session-name other";
    let there = emulator.aws(role)["Credentials"].clone();
    let output = emulator
        .command(&folder.join("do/clean"))
        .arg("--yes")
        .env("AWS_ACCESS_KEY_ID", there["AccessKeyId"].as_str().unwrap())
        .env("AWS_SECRET_ACCESS_KEY", there["SecretAccessKey"].as_str().unwrap())
        .env("AWS_SESSION_TOKEN", there["SessionToken"].as_str().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("these credentials are for 222222222222"), "{said}");
    serves();

    // Somebody else's, in the record.
    emulator.aws("ecr create-repository --repository-name prod");
    let state = folder.join(".mcc/state.json");
    let mut record: Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
    let mut foreign = record["resources"][0].clone();
    foreign["type"] = "ecr-repository".into();
    foreign["id"] = "prod".into();
    record["resources"].as_array_mut().unwrap().push(foreign);
    fs::write(&state, record.to_string()).unwrap();
    refused(&emulator, &folder, "clean", "--yes");
    serves();
    change("REGION", "eu-west-1");
    refused(&emulator, &folder, "clean --yes", "ecr-repository prod in us-east-1 stays");
    let left = emulator.aws("ecr describe-repositories")["repositories"].clone();
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    emulator.aws("ecr delete-repository --repository-name prod");
    emulator.script(&folder, "clean --yes");
    nothing_is_left(&emulator, "us-east-1");
    nothing_is_left(&emulator, "eu-west-1");
}

/// What AWS's service authorization reference says against policies: the number of each, and the defect.
fn judged(policies: &[Value]) -> Vec<String> {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/policy.py");
    let mut python = Command::new(needs::module("parliament"))
        .arg(oracle)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> = policies.iter().map(Value::to_string).collect();
    python.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let actions = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
    let actions: usize = actions.map(|one| one["Action"].as_array().unwrap().len()).sum();
    assert_eq!(told.trim(), actions.to_string());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn the_policy_of_smart_mode_is_one_of_awss_reference() {
    let policy = |more: &[&str]| -> Value {
        let mut mcc = Command::new(env!("CARGO_BIN_EXE_mcc"));
        let output = mcc.args(["policy", "smart"]).args(more).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let region = ["--reasoning", "--region", "eu-west-1"];
    assert_eq!(judged(&[policy(&[]), policy(&region)]), Vec::<String>::new());
    // Each of these is seen.
    let one = |action: &str, resource: &str, key: &str| {
        let condition = json!({"StringEquals": {key: "eu-west-1"}});
        let statement = json!({"Effect": "Allow", "Action": [action], "Resource": [resource], "Condition": condition});
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let region = "aws:RequestedRegion";
    let planted = [
        ("UNKNOWN_ACTION", one("sagemaker:DescribeEndpoints", "*", region)),
        ("RESOURCES_NOT_NAMED", one("sagemaker:DescribeEndpoint", "*", region)),
        (
            "RESOURCE_MISMATCH",
            one("sagemaker:DescribeEndpoint", "arn:*:sagemaker:*:*:cluster/*", region),
        ),
        (
            "RESOURCES_NAMED",
            one("sagemaker:ListEndpoints", "arn:*:sagemaker:*:*:endpoint/*", region),
        ),
        ("UNKNOWN_CONDITION", one("sagemaker:ListEndpoints", "*", "aws:RequestedRegions")),
        ("RESOURCE_MISMATCH", one("bedrock:InvokeModel", "arn:*:bedrock:*:*:guardrail/*", region)),
    ];
    for (defect, policy) in planted {
        let said = judged(std::slice::from_ref(&policy)).join("\n");
        assert!(said.contains(defect), "{defect}: {said}\n{policy:#}");
    }
}
