//! Every model of the catalog on every config that fetches models: the first recommendation fits by the
//! engine's own budget, is the cheapest that does, and makes a project without findings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Source, Sources};
use serde_json::{Map, Value, json};

fn call(tool: &str, arguments: Value) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(mcc_servers::call(tool, arguments.as_object().unwrap().clone())).unwrap()
}

fn findings(inputs: &Map<String, Value>) -> Vec<String> {
    let mut inputs = inputs.clone();
    inputs.insert("projectName".to_owned(), json!("quality"));
    let merged = Sources::new().files(FileAccess::Nothing).with(Source::Flag, inputs).merge();
    let plan = mcc_generator::plan(Catalogs::embedded(), &merged);
    assert!(plan.questions.is_empty(), "{:?}", plan.questions);
    plan.findings.iter().map(|finding| format!("{} {}", finding.id, finding.message)).collect()
}

/// The configs that fetch models and run them on GPUs, with the engine of each.
fn gpu_configs() -> Vec<&'static str> {
    let registry = mcc_generator::registry();
    let on_gpus = |name: &str| {
        let config = registry.config(name).unwrap();
        let layers = registry.overlay(config, None, "managed-inference");
        let all = || layers.iter().map(|layer| &layer.manifest);
        all().any(|manifest| manifest.weights == Some(mcc_generator::Weights::Hub))
            && all().rfind(|manifest| !manifest.accelerators.is_empty()).is_some_and(|manifest| {
                manifest.accelerators.contains(&mcc_catalogs::AcceleratorKind::Cuda)
            })
    };
    registry
        .configs()
        .iter()
        .map(|config| config.name.as_str())
        .filter(|name| on_gpus(name))
        .collect()
}

#[test]
fn every_model_gets_a_type_that_makes_a_clean_project() {
    let configs = gpu_configs();
    assert!(!configs.is_empty());
    let mut sized = 0;
    let mut faults = Vec::new();
    for config in &configs {
        for model in Catalogs::embedded().models().iter() {
            let asked = json!({"deploymentConfig": config});
            sized += u32::from(first_is_clean(&asked, model.id.as_str(), 900.0, &mut faults));
        }
    }
    // All but those that serve no language models.
    assert!(sized > 140, "{sized} on {configs:?}");
    assert!(faults.is_empty(), "{} of {sized}:\n{}", faults.len(), faults.join("\n"));
}

/// The same on Neuron, for the models that the engines there serve.
#[test]
fn every_model_that_runs_on_neuron_gets_a_type_that_makes_a_clean_project() {
    let registry = mcc_generator::registry();
    let mut served = 0;
    let mut faults = Vec::new();
    for config in registry.configs() {
        let Some(layer) = registry.on(config, "neuron") else { continue };
        let engine = layer.manifest.engine.as_deref().unwrap();
        let engines = Catalogs::embedded().engines();
        for model in Catalogs::embedded().models().iter() {
            if engines.architecture(engine, &model.architecture).is_none()
                || mcc_fit::sizing::shape_of(model)
                    .is_some_and(|shape| shape.quantization.is_some())
                || model.task.as_deref() == Some("feature-extraction")
            {
                continue;
            }
            let asked = json!({"deploymentConfig": config.name, "accelerator": "neuron"});
            let whole = first_is_clean(&asked, model.id.as_str(), 300.0, &mut faults);
            served += u32::from(whole);
        }
    }
    assert!(served > 30, "{served}");
    assert!(faults.is_empty(), "{} of {served}:\n{}", faults.len(), faults.join("\n"));
}

/// Whether the model could be sized at all; what is wrong with its first recommendation goes to `faults`. Models
/// from `too_large` GiB on may find no instance type.
fn first_is_clean(asked: &Value, name: &str, too_large: f64, faults: &mut Vec<String>) -> bool {
    let mut arguments = json!({"modelName": name, "region": "us-east-1"});
    arguments.as_object_mut().unwrap().extend(asked.as_object().unwrap().clone());
    let config = asked["deploymentConfig"].as_str().unwrap();
    let answer = call("recommend_instance", arguments);
    if answer["status"] == "error" {
        let not_served = answer.to_string().contains("it serves no language models");
        assert!(
            not_served || answer["error"]["code"] == "model_not_sized",
            "{config} {name}: {answer:#}"
        );
        return false;
    }
    let Some(first) = answer["recommendations"].get(0) else {
        // Some are larger than any instance.
        let weights = answer["model"]["weightsGib"].as_f64().unwrap();
        // Of some the engines' releases of today no longer serve the class, and the answer says just that.
        let misses = answer["nearMisses"].as_array().unwrap();
        // What a model is for is not served by every config, and the answer says that too.
        let dropped = |miss: &Value| {
            let reason = miss["reason"].as_str().unwrap();
            reason.contains(" was the last with ") || reason.contains("this config does not serve")
        };
        if weights < too_large && !misses.iter().any(dropped) {
            faults.push(format!("{config} {name}: nothing fits {weights} GiB: {answer:#}"));
        }
        return true;
    };
    let memory = &first["memory"];
    let number = |key: &str| memory[key].as_f64().unwrap_or_else(|| panic!("{name}: {first:#}"));
    assert!(number("budgetGib") <= number("deviceGib"), "{name}");
    assert!(number("weightsGib") + number("overheadGib") <= number("budgetGib"), "{name}");
    let all = answer["recommendations"].as_array().unwrap();
    let usd = |row: &Value| row["price"]["usdPerHour"].as_f64().unwrap_or(f64::INFINITY);
    assert!(all.iter().all(|row| usd(first) <= usd(row)), "{name}");
    let mut inputs = first["inputs"].as_object().unwrap().clone();
    // What the answer says has to be set, as a user would set it.
    for setting in answer["settings"].as_array().into_iter().flatten() {
        let value = match setting["key"].as_str().unwrap() {
            "hfTokenArn" => {
                json!("arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf")
            }
            "trustRemoteCode" => {
                inputs.insert(
                    "modelRevision".to_owned(),
                    json!("0123456789abcdef0123456789abcdef01234567"),
                );
                json!(true)
            }
            other => panic!("{name}: {other}"),
        };
        inputs.insert(setting["key"].as_str().unwrap().to_owned(), value);
    }
    let mut found = findings(&inputs);
    // What nobody knows, or what the recommendation itself warns of, is said by both.
    let warned = first["warnings"].to_string();
    // That a re-ranking model generates is no matter of the instance type.
    found.retain(|finding| !finding.starts_with("MCC-TSK-003"));
    if asked.get("accelerator").is_some() {
        // Neuron types come in sizes that no power of two fills, which the answer tells, and LMI's tags for it are
        // composed, which is a note.
        let idle = first["idleAccelerators"].as_u64();
        found.retain(|finding| {
            !(finding.starts_with("MCC-IMG-002")
                || (finding.starts_with("MCC-TP-003") && idle.is_some()))
        });
    }
    // Blocks of quantized weights can keep a model on few of the devices that its instance has.
    let row = Catalogs::embedded().models().get(name).and_then(mcc_fit::sizing::shape_of);
    if row.is_some_and(|shape| shape.widths.block.is_some()) {
        found.retain(|finding| !finding.starts_with("MCC-TP-003"));
    }
    found.retain(|finding| {
        let unknown = ["do not know", "not known", "not estimated"];
        let unknown = unknown.iter().any(|words| finding.contains(words));
        let said = [("MCC-IMG-002", "composed"), ("MCC-DRV-003", "minor-version")];
        let said = said.iter().any(|(id, word)| finding.starts_with(id) && warned.contains(word));
        let message = finding.split_once(' ').map_or("", |(_, message)| message);
        // Where a limit of GPUs is known from, only the plan says.
        let message = match message.split_once(" (") {
            Some((limit, _)) if finding.starts_with("MCC-GPU-001") => limit,
            _ => message,
        };
        !(said
            || warned.contains(message)
            || (unknown && (warned.contains("nothing is known") || warned.contains("not known"))))
    });
    if !found.is_empty() {
        faults.push(format!("{config} {name} on {}: {found:?} {warned}", first["instanceType"]));
    }
    true
}

/// What AWS's own tests serve is not refused.
#[test]
fn every_known_fit_is_accepted() {
    let catalogs = Catalogs::embedded();
    let mut checked = 0;
    let mut faults = Vec::new();
    for fit in catalogs.evidence().known_fits() {
        let Some(id) = &fit.id else { continue };
        if catalogs.models().get(id.as_str()).is_none() {
            continue;
        }
        let mut arguments =
            json!({"modelName": id.as_str(), "instanceTypes": [fit.instance.as_str()]});
        let given = [
            ("maxModelLen", json!(fit.max_model_len)),
            ("tensorParallelSize", json!(fit.tensor_parallel)),
            ("gpuMemoryUtilization", json!(fit.gpu_memory_utilization)),
        ];
        for (key, value) in given {
            if !value.is_null() {
                arguments[key] = value;
            }
        }
        let answer = call("compare_instances", arguments.clone());
        if answer["error"]["code"] == "model_not_sized" {
            continue;
        }
        checked += 1;
        if answer["rows"][0]["fits"] != true {
            faults.push(format!("{arguments}: {}", answer["rows"][0]["reason"]));
        }
    }
    assert!(checked >= 5, "{checked}");
    assert!(faults.is_empty(), "{} of {checked}:\n{}", faults.len(), faults.join("\n"));
}
