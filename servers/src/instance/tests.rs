//! The tools through a real client, and the promises of a recommendation.

use serde_json::{Value, json};

use super::SERVER;
use crate::mcp::testing::Peer;

async fn peer() -> Peer {
    Peer::new(&SERVER, &[]).await
}

#[tokio::test]
async fn a_model_gets_the_cheapest_type_that_holds_it() {
    let peer = peer().await;
    let answer = peer
        .succeeds(
            "recommend_instance",
            json!({"modelName": "Qwen/Qwen3-8B", "region": "us-east-1"}),
        )
        .await;
    assert_eq!(answer["status"], "ok");
    let first = &answer["recommendations"][0];
    assert_eq!(first["inputs"]["modelName"], "Qwen/Qwen3-8B");
    assert!(first["memory"]["weightsGib"].as_f64().unwrap() > 14.0, "{first:#}");
    assert!(first["concurrentSequences"].as_f64().unwrap() >= 1.0);
    let usd = |row: &Value| row["price"]["usdPerHour"].as_f64().unwrap();
    let all = answer["recommendations"].as_array().unwrap();
    assert!(all.windows(2).all(|pair| usd(&pair[0]) <= usd(&pair[1])));
    for miss in answer["nearMisses"].as_array().unwrap() {
        assert!(miss["usdPerHour"].as_f64().unwrap() <= usd(first), "{miss}");
        assert!(miss["reason"].as_str().unwrap().len() > 20, "{miss}");
    }
}

/// What is said where nothing runs a packed model is about what was asked for, not about contexts or other models.
#[tokio::test]
async fn of_a_packed_model_only_what_was_asked_for_can_be_less() {
    let peer = peer().await;
    for (asked, reason) in [
        (json!({"deploymentConfig": "http-flask", "budgetUsdPerHour": 0.02}), "above the budget"),
        (
            json!({"deploymentConfig": "http-flask", "engineVersion": "9.9"}),
            "no image of version 9.9",
        ),
    ] {
        let answer = peer.succeeds("recommend_instance", asked).await;
        assert_eq!(answer["status"], "nothing_fits", "{answer:#}");
        assert!(answer["nearMisses"].to_string().contains(reason), "{answer:#}");
        let next = answer["nextSteps"].to_string();
        assert!(next.contains("budget") && !next.contains("maxModelLen"), "{next}");
        assert!(!next.contains("describe_model"), "{next}");
    }
}

/// A diffusion pipeline is known by its id: all its parts are on the device.
#[tokio::test]
async fn a_pipeline_gets_a_type_that_holds_all_its_parts() {
    let peer = peer().await;
    let named = json!({"modelName": "black-forest-labs/FLUX.1-dev"});
    let answer = peer.succeeds("recommend_instance", named.clone()).await;
    let first = &answer["recommendations"][0];
    assert_eq!(first["inputs"]["deploymentConfig"], "diffusors-vllm-omni");
    let weights = first["memory"]["weightsGib"].as_f64().unwrap();
    assert!((31.0..33.0).contains(&weights), "{first:#}");
    for context in ["contextLength", "longestContext", "concurrentSequences", "tokenFloorMs"] {
        assert!(first.get(context).is_none(), "{context}: {first:#}");
    }
    assert_eq!(answer["settings"][0]["key"], "hfTokenArn");
    let mut elsewhere = named;
    elsewhere["deploymentConfig"] = json!("transformers-vllm");
    let refused = peer.call("recommend_instance", elsewhere).await;
    assert!(format!("{refused:?}").contains("serves no diffusion pipelines"), "{refused:?}");
}

#[tokio::test]
async fn what_is_asked_for_is_kept() {
    let peer = peer().await;
    let base = json!({"modelName": "Qwen/Qwen3-32B"});
    let with = |more: Value| {
        let mut all = base.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let first = |answer: &Value| answer["recommendations"][0].clone();
    let plain = first(&peer.succeeds("recommend_instance", base.clone()).await);
    let many = first(&peer.succeeds("recommend_instance", with(json!({"concurrency": 64}))).await);
    assert!(many["concurrentSequences"].as_f64().unwrap() >= 64.0);
    assert!(many["price"]["usdPerHour"].as_f64() >= plain["price"]["usdPerHour"].as_f64());
    let long =
        first(&peer.succeeds("recommend_instance", with(json!({"maxModelLen": 32768}))).await);
    assert!(long["contextLength"] == 32768 && long["inputs"]["maxModelLen"] == 32768);
    let small =
        first(&peer.succeeds("recommend_instance", with(json!({"quantization": "fp8"}))).await);
    assert!(small["memory"]["weightsGib"].as_f64().unwrap() * 1.0 > 0.0);
    assert!(small["price"]["usdPerHour"].as_f64() <= plain["price"]["usdPerHour"].as_f64());
    let poor = peer.succeeds("recommend_instance", with(json!({"budgetUsdPerHour": 0.5}))).await;
    assert_eq!(poor["status"], "nothing_fits");
    let fast =
        first(&peer.succeeds("recommend_instance", with(json!({"prefer": "latency"}))).await);
    assert!(fast["tokenFloorMs"].as_f64() <= plain["tokenFloorMs"].as_f64());
    // A small model does not become faster by seven GPUs that it leaves idle, and the text says what it is ranked by.
    let small = json!({"modelName": "Qwen/Qwen3-0.6B", "prefer": "latency"});
    let answer = peer.succeeds("recommend_instance", small.clone()).await;
    for row in answer["recommendations"].as_array().unwrap() {
        assert!(row.get("idleAccelerators").is_none(), "{row:#}");
    }
    let (said, _) = peer.said("recommend_instance", small.as_object().unwrap().clone()).await;
    assert!(said.contains(" ms for a token"), "{said}");
}

#[tokio::test]
async fn an_unknown_model_is_not_guessed() {
    let peer = peer().await;
    let (answer, failed) =
        peer.call("recommend_instance", json!({"modelName": "Qwen/Qwen3-9000B"})).await;
    assert!(failed);
    assert_eq!(answer["error"]["code"], "unknown_model");
    let problem = &answer["error"]["problems"][0];
    assert!(problem["fix"].as_str().unwrap().contains("modelConfig"), "{problem}");
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
        "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32,
        "vocab_size": 128_256, "max_position_embeddings": 131_072, "torch_dtype": "bfloat16",
    });
    let described = json!({"modelName": "me/mine", "modelConfig": config.to_string()});
    let answer = peer.succeeds("recommend_instance", described).await;
    assert_eq!(answer["model"]["basis"], "config.json");
    let numbers = json!({
        "parameters": 8_030_261_248_u64, "layers": 32, "hiddenSize": 4096, "attentionHeads": 32, "kvHeads": 8,
    });
    let by_numbers = peer.succeeds("recommend_instance", numbers).await;
    assert_eq!(
        by_numbers["recommendations"][0]["instanceType"],
        answer["recommendations"][0]["instanceType"]
    );
    assert_eq!(peer.succeeds("recommend_instance", json!({})).await["status"], "needs_input");
}

#[tokio::test]
async fn predictive_models_get_processors() {
    let peer = peer().await;
    let answer =
        peer.succeeds("recommend_instance", json!({"deploymentConfig": "http-flask"})).await;
    let first = &answer["recommendations"][0];
    assert!(first.get("accelerators").is_none(), "{first:#}");
    let big = json!({"deploymentConfig": "http-flask", "minMemoryGib": 64, "minVcpus": 16});
    let answer = peer.succeeds("recommend_instance", big).await;
    assert!(answer["recommendations"][0]["hostMemoryGib"].as_f64().unwrap() >= 64.0);
    // Triton's images are made for one processor, and a plan refuses the other.
    let packed = json!({"deploymentConfig": "triton-fil", "limit": 20});
    let answer = peer.succeeds("recommend_instance", packed.clone()).await;
    let rows = answer["recommendations"].as_array().unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["arch"] == "x86_64"), "{rows:#?}");
    let mut arm = packed;
    arm["arch"] = json!("arm64");
    assert_eq!(peer.succeeds("recommend_instance", arm).await["status"], "nothing_fits");
}

#[tokio::test]
async fn a_named_type_says_what_it_holds_less_of() {
    let peer = peer().await;
    let model = "Qwen/QwQ-32B-AWQ";
    let compared = |more: Value| {
        let mut asked = json!({"modelName": model, "instanceTypes": ["ml.g5.xlarge"]});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked
    };
    let answer = peer.succeeds("compare_instances", compared(json!({}))).await;
    let fit = &answer["rows"][0]["fit"];
    assert_eq!(fit["inputs"]["maxModelLen"], 2048, "{answer:#}");
    let said = fit.to_string();
    assert!(said.contains("limited to 2048 tokens") && said.contains("too close"), "{said}");
    assert!(answer["assumptions"].to_string().contains("8192 tokens, or the fewer"), "{answer:#}");
    // What was asked for is not shortened.
    let answer = peer.succeeds("compare_instances", compared(json!({"maxModelLen": 8192}))).await;
    assert_eq!(answer["rows"][0]["fit"]["inputs"]["maxModelLen"], 8192, "{answer:#}");
    assert!(!answer.to_string().contains("limited to"), "{answer:#}");
    let answer = peer.succeeds("compare_instances", compared(json!({"maxModelLen": 40960}))).await;
    assert_eq!(answer["rows"][0]["fits"], false, "{answer:#}");
    // Of a model whose cache is not known no context is told.
    let numbers = json!({"parameters": 10_800_000_000_u64, "instanceTypes": ["ml.g5.xlarge"], "maxModelLen": 4096});
    let answer = peer.succeeds("compare_instances", numbers).await;
    assert!(!answer.to_string().contains("limited to"), "{answer:#}");
}

#[tokio::test]
async fn models_and_types_are_compared() {
    let peer = peer().await;
    let answer = peer
        .succeeds(
            "compare_instances",
            json!({
                "modelNames": ["Qwen/Qwen3-8B", "Qwen/Qwen3-32B"],
                "instanceTypes": ["ml.g5.xlarge", "g5.12xlarge", "ml.m5.large", "ml.g4dn.xlarge"],
            }),
        )
        .await;
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    let row = |model: &str, kind: &str| {
        rows.iter().find(|row| row["model"] == model && row["instanceType"] == kind).unwrap()
    };
    assert_eq!(row("Qwen/Qwen3-32B", "ml.g5.12xlarge")["fits"], true);
    assert_eq!(row("Qwen/Qwen3-32B", "ml.g5.xlarge")["fits"], false);
    for row in rows.iter().filter(|row| row["fits"] == false) {
        assert!(row["reason"].as_str().unwrap().len() > 20, "{row}");
    }
    assert_eq!(
        peer.fails("compare_instances", json!({"instanceTypes": []})).await,
        "invalid_arguments"
    );
    let unknown = json!({"modelName": "Qwen/Qwen3-8B", "instanceTypes": ["ml.g5.xlrage"]});
    assert_eq!(peer.fails("compare_instances", unknown).await, "unknown_instance_type");
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let peer = peer().await;
    for arguments in [
        json!({"modelName": "Qwen/Qwen3-8B", "region": "us-esat-1"}),
        json!({"modelName": "Qwen/Qwen3-8B", "quantization": "half-baked"}),
        json!({"modelName": "Qwen/Qwen3-8B", "deploymentConfig": "transformers-vlm"}),
        json!({"modelName": "Qwen/Qwen3-8B", "deploymentTarget": "batch"}),
        json!({"modelName": "Qwen/Qwen3-8B", "maxModelLen": 0}),
        json!({"modelName": "Qwen/Qwen3-8B", "prefr": "cost"}),
        json!({"modelName": 1}),
        json!({"modelConfig": "nonsense"}),
        json!({"modelConfig": "{}"}),
    ] {
        assert_eq!(
            peer.fails("recommend_instance", arguments.clone()).await,
            "invalid_arguments",
            "{arguments}"
        );
    }
}

#[tokio::test]
async fn what_it_was_sized_with_is_what_it_is_served_with() {
    let peer = Peer::new(&SERVER, &[]).await;
    let answer = peer
        .succeeds(
            "recommend_instance",
            json!({
                "modelName": "Qwen/Qwen3-8B", "kvCacheDtype": "fp8", "gpuMemoryUtilization": 0.8,
                "region": "eu-central-1", "maxModelLen": 16384,
            }),
        )
        .await;
    let inputs = &answer["recommendations"][0]["inputs"];
    assert_eq!(inputs["region"], "eu-central-1");
    assert_eq!(inputs["gpuMemoryUtilization"], 0.8);
    assert!(inputs["engineArgs"].to_string().contains("fp8"), "{inputs}");
    // The price is of another Region, and says so wherever it stands.
    assert!(answer["summary"].as_str().unwrap().contains("(us-east-1)"), "{}", answer["summary"]);
    assert!(answer["assumptions"][0].as_str().unwrap().contains("us-east-1"), "{answer:#}");
}

#[tokio::test]
async fn nothing_that_fits_comes_with_what_is_closest() {
    let peer = Peer::new(&SERVER, &[]).await;
    let arguments = json!({"modelName": "Qwen/Qwen3-8B", "budgetUsdPerHour": 1.0});
    let answer = peer.succeeds("recommend_instance", arguments).await;
    assert_eq!(answer["status"], "nothing_fits");
    let misses = answer["nearMisses"].as_array().unwrap();
    assert!(misses[0]["reason"].as_str().unwrap().contains("it would do"), "{misses:?}");
    assert!(misses[0]["usdPerHour"].as_f64().unwrap() < 2.5, "the cheapest: {misses:?}");
    assert!(misses.iter().any(|miss| miss["usdPerHour"].as_f64().unwrap() <= 1.0), "{misses:?}");
    let arguments =
        json!({"modelName": "Qwen/Qwen3-8B", "arch": "arm64", "tensorParallelSize": 64});
    let answer = peer.succeeds("recommend_instance", arguments).await;
    assert!(!answer["nearMisses"].as_array().unwrap().is_empty(), "{answer:#}");
}

#[tokio::test]
async fn a_split_has_a_reason_and_a_smaller_cache_is_offered() {
    let peer = Peer::new(&SERVER, &[]).await;
    let arguments = json!({"modelName": "Qwen/Qwen3-8B", "maxModelLen": 32768, "concurrency": 16});
    let answer = peer.succeeds("recommend_instance", arguments).await;
    let first = &answer["recommendations"][0];
    assert_eq!(first["tensorParallelSize"], 2, "{first:#}");
    let why = first["tensorParallelWhy"].as_str().unwrap();
    assert!(why.contains("fewest") && why.contains("16 are wanted"), "{why}");
    assert!(answer["nextSteps"][0].as_str().unwrap().contains("kvCacheDtype fp8"), "{answer:#}");
}

#[tokio::test]
async fn variants_by_name_lead_to_their_model_and_are_not_guessed() {
    let peer = Peer::new(&SERVER, &[]).await;
    for (name, original) in [
        ("someone/Qwen3-8B-AWQ-INT4", "Qwen/Qwen3-8B"),
        ("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF", "meta-llama/Llama-3.1-8B-Instruct"),
    ] {
        let (answer, failed) = peer.call("recommend_instance", json!({"modelName": name})).await;
        assert!(failed, "{answer:#}");
        assert_eq!(answer["error"]["code"], "unknown_model");
        assert_eq!(answer["error"]["problems"][0]["choices"][0], original, "{answer:#}");
    }
    for (name, said) in [
        ("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF", "GGUF files"),
        ("someone/chat-lora", "the model that it was trained on"),
    ] {
        let (answer, _) = peer.call("recommend_instance", json!({"modelName": name})).await;
        let fix = answer["error"]["problems"][0]["fix"].as_str().unwrap();
        assert!(fix.contains(said) && !fix.contains("raw/main/config.json"), "{fix}");
    }
}

#[tokio::test]
async fn neuron_is_recommended_where_it_is_asked_for() {
    let peer = peer().await;
    let asked = |more: Value| {
        let mut arguments = json!({"modelName": "Qwen/Qwen3-8B", "accelerator": "neuron"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let answer = peer
        .succeeds("recommend_instance", asked(json!({"concurrency": 8, "maxModelLen": 4096})))
        .await;
    let first = &answer["recommendations"][0];
    assert_eq!(first["amiVersion"], "al2-ami-sagemaker-inference-neuron-2", "{first:#}");
    assert_eq!(first["tensorParallelSize"], 2, "cores: {first:#}");
    assert_eq!(first["inputs"]["maxNumSeqs"], 8, "what it was sized with");
    assert_eq!(first["concurrentSequences"], 8.0, "no more than are compiled in");
    for refused in [
        json!({"kvCacheDtype": "fp8"}),
        json!({"deploymentConfig": "transformers-sglang"}),
        json!({"deploymentConfig": "http-flask"}),
    ] {
        let code = peer.fails("recommend_instance", asked(refused.clone())).await;
        assert_eq!(code, "invalid_arguments", "{refused}");
    }
    for ignored in [json!({"quantization": "fp8"}), json!({"gpuMemoryUtilization": 0.8})] {
        let answer = peer.succeeds("recommend_instance", asked(ignored.clone())).await;
        assert_eq!(answer["status"], "nothing_fits", "{ignored}");
    }
    // Each type with what serves on it.
    let both = json!({
        "modelName": "Qwen/Qwen3-8B", "instanceTypes": ["ml.g6.2xlarge", "ml.inf2.8xlarge", "ml.trn2.48xlarge"],
    });
    let answer = peer.succeeds("compare_instances", both).await;
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["fits"] == true).count(), 2, "{answer:#}");
    let other = rows.iter().find(|row| row["fits"] == false).unwrap();
    assert!(other["reason"].as_str().unwrap().contains("Inferentia2 or Trainium"), "{other:#}");
}
