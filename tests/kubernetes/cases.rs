//! Which HyperPod projects are held against the API server, and which live on it.
#![allow(unreachable_pub, missing_docs, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use mcc_catalogs::Catalogs;
use mcc_generator::{
    FileAccess, Merged, Source, Sources, Support, generate, matrix, registry, spec,
};
use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::emulated::Emulator;

const TARGET: &str = "hyperpod-eks";
const DISK: &str = "fs-0123456789abcdef0";

pub struct Case {
    pub name: String,
    pub inputs: Map<String, Value>,
    extra: Extra,
}

/// What else is shown with a project when it has been deployed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    Nothing,
    /// Pods that do not get ready are told.
    Crash,
    /// That no node has room for a pod is told.
    Room,
    /// Somebody else uses the namespace that it made.
    Shared,
}

fn case(name: &str, config: &str, more: &Value) -> Case {
    let mut inputs = registry().example_inputs(registry().config(config).unwrap(), TARGET);
    inputs.insert("projectName".into(), name.into());
    inputs.extend(more.as_object().unwrap().clone());
    Case { name: name.to_owned(), inputs, extra: Extra::Nothing }
}

/// Labels of all nodes.
pub fn labels() -> Map<String, Value> {
    Map::from_iter([("team".to_owned(), json!("ml"))])
}

impl Case {
    fn merged(&self) -> Merged {
        let access = FileAccess::Anywhere(std::env::temp_dir());
        Sources::new().files(access).with(Source::Flag, self.inputs.clone()).merge()
    }

    pub fn config(&self) -> &str {
        self.inputs["deploymentConfig"].as_str().unwrap()
    }

    pub fn namespace(&self) -> &str {
        self.inputs.get("hyperpodNamespace").and_then(Value::as_str).unwrap_or("default")
    }

    pub fn instance_type(&self) -> Option<String> {
        spec(Catalogs::embedded(), &self.merged()).unwrap().instance.kind
    }

    /// Generates the project below `root`.
    pub fn write(&self, root: &Path, use_: &str) -> PathBuf {
        let folder = root.join(use_).join(&self.name);
        match generate(Catalogs::embedded(), &self.merged()) {
            Ok((_, project)) => project.write(&folder).unwrap(),
            Err(plan) => panic!("{}: {:#?} {:#?}", self.name, plan.questions, plan.findings),
        }
        folder
    }

    pub fn after_deploy(&self, cluster: &Cluster, emulator: &Emulator, project: &Path) {
        let namespace = self.namespace();
        match self.extra {
            Extra::Nothing => {}
            Extra::Crash => {
                let path = project.join("k8s/deployment.yaml");
                let good = fs::read_to_string(&path).unwrap();
                let deadline = good.lines().find(|l| l.contains("progressDeadlineSeconds:"));
                let soon = good.replace(deadline.unwrap(), "  progressDeadlineSeconds: 3");
                fs::write(&path, soon.replace("MCC_TEST_CHANGED", "MCC_TEST_CRASH")).unwrap();
                let (said, well) = emulator.run(project, "deploy");
                assert!(!well && said.contains("is Failed"), "{said}");
                assert!(said.contains("CrashLoopBackOff"), "{said}");
                let (said, well) = emulator.run(project, "status");
                assert!(!well && said.contains("not ready"), "{said}");
                // The pods from before still serve, and the next deployment mends it.
                fs::write(&path, good).unwrap();
                emulator.script(project, "deploy");
                emulator.script(project, "test");
            }
            Extra::Room => {
                let path = project.join("k8s/deployment.yaml");
                let good = fs::read_to_string(&path).unwrap();
                let much = |line: &str| match line.split_once("memory: ") {
                    Some((before, _)) => format!("{before}memory: 99999Gi\n"),
                    None => format!("{line}\n"),
                };
                fs::write(&path, good.lines().map(much).collect::<String>()).unwrap();
                let mut deploy = emulator.command(&project.join("do/deploy"));
                let output = deploy.env("MCC_TIMEOUT_SECONDS", "20").output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(!output.status.success() && said.contains("is still"), "{said}");
                assert!(said.contains("Insufficient memory"), "{said}");
                fs::write(&path, good).unwrap();
                emulator.script(project, "deploy");
            }
            Extra::Shared => {
                let theirs = format!("configmap theirs --from-literal a=b --namespace {namespace}");
                cluster.kubectl(&format!("create {theirs}"), b"");
            }
        }
    }

    /// When it is cleaned up.
    pub fn after_clean(&self, cluster: &Cluster) {
        let namespace = self.namespace();
        if self.extra == Extra::Shared {
            let theirs = cluster.get(&format!("configmap theirs --namespace {namespace}"));
            assert_eq!(theirs["data"]["a"], "b");
            cluster.kubectl(&format!("delete namespace {namespace}"), b"");
        }
    }
}

/// The first config of each architecture.
fn first_of_each() -> Vec<&'static str> {
    let mut seen = std::collections::BTreeSet::new();
    let configs = registry().configs().iter();
    configs.filter(|c| seen.insert(&c.architecture)).map(|c| c.name.as_str()).collect()
}

/// All configs in both kinds of manifest, and variants that write other objects or other fields.
pub fn manifests() -> Vec<Case> {
    let mut cases = Vec::new();
    for cell in matrix(Catalogs::embedded()) {
        if cell.status == Support::Refused || cell.deployment_target != TARGET {
            continue;
        }
        let config = &cell.deployment_config;
        for kind in ["operator", "deployment"] {
            let name = format!("{config}-{kind}").replace("transformers", "tf");
            cases.push(case(&name, config, &json!({"hyperpodManifest": kind})));
        }
    }
    assert!(cases.len() >= 30, "{} of 15 configs and two kinds", cases.len());
    let hub = &registry().usual().unwrap().name;
    let model = json!({"modelName": "s3://my-models/one/", "modelConfig": CONFIG_JSON});
    let disk = json!({"hyperpodNamespace": "models", "fsxVolumeHandle": DISK, "hfTokenArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf"});
    let placed = json!({"hpNodeSelector": {"team": "ml"}, "hpCpuRequest": "3500m", "hpMemRequest": "20Gi", "hpQueue": "team", "hyperpodReplicas": 3, "tags": {"team": "ml"}});
    let wide = json!({"instanceType": "ml.p5.48xlarge", "hpGpuCount": 8, "hpEfaEnabled": true, "tensorParallelSize": 8});
    for (name, more) in [("s3", model), ("disk", disk), ("placed", placed), ("wide", wide)] {
        for kind in ["operator", "deployment"] {
            let mut one = case(&format!("{name}-{kind}"), hub, &more);
            one.inputs.insert("hyperpodManifest".to_owned(), kind.into());
            cases.push(one);
        }
    }
    cases.push(case("9-digits", "http-flask", &json!({"hyperpodManifest": "deployment"})));
    let long = format!("{}-{}", "a".repeat(38), "b".repeat(18));
    cases.push(case(&long, hub, &json!({"hyperpodNamespace": "models", "fsxVolumeHandle": DISK})));
    cases
}

/// The first config of each architecture as a plain Deployment, and projects of the operator.
pub fn lives() -> Vec<Case> {
    let plain = |config: &&str| case(config, config, &json!({"hyperpodManifest": "deployment"}));
    let mut cases: Vec<Case> = first_of_each().iter().map(plain).collect();
    assert_eq!(cases.len(), 4, "an architecture more or less");
    let hub = &registry().usual().unwrap().name;
    cases[0].inputs.insert("hyperpodReplicas".to_owned(), json!(2));
    cases.push(case("operated", hub, &json!({})));
    cases.push(case("operated-here", "http-flask", &json!({"hpNodeSelector": {"team": "ml"}})));
    let disk = json!({"hyperpodNamespace": "models", "fsxVolumeHandle": DISK, "hfTokenArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf"});
    cases.push(case("with-disk", hub, &disk));
    cases[1].extra = Extra::Crash;
    cases[2].extra = Extra::Room;
    let mut shared = case(
        "shared",
        "http-flask",
        &json!({"hyperpodNamespace": "shared", "hyperpodManifest": "deployment"}),
    );
    shared.extra = Extra::Shared;
    cases.push(shared);
    cases
}

const CONFIG_JSON: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048,
  "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
  "head_dim": 64, "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16",
  "tie_word_embeddings": true}"#;
