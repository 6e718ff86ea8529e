//! One mind: the type that is recommended first is the one that a plan chooses by itself, wherever it runs.
//!
//! A tenth of the models on all configs and targets, and all of them with `MCC_TIER_FULL`; and each list of types that a
//! Region has.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Plan, Source, Sources, registry};
use serde_json::{Value, json};

fn planned(inputs: &Value) -> Plan {
    let inputs = inputs.as_object().unwrap().clone();
    let merged = Sources::new().files(FileAccess::Nothing).with(Source::Flag, inputs).merge();
    mcc_generator::plan(Catalogs::embedded(), &merged)
}

/// The type that a plan chooses where none is named.
fn chosen(plan: &Plan) -> Option<String> {
    let found = plan.inputs.iter().find(|input| input.key == "instanceType")?;
    Some(found.value.as_str().unwrap().to_owned())
}

struct Both {
    /// Whether a type is recommended at all.
    found: bool,
    difference: Option<String>,
}

/// Both types for a model; none where nobody can size it.
fn both(config: &str, target: &str, model: &str, region: &str) -> Option<Both> {
    let asked = json!({
        "deploymentConfig": config, "deploymentTarget": target, "modelName": model, "region": region,
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let arguments = asked.as_object().unwrap().clone();
    let answer = runtime.block_on(mcc_servers::call("recommend_instance", arguments)).unwrap();
    if answer["status"] == "error" {
        return None;
    }
    let recommended = answer["recommendations"][0]["instanceType"].as_str().map(str::to_owned);
    let mut inputs = asked;
    inputs["projectName"] = json!("one-mind");
    let plan = planned(&inputs);
    // A class that no release of the config serves, and a task that the config does not, are errors of the plan on any
    // type.
    let unserved = recommended.is_none()
        && plan
            .findings
            .iter()
            .any(|found| ["MCC-ENG-004", "MCC-TSK-001"].contains(&found.id.as_str()));
    let planned = chosen(&plan);
    let differ = recommended != planned && !unserved;
    let case = format!("{config} {target} {model} {region}");
    let what = format!("{case}: recommended {recommended:?}, planned {planned:?}");
    let difference =
        differ.then_some(what).or_else(|| refused(&answer).map(|why| format!("{case}: {why}")));
    Some(Both { found: recommended.is_some(), difference })
}

/// The first recommendation whose inputs a plan refuses, and why.
fn refused(answer: &Value) -> Option<String> {
    let all = answer["recommendations"].as_array().unwrap();
    all.iter().find_map(|one| {
        let mut inputs = one["inputs"].clone();
        inputs["projectName"] = json!("one-mind");
        let plan = planned(&inputs);
        let wrong = plan.findings.iter().find(|finding| finding.is_error())?;
        Some(format!("the recommended {inputs} are refused: {wrong:?}"))
    })
}

fn full() -> bool {
    std::env::var_os("MCC_TIER_FULL").is_some()
}

#[test]
fn the_first_recommendation_is_what_a_plan_chooses() {
    let registry = registry();
    let (mut asked, mut found, mut different) = (0_u32, 0_u32, Vec::new());
    for (at, model) in Catalogs::embedded().models().iter().enumerate() {
        if !full() && at % 10 != 0 {
            continue;
        }
        for config in registry.configs() {
            for target in registry.targets() {
                let of = mcc_generator::deployment(config, target, None).unwrap();
                if !of.hub || !of.has_context() {
                    continue;
                }
                let both = both(&config.name, target, model.id.as_str(), "us-east-1");
                let Some(both) = both else { continue };
                asked += 1;
                found += u32::from(both.found);
                different.extend(both.difference);
            }
        }
    }
    println!("{asked} asked, {found} with a recommendation, {} different", different.len());
    assert!(asked > 300 && found * 10 > asked * 8, "{found} of {asked}");
    assert!(different.is_empty(), "{} of {asked}:\n{}", different.len(), different.join("\n"));
}

/// Of diffusion pipelines too, whose parts are all on the device.
#[test]
fn and_so_it_is_of_pipelines() {
    let (mut found, mut different) = (0_u32, Vec::new());
    for row in Catalogs::embedded().pipelines().iter() {
        for target in registry().targets() {
            let both = both("diffusors-vllm-omni", target, row.id.as_str(), "us-east-1");
            let Some(both) = both else { continue };
            found += u32::from(both.found);
            different.extend(both.difference);
        }
    }
    assert!(found > 30, "{found}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn and_so_it_is_in_every_region() {
    let catalogs = Catalogs::embedded();
    // One Region of each list of types.
    let mut lists = BTreeSet::new();
    let regions: Vec<&str> = catalogs
        .regions()
        .iter()
        .filter(|row| lists.insert(format!("{:?}", row.ec2_accelerators)))
        .map(|row| row.region.as_str())
        .collect();
    assert!(regions.len() > 10, "{regions:?}");
    let mut different = Vec::new();
    for region in regions {
        for model in ["Qwen/Qwen3-8B", "meta-llama/Llama-3.3-70B-Instruct", "google/gemma-3-27b-it"]
        {
            let both = both("transformers-vllm", "managed-inference", model, region).unwrap();
            different.extend(both.difference);
            let own = json!({
                "projectName": "one-mind", "deploymentConfig": "transformers-vllm", "modelName": model,
                "region": region,
            });
            if let Some(own) = chosen(&planned(&own)) {
                let row = catalogs.instances().get(&own).unwrap();
                assert_ne!(catalogs.regions().offers(region, row), Some(false), "{region} {own}");
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// What was asked for is judged in the same way: a row of a comparison fits where the plan has no error, and only there.
#[test]
fn what_fits_in_a_comparison_is_what_has_no_error_in_a_plan() {
    let mut different = Vec::new();
    let (mut fitting, mut failing) = (0, 0);
    let all: Vec<&str> = Catalogs::embedded().models().ids().collect();
    let some = ["Qwen/Qwen3-8B", "Qwen/Qwen2.5-72B-Instruct", "meta-llama/Llama-3.3-70B-Instruct"];
    let models = if full() { all } else { some.to_vec() };
    let types =
        ["ml.g5.xlarge", "ml.g6.12xlarge", "ml.g4dn.xlarge", "ml.p4d.24xlarge", "ml.trn1.32xlarge"];
    for model in models {
        for kind in types {
            let degrees = [None, Some(1), Some(2), Some(3), Some(8)].map(|degree| (degree, None));
            // The last two are longer than some of these models' own, and than that of all.
            let contexts = [16_384, 65_536, 200_000].map(|tokens| (None, Some(tokens)));
            for (degree, context) in degrees.into_iter().chain(contexts) {
                let mut asked = json!({
                    "deploymentConfig": "transformers-vllm", "deploymentTarget": "managed-inference",
                });
                if let Some(degree) = degree {
                    asked["tensorParallelSize"] = json!(degree);
                }
                if let Some(tokens) = context {
                    asked["maxModelLen"] = json!(tokens);
                }
                let mut arguments = asked.as_object().unwrap().clone();
                arguments.insert("modelNames".to_owned(), json!([model]));
                arguments.insert("instanceTypes".to_owned(), json!([kind]));
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                let answer =
                    runtime.block_on(mcc_servers::call("compare_instances", arguments)).unwrap();
                if answer["status"] == "error" {
                    // No release serves it, or it cannot be sized.
                    continue;
                }
                let row = &answer["rows"][0];
                let fits = row["fits"] == json!(true);
                let mut inputs = if fits { row["fit"]["inputs"].clone() } else { asked };
                inputs["projectName"] = json!("one-mind");
                inputs["modelName"] = json!(model);
                inputs["instanceType"] = json!(kind);
                let plan = planned(&inputs);
                let wrong = plan.findings.iter().find(|finding| finding.is_error());
                *(if fits { &mut fitting } else { &mut failing }) += 1;
                different.extend((fits == wrong.is_some()).then(|| {
                    let why = &row["reason"];
                    format!("{model} {kind} {degree:?} {context:?}: fits {fits} {why}, {wrong:?}")
                }));
            }
        }
    }
    println!("{fitting} fit, {failing} do not, {} different", different.len());
    assert!(fitting > 20 && failing > 30, "{fitting} {failing}");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
