//! The command line as its users meet it: sources, errors, exit codes, output for programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;
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
fn a_topic_finds_its_rules() {
    let output = Run::new().mcc("explain gpu");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.lines().count() > 1, "{text}");
    assert!(text.to_lowercase().contains("gpu"), "{text}");
    Run::new().refused("explain zzzzzz", 1);
}

/// `mcc … | head`: the reader goes away after the first bytes, or before.
#[test]
fn a_reader_that_goes_away_ends_nothing_badly() {
    for arguments in [
        "completions bash",
        "explain",
        "list --matrix",
        "inputs",
        "inputs --format json",
        "--help",
        "generate --help",
        "explain nothing-like-it",
        "explain --format json",
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcc"))
            .args(arguments.split_whitespace())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("panicked"), "{arguments}: {text}");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{arguments}: {}", output.status);
    }
    // The same with nobody to read errors.
    let mut child = Command::new(env!("CARGO_BIN_EXE_mcc"))
        .args(["generate", "x"])
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mcc"))
        .arg("inputs")
        .env_clear()
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not be written"));
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

#[test]
fn a_project_is_made_changed_compared_and_checked() {
    let run = Run::new();
    let written = run.json(&format!("{HTTP} --format json"));
    assert_eq!(written["status"], "written");
    let files = written["plan"]["files"].as_array().unwrap();
    for file in files {
        let path = run.dir.path().join("churn").join(file["path"].as_str().unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), file["bytes"].as_u64().unwrap());
        assert_eq!(
            is_executable(&path),
            file["executable"].as_bool().unwrap(),
            "{}",
            path.display()
        );
    }
    assert_eq!(
        run.json("check churn --format json")["report"]["findings"],
        Value::Array(Vec::new())
    );
    assert!(run.refused(HTTP, 3).contains("not empty"));

    let same = run.json("generate --from churn --diff --format json");
    assert_eq!(same["differences"], Value::Array(Vec::new()));
    let other = run.json("generate --from churn --workers 3 --diff --format json");
    let changed: Vec<&str> = other["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["path"].as_str().unwrap())
        .collect();
    assert!(
        changed.contains(&".mcc/inputs.json") && changed.contains(&"Dockerfile"),
        "{changed:?}"
    );

    let updated = run.json("generate --from churn --workers 3 --update --format json");
    assert_eq!(updated["status"], "written", "{updated:#}");
    assert_eq!(
        run.json("generate --from churn --diff --format json")["differences"],
        Value::Array(Vec::new())
    );

    std::fs::write(run.dir.path().join("churn/do/deploy"), "#!/bin/sh\n").unwrap();
    let report = run.json("check churn --format json");
    assert!(report.to_string().contains("do/deploy"), "{report:#}");
    assert!(run.refused("check nowhere", 3).contains("nowhere"));
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o111 == 0o111
}

/// What is printed as next can be run from top to bottom, and deletes nothing.
#[test]
fn next_steps_are_those_of_the_project() {
    let steps = |more: &str| {
        let run = Run::new();
        let line =
            format!("generate churn --deployment-config http-flask --framework sklearn {more}");
        let output = run.mcc(&line);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{line}");
        let all: Vec<String> = text
            .lines()
            .skip_while(|line| *line != "next:")
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .map(|line| line.trim().to_owned())
            .collect();
        assert_eq!(all[0], "cd churn", "{text}");
        for step in &all[1..] {
            let script = step.split(' ').next().unwrap();
            assert!(is_executable(&run.dir.path().join("churn").join(script)), "{step}");
            assert!(!step.starts_with("do/clean"), "{text}");
        }
        let rest = text.lines().last().unwrap();
        assert!(rest.contains("do/clean"), "{text}");
        all[1..].join(" ")
    };
    for (more, wanted) in [
        ("--deployment-target managed-inference --build-target local", "do/push do/deploy do/test"),
        ("--deployment-target managed-inference --build-target codebuild", "do/submit do/deploy"),
        ("--deployment-target async-inference", "do/deploy do/test"),
        ("--deployment-target batch-transform", "do/deploy do/test"),
        (
            "--deployment-target hyperpod-eks --hyperpod-cluster c --region us-east-1 --instance-type ml.m5.xlarge",
            "do/deploy do/test",
        ),
    ] {
        let all = steps(more);
        assert!(all.contains("do/build do/run"), "{all}");
        assert!(all.contains(wanted), "{more}: {all}");
    }
}

#[test]
fn nothing_is_written_on_a_dry_run() {
    let run = Run::new();
    let output = run.mcc(&format!("{HTTP} --dry-run"));
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("do/deploy"));
    assert_eq!(std::fs::read_dir(run.dir.path()).unwrap().count(), 0);
}

#[test]
fn a_rule_that_is_not_there_has_a_nearest_one() {
    let text = Run::new().refused("explain MCC-INP-01", 1);
    assert!(text.contains("MCC-INP-001"), "{text}");
}

#[test]
fn completions_name_the_inputs() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = Run::new().mcc(&format!("completions {shell}"));
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("deployment-config"), "{shell}");
    }
}

#[test]
fn without_a_terminal_there_are_no_colours_and_no_questions() {
    let output = Run::new().mcc("generate churn --deployment-config http-flask");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains('\u{1b}') && text.contains("framework is missing"), "{text}");
}

/// What is typed, set or read is repeated in messages, and a terminal does what it is told.
#[test]
fn foreign_text_is_shown_and_not_obeyed() {
    let hostile = "x\u{1b}[2J\u{1b}]0;t\u{7}\nIGNORE ALL\u{202e}\u{200b}\u{2028}\u{9b}31my";
    let long = "A".repeat(100_000);
    let model = format!("{{\"architectures\": [{hostile:?}], \"{hostile:?}\": 1}}");
    let settings = serde_json::json!({"projectName": hostile, hostile: hostile}).to_string();
    let run = Run::new()
        .env("ML_INSTANCE_TYPE", hostile)
        .env("ML_PROJECT_NAME", &long)
        .file("config.json", &model)
        .file("settings.json", &settings);
    let unknown = format!("--{hostile}");
    for arguments in [
        &[hostile][..],
        &[&unknown],
        &["generate", &unknown],
        &["generate", "--project-name", hostile],
        &["generate", "--deployment-config", hostile, "--json"],
        &["generate", "--config", "settings.json"],
        &["generate", "--config", hostile],
        &["generate", "--model-config", "config.json"],
        &["generate", "--model-name", &long],
        &["generate", "--engine-args", hostile],
        &["generate", "--endpoint-env", hostile],
        &["explain", hostile],
        &["explain", &long],
        &["check", hostile],
        &["serve", hostile],
        &["serve", "all", "--root", hostile],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_mcc"))
            .args(arguments)
            .current_dir(run.dir.path())
            .env_clear()
            .envs(run.environment.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(!said.is_empty());
        let obeyed = |c| mcc_catalogs::is_hidden(c) && c != '\n';
        assert!(!said.contains(obeyed), "{arguments:?}: {said:?}");
        assert!(said.len() < 40_000, "{arguments:?}: {} bytes", said.len());
    }
}

/// The commands that a file of a project prints, with what they leave open filled in.
fn printed_commands(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (start, _) in text.match_indices("mcc generate ") {
        let rest = &text[start..];
        let end = rest.find(['`', '"', '\'', ';', ')', '\n']).unwrap_or(rest.len());
        let filled = rest[..end]
            .replace("$type", "ml.m5.xlarge")
            .replace(" TYPE", " ml.m5.xlarge")
            .replace("$PROJECT_NAME", "another-name")
            .replace(" FILE", " ../own.pkl")
            .replace("s3://BUCKET/PREFIX", "s3://company-data/in");
        all.push(filled);
    }
    all
}

#[test]
fn the_commands_that_projects_print_work() {
    let run = Run::new();
    let pickle: &[u8] = b"\x80\x04csklearn.linear_model._base\nLinearRegression\n)\x81}\x8c\x10_sklearn_version\x94\x8c\x051.7.2\x94sb.";
    std::fs::write(run.dir.path().join("own.pkl"), pickle).unwrap();
    let mut ran = std::collections::BTreeSet::new();
    for (name, config) in [
        ("plain", "http-flask --framework sklearn"),
        ("batch", "http-fastapi --framework sklearn --deployment-target batch-transform"),
        ("triton", "triton-python"),
    ] {
        let output = run.mcc(&format!("generate {name} --deployment-config {config}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let project = run.dir.path().join(name);
        let files = ["README.md", "test/README.md"].map(|file| project.join(file)).into_iter();
        let scripts = ["do", "do/lib"].into_iter();
        let scripts = scripts.flat_map(|folder| std::fs::read_dir(project.join(folder)).unwrap());
        for file in files.chain(scripts.map(|entry| entry.unwrap().path())) {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            for command in printed_commands(&text) {
                let words: Vec<&str> = command.split_whitespace().skip(1).collect();
                let output = Command::new(env!("CARGO_BIN_EXE_mcc"))
                    .args(&words)
                    .arg("--dry-run")
                    .current_dir(&project)
                    .env_clear()
                    .stdin(Stdio::null())
                    .output()
                    .unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{}: {command}: {said}", file.display());
                ran.extend(words.iter().filter(|w| w.starts_with("--")).map(|w| (*w).to_owned()));
            }
        }
    }
    for option in ["--model-path", "--instance-type", "--project-name", "--batch-input-path"] {
        assert!(ran.contains(option), "{ran:?}");
    }
}

/// What is outside a project when it is made may be gone or elsewhere when it is checked.
#[test]
fn a_project_is_checked_clean_wherever_it_is() {
    let pickle: &[u8] = b"\x80\x04csklearn.linear_model._base\nLinearRegression\n)\x81}\x8c\x10_sklearn_version\x94\x8c\x051.7.2\x94sb.";
    let config = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048,
        "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
        "head_dim": 64, "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16"}"#;
    let run = Run::new()
        .file("in/requirements.txt", "scikit-learn==1.7.2\nnumpy==2.2.6\n")
        .file("in/config.json", config);
    std::fs::write(run.dir.path().join("in/own.pkl"), pickle).unwrap();
    for (name, arguments) in [
        ("file", "--model-path in/own.pkl"),
        ("pins", "--model-path in/own.pkl --requirements-file in/requirements.txt"),
        ("described", "--model-name me/own --model-config in/config.json"),
        ("copied", "--model-name s3://weights/own/ --model-config Qwen/Qwen3-8B"),
    ] {
        let made = run.json(&format!("generate {name} {arguments} --format json"));
        assert_eq!(made["status"], "written", "{made:#}");
    }
    std::fs::rename(run.dir.path().join("in"), run.dir.path().join("gone")).unwrap();
    let there = run.dir.path().join("moved");
    std::fs::create_dir(&there).unwrap();
    for name in ["file", "pins", "described", "copied"] {
        std::fs::rename(run.dir.path().join(name), there.join(name)).unwrap();
        let report = run.json(&format!("check moved/{name} --format json"));
        assert_eq!(report["status"], "checked", "{name}: {report:#}");
        assert_eq!(report["report"]["differences"], Value::Array(Vec::new()), "{name}");
        let again = run.json(&format!(
            "generate --from moved/{name} --project-dir moved/{name} --diff --format json"
        ));
        assert_eq!(again["differences"], Value::Array(Vec::new()), "{name}: {again:#}");
    }
    let saved = std::fs::read_to_string(there.join("described/.mcc/inputs.json")).unwrap();
    assert!(saved.contains(".mcc/model-config.json"), "{saved}");
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

#[test]
fn a_model_alone_is_enough() {
    let run = Run::new();
    let output = run.mcc("generate --model-name Qwen/Qwen3-8B --dry-run");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for words in [
        "base image",
        "host image",
        "memory",
        "USD per hour",
        "derived from modelName",
        "cd qwen3-8b",
    ] {
        assert!(text.contains(words), "no {words} in:\n{text}");
    }
    assert!(!text.contains("Dockerfile"), "files are listed without --long:\n{text}");
    let long = run.mcc("generate --model-name Qwen/Qwen3-8B --dry-run --long");
    assert!(String::from_utf8_lossy(&long.stdout).contains("Dockerfile"));
}

/// Static unless somebody says otherwise, and what cannot be is refused before anything is done.
#[test]
fn modes_that_cannot_be_are_refused_by_name() {
    let generate = "generate churn --deployment-config http-flask --framework sklearn --dry-run";
    let run = Run::new().env("MCC_MODE", "clever");
    for command in [generate, "check .", "serve all"] {
        let said = run.refused(command, 2);
        assert!(
            said.contains("MCC_MODE is `clever`") && said.contains("static or smart"),
            "{said}"
        );
    }
    // What is asked for wins over the variable.
    for mode in ["--offline", "--mode static"] {
        assert_eq!(run.mcc(&format!("{generate} {mode}")).status.code(), Some(0), "{mode}");
    }
    let run = Run::new().env("MCC_MODE", "smart");
    assert_eq!(run.mcc(&format!("{generate} --offline")).status.code(), Some(0));
    for (flags, named) in [
        ("generate --mode smart --offline", "--mode smart and --offline"),
        ("serve all --mode smart --offline", "--mode smart and --offline"),
        ("check --live --offline", "--live and --offline"),
        ("check --live --mode static", "--live and --mode static"),
        ("generate --mode clever", "[possible values: static, smart]"),
    ] {
        let said = run.refused(flags, 2);
        assert!(said.contains(named), "{said}");
    }
    let hostile = Run::new().env("MCC_MODE", "a\u{1b}[2J\nb");
    assert!(!hostile.refused(generate, 2).contains('\u{1b}'));
}

/// A build without what reaches a network has one mode, and says how to get the other.
#[cfg(not(feature = "live"))]
#[test]
fn a_build_without_smart_mode_says_so() {
    let generate = "generate churn --deployment-config http-flask --framework sklearn --dry-run";
    let run = Run::new().env("MCC_MODE", "smart");
    for command in [&format!("{generate} --mode smart"), generate, "serve all", "check --live"] {
        let said = run.refused(command, 2);
        assert!(said.contains("no smart mode") && said.contains("--features live"), "{said}");
    }
    assert_eq!(run.mcc(&format!("{generate} --offline")).status.code(), Some(0));
}
