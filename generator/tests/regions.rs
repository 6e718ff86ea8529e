//! Regions and the instance types that they are known to lack.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod support;

use mcc_catalogs::{Catalogs, Instance};
use mcc_generator::{Plan, plan, registry};
use serde_json::{Map, Value, json};
use support::{base, merged, object};

/// A small, a middling and a large one.
const MODELS: [&str; 3] = ["Qwen/Qwen3-8B", "Qwen/Qwen3-32B", "meta-llama/Llama-3.1-70B-Instruct"];

fn planned(inputs: &Map<String, Value>) -> Plan {
    plan(Catalogs::embedded(), &merged(inputs))
}

fn chosen(plan: &Plan) -> Option<&'static Instance> {
    let own = plan.inputs.iter().find(|input| input.key == "instanceType")?;
    Catalogs::embedded().instances().get(own.value.as_str()?)
}

fn lacking(plan: &Plan) -> Option<&mcc_generator::Finding> {
    plan.findings.iter().find(|finding| finding.id == "MCC-REG-005")
}

fn has_a_gpu(region: &mcc_catalogs::RegionRow) -> bool {
    let rows = Catalogs::embedded().instances();
    let gpus = |name: &mcc_catalogs::InstanceType| {
        rows.get(name.as_str()).map_or(0, mcc_catalogs::Instance::gpus)
    };
    region.ec2_accelerators.iter().flatten().any(|name| gpus(name) > 0)
}

#[test]
fn what_is_chosen_for_a_region_is_offered_there() {
    let regions = Catalogs::embedded().regions();
    let (mut picks, mut replaced) = (0, 0);
    let mut usual = std::collections::BTreeMap::new();
    for row in regions.iter().filter(|row| row.ec2_accelerators.is_some()) {
        let region = row.region.as_str();
        for config in registry().configs() {
            let mut inputs = base(&config.name, "managed-inference");
            inputs.remove("instanceType");
            inputs.insert("region".to_owned(), region.into());
            let models: &[&str] = if inputs.contains_key("modelName") { &MODELS } else { &[""] };
            for model in models {
                if !model.is_empty() && config.architecture == "transformers" {
                    inputs.insert("modelName".to_owned(), (*model).into());
                }
                let plan = planned(&inputs);
                let Some(instance) = chosen(&plan) else { continue };
                if regions.offers(region, instance) == Some(false) {
                    // Nothing of that kind is there: the default stays, and the plan says so.
                    assert!(!has_a_gpu(row), "{inputs:?}");
                    assert_eq!(lacking(&plan).map(|f| f.choices.len()), Some(0), "{inputs:?}");
                    continue;
                }
                picks += 1;
                assert_eq!(lacking(&plan), None, "{inputs:?}");
                let usual = usual.entry((config.name.clone(), *model)).or_insert_with(|| {
                    let mut usual = inputs.clone();
                    usual.insert("region".to_owned(), "us-east-1".into());
                    chosen(&planned(&usual))
                });
                replaced += usize::from(*usual != Some(instance));
            }
        }
    }
    assert!(picks > 300 && replaced > 30, "{picks} picks, {replaced} differ from us-east-1's");
}

#[test]
fn a_type_that_a_region_lacks_is_told_with_types_that_it_has() {
    let regions = Catalogs::embedded().regions();
    let mut met = 0;
    for row in regions.iter().filter(|row| row.ec2_accelerators.is_some()) {
        let region = row.region.as_str();
        for (config, model, kind) in [
            ("transformers-vllm", "Qwen/Qwen3-8B", "ml.g6.2xlarge"),
            ("transformers-vllm", "Qwen/Qwen3-32B", "ml.p5.48xlarge"),
            ("diffusors-vllm-omni", "black-forest-labs/FLUX.1-schnell", "ml.g6e.2xlarge"),
        ] {
            let mut inputs = base(config, "managed-inference");
            inputs.extend(object(
                json!({"region": region, "modelName": model, "instanceType": kind}),
            ));
            let instance = Catalogs::embedded().instances().get(kind).unwrap();
            let plan = planned(&inputs);
            let Some(finding) = lacking(&plan) else {
                assert_ne!(regions.offers(region, instance), Some(false), "{inputs:?}");
                continue;
            };
            assert_eq!(regions.offers(region, instance), Some(false), "{inputs:?}");
            met += 1;
            assert!(finding.message.contains(regions.as_of()), "{}", finding.message);
            for choice in &finding.choices {
                let row = Catalogs::embedded().instances().get(choice).unwrap();
                assert_ne!(regions.offers(region, row), Some(false), "{choice} in {region}");
                let mut other = inputs.clone();
                other.insert("instanceType".to_owned(), choice.as_str().into());
                assert_eq!(lacking(&planned(&other)), None, "{choice} in {region}");
            }
        }
    }
    assert!(met >= 20, "{met}");
}

#[test]
fn where_there_is_no_list_nothing_is_said() {
    let regions = Catalogs::embedded().regions();
    let unlisted: Vec<_> = regions.iter().filter(|row| row.ec2_accelerators.is_none()).collect();
    assert!(!unlisted.is_empty());
    for row in unlisted {
        let mut inputs = base("transformers-vllm", "managed-inference");
        inputs.extend(object(json!({"region": row.region, "instanceType": "ml.p5.48xlarge"})));
        assert_eq!(lacking(&planned(&inputs)), None, "{}", row.region);
    }
}
