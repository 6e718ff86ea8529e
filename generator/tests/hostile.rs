//! Hostile values in every text input: refused, or they arrive byte for byte and nothing runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mcc_generator::{Field, Kind, Project, fields, registry};
use serde_json::{Map, Value, json};
use support::{base, pairs, plan_of, try_project};

/// Each would create the file `pwned` in the working directory if anything ran it.
fn corpus() -> Vec<String> {
    let mut all: Vec<String> = [
        "'; touch pwned; '",
        "\"; touch pwned; \"",
        "$(touch pwned)",
        "`touch pwned`",
        "${IFS}touch${IFS}pwned",
        "x\ntouch pwned\n",
        "x\r\ntouch pwned",
        "x; touch pwned #",
        "x && touch pwned",
        "x | tee pwned",
        "x > pwned",
        "\\\"; touch pwned; \\\"",
        "\\",
        "ends with a backslash\\",
        "../../pwned",
        "/etc/passwd",
        "a/../../pwned",
        "NUL\0touch pwned",
        "\u{1b}[31mred\u{7}",
        "\u{202e}gpj.exe",
        "héllo – ☃ 🦀",
        "\u{feff}bom",
        "{{inputs.region}}",
        "{{#each this}}{{/each}}",
        "{{{raw}}}",
        "%s%n%x",
        "!!python/object/apply:os.system [\"touch pwned\"]",
        "&anchor *alias",
        "yes",
        "null",
        "~",
        "0x10",
        "1e9",
        "- item",
        "key: value",
        "# comment",
        "a: [b, {c: d}]",
        "{\"a\": [1, \"b\", null, {\"c\": \"$(touch pwned)\"}]}",
        "[\"--flag\"]",
        "--option",
        "-rf",
        "*",
        "?",
        "[a-z]",
        "~root",
        " leading and trailing ",
        "\t",
        "",
        " ",
        "\"\"\"",
        "'''",
        "<script>alert(1)</script>",
        "| a | b |\n|---|---|",
        "```\ntouch pwned\n```",
        "RUN touch pwned",
        "EOF\ntouch pwned\nEOF",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push("x".repeat(1024 * 1024));
    all.push("$(touch pwned)".repeat(80_000));
    all
}

/// Where in the value's form the hostile text goes.
fn forms(field: &Field, text: &str) -> Vec<Value> {
    match field.kind {
        Kind::List(_) => vec![json!([text]), json!(["subnet-0123456789abcdef0", text])],
        Kind::Map(..) => {
            vec![json!({text: "value"}), json!({"NAME": text}), json!(format!("NAME={text}"))]
        }
        _ => vec![json!(text)],
    }
}

fn is_text(field: &Field) -> bool {
    !matches!(field.kind, Kind::Integer(..) | Kind::Number(..) | Kind::Boolean)
}

/// Backends of an architecture share their templates.
fn one_backend_of_each_architecture() -> Vec<(String, String)> {
    let first = |config: &str| {
        let configs = registry().configs();
        let own = configs.iter().find(|c| c.name == config).unwrap();
        configs.iter().find(|c| c.architecture == own.architecture).unwrap().name == config
    };
    pairs().into_iter().filter(|(config, _)| first(config)).collect()
}

/// A project that was generated from a hostile value, and the input with that value.
type Accepted = (String, Map<String, Value>, Project);

/// All of them, of configs and targets that take every input between them.
fn accepted() -> Vec<Accepted> {
    let pairs = one_backend_of_each_architecture();
    std::thread::scope(|scope| {
        let made = pairs.iter().map(|(config, target)| scope.spawn(|| accepted_by(config, target)));
        let made: Vec<_> = made.collect();
        made.into_iter().flat_map(|made| made.join().unwrap()).collect()
    })
}

fn accepted_by(config: &str, target: &str) -> Vec<Accepted> {
    let mut all = Vec::new();
    let start = base(config, target);
    for field in fields().iter().filter(|f| is_text(f)) {
        for text in corpus() {
            for value in forms(field, &text) {
                let mut inputs = start.clone();
                inputs.insert(field.key.clone(), value);
                let Ok((plan, project)) = try_project(&inputs) else { continue };
                // What has no effect here is left out, with a note.
                let left_out = plan.findings.iter().any(|finding| {
                    finding.field.as_deref() == Some(field.key.as_str())
                        && ["MCC-INP-005", "MCC-INP-006"].contains(&finding.id.as_str())
                });
                if !left_out {
                    all.push((field.key.clone(), inputs, project));
                }
            }
        }
    }
    all
}

#[test]
fn nothing_runs_nothing_leaves_and_values_arrive() {
    let projects = accepted();
    assert!(
        projects.len() > 100,
        "only {} of the corpus were taken: it tests nothing",
        projects.len()
    );
    let dir = tempfile::tempdir().unwrap();
    let mut script = String::from("set -eu\n");
    for (number, (key, inputs, project)) in projects.iter().enumerate() {
        for (path, _) in project.files() {
            let inside =
                Path::new(path).components().all(|c| matches!(c, std::path::Component::Normal(_)));
            assert!(inside, "{key}: {path} leaves the project");
        }
        let config = project.get("do/config").expect("do/config");
        let name = format!("config-{number}");
        std::fs::write(dir.path().join(&name), &config.bytes).unwrap();
        script.push_str(&format!("(. ./{name})\n"));
        parse_all(key, project);
        arrives(key, inputs, project);
    }
    let mut shell = Command::new("bash")
        .current_dir(dir.path())
        .env("HOME", dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash");
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "",
        "something wrote while do/config was read"
    );
    assert!(!dir.path().join("pwned").exists(), "something ran while do/config was read");
}

/// Files of structured formats still parse, whatever is in them.
fn parse_all(key: &str, project: &Project) {
    for (path, file) in project.files().filter(|(p, _)| p.ends_with(".json")) {
        let parsed: Result<Value, _> = serde_json::from_slice(&file.bytes);
        assert!(
            parsed.is_ok(),
            "{key}: {path} is no JSON: {}",
            String::from_utf8_lossy(&file.bytes)
        );
    }
}

/// Environment variables and tags take any text: they must be in the payloads as they were given.
fn arrives(key: &str, inputs: &Map<String, Value>, project: &Project) {
    if !["modelEnv", "tags", "engineArgs"].contains(&key) {
        return;
    }
    let Some(given) = inputs[key].as_object() else { return };
    for (name, value) in given {
        let name = if key == "engineArgs" { name.trim_start_matches("--") } else { name };
        let found = project
            .files()
            .filter(|(p, _)| p.ends_with(".json") && !p.starts_with(".mcc/"))
            .any(|(_, f)| {
                let json: Value = serde_json::from_slice(&f.bytes).unwrap_or_default();
                holds(&json, name) && holds(&json, value.as_str().unwrap_or_default())
            });
        let manifests = project.files().filter(|(p, _)| p.starts_with("k8s/"));
        let in_manifests =
            manifests.into_iter().any(|(_, f)| String::from_utf8_lossy(&f.bytes).contains(name));
        assert!(found || in_manifests, "{key}: {name} = {value} did not arrive");
    }
}

fn holds(json: &Value, text: &str) -> bool {
    match json {
        Value::String(s) => s == text,
        Value::Array(items) => items.iter().any(|i| holds(i, text)),
        Value::Object(map) => map.iter().any(|(k, v)| k == text || holds(v, text)),
        _ => false,
    }
}

#[test]
fn refusals_are_short_and_print_no_control_characters() {
    let start = base(&pairs()[0].0, &pairs()[0].1);
    for field in fields() {
        for text in corpus() {
            for value in forms(field, &text) {
                let mut inputs = start.clone();
                inputs.insert(field.key.clone(), value);
                for finding in plan_of(&inputs).findings {
                    let text = serde_json::to_string(&finding).unwrap();
                    assert!(
                        text.len() < 20_000,
                        "{}: a finding of {} bytes",
                        field.key,
                        text.len()
                    );
                    for said in [Some(&finding.message), Some(&finding.fix), finding.value.as_ref()]
                        .into_iter()
                        .flatten()
                    {
                        assert!(said.chars().all(|c| !c.is_control()), "{}: {said:?}", field.key);
                    }
                }
            }
        }
    }
}

#[test]
fn secrets_never_reach_a_project_or_an_answer() {
    for (config, target) in pairs() {
        let mut inputs = base(&config, &target);
        for name in
            ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"]
        {
            inputs.insert(
                "modelEnv".to_owned(),
                json!({name: "hf_SECRETSECRETSECRETSECRETSECRET01"}),
            );
            let plan = try_project(&inputs).expect_err("a secret in the environment is refused");
            assert!(
                plan.findings.iter().any(|f| f.id.starts_with("MCC-SEC-")),
                "{:#?}",
                plan.findings
            );
            let told = serde_json::to_string(&plan.findings).unwrap();
            assert!(!told.contains("hf_SECRET"), "{told}");
        }
    }
}

#[test]
fn a_secret_under_a_plain_name_or_in_any_other_input_is_one_too() {
    let (config, target) = pairs().into_iter().find(|(c, _)| c == "http-flask").unwrap();
    let long = "aB3".repeat(14);
    for secret in [
        format!("gho_{long}"),
        format!("xoxp-{long}"),
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.{long}"),
    ] {
        for place in ["modelEnv", "tags"] {
            let mut inputs = base(&config, &target);
            inputs.insert(place.to_owned(), json!({"PLAIN": secret}));
            let Err(plan) = try_project(&inputs) else { panic!("{place}: {secret}") };
            let told = serde_json::to_string(&plan.findings).unwrap();
            assert!(told.contains("MCC-SEC-002") && !told.contains(&secret), "{told}");
        }
    }
}
