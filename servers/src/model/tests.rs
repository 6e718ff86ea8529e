//! The tools through a real client.

use serde_json::{Value, json};

use super::SERVER;
use crate::mcp::testing::Peer;

async fn peer() -> Peer {
    Peer::new(&SERVER, &[]).await
}

fn names(answer: &Value) -> Vec<&str> {
    answer["models"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn loose_names_find_models() {
    let peer = peer().await;
    for (query, expected) in [
        ("llama 3.1 8b", "meta-llama/Llama-3.1-8B-Instruct"),
        ("qwen3 8b", "Qwen/Qwen3-8B"),
        ("Qwen/Qwen3-32B", "Qwen/Qwen3-32B"),
    ] {
        let answer = peer.succeeds("search_models", json!({ "query": query })).await;
        assert!(names(&answer).contains(&expected), "{query}: {:?}", names(&answer));
    }
    let exact = peer.succeeds("search_models", json!({"query": "Qwen/Qwen3-32B"})).await;
    assert_eq!(names(&exact)[0], "Qwen/Qwen3-32B");
    let typo = peer.succeeds("search_models", json!({"query": "Qwne/Qwen3-8B"})).await;
    assert_eq!(typo["approximate"], true);
    assert!(names(&typo).contains(&"Qwen/Qwen3-8B"));
    let none = peer.succeeds("search_models", json!({"query": "zzzzzzzzzz"})).await;
    assert_eq!(none["status"], "nothing_found");
}

#[tokio::test]
async fn ids_of_jumpstart_are_known() {
    let peer = peer().await;
    let id = "deepseek-llm-r1-distill-llama-8b";
    let hub = "deepseek-ai/DeepSeek-R1-Distill-Llama-8B";
    let found = peer.succeeds("search_models", json!({"query": id})).await;
    assert_eq!(names(&found), [hub]);
    let described = peer.succeeds("describe_model", json!({"modelName": id})).await;
    assert!(described.to_string().contains(hub), "{described:#}");
    // One that the catalog does not size: its description is in the right repository.
    let catalogs = mcc_catalogs::Catalogs::embedded();
    let unknown = catalogs
        .jumpstart()
        .iter()
        .find(|row| catalogs.models().get(row.hugging_face.as_str()).is_none())
        .expect("a model that only JumpStart has");
    let (refused, _) = peer.call("describe_model", json!({"modelName": unknown.id})).await;
    assert!(refused.to_string().contains(unknown.hugging_face.as_str()), "{refused:#}");
}

#[tokio::test]
async fn filters_are_kept_and_pages_join() {
    let peer = peer().await;
    let filter = json!({"license": "apache", "maxParameters": 10_000_000_000_u64, "gated": false, "limit": 7});
    let mut seen: Vec<String> = Vec::new();
    let mut arguments = filter.clone();
    loop {
        let answer = peer.succeeds("search_models", arguments.clone()).await;
        for model in answer["models"].as_array().unwrap() {
            assert!(model["license"].as_str().unwrap().contains("apache"), "{model}");
            assert!(model["parameters"].as_u64().unwrap() <= 10_000_000_000);
            assert_ne!(model["gated"], true);
            seen.push(model["name"].as_str().unwrap().to_owned());
        }
        match answer.get("nextCursor") {
            Some(cursor) => arguments["cursor"] = cursor.clone(),
            None => break,
        }
    }
    assert!(seen.len() > 7, "{seen:?}");
    let mut distinct = seen.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), seen.len());
    // One of several licences is enough, and what is between the commas may be nothing.
    let of = async |license: &str| {
        let answer = peer.succeeds("search_models", json!({"license": license, "limit": 50})).await;
        let models = answer["models"].as_array().unwrap().clone();
        let licences = models.iter().map(|model| model["license"].as_str().unwrap().to_owned());
        licences.collect::<std::collections::BTreeSet<String>>()
    };
    let both = of("mit, apache,").await;
    assert!(both.contains("mit") && both.contains("apache-2.0"), "{both:?}");
    assert!(both.iter().all(|one| one.contains("mit") || one.contains("apache")), "{both:?}");
}

#[tokio::test]
async fn every_model_of_the_catalog_is_described() {
    let peer = peer().await;
    let mut sized = 0;
    for model in mcc_catalogs::Catalogs::embedded().models().iter() {
        let (answer, failed) =
            peer.call("describe_model", json!({"modelName": model.id.as_str()})).await;
        if failed {
            assert_eq!(answer["error"]["code"], "model_not_sized", "{answer:#}");
            continue;
        }
        sized += 1;
        assert_eq!(answer["gated"].as_bool(), model.gated, "{}", model.id);
        let wants = answer["settings"]
            .as_array()
            .is_some_and(|settings| settings.iter().any(|setting| setting["key"] == "hfTokenArn"));
        assert_eq!(wants, model.gated == Some(true), "{}", model.id);
    }
    assert!(sized > 140, "{sized}");
}

#[tokio::test]
async fn other_places_are_recognised() {
    let peer = peer().await;
    for (name, kind) in [
        ("s3://bucket/models/mine/", "s3_prefix"),
        ("s3://bucket/models/mine.tar.gz", "s3_archive"),
        ("/opt/ml/model", "local_path"),
        ("./model.pkl", "local_path"),
        ("arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1", "model_package"),
        ("registry://churn/3", "registry"),
    ] {
        let answer = peer.succeeds("describe_model", json!({ "modelName": name })).await;
        assert_eq!(answer["kind"], kind, "{name}");
        assert!(!answer["nextSteps"].as_array().unwrap().is_empty());
    }
    for name in ["one", "a b/c", "s3://", "arn:aws:iam::123456789012:role/x", "no/such-model"] {
        let code = peer.fails("describe_model", json!({ "modelName": name })).await;
        assert_eq!(code, "unknown_model", "{name}");
    }
}

#[tokio::test]
async fn a_configuration_describes_what_the_catalog_lacks() {
    let peer = peer().await;
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
        "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32,
        "vocab_size": 128_256, "max_position_embeddings": 131_072, "torch_dtype": "bfloat16",
        "auto_map": {"AutoModelForCausalLM": "modeling.Mine"},
    });
    let arguments = json!({"modelName": "me/mine", "modelConfig": config.to_string()});
    let answer = peer.succeeds("describe_model", arguments).await;
    assert_eq!(answer["kind"], "described");
    assert_eq!(answer["model"]["kvBytesPerToken"], 131_072);
    assert_eq!(answer["kvCacheGib"]["8192"], 1.0);
    let keys: Vec<&Value> =
        answer["settings"].as_array().unwrap().iter().map(|s| &s["key"]).collect();
    assert!(
        keys.contains(&&json!("trustRemoteCode")) && keys.contains(&&json!("modelConfig")),
        "{keys:?}"
    );
    let served = answer["servedBy"].as_array().unwrap();
    assert!(served.iter().any(|by| by["support"] == "supported"), "{answer:#}");
}
