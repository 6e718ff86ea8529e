//! Entry points and fronts of the model servers: their Python is run, as far as it goes without an engine.
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

use std::path::Path;
use std::process::Command;

use mcc_catalogs::{Catalogs, OptionKind};
use mcc_generator::{Config, fields, registry};
use serde_json::{Map, Value, json};
use support::matrix::shown_on_all;
use support::{base, object, project, try_project};

needs::tests! {
    entry_points_start_what_the_settings_say,
    the_other_files_do_what_they_say,
    models_are_compiled_with_the_sizes_that_were_decided,
    options_are_the_engines_own,
    every_input_of_engines_is_in_the_settings_or_refused,
    answers_are_judged_by_the_task,
    the_engine_takes_the_request_of_the_task_for_that,
}

const TARGET: &str = "async-inference";

/// A project with every typed input of the engine that the config takes.
fn everything(config: &Config) -> Map<String, Value> {
    let mut inputs = base(&config.name, TARGET);
    let engine_args = match config.backend.as_str() {
        "sglang" => json!({
            "log-level": "warning", "log-requests-target": ["a b", "$(c)"],
            "lora-strict-loading": false, "json-model-override-args": {"a": "é"},
        }),
        "tensorrt-llm" => json!({"log-level": "warning", "kv_cache_config": {"dtype": "fp8"}}),
        "lmi" => json!({"limit-mm-per-prompt": {"image": 2}, "chat-template": "a=b: \\\n#é🦀$(c)"}),
        "djl" => json!({"attn_implementation": "sdpa"}),
        "vllm-omni" => {
            json!({"max-generated-image-size": 1_048_576, "enable-prefix-caching": false})
        }
        _ => json!({}),
    };
    inputs.extend(object(json!({
        "projectName": "servers", "instanceType": "ml.g5.12xlarge", "tensorParallelSize": 4,
        "modelRevision": "v1.0", "maxModelLen": 4096, "gpuMemoryUtilization": 0.8, "maxNumSeqs": 16,
        "dtype": "bfloat16", "enableLora": true, "maxLoras": 3, "maxLoraRank": 64, "trustRemoteCode": true,
        "engineArgs": engine_args,
    })));
    let refuses = |key: &str| {
        let layers = registry().overlay(config, None, TARGET);
        layers.iter().any(|layer| layer.manifest.refuses.contains_key(key))
    };
    inputs.retain(|key, _| !refuses(key));
    inputs
}

/// The configs whose engine is started by a Python entry point with settings beside it.
fn configs() -> Vec<&'static Config> {
    let has = |config: &&Config| {
        project(&base(&config.name, TARGET)).get("code/engine-args.json").is_some()
    };
    registry().configs().iter().filter(has).collect()
}

fn passes(script: &str, arguments: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model_servers");
    let output = Command::new("python3").arg(folder.join(script)).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {arguments:?}\n{said}");
}

fn entry_points_start_what_the_settings_say() {
    let configs = configs();
    assert!(!configs.is_empty());
    needs::tool("python3");
    for config in configs {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("project");
        project(&everything(config)).write(&folder).unwrap();
        passes("entry_check.py", &[folder.to_str().unwrap(), &config.backend]);
        shown_on_all("server", "entry point", &config.name);
    }
}

/// The scripts that go with one file of a project, on the first project that has it.
fn the_other_files_do_what_they_say() {
    needs::tool("python3");
    for (file, script) in [
        ("code/front.py", "front_check.py"),
        ("code/image_requests.py", "images_check.py"),
        ("code/model.py", "handler_check.py"),
    ] {
        let found = configs()
            .into_iter()
            .map(|config| project(&base(&config.name, TARGET)))
            .find(|project| project.get(file).is_some())
            .unwrap_or_else(|| panic!("no project has {file}"));
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("project");
        found.write(&folder).unwrap();
        passes(script, &[folder.join("code").to_str().unwrap()]);
    }
}

/// What loads a model onto Neuron cores does it with the sizes that were decided, and streams.
fn models_are_compiled_with_the_sizes_that_were_decided() {
    let file = "code/loading.py";
    let projects = support::on_neuron().into_iter().map(|inputs| project(&inputs));
    let found: Vec<_> = projects.filter(|project| project.get(file).is_some()).collect();
    assert!(!found.is_empty(), "no project has {file}");
    needs::tool("python3");
    for project in found {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("project");
        project.write(&folder).unwrap();
        passes("neuron_check.py", &[folder.join("code").to_str().unwrap()]);
    }
}

/// Options that are written are options of the release that was read, for the engines that were.
fn options_are_the_engines_own() {
    let mut engines = Vec::new();
    for config in configs() {
        let path = format!("layers/{}/backend/{}", config.architecture, config.backend);
        let engine = registry().layer(&path).unwrap().manifest.engine.clone().unwrap_or_default();
        let Some(options) = Catalogs::embedded().engines().options(&engine) else { continue };
        let mut inputs = everything(config);
        inputs.shift_remove("engineArgs");
        let project = project(&inputs);
        let settings: Value =
            serde_json::from_slice(&project.get("code/engine-args.json").unwrap().bytes).unwrap();
        // DJL Serving has names of its own beside them, which are under `properties`.
        for (name, value) in settings["options"].as_object().into_iter().flatten() {
            let option = options.get(name);
            let option =
                option.unwrap_or_else(|| panic!("{}: {engine} has no {name}", config.name));
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let fits = match option.kind {
                OptionKind::Flag | OptionKind::Switch => value.is_boolean(),
                OptionKind::Int | OptionKind::Size => value.is_u64(),
                OptionKind::Float => value.is_number(),
                OptionKind::Choice => option.choices.is_empty() || option.choices.contains(&text),
                OptionKind::String | OptionKind::Json => value.is_string(),
                OptionKind::List => value.is_string() || value.is_array(),
            };
            assert!(fits, "{}: {name} = {value} is no {:?}", config.name, option.kind);
        }
        engines.push(engine);
    }
    engines.sort();
    engines.dedup();
    assert_eq!(engines, ["sglang", "vllm"]);
}

/// What an engine cannot do is refused with a reason, never accepted and dropped.
fn every_input_of_engines_is_in_the_settings_or_refused() {
    for config in configs() {
        let refused: Vec<&str> = registry()
            .overlay(config, None, TARGET)
            .iter()
            .flat_map(|layer| layer.manifest.refuses.keys().map(String::as_str))
            .collect();
        for key in &refused {
            let known = fields().iter().any(|field| field.key == *key);
            assert!(known, "{}: refuses {key}, which is no input", config.name);
            let mut inputs = base(&config.name, TARGET);
            let value = match *key {
                "modelConfig" => json!("{}"),
                "quantization" | "engineVersion" => json!("1.0"),
                "gpuMemoryUtilization" => json!(0.5),
                "enableLora" => json!(true),
                _ => json!(16),
            };
            inputs.insert((*key).to_owned(), value);
            let plan = try_project(&inputs).expect_err("refused");
            let about = plan.findings.iter().find(|f| f.field.as_deref() == Some(key));
            assert_eq!(about.map(|f| f.id.as_str()), Some("MCC-INP-005"), "{} {key}", config.name);
        }
    }
}

/// A config, a model of a task, answers that are right, and answers of other tasks or of none.
type Answers = (&'static str, &'static str, Vec<&'static str>, Vec<&'static str>);

fn answers() -> Vec<Answers> {
    let vector = r#"{"data": [{"embedding": [0.1, -2]}]}"#;
    let texts = r#"{"choices": [{"text": "x"}]}"#;
    let error = r#"{"error": {"code": 400}}"#;
    let scores = r#"{"results": [{"relevance_score": 0}, {"relevance_score": 0.5}]}"#;
    let listed = r#"[{"score": 0.9, "index": 0}, {"score": -3, "index": 1}]"#;
    let short = r#"{"results": [{"relevance_score": 0.9}]}"#;
    let coded = r#"{"data": [{"embedding": "AAAA"}]}"#;
    vec![
        ("transformers-vllm", "Qwen/Qwen3-8B", vec![texts], vec![vector, error]),
        (
            "transformers-vllm",
            "BAAI/bge-m3",
            vec![vector, r#"{"data": [{"data": [[0.1], [2]]}]}"#],
            vec![texts, coded, r#"{"data": []}"#, r#"{"data": [{"embedding": []}]}"#, error],
        ),
        (
            "transformers-vllm",
            "BAAI/bge-reranker-v2-m3",
            vec![scores],
            vec![short, vector, r#"{"results": [{"index": 0}, {"index": 1}]}"#, error],
        ),
        ("transformers-sglang", "BAAI/bge-reranker-v2-m3", vec![listed], vec![vector, error]),
        (
            "transformers-lmi",
            "Qwen/Qwen3-Embedding-0.6B",
            vec!["[[0.1, 0.2]]"],
            vec!["[]", r#"[["a"]]"#, vector, error],
        ),
        (
            "transformers-vllm",
            "openai/whisper-large-v3",
            vec![r#"{"text": ""}"#],
            vec![texts, error],
        ),
        (
            "diffusors-vllm-omni",
            "Wan-AI/Wan2.2-T2V-A14B-Diffusers",
            vec!["\0\0\0 ftypisom"],
            vec![r#"{"id": "video_1", "status": "queued"}"#, error],
        ),
    ]
}

fn answers_are_judged_by_the_task() {
    needs::tool("jq");
    for (config, model, right, wrong) in answers() {
        let mut inputs = base(config, TARGET);
        inputs.insert("modelName".to_owned(), model.into());
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("project");
        project(&inputs).write(&folder).unwrap();
        let judged = |answer: &str| {
            std::fs::write(dir.path().join("answer"), answer).unwrap();
            let script = ". do/lib/common.sh; . do/lib/container.sh; check_answer ../answer";
            let mut bash = Command::new("bash");
            bash.args(["-c", script]).current_dir(&folder).output().unwrap().status.success()
        };
        for answer in right {
            assert!(judged(answer), "{config} {model}: {answer:?} is right");
        }
        for answer in wrong {
            assert!(!judged(answer), "{config} {model}: {answer:?} is wrong");
        }
    }
}

/// A type of request, and sets of members of which it needs one.
type Tried = (&'static str, Vec<Vec<&'static str>>);

/// The types of request that vLLM tries on /invocations, in its order, by what a model is for
/// (`entrypoints/generate/factories.py` and `entrypoints/pooling/factories.py` of 0.33.0).
fn tried(task: &str) -> Vec<Tried> {
    let chat = ("chat", vec![vec!["messages"]]);
    let completion = ("completion", vec![vec!["prompt"], vec!["prompt_embeds"]]);
    let texts = || vec![vec!["input"], vec!["messages"]];
    let rerank = ("rerank", vec![vec!["query", "documents"]]);
    let score = ("score", vec![vec!["text_1", "text_2"], vec!["queries", "documents"]]);
    match task {
        "generate" => vec![chat, completion],
        "embed" => vec![("embedding", texts()), rerank, score, ("pooling", texts())],
        "rerank" => vec![("classification", texts()), rerank, score, ("pooling", texts())],
        _ => vec![("classification", texts()), ("pooling", texts())],
    }
}

fn the_engine_takes_the_request_of_the_task_for_that() {
    let classifier = r#"{"architectures": ["BertForSequenceClassification"], "model_type": "bert", "num_labels": 3}"#;
    for (model, config, task, kind) in [
        ("Qwen/Qwen3-8B", None, "generate", "completion"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", None, "generate", "chat"),
        ("BAAI/bge-m3", None, "embed", "embedding"),
        ("BAAI/bge-reranker-v2-m3", None, "rerank", "rerank"),
        ("me/mine", Some(classifier), "classify", "classification"),
    ] {
        let mut inputs = base("transformers-vllm", TARGET);
        inputs.insert("modelName".to_owned(), model.into());
        inputs.extend(config.map(|text| ("modelConfig".to_owned(), json!(text))));
        let made = project(&inputs);
        let body: Value =
            serde_json::from_slice(&made.get("test/payload.json").unwrap().bytes).unwrap();
        let has = |set: &Vec<&str>| set.iter().all(|member| body.get(*member).is_some());
        let tried = tried(task);
        let taken = tried.iter().find(|(_, sets)| sets.iter().any(has));
        assert_eq!(taken.map(|(name, _)| *name), Some(kind), "{model}: {body}");
        let settings: Value =
            serde_json::from_slice(&made.get("code/engine-args.json").unwrap().bytes).unwrap();
        let names = settings["options"]["served-model-name"].as_array().unwrap();
        assert!(names.contains(&body["model"]), "{model} is served as {names:?}");
    }
}
