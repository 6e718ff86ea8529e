//! HyperPod projects on a real Kubernetes API server, on demand: `MCC_TIER_KUBE=1`, with what `.ci/kubernetes` and
//! `.ci/emulator` install. `tests/kubernetes/cluster.py` says what of the cluster is real and what is played.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "kubernetes/cases.rs"]
mod cases;
#[path = "kubernetes/mod.rs"]
mod cluster;
#[path = "emulator/mod.rs"]
mod emulated;
mod needs;
#[path = "matrix/mod.rs"]
mod shown;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use cases::{Case, lives, manifests};
use cluster::{Cluster, until};
use emulated::Emulator;
use serde_json::{Value, json};

needs::tests! {
    hyperpod_projects_live_on_a_real_api_server,
}

/// What do/deploy would apply, by its own functions.
const WRITE: &str = r#"
. do/lib/common.sh
for library in state image container hyperpod; do . "do/lib/$library.sh"; done
aws_identity
IMAGE="$(registry)/$ECR_REPOSITORY@sha256:$(printf '%064d' 1)"
write_manifests
cat "$MCC_TMP/manifests.json"
"#;
/// As do/deploy does it, but nothing is kept.
const APPLY: &str =
    "apply --server-side --force-conflicts --field-manager mcc --dry-run=server --filename -";

/// Runs `each` for all of `cases` on all cores; every one that fails is told, not the first only.
fn for_each(cases: &[Case], each: impl Fn(&Case) + Sync) {
    let (queue, failed) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().next() else { break };
                    let started = Instant::now();
                    if catch_unwind(AssertUnwindSafe(|| each(case))).is_err() {
                        failed.lock().unwrap().push(&case.name);
                    }
                    println!("{}: {:.1} s", case.name, started.elapsed().as_secs_f32());
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "failed: {failed:?}; the reasons are above");
}

/// The objects that do/deploy would apply.
fn objects(emulator: &Emulator, project: &Path) -> Vec<u8> {
    let output = emulator
        .command("bash".as_ref())
        .args(["-c", WRITE])
        .current_dir(project)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", project.display());
    output.stdout
}

/// The API server takes what `case` would apply, without a warning. The objects are the answer.
fn is_taken(cluster: &Cluster, emulator: &Emulator, case: &Case) -> Vec<Value> {
    let project = case.write(emulator.folder.path(), "dry");
    let bytes = objects(emulator, &project);
    let said = cluster.kubectl(&format!("{APPLY} --namespace {}", case.namespace()), &bytes);
    let applied = said.lines().filter(|line| line.ends_with("serverside-applied (server dry run)"));
    let documents = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
    let objects: Vec<Value> = documents.map(Result::unwrap).collect();
    assert_eq!(applied.count(), objects.len(), "{}: {said}", case.name);
    objects
}

/// A mistake in any object is found: the check above can fail.
fn mistakes_are_found(cluster: &Cluster, objects: &[Value]) {
    let wrong = [
        ("Deployment", "/spec/template/spec/containers/0", "imagePullPolcy", json!("Always")),
        ("Deployment", "/spec", "replicas", json!("two")),
        ("Deployment", "/spec/template/metadata", "labels", json!({"other": "one"})),
        ("Service", "/spec/ports/0", "port", json!(99_999)),
        ("PersistentVolume", "/spec/csi", "volumeHandel", json!("x")),
        ("PersistentVolumeClaim", "/spec", "acessModes", json!([])),
        ("InferenceEndpointConfig", "/spec/worker", "imag", json!("x")),
        ("InferenceEndpointConfig", "/spec/modelSourceConfig", "modelSourceType", json!("ftp")),
    ];
    for (kind, place, field, value) in wrong {
        let found = objects.iter().find(|object| object["kind"] == kind);
        let mut object = found.unwrap_or_else(|| panic!("nothing has a {kind}")).clone();
        object.pointer_mut(place).unwrap()[field] = value;
        let output = cluster.run(APPLY, object.to_string().as_bytes());
        let said = String::from_utf8_lossy(&output.stderr);
        let told = !output.status.success() && said.contains(field);
        assert!(told, "{kind}{place}/{field}: {said}");
    }
}

/// Changes the manifests of a project as its owner would, by an environment variable more.
fn change(project: &Path, name: &str) {
    for file in ["deployment", "inference-endpoint"] {
        let path = project.join("k8s").join(format!("{file}.yaml"));
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let has = |line: &&str| {
            ["env:", "environmentVariables:"].contains(&line.trim_end_matches(" []").trim())
        };
        let line = text.lines().find(has).unwrap_or_else(|| panic!("no environment in {text}"));
        let list = line.trim_end_matches(" []");
        let indent = " ".repeat(list.len() - list.trim_start().len() + 2);
        let more = format!("{list}\n{indent}- name: \"{name}\"\n{indent}  value: \"1\"");
        fs::write(&path, text.replacen(line, &more, 1)).unwrap();
    }
}

fn live(cluster: &Cluster, emulator: &Emulator, case: &Case) {
    let project = case.write(emulator.folder.path(), "live");
    let (namespace, name) = (case.namespace(), format!("{}-model", case.name));
    let deployments =
        || cluster.get(&format!("deployments --namespace {namespace}"))["items"].take();
    for line in ["validate", "build", "push", "validate --aws", "deploy", "test", "status"] {
        emulator.script(&project, line);
    }
    let ours = |all: &Value| -> Vec<Value> {
        let all = all.as_array().unwrap().iter();
        all.filter(|one| one["metadata"]["name"] == name.as_str()).cloned().collect()
    };
    let first = ours(&deployments());
    assert_eq!(first.len(), 1, "{first:?}");
    let status = emulator.script(&project, "status --json");
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["status"], &status["ready"]), (&json!("Ready"), &status["wanted"]));
    assert!(status["pods"].as_array().is_none_or(|pods| !pods.is_empty()), "{status}");
    assert!(emulator.script(&project, "logs").contains("the model serves"));
    emulator.script(&project, "register --note first");

    // Nothing has changed, and nothing is.
    emulator.script(&project, "deploy");
    let same = ours(&deployments());
    assert_eq!(same[0]["metadata"]["generation"], first[0]["metadata"]["generation"]);
    // A change is rolled out to what is there.
    change(&project, "MCC_TEST_CHANGED");
    emulator.script(&project, "deploy");
    let changed = ours(&deployments());
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(changed[0]["metadata"]["uid"], first[0]["metadata"]["uid"]);
    assert!(changed[0].to_string().contains("MCC_TEST_CHANGED"), "{}", changed[0]);
    emulator.script(&project, "test");
    case.after_deploy(cluster, emulator, &project);
    emulator.script(&project, "clean --yes");
    emulator.script(&project, "clean --yes");
    let state = fs::read_to_string(project.join(".mcc/state.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["resources"], json!([]), "{}", case.name);
    case.after_clean(cluster);
    shown::shown("aws", "lived on an API server", case.config(), "hyperpod-eks");
}

/// Objects of other people, in the namespace that projects use.
const FOREIGN: &str = r"
apiVersion: v1
kind: ConfigMap
metadata: {name: theirs, namespace: default}
data: {a: b}
---
apiVersion: v1
kind: Secret
metadata: {name: theirs, namespace: default}
stringData: {a: b}
---
apiVersion: v1
kind: Service
metadata: {name: theirs, namespace: default}
spec: {selector: {app: theirs}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: theirs, namespace: default, labels: {app.kubernetes.io/part-of: theirs}}
spec:
  selector: {matchLabels: {app: theirs}}
  template:
    metadata: {labels: {app: theirs}}
    spec: {containers: [{name: it, image: theirs}]}
";

fn hyperpod_projects_live_on_a_real_api_server() {
    let (all, living) = (manifests(), lives());
    let what = format!("{} projects on a real Kubernetes API server", all.len() + living.len());
    needs::tier("MCC_TIER_KUBE", &what);
    let types: BTreeSet<String> = living.iter().filter_map(Case::instance_type).collect();
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    let started = Instant::now();
    let cluster = Cluster::start(&types, &cases::labels());
    let emulator = cluster.account();
    println!("the cluster and the account: {:.1} s", started.elapsed().as_secs_f32());
    emulator.aws(r#"secretsmanager create-secret --name hf --secret-string {"HF_TOKEN":"hf_x"}"#);
    let token = emulator.aws("secretsmanager describe-secret --secret-id hf")["ARN"].clone();
    let with_token = |mut cases: Vec<Case>| {
        for case in cases.iter_mut().filter(|case| case.inputs.contains_key("hfTokenArn")) {
            case.inputs.insert("hfTokenArn".to_owned(), token.clone());
        }
        cases
    };
    let (all, living) = (with_token(all), with_token(living));

    let started = Instant::now();
    cluster.kubectl("create namespace models", b"");
    let objects = Mutex::new(Vec::new());
    for_each(&all, |case| {
        let taken = is_taken(&cluster, &emulator, case);
        objects.lock().unwrap().extend(taken);
    });
    mistakes_are_found(&cluster, &objects.into_inner().unwrap());
    cluster.kubectl("delete namespace models", b"");
    println!("manifests: {:.1} s", started.elapsed().as_secs_f32());

    let started = Instant::now();
    cluster.kubectl("apply --filename -", FOREIGN.as_bytes());
    until("theirs is ready", || {
        let theirs = cluster.get("deployment theirs");
        (theirs["status"]["readyReplicas"] == 1).then_some(())
    });
    let before = cluster.everything();
    for_each(&living, |case| live(&cluster, &emulator, case));
    let after = cluster.everything();
    let differs = |one: &&(String, String)| !(before.contains(one) && after.contains(one));
    let differing: Vec<_> = before.iter().chain(&after).filter(differs).collect();
    assert!(differing.is_empty(), "what is left, or was touched: {differing:#?}");
    println!("lives: {:.1} s", started.elapsed().as_secs_f32());
}
