//! What answers say of an account that was looked at: nodes that do not run, quotas, and what was not read.

use std::sync::Arc;

use mcc_catalogs::{
    Catalogs, Cluster, ClusterGroup, ClustersFile, ClustersListed, Model, ModelsFile, Only,
    QuotaRow, QuotaUse, QuotasFile, Rows,
};
use serde_json::{Value, json};

use super::{DAY, GGUF, NEW, REGION, answer, live, planned};

/// A cluster with a group of two nodes of three, of which one runs, and without an operator as an add-on.
fn clusters() -> ClustersFile {
    let group = ClusterGroup {
        name: "workers".into(),
        instance: "ml.g5.12xlarge".parse().unwrap(),
        current: 2,
        target: 3,
        status: None,
        nodes_in_service: Some(1),
    };
    let cluster = Cluster {
        name: "c1".into(),
        region: REGION.parse().unwrap(),
        arn: "arn:aws:sagemaker:us-west-2:123456789012:cluster/abc123".into(),
        status: "InService".into(),
        eks: Some("arn:aws:eks:us-west-2:123456789012:cluster/c1".into()),
        kubernetes: Some("1.33".into()),
        operator: Some(String::new()),
        groups: Some(vec![group]),
    };
    ClustersFile { as_of: DAY.into(), clusters: vec![cluster].into(), ..ClustersFile::default() }
}

fn with(file: ClustersFile) -> Arc<Catalogs> {
    Arc::new(Catalogs::shared().with(Rows::live("AWS clusters of us-west-2").with(file)))
}

#[test]
fn only_nodes_that_run_are_counted() {
    let all = with(clusters());
    let told = answer(&all, "describe_hyperpod", json!({"region": REGION}));
    let group = &told["clusters"][0]["nodeGroups"][0];
    assert_eq!(
        (&group["count"], &group["notRunning"], &group["target"]),
        (&json!(1), &json!(1), &json!(3)),
        "{group:#}"
    );
    let asked = json!({"modelName": "Qwen/Qwen3-8B", "region": REGION, "hyperpodCluster": "c1"});
    let fit = answer(&all, "fit_hyperpod", asked.clone());
    let group = &fit["groups"][0];
    assert_eq!(group["nodes"], 1, "{fit:#}");
    assert_eq!(group["copies"], group["copiesPerNode"]);
    let words = "nodes that do not run are not counted: 1 of ml.g5.12xlarge";
    assert!(fit["assumptions"].to_string().contains(words), "{fit:#}");
    // Nodes that somebody gives are those that there are.
    let mut given = asked;
    given["nodeGroups"] = json!([{"instanceType": "ml.g5.12xlarge", "count": 2}]);
    let fit = answer(&all, "fit_hyperpod", given);
    assert_eq!(fit["groups"][0]["nodes"], 2, "{fit:#}");
    assert!(!fit["assumptions"].to_string().contains("not counted"), "{fit:#}");
}

#[test]
fn an_operator_without_an_add_on_may_be_there_by_helm() {
    let told = answer(&with(clusters()), "describe_hyperpod", json!({"region": REGION}));
    let operator = told["clusters"][0]["operator"].as_str().unwrap();
    assert!(operator.contains("no add-on") && operator.contains("Helm"), "{operator}");
}

#[test]
fn an_answer_of_which_nothing_was_looked_up_says_that_it_is_static() {
    let listed = |clusters| {
        let row = ClustersListed { region: REGION.parse().unwrap(), clusters, capacity: true };
        let file =
            ClustersFile { as_of: DAY.into(), listed: vec![row].into(), ..Default::default() };
        answer(&with(file), "describe_hyperpod", json!({"region": REGION}))["mode"].clone()
    };
    assert_eq!(listed(false), "static");
    // That there is none is something.
    assert_eq!(listed(true), "smart");
}

fn quotas(limits: &[(&str, u32)]) -> Arc<Catalogs> {
    let row = |(name, limit): &(&str, u32)| QuotaRow {
        region: REGION.parse().unwrap(),
        used_for: QuotaUse::Endpoint,
        name: name.parse().unwrap(),
        limit: *limit,
        in_use: None,
        at_least: false,
        code: None,
    };
    let rows: Vec<QuotaRow> = limits.iter().map(row).collect();
    let file = QuotasFile { as_of: DAY.into(), quotas: rows.into(), ..QuotasFile::default() };
    Arc::new(Catalogs::shared().with(Rows::live("AWS quotas of us-west-2").with(file)))
}

#[test]
fn a_type_of_a_previous_generation_is_named_where_the_account_is_allowed_no_other() {
    let next = |catalogs: &Arc<Catalogs>| {
        let asked = json!({"modelName": "Qwen/Qwen3-8B", "region": REGION});
        let found = answer(catalogs, "recommend_instance", asked);
        let first = found["recommendations"][0]["instanceType"].as_str().unwrap().to_owned();
        (first, found["nextSteps"].to_string())
    };
    let old =
        [("ml.g5.xlarge", 2), ("ml.g5.2xlarge", 1), ("ml.g6.xlarge", 0), ("ml.g6.2xlarge", 0)];
    let (first, steps) = next(&quotas(&old));
    assert!(!first.starts_with("ml.g5."), "{first}");
    assert!(steps.contains("ml.g5.") && steps.contains("previous generations"), "{steps}");
    assert!(steps.contains(&format!("the account's quota of {first} is not known")), "{steps}");
    // Not where the best is known to be allowed, nor where nobody looked.
    let known = [&old[..], &[(first.as_str(), 1)]].concat();
    for catalogs in [quotas(&known), Arc::clone(Catalogs::shared())] {
        let (_, steps) = next(&catalogs);
        assert!(!steps.contains("previous generations"), "{steps}");
    }
}

#[test]
fn sizes_that_are_given_make_no_model_of_gguf_files() {
    let live = live();
    let refused = |asked: Value| {
        let found = answer(&live, "recommend_instance", asked);
        assert_eq!(found["error"]["code"], "model_not_served", "{found:#}");
        found["error"]["problems"][0].clone()
    };
    refused(json!({"modelName": GGUF}));
    refused(json!({"modelName": GGUF, "modelConfig": "Qwen/Qwen3-8B"}));
    let numbers = json!({"modelName": GGUF, "parameters": 8_000_000_000_u64, "layers": 36, "kvHeads": 8, "headDim": 128});
    let problem = refused(numbers);
    let why = problem["why"].as_str().unwrap();
    assert!(
        why.contains("list of its files") && why.contains("Hugging Face on 2031-01-02"),
        "{why}"
    );
    let plan = planned(&live, json!({"modelName": GGUF, "deploymentConfig": "transformers-vllm"}));
    assert!(plan.findings.iter().any(|one| one.id == "MCC-MDL-006" && one.is_error()));

    // The same where the look-up found no sizes.
    let row = Model {
        id: "mine/bare-gguf".parse().unwrap(),
        only: Some(Only::Gguf),
        parameters: None,
        weight_bytes: None,
        config: None,
        variants: Vec::new(),
        ..Catalogs::embedded().models().get("Qwen/Qwen3-8B").unwrap().clone()
    };
    let file = ModelsFile { as_of: DAY.into(), source: "a hub".into(), models: vec![row].into() };
    let bare = Arc::new(Catalogs::shared().with(Rows::live("Hugging Face").with(file)));
    let found = answer(&bare, "recommend_instance", json!({"modelName": "mine/bare-gguf"}));
    assert_eq!(found["error"]["code"], "model_not_served", "{found:#}");
    assert!(!found.to_string().contains("add parameters"), "{found:#}");
}

#[test]
fn sizes_that_were_looked_up_are_not_those_of_the_catalog() {
    let basis = |name: &str| {
        answer(&live(), "describe_model", json!({"modelName": name}))["model"]["basis"].clone()
    };
    assert_eq!(basis(NEW), "live: Hugging Face, 2031-01-02");
    assert_eq!(basis("Qwen/Qwen3-0.6B"), "catalog");
}

#[test]
fn a_configuration_that_was_read_and_is_of_no_use_is_told() {
    let config = r#"{"hidden_size": -5, "num_hidden_layers": 36, "vocab_size": 151936}"#;
    let known = Catalogs::embedded().models().get("Qwen/Qwen3-8B").unwrap().clone();
    let row = Model {
        id: "mine/odd-8b".parse().unwrap(),
        config: Some(serde_json::from_str(config).unwrap()),
        ..known
    };
    let bare = Model {
        id: "mine/odd-bare".parse().unwrap(),
        parameters: None,
        weight_bytes: None,
        variants: Vec::new(),
        ..row.clone()
    };
    let models = vec![row, bare].into();
    let file = ModelsFile { as_of: DAY.into(), source: "a hub".into(), models };
    let all = Arc::new(Catalogs::shared().with(Rows::live("Hugging Face").with(file)));
    let words = "its config.json was read from Hugging Face on 2031-01-02, and cannot be used";
    for name in ["mine/odd-8b", "mine/odd-bare"] {
        let plan = planned(
            &all,
            json!({"modelName": name, "region": REGION, "instanceType": "ml.g6e.2xlarge"}),
        );
        let found = plan.findings.iter().find(|one| one.id == "MCC-MDL-001").unwrap();
        assert!(
            found.message.contains(words) && found.message.contains("hidden_size"),
            "{found:?}"
        );
        let described = answer(&all, "describe_model", json!({"modelName": name}));
        assert!(described.to_string().contains(words), "{described:#}");
    }
}
