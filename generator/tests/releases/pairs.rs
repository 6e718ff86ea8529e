//! Releases that are known to fail with a model or an option.

use mcc_generator::Severity;
use serde_json::{Value, json};

use super::{findings, found, spec};
use crate::support::object;

#[test]
fn known_bad_pairs_are_avoided_and_refused_where_they_are_asked_for() {
    let (config, gemma, kind) =
        ("transformers-vllm", "google/gemma-4-26B-A4B-it", "ml.g7e.2xlarge");
    let chosen = spec(config, gemma, kind, json!({}));
    assert_eq!(chosen.image.engine_version.as_deref(), Some("0.26.0"));
    assert!(found(&findings(config, gemma, kind, json!({})), "MCC-ENG-008").is_none());
    for more in [
        json!({"engineVersion": "0.27.1"}),
        json!({"baseImage": "vllm/vllm-openai:v0.27.0"}),
        json!({"baseImage": "763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.27-gpu-py312"}),
    ] {
        let findings = findings(config, gemma, kind, more.clone());
        let finding =
            found(&findings, "MCC-ENG-008").unwrap_or_else(|| panic!("{more} {findings:?}"));
        assert!(finding.is_error() && finding.message.contains("head_dim"), "{finding:?}");
        assert!(finding.fix.contains("0.26.0"), "{finding:?}");
    }
    for more in [
        json!({"engineVersion": "0.28.0"}),
        json!({"baseImage": "vllm/vllm-openai:v0.28.0"}),
        json!({"baseImage": "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-vllm:0.27.1-transformers5.10.2-gpu-py312-cu130-ubuntu22.04"}),
    ] {
        let findings = findings(config, gemma, kind, more.clone());
        assert!(found(&findings, "MCC-ENG-008").is_none(), "{more} {findings:?}");
    }
    let other = findings(config, "google/gemma-3-27b-it", kind, json!({"engineVersion": "0.27.1"}));
    assert!(found(&other, "MCC-ENG-008").is_none());
}

#[test]
fn options_make_pairs_too_and_reports_only_warn() {
    let (config, qwen, kind) = ("transformers-vllm", "Qwen/Qwen3-8B", "ml.g5.12xlarge");
    let mtp = |stages: u64| {
        let options = json!({
            "engineVersion": "0.27.1",
            "engineArgs": {"speculative-config": {"method": "mtp"}, "pipeline-parallel-size": stages},
        });
        findings(config, qwen, kind, options)
    };
    assert!(found(&mtp(2), "MCC-ENG-008").unwrap().is_error());
    assert!(found(&mtp(1), "MCC-ENG-008").is_none());
    let bitsandbytes = |version: &str| {
        let options = json!({"engineVersion": version, "quantization": "bitsandbytes"});
        findings(config, qwen, kind, options)
    };
    assert_eq!(found(&bitsandbytes("0.28.0"), "MCC-ENG-008").unwrap().severity, Severity::Warning);
    assert!(found(&bitsandbytes("0.27.1"), "MCC-ENG-008").is_none());
}

#[test]
fn what_gemma_drafts_with_is_known_by_its_name_too() {
    let (config, kind) = ("transformers-vllm", "ml.g7e.2xlarge");
    let at = |model: &str, version: &str, options: Value| {
        let more = json!({"engineVersion": version, "engineArgs": options});
        let all = findings(config, model, kind, more);
        found(&all, "MCC-ENG-008").map(|finding| finding.severity)
    };
    let gemma = "google/gemma-4-26B-A4B-it";
    let draft =
        json!({"model": "google/gemma-4-26B-A4B-it-assistant", "num_speculative_tokens": 4});
    let named = json!({"method": "mtp", "num_speculative_tokens": 4});
    for option in [draft.clone(), Value::String(draft.to_string()), named] {
        let option = json!({"speculative-config": option});
        assert_eq!(at(gemma, "0.25.1", option.clone()), Some(Severity::Warning), "{option}");
        assert_eq!(at(gemma, "0.26.0", option), None, "nobody reports it");
    }
    assert_eq!(at(gemma, "0.25.1", json!({"seed": 1})), None);
    // The name says it of Gemma alone.
    let other = json!({"speculative-config": {"model": "me/tiny-assistant", "num_speculative_tokens": 4}, "pipeline-parallel-size": 2});
    let more = json!({"engineVersion": "0.27.1", "engineArgs": other});
    let all = findings(config, "Qwen/Qwen3-8B", "ml.g5.12xlarge", more);
    assert!(found(&all, "MCC-ENG-008").is_none(), "{all:?}");
}

#[test]
fn dropped_formats_are_known_by_option_and_by_name() {
    let at = |model: &str, version: &str, options: Value| {
        let more = json!({"engineVersion": version, "engineArgs": options});
        let all = findings("transformers-vllm", model, "ml.g6e.2xlarge", more);
        found(&all, "MCC-ENG-008").map(|finding| finding.severity)
    };
    let (named, none) = ("me/mine-8B-bnb-4bit", json!({"seed": 1}));
    let loaded = json!({"load-format": "bitsandbytes"});
    assert_eq!(at(named, "0.28.0", none.clone()), Some(Severity::Warning));
    assert_eq!(at(named, "0.27.1", none.clone()), None, "it is there until then");
    assert_eq!(at("me/mine-8B", "0.28.0", none), None);
    assert_eq!(at("Qwen/Qwen3-8B", "0.28.0", loaded.clone()), Some(Severity::Warning));
    assert_eq!(at("Qwen/Qwen3-8B", "0.27.1", loaded), None);
    let gguf = json!({"load_format": "gguf"});
    assert_eq!(at("Qwen/Qwen3-8B", "0.24.0", gguf.clone()), Some(Severity::Warning));
    assert_eq!(at("Qwen/Qwen3-8B", "0.23.0", gguf), None);
}

#[test]
fn a_config_of_a_newer_generation_of_transformers_is_told() {
    let said = |config: &str, written: &str, more: Value| {
        let model = json!({
            "architectures": ["Qwen3ForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 24,
            "num_attention_heads": 32, "num_key_value_heads": 4, "vocab_size": 151_936,
            "intermediate_size": 6144, "transformers_version": written,
        });
        let mut inputs = object(json!({"modelConfig": model.to_string()}));
        inputs.extend(object(more));
        let all = findings(config, "me/model", "ml.g6e.2xlarge", Value::Object(inputs));
        found(&all, "MCC-MDL-007").map(|finding| format!("{} {}", finding.message, finding.fix))
    };
    let (vllm, lmi, djl) = ("transformers-vllm", "transformers-lmi", "transformers-djl");
    let sglang = "transformers-sglang";
    let old = |version: &str| json!({"engineVersion": version});
    let newest = said(vllm, "5.8.0", old("0.17.0")).expect("vLLM 0.17 takes transformers below 5");
    assert!(newest.contains("5.8.0") && newest.contains("transformers 4 at most"), "{newest}");
    assert!(said(vllm, "5.0.0.dev0", old("0.19.1")).is_some_and(|said| said.contains("5.0.0,")));
    // The image around the engine: LMI 22 has vLLM 0.17, LMI 27 has 0.23.
    for config in [lmi, djl] {
        let around = said(config, "5.8.0", old("22.0.0")).expect("so does the image around it");
        assert!(around.contains("give engineVersion"), "{around}");
    }
    let tagged = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-vllm:0.15.0-transformers4.57.6-gpu-py312-cu129-ubuntu22.04";
    assert!(said(vllm, "5.8.0", json!({"baseImage": tagged})).is_some());
    for (config, written, more) in [
        (vllm, "4.57.1", old("0.17.0")),
        (vllm, "5.8.0", json!({})),
        // No upper bound, and one within the generation.
        (vllm, "5.99.0", old("0.27.1")),
        (sglang, "5.99.0", json!({})),
        (djl, "5.8.0", old("27.0.0")),
        (djl, "4.40.0", old("22.0.0")),
        (vllm, "nightly", old("0.17.0")),
        (vllm, "99999999999999999999", old("0.17.0")),
        (
            vllm,
            "5.8.0",
            json!({"baseImage": tagged.replace("transformers4.57.6", "transformers5.2.0")}),
        ),
    ] {
        assert_eq!(said(config, written, more.clone()), None, "{config} {written} {more}");
    }
}
