//! The tool through a real client.

use serde_json::{Value, json};

use super::SERVER;
use crate::mcp::testing::Peer;

async fn first(peer: &Peer, arguments: Value) -> Value {
    peer.succeeds("recommend_region", arguments).await["regions"][0].clone()
}

#[tokio::test]
async fn places_lead_to_the_nearest_region() {
    let peer = Peer::new(&SERVER, &[]).await;
    for (near, region) in [
        ("near Tokyo", "ap-northeast-1"),
        ("Prague, Czechia", "eu-central-1"),
        ("Vienna", "eu-central-2"),
        ("London", "eu-west-2"),
        ("Brazil", "sa-east-1"),
        ("Seattle", "us-west-2"),
        ("eu-west-3", "eu-west-3"),
        ("Deutschland", "eu-central-1"),
    ] {
        let found = first(&peer, json!({"near": near, "services": ["sagemaker"]})).await;
        assert_eq!(found["region"], region, "{near}: {found:#}");
    }
    let error = peer.call("recommend_region", json!({"near": "Tokio"})).await.0;
    assert_eq!(error["error"]["code"], "unknown_place");
    assert!(error["error"]["problems"][0]["choices"].as_array().unwrap().contains(&json!("Tokyo")));
}

#[tokio::test]
async fn data_stays_where_it_has_to() {
    let peer = Peer::new(&SERVER, &[]).await;
    let answer = peer
        .succeeds("recommend_region", json!({"residency": "EU", "near": "London", "limit": 50}))
        .await;
    let regions = answer["regions"].as_array().unwrap();
    assert!(regions.len() >= 6);
    for region in regions {
        assert!(
            !["United Kingdom", "Switzerland"].contains(&region["country"].as_str().unwrap()),
            "{region}"
        );
    }
    assert_eq!(regions[0]["region"], "eu-west-3");
    let swiss = first(&peer, json!({"residency": "Switzerland"})).await;
    assert_eq!(swiss["region"], "eu-central-2");
    let china = first(&peer, json!({"partition": "aws-cn"})).await;
    assert!(china["region"].as_str().unwrap().starts_with("cn-"));
}

#[tokio::test]
async fn what_is_needed_decides_and_what_is_unknown_says_so() {
    let peer = Peer::new(&SERVER, &[]).await;
    let answer = peer
        .succeeds(
            "recommend_region",
            json!({"instanceTypes": ["p5.48xlarge"], "deploymentConfig": "transformers-vllm", "near": "Cape Town", "limit": 50}),
        )
        .await;
    let regions = answer["regions"].as_array().unwrap();
    assert_eq!(regions[0]["fits"], true);
    assert_eq!(regions[0]["instanceTypes"][0]["offered"], "yes");
    let cape = regions.iter().find(|region| region["region"] == "af-south-1").unwrap();
    assert_eq!(cape["fits"], false, "{cape:#}");
    assert!(cape["lacks"].as_array().unwrap().contains(&json!("ml.p5.48xlarge")));
    assert!(regions.iter().any(|region| region["instanceTypes"][0]["offered"] == "unknown"));
    let all = peer.succeeds("recommend_region", json!({"limit": 50})).await;
    assert!(all["regions"].as_array().unwrap().len() > 30);
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let peer = Peer::new(&SERVER, &[]).await;
    for (arguments, code) in [
        (json!({"services": ["sagemakr"]}), "invalid_arguments"),
        (json!({"partition": "aws-us"}), "invalid_arguments"),
        (json!({"instanceTypes": ["ml.q5.xlarge"]}), "unknown_instance_type"),
        (json!({"residency": "Atlantis"}), "unknown_place"),
        (json!({"limit": 0}), "invalid_arguments"),
        (json!({"services": 1}), "invalid_arguments"),
        (json!({"services": [1]}), "invalid_arguments"),
    ] {
        assert_eq!(peer.fails("recommend_region", arguments.clone()).await, code, "{arguments}");
    }
}
