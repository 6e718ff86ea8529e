//! A plan says which of its values were looked up, by whom, and how long ago: in its structure and in its lines.

use std::sync::Arc;

use mcc_catalogs::{Catalogs, ClustersFile, Files, Instance, QuotaRow, QuotaUse, QuotasFile, Rows};
use serde_json::{Value, json};

use super::places::{cluster, images};
use super::{DAY, NEW, REGION, answer, models, planned, prices};

/// Each source said it another time ago.
fn aged() -> Arc<Catalogs> {
    let (cluster, _) = cluster(0);
    let clusters = ClustersFile {
        as_of: DAY.into(),
        clusters: vec![cluster].into(),
        ..ClustersFile::default()
    };
    let none = Files::default;
    let all = vec![
        ("Hugging Face", 2, none().with(models())),
        ("AWS prices of us-west-2", 150, none().with(prices())),
        ("AWS quotas of us-west-2", 40, none().with(enough())),
        ("Amazon ECR Public", 7300, none().with(images())),
        ("HyperPod in us-west-2", 3, none().with(clusters)),
    ];
    all.into_iter().fold(Arc::clone(Catalogs::shared()), |below, (source, age, files)| {
        Arc::new(below.with(Rows::said(source, age, files)))
    })
}

/// Quotas that let each type be started.
fn enough() -> QuotasFile {
    let row = |instance: &Instance| QuotaRow {
        region: REGION.parse().unwrap(),
        used_for: QuotaUse::Endpoint,
        name: instance.name.clone(),
        limit: 2,
        in_use: None,
        at_least: false,
        code: None,
    };
    let rows: Vec<QuotaRow> = Catalogs::embedded().instances().iter().map(row).collect();
    QuotasFile { as_of: DAY.into(), source: "quotas".into(), account: None, quotas: rows.into() }
}

/// The line of a plan that begins so.
fn line(lines: &[(&'static str, String)], name: &str) -> String {
    let found = lines.iter().find(|(own, _)| *own == name);
    found.unwrap_or_else(|| panic!("no line {name}: {lines:?}")).1.clone()
}

#[test]
fn a_plan_says_which_values_are_live_and_how_old_they_are() {
    let aged = aged();
    let question = json!({"modelName": NEW, "region": REGION});
    let plan = planned(&aged, question.clone());
    let lines = plan.decisions.as_ref().unwrap().lines();
    for (name, told) in [
        ("cost", "; live: AWS prices of us-west-2, 2 min ago"),
        ("model", "; live: Hugging Face, 2 s ago"),
        ("base image", "; live: Amazon ECR Public, 2 h ago"),
        ("quota", "; live: AWS quotas of us-west-2, 40 s ago"),
    ] {
        let line = line(&lines, name);
        assert!(line.ends_with(told), "{name}: {line}");
    }
    assert!(line(&lines, "quota").starts_with("at most 2 of ml."), "{lines:?}");

    let mut pods = question.clone();
    pods["deploymentTarget"] = json!("hyperpod-eks");
    pods["hyperpodCluster"] = json!("c1");
    let lines = planned(&aged, pods).decisions.unwrap().lines();
    assert_eq!(line(&lines, "cluster"), "c1 is InService; live: HyperPod in us-west-2, 3 s ago");
    assert!(!line(&lines, "cost").contains("live"), "pods have no price");

    // Over MCP the same is in the structure and in the text.
    let mut call = question.clone();
    call["projectName"] = json!("one-mind");
    let told = answer(&aged, "plan_project", call.clone());
    let live = told["decisions"]["live"].as_array().unwrap();
    let of = |value: &str| live.iter().find(|live| live["value"] == value).unwrap();
    assert_eq!(
        of("cost"),
        &json!({"value": "cost", "source": "AWS prices of us-west-2", "asOf": DAY, "ageSeconds": 150})
    );
    assert_eq!(of("quota")["ageSeconds"], 40);
    let basis = told["cost"]["basis"].as_str().unwrap();
    assert!(basis.ends_with(", live: AWS prices of us-west-2, 2 min ago"), "{basis}");
    let recommended = answer(&aged, "recommend_instance", question);
    let basis = recommended["recommendations"][0]["price"]["basis"].as_str().unwrap();
    assert!(basis.ends_with(", live: AWS prices of us-west-2, 2 min ago"), "{basis}");
}

/// What is of the build is told as before, and so is what is looked up of another Region.
#[test]
fn nothing_is_told_as_live_that_was_not_looked_up() {
    let live = |value: &Value| value.to_string().contains("live");
    let known = json!({"modelName": "Qwen/Qwen3-8B", "region": REGION});
    let own = Rows::said("somebody", 1, Files::default().with(prices()));
    let laid = Arc::new(Catalogs::shared().with(own));
    for (catalogs, expected) in [(Catalogs::shared(), false), (&laid, true)] {
        let plan = planned(catalogs, known.clone());
        let all = json!([plan.decisions, plan.cost]);
        assert_eq!(live(&all), expected, "{all:#}");
        let lines = plan.decisions.unwrap().lines();
        assert_eq!(lines.iter().any(|(_, line)| line.contains("live: ")), expected, "{lines:?}");
    }
    // In another Region than that of the look-up nothing is.
    let elsewhere = json!({"modelName": "Qwen/Qwen3-8B", "region": "eu-west-1"});
    let plan = planned(&laid, elsewhere);
    assert!(!live(&json!(plan.cost)), "{:?}", plan.cost);
}

/// What a project keeps of a look-up is of that day, not of now.
#[test]
fn what_was_kept_is_told_with_its_day() {
    let kept = Rows::live("Hugging Face").with(models());
    let laid = Arc::new(Catalogs::shared().with(kept));
    let plan = planned(&laid, json!({"modelName": NEW, "region": REGION}));
    let line = line(&plan.decisions.unwrap().lines(), "model");
    assert!(line.ends_with("; looked up: Hugging Face, 2031-01-02"), "{line}");
}
