//! What the generator says and decides about language models and their engines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use mcc_fit::sizing::shape_of;
use mcc_generator::{Plan, Severity, registry, rules};
use serde_json::{Value, json};
use support::{object, plan_of, project};

/// Inputs of a real-time endpoint, with `more` added.
fn inputs(more: &Value) -> serde_json::Map<String, Value> {
    let config = registry().configs().iter().find(|c| c.backend == "vllm").unwrap();
    let mut all = object(json!({
        "projectName": "chat",
        "deploymentConfig": config.name,
        "deploymentTarget": "managed-inference",
        "modelName": "Qwen/Qwen3-8B",
    }));
    all.extend(object(more.clone()));
    all
}

fn said(more: &Value) -> Plan {
    plan_of(&inputs(more))
}

/// Ids of the findings at `severity`.
fn ids(plan: &Plan, severity: Severity) -> Vec<&str> {
    plan.findings.iter().filter(|f| f.severity == severity).map(|f| f.id.as_str()).collect()
}

const LLAMA_70B: &str = "meta-llama/Llama-3.3-70B-Instruct";

/// (inputs, the only errors, the only warnings)
fn cases() -> Vec<(Value, Vec<&'static str>, Vec<&'static str>)> {
    vec![
        (json!({}), vec![], vec![]),
        (json!({"instanceType": "ml.g5.2xlarge"}), vec![], vec![]),
        // Memory.
        (
            json!({"modelName": "Qwen/Qwen3-32B", "instanceType": "ml.g5.2xlarge"}),
            vec!["MCC-MEM-001"],
            vec!["MCC-MEM-004"],
        ),
        (
            json!({"instanceType": "ml.g5.2xlarge", "maxModelLen": 40960}),
            vec!["MCC-MEM-002"],
            vec![],
        ),
        (
            json!({"instanceType": "ml.g5.2xlarge", "maxModelLen": 26000}),
            vec![],
            vec!["MCC-MEM-003"],
        ),
        (
            json!({"instanceType": "ml.g5.2xlarge", "maxModelLen": 40960, "engineArgs": {"cpu-offload-gb": 8}}),
            vec![],
            vec!["MCC-MEM-006"],
        ),
        (
            json!({"instanceType": "ml.g5.2xlarge", "maxModelLen": 40960, "engineArgs": {"kv-cache-dtype": "fp8"}}),
            vec![],
            vec![],
        ),
        (json!({"instanceType": "ml.g5.xlarge"}), vec![], vec!["MCC-MEM-004"]),
        (
            json!({"modelName": LLAMA_70B, "instanceType": "ml.p4d.24xlarge", "hfTokenArn": SECRET}),
            vec![],
            vec![],
        ),
        (
            json!({"modelName": LLAMA_70B, "instanceType": "ml.p4d.24xlarge"}),
            vec![],
            vec!["MCC-MDL-002"],
        ),
        (
            json!({"modelName": "me/own", "instanceType": "ml.g5.2xlarge"}),
            vec![],
            vec!["MCC-MDL-001"],
        ),
        (
            json!({"modelName": "deepseek-llm-r1-distill-llama-8b", "instanceType": "ml.g5.2xlarge"}),
            vec!["MCC-MDL-003"],
            vec![],
        ),
        (
            json!({"modelName": "me/own", "modelConfig": TINY, "instanceType": "ml.g5.2xlarge"}),
            vec![],
            vec![],
        ),
        (json!({"modelName": "s3://bucket/own", "modelConfig": TINY}), vec![], vec![]),
        // A configuration that says too little is no mistake.
        (
            json!({
                "modelName": "me/own", "modelConfig": "{\"architectures\": [\"FoobarForCausalLM\"]}",
                "instanceType": "ml.g5.2xlarge",
            }),
            vec![],
            vec!["MCC-MDL-001"],
        ),
        // The model has 40,960 tokens.
        (
            json!({"instanceType": "ml.g6e.xlarge", "maxModelLen": 131_072}),
            vec!["MCC-MEM-007"],
            vec![],
        ),
        (
            json!({
                "instanceType": "ml.g6e.xlarge", "maxModelLen": 131_072,
                "modelEnv": {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"},
            }),
            vec![],
            vec![],
        ),
        // Tensor parallelism.
        (
            json!({"instanceType": "ml.g5.12xlarge", "tensorParallelSize": 3}),
            vec!["MCC-TP-001"],
            vec![],
        ),
        (
            json!({"instanceType": "ml.g5.2xlarge", "tensorParallelSize": 2}),
            vec!["MCC-TP-002"],
            vec![],
        ),
        (
            json!({"instanceType": "ml.g5.12xlarge", "engineArgs": {"pipeline-parallel-size": 8}}),
            vec!["MCC-TP-002"],
            vec![],
        ),
        (
            json!({"instanceType": "ml.g5.12xlarge", "tensorParallelSize": 2}),
            vec![],
            vec!["MCC-TP-003"],
        ),
        (
            json!({"instanceType": "ml.g5.12xlarge", "tensorParallelSize": 2, "engineArgs": {"data-parallel-size": 2}}),
            vec![],
            vec![],
        ),
        (json!({"instanceType": "ml.g5.12xlarge", "tensorParallelSize": 4}), vec![], vec![]),
        (
            json!({"instanceType": "ml.g5.12xlarge", "tensorParallelSize": 2, "inferenceComponent": true}),
            vec![],
            vec![],
        ),
        (
            json!({"instanceType": "ml.g5.12xlarge", "tensorParallelSize": 2, "inferenceComponent": true, "icGpuCount": 1}),
            vec!["MCC-TP-002"],
            vec![],
        ),
        // Accelerators.
        (
            json!({"instanceType": "ml.g4dn.12xlarge", "tensorParallelSize": 4}),
            vec![],
            vec!["MCC-GPU-003"],
        ),
        (
            json!({"instanceType": "ml.g4dn.12xlarge", "tensorParallelSize": 4, "dtype": "bfloat16"}),
            vec!["MCC-GPU-002"],
            vec![],
        ),
        (
            // An older release is chosen, which is compiled for it.
            json!({"instanceType": "ml.p3.8xlarge", "tensorParallelSize": 4}),
            vec![],
            vec!["MCC-GPU-003"],
        ),
        (
            json!({"instanceType": "ml.p3.8xlarge", "tensorParallelSize": 4, "engineVersion": "0.27.1"}),
            vec!["MCC-GPU-001"],
            vec!["MCC-GPU-003"],
        ),
        (
            json!({"instanceType": "ml.g5.2xlarge", "quantization": "fp8"}),
            vec![],
            vec!["MCC-GPU-003"],
        ),
        (json!({"instanceType": "ml.g6.2xlarge", "quantization": "fp8"}), vec![], vec![]),
        (
            json!({"instanceType": "ml.g6.2xlarge", "quantization": "newest"}),
            vec![],
            vec!["MCC-GPU-004"],
        ),
        (
            json!({"modelName": "openai/gpt-oss-20b", "instanceType": "ml.g4dn.12xlarge", "tensorParallelSize": 4}),
            vec!["MCC-GPU-002"],
            vec!["MCC-GPU-003"],
        ),
        (
            json!({"modelName": "openai/gpt-oss-20b", "quantization": "awq", "instanceType": "ml.g6e.2xlarge"}),
            vec![],
            vec!["MCC-GPU-005"],
        ),
        (json!({"instanceType": "ml.inf2.8xlarge"}), vec![], vec![]),
        (json!({"instanceType": "ml.trn2.48xlarge"}), vec!["MCC-ACC-001"], vec!["MCC-REG-005"]),
        (json!({"instanceType": "ml.m5.4xlarge"}), vec!["MCC-ACC-001"], vec![]),
        // Engine options.
        (json!({"engineArgs": {"seeed": 1}}), vec!["MCC-ENG-001"], vec![]),
        (
            json!({"engineArgs": {"seeed": 1}, "engineVersion": "0.26.0"}),
            vec![],
            vec!["MCC-ENG-001"],
        ),
        (json!({"engineArgs": {"seed": "x"}}), vec!["MCC-ENG-002"], vec![]),
        (json!({"engineArgs": {"max_model_len": 4096}}), vec!["MCC-ENG-003"], vec![]),
        (json!({"engineArgs": {"no-trust-remote-code": true}}), vec!["MCC-ENG-003"], vec![]),
        (json!({"engineArgs": {"port": 9000}}), vec!["MCC-ENG-003"], vec![]),
        (
            json!({"engineArgs": {"seed": 1, "async-scheduling": true, "async_scheduling": false}}),
            vec!["MCC-ENG-003"],
            vec![],
        ),
        // Engine and model.
        (json!({"modelName": "Qwen/Qwen3-8B", "engineVersion": "0.15.1"}), vec![], vec![]),
        (
            // The last release that has it is chosen.
            json!({"modelName": "me/old", "modelConfig": DROPPED, "instanceType": "ml.g5.2xlarge"}),
            vec![],
            vec![],
        ),
        (
            json!({"modelName": "me/old", "modelConfig": DROPPED, "instanceType": "ml.g5.2xlarge", "engineVersion": "0.27.1"}),
            vec!["MCC-ENG-004"],
            vec![],
        ),
        (
            json!({"modelName": "me/new", "modelConfig": UNHEARD, "instanceType": "ml.g5.2xlarge"}),
            vec![],
            vec!["MCC-ENG-005", "MCC-ENG-006"],
        ),
        (json!({"trustRemoteCode": true}), vec![], vec!["MCC-ENG-007"]),
        (
            json!({"trustRemoteCode": true, "modelRevision": "0123456789abcdef0123456789abcdef01234567"}),
            vec![],
            vec![],
        ),
    ]
}

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf";
const TINY: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048,
  "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
  "head_dim": 64, "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16"}"#;
/// A class that current releases no longer have.
const DROPPED: &str = r#"{"architectures": ["AquilaForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 16,
  "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 8192}"#;
const UNHEARD: &str = r#"{"architectures": ["UnheardForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 16,
  "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 8192,
  "auto_map": {"AutoModelForCausalLM": "modeling.Unheard"}}"#;

#[test]
fn findings_are_the_right_ones_and_no_others() {
    let mut wrong = Vec::new();
    for (more, errors, warnings) in cases() {
        let plan = said(&more);
        let (found, warned) = (ids(&plan, Severity::Error), ids(&plan, Severity::Warning));
        if found != errors || warned != warnings || !plan.questions.is_empty() {
            wrong.push(format!(
                "{more}\n  {found:?} {warned:?}\n  not {errors:?} {warnings:?}\n  {:#?}",
                plan.findings
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each rule of the four families is met by some case, or by one of the tests named here.
#[test]
fn every_rule_of_the_families_is_tested() {
    // Met in `releases/`, `memory.rs` and `findings/`.
    let elsewhere = [
        "MCC-MEM-005",
        "MCC-TP-004",
        "MCC-TP-005",
        "MCC-ENG-008",
        "MCC-ENG-009",
        "MCC-MEM-008",
        "MCC-MEM-011",
        "MCC-MDL-006",
        "MCC-MDL-007",
        "MCC-MDL-008",
        "MCC-MDL-009",
        "MCC-MDL-010",
        "MCC-MDL-011",
        "MCC-MDL-005",
        "MCC-MEM-009",
        "MCC-MEM-010",
        "MCC-MDL-004",
        "MCC-MEM-030",
    ];
    let all: Vec<&str> = cases().into_iter().flat_map(|(_, e, w)| [e, w].concat()).collect();
    for rule in rules() {
        let family = rule.id.split('-').nth(1).unwrap();
        if ["MEM", "MDL", "TP", "GPU", "ENG"].contains(&family) && !elsewhere.contains(&rule.id) {
            assert!(all.contains(&rule.id), "no case meets {}", rule.id);
        }
    }
}

#[test]
fn a_fix_names_instance_types_that_are_right() {
    let plan = said(&json!({"modelName": "Qwen/Qwen3-32B", "instanceType": "ml.g5.2xlarge"}));
    let finding = plan.findings.iter().find(|f| f.id == "MCC-MEM-001").unwrap();
    assert!(!finding.choices.is_empty(), "{finding:?}");
    for choice in &finding.choices {
        let again = said(&json!({"modelName": "Qwen/Qwen3-32B", "instanceType": choice}));
        assert!(
            again.is_ready() && ids(&again, Severity::Warning).is_empty(),
            "{choice}: {:#?}",
            again.findings
        );
    }
}

#[test]
fn disks_and_heads_that_are_wrong_are_found() {
    let plan =
        said(&json!({"instanceType": "ml.p4d.24xlarge", "modelName": "deepseek-ai/DeepSeek-V3"}));
    assert!(!plan.is_ready());
    let small = said(&json!({"instanceType": "ml.p3.2xlarge", "endpointVolumeSize": 10}));
    assert!(ids(&small, Severity::Error).contains(&"MCC-MEM-005"), "{:#?}", small.findings);
    let unknown = said(
        &json!({"modelName": "me/own", "instanceType": "ml.g5.12xlarge", "tensorParallelSize": 4}),
    );
    assert!(unknown.is_ready(), "what is unknown is never refused: {:#?}", unknown.findings);
}

#[test]
fn the_instance_is_the_cheapest_that_fits_and_the_plan_says_why() {
    let plan = said(&json!({}));
    let chosen = plan.inputs.iter().find(|i| i.key == "instanceType").unwrap();
    assert_eq!(chosen.source, "recommended by the catalogs");
    let name = chosen.value.as_str().unwrap();
    assert!(plan.fit[0].contains(name) && plan.fit[0].contains("cheapest"), "{:?}", plan.fit);
    let longer = said(&json!({"maxModelLen": 40960}));
    let roomier = longer.inputs.iter().find(|i| i.key == "instanceType").unwrap();
    assert_ne!(roomier.value, chosen.value, "a longer context needs a larger GPU");
    assert!(longer.cost.unwrap().usd_per_hour > plan.cost.unwrap().usd_per_hour);
}

/// Without an instance type and without a description nothing is guessed: the question comes with the reason.
#[test]
fn an_unknown_model_needs_its_config() {
    let plan = said(&json!({"modelName": "me/own"}));
    assert_eq!(plan.questions.iter().map(|q| q.key.as_str()).collect::<Vec<_>>(), ["instanceType"]);
    assert_eq!(ids(&plan, Severity::Warning), ["MCC-MDL-001"]);
    assert!(plan.findings[0].fix.contains("modelConfig"), "{:?}", plan.findings);
    assert!(said(&json!({"modelName": "me/own", "modelConfig": TINY})).is_ready());
}

/// Where the model itself is wrong, only that is said: an instance type is recommended for the right one.
#[test]
fn a_refused_model_asks_for_no_instance_type() {
    for name in ["deepseek-llm-r1-distill-llama-8b", "no model; at all"] {
        let plan = said(&json!({"modelName": name}));
        assert_eq!(plan.questions, [], "{name}");
        let errors: Vec<_> = plan.findings.iter().filter(|f| f.is_error()).collect();
        assert_eq!(errors.len(), 1, "{name}: {errors:#?}");
        assert_eq!(errors[0].field.as_deref(), Some("modelName"));
    }
}

/// The first recommendation for every model of the catalogs is accepted by every rule.
#[test]
fn every_recommendation_is_accepted() {
    let mut recommended = 0;
    let targets = registry().targets();
    for (at, row) in mcc_catalogs::Catalogs::embedded().models().iter().enumerate() {
        let target = &targets[at % targets.len()];
        let mut inputs = inputs(&json!({"modelName": row.id.as_str(), "hfTokenArn": SECRET}));
        inputs.insert("deploymentTarget".to_owned(), json!(target));
        let layer = registry().layer(&format!("targets/{target}")).unwrap();
        inputs.extend(layer.manifest.examples.clone());
        let plan = plan_of(&inputs);
        if !plan.inputs.iter().any(|i| i.key == "instanceType") {
            continue;
        }
        recommended += 1;
        // Blocks of quantized weights can keep a model on few of the devices that its instance has.
        let blocks = shape_of(row).is_some_and(|shape| shape.widths.block.is_some());
        let about_fit = plan.findings.iter().filter(|f| {
            if blocks && f.id == "MCC-TP-003" {
                return false;
            }
            let family = f.id.split('-').nth(1).unwrap();
            ["MEM", "TP", "GPU", "ACC", "INS", "DRV"].contains(&family)
                && !["MCC-DRV-002", "MCC-DRV-003"].contains(&f.id.as_str())
        });
        assert_eq!(about_fit.count(), 0, "{} on {target}: {:#?}", row.id, plan.findings);
    }
    assert!(recommended > 100, "{recommended}");
}

fn engine_args(more: &Value) -> Value {
    let project = project(&inputs(more));
    serde_json::from_slice(&project.get("code/engine-args.json").unwrap().bytes).unwrap()
}

#[test]
fn options_reach_the_project_byte_for_byte() {
    let hostile = "{\"a\": \"$(id) `x` \\\"q\\\" \\u00e9 é\\n\", \"b\":  [1.50, 1e3]}";
    let options = json!({
        "speculative_config": hostile,
        "chat-template": "{% for m in messages %}'\"$x\"\n{% endfor %}",
        "allowed-origins": ["https://a.example", "*"],
        "limit-mm-per-prompt": {"image": 6, "video": 0},
        "lora-modules": ["a=s3://x/y", {"name": "b", "path": "/p q"}],
        "seed": 7,
        "enforce-eager": "true",
        "no-enable-prefix-caching": true,
    });
    let written = engine_args(&json!({"engineArgs": options, "instanceType": "ml.g6e.2xlarge"}));
    let got = &written["options"];
    assert_eq!(got["speculative-config"], hostile);
    assert_eq!(got["chat-template"], options["chat-template"]);
    assert_eq!(got["allowed-origins"], "[\"https://a.example\",\"*\"]");
    assert_eq!(got["limit-mm-per-prompt"], options["limit-mm-per-prompt"]);
    assert_eq!(got["lora-modules"], json!(["a=s3://x/y", "{\"name\":\"b\",\"path\":\"/p q\"}"]));
    assert_eq!((&got["seed"], &got["enforce-eager"]), (&json!(7), &json!(true)));
    assert_eq!(got["no-enable-prefix-caching"], true);
}

#[test]
fn settings_agree_with_the_model_and_the_instance() {
    let fits = engine_args(&json!({"instanceType": "ml.g5.12xlarge", "tensorParallelSize": 4}));
    assert_eq!(fits["model"], "Qwen/Qwen3-8B");
    assert_eq!(fits["options"]["tensor-parallel-size"], 4);
    assert_eq!(fits["options"]["max-model-len"], 40960);
    let turing = engine_args(&json!({"instanceType": "ml.g4dn.12xlarge", "tensorParallelSize": 4}));
    assert_eq!(turing["options"]["dtype"], "float16");
    let mounted =
        engine_args(&json!({"modelName": "s3://bucket/m", "instanceType": "ml.g5.2xlarge"}));
    assert_eq!(mounted["model"], "/opt/ml/model");
    assert!(mounted["options"].get("max-model-len").is_none(), "nothing is guessed");
}

#[test]
fn the_test_request_is_one_that_the_model_answers() {
    let request = |name: &str| -> Value {
        let project = project(&inputs(&json!({"modelName": name})));
        serde_json::from_slice(&project.get("test/payload.json").unwrap().bytes).unwrap()
    };
    assert!(request("Qwen/Qwen3-8B")["prompt"].is_string());
    let embeds = request("Qwen/Qwen3-Embedding-8B");
    assert!(embeds["input"].is_string() && embeds.get("prompt").is_none(), "{embeds}");
}
