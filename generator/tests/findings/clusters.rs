//! What a plan says of the nodes of a HyperPod cluster that was looked up.

use std::sync::Arc;

use mcc_catalogs::{Catalogs, Cluster, ClusterGroup, ClustersFile, Rows};
use mcc_generator::Plan;
use serde_json::json;

use crate::found;
use crate::support::{merged, object};

/// A type that EC2 counts among the previous generations.
const OLD: &str = "ml.g5.12xlarge";

/// A group of two nodes, of which so many run as `running` says.
fn group(kind: &str, running: Option<u32>) -> ClusterGroup {
    ClusterGroup {
        name: "workers".to_owned(),
        instance: kind.parse().unwrap(),
        current: 2,
        target: 3,
        status: None,
        nodes_in_service: running,
    }
}

/// The plan of pods for `model` on a cluster with this group, without an instance type.
fn pods(model: &str, group: ClusterGroup) -> Plan {
    let cluster = Cluster {
        name: "research".to_owned(),
        region: "us-east-1".parse().unwrap(),
        arn: "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdefghijkl".to_owned(),
        status: "InService".to_owned(),
        eks: Some("arn:aws:eks:us-east-1:123456789012:cluster/research".to_owned()),
        kubernetes: Some("1.33".to_owned()),
        operator: Some("v1.0.0".to_owned()),
        groups: Some(vec![group]),
    };
    let file = ClustersFile { clusters: vec![cluster].into(), ..ClustersFile::default() };
    let catalogs = Arc::clone(Catalogs::shared()).with(Rows::live("SageMaker").with(file));
    let inputs = json!({"projectName": "chat", "modelName": model, "region": "us-east-1",
        "deploymentTarget": "hyperpod-eks", "hyperpodCluster": "research"});
    mcc_generator::plan(&catalogs, &merged(&object(inputs)))
}

fn chosen(plan: &Plan) -> Option<String> {
    let found = plan.inputs.iter().find(|input| input.key == "instanceType")?;
    Some(found.value.as_str().unwrap().to_owned())
}

#[test]
fn nodes_of_a_previous_generation_are_there_all_the_same() {
    let row = Catalogs::embedded().instances().get(OLD).unwrap();
    assert!(!mcc_fit::is_current(row), "{OLD} is current: take another type");
    let plan = pods("Qwen/Qwen3-8B", group(OLD, None));
    assert_eq!(chosen(&plan).as_deref(), Some(OLD), "{:#?}", plan.findings);
    assert!(found(&plan, "MCC-MEM-003").is_none(), "{:#?}", plan.findings);
}

#[test]
fn where_no_node_holds_the_model_the_nodes_are_named_that_were_looked_at() {
    let plan = pods("Qwen/Qwen2.5-72B-Instruct", group("ml.g5.xlarge", None));
    assert_eq!(chosen(&plan), None);
    let finding = found(&plan, "MCC-MEM-003").expect("a finding");
    let words = "no node of the cluster research holds this model with room to spare; its nodes are of ml.g5.xlarge";
    assert!(finding.message.contains(words), "{finding:?}");
    assert!(finding.fix.contains("add nodes to the cluster: ml."), "{finding:?}");
}

#[test]
fn nodes_that_do_not_run_hold_no_model() {
    let plan = |running| pods("Qwen/Qwen3-8B", group("ml.g6e.2xlarge", running));
    for running in [None, Some(2), Some(1)] {
        assert_eq!(chosen(&plan(running)).as_deref(), Some("ml.g6e.2xlarge"), "{running:?}");
    }
    let none = plan(Some(0));
    assert_eq!(chosen(&none), None);
    let finding = found(&none, "MCC-MEM-003").expect("a finding");
    assert!(finding.message.contains("has no nodes that run"), "{finding:?}");
}

#[test]
fn nodes_that_run_it_with_a_reservation_alone_are_named_and_not_chosen() {
    let plan = pods("Qwen/Qwen3-4B-FP8", group(OLD, None));
    assert_eq!(chosen(&plan), None);
    let finding = found(&plan, "MCC-MEM-003").expect("a finding");
    assert!(finding.message.contains("without a reservation"), "{finding:?}");
    assert_eq!(finding.choices, [OLD]);
}
