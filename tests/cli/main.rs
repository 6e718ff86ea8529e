//! The command line as its users meet it: sources, errors, exit codes, output for programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod projects;
mod said;

use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Run {
    dir: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Run {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    fn mcc(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_mcc"))
            .args(arguments.split_whitespace())
            .current_dir(self.dir.path())
            .env_clear()
            .envs(self.environment.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Standard error of a call that must end with `code`.
    fn refused(&self, arguments: &str, code: i32) -> String {
        let output = self.mcc(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {text}");
        text
    }

    fn json(&self, arguments: &str) -> Value {
        let output = self.mcc(arguments);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
    }

    /// Value and source of an input in a plan.
    fn input(&self, arguments: &str, key: &str) -> (Value, String) {
        let plan = self.json(&format!("{arguments} --dry-run --format json"));
        let all = plan["plan"]["inputs"].as_array().unwrap_or_else(|| panic!("{plan:#}")).clone();
        let found = all.iter().find(|i| i["key"] == key).unwrap_or_else(|| panic!("{plan:#}"));
        (found["value"].clone(), found["source"].as_str().unwrap().to_owned())
    }
}

const HTTP: &str = "generate churn --deployment-config http-flask --framework sklearn";

#[test]
fn the_sources_win_in_the_documents_order() {
    let mut arguments = HTTP.to_owned();
    let mut run = Run::new().file("answers.json", r#"{"region-picker": {"region": "eu-north-1"}}"#);
    let region = |run: &Run, arguments: &str| run.input(arguments, "region");
    assert_eq!(region(&run, &arguments), ("us-east-1".into(), "the default of layers/base".into()));
    arguments += " --mcp-answers answers.json";
    assert_eq!(
        region(&run, &arguments),
        ("eu-north-1".into(), "the MCP server region-picker".into())
    );
    run = run
        .file("package.json", r#"{"name": "x", "ml-container-creator": {"region": "eu-west-1"}}"#);
    assert_eq!(region(&run, &arguments), ("eu-west-1".into(), "package.json".into()));
    run = run.file("config/mcp.json", r#"{"mcpServers": {}, "region": "eu-west-2"}"#);
    assert_eq!(region(&run, &arguments), ("eu-west-2".into(), "config/mcp.json".into()));
    run = run.file("own.json", r#"{"region": "eu-west-3"}"#);
    arguments += " --config own.json";
    assert_eq!(region(&run, &arguments), ("eu-west-3".into(), "own.json".into()));
    run = run.env("ML_REGION", "us-west-1");
    let (value, source) = region(&run, &arguments);
    assert_eq!(
        (value, source.as_str()),
        ("us-west-1".into(), "the environment variable ML_REGION")
    );
    arguments += " --region us-west-2";
    assert_eq!(region(&run, &arguments), ("us-west-2".into(), "--region".into()));
    assert_eq!(run.input(&arguments, "projectName"), ("churn".into(), "the argument".into()));
    run = run
        .file("package.json", "{}")
        .file("pyproject.toml", "[tool.ml-container-creator]\nworkers = 5\n");
    assert_eq!(run.input(&arguments, "workers"), (5.into(), "pyproject.toml".into()));
}

#[test]
fn what_is_wrong_is_refused_with_its_source_and_the_nearest_right_value() {
    let told = |run: Run, arguments: &str, words: &[&str]| {
        let text = run.refused(arguments, 1);
        for word in words {
            assert!(text.contains(word), "no {word} in:\n{text}");
        }
        assert!(!run.dir.path().join("churn").exists(), "{arguments} wrote something");
    };
    let with = |more: &str| format!("{HTTP} {more}");
    told(
        Run::new(),
        &with("--deployment-target async"),
        &["async-inference", "--deployment-target"],
    );
    told(Run::new(), &with("--workers 1000"), &["between 0 and 128", "--workers"]);
    told(Run::new(), &with("--region us-east-99x"), &["region"]);
    told(
        Run::new(),
        &with("--model-name x/y"),
        &["modelName has no effect", "leave --model-name out"],
    );
    told(Run::new(), &with("--config none.json"), &["none.json cannot be read"]);
    told(Run::new().file("c.json", "{"), &with("--config c.json"), &["c.json cannot be parsed"]);
    told(
        Run::new().file("c.json", "[]"),
        &with("--config c.json"),
        &["c.json does not hold an object"],
    );
    told(
        Run::new().file("c.json", r#"{"regoin": "eu-west-1"}"#),
        &with("--config c.json"),
        &["regoin in c.json", "region"],
    );
    told(Run::new().env("ML_WORKERS", "many"), HTTP, &["ML_WORKERS", "whole number"]);
    told(
        Run::new().file("c.json", r#"{"hfToken": "hf_x"}"#),
        &with("--config c.json"),
        &["MCC-SEC-001", "Secrets Manager"],
    );
    told(Run::new(), "generate churn", &["What is the model?", "--model-name"]);
    told(
        Run::new(),
        "generate churn --deployment-config http-flask",
        &["framework is missing", "sklearn"],
    );
    assert!(Run::new().refused(&with("--wrokers 3"), 2).contains("--workers"));
}

#[test]
fn a_name_that_exists_nowhere_is_refused_and_one_of_which_little_is_known_is_not() {
    for (wrong, right) in [
        ("--instance-type ml.m5.xlrage", "give --instance-type ml.m5.xlarge"),
        ("--instance-type ml.g5.xlrge", "give --instance-type ml.g5.xlarge"),
        ("--region us-east-9", "give --region us-east-"),
        ("--region frankfurt", "give --region eu-central-1"),
        ("--region us-east-1a", "give --region us-east-1"),
    ] {
        let text = Run::new().refused(&format!("{HTTP} {wrong} --dry-run"), 1);
        assert!(text.contains(right), "{wrong}: {text}");
    }
    let output = Run::new().mcc(&format!("{HTTP} --instance-type ml.m8i.xlarge --dry-run"));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && text.contains("MCC-INS-002"), "{text}");
}

#[test]
fn hints_know_what_is_meant() {
    let llm = "generate p1 --deployment-config transformers-vllm --model-name Qwen/Qwen3-8B";
    let told = |arguments: &str, code: i32, words: &[&str]| {
        let text = Run::new().refused(arguments, code);
        for word in words {
            assert!(text.contains(word), "{arguments}: no {word} in:\n{text}");
        }
        text
    };
    told(
        "generate p1 --deployment-config vllm",
        1,
        &["give --deployment-config transformers-vllm or triton-vllm"],
    );
    told("generate p1 --deployment-config pytorch", 1, &["--deployment-config triton-pytorch"]);
    let text = told(&format!("{HTTP} --model x"), 2, &["--model-name", "--model-path"]);
    assert!(!text.contains("--model-env"), "{text}");
    let other = "generate p1 --deployment-config http-flask --framework";
    let text = told(
        &format!("{other} pytorch"),
        1,
        &["give --deployment-config triton-pytorch and leave --framework out"],
    );
    assert!(!text.contains("--framework sklearn"), "{text}");
    told(&format!("{HTTP} --region="), 1, &["region is not an AWS Region"]);
    let yaml = Run::new().file("c.yaml", "projectName: churn\n");
    let text = yaml.refused("generate --config c.yaml", 1);
    assert!(text.contains("as JSON") && text.contains("YAML is not read"), "{text}");
    let text =
        told(&format!("{llm} --engine-version 0.1.0 --dry-run"), 1, &["MCC-IMG-001", "no version"]);
    assert!(!text.contains("holds this model"), "{text}");
    // What is proposed in place of a type is not refused by the next rule.
    let refused = "--deployment-target batch-transform --instance-type ml.p4d.24xlarge \
                   --batch-input-path s3://bucket/in --batch-output-path s3://bucket/out";
    let text = told(&format!("{llm} {refused}"), 1, &["give --instance-type ml."]);
    let best =
        text.split("give --instance-type ml.").nth(1).unwrap().split([',', ' ']).next().unwrap();
    let fixed = refused.replace("ml.p4d.24xlarge", &format!("ml.{best}"));
    let output = Run::new().mcc(&format!("{llm} {fixed} --dry-run"));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{fixed}: {text}");
    let run = Run::new();
    let named = llm.replace("Qwen/Qwen3-8B", "https://huggingface.co/Qwen/Qwen3-8B");
    let value = run.input(&format!("{named} --instance-type g6e.2xlarge"), "instanceType").0;
    assert_eq!(value, "ml.g6e.2xlarge");
    assert_eq!(run.input(&named, "modelName").0, "Qwen/Qwen3-8B");
    let tags = run.input(&format!("{HTTP} --tags a=1,b=2"), "tags").0;
    assert_eq!(tags, serde_json::json!({"a": "1", "b": "2"}));
}

#[test]
fn empty_members_of_a_file_are_left_out() {
    let run = Run::new().file("c.json", r#"{"region": null, "instanceType": "", "workers": "3"}"#);
    assert_eq!(run.input(&format!("{HTTP} --config c.json"), "workers").0, 3);
    assert_eq!(run.input(&format!("{HTTP} --config c.json"), "region").0, "us-east-1");
}

#[test]
fn the_value_of_a_switch_is_no_name_of_a_project() {
    let run = Run::new();
    let told = run.refused("generate --deployment-config=http-flask --include-sample false", 2);
    assert!(told.contains("--include-sample=false"), "{told}");
    assert!(!run.dir.path().join("false").exists());
}

#[test]
fn both_names_of_the_realtime_target_are_taken() {
    for name in ["managed-inference", "realtime-inference"] {
        let run = Run::new();
        let (value, _) =
            run.input(&format!("{HTTP} --deployment-target {name}"), "deploymentTarget");
        assert_eq!(value, "managed-inference");
    }
}

/// A Region that only the surroundings say is told, kept, and the weakest of all that is said.
#[test]
fn the_region_of_the_surroundings_is_taken_last() {
    let run = Run::new().env("AWS_REGION", "eu-west-1").env("AWS_DEFAULT_REGION", "eu-west-2");
    let region = run.input(HTTP, "region");
    assert_eq!(region, ("eu-west-1".into(), "the environment variable AWS_REGION".into()));
    let given = run.input(&format!("{HTTP} --region us-west-2"), "region");
    assert_eq!(given, ("us-west-2".into(), "--region".into()));
    assert_eq!(run.json(&format!("{HTTP} --format json"))["status"], "written");
    let saved = std::fs::read_to_string(run.dir.path().join("churn/.mcc/inputs.json")).unwrap();
    assert!(saved.contains("eu-west-1"), "{saved}");
    // Elsewhere it stays what it was.
    let elsewhere = Run::new().env("AWS_REGION", "ap-south-1");
    let from = format!("generate --from {}", run.dir.path().join("churn").display());
    assert_eq!(elsewhere.input(&from, "region").0, "eu-west-1");
}
