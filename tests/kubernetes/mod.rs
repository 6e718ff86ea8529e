//! The cluster, with the emulated account that leads to it, and what is asked of it.
#![allow(unreachable_pub, missing_docs, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use mcc_catalogs::{Catalogs, Instance};
use serde_json::{Map, Value, json};

use crate::emulated::Emulator;
use crate::needs;

/// What `.ci/kubernetes` installs.
const PROGRAMS: [&str; 5] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];
/// Kinds that come and go by themselves, and one under its old name.
const OF_THE_CLUSTER: [&str; 4] = ["events", "leases", "componentstatuses", "ingresses.extensions"];
const TYPE_LABEL: &str = "node.kubernetes.io/instance-type";

pub struct Cluster {
    // Before the folder that it writes to.
    process: Child,
    kubectl: PathBuf,
    kubeconfig: PathBuf,
    folder: tempfile::TempDir,
}

/// A node of an instance type; three of each are there, since new pods start before old ones end.
fn node(instance: &Instance, number: usize, labels: &Map<String, Value>) -> Value {
    let name = instance.name.as_str();
    // What the HyperPod CLI counts where it knows the type, rather than what projects are sized by.
    let known = Catalogs::embedded().hyperpod().node(name);
    let (cpu, memory) = known
        .map_or((instance.vcpus, instance.memory_mib / 1024), |n| (n.cpu, n.memory_gib.into()));
    // A share of a node is the kubelet's and the system's.
    let memory = memory * 1024 * 93 / 100;
    let mut capacity =
        json!({"cpu": format!("{}m", cpu * 1000 - 200), "memory": format!("{memory}Mi")});
    if let Some(resource) = instance.accelerator_kind().resource() {
        capacity[resource] = instance.count.to_string().into();
    }
    if instance.efa > 0 {
        capacity["vpc.amazonaws.com/efa"] = instance.efa.to_string().into();
    }
    let mut labels = labels.clone();
    labels.insert(TYPE_LABEL.to_owned(), name.into());
    json!({"name": format!("{}-{number}", name.replace('.', "-")), "labels": labels, "capacity": capacity})
}

impl Cluster {
    /// There are nodes of the named instance types, all with
    /// `labels`.
    pub fn start(types: &[&str], labels: &Map<String, Value>) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bin = std::env::split_paths(&path)
            .find(|dir| PROGRAMS.iter().all(|program| dir.join(program).is_file()));
        let Some(bin) = bin else {
            let programs = PROGRAMS.join(", ");
            needs::missing(&format!(
                "{programs} (.ci/kubernetes FOLDER, and FOLDER/bin on the PATH)"
            ));
        };
        let nodes: Vec<Value> = types
            .iter()
            .filter_map(|name| Catalogs::embedded().instances().get(name))
            .flat_map(|instance| (1..=3).map(move |number| node(instance, number, labels)))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let log = fs::File::create(folder.path().join("cluster.log")).unwrap();
        let mut process = Command::new("python3")
            .arg(root.join("tests/kubernetes/cluster.py"))
            .arg(folder.path())
            .arg(json!(nodes).to_string())
            .arg(root.join("catalogs/data/crds/inferenceendpointconfig.json"))
            .env(
                "PATH",
                std::env::join_paths([bin.as_path(), "/usr/bin".as_ref(), "/bin".as_ref()])
                    .unwrap(),
            )
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let started = Instant::now();
        while !folder.path().join("ready.json").is_file() {
            let waits = process.try_wait().unwrap().is_none()
                && started.elapsed() < Duration::from_secs(120);
            assert!(waits, "no cluster: {}", log_of(folder.path(), "cluster.log"));
            std::thread::sleep(Duration::from_millis(50));
        }
        let kubeconfig = folder.path().join("admin.json");
        Self { process, kubectl: bin.join("kubectl"), kubeconfig, folder }
    }

    /// An account whose HyperPod cluster this is.
    pub fn account(&self) -> Emulator {
        let ready = self.folder.path().join("ready.json");
        let variables = [("MCC_CLUSTER", ready.as_path())];
        let emulator = Emulator::start("../kubernetes/aws.py", &variables);
        std::os::unix::fs::symlink(&self.kubectl, emulator.bin.join("kubectl")).unwrap();
        emulator
    }

    /// Runs kubectl as an administrator.
    pub fn run(&self, line: &str, input: &[u8]) -> Output {
        let mut child = Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(line.split(' '))
            .env("HOME", self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What kubectl says; it must not complain.
    pub fn kubectl(&self, line: &str, input: &[u8]) -> String {
        let output = self.run(line, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "kubectl {line}\n{said}\n{}",
            log_of(self.folder.path(), "cluster.log")
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn get(&self, line: &str) -> Value {
        serde_json::from_str(&self.kubectl(&format!("get {line} --output json"), b"")).unwrap()
    }

    /// All that is there, of every kind that can be listed, as KIND NAMESPACE/NAME with its identity and its version.
    /// What comes and goes by itself is left out.
    pub fn everything(&self) -> Vec<(String, String)> {
        let kinds = self.kubectl("api-resources --verbs list --output name", b"");
        let kinds: Vec<&str> = kinds
            .lines()
            .filter(|kind| !OF_THE_CLUSTER.iter().any(|own| kind.starts_with(own)))
            .collect();
        let all = self.get(&format!("{} --all-namespaces", kinds.join(",")));
        let text = |object: &Value, key: &str| {
            object["metadata"][key].as_str().unwrap_or_default().to_owned()
        };
        let mut found: Vec<(String, String)> = all["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|o| {
                let kind = o["kind"].as_str().unwrap();
                let name = format!("{kind} {}/{}", text(o, "namespace"), text(o, "name"));
                // Nodes change with what runs on them.
                let version =
                    if kind == "Node" { String::new() } else { text(o, "resourceVersion") };
                (name, format!("{} {version}", text(o, "uid")))
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn log_of(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
    let from = text.char_indices().rev().nth(4000).map_or(0, |(at, _)| at);
    text[from..].to_owned()
}

/// Waits up to a minute until `what` answers with something.
pub fn until<T>(reason: &str, mut what: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain: {reason}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
