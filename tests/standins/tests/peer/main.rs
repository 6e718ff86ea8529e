//! All configs on all targets beside the npm package that came before, in one run and by the same measures:
//! what is generated, whether its image can be built, what linters find, whether it lives without a terminal,
//! and what generating takes. On demand, since it takes minutes:
//! `MCC_TIER_PEER=1 cargo test --release -p mcc-standins --test peer -- --nocapture`
#![allow(missing_docs, unreachable_pub, dead_code, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "../lifecycle/bench.rs"]
mod bench;
#[path = "../../../needs/mod.rs"]
mod needs;
#[path = "../lifecycle/projects.rs"]
mod projects;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bench::Bench;
use projects::{Case, all};
use serde_json::json;

needs::tests! {
    beside_the_package_that_came_before,
}

const NPM: &str = "@aws/ml-container-creator@1.6.0";

/// One of the two implementations: how it writes `case` into a folder.
struct Peer {
    name: &'static str,
    command: fn(&Case, &Path) -> Command,
    /// What its scripts are given beside the stand-ins: ours get what their README names, the other all there is.
    every_tool: bool,
    /// The life of a project, by scripts that both have.
    life: [&'static str; 4],
}

/// How far one project got.
#[derive(Default)]
struct Outcome {
    milliseconds: f64,
    peak_megabytes: f64,
    files: usize,
    /// Why each check failed, if it did.
    checks: BTreeMap<&'static str, Option<String>>,
}

impl Outcome {
    fn note(&mut self, what: &'static str, failed: Option<String>) {
        let line = |text: String| -> String {
            let line = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
            line.trim().chars().take(120).collect()
        };
        self.checks.insert(what, failed.map(line));
    }
}

const CHECKS: [&str; 7] =
    ["generated", "COPY sources", "shellcheck", "hadolint", "deploy", "test", "clean"];

fn beside_the_package_that_came_before() {
    needs::tier("MCC_TIER_PEER", &format!("the comparison with {NPM}"));
    for tool in ["npm", "node", "jq", "shellcheck", "hadolint"] {
        needs::tool(tool);
    }
    install();
    let cases: Vec<Case> = all().into_iter().filter(|case| case.plain).collect();
    let folder = tempfile::tempdir().unwrap();
    let since = Instant::now();
    for case in &cases {
        case.generate();
    }
    println!(
        "all {} in one process: {:.0} ms{}",
        cases.len(),
        since.elapsed().as_secs_f64() * 1e3,
        if cfg!(debug_assertions) { ", in a debug build" } else { "" }
    );
    let peers = [
        Peer {
            name: "mcc",
            command: ours,
            every_tool: false,
            life: ["submit", "deploy", "test", "clean --yes"],
        },
        Peer {
            name: "npm",
            command: theirs,
            every_tool: true,
            life: ["submit", "deploy", "test", "clean all --yes"],
        },
    ];
    let mut medians = Vec::new();
    for peer in &peers {
        let outcomes: Vec<(String, Outcome)> = cases
            .iter()
            .map(|case| {
                let root = folder.path().join(format!("{}-{}", peer.name, case.name));
                (case.name.clone(), judge(peer, case, root))
            })
            .collect();
        medians.push(tell(peer, &outcomes));
    }
    println!("a project takes {:.0} times as long with npm", medians[1] / medians[0]);
}

/// Prints a peer's figures, and answers its median time.
fn tell(peer: &Peer, outcomes: &[(String, Outcome)]) -> f64 {
    let middle = |figure: fn(&Outcome) -> f64| {
        let mut all: Vec<f64> = outcomes.iter().map(|(_, o)| figure(o)).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let time = middle(|o| o.milliseconds);
    println!("{}", peer.name);
    println!("  one project: {time:.1} ms, peak {:.1} MB (medians)", middle(|o| o.peak_megabytes));
    println!("  files: {:.0} (median)", middle(|o| u32::try_from(o.files).unwrap().into()));
    for check in CHECKS {
        let noted =
            |o: &Outcome| o.checks.get(check).cloned().unwrap_or(Some("not reached".to_owned()));
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for reason in outcomes.iter().filter_map(|(_, o)| noted(o)) {
            *reasons.entry(reason).or_default() += 1;
        }
        let failed: usize = reasons.values().sum();
        println!("  {check}: {} of {}", outcomes.len() - failed, outcomes.len());
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        for (reason, times) in reasons.iter().take(3) {
            println!("    {times} x {reason}");
        }
    }
    time
}

fn npm_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm")
}

fn install() {
    let folder = npm_folder();
    if folder.join("node_modules/.bin/ml-container-creator").exists() {
        return;
    }
    let options =
        ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
    let status = Command::new("npm").args(options).arg(&folder).arg(NPM).status().unwrap();
    assert!(status.success(), "npm install failed");
}

fn ours(case: &Case, folder: &Path) -> Command {
    let path = folder.with_extension("json");
    fs::write(&path, json!(case.inputs).to_string()).unwrap();
    let mcc = Path::new(env!("CARGO_BIN_EXE_standin")).with_file_name("mcc");
    assert!(mcc.exists(), "{} is not built: cargo build --bin mcc", mcc.display());
    let mut command = Command::new(mcc);
    command.args(["generate", "--skip-prompts", "--config"]).arg(path);
    command.arg("--project-dir").arg(folder);
    command
}

/// The same project, in the other's own words. The sample model is not asked for: it would be trained at once.
fn theirs(case: &Case, folder: &Path) -> Command {
    let path = folder.with_extension("json");
    fs::write(&path, r#"{"includeSampleModel": false}"#).unwrap();
    let target = match case.target() {
        "managed-inference" => "realtime-inference",
        other => other,
    };
    let input = |key: &str| case.inputs.get(key).and_then(|v| v.as_str()).map(str::to_owned);
    let gpu = !case.config().starts_with("http-");
    let instance = input("instanceType")
        .unwrap_or_else(|| if gpu { "ml.g5.xlarge" } else { "ml.m5.xlarge" }.to_owned());
    let mut flags = vec![
        ("deployment-config", case.config().to_owned()),
        ("deployment-target", target.to_owned()),
        ("region", "us-east-1".to_owned()),
        ("role-arn", "arn:aws:iam::111122223333:role/mine".to_owned()),
        ("instance-type", instance),
        ("project-dir", folder.to_str().unwrap().to_owned()),
    ];
    if let Some(model) = input("modelName") {
        flags.push(("model-name", model));
    }
    match case.config().split_once('-').unwrap() {
        ("http", _) => flags.push(("model-format", "pkl".to_owned())),
        (_, "fil") => flags.push(("model-format", "json".to_owned())),
        _ => {}
    }
    match target {
        "hyperpod-eks" => flags.push(("hyperpod-cluster", input("hyperpodCluster").unwrap())),
        "batch-transform" => {
            flags.push(("batch-input-path", "s3://my-inputs/in".to_owned()));
            flags.push(("batch-output-path", "s3://my-results/out".to_owned()));
        }
        "async-inference" => flags.push(("async-s3-output-path", "s3://my-results/out".to_owned())),
        _ => {}
    }
    let mut command = Command::new(npm_folder().join("node_modules/.bin/ml-container-creator"));
    command.args(["example", "--skip-prompts", "--config"]).arg(path);
    for (name, value) in flags {
        command.arg(format!("--{name}={value}"));
    }
    command
}

fn judge(peer: &Peer, case: &Case, root: PathBuf) -> Outcome {
    let mut seed = case.seed.clone();
    for bucket in ["my-inputs", "my-results"] {
        seed.insert(
            format!("s3.bucket/-/{bucket}"),
            json!({"Name": bucket, "BucketRegion": "us-east-1"}),
        );
    }
    seed.insert(
        "iam.role/-/mine".to_owned(),
        json!({"RoleName": "mine", "Arn": "arn:aws:iam::111122223333:role/mine"}),
    );
    let mut bench = Bench::new(root, &seed);
    bench.every_tool = peer.every_tool;
    let project = bench.project();
    let mut outcome = Outcome::default();
    let refused = run(&mut (peer.command)(case, &project), &mut outcome);
    let generated = refused.is_none() && project.join("Dockerfile").is_file();
    outcome.note("generated", refused.or_else(|| (!generated).then(|| "no Dockerfile".to_owned())));
    if !generated {
        return outcome;
    }
    outcome.files = count(&project);
    outcome.note("COPY sources", missing_source(&project));
    let scripts = scripts(&project);
    outcome.note("shellcheck", lint("shellcheck", &["--severity=style"], &project, &scripts));
    outcome
        .note("hadolint", lint("hadolint", &["--no-color"], &project, &["Dockerfile".to_owned()]));
    // What one script needs of the one before is not there if that failed: each is tried all the same.
    for line in peer.life {
        let ran = bench.run(line);
        let failed = (ran.status != Some(0)).then(|| {
            let text = format!("{}\n{}", ran.stderr, ran.stdout);
            text.lines()
                .find(|l| l.to_lowercase().contains("error") || l.contains('❌'))
                .unwrap_or(&text)
                .to_owned()
        });
        match line.split(' ').next().unwrap() {
            "submit" if failed.is_some() => {
                outcome.note("deploy", failed.map(|f| format!("submit: {f}")));
            }
            "submit" => {}
            "deploy" if outcome.checks.contains_key("deploy") => {}
            "deploy" => outcome.note("deploy", failed),
            "test" => outcome.note("test", failed),
            _ => {
                let left = bench.left(&seed);
                outcome
                    .note("clean", failed.or_else(|| left.first().map(|l| format!("left: {l}"))));
            }
        }
    }
    fs::remove_dir_all(&bench.root).unwrap();
    outcome
}

/// Runs a generator and notes its time and its peak of memory; answers why it failed.
fn run(command: &mut Command, outcome: &mut Outcome) -> Option<String> {
    let since = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break Some(ended);
        }
        if since.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|p| p.split_whitespace().next()?.parse::<f64>().ok());
        outcome.peak_megabytes = outcome.peak_megabytes.max(kib.unwrap_or(0.0) * 1024.0 / 1e6);
        std::thread::sleep(Duration::from_micros(200));
    };
    outcome.milliseconds = since.elapsed().as_secs_f64() * 1e3;
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    match ended {
        Some(ended) if ended.success() => None,
        Some(ended) => Some(format!("{ended}: {said}")),
        None => Some("it did not end in two minutes".to_owned()),
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    all
}

fn count(project: &Path) -> usize {
    files(project).len()
}

fn missing_source(project: &Path) -> Option<String> {
    let text = fs::read_to_string(project.join("Dockerfile")).unwrap().replace("\\\n", " ");
    for line in text.lines().filter(|l| l.starts_with("COPY ") && !l.contains("--from=")) {
        let words: Vec<&str> =
            line.split_whitespace().skip(1).filter(|w| !w.starts_with("--")).collect();
        for source in &words[..words.len() - 1] {
            if !source.contains('*') && !project.join(source).exists() {
                return Some(format!("{source} is not there"));
            }
        }
    }
    None
}

/// Shell scripts of `do/`, by suffix or first line.
fn scripts(project: &Path) -> Vec<String> {
    files(&project.join("do"))
        .into_iter()
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            path.extension().is_some_and(|e| e == "sh")
                || text.lines().next().is_some_and(|l| l.starts_with("#!") && l.contains("sh"))
        })
        .map(|path| path.strip_prefix(project).unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// The first thing that `tool` finds in `files`. Most projects share files: what was looked at is known.
fn lint(tool: &str, options: &[&str], project: &Path, files: &[String]) -> Option<String> {
    static KNOWN: Mutex<BTreeMap<Vec<u8>, Option<String>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    let look = |file: &str| {
        let mut command = Command::new(tool);
        let output = command.args(options).arg(file).current_dir(project).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_finding = |l: &&str| l.contains("SC") || l.contains("DL");
        (!output.status.success())
            .then(|| format!("{file}: {}", said.lines().find(is_finding).unwrap_or(&said).trim()))
    };
    files.iter().find_map(|file| {
        let content = fs::read(project.join(file)).unwrap();
        known.entry(content).or_insert_with(|| look(file)).clone()
    })
}
