//! Images of generated projects are built for real, by the projects' own scripts: three are run, called and pushed
//! to a registry; those of the others, whose base images nobody can have here, on a base that has Python only.
//! `.ci/containers` is the engine, the registry and the base.
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

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Source, Sources, generate, registry};
use serde_json::{Value, json};

needs::tests! {
    images_are_built_served_and_pushed,
}

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
/// What every other image is made from: the base of `.ci/containers`.
const BASE: &str = "mcc-base";
/// The programs that the tier needs, and how to get them.
const PROGRAMS: [&str; 7] =
    ["dockerd", "docker-registry", "mmdebstrap", "slirp4netns", "unshare", "nsenter", "jq"];

/// An engine with a registry, which end with it.
struct Engine {
    serving: Child,
    namespaces: String,
    folder: tempfile::TempDir,
    python: String,
}

impl Engine {
    fn start() -> Self {
        if let Some(missing) = missing() {
            needs::missing_of("containers", &missing);
        }
        // The layers of images are large: beside the other results of builds, not in /tmp.
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("containers");
        succeeds(Command::new(script()).arg("base").arg(&kept), "the base image");
        let folder = tempfile::tempdir_in(&kept).unwrap();
        let mut serving = Command::new(script())
            .arg("serve")
            .args([folder.path().as_os_str(), HOST.as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(namespaces) = line.trim().strip_prefix("ready ").map(str::to_owned) else {
            // All that can be installed is there: this kernel, or what runs it, does not allow it.
            let said = serving.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&said.stderr).into_owned();
            needs::missing_of("containers", &format!("a container engine that starts: {said}"));
        };
        let mut engine = Self { serving, namespaces, folder, python: String::new() };
        fs::create_dir(engine.folder.path().join("bin")).unwrap();
        fs::create_dir(engine.folder.path().join("repositories")).unwrap();
        std::os::unix::fs::symlink(files().join("aws"), engine.folder.path().join("bin/aws"))
            .unwrap();
        let change = ["--change", "CMD [\"python3\"]"];
        let base = kept.join("base.tar");
        engine.docker(&[&["import"], &change[..], &[base.to_str().unwrap(), BASE]].concat());
        let version = "import sys; print('%d.%d' % sys.version_info[:2])";
        engine.python = engine.docker(&["run", "--rm", BASE, "python", "-c", version]);
        engine
    }

    /// A command among the engine's namespaces.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let proc = format!("/proc/{}/ns", self.namespaces);
        command
            .args([format!("--net={proc}/net"), format!("--mount={proc}/mnt")])
            .args([format!("--pid={proc}/pid_for_children")])
            .args(["--", "timeout", "600", program])
            .env_clear()
            .env(
                "PATH",
                self.path().join("bin").display().to_string() + ":/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("HOME", self.path())
            .env("DOCKER_HOST", format!("unix://{}/docker.sock", self.path().display()))
            .env("MCC_REPOSITORIES", self.path().join("repositories"))
            .env("MCC_POLL_SECONDS", "0.2")
            .stdin(Stdio::null());
        command
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn docker(&self, arguments: &[&str]) -> String {
        let what = format!("docker {}", arguments.join(" "));
        succeeds(self.command("docker").env("DOCKER_BUILDKIT", "1").args(arguments), &what)
    }

    fn script(&self, project: &Path, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let started = Instant::now();
        let script = project.join("do").join(words[0]);
        let name = project.file_name().unwrap().to_string_lossy();
        // Two projects run at the same time.
        let port = if name.contains("triton") { "8081" } else { "8080" };
        let mut command = self.command(script.to_str().unwrap());
        let said = succeeds(command.args(&words[1..]).env("MCC_PORT", port), line);
        println!("{name}: do/{line}: {:.1} s", started.elapsed().as_secs_f32());
        said
    }

    /// Generates the project `name` and gives `image` the name that its Dockerfile starts from.
    fn project(&self, name: &str, config: &str, more: &Value, image: &str) -> PathBuf {
        let config = registry().config(config).unwrap();
        let mut inputs = registry().example_inputs(config, "managed-inference");
        inputs.insert("projectName".into(), name.into());
        inputs.extend(more.as_object().unwrap().clone());
        let sources = Sources::new().files(FileAccess::Anywhere(std::env::temp_dir()));
        let merged = sources.with(Source::Flag, inputs).merge();
        let project = match generate(Catalogs::embedded(), &merged) {
            Ok((_, project)) => project,
            Err(plan) => panic!("{name}: {:#?} {:#?}", plan.questions, plan.findings),
        };
        let folder = self.path().join("projects").join(name);
        project.write(&folder).unwrap();
        let dockerfile = fs::read_to_string(folder.join("Dockerfile")).unwrap();
        let from = dockerfile.lines().find_map(|line| line.strip_prefix("FROM ")).unwrap();
        self.docker(&["tag", image, from.split(' ').next().unwrap()]);
        folder
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.serving.stdin.take());
        let _ = self.serving.wait();
    }
}

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images")
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/containers")
}

fn missing() -> Option<String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Some("Linux on x86-64".to_owned());
    }
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = |name: &&&str| !std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    if let Some(program) = PROGRAMS.iter().find(found) {
        return Some(format!("{program} (as root: .ci/containers install)"));
    }
    // Owner of the process's own folder: this user.
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap());
    (owner != 0).then(|| "root, for namespaces and mounts".to_owned())
}

fn succeeds(command: &mut Command, what: &str) -> String {
    let output: Output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}\n{err}", output.status);
    out
}

/// Built, run, called, stopped and pushed, and pushed again without effect.
fn lives(engine: &Engine, project: &Path, answer: impl Fn(&str) -> bool) {
    engine.script(project, "build");
    engine.script(project, "run --detach");
    let said = engine.script(project, "test local");
    assert!(answer(&said), "{said}");
    engine.script(project, "run --stop");
    engine.script(project, "push");

    let name = project.file_name().unwrap().to_str().unwrap();
    let state = fs::read_to_string(project.join(".mcc/state.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    let image = state["facts"]["image"].as_str().unwrap();
    assert!(image.starts_with(&format!("{HOST}/{name}@sha256:")), "{image}");
    let of = |image: &str| engine.docker(&["image", "inspect", "--format", "{{.Id}}", image]);
    let built = of(&format!("{name}:latest"));
    // What is deployed, by its digest, is what was built; SageMaker takes Docker's own media type only.
    engine.docker(&["pull", "--quiet", image]);
    assert_eq!(of(image), built);
    let described = engine
        .command("aws")
        .args(["ecr", "describe-images", "--repository-name", name])
        .args([
            "--image-ids",
            &format!("imageTag={}", state["facts"]["image-tag"].as_str().unwrap()),
        ])
        .args(["--region", "us-east-1", "--output", "json"])
        .output()
        .unwrap();
    let described: Value = serde_json::from_slice(&described.stdout).unwrap();
    let media_type = &described["imageDetails"][0]["imageManifestMediaType"];
    assert_eq!(media_type, "application/vnd.docker.distribution.manifest.v2+json");
    engine.script(project, "push");
}

fn images_are_built_served_and_pushed() {
    let engine = Engine::start();
    std::thread::scope(|scope| {
        scope.spawn(|| those_of_http_live(&engine));
        that_of_triton_lives(&engine);
        all_others_are_built(&engine);
    });
}

fn those_of_http_live(engine: &Engine) {
    let python = json!({"framework": "sklearn", "pythonVersion": engine.python});
    for config in ["http-flask", "http-fastapi"] {
        let project = engine.project(&config.replace("http-", "real-"), config, &python, BASE);
        lives(engine, &project, |said| said.contains("predictions"));
        matrix::shown_on_all("image", "built, run, pushed", config);
    }
}

fn that_of_triton_lives(engine: &Engine) {
    engine.docker(&["build", "--tag", "mcc-triton", files().join("triton").to_str().unwrap()]);
    let project = engine.project("real-triton", "triton-python", &json!({}), "mcc-triton");
    lives(engine, &project, |said| said.contains("prediction"));
    matrix::shown_on_all("image", "built, run, pushed", "triton-python");
}

fn all_others_are_built(engine: &Engine) {
    let mut seen = BTreeSet::new();
    for config in registry().configs() {
        if config.architecture == "http" || config.name == "triton-python" {
            continue;
        }
        // Where training the sample would install a gigabyte, a model of the user's own is said to come.
        let large = ["triton-tensorflow", "triton-pytorch"].contains(&config.name.as_str());
        let own = json!({"includeSample": false, "modelInputs": {"x": "FP32[8]"}, "modelOutputs": {"y": "FP32[1]"}});
        let more = if large { own } else { json!({}) };
        let project = engine.project(&format!("stub-{}", config.name), &config.name, &more, BASE);
        // There is no engine in the base that could load a model.
        let checks =
            fs::read_to_string(project.join("Dockerfile")).unwrap().contains("CHECK_MODEL");
        engine.script(&project, if checks { "build --build-arg CHECK_MODEL=0" } else { "build" });
        seen.insert(config.architecture.clone());
        matrix::shown_on_all("image", "built on a bare base", &config.name);
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}
