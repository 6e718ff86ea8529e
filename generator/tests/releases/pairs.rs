//! Releases that are known to fail with a model or an option.

use mcc_generator::Severity;
use serde_json::{Value, json};

use super::{findings, found, spec};

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
