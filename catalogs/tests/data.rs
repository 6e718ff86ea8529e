//! The data files: complete, exact, and in agreement with each other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mcc_catalogs::{Catalogs, InstancesFile, Limits, Visitor};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(data(name)).unwrap()
}

/// What the type writes is what the file has: no field is lost, none is filled in.
fn exact<F: DeserializeOwned + Serialize>(name: &str) {
    let text = read(name);
    let typed: F = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let written = serde_json::to_value(&typed).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    for (key, value) in file.as_object().unwrap() {
        let rows = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for (row, typed) in rows(value).into_iter().zip(rows(&written[key])) {
            assert_eq!(row, typed, "{name}: {key}");
        }
        assert_eq!(rows(value).len(), rows(&written[key]).len(), "{name}: {key}");
    }
    assert_eq!(file.as_object().unwrap().len(), written.as_object().unwrap().len(), "{name}");
    for key in ["as_of", "source"] {
        assert!(!file[key].as_str().unwrap_or_default().is_empty(), "{name} does not say {key}");
    }
}

#[test]
fn every_file_has_the_form_of_its_type() {
    struct Exact;
    impl Visitor for Exact {
        fn file<F: DeserializeOwned + Serialize>(&mut self, name: &'static str, _: &'static str) {
            exact::<F>(name);
        }
    }
    mcc_catalogs::visit(&mut Exact);
}

#[test]
fn no_file_lies_around_unread() {
    let on_disk: BTreeSet<String> = std::fs::read_dir(data(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "crds")
        .collect();
    let read: BTreeSet<String> =
        mcc_catalogs::schemas().into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(on_disk, read);
}

#[test]
fn unknown_fields_are_refused() {
    let text = read("limits.json").replacen("\"port\"", "\"prot\"", 1);
    let error = serde_json::from_str::<Limits>(&text).unwrap_err().to_string();
    assert!(error.contains("prot"), "{error}");
    let text = read("instances.json").replacen("\"vcpus\"", "\"cpus\": 1, \"vcpus\"", 1);
    let error = serde_json::from_str::<InstancesFile>(&text).unwrap_err().to_string();
    assert!(error.contains("cpus"), "{error}");
}

#[test]
fn files_agree_with_each_other() {
    let findings = Catalogs::default().check();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn keys_are_unique() {
    let keys = |rows: Vec<String>, what: &str| {
        let unique: BTreeSet<&String> = rows.iter().collect();
        assert_eq!(unique.len(), rows.len(), "{what}");
    };
    let catalogs = Catalogs::embedded();
    keys(catalogs.instances().iter().map(|row| row.name.to_string()).collect(), "instances");
    keys(catalogs.accelerators().iter().map(|row| row.name.clone()).collect(), "accelerators");
    keys(catalogs.prices().iter().map(|row| row.name.to_string()).collect(), "prices");
    keys(catalogs.regions().iter().map(|row| row.region.to_string()).collect(), "regions");
    keys(catalogs.models().iter().map(|row| row.id.as_str().to_lowercase()).collect(), "models");
    keys(
        catalogs.images().iter().map(|row| format!("{} {}", row.family, row.tag)).collect(),
        "images",
    );
    keys(
        catalogs.engines().architectures().map(|r| format!("{} {}", r.engine, r.class)).collect(),
        "architectures",
    );
    let options = catalogs.engines().options("vllm").unwrap();
    keys(options.options.iter().map(|row| row.name.clone()).collect(), "options");
}

#[test]
fn as_many_instance_types_as_the_api_has() {
    let instances = Catalogs::embedded().instances();
    let counts = instances.enum_counts().unwrap();
    assert_eq!((counts.hosting, counts.batch_transform, counts.hyperpod), (277, 116, 209));
    assert_eq!(instances.iter().filter(|row| row.hosting).count(), counts.hosting);
    assert_eq!(instances.iter().filter(|row| row.batch_transform).count(), counts.batch_transform);
    assert_eq!(instances.iter().filter(|row| row.hyperpod).count(), counts.hyperpod);
}

#[test]
fn vllm_knows_the_class_of_every_model_but_these() {
    let catalogs = Catalogs::embedded();
    let unknown: Vec<&str> = catalogs
        .models()
        .iter()
        .filter(|row| catalogs.engines().architecture("vllm", &row.architecture).is_none())
        .map(|row| row.id.as_str())
        .collect();
    // Their configurations name classes that vLLM's registry has only with other endings, or not at all.
    assert_eq!(
        unknown,
        [
            "MiniMaxAI/MiniMax-M3",
            "FacebookAI/xlm-roberta-base",
            "sentence-transformers/all-mpnet-base-v2",
            "stepfun-ai/Step-3.7-Flash",
            "stepfun-ai/Step-3.7-Flash-FP8"
        ]
    );
}

#[test]
fn what_is_compiled_in_stays_small() {
    let total: u64 = std::fs::read_dir(data(""))
        .unwrap()
        .chain(std::fs::read_dir(data("crds")).unwrap())
        .map(|entry| entry.unwrap().metadata().unwrap())
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len())
        .sum();
    assert!(total < 1_500_000, "{total} bytes");
}

#[test]
fn a_manifest_schema_is_a_schema() {
    let hyperpod = Catalogs::embedded().hyperpod();
    let text = hyperpod.crd_schema("InferenceEndpointConfig").unwrap();
    let schema: Value = serde_json::from_str(text).unwrap();
    let spec = &schema["properties"]["spec"];
    assert_eq!(spec["required"], serde_json::json!(["modelName", "modelSourceConfig", "worker"]));
    assert!(spec["properties"]["worker"]["properties"]["resources"].is_object());
    let api_versions = schema["properties"]["apiVersion"]["enum"].as_array().unwrap();
    assert!(api_versions.contains(&hyperpod.operator().unwrap().api_version.clone().into()));
    assert_eq!(hyperpod.crd_schema("Deployment"), None);
}

#[test]
fn schemas_on_disk_are_those_of_the_types() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut names = BTreeSet::new();
    for (name, schema) in mcc_catalogs::schemas() {
        let written = std::fs::read_to_string(dir.join(name)).unwrap_or_default();
        assert_eq!(
            written,
            format!("{schema:#}\n"),
            "{name}: run `cargo run -p mcc-catalogs --example schemas`"
        );
        names.insert(name.to_owned());
    }
    let on_disk: BTreeSet<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(on_disk, names);
}
