//! Projects: made, changed, compared and checked; and what is printed to do next.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{HTTP, Run};

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
