//! What holds of every project: every deployment config on every target.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::collections::BTreeSet;

use mcc_generator::{Project, registry};
use serde_json::Value;
use support::matrix::shown;
use support::{base, pairs, project};

fn text<'a>(project: &'a Project, path: &str) -> &'a str {
    std::str::from_utf8(&project.get(path).unwrap_or_else(|| panic!("no {path}")).bytes).unwrap()
}

fn paths(project: &Project) -> BTreeSet<String> {
    project.files().map(|(path, _)| path.to_owned()).collect()
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    for (config, target) in pairs() {
        let inputs = base(&config, &target);
        let reversed = inputs.iter().rev().map(|(k, v)| (k.clone(), v.clone())).collect();
        assert_eq!(project(&inputs), project(&reversed), "{config} on {target}");
        shown("files", "same bytes", &config, &target);
    }
}

/// A plan digests no files, and lists the record of digests with the size that it has.
#[test]
fn a_plan_lists_the_files_that_are_made() {
    for (config, target) in pairs() {
        let inputs = base(&config, &target);
        let planned = support::plan_of(&inputs).files;
        assert_eq!(planned, project(&inputs).listing(), "{config} on {target}");
    }
}

#[test]
fn a_project_is_made_again_from_its_saved_inputs() {
    for (config, target) in pairs() {
        let first = project(&base(&config, &target));
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("project");
        first.write(&folder).unwrap();
        let saved = mcc_generator::saved_inputs(&folder).unwrap();
        assert!(saved.looked_up.is_empty(), "{config} on {target}");
        assert_eq!(project(&saved.inputs), first, "{config} on {target}");
        assert_eq!(first.diff(&folder).expect("read"), [], "{config} on {target}");
        shown("files", "made again", &config, &target);
    }
}

#[test]
fn every_copy_source_and_every_named_file_exists() {
    // Shared scripts look for files that only some targets have.
    let all: BTreeSet<String> =
        pairs().iter().flat_map(|(c, t)| paths(&project(&base(c, t)))).collect();
    for (config, target) in pairs() {
        let project = project(&base(&config, &target));
        let paths = paths(&project);
        let there = |source: &str| {
            paths.contains(source)
                || paths
                    .iter()
                    .any(|p| p.starts_with(&format!("{}/", source.trim_end_matches('/'))))
        };
        let mut copies = 0;
        for line in text(&project, "Dockerfile")
            .lines()
            .filter(|l| l.starts_with("COPY ") && !l.contains("--from="))
        {
            let words: Vec<&str> =
                line.split_whitespace().skip(1).filter(|w| !w.starts_with("--")).collect();
            for source in &words[..words.len() - 1] {
                copies += 1;
                assert!(
                    there(source),
                    "{config} on {target}: COPY of {source}, which is not there"
                );
            }
        }
        assert!(copies > 0);
        for (path, file) in project
            .files()
            .filter(|(p, _)| p.starts_with("do/") || *p == "README.md" || *p == "buildspec.yml")
        {
            for named in named_files(std::str::from_utf8(&file.bytes).unwrap()) {
                assert!(
                    there(&named) || all.contains(&named),
                    "{config} on {target}: {path} names {named}, which is not there"
                );
            }
        }
        shown("files", "files exist", &config, &target);
    }
}

/// Files that a text names by a path that begins with a folder of the project. Names with a `$` or `*` are built
/// when the script runs; the lifecycle tests meet those.
fn named_files(text: &str) -> BTreeSet<String> {
    let folders = ["do/", "deploy/", "iam/", "code/", "k8s/", "test/", "sample_model/"];
    let breaks = |c: char| c.is_whitespace() || "\"'`();|,<>=&".contains(c);
    text.lines()
        .flat_map(|line| line.split(breaks))
        .map(|word| word.trim_end_matches(['.', ':', '?', '!', ']']).trim_start_matches("./"))
        .filter(|word| folders.iter().any(|f| word.starts_with(f)))
        .filter(|word| !word.contains(['$', '*', '{', '[']) && !word.ends_with('/'))
        .filter(|word| !is_placeholder(word) && !text.contains(&format!("-f {word}")))
        .map(str::to_owned)
        .collect()
}

/// Whether a name has a word in capitals, as in `deploy/NAME.json`: a comment's stand-in for a real one.
fn is_placeholder(name: &str) -> bool {
    let in_capitals = |w: &str| w.len() > 3 && w.chars().all(|c| c.is_ascii_uppercase());
    name.split(|c: char| !c.is_ascii_alphabetic()).any(in_capitals)
}

#[test]
fn the_do_scripts_of_the_documents_are_there_and_executable() {
    let scripts =
        "build push deploy test clean register export manifest logs ci run validate status submit";
    for (config, target) in pairs() {
        let project = project(&base(&config, &target));
        for script in scripts.split(' ') {
            let file = project.get(&format!("do/{script}"));
            assert!(file.is_some_and(|f| f.executable), "{config} on {target}: do/{script}");
        }
        assert!(!project.get("do/config").unwrap().executable);
        assert!(project.get("code/serve").unwrap().executable, "{config}");
        shown("files", "scripts exist", &config, &target);
    }
}

#[test]
fn a_project_is_small_and_has_no_leftovers() {
    for (config, target) in pairs() {
        let project = project(&base(&config, &target));
        let lines: usize =
            project.files().map(|(_, f)| String::from_utf8_lossy(&f.bytes).lines().count()).sum();
        assert!(
            project.files().count() <= 60,
            "{config} on {target}: {} files",
            project.files().count()
        );
        assert!(lines <= 5000, "{config} on {target}: {lines} lines");
        for (path, file) in project.files() {
            let content = String::from_utf8_lossy(&file.bytes);
            assert!(!path.ends_with(".hbs") && !path.ends_with(".tmpl"), "{path} was not rendered");
            for leftover in ["{{", "}}", "TODO", "FIXME", "/root/", "localhost:5000"] {
                let braces = leftover.contains(['{', '}'])
                    && (path.starts_with("do/") || path.starts_with("code/"));
                assert!(
                    braces || !content.contains(leftover),
                    "{config} on {target}: {path} has {leftover}"
                );
            }
            assert!(
                content.is_empty() || content.ends_with('\n'),
                "{path} does not end its last line"
            );
        }
        shown("files", "no leftovers", &config, &target);
    }
}

/// Without its library a script has no functions, and must not go on to whatever else it calls.
#[test]
fn a_script_without_its_library_runs_nothing() {
    let mut seen = BTreeSet::new();
    for (config, target) in pairs() {
        let project = project(&base(&config, &target));
        for (path, file) in project.files() {
            let script = path.starts_with("do/") && !path.starts_with("do/lib/") && file.executable;
            if !script || !seen.insert(file.bytes.clone()) {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let alone = folder.path().join("do").join("script");
            std::fs::create_dir(alone.parent().unwrap()).unwrap();
            std::fs::write(&alone, &file.bytes).unwrap();
            let output = std::process::Command::new("bash").arg(&alone).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{path} went well");
            assert_eq!(said.lines().count(), 1, "{path} went on:\n{said}");
            assert!(said.contains("do/lib/"), "{path}: {said}");
        }
    }
    assert!(seen.len() > 15, "{}", seen.len());
}

#[test]
fn payloads_are_json_without_nulls() {
    fn no_nulls(value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::Array(items) => items.iter().all(no_nulls),
            Value::Object(map) => map.values().all(no_nulls),
            _ => true,
        }
    }
    for (config, target) in pairs() {
        let project = project(&base(&config, &target));
        for (path, file) in
            project.files().filter(|(p, _)| p.starts_with("deploy/") || p.starts_with("iam/"))
        {
            let value: Value =
                serde_json::from_slice(&file.bytes).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert!(no_nulls(&value), "{config} on {target}: {path} holds null");
        }
        shown("files", "payloads", &config, &target);
    }
}

#[test]
fn no_name_of_a_folder_is_in_rust_code() {
    let mut names: BTreeSet<String> = registry().configs().iter().map(|c| c.name.clone()).collect();
    names.extend(registry().configs().iter().map(|c| c.backend.clone()));
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut looked_at = 0;
    for folder in ["generator/src", "servers/src", "src"] {
        let mut folders = vec![std::path::Path::new(root).join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.file_stem().is_some_and(|s| s.to_string_lossy().starts_with("test")) {
                    continue;
                }
                let source = std::fs::read_to_string(&path).unwrap();
                looked_at += 1;
                // Comments may give examples, and tests need some.
                let code = source.split("#[cfg(test)]").next().unwrap();
                for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
                    for name in &names {
                        let quoted = line.contains(&format!("\"{name}\""));
                        assert!(!quoted, "{} names {name}: {line}", path.display());
                    }
                }
            }
        }
    }
    assert!(looked_at > 40);
}

/// `{{#if missing}}` is silently false, so every path of every template must be a field of the view.
#[test]
fn every_path_of_a_template_is_in_the_view() {
    let mut looked_at = 0;
    for (config, target) in pairs() {
        let inputs = base(&config, &target);
        let catalogs = mcc_catalogs::Catalogs::embedded();
        let spec = mcc_generator::spec(catalogs, &support::merged(&inputs)).expect("a spec");
        let view = serde_json::to_value(spec).unwrap();
        let known = |path: &str| path.split('.').try_fold(&view, |v, key| v.get(key)).is_some();
        let found = registry().config(&config).unwrap();
        let framework = found.frameworks.first().map(String::as_str);
        for layer in registry().overlay(found, framework, &target) {
            for (prefix, path) in &layer.manifest.when {
                assert!(
                    known(path.trim_start_matches('!')),
                    "{}: when {prefix}: {path}",
                    layer.path
                );
            }
            let files = layer
                .files
                .iter()
                .map(|(p, b)| (p.as_str(), std::str::from_utf8(b).unwrap_or_default()));
            let parts = layer.parts.iter().map(|(p, t)| (p.as_str(), *t));
            for (path, text) in files.chain(parts).filter(|(p, _)| p.ends_with(".hbs")) {
                for name in template_paths(text) {
                    looked_at += 1;
                    assert!(
                        known(&name),
                        "{}/{path}: {{{{{name}}}}} is no field of the view",
                        layer.path
                    );
                }
            }
        }
        shown("files", "templates", &config, &target);
    }
    assert!(looked_at > 100);
}

/// The paths in the tags of a template, less those relative to the item of an `each`.
fn template_paths(text: &str) -> Vec<String> {
    let tags = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    tags.filter(|tag| !tag.starts_with(['/', '!']))
        .flat_map(|tag| tag.trim_start_matches(['#', '~', '^']).split_whitespace())
        .map(|word| word.trim_matches(['(', ')', '~']))
        .filter(|word| {
            word.contains('.') && !word.starts_with(['@', '"', '.']) && !word.starts_with("this")
        })
        .map(str::to_owned)
        .collect()
}
