//! Pods on a HyperPod cluster.

use mcc_generator::Severity::{Note, Warning};
use serde_json::{Value, json};

use super::says;
use super::support::{object, project};

fn pods(model: &str, kind: &str) -> Value {
    json!({"modelName": model, "hyperpodCluster": "research", "region": "us-east-1", "instanceType": kind})
}

#[test]
fn weights_on_the_node_s_own_disk_are_told_with_their_size() {
    let small = pods("Qwen/Qwen3-8B", "ml.g6e.2xlarge");
    says(&small, &json!({}), "MCC-HP-003", "about 39 GB");
    says(&small, &json!({"fsxVolumeHandle": "fs-0123456789abcdef0"}), "MCC-HP-003", "");
    let in_s3 = json!({"modelName": "s3://models/qwen/", "modelConfig": "Qwen/Qwen3-8B"});
    says(&small, &in_s3, "MCC-HP-003", "");
    says(&json!({"modelName": "Qwen/Qwen3-8B"}), &json!({}), "MCC-HP-003", "");
    let severity = |model: &str, kind: &str| {
        let plan = super::plan(&pods(model, kind), &json!({}));
        super::found(&plan, "MCC-HP-003").map(|finding| finding.severity)
    };
    assert_eq!(severity("Qwen/Qwen3-8B", "ml.g6e.2xlarge"), Some(Note));
    assert_eq!(severity("Qwen/Qwen2.5-72B-Instruct", "ml.p5.48xlarge"), Some(Warning));
}

#[test]
fn a_split_model_needs_shared_memory_that_the_operator_does_not_mount() {
    let split = pods("Qwen/Qwen2.5-72B-Instruct", "ml.p5.48xlarge");
    says(&split, &json!({}), "MCC-HP-004", "give hyperpodManifest deployment");
    says(&split, &json!({"hyperpodManifest": "deployment"}), "MCC-HP-004", "");
    says(&pods("Qwen/Qwen3-8B", "ml.g6e.2xlarge"), &json!({}), "MCC-HP-004", "");
    let mut inputs = object(split);
    inputs.insert("hyperpodManifest".to_owned(), json!("deployment"));
    let made = project(&inputs);
    let text =
        String::from_utf8_lossy(&made.get("k8s/deployment.yaml").unwrap().bytes).into_owned();
    assert!(text.contains("/dev/shm"), "{text}");
}

/// The lines of a Deployment that say how pods are replaced, and what it asks for.
fn deployment(more: &Value) -> String {
    let mut inputs = object(
        json!({"hyperpodCluster": "research", "region": "us-east-1", "hyperpodManifest": "deployment"}),
    );
    inputs.extend(object(more.clone()));
    let made = project(&inputs);
    String::from_utf8_lossy(&made.get("k8s/deployment.yaml").unwrap().bytes).into_owned()
}

#[test]
fn pods_that_take_a_whole_node_make_room_for_their_successors() {
    let whole =
        deployment(&json!({"modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g6e.2xlarge"}));
    assert!(whole.contains("maxSurge: 0") && whole.contains("maxUnavailable: 1"), "{whole}");
    for more in [
        json!({"modelName": "Qwen/Qwen3-8B", "instanceType": "ml.g6e.12xlarge", "hpGpuCount": 1}),
        json!({"framework": "sklearn", "instanceType": "ml.m5.xlarge"}),
    ] {
        let shared = deployment(&more);
        assert!(shared.contains("maxSurge: 1") && shared.contains("maxUnavailable: 0"), "{shared}");
    }
}

#[test]
fn a_packed_model_on_gpus_asks_for_one_where_its_server_uses_it() {
    let of = |config: &str, kind: &str| {
        let text = deployment(&json!({"deploymentConfig": config, "instanceType": kind}));
        text.contains("nvidia.com/gpu: \"1\"") || text.contains("nvidia.com/gpu: '1'")
    };
    assert!(of("triton-pytorch", "ml.g5.2xlarge"));
    assert!(of("triton-fil", "ml.g5.12xlarge"));
    assert!(!of("triton-pytorch", "ml.m5.xlarge"));
    // A handler of one's own may use it or not; the server can.
    assert!(of("triton-python", "ml.g5.2xlarge"));
}
