//! The task follows from the model: requests, what answers must be, what the engine is told, and which configs refuse.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use mcc_generator::{Finding, Project, Severity};
use serde_json::{Map, Value, json};
use support::{object, plan_of, project};

const EMBEDS: &str = "BAAI/bge-m3";
const DECODER: &str = "Qwen/Qwen3-Embedding-0.6B";
const RERANKS: &str = "BAAI/bge-reranker-v2-m3";
const WHISPER: &str = "openai/whisper-large-v3";
const CLASSIFIER: &str = r#"{"architectures": ["XLMRobertaForSequenceClassification"], "model_type": "xlm-roberta",
    "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "vocab_size": 250002,
    "max_position_embeddings": 514, "id2label": {"0": "a", "1": "b", "2": "c"}}"#;

fn inputs(config: &str, model: &str, more: Value) -> Map<String, Value> {
    let mut all = object(json!({
        "projectName": "tasks", "deploymentConfig": config, "modelName": model, "region": "us-east-1",
    }));
    all.extend(object(more));
    all
}

fn text(project: &Project, path: &str) -> String {
    let file = project.get(path).unwrap_or_else(|| panic!("no {path}"));
    String::from_utf8(file.bytes.to_vec()).unwrap()
}

fn json_of(project: &Project, path: &str) -> Value {
    serde_json::from_str(&text(project, path)).unwrap()
}

fn found(inputs: &Map<String, Value>, id: &str) -> Option<Finding> {
    plan_of(inputs).findings.into_iter().find(|finding| finding.id == id)
}

/// (config, model, more inputs, members of the request, a part of the check of the answer, options of the engine)
type Served = (&'static str, &'static str, Value, Vec<&'static str>, &'static str, Value);

fn served() -> Vec<Served> {
    let vllm = "transformers-vllm";
    let sglang = "transformers-sglang";
    let lmi = "transformers-lmi";
    let mine = json!({"modelConfig": CLASSIFIER});
    let scores = json!({"engineArgs": {"hf-overrides": {"architectures": ["Qwen3ForSequenceClassification"]}}});
    let pooling = json!({"engineArgs": {"runner": "pooling"}});
    vec![
        (vllm, "Qwen/Qwen3-8B", json!({}), vec!["prompt"], ".choices", json!({})),
        (vllm, EMBEDS, json!({}), vec!["input"], ".embedding", json!({})),
        (vllm, DECODER, json!({}), vec!["input"], ".embedding", json!({"runner": "pooling"})),
        (vllm, RERANKS, json!({}), vec!["query", "documents"], ".relevance_score", json!({})),
        (vllm, "me/mine", mine.clone(), vec!["input"], ".probs", json!({})),
        (vllm, "Qwen/Qwen3-Reranker-0.6B", json!({}), vec!["prompt"], ".choices", json!({})),
        (
            vllm,
            "Qwen/Qwen3-Reranker-0.6B",
            scores,
            vec!["query", "documents"],
            ".relevance_score",
            json!({}),
        ),
        (vllm, "Qwen/Qwen3-8B", pooling, vec!["input"], ".embedding", json!({"runner": "pooling"})),
        (sglang, DECODER, json!({}), vec!["input"], ".embedding", json!({"is-embedding": true})),
        (
            sglang,
            RERANKS,
            json!({}),
            vec!["query", "documents"],
            ".score",
            json!({"is-embedding": true}),
        ),
        (lmi, DECODER, json!({}), vec!["inputs"], "array", json!({"task": "text-embedding"})),
        (sglang, "Qwen/Qwen3-8B", json!({}), vec!["messages"], ".choices", json!({})),
        (lmi, "Qwen/Qwen3-8B", json!({}), vec!["messages"], ".choices", json!({})),
    ]
}

#[test]
fn requests_and_tests_are_those_of_the_task() {
    for (config, model, more, members, expect, options) in served() {
        let made = project(&inputs(config, model, more.clone()));
        let body = json_of(&made, "test/payload.json");
        let has: Vec<&str> = ["messages", "prompt", "input", "inputs", "query", "documents"]
            .into_iter()
            .filter(|key| body.get(key).is_some())
            .collect();
        assert_eq!(has, members, "{config} {model}: {body}");
        let script = text(&made, "do/config");
        let line = script.lines().find(|line| line.starts_with("TEST_EXPECT=")).unwrap();
        assert!(line.contains(expect), "{config} {model}: {line}");
        assert!(script.contains("TEST_CONTENT_TYPE='application/json'\n"), "{script}");
        let settings = json_of(&made, "code/engine-args.json");
        for key in ["runner", "is-embedding", "task"] {
            assert_eq!(settings["options"][key], options[key], "{config} {model}: {settings:#}");
        }
        let encodes = config == "transformers-sglang" && model == RERANKS;
        assert_eq!(settings.get("encoder").is_some(), encodes, "{config} {model}");
    }
}

#[test]
fn recordings_are_sent_as_such() {
    let made = project(&inputs("transformers-vllm", WHISPER, json!({})));
    assert!(made.get("test/payload.json").is_none());
    let wave = &made.get("test/audio.wav").unwrap().bytes;
    assert!(wave.starts_with(b"RIFF") && wave.get(8..12) == Some(b"WAVE"));
    let script = text(&made, "do/config");
    for line in ["TEST_PAYLOAD='test/audio.wav'", "TEST_CONTENT_TYPE='audio/wav'"] {
        assert!(script.lines().any(|found| found == line), "{line}: {script}");
    }
    assert!(script.contains("has(\"text\")"), "{script}");
    let plan = plan_of(&inputs("transformers-vllm", WHISPER, json!({})));
    let decided = plan.decisions.unwrap();
    assert!(decided.request.contains("audio/wav"), "{}", decided.request);
    // Others have no recording.
    let chat = project(&inputs("transformers-vllm", "Qwen/Qwen3-8B", json!({})));
    assert!(chat.get("test/audio.wav").is_none());
    let batch = json!({"deploymentTarget": "batch-transform"});
    assert!(found(&inputs("transformers-vllm", WHISPER, batch.clone()), "MCC-TSK-004").is_some());
    let mut right = object(batch);
    right.extend(object(json!({"batchContentType": "audio/wav", "batchSplitType": "None"})));
    assert!(found(&inputs("transformers-vllm", WHISPER, right.into()), "MCC-TSK-004").is_none());
}

#[test]
fn models_that_read_images_are_shown_one() {
    let request = |config: &str, model: &str| {
        json_of(&project(&inputs(config, model, json!({}))), "test/payload.json")
    };
    for config in ["transformers-vllm", "transformers-sglang", "transformers-lmi"] {
        let body = request(config, "Qwen/Qwen2.5-VL-7B-Instruct");
        let parts = body["messages"][0]["content"].as_array().expect("parts").clone();
        let url =
            parts.iter().find_map(|part| part["image_url"]["url"].as_str()).expect("an image");
        assert!(url.starts_with("data:image/png;base64,iVBORw0KGgo"), "{url}");
        assert!(request(config, "Qwen/Qwen3-8B").to_string().find("image").is_none());
    }
    // One that was not taught to chat has no template for it.
    assert!(request("transformers-vllm", "google/gemma-3-4b-pt")["prompt"].is_string());
}

/// Each config that cannot serve the task refuses, and names configs that take the very same inputs.
#[test]
fn configs_that_cannot_serve_it_refuse_and_name_those_that_do() {
    let refusals = [
        ("transformers-tensorrt-llm", EMBEDS),
        ("transformers-tensorrt-llm", DECODER),
        ("transformers-tensorrt-llm", RERANKS),
        ("transformers-tensorrt-llm", WHISPER),
        ("transformers-lmi", RERANKS),
        ("transformers-lmi", WHISPER),
        ("transformers-sglang", WHISPER),
        ("transformers-djl", WHISPER),
        ("triton-vllm", EMBEDS),
        ("triton-tensorrtllm", RERANKS),
        ("diffusors-vllm-omni", EMBEDS),
    ];
    for (config, model) in refusals {
        let finding = found(&inputs(config, model, json!({})), "MCC-TSK-001")
            .unwrap_or_else(|| panic!("{config} takes {model}"));
        assert!(finding.is_error() && finding.message.contains(config), "{finding:?}");
        let told = plan_of(&inputs(config, model, json!({}))).decisions.unwrap().task.unwrap();
        assert!(!told.contains("text generation"), "{config} {model}: {told}");
        assert!(finding.choices.iter().any(|name| name == "transformers-vllm"), "{finding:?}");
        for other in &finding.choices {
            let again = plan_of(&inputs(other, model, json!({})));
            assert!(again.is_ready(), "{config} {model} names {other}: {:#?}", again.findings);
        }
    }
}

#[test]
fn what_is_not_certain_is_never_refused() {
    let near = |architecture: &str| {
        CLASSIFIER.replace("XLMRobertaForSequenceClassification", architecture)
    };
    let config = "transformers-tensorrt-llm";
    for (model, more) in [
        ("Qwen/Qwen3-8B", json!({})),
        ("me/mine", json!({"modelConfig": near("FoobarModel"), "instanceType": "ml.g5.2xlarge"})),
        (
            "me/mine",
            json!({"modelConfig": near("FoobarForSequenceClassification"), "instanceType": "ml.g5.2xlarge"}),
        ),
        ("me/my-embedding", json!({"instanceType": "ml.g5.2xlarge"})),
        ("me/video-r1", json!({"instanceType": "ml.g5.2xlarge"})),
        (
            EMBEDS,
            json!({"baseImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1", "instanceType": "ml.g5.2xlarge"}),
        ),
        (EMBEDS, json!({"modelEnv": {"MY_TASK": "x"}})),
    ] {
        let plan = plan_of(&inputs(config, model, more.clone()));
        let refused = plan.findings.iter().find(|f| f.id == "MCC-TSK-001");
        assert!(refused.is_none(), "{model} {more}: {refused:?}");
    }
    let warned = |model: &str, more: Value| found(&inputs(config, model, more), "MCC-TSK-002");
    let guess = warned("me/my-embedding", json!({"instanceType": "ml.g5.2xlarge"})).unwrap();
    assert_eq!(guess.severity, Severity::Warning);
    assert!(warned("me/video-r1", json!({"instanceType": "ml.g5.2xlarge"})).is_none());
    assert!(warned(EMBEDS, json!({"modelEnv": {"MY_TASK": "x"}})).is_some());
    assert!(warned("Qwen/Qwen3-8B", json!({})).is_none());
}

#[test]
fn vectors_of_lmi_need_its_25th_version() {
    let old = inputs("transformers-lmi", DECODER, json!({"engineVersion": "24.0.0"}));
    let finding = found(&old, "MCC-TSK-001").unwrap();
    assert!(finding.message.contains("25.0.0"), "{finding:?}");
    let new = inputs("transformers-lmi", DECODER, json!({"engineVersion": "25.0.0"}));
    assert!(found(&new, "MCC-TSK-001").is_none());
    let chat = inputs("transformers-lmi", "Qwen/Qwen3-8B", json!({"engineVersion": "24.0.0"}));
    assert!(found(&chat, "MCC-TSK-001").is_none());
}

#[test]
fn a_reranker_that_generates_is_told_of() {
    let model = "Qwen/Qwen3-Reranker-4B";
    let finding = found(&inputs("transformers-vllm", model, json!({})), "MCC-TSK-003").unwrap();
    let from = finding.fix.find('{').unwrap();
    let options: Value = serde_json::from_str(&finding.fix[from..]).unwrap();
    let told = inputs("transformers-vllm", model, json!({"engineArgs": options}));
    let plan = plan_of(&told);
    assert!(
        plan.is_ready() && !plan.findings.iter().any(|f| f.id.starts_with("MCC-TSK")),
        "{plan:#?}"
    );
    assert!(plan.decisions.unwrap().task.unwrap().contains("re-ranking"));
    for config in ["transformers-vllm", "transformers-djl"] {
        assert!(found(&inputs(config, RERANKS, json!({})), "MCC-TSK-003").is_none(), "{config}");
    }
}

#[test]
fn an_encoder_has_no_sequences_and_no_cache() {
    for model in [EMBEDS, RERANKS] {
        let plan = plan_of(&inputs("transformers-vllm", model, json!({})));
        let decided = plan.decisions.unwrap();
        let lines: Vec<String> = decided.lines().into_iter().map(|(_, line)| line).collect();
        let words = [lines, plan.fit].concat().join("\n");
        assert!(!words.contains("sequences"), "{words}");
        assert!(words.contains("no key-value cache: a text of up to 8192 tokens"), "{words}");
        assert_eq!(decided.memory.unwrap().cache_gib, None);
    }
    let decoder = plan_of(&inputs("transformers-vllm", DECODER, json!({}))).decisions.unwrap();
    assert!(decoder.lines().iter().any(|(_, line)| line.contains(" texts of 32768 tokens")));
    let chat = plan_of(&inputs("transformers-vllm", "Qwen/Qwen3-8B", json!({}))).decisions.unwrap();
    assert!(chat.lines().iter().any(|(_, line)| line.contains("sequences of ")));
    assert_eq!(chat.task, None, "text is what is expected of a model");
}

#[test]
fn videos_have_their_request_their_path_and_their_time() {
    let of = |model: &str, more: Value| project(&inputs("diffusors-vllm-omni", model, more));
    let wan = "Wan-AI/Wan2.2-T2V-A14B-Diffusers";
    let slow = json!({"deploymentTarget": "async-inference", "asyncInvocationTimeout": 3000});
    let made = of(wan, slow);
    assert_eq!(json_of(&made, "code/engine-args.json")["task"], "video");
    let body = json_of(&made, "test/payload.json");
    assert!(body["num_frames"].is_u64() && body["prompt"].is_string(), "{body}");
    let script = text(&made, "do/config");
    assert!(script.contains("TEST_BEGINS='ftyp'\n"), "{script}");
    let variable = "VLLM_OMNI_VIDEO_SYNC_TIMEOUT";
    let create = json_of(&made, "deploy/create-model.json");
    assert_eq!(create["PrimaryContainer"]["Environment"][variable], "3000", "{create:#}");
    let own = json!({"deploymentTarget": "async-inference", "modelEnv": {variable: "77"}});
    let create = json_of(&of(wan, own), "deploy/create-model.json");
    assert_eq!(create["PrimaryContainer"]["Environment"][variable], "77");
    // Images have none of that, and no time beyond what the platform waits.
    let image =
        of("black-forest-labs/FLUX.1-schnell", json!({"deploymentTarget": "async-inference"}));
    assert_eq!(json_of(&image, "code/engine-args.json")["task"], "image");
    assert!(!text(&image, "deploy/create-model.json").contains(variable));
    assert!(json_of(&image, "test/payload.json").get("num_frames").is_none());
    assert!(!text(&of(wan, json!({})), "deploy/create-model.json").contains(variable));
}

/// Without a config the one that serves the task is taken, and only such are named beside it.
#[test]
fn the_config_follows_from_the_task() {
    let derived = |more: Value| {
        let plan = plan_of(&object(more));
        let value = plan.inputs.iter().find(|input| input.key == "deploymentConfig").unwrap();
        serde_json::to_value(value).unwrap()
    };
    for model in [EMBEDS, RERANKS, DECODER] {
        let found = derived(json!({"modelName": model, "region": "us-east-1"})).to_string();
        assert!(found.contains("transformers-vllm"), "{found}");
        assert!(!found.contains("tensorrt") && !found.contains("djl"), "{found}");
    }
    let own = derived(json!({"modelName": "s3://bucket/m", "modelConfig": CLASSIFIER})).to_string();
    assert!(own.contains("transformers-vllm") && !own.contains("tensorrt"), "{own}");
    let scores = derived(json!({"modelName": RERANKS})).to_string();
    assert!(scores.contains("sglang") && !scores.contains("lmi"), "{scores}");
    for model in [WHISPER, "Wan-AI/Wan2.2-T2V-A14B-Diffusers"] {
        let found = derived(json!({"modelName": model})).to_string();
        assert!(!found.contains("sglang") && !found.contains("djl"), "{found}");
    }
    let chat = derived(json!({"modelName": "Qwen/Qwen3-8B"})).to_string();
    assert!(chat.contains("tensorrt"), "{chat}");
}
