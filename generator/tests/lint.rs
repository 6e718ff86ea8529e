//! Linters on the files of every project: zero findings. Files that several projects share are looked at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../../tests/needs/mod.rs"]
mod needs;
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use mcc_generator::Project;
use serde_json::{Map, Value, json};
use support::matrix::shown;
use support::{base, object, on_neuron, pairs, project, try_project};

needs::tests! {
    shellcheck_finds_nothing_in_the_scripts,
    hadolint_finds_nothing_in_the_dockerfiles,
    ruff_finds_nothing_in_the_python,
    yamllint_finds_nothing_in_the_yaml,
    kubernetes_takes_the_manifests,
    the_operator_takes_its_manifests,
    nginx_takes_its_configuration,
}

/// Every config on every target, and forms of them with other files.
fn inputs() -> Vec<Map<String, Value>> {
    let mut all = on_neuron();
    for (config, target) in pairs() {
        let start = base(&config, &target);
        let mut more = vec![json!({}), json!({"buildTarget": "local"})];
        match target.as_str() {
            "hyperpod-eks" => {
                more.push(json!({"hyperpodManifest": "deployment", "hpQueue": "team"}));
            }
            "managed-inference" => more.push(
                json!({"inferenceComponent": true, "autoscalingMin": 0, "autoscalingMax": 2}),
            ),
            "async-inference" => more.push(json!({"autoscalingMin": 0, "autoscalingMax": 2})),
            _ => {}
        }
        for extra in more {
            let mut inputs = start.clone();
            inputs.extend(object(extra));
            all.push(inputs);
        }
    }
    all
}

/// Projects by a name that is a folder's.
fn projects() -> Vec<(String, Project)> {
    inputs().iter().enumerate().map(|(n, i)| (format!("project-{n}"), project(i))).collect()
}

/// The distinct files of all projects whose path and content `wanted` takes, written below `dir`.
fn distinct(dir: &Path, wanted: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut seen: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    for (name, project) in projects() {
        for (path, file) in project.files() {
            let content = String::from_utf8_lossy(&file.bytes);
            if !wanted(path, &content) || seen.contains_key(file.bytes.as_ref()) {
                continue;
            }
            let relative = format!("{name}/{path}");
            let full = dir.join(&relative);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, &file.bytes).unwrap();
            seen.insert(file.bytes.to_vec(), relative);
        }
    }
    assert!(!seen.is_empty());
    seen.into_values().collect()
}

/// Notes that `tool` finds nothing in any project.
fn clean(tool: &str) {
    for (config, target) in pairs() {
        shown("lint", tool, &config, &target);
    }
}

fn succeeds(dir: &Path, command: &[&str], files: &[String]) {
    let output =
        Command::new(command[0]).args(&command[1..]).args(files).current_dir(dir).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn shellcheck_finds_nothing_in_the_scripts() {
    let dir = tempfile::tempdir().unwrap();
    let files = distinct(dir.path(), |path, content| {
        path.starts_with("do/")
            && (path.ends_with(".sh")
                || path == "do/config"
                || content.starts_with("#!/usr/bin/env bash"))
    });
    for path in &files {
        let content = std::fs::read_to_string(dir.path().join(path)).unwrap();
        for line in
            content.lines().filter(|l| l.contains("shellcheck disable=") || l.contains("disable="))
        {
            assert!(!line.contains("disable=all"), "{path}: {line}");
        }
    }
    needs::tool("shellcheck");
    succeeds(dir.path(), &["shellcheck", "--shell=bash", "--severity=style"], &files);
    clean("shellcheck");
}

fn hadolint_finds_nothing_in_the_dockerfiles() {
    let dir = tempfile::tempdir().unwrap();
    let files = distinct(dir.path(), |path, _| path == "Dockerfile");
    needs::tool("hadolint");
    succeeds(dir.path(), &["hadolint", "--no-color"], &files);
    clean("hadolint");
}

fn ruff_finds_nothing_in_the_python() {
    needs::tool("ruff");
    let mut seen = std::collections::BTreeSet::new();
    for (name, project) in projects() {
        let is_python = |path: &str, bytes: &[u8]| {
            path.ends_with(".py") || bytes.starts_with(b"#!/usr/bin/env python3")
        };
        let files: BTreeMap<&str, &[u8]> = project
            .files()
            .filter(|(p, f)| is_python(p, &f.bytes))
            .map(|(p, f)| (p, f.bytes.as_ref()))
            .collect();
        let key: Vec<(String, Vec<u8>)> =
            files.iter().map(|(p, b)| ((*p).to_owned(), b.to_vec())).collect();
        if !seen.insert(key) {
            continue;
        }
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(name);
        project.write(&folder).unwrap();
        let files: Vec<String> = files.keys().map(|p| (*p).to_owned()).collect();
        let common = [
            "--isolated",
            "--no-cache",
            "--config",
            "line-length = 120",
            "--config",
            "target-version = 'py310'",
        ];
        let source = [
            "--config",
            "src = ['code', 'sample_model']",
            "--select",
            "E,F,W,B,UP,I,S102,S307,S602,S605",
        ];
        succeeds(&folder, &[&["ruff", "check"], &common[..], &source[..]].concat(), &files);
        succeeds(&folder, &[&["ruff", "format", "--check"], &common[..]].concat(), &files);
    }
    clean("ruff");
}

fn yamllint_finds_nothing_in_the_yaml() {
    let dir = tempfile::tempdir().unwrap();
    let files = distinct(dir.path(), |path, _| path.ends_with(".yaml") || path.ends_with(".yml"));
    needs::tool("yamllint");
    let rules = "{extends: default, rules: {line-length: {max: 160}, document-start: disable}}";
    succeeds(dir.path(), &["yamllint", "--strict", "--config-data", rules], &files);
    clean("yamllint");
}

fn kubernetes_takes_the_manifests() {
    let dir = tempfile::tempdir().unwrap();
    let files = distinct(dir.path(), |path, content| {
        path.starts_with("k8s/") && !content.contains("inference.sagemaker.aws.amazon.com")
    });
    needs::tool("kubernetes-validate");
    succeeds(
        dir.path(),
        &["kubernetes-validate", "--strict", "--kubernetes-version", "1.33"],
        &files,
    );
    clean("kubernetes-validate");
}

fn the_operator_takes_its_manifests() {
    let dir = tempfile::tempdir().unwrap();
    let operators = |content: &str| content.contains("inference.sagemaker.aws.amazon.com");
    let mut files =
        distinct(dir.path(), |path, content| path.starts_with("k8s/") && operators(content));
    for (number, more) in [
        json!({"fsxVolumeHandle": "fs-0123456789abcdef0", "hyperpodNamespace": "models", "hyperpodReplicas": 3}),
        json!({"hfTokenArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:hf-AbCdEf"}),
        json!({"instanceType": "ml.g5.12xlarge", "tags": {"team": "ml"}}),
        json!({"autoscalingMin": 1, "autoscalingMax": 4}),
    ]
    .into_iter()
    .enumerate()
    {
        for (config, target) in pairs() {
            let mut inputs = base(&config, &target);
            inputs.extend(object(more.clone()));
            // Not every config takes every input.
            let Ok((_, project)) = try_project(&inputs) else { continue };
            for (path, file) in project.files().filter(|(path, _)| path.starts_with("k8s/")) {
                if !operators(&String::from_utf8_lossy(&file.bytes)) {
                    continue;
                }
                let relative = format!("{config}-{number}-{}", path.replace('/', "-"));
                std::fs::write(dir.path().join(&relative), &file.bytes).unwrap();
                files.push(relative);
            }
        }
    }
    assert!(files.len() > 20, "{files:?}");
    let python = needs::module("jsonschema");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/operator/check.py");
    let schema =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../catalogs/data/crds/inferenceendpointconfig.json");
    succeeds(dir.path(), &[python.to_str().unwrap(), script, schema], &files);
    clean("the operator's CRD");
}

fn nginx_takes_its_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let files = distinct(dir.path(), |path, _| path.ends_with("nginx.conf"));
    assert!(!files.is_empty());
    needs::tool("nginx");
    needs::tool("python3");
    for (name, project) in
        projects().into_iter().filter(|(_, p)| p.get("code/nginx.conf").is_some())
    {
        let folder = dir.path().join(&name);
        if !folder.join("code/nginx.conf").exists() {
            continue; // the same as one before
        }
        let _ = std::fs::remove_dir_all(&folder);
        project.write(&folder).unwrap();
        let run = dir.path().join("run");
        std::fs::create_dir_all(&run).unwrap();
        let output = Command::new("python3")
            .args(["code/serve", "config"])
            .env("RUN_DIR", &run)
            .env("RUN_AS", "nobody-of-this-name")
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let config = run.join("nginx.conf");
        std::fs::write(&config, &output.stdout).unwrap();
        succeeds(
            dir.path(),
            &["nginx", "-t", "-q", "-e", "stderr", "-c", config.to_str().unwrap()],
            &[],
        );
    }
    clean("nginx");
}
