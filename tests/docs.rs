//! Examples, the reference of inputs and the tables in README.md are what the generator makes of them.
//! `MCC_UPDATE_EXAMPLES=1` rewrites them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcc_catalogs::Catalogs;
use mcc_generator::{Project, Severity, Source, Sources, Support, generate, registry, rules};
use serde_json::{Value, json};

/// The folder with the documents: this project's, or a copy that `MCC_DOCUMENTS` names.
fn root() -> PathBuf {
    let copy = std::env::var_os("MCC_DOCUMENTS");
    copy.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
}

fn updating() -> bool {
    std::env::var_os("MCC_UPDATE_EXAMPLES").is_some()
}

/// The examples: between them every architecture and every target.
fn examples() -> Vec<Value> {
    vec![
        json!({"projectName": "churn", "deploymentConfig": "http-flask", "framework": "sklearn"}),
        json!({"projectName": "abalone-batch", "deploymentConfig": "http-fastapi", "framework": "xgboost",
            "deploymentTarget": "batch-transform", "contentType": "text/csv", "batchContentType": "text/csv"}),
        json!({"projectName": "chat", "deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B",
            "deploymentTarget": "async-inference", "autoscalingMin": 0, "autoscalingMax": 2}),
        json!({"projectName": "chat-pods", "deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B",
            "deploymentTarget": "hyperpod-eks", "hyperpodCluster": "research", "region": "us-east-1", "instanceType": "ml.g6e.2xlarge"}),
        json!({"projectName": "trees", "deploymentConfig": "triton-fil", "deploymentTarget": "async-inference"}),
        json!({"projectName": "posters", "deploymentConfig": "diffusors-vllm-omni",
            "modelName": "black-forest-labs/FLUX.2-klein-4B", "deploymentTarget": "async-inference"}),
    ]
}

fn project(inputs: &Value) -> Project {
    let merged = Sources::new().with(Source::Flag, inputs.as_object().unwrap().clone()).merge();
    let (plan, project) = generate(Catalogs::embedded(), &merged)
        .unwrap_or_else(|plan| panic!("{inputs}: {:#?} {:#?}", plan.questions, plan.findings));
    let grave: Vec<_> = plan.findings.iter().filter(|f| f.severity > Severity::Note).collect();
    assert!(grave.is_empty(), "an example has findings: {grave:#?}");
    project
}

#[test]
fn examples_are_what_is_generated() {
    let mut names = Vec::new();
    for inputs in examples() {
        let name = inputs["projectName"].as_str().unwrap();
        names.push(name.to_owned());
        let folder = root().join("examples").join(name);
        if updating() {
            let _ = std::fs::remove_dir_all(&folder);
            project(&inputs).write(&folder).unwrap();
        }
        let different: Vec<String> =
            project(&inputs).diff(&folder).unwrap().into_iter().map(|d| d.path).collect();
        assert_eq!(
            different,
            Vec::<String>::new(),
            "{name} is old: run this test with MCC_UPDATE_EXAMPLES=1"
        );
    }
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name) || name == "README.md", "examples/{name} is no example");
    }
}

#[test]
fn examples_cover_every_architecture_and_target() {
    let all: Vec<Value> = examples()
        .iter()
        .map(|i| {
            let text =
                String::from_utf8(project(i).get(".mcc/inputs.json").unwrap().bytes.to_vec())
                    .unwrap();
            serde_json::from_str(&text).unwrap()
        })
        .collect();
    let has = |key: &str, name: &str| {
        all.iter().any(|saved: &Value| saved["inputs"][key] == name)
            || (key == "deploymentTarget" && all.iter().any(|s| s["inputs"].get(key).is_none()))
    };
    // Backends of an architecture differ in a few files; their tests look at each.
    let configs = registry().configs();
    let shown = |architecture: &str| {
        configs.iter().any(|c| c.architecture == architecture && has("deploymentConfig", &c.name))
    };
    assert!(configs.iter().all(|c| shown(&c.architecture)));
    assert!(registry().targets().iter().all(|t| has("deploymentTarget", t)));
}

fn mcc(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mcc")).args(arguments).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn compare(path: &Path, text: &str) {
    if updating() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == text, "{} is old: run this test with MCC_UPDATE_EXAMPLES=1", path.display());
}

#[test]
fn the_reference_of_inputs_is_what_the_command_prints() {
    compare(&root().join("docs/inputs.md"), &mcc(&["inputs"]));
}

#[test]
fn the_tables_of_the_readme_are_those_of_the_registry() {
    let targets = registry().targets();
    let cells = mcc_generator::matrix(Catalogs::embedded());
    let mut tables = format!("| Deployment config | Served with | {} |\n", targets.join(" | "));
    tables += &format!("|---|---|{}\n", "---|".repeat(targets.len()));
    for config in registry().configs() {
        let path = format!("layers/{}/backend/{}", config.architecture, config.backend);
        let title = &registry().layer(&path).unwrap().manifest.title;
        let what = if config.frameworks.is_empty() {
            title.clone()
        } else {
            format!("{title}: {}", config.frameworks.join(", "))
        };
        let mut row = format!("| `{}` | {what} |", config.name);
        for cell in cells.iter().filter(|c| c.deployment_config == config.name) {
            let ids: Vec<String> = cell.findings.iter().map(|f| f.id.clone()).collect();
            row += &match cell.status {
                Support::Supported => " yes |".to_owned(),
                Support::Warning => format!(" yes, {} |", ids.join(", ")),
                Support::Refused => format!(" no, {} |", ids.join(", ")),
            };
        }
        tables += &format!("{row}\n");
    }
    tables.push_str("\n| Target | What it is |\n|---|---|\n");
    for target in registry().targets() {
        let what = &registry().layer(&format!("targets/{target}")).unwrap().manifest.description;
        writeln!(tables, "| `{target}` | {what} |").unwrap();
    }
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once("<!-- registry -->\n").expect("the marker");
    let (_, after) = rest.split_once("<!-- end -->").expect("the end marker");
    compare(&path, &format!("{before}<!-- registry -->\n{tables}<!-- end -->{after}"));
    assert!(readme.lines().count() < 150, "README.md is under 150 lines");
}

#[test]
fn every_rule_is_explained() {
    for rule in rules() {
        let text = mcc(&["explain", rule.id]);
        assert!(text.contains(rule.id) && text.contains(rule.title), "{text}");
        assert!(!rule.why.is_empty() && !rule.source.is_empty(), "{}", rule.id);
    }
}

#[test]
fn documents_name_files_that_exist() {
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for name in text.split(['`', '(', ')']).filter(|n| {
            n.starts_with("tests/") || n.starts_with("docs/") || n.starts_with("generator/")
        }) {
            let name = name.split(['<', '*', ' ']).next().unwrap().trim_end_matches('.');
            assert!(root().join(name).exists(), "{document} names {name}");
        }
    }
}
