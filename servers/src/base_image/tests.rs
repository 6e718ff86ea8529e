//! The tools through a real client.

use serde_json::{Value, json};

use super::SERVER;
use crate::mcp::testing::Peer;

#[tokio::test]
async fn the_image_works_with_model_instance_and_region() {
    let peer = Peer::new(&SERVER, &[]).await;
    let answer = peer
        .succeeds(
            "recommend_image",
            json!({
                "deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B",
                "instanceType": "ml.g5.2xlarge", "region": "eu-central-1",
            }),
        )
        .await;
    assert_eq!(answer["status"], "ok", "{answer:#}");
    let uri = answer["image"]["uri"].as_str().unwrap();
    assert!(uri.contains(".dkr.ecr.eu-central-1.amazonaws.com/"), "{uri}");
    assert_eq!(answer["hostImage"]["fit"], "full");
    assert_eq!(answer["inputs"]["inferenceAmiVersion"], answer["hostImage"]["amiVersion"]);
    assert_eq!(answer["inputs"]["engineVersion"], answer["image"]["version"]);
}

#[tokio::test]
async fn what_does_not_work_is_passed_over_with_the_reason() {
    let peer = Peer::new(&SERVER, &[]).await;
    // A release from before the model's architecture.
    let old = json!({
        "deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B", "engineVersion": "0.7",
    });
    let (answer, _) = peer.call("recommend_image", old).await;
    if answer["status"] == "nothing_fits" {
        assert!(answer["passedOver"][0]["reason"].as_str().unwrap().contains("Qwen3ForCausalLM"));
    } else {
        assert_eq!(answer["error"]["code"], "invalid_arguments", "{answer:#}");
    }
    let processor =
        json!({"deploymentConfig": "transformers-vllm", "instanceType": "ml.m5.xlarge"});
    let answer = peer.succeeds("recommend_image", processor).await;
    assert_eq!(answer["status"], "nothing_fits");
    assert!(
        answer["passedOver"][0]["reason"].as_str().unwrap().contains("it runs on cuda"),
        "{answer:#}"
    );
    let plain = peer.succeeds("recommend_image", json!({"deploymentConfig": "http-flask"})).await;
    assert!(plain["image"]["uri"].as_str().unwrap().contains("python"), "{plain:#}");
}

#[tokio::test]
async fn searches_are_narrowed_and_paged() {
    let peer = Peer::new(&SERVER, &[]).await;
    let all = peer.succeeds("search_images", json!({"limit": 50})).await;
    assert!(all["nextCursor"].is_string());
    let narrow =
        json!({"family": "vllm", "cuda": "13", "platform": "sagemaker", "includeComposed": false});
    let answer = peer.succeeds("search_images", narrow).await;
    let images = answer["images"].as_array().unwrap();
    assert!(!images.is_empty());
    for image in images {
        assert!(image["cuda"].as_str().unwrap().starts_with("13"), "{image}");
        assert_eq!((&image["platform"], &image["listed"]), (&json!("sagemaker"), &json!(true)));
    }
    let none =
        peer.succeeds("search_images", json!({"family": "vllm", "accelerator": "neuron"})).await;
    assert_eq!(none["status"], "nothing_fits");
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let peer = Peer::new(&SERVER, &[]).await;
    for (tool, arguments, code) in [
        ("recommend_image", json!({}), "invalid_arguments"),
        ("recommend_image", json!({"deploymentConfig": "http-flsk"}), "invalid_arguments"),
        (
            "recommend_image",
            json!({"deploymentConfig": "http-flask", "region": "eu-cntral-1"}),
            "invalid_arguments",
        ),
        (
            "recommend_image",
            json!({"deploymentConfig": "http-flask", "instanceType": "ml.q5.xlarge"}),
            "unknown_instance_type",
        ),
        (
            "recommend_image",
            json!({"deploymentConfig": "transformers-vllm", "engineVersion": "99"}),
            "invalid_arguments",
        ),
        (
            "recommend_image",
            json!({"deploymentConfig": "transformers-vllm", "modelName": "no/such"}),
            "unknown_model",
        ),
        ("search_images", json!({"family": "vlm"}), "invalid_arguments"),
        ("search_images", json!({"accelerator": "tpu"}), "invalid_arguments"),
    ] {
        assert_eq!(peer.fails(tool, arguments.clone()).await, code, "{arguments}");
    }
    let near: Value = peer.call("search_images", json!({"family": "vlm"})).await.0;
    assert_eq!(near["error"]["problems"][0]["choices"][0], "vllm");
}
