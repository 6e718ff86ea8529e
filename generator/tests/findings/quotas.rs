//! What an account was found to have: quotas and HyperPod clusters.

use std::sync::Arc;

use mcc_catalogs::{
    Catalogs, Cluster, ClusterGroup, ClustersFile, ClustersListed, QuotaRow, QuotaUse, QuotasFile,
    Rows,
};
use mcc_generator::{Finding, Plan, Severity};
use serde_json::{Value, json};

use crate::found;
use crate::support::{merged, object};

const REGION: &str = "us-east-1";
const TYPE: &str = "ml.g6e.2xlarge";

/// The plan of a project on `TYPE` for a model, with `more`, where `said` was looked up.
fn plan(said: Rows, more: &Value) -> Plan {
    let catalogs = Arc::clone(Catalogs::shared()).with(said);
    let mut inputs = object(
        json!({"projectName": "chat", "modelName": "Qwen/Qwen3-8B", "region": REGION, "instanceType": TYPE}),
    );
    inputs.extend(object(more.clone()));
    mcc_generator::plan(&catalogs, &merged(&inputs))
}

/// A quota of `TYPE`.
fn quota(used_for: QuotaUse, limit: u32, in_use: Option<u32>) -> Rows {
    let row = QuotaRow {
        region: REGION.parse().unwrap(),
        used_for,
        name: TYPE.parse().unwrap(),
        limit,
        in_use,
        at_least: false,
        code: None,
    };
    Rows::live("AWS quotas").with(QuotasFile { quotas: vec![row].into(), ..QuotasFile::default() })
}

/// The finding of a rule, which is never an error: who looked may have looked wrong.
fn told<'a>(plan: &'a Plan, id: &str) -> Option<&'a Finding> {
    found(plan, id).inspect(|finding| assert!(!finding.is_error(), "{finding:?}"))
}

#[test]
fn a_quota_that_is_too_small_is_told_with_how_to_get_more() {
    let endpoint =
        |limit, in_use, more: Value| plan(quota(QuotaUse::Endpoint, limit, in_use), &more);
    let none = endpoint(0, None, json!({}));
    let finding = told(&none, "MCC-QTA-001").expect("a finding");
    assert!(finding.message.contains(" is 0") && finding.fix.contains("ask for 1 or more"));
    assert!(!finding.choices.is_empty() && !finding.choices.iter().any(|name| name == TYPE));
    // As many as are started, at the beginning and at most.
    let two = |limit| endpoint(limit, None, json!({"endpointInitialInstanceCount": 2}));
    assert!(told(&two(1), "MCC-QTA-001").is_some_and(|f| f.message.contains("2 are needed")));
    assert!(told(&two(2), "MCC-QTA-001").is_none());
    let scaled = |limit| endpoint(limit, None, json!({"autoscalingMin": 1, "autoscalingMax": 4}));
    let finding = scaled(3);
    let finding = told(&finding, "MCC-QTA-001").expect("a finding");
    assert!(finding.message.contains("autoscaling stops") && finding.choices.is_empty());
    assert!(told(&scaled(4), "MCC-QTA-001").is_none());
    // Those in use may be the project's own.
    let full = endpoint(2, Some(2), json!({}));
    let finding = told(&full, "MCC-QTA-001").expect("a finding");
    assert!(finding.fix.contains("this project's own"), "{finding:?}");
    assert!(told(&endpoint(2, Some(1), json!({})), "MCC-QTA-001").is_none());
    // A quota of another use says nothing, and neither does one that nobody knows.
    let other = plan(quota(QuotaUse::Transform, 0, None), &json!({}));
    assert!(told(&other, "MCC-QTA-001").is_none());
    assert!(told(&plan(Rows::live("AWS quotas"), &json!({})), "MCC-QTA-001").is_none());
}

#[test]
fn an_update_needs_room_beside_what_runs() {
    let endpoint = |limit, more: Value| plan(quota(QuotaUse::Endpoint, limit, None), &more);
    let tight = endpoint(1, json!({}));
    let finding = told(&tight, "MCC-QTA-002").expect("a finding");
    assert_eq!(finding.severity, Severity::Note);
    assert!(finding.message.contains("runs up to 2"), "{finding:?}");
    assert!(told(&endpoint(2, json!({})), "MCC-QTA-002").is_none());
    // What cannot be started at all is told once.
    let none = endpoint(0, json!({}));
    assert!(told(&none, "MCC-QTA-002").is_none() && told(&none, "MCC-QTA-001").is_some());
    let job = json!({"deploymentTarget": "batch-transform"});
    assert!(told(&plan(quota(QuotaUse::Transform, 1, None), &job), "MCC-QTA-002").is_none());
}

#[test]
fn the_first_steps_ask_for_a_quota_only_where_it_is_not_known_to_be_enough() {
    let step = |said: Rows| {
        let plan = plan(said, &json!({}));
        plan.first_steps.into_iter().find(|step| step.contains("request the quota"))
    };
    let unknown = step(quota(QuotaUse::Transform, 5, None)).expect("a step");
    assert!(unknown.ends_with("if it is below 1"), "{unknown}");
    assert_eq!(step(quota(QuotaUse::Endpoint, 5, None)), None);
    let none = step(quota(QuotaUse::Endpoint, 0, None)).expect("a step");
    assert!(none.ends_with("in us-east-1: it is 0, below 1"), "{none}");
}

#[test]
fn a_fix_says_which_quotas_are_not_known() {
    let row = |name: &str, limit| QuotaRow {
        region: REGION.parse().unwrap(),
        used_for: QuotaUse::Endpoint,
        name: name.parse().unwrap(),
        limit,
        in_use: None,
        at_least: false,
        code: None,
    };
    let fix = |rows: Vec<QuotaRow>| {
        let file = QuotasFile { quotas: rows.into(), ..QuotasFile::default() };
        let plan = plan(Rows::live("AWS quotas").with(file), &json!({}));
        let finding = told(&plan, "MCC-QTA-001").expect("a finding");
        (finding.fix.clone(), finding.choices.clone())
    };
    let (unknown, choices) = fix(vec![row(TYPE, 0)]);
    assert!(unknown.contains("the account's quotas of them are not known"), "{unknown}");
    let rows: Vec<QuotaRow> = choices.iter().map(|name| row(name, 3)).collect();
    let (all, _) = fix([vec![row(TYPE, 0)], rows.clone()].concat());
    assert!(all.contains("the account's quotas allow each of them"), "{all}");
    let (some, _) = fix([vec![row(TYPE, 0)], rows.into_iter().skip(1).collect()].concat());
    let words = format!("the account's quota of {} is not known", choices[0]);
    assert!(some.contains(&words), "{some}");
}

/// A cluster that takes everything.
fn cluster() -> Cluster {
    let group = ClusterGroup {
        name: "workers".to_owned(),
        instance: TYPE.parse().unwrap(),
        current: 2,
        target: 2,
        status: None,
        nodes_in_service: None,
    };
    Cluster {
        name: "research".to_owned(),
        region: REGION.parse().unwrap(),
        arn: "arn:aws:sagemaker:us-east-1:123456789012:cluster/abcdefghijkl".to_owned(),
        status: "InService".to_owned(),
        eks: Some("arn:aws:eks:us-east-1:123456789012:cluster/research".to_owned()),
        kubernetes: Some("1.33".to_owned()),
        operator: Some("v1.0.0".to_owned()),
        groups: Some(vec![group]),
    }
}

/// The plan of pods on the cluster `named`, where `clusters` were found; whether those are all, if that was said.
fn pods(named: &str, clusters: Vec<Cluster>, all: Option<bool>) -> Plan {
    let listed: Vec<ClustersListed> = all
        .map(|clusters| ClustersListed {
            region: REGION.parse().unwrap(),
            clusters,
            capacity: false,
        })
        .into_iter()
        .collect();
    let file = ClustersFile {
        clusters: clusters.into(),
        listed: listed.into(),
        ..ClustersFile::default()
    };
    plan(Rows::live("SageMaker").with(file), &json!({"hyperpodCluster": named}))
}

const RULES: [&str; 3] = ["MCC-HP-005", "MCC-HP-006", "MCC-HP-007"];

/// Which of the rules have a finding.
fn met(plan: &Plan) -> Vec<&'static str> {
    RULES.into_iter().filter(|id| told(plan, id).is_some()).collect()
}

#[test]
fn a_cluster_that_was_found_is_taken_by_name_and_by_arn() {
    for named in ["research", &cluster().arn] {
        for all in [None, Some(true), Some(false)] {
            assert!(met(&pods(named, vec![cluster()], all)).is_empty(), "{named}");
        }
    }
    // Nobody looked.
    assert!(met(&pods("research", Vec::new(), None)).is_empty());
}

#[test]
fn a_cluster_that_was_not_found_is_told_where_all_were_listed() {
    let near = pods("reserch", vec![cluster()], Some(true));
    assert_eq!(met(&near), ["MCC-HP-005"]);
    assert_eq!(told(&near, "MCC-HP-005").unwrap().choices, ["research"]);
    let none = pods("research", Vec::new(), Some(true));
    let finding = told(&none, "MCC-HP-005").expect("a finding");
    assert!(finding.message.contains("no HyperPod cluster was found"), "{finding:?}");
    // It may be among those that were not listed.
    assert!(met(&pods("reserch", vec![cluster()], Some(false))).is_empty());
}

#[test]
fn pods_need_nodes_of_their_type() {
    let groups = |kind: &str, current| {
        let group = cluster().groups.unwrap().remove(0);
        let group = ClusterGroup { instance: kind.parse().unwrap(), current, ..group };
        pods("research", vec![Cluster { groups: Some(vec![group]), ..cluster() }], Some(true))
    };
    let other = groups("ml.g6e.4xlarge", 1);
    assert_eq!(met(&other), ["MCC-HP-006"]);
    let finding = told(&other, "MCC-HP-006").unwrap();
    assert!(finding.message.contains("it has ml.g6e.4xlarge"), "{finding:?}");
    assert_eq!(finding.choices, ["ml.g6e.4xlarge"]);
    let stopped = groups(TYPE, 0);
    let finding = told(&stopped, "MCC-HP-006").expect("a finding");
    assert!(finding.message.contains("no nodes that run"), "{finding:?}");
    assert!(met(&groups(TYPE, 1)).is_empty());
    let group = cluster().groups.unwrap().remove(0);
    let group = ClusterGroup { nodes_in_service: Some(0), ..group };
    let failed = pods("research", vec![Cluster { groups: Some(vec![group]), ..cluster() }], None);
    let finding = told(&failed, "MCC-HP-006").expect("a finding");
    let words = format!("none of the 2 nodes of {TYPE} in research runs");
    assert!(finding.message.contains(&words), "{finding:?}");
    let unread = pods("research", vec![Cluster { groups: None, ..cluster() }], Some(true));
    assert!(met(&unread).is_empty());
}

#[test]
fn a_cluster_has_to_take_the_manifest() {
    let of = |cluster: Cluster| pods("research", vec![cluster], Some(true));
    let slurm = of(Cluster { eks: None, ..cluster() });
    assert_eq!(met(&slurm), ["MCC-HP-007"]);
    // One that could not be described may have an EKS cluster.
    assert!(met(&of(Cluster { eks: None, groups: None, ..cluster() })).is_empty());
    let starting = of(Cluster { status: "Creating".to_owned(), ..cluster() });
    assert!(told(&starting, "MCC-HP-007").is_some_and(|f| f.message.contains("Creating")));
    let without = of(Cluster { operator: Some(String::new()), ..cluster() });
    let finding = told(&without, "MCC-HP-007").expect("a finding");
    assert!(finding.fix.contains("deployment") && finding.message.contains("Helm"), "{finding:?}");
    // Whether there is one could not be read.
    assert!(met(&of(Cluster { operator: None, ..cluster() })).is_empty());
}
