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
    assert!(finding.fix.contains(&format!("give maxNumSeqs: {useful}")), "{finding:?}");
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

/// Qwen3-8B and a draft of half its size on one A10G: 23 GiB of weights on 20.
#[test]
fn a_known_draft_is_counted() {
    let draft = json!({"model": "Qwen/Qwen3-4B", "num_speculative_tokens": 3});
    let on = |kind: &str, options: Value| {
        vllm(&json!({
            "modelName": "Qwen/Qwen3-8B", "instanceType": kind, "maxModelLen": 8192, "engineArgs": options,
        }))
    };
    // As an object, as text, and by its keys.
    for option in [
        json!({"speculative-config": draft}),
        json!({"speculative-config": draft.to_string()}),
        json!({"speculative-config.model": "Qwen/Qwen3-4B", "speculative-config.num_speculative_tokens": 3}),
    ] {
        let plan = on("ml.g5.2xlarge", option.clone());
        let finding = found(&plan, "MCC-MEM-001").unwrap_or_else(|| panic!("{option}"));
        assert_eq!(finding.severity, Severity::Error, "{finding:?}");
        assert!(
            finding.message.contains("take 22.") || finding.message.contains("take 23."),
            "{finding:?}"
        );
    }
    let large = on("ml.g6e.2xlarge", json!({"speculative-config": draft}));
    assert!(large.is_ready() && found(&large, "MCC-MEM-010").is_none(), "{:#?}", large.findings);
    assert!(large.fit.iter().any(|note| note.contains("draft model")), "{:#?}", large.fit);
    // Methods without a model of their own.
    for method in ["ngram", "mtp"] {
        let config = json!({"method": method, "num_speculative_tokens": 3});
        let plan = on("ml.g5.2xlarge", json!({"speculative-config": config}));
        assert!(plan.is_ready() && found(&plan, "MCC-MEM-010").is_none(), "{:#?}", plan.findings);
    }
    // The type that is chosen holds both.
    let open = vllm(&json!({
        "modelName": "Qwen/Qwen3-8B", "maxModelLen": 8192, "engineArgs": {"speculative-config": draft},
    }));
    assert!(open.is_ready() && found(&open, "MCC-MEM-001").is_none(), "{:#?}", open.findings);
}

#[test]
fn an_unknown_draft_is_said_not_to_be_counted() {
    let unknown =
        json!({"model": "somebody/eagle-head", "method": "eagle3", "num_speculative_tokens": 3});
    let plan = vllm(&json!({
        "modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g6e.2xlarge", "engineArgs": {"speculative-config": unknown},
    }));
    assert!(found(&plan, "MCC-MEM-010").is_some() && plan.is_ready(), "{:#?}", plan.findings);
    let sglang = |path: &str| {
        let options =
            json!({"speculative-algorithm": "EAGLE3", "speculative-draft-model-path": path});
        plan_of(&inputs(
            "transformers-sglang",
            &json!({
                "modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g5.2xlarge", "maxModelLen": 8192,
                "engineArgs": options,
            }),
        ))
    };
    assert!(found(&sglang("somebody/eagle-head"), "MCC-MEM-010").is_some());
    let known = sglang("Qwen/Qwen3-4B");
    assert!(found(&known, "MCC-MEM-010").is_none(), "{:#?}", known.findings);
    assert!(found(&known, "MCC-MEM-001").is_some(), "{:#?}", known.findings);
}

/// 28 heads on 8 GPUs: four and four.
#[test]
fn heads_that_do_not_divide_run_in_copies() {
    let eight = |more: Value| {
        let mut all = json!({"modelName": "Qwen/Qwen2.5-7B-Instruct", "instanceType": "ml.g5.48xlarge", "maxModelLen": 8192});
        all.as_object_mut().unwrap().extend(object(more));
        vllm(&all)
    };
    let plan = eight(json!({"tensorParallelSize": 8}));
    let finding = found(&plan, "MCC-TP-001").unwrap();
    let fix = "give tensorParallelSize: 4 and give data-parallel-size: 2 in engineArgs";
    assert!(finding.fix.contains(fix), "{finding:?}");
    // Who asks for some of them gets another number of them.
    let some = eight(json!({"tensorParallelSize": 3}));
    let finding = found(&some, "MCC-TP-001").unwrap();
    assert!(!finding.fix.contains("data-parallel-size"), "{finding:?}");
    let mended = eight(json!({"tensorParallelSize": 4, "engineArgs": {"data-parallel-size": 2}}));
    assert!(mended.is_ready(), "{:#?}", mended.findings);
    for id in ["MCC-TP-001", "MCC-TP-002", "MCC-TP-003"] {
        assert!(found(&mended, id).is_none(), "{:#?}", mended.findings);
    }
    // Each copy has its own cache: what one holds is the same, and there are two.
    let memory = |plan: &Plan| plan.decisions.as_ref().unwrap().memory.clone().unwrap();
    let one = eight(json!({"tensorParallelSize": 4}));
    assert_eq!(memory(&one).sequences, memory(&mended).sequences);
    assert_eq!((memory(&one).copies, memory(&mended).copies), (None, Some(2)));
    let too_many = eight(json!({"tensorParallelSize": 4, "engineArgs": {"data-parallel-size": 4}}));
    assert!(found(&too_many, "MCC-TP-002").unwrap().is_error());
    // SGLang's own name for it; copies of attention alone are on the devices of one.
    let sglang = |more: Value| {
        let mut all = object(
            json!({"modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g5.12xlarge", "maxModelLen": 8192}),
        );
        all.extend(object(more));
        plan_of(&inputs("transformers-sglang", &Value::Object(all)))
    };
    let copies = sglang(json!({"engineArgs": {"dp-size": 2}}));
    assert_eq!(memory(&copies).copies, Some(2));
    assert!(memory(&copies).tensor_parallel <= 2, "{:#?}", memory(&copies));
    let shared =
        json!({"tensorParallelSize": 4, "engineArgs": {"dp-size": 4, "enable-dp-attention": true}});
    assert!(found(&sglang(shared), "MCC-TP-002").is_none());
    let four = json!({"tensorParallelSize": 4, "engineArgs": {"dp-size": 4}});
    assert!(found(&sglang(four), "MCC-TP-002").is_some());
}

/// A photo of 12 megapixels is some 15,000 tokens.
#[test]
fn an_image_can_be_longer_than_the_context() {
    let on = |tokens: u32, more: Value| {
        let mut all = json!({
            "modelName": "Qwen/Qwen2.5-VL-7B-Instruct", "instanceType": "ml.g6e.2xlarge", "maxModelLen": tokens,
        });
        all.as_object_mut().unwrap().extend(object(more));
        vllm(&all)
    };
    let plan = on(8192, json!({}));
    let finding = found(&plan, "MCC-MDL-004").unwrap();
    assert!(finding.message.contains("16384") && finding.message.contains("15306"), "{finding:?}");
    assert!(finding.fix.contains("mm-processor-kwargs {\"max_pixels\": 3211264}"), "{finding:?}");
    assert!(plan.is_ready() && finding.severity == Severity::Warning);
    let limited = json!({"engineArgs": {"mm-processor-kwargs": {"max_pixels": 3_211_264}}});
    for plan in [on(8192, limited), on(32_768, json!({}))] {
        assert!(found(&plan, "MCC-MDL-004").is_none(), "{:#?}", plan.findings);
    }
    // Of other models it is not known.
    let other = vllm(
        &json!({"modelName": "google/gemma-3-12b-it", "maxModelLen": 2048, "instanceType": "ml.g6e.2xlarge"}),
    );
    assert!(found(&other, "MCC-MDL-004").is_none());
}

fn pipeline(more: &Value) -> Plan {
    plan_of(&inputs("diffusors-vllm-omni", more))
}

#[test]
fn a_pipeline_gets_an_instance_type_that_holds_all_its_parts() {
    for (name, gib) in [("black-forest-labs/FLUX.1-dev", 44.0), ("Qwen/Qwen-Image", 60.0)] {
        let plan = pipeline(&json!({"modelName": name}));
        let memory = plan.decisions.as_ref().unwrap().memory.clone().unwrap();
        assert!(plan.is_ready(), "{name}: {:#?}", plan.findings);
        assert!(memory.budget_gib / 0.9 > gib, "{name}: {memory:?}");
        assert_eq!((memory.context, memory.sequences), (None, None));
        let chosen = plan.inputs.iter().find(|input| input.key == "instanceType").unwrap();
        let again = pipeline(&json!({"modelName": name, "instanceType": chosen.value}));
        for id in ["MCC-MEM-001", "MCC-MEM-003", "MCC-MEM-004", "MCC-MDL-001"] {
            assert!(found(&again, id).is_none(), "{name}: {:#?}", again.findings);
        }
    }
    let small = pipeline(
        &json!({"modelName": "black-forest-labs/FLUX.1-dev", "instanceType": "ml.g6.2xlarge"}),
    );
    let finding = found(&small, "MCC-MEM-001").unwrap();
    assert!(finding.is_error() && finding.message.contains("parts of the pipeline"), "{finding:?}");
    assert!(!finding.choices.is_empty() && !finding.message.contains("tokens"), "{finding:?}");
}

#[test]
fn a_gated_pipeline_asks_for_a_token() {
    let flux = pipeline(&json!({"modelName": "black-forest-labs/FLUX.1-dev"}));
    assert!(found(&flux, "MCC-MDL-002").is_some(), "{:#?}", flux.findings);
    // What is left over is what nothing takes, and nothing is said of texts.
    let memory = flux.decisions.as_ref().unwrap().memory.clone().unwrap();
    let left = memory.budget_gib - memory.weights_gib - memory.overhead_gib;
    assert!((memory.cache_gib.unwrap() - left).abs() < 0.3, "{memory:?}");
    assert!(flux.fit.iter().all(|note| !note.contains("a text of")), "{:#?}", flux.fit);
    let open = pipeline(&json!({"modelName": "Qwen/Qwen-Image"}));
    assert!(found(&open, "MCC-MDL-002").is_none(), "{:#?}", open.findings);
}

#[test]
fn an_unknown_pipeline_is_said_not_to_be_known() {
    let plan = pipeline(&json!({"modelName": "somebody/new-diffusion"}));
    let finding = found(&plan, "MCC-MDL-001").unwrap();
    assert!(finding.message.contains("not known") && finding.severity == Severity::Warning);
    assert!(
        plan.is_ready() && plan.decisions.as_ref().unwrap().memory.is_none(),
        "{:#?}",
        plan.findings
    );
}

/// What denoises is split over devices where that is known to run.
#[test]
fn the_largest_pipeline_is_split() {
    let plan = pipeline(&json!({"modelName": "black-forest-labs/FLUX.2-dev"}));
    let memory = plan.decisions.as_ref().unwrap().memory.clone().unwrap();
    assert!(plan.is_ready(), "{:#?}", plan.findings);
    assert!(memory.weights_gib < memory.budget_gib, "{memory:?}");
}
