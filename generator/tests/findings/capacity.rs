//! Reserved capacity that an endpoint is to run in, as an account was found to have it.

use std::sync::Arc;

use mcc_catalogs::{Capacity, CapacityKind, Catalogs, ClustersFile, ClustersListed, Rows};
use mcc_generator::{Finding, Plan, Severity};
use serde_json::{Value, json};

use crate::support::{merged, object};

const REGION: &str = "us-east-1";
const TYPE: &str = "ml.g6e.2xlarge";
const ARN: &str = "arn:aws:sagemaker:us-east-1:123456789012:training-plan/chat";

/// A training plan that takes everything.
fn capacity() -> Capacity {
    Capacity {
        id: ARN.to_owned(),
        region: REGION.parse().unwrap(),
        kind: CapacityKind::TrainingPlan,
        instance: TYPE.parse().unwrap(),
        total: 2,
        free: 2,
        status: "Active".to_owned(),
        targets: vec!["endpoint".to_owned()],
        starts: Some("2026-11-30T08:00:00Z".to_owned()),
        ends: None,
        zone: Some("us-east-1a".to_owned()),
    }
}

/// The plan of an endpoint in the capacity `named`, with `more`, where `rows` were found; whether those are all, if
/// that was said.
fn plan(named: &str, rows: Vec<Capacity>, all: Option<bool>, more: &Value) -> Plan {
    let region = REGION.parse().unwrap();
    let listed = all.map(|capacity| ClustersListed { region, clusters: true, capacity });
    let file = ClustersFile {
        capacity: rows.into(),
        listed: listed.into_iter().collect::<Vec<_>>().into(),
        ..ClustersFile::default()
    };
    let catalogs = Arc::clone(Catalogs::shared()).with(Rows::live("SageMaker").with(file));
    let mut inputs =
        object(json!({"projectName": "chat", "modelName": "Qwen/Qwen3-8B", "region": REGION,
        "instanceType": TYPE, "capacityReservationArn": named}));
    inputs.extend(object(more.clone()));
    mcc_generator::plan(&catalogs, &merged(&inputs))
}

/// The findings of these rules, none of which is an error: who looked may have looked wrong.
fn met(plan: &Plan) -> Vec<(&str, &Finding)> {
    let of = plan.findings.iter().filter(|finding| finding.id.starts_with("MCC-CAP-"));
    of.inspect(|finding| assert!(!finding.is_error(), "{finding:?}"))
        .map(|finding| (finding.id.as_str(), finding))
        .collect()
}

/// That the plan has this finding alone, with these words.
fn says(plan: &Plan, id: &str, words: &[&str]) {
    let met = met(plan);
    let ids: Vec<&str> = met.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [id]);
    let text = format!("{}\n{}", met[0].1.message, met[0].1.fix);
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn capacity_that_is_right_or_that_nobody_looked_at_is_not_told() {
    let none = json!({});
    assert!(met(&plan(ARN, vec![capacity()], Some(true), &none)).is_empty());
    assert!(met(&plan(ARN, vec![capacity()], None, &none)).is_empty());
    assert!(met(&plan(ARN, Vec::new(), None, &none)).is_empty());
    // Jobs and pods take no such input.
    let job = json!({"deploymentTarget": "batch-transform"});
    assert!(met(&plan(ARN, Vec::new(), Some(true), &job)).is_empty());
}

#[test]
fn a_training_plan_that_was_not_found_is_told_where_all_were_listed() {
    let other = format!("{ARN}-old");
    let gone = plan(&other, vec![capacity()], Some(true), &json!({}));
    says(&gone, "MCC-CAP-001", &["has ended, failed or is not there", ARN]);
    assert_eq!(met(&gone)[0].1.choices, [ARN]);
    let part = plan(&other, vec![capacity()], Some(false), &json!({}));
    says(&part, "MCC-CAP-005", &["not all were"]);
    assert_eq!(met(&part)[0].1.severity, Severity::Note);
    // Other reservations are in no list.
    let reservation = ARN.replace("training-plan", "ml-reservation");
    says(
        &plan(&reservation, vec![capacity()], Some(true), &json!({})),
        "MCC-CAP-005",
        &["the kind ml-reservation"],
    );
}

#[test]
fn each_way_in_which_capacity_does_not_suit_is_told_with_its_fix() {
    let of = |row: Capacity, more: Value| plan(ARN, vec![row], Some(true), &more);
    let other =
        of(Capacity { instance: "ml.p5.48xlarge".parse().unwrap(), ..capacity() }, json!({}));
    says(&other, "MCC-CAP-002", &["instances of ml.p5.48xlarge", TYPE, "instanceType"]);

    let later = Capacity { status: "Scheduled".to_owned(), ..capacity() };
    says(&of(later, json!({})), "MCC-CAP-003", &["is Scheduled", "begins at 2026-11-30T08:00:00Z"]);
    let training = Capacity { targets: vec!["training-job".to_owned()], ..capacity() };
    says(&of(training, json!({})), "MCC-CAP-003", &["bought for training-job"]);
    let both = vec!["training-job".to_owned(), "endpoint".to_owned()];
    assert!(met(&of(Capacity { targets: both, ..capacity() }, json!({}))).is_empty());
    // What it is for is not always said.
    assert!(met(&of(Capacity { targets: Vec::new(), ..capacity() }, json!({}))).is_empty());

    let two = json!({"endpointInitialInstanceCount": 2});
    assert!(met(&of(capacity(), two.clone())).is_empty());
    let busy = Capacity { free: 1, ..capacity() };
    says(
        &of(busy, two.clone()),
        "MCC-CAP-004",
        &["1 of its 2", "runs 2 at the start", "this project's own"],
    );
    let small = Capacity { total: 1, free: 1, ..capacity() };
    says(&of(small, two), "MCC-CAP-004", &["1 of its 1", "run at most 1"]);
    let scaled = json!({"autoscalingMin": 1, "autoscalingMax": 4});
    says(&of(capacity(), scaled), "MCC-CAP-004", &["runs 4 at most"]);

    let ends = Capacity { ends: Some("2026-12-24T08:00:00Z".to_owned()), ..capacity() };
    says(&of(ends, json!({})), "MCC-CAP-005", &["ends at 2026-12-24T08:00:00Z"]);
    let inside = json!({"vpcSubnets": ["subnet-0a1b2c3d4e5f67890"], "vpcSecurityGroups": ["sg-0a1b2c3d4e5f67890"]});
    says(&of(capacity(), inside), "MCC-CAP-005", &["us-east-1a", "vpcSubnets"]);
}
