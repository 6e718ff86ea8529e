//! The tools through a real client.

use serde_json::json;

use super::SERVER;
use crate::mcp::testing::Peer;

#[tokio::test]
async fn copies_are_counted_by_node_and_group() {
    let peer = Peer::new(&SERVER, &[]).await;
    let answer = peer
        .succeeds(
            "fit_hyperpod",
            json!({
                "modelName": "Qwen/Qwen3-8B",
                "nodeGroups": [
                    {"instanceType": "ml.g5.12xlarge", "count": 3},
                    {"instanceType": "ml.c5.large", "count": 10},
                ],
            }),
        )
        .await;
    let groups = answer["groups"].as_array().unwrap();
    let first = &groups[0];
    assert_eq!(first["instanceType"], "ml.g5.12xlarge");
    let degree = first["fit"]["tensorParallelSize"].as_u64().unwrap();
    assert_eq!(first["copiesPerNode"].as_u64(), Some(4 / degree));
    assert_eq!(first["copies"].as_u64(), Some(3 * (4 / degree)));
    assert_eq!(first["fit"]["inputs"]["deploymentTarget"], "hyperpod-eks");
    assert_eq!(first["fit"]["inputs"]["hyperpodReplicas"], first["copies"]);
    assert_eq!(groups[1]["copies"], 0);
    assert!(groups[1]["reason"].as_str().unwrap().contains("cuda"), "{answer:#}");
}

#[tokio::test]
async fn too_small_a_cluster_gets_suggestions() {
    let peer = Peer::new(&SERVER, &[]).await;
    let answer = peer
        .succeeds(
            "fit_hyperpod",
            json!({"modelName": "Qwen/Qwen3-32B", "nodeGroups": [{"instanceType": "g5.xlarge", "count": 50}]}),
        )
        .await;
    assert_eq!(answer["status"], "nothing_fits");
    let would: Vec<&str> =
        answer["wouldFit"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(!would.is_empty());
    for name in would {
        let row = mcc_catalogs::Catalogs::embedded().instances().get(name).unwrap();
        assert!(row.hyperpod, "{name}");
    }
}

#[tokio::test]
async fn what_it_takes_is_said() {
    let peer = Peer::new(&SERVER, &[]).await;
    let answer = peer.succeeds("describe_hyperpod", json!({"region": "us-east-1"})).await;
    assert_eq!(answer["regions"], json!(["us-east-1"]));
    assert!(answer["steps"][0]["command"].as_str().unwrap().contains("--region us-east-1"));
    assert!(answer["operator"]["customResources"].as_array().unwrap().len() >= 3);
    assert!(answer["instanceTypes"].as_array().unwrap().len() > 20);
    let nowhere = peer.succeeds("describe_hyperpod", json!({"region": "cn-north-1"})).await;
    assert_eq!(nowhere["regions"], json!([]));
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let peer = Peer::new(&SERVER, &[]).await;
    let group = json!([{"instanceType": "ml.g5.xlarge", "count": 1}]);
    for (tool, arguments, code) in [
        ("fit_hyperpod", json!({"modelName": "Qwen/Qwen3-8B"}), "invalid_arguments"),
        (
            "fit_hyperpod",
            json!({"modelName": "Qwen/Qwen3-8B", "nodeGroups": []}),
            "invalid_arguments",
        ),
        (
            "fit_hyperpod",
            json!({"modelName": "Qwen/Qwen3-8B", "nodeGroups": ["ml.g5.xlarge"]}),
            "invalid_arguments",
        ),
        (
            "fit_hyperpod",
            json!({"modelName": "Qwen/Qwen3-8B", "nodeGroups": [{"count": 1}]}),
            "invalid_arguments",
        ),
        (
            "fit_hyperpod",
            json!({"modelName": "Qwen/Qwen3-8B", "nodeGroups": [{"instanceType": "ml.g5.xlarge", "count": -1}]}),
            "invalid_arguments",
        ),
        (
            "fit_hyperpod",
            json!({"modelName": "Qwen/Qwen3-8B", "nodeGroups": [{"instanceType": "ml.q5.xlarge", "count": 1}]}),
            "unknown_instance_type",
        ),
        ("fit_hyperpod", json!({"nodeGroups": group}), "invalid_arguments"),
        ("fit_hyperpod", json!({"modelName": "no/such", "nodeGroups": group}), "unknown_model"),
        ("describe_hyperpod", json!({"region": "nowhere-1"}), "invalid_arguments"),
    ] {
        assert_eq!(peer.fails(tool, arguments.clone()).await, code, "{arguments}");
    }
}
