//! What takes memory beside weights and an ordinary cache, and what the plan makes of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use mcc_generator::{Finding, Plan, Severity};
use serde_json::{Value, json};
use support::{object, plan_of, project};

/// Inputs of a real-time endpoint of `config`, with `more` added.
fn inputs(config: &str, more: &Value) -> serde_json::Map<String, Value> {
    let mut all = object(json!({
        "projectName": "room",
        "deploymentConfig": config,
        "deploymentTarget": "managed-inference",
    }));
    all.extend(object(more.clone()));
    all
}

fn vllm(more: &Value) -> Plan {
    plan_of(&inputs("transformers-vllm", more))
}

/// The finding with this id, if there is one.
fn found<'a>(plan: &'a Plan, id: &str) -> Option<&'a Finding> {
    plan.findings.iter().find(|finding| finding.id == id)
}

/// The engine's options as the project has them.
fn options(config: &str, more: &Value) -> Value {
    let project = project(&inputs(config, more));
    let text = &project.get("code/engine-args.json").unwrap().bytes;
    serde_json::from_slice::<Value>(text).unwrap()["options"].clone()
}

const HYBRID: &str = "Qwen/Qwen3.5-9B";

/// Some 48 blocks on an L4, and 256 sequences by default.
#[test]
fn a_model_with_states_gets_as_many_sequences_as_can_run() {
    let on = json!({"modelName": HYBRID, "instanceType": "ml.g6.2xlarge"});
    let written = options("transformers-vllm", &on)["max-num-seqs"].as_u64().unwrap();
    assert!((4..=32).contains(&written), "{written}");
    let plan = vllm(&on);
    assert!(plan.is_ready() && found(&plan, "MCC-MEM-008").is_none(), "{:#?}", plan.findings);
    let memory = plan.decisions.as_ref().unwrap().memory.clone().unwrap();
    assert_eq!(memory.max_num_seqs.map(u64::from), Some(written));
    // Where there are more blocks than the default, nothing is said; nor of a model without states.
    let roomy = json!({"modelName": "Qwen/Qwen3.5-0.8B", "instanceType": "ml.g6e.2xlarge"});
    assert!(options("transformers-vllm", &roomy).get("max-num-seqs").is_none());
    let plain = json!({"modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g6.2xlarge"});
    assert!(options("transformers-vllm", &plain).get("max-num-seqs").is_none());
    // SGLang caps the number itself.
    assert!(options("transformers-sglang", &on).get("max-running-requests").is_none());
    // Without graphs the engine does not look, and older releases only warn.
    for more in [json!({"engineArgs": {"enforce-eager": true}}), json!({"engineVersion": "0.19"})] {
        let mut given = on.clone();
        given.as_object_mut().unwrap().extend(object(more.clone()));
        assert!(options("transformers-vllm", &given).get("max-num-seqs").is_none(), "{more}");
    }
}

#[test]
fn more_sequences_than_blocks_are_refused() {
    let given = |sequences: u32, more: Value| {
        let mut all = json!({
            "modelName": HYBRID, "instanceType": "ml.g6.2xlarge", "maxNumSeqs": sequences, "maxModelLen": 8192,
        });
        all.as_object_mut().unwrap().extend(object(more));
        vllm(&all)
    };
    let plan = given(256, json!({}));
    let finding = found(&plan, "MCC-MEM-008").unwrap();
    assert_eq!(finding.severity, Severity::Error, "{:#?}", plan.findings);
    let useful: u32 = finding.choices.first().unwrap().parse().unwrap();
    assert!(finding.fix.contains(&format!("give maxNumSeqs {useful}")), "{finding:?}");
    let mended = given(useful, json!({}));
    assert!(mended.is_ready() && found(&mended, "MCC-MEM-008").is_none(), "{:#?}", mended.findings);
    // What turns graphs off is no reason to refuse.
    let option = json!({"engineArgs": {"compilation-config": {"cudagraph_mode": "PIECEWISE"}}});
    let softer = given(256, option);
    assert_eq!(found(&softer, "MCC-MEM-008").unwrap().severity, Severity::Warning);
    assert!(
        found(&given(256, json!({"engineArgs": {"enforce-eager": true}})), "MCC-MEM-008").is_none()
    );
    let sglang = json!({"modelName": HYBRID, "instanceType": "ml.g6.2xlarge", "maxNumSeqs": 256});
    assert!(found(&plan_of(&inputs("transformers-sglang", &sglang)), "MCC-MEM-008").is_none());
}

#[test]
fn states_of_unknown_size_get_few_sequences_and_say_so() {
    // The class is known to have states; the file does not say which layers.
    let config = json!({
        "architectures": ["Zamba2ForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 16,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 8192,
    });
    let given = json!({
        "modelName": "some/zamba", "modelConfig": config.to_string(), "instanceType": "ml.g6.2xlarge",
    });
    assert_eq!(options("transformers-vllm", &given)["max-num-seqs"], 8);
    let plan = vllm(&given);
    let finding = found(&plan, "MCC-MEM-009").unwrap();
    assert!(finding.message.contains("not known") && plan.is_ready(), "{finding:?}");
    let mut own = given.clone();
    own["maxNumSeqs"] = json!(64);
    assert!(found(&vllm(&own), "MCC-MEM-009").is_none());
    assert_eq!(options("transformers-vllm", &own)["max-num-seqs"], 64);
}
