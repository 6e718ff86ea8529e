//! The life of generated projects through the real AWS CLI, against an emulator of AWS: moto, as `tests/emulator/server.py`
//! starts it, which says what of it is not moto's. `.ci/emulator` installs both. One config of every architecture on every
//! target that moto has something of; not HyperPod, whose clusters and Kubernetes nothing here emulates.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "matrix/mod.rs"]
mod shown;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Source, Sources, Support, generate, matrix, registry};
use serde_json::{Map, Value, json};

const REGION: &str = "us-east-1";

/// The emulator and the CLI, which end with it, and the programs that scripts find.
struct Emulator {
    servers: Vec<Child>,
    port: u16,
    bin: PathBuf,
    folder: tempfile::TempDir,
}

impl Emulator {
    /// Nothing, with a printed reason, where it is not installed.
    fn start() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Both of one environment; an `aws` of version 1 is no use.
        let bin = std::env::split_paths(&path).find(|dir| {
            let code = "import awscli.botocore";
            let mut python = Command::new(dir.join("python"));
            dir.join("moto_server").is_file()
                && python.args(["-c", code]).output().is_ok_and(|run| run.status.success())
        });
        let Some(bin) = bin else {
            assert!(!shown::required("emulator"), "no moto with an AWS CLI");
            let _ = writeln!(
                std::io::stderr(),
                "skipped: 14 lives of projects need moto and the AWS CLI v2 (.ci/emulator FOLDER, and FOLDER/bin on the PATH)"
            );
            return None;
        };
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("server.log")).unwrap();
        let serve = |script: &str, argument: &str| {
            Command::new(bin.join("python"))
                .arg(files().join(script))
                .arg(argument)
                .env("AWS_ACCESS_KEY_ID", "emulated")
                .env("AWS_SECRET_ACCESS_KEY", "emulated")
                .stdin(Stdio::piped())
                .stdout(log.try_clone().unwrap())
                .stderr(log.try_clone().unwrap())
                .spawn()
                .unwrap()
        };
        let socket = folder.path().join("cli.sock");
        let servers =
            vec![serve("server.py", &port.to_string()), serve("cli.py", socket.to_str().unwrap())];
        let tools = folder.path().join("bin");
        fs::create_dir(&tools).unwrap();
        fs::create_dir(folder.path().join("images")).unwrap();
        for name in ["aws", "docker"] {
            std::os::unix::fs::symlink(files().join(name), tools.join(name)).unwrap();
        }
        let emulator = Self { servers, port, bin: tools, folder };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() || !socket.exists() {
            assert!(started.elapsed() < Duration::from_secs(60), "no server: {}", emulator.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(emulator)
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
        let from = text.char_indices().rev().nth(4000).map_or(0, |(at, _)| at);
        text[from..].to_owned()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("timeout");
        command
            .arg("300")
            .arg(program)
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.bin.display()))
            .env("HOME", self.folder.path())
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ACCESS_KEY_ID", "emulated")
            .env("AWS_SECRET_ACCESS_KEY", "emulated")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("MCC_CLI", self.folder.path().join("cli.sock"))
            .env("MCC_IMAGES", self.folder.path().join("images"))
            .env("MCC_POLL_SECONDS", "0.1")
            .stdin(Stdio::null());
        command
    }

    /// What the CLI answers to a question.
    fn aws(&self, line: &str) -> Value {
        let output = self
            .command(&self.bin.join("aws"))
            .args(line.split(' '))
            .args(["--region", REGION, "--output", "json", "--no-cli-pager"])
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {line}\n{err}\n{}", self.log());
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn script(&self, project: &Path, line: &str) -> String {
        let mut words = line.split(' ');
        let script = project.join("do").join(words.next().unwrap());
        let output = self.command(&script).args(words).output().unwrap();
        let said =
            [&output.stdout, &output.stderr].map(|b| String::from_utf8_lossy(b).into_owned());
        let said = said.concat();
        let name = project.display();
        assert!(
            output.status.success(),
            "{name}: do/{line}: {}\n{said}\n{}",
            output.status,
            self.log()
        );
        assert!(!said.contains("warning: "), "{name}: do/{line}\n{said}");
        said
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        for server in &mut self.servers {
            drop(server.stdin.take());
            let _ = server.wait();
        }
    }
}

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator")
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

#[test]
fn projects_live_in_an_emulated_account() {
    let Some(emulator) = Emulator::start() else { return };
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
