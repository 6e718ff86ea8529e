//! One mind about models that nothing sizes: the type that is recommended first is the one that a plan takes by itself, what
//! is asked for is followed, and a comparison says what a plan says.
//!
//! Every config that packs its model, with its frameworks, on all targets and each list of types that a Region has.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::BTreeSet;

use mcc_catalogs::{Catalogs, Instance};
use mcc_generator::{Config, FileAccess, Plan, Source, Sources, registry};
use serde_json::{Value, json};

fn called(tool: &str, arguments: &Value) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(mcc_servers::call(tool, arguments.as_object().unwrap().clone())).unwrap()
}

fn planned(inputs: &Value, framework: Option<&str>) -> Plan {
    let mut inputs = inputs.as_object().unwrap().clone();
    inputs.insert("projectName".to_owned(), json!("one-mind"));
    inputs.extend(framework.map(|name| ("framework".to_owned(), json!(name))));
    let merged = Sources::new().files(FileAccess::Nothing).with(Source::Flag, inputs).merge();
    mcc_generator::plan(Catalogs::embedded(), &merged)
}

fn with(one: &Value, more: &Value) -> Value {
    let mut both = one.clone();
    both.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    both
}

/// The configs that pack their model, each with its frameworks, or with none where the backend is one.
fn packed() -> Vec<(&'static Config, Vec<Option<&'static str>>)> {
    let hub =
        |config: &Config| mcc_generator::deployment(config, "managed-inference", None).unwrap().hub;
    let own = registry().configs().iter().filter(|config| !hub(config));
    own.map(|config| {
        let layers = registry().overlay(config, None, "managed-inference");
        let asks = layers.iter().any(|layer| layer.manifest.needs.iter().any(|k| k == "framework"));
        let named = config.frameworks.iter().map(|name| Some(name.as_str()));
        (config, if asks { named.collect() } else { vec![None] })
    })
    .collect()
}

/// One Region of each list of types.
fn regions() -> Vec<&'static str> {
    let mut lists = BTreeSet::new();
    let rows = Catalogs::embedded().regions().iter();
    rows.filter(|row| lists.insert(format!("{:?}", row.ec2_accelerators)))
        .map(|row| row.region.as_str())
        .collect()
}

/// How the first recommendation differs from the type that a plan takes by itself.
fn differs(asked: &Value, answer: &Value, framework: Option<&str>) -> Option<String> {
    let recommended = answer["recommendations"][0]["instanceType"].as_str();
    let plan = planned(asked, framework);
    let own = plan.inputs.iter().find(|input| input.key == "instanceType");
    let own = own.and_then(|input| input.value.as_str());
    (recommended.is_none() || recommended != own).then(|| {
        format!("{asked} {framework:?}: recommended {recommended:?}, planned {own:?}: {answer:#}")
    })
}

/// Why a plan refuses one of the recommendations.
fn refused(answer: &Value, framework: Option<&str>) -> Option<String> {
    let all = answer["recommendations"].as_array().unwrap();
    all.iter().find_map(|one| {
        let plan = planned(&one["inputs"], framework);
        let wrong = plan.findings.iter().find(|finding| finding.is_error())?;
        Some(format!("the recommended {} are refused for {framework:?}: {wrong:?}", one["inputs"]))
    })
}

fn row(name: &Value) -> &'static Instance {
    Catalogs::embedded().instances().get(name.as_str().unwrap()).unwrap()
}

#[test]
fn the_usual_type_comes_first_wherever_it_runs() {
    let (configs, regions) = (packed(), regions());
    assert!(configs.len() >= 7 && regions.len() > 10, "{configs:?} {regions:?}");
    let (mut asked, mut wrong) = (0, Vec::new());
    for (config, frameworks) in configs {
        for target in registry().targets() {
            for (at, region) in regions.iter().enumerate() {
                let given = json!({
                    "deploymentConfig": config.name, "deploymentTarget": target, "region": region,
                });
                let answer = called("recommend_instance", &given);
                for framework in &frameworks {
                    asked += 1;
                    wrong.extend(differs(&given, &answer, *framework));
                    // The types after the first are the same in all Regions: EC2's lists are of accelerated ones.
                    if at == 0 {
                        wrong.extend(refused(&answer, *framework));
                    }
                }
            }
        }
    }
    println!("{asked} asked, {} wrong", wrong.len());
    assert!(asked > 400, "{asked}");
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The comparison above finds what it looks for.
#[test]
fn a_planted_disagreement_is_found() {
    let given = json!({
        "deploymentConfig": "http-flask", "deploymentTarget": "managed-inference", "region": "us-east-1",
    });
    let mut answer = called("recommend_instance", &given);
    let framework = Some("sklearn");
    assert_eq!(differs(&given, &answer, framework), None);
    assert_eq!(refused(&answer, framework), None);
    let first = answer["recommendations"].as_array_mut().unwrap().remove(0);
    assert!(differs(&given, &answer, framework).is_some(), "the second in front");
    // Batch transform takes no burstable types.
    let batch = json!({"deploymentTarget": "batch-transform", "instanceType": "ml.t2.medium"});
    let planted = with(&first["inputs"], &batch);
    answer["recommendations"][0] = with(&first, &json!({"inputs": planted}));
    assert!(refused(&answer, framework).is_some_and(|why| why.contains("ml.t2.medium")));
    answer["recommendations"] = json!([]);
    assert!(differs(&given, &answer, framework).is_some(), "nothing at all");
}

#[test]
fn what_is_asked_for_is_followed() {
    type Holds = fn(&Instance, &Value) -> bool;
    fn memory(row: &Instance, asked: &Value) -> bool {
        row.memory_gib() >= asked["minMemoryGib"].as_f64().unwrap_or_default()
            && f64::from(row.vcpus) >= asked["minVcpus"].as_f64().unwrap_or_default()
    }
    fn arch(row: &Instance, asked: &Value) -> bool {
        row.arch.to_string() == asked["arch"]
    }
    fn kind(row: &Instance, asked: &Value) -> bool {
        row.accelerator_kind().as_str() == asked["accelerator"]
    }
    fn budget(row: &Instance, asked: &Value) -> bool {
        let usd = Catalogs::embedded().prices().usd(row.name.as_str(), None);
        usd.is_some_and(|usd| usd <= asked["budgetUsdPerHour"].as_f64().unwrap())
    }
    fn any(_: &Instance, _: &Value) -> bool {
        true
    }
    let wishes: [(Value, Holds); 11] = [
        (json!({"minMemoryGib": 64}), memory),
        (json!({"minMemoryGib": 2, "minVcpus": 1}), memory),
        (json!({"minVcpus": 16}), memory),
        (json!({"arch": "x86_64"}), arch),
        (json!({"arch": "arm64"}), arch),
        (json!({"accelerator": "cpu"}), kind),
        (json!({"accelerator": "cuda"}), kind),
        (json!({"budgetUsdPerHour": 0.15}), budget),
        (json!({"budgetUsdPerHour": 5.0, "limit": 4}), budget),
        (json!({"prefer": "cost", "limit": 4}), any),
        (json!({"prefer": "latency"}), any),
    ];
    let (mut found, mut none, mut wrong) = (0, Vec::new(), Vec::new());
    for (config, frameworks) in packed() {
        for target in registry().targets() {
            for (wish, holds) in &wishes {
                let given = json!({"deploymentConfig": config.name, "deploymentTarget": target});
                let answer = called("recommend_instance", &with(&given, wish));
                let rows = answer["recommendations"].as_array();
                let Some(rows) = rows.filter(|rows| !rows.is_empty()) else {
                    none.push(format!("{} {wish}", config.architecture));
                    continue;
                };
                found += 1;
                for one in rows.iter().filter(|one| !holds(row(&one["instanceType"]), wish)) {
                    wrong.push(format!("{given} {wish}: {}", one["instanceType"]));
                }
                // The others with `MCC_TIER_FULL`: what differs among them is tested on the usual list.
                let full = std::env::var_os("MCC_TIER_FULL").is_some();
                for framework in frameworks.iter().take(if full { usize::MAX } else { 1 }) {
                    wrong.extend(refused(&answer, *framework));
                }
            }
        }
    }
    // Triton's images are for one processor, the HTTP servers use no GPU, and batch transform takes no Arm types.
    none.sort();
    none.dedup();
    assert_eq!(
        none,
        [
            "http {\"accelerator\":\"cuda\"}",
            "http {\"arch\":\"arm64\"}",
            "triton {\"arch\":\"arm64\"}"
        ]
    );
    assert!(found > 250, "{found}");
    assert!(wrong.is_empty(), "{} of {found}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The cheapest is told where it is asked for, and burstable types only there, with what that means.
#[test]
fn the_cheapest_is_for_who_asks_for_it() {
    for (config, _) in packed() {
        for target in registry().targets() {
            let given = json!({"deploymentConfig": config.name, "deploymentTarget": target});
            let usual = called("recommend_instance", &given);
            let lent = |answer: &Value| {
                let rows = answer["recommendations"].as_array().unwrap();
                let of = |one: &&Value| mcc_fit::is_burstable(row(&one["instanceType"]));
                let lent: Vec<Value> = rows.iter().filter(of).cloned().collect();
                assert!(
                    lent.iter().all(|one| one["warnings"].to_string().contains("burstable")),
                    "{lent:?}"
                );
                lent.len()
            };
            assert_eq!(lent(&usual), 0, "{usual:#}");
            let own = row(&usual["recommendations"][0]["instanceType"]);
            for one in &usual["recommendations"].as_array().unwrap()[1..] {
                let other = row(&one["instanceType"]);
                assert!(other.memory_gib() >= own.memory_gib() && other.vcpus >= own.vcpus);
            }
            // Smaller ones are named with what they have.
            let misses = usual["nearMisses"].as_array().unwrap();
            assert!(!misses.is_empty(), "{usual:#}");
            for one in misses {
                assert!(row(&one["instanceType"]).memory_gib() < own.memory_gib(), "{one:#}");
            }
            let cheapest = called("recommend_instance", &with(&given, &json!({"prefer": "cost"})));
            let usd = |answer: &Value| {
                answer["recommendations"][0]["price"]["usdPerHour"].as_f64().unwrap()
            };
            assert!(usd(&cheapest) < usd(&usual), "{cheapest:#}");
            let has = target != "batch-transform";
            assert_eq!(lent(&cheapest) > 0, has, "{target}: {cheapest:#}");
        }
    }
}

#[test]
fn a_comparison_says_what_a_plan_says() {
    // Of each kind, and those that one of the targets does not take.
    let types = [
        "ml.m5.xlarge",
        "ml.t2.medium",
        "ml.t3.medium",
        "ml.m6g.xlarge",
        "ml.m7i.xlarge",
        "ml.g4dn.xlarge",
        "ml.g5.xlarge",
        "ml.p3.2xlarge",
        "ml.inf2.xlarge",
        "ml.p5.48xlarge",
    ];
    let (mut fitting, mut failing, mut wrong) = (0, 0, Vec::new());
    for (config, frameworks) in packed() {
        for target in registry().targets() {
            let given = json!({"deploymentConfig": config.name, "deploymentTarget": target});
            let asked = with(&given, &json!({"instanceTypes": types}));
            let answer = called("compare_instances", &asked);
            for one in answer["rows"].as_array().unwrap() {
                let fits = one["fits"] == true;
                let on = json!({"instanceType": one["instanceType"]});
                let inputs = if fits { one["fit"]["inputs"].clone() } else { with(&given, &on) };
                for framework in &frameworks {
                    *(if fits { &mut fitting } else { &mut failing }) += 1;
                    let plan = planned(&inputs, *framework);
                    let error = plan.findings.iter().find(|finding| finding.is_error());
                    if fits == error.is_some() {
                        wrong.push(format!("{inputs} {framework:?}: {one:#} {error:?}"));
                    }
                }
            }
        }
    }
    println!("{fitting} fit, {failing} do not, {} wrong", wrong.len());
    assert!(fitting > 150 && failing > 80, "{fitting} {failing}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Configs that fetch models propose nothing before they have one, and those that do not fetch any take none.
#[test]
fn a_model_is_named_where_it_is_fetched_and_only_there() {
    let own: BTreeSet<&str> = packed().iter().map(|(config, _)| config.name.as_str()).collect();
    let model = json!({"modelName": "Qwen/Qwen3-8B"});
    for config in registry().configs() {
        let given = json!({"deploymentConfig": config.name});
        if own.contains(config.name.as_str()) {
            let on = json!({"instanceTypes": ["ml.m5.xlarge"]});
            for (tool, more) in [("recommend_instance", json!({})), ("compare_instances", on)] {
                let answer = called(tool, &with(&with(&given, &model), &more));
                let wrong = &answer["error"]["problems"][0];
                assert_eq!(wrong["field"], "deploymentConfig", "{answer:#}");
                assert!(wrong["choices"].to_string().contains("transformers-vllm"), "{answer:#}");
            }
            let plan =
                planned(&with(&given, &model), config.frameworks.first().map(String::as_str));
            assert!(plan.findings.iter().any(mcc_generator::Finding::is_error), "{}", config.name);
            continue;
        }
        assert_eq!(called("recommend_instance", &given)["status"], "error", "{}", config.name);
        let plan = planned(&given, None);
        assert!(plan.questions.iter().any(|one| one.key == "modelName"), "{}", config.name);
    }
}
