//! The same with what a look-up says of a Region and its clusters, and of the images of a registry.

use std::collections::BTreeSet;
use std::sync::Arc;

use mcc_catalogs::{
    Catalogs, Cluster, ClusterGroup, ClustersFile, ImagesFile, Instance, RegionRow, RegionsFile,
    Rows,
};
use mcc_generator::registry;
use serde_json::{Value, json};

use super::{DAY, NEW, REGION, answer, chosen, live, planned, questions, recommended, scattered};

/// The price list of the Region, read to its end: a third of the accelerated types is hosted, whatever EC2 is known to offer.
fn offers() -> RegionsFile {
    let known = Catalogs::embedded().regions().get(REGION).unwrap().clone();
    let all = Catalogs::embedded().instances().iter().enumerate();
    let (mut there, mut not_hosted) = (Vec::new(), Vec::new());
    for (at, row) in all.filter(|(_, row)| row.accelerator().is_some()) {
        let hinted = known.ec2_accelerators.iter().flatten().any(|name| *name == row.name);
        let hosted = scattered(at).is_multiple_of(3);
        // Of what EC2 is known to offer a quarter is gone.
        if hosted || hinted && row.hyperpod && !scattered(at + 1).is_multiple_of(4) {
            there.push(row.name.clone());
        }
        if !hosted {
            not_hosted.push(row.name.clone());
        }
    }
    let row = RegionRow { ec2_accelerators: Some(there), not_hosted, ..known };
    RegionsFile { as_of: DAY.into(), source: "a price list".into(), regions: vec![row].into() }
}

/// All that is looked up of a place.
fn with_offers() -> Arc<Catalogs> {
    Arc::new(live().with(Rows::live("AWS instance types of us-west-2").with(offers())))
}

#[test]
fn what_is_recommended_is_what_a_plan_chooses_with_the_offers_of_a_region() {
    let (all, before) = (with_offers(), live());
    let (mut asked, mut planted) = (0_u32, 0_u32);
    let mut different = Vec::new();
    for question in questions().into_iter().filter(|question| question["region"] == REGION) {
        let Ok(recommended) = recommended(&all, &question) else { continue };
        let plan = planned(&all, question.clone());
        let own = chosen(&plan);
        asked += 1;
        let told = |ids: &[&str]| plan.findings.iter().any(|one| ids.contains(&one.id.as_str()));
        if let Some(kind) = own.as_ref().and_then(|name| all.instances().get(name)) {
            let pods = question["deploymentTarget"] == "hyperpod-eks";
            let lacks = !pods && all.regions().has_no_hosting_price(REGION, kind);
            assert!(!lacks || told(&["MCC-REG-005"]), "{question}: {}", kind.name);
        }
        // An engine that does not serve the model has no type to recommend, and a plan says so on the one that it has.
        let unserved = told(&["MCC-ENG-004", "MCC-TSK-001", "MCC-REG-005"]);
        if own != recommended && !(recommended.is_none() && unserved) {
            different.push(format!("{question}: recommended {recommended:?}, planned {own:?}"));
        }
        // One that does not see the offers is found out.
        planted += u32::from(chosen(&planned(&before, question.clone())) != recommended);
    }
    assert!(asked > 30 && planted > asked / 3, "{planted} of {asked}");
    assert!(different.is_empty(), "{} of {asked}:\n{}", different.len(), different.join("\n"));
}

/// A cluster of the Region: nodes of some types, among them ones that the Region is said to lack, and one empty group.
pub(crate) fn cluster(seed: usize) -> (Cluster, Vec<Instance>) {
    let all = Catalogs::embedded().instances().iter().enumerate();
    let nodes = all.filter(|(at, row)| row.hyperpod && scattered(at + seed).is_multiple_of(9));
    of_nodes(nodes.map(|(_, row)| row.clone()).take(12).collect())
}

/// The same of types with GPUs that EC2 counts among the previous generations, and of no others.
fn old_cluster() -> (Cluster, Vec<Instance>) {
    let old = |row: &&Instance| row.hyperpod && row.accelerator().is_some();
    let old = Catalogs::embedded().instances().iter().filter(old);
    of_nodes(old.filter(|row| !mcc_fit::is_current(row)).cloned().collect())
}

fn of_nodes(nodes: Vec<Instance>) -> (Cluster, Vec<Instance>) {
    let groups = nodes.iter().enumerate().map(|(at, row)| ClusterGroup {
        name: format!("group-{at}"),
        instance: row.name.clone(),
        current: if at == 1 { 0 } else { 2 },
        target: 2,
        status: None,
        // Of one group no node runs.
        nodes_in_service: (at == 2).then_some(0),
    });
    let cluster = Cluster {
        name: "c1".into(),
        region: REGION.parse().unwrap(),
        arn: "arn:aws:sagemaker:us-west-2:123456789012:cluster/abc123".into(),
        status: "InService".into(),
        eks: Some("arn:aws:eks:us-west-2:123456789012:cluster/c1".into()),
        kubernetes: Some("1.33".into()),
        operator: Some("1.0".into()),
        groups: Some(groups.collect()),
    };
    (cluster, nodes)
}

/// The types of the groups that take a copy, with a reservation too, by what `fit_hyperpod` says.
fn taking(catalogs: &Arc<Catalogs>, question: &Value) -> Option<Vec<String>> {
    let found = answer(catalogs, "fit_hyperpod", question.clone());
    let groups = found["groups"].as_array()?;
    for group in groups {
        let reason = group["reason"].as_str().unwrap_or_default();
        let denied = reason.contains("does not offer") || reason.contains("hosting price");
        assert!(!denied, "nodes that are there are there: {group:#}");
    }
    let taking = groups.iter().filter(|group| group["copies"].as_u64() > Some(0));
    Some(taking.map(|group| group["instanceType"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn a_plan_for_a_cluster_chooses_among_the_groups_that_take_the_model() {
    let (mut asked, mut planted, mut lacked) = (0_u32, 0_u32, 0_usize);
    let mut different = Vec::new();
    let mut old = BTreeSet::new();
    for (cluster, nodes) in [0, 5, 11].map(cluster).into_iter().chain([old_cluster()]) {
        let file = ClustersFile {
            as_of: DAY.into(),
            clusters: vec![cluster].into(),
            ..ClustersFile::default()
        };
        let before = with_offers();
        let all = Arc::new(before.with(Rows::live("AWS clusters of us-west-2").with(file)));
        let lacks = |row: &&Instance| before.regions().offers(REGION, row) == Some(false);
        lacked += nodes.iter().filter(lacks).count();
        let known = Catalogs::embedded().models().ids().step_by(60);
        for model in known.chain([NEW]) {
            for config in registry().configs() {
                let of = mcc_generator::deployment(config, "hyperpod-eks", None).unwrap();
                if !(of.hub && of.has_context()) {
                    continue;
                }
                let mut question = json!({"deploymentConfig": config.name, "modelName": model,
                    "region": REGION, "hyperpodCluster": "c1"});
                let Some(taking) = taking(&all, &question) else { continue };
                question["deploymentTarget"] = json!("hyperpod-eks");
                let plan = planned(&all, question.clone());
                let own = chosen(&plan);
                asked += 1;
                let among = own.as_ref().is_some_and(|own| taking.contains(own));
                // Where each node has a reservation none is chosen, and those that take it are named.
                let named = plan.findings.iter().find(|one| one.id == "MCC-MEM-003");
                let named = named.is_some_and(|one| {
                    !one.choices.is_empty() && one.choices.iter().all(|own| taking.contains(own))
                });
                let among = among || own.is_none() && named;
                let told = plan.findings.iter().any(|one| one.is_error() || one.id == "MCC-HP-006");
                if !(among || told || taking.is_empty() && own.is_none()) {
                    different.push(format!("{question}: {taking:?} take it, planned {own:?}"));
                }
                // A plan that does not see the cluster takes what no group has.
                let other = chosen(&planned(&before, question.clone()));
                planted += u32::from(other.is_some_and(|other| !taking.contains(&other)));
                let kind = own.as_ref().and_then(|own| all.instances().get(own));
                old.extend(
                    kind.filter(|row| !mcc_fit::is_current(row)).map(|row| row.name.clone()),
                );
            }
        }
    }
    assert!(lacked > 0, "no cluster has nodes that the Region is said to lack");
    assert!(!old.is_empty(), "no plan takes nodes of a previous generation");
    assert!(asked > 30 && planted > asked / 4, "{planted} of {asked}");
    assert!(different.is_empty(), "{} of {asked}:\n{}", different.len(), different.join("\n"));
}

/// Releases that only a registry knows: of each family one more, with what the newest of it has.
pub(crate) fn images() -> ImagesFile {
    let catalogs = Catalogs::embedded();
    let mut families: Vec<&str> = catalogs.images().iter().map(|row| row.family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    let mut rows = Vec::new();
    for family in families {
        for like in catalogs.images().of_family(family) {
            let mut row = like.clone();
            row.version = format!("{}.1", like.version);
            row.tag = like.tag.replacen(&like.version, &row.version, 1);
            row.aliases.clear();
            row.listed = true;
            if row.tag != like.tag {
                rows.push(row);
            }
        }
    }
    ImagesFile { as_of: DAY.into(), images: rows.into(), ..ImagesFile::default() }
}

#[test]
fn the_image_that_is_recommended_is_that_of_the_plan_with_the_rows_of_registries() {
    let said = Rows::live("Amazon ECR Public").with(images());
    let all = Arc::new(Catalogs::shared().with(said));
    let (mut asked, mut planted, mut looked_up) = (0_u32, 0_u32, 0_u32);
    let mut different = Vec::new();
    for config in registry().configs() {
        for target in registry().targets() {
            let of = mcc_generator::deployment(config, target, None).unwrap();
            if !of.hub || of.images.is_none() {
                continue;
            }
            for model in ["Qwen/Qwen3-8B", "openai/gpt-oss-20b", "google/gemma-3-27b-it"] {
                for kind in ["ml.g5.12xlarge", "ml.p5.48xlarge", "ml.inf2.48xlarge"] {
                    let mut question = json!({"deploymentConfig": config.name, "modelName": model,
                        "deploymentTarget": target, "region": REGION, "instanceType": kind});
                    let found = answer(&all, "recommend_image", question.clone());
                    if found["status"] != "ok" {
                        continue;
                    }
                    let uri = found["image"]["uri"].as_str().unwrap().to_owned();
                    if target == "hyperpod-eks" {
                        question["hyperpodCluster"] = json!("c1");
                    }
                    let base = |catalogs: &Catalogs| {
                        planned(catalogs, question.clone()).decisions.map(|of| of.base_image)
                    };
                    let Some(own) = base(&all) else { continue };
                    asked += 1;
                    looked_up += u32::from(base(Catalogs::embedded()).is_some_and(|o| o != own));
                    if own != uri {
                        different.push(format!("{question}: recommended {uri}, planned {own}"));
                    }
                    // What does not see the rows is found out.
                    planted += u32::from(base(Catalogs::embedded()).is_none_or(|o| o != uri));
                }
            }
        }
    }
    assert!(asked > 20 && looked_up > asked / 2 && planted > asked / 2, "{planted} of {asked}");
    assert!(different.is_empty(), "{} of {asked}:\n{}", different.len(), different.join("\n"));
}
