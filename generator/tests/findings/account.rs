//! What an account has under the addresses that inputs name.

use std::sync::Arc;

use mcc_catalogs::{
    Ask, Catalogs, NamedRow, Resource, ResourcesFile, Rows, Stored, StoredFile, Table,
};
use mcc_generator::{Finding, Plan, Severity};
use serde_json::{Value, json};

use crate::found;
use crate::support::{merged, object};

const ADDRESS: &str = "s3://bucket/m/";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf";
/// A Llama of 8 billion parameters: 16.1 GB.
const CONFIG: &str = r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
    "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32,
    "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16"}"#;
const WEIGHTS: (&str, u64) = ("model.safetensors", 16_060_556_376);

fn stored(files: &[(&str, u64)], config: Option<&str>) -> Stored {
    let file = |(name, size): &(&str, u64)| StoredFile { name: (*name).to_owned(), size: *size };
    Stored {
        address: ADDRESS.parse().unwrap(),
        region: None,
        is_object: false,
        files: files.iter().map(file).collect(),
        complete: true,
        config: config.map(|text| serde_json::from_str(text).unwrap()),
    }
}

fn laid(file: ResourcesFile) -> Catalogs {
    Arc::clone(Catalogs::shared()).with(Rows::live("AWS").with(file))
}

/// The plan of a project whose model is at the address, where `row` is what was found there.
fn plan(row: Option<Stored>, more: &Value) -> Plan {
    let stored = Table::from(row.into_iter().collect::<Vec<_>>());
    let catalogs = laid(ResourcesFile { stored, ..ResourcesFile::default() });
    let mut inputs = object(json!({"projectName": "mine", "deploymentConfig": "transformers-vllm",
        "deploymentTarget": "managed-inference", "modelName": ADDRESS, "region": "us-east-1"}));
    inputs.extend(object(more.clone()));
    mcc_generator::plan(&catalogs, &merged(&inputs))
}

fn weights(plan: &Plan) -> Option<f64> {
    Some(plan.decisions.as_ref()?.memory.as_ref()?.weights_gib)
}

#[test]
fn a_configuration_in_s3_is_as_good_as_one_that_is_given() {
    let on = json!({"instanceType": "ml.g6e.2xlarge"});
    let unknown = plan(None, &on);
    assert!(found(&unknown, "MCC-MDL-001").is_some() && weights(&unknown).is_none());
    let given = plan(None, &json!({"instanceType": "ml.g6e.2xlarge", "modelConfig": CONFIG}));
    let known = plan(Some(stored(&[("config.json", 9), WEIGHTS], Some(CONFIG))), &on);
    assert!(found(&known, "MCC-MDL-001").is_none(), "{:#?}", known.findings);
    assert!(weights(&known).is_some() && weights(&known) == weights(&given));
    // The type is chosen by it, and a type that is too small is refused.
    let row = || Some(stored(&[("config.json", 9), WEIGHTS], Some(CONFIG)));
    let chosen = plan(row(), &json!({}));
    assert!(chosen.is_ready() && weights(&chosen).is_some(), "{:#?}", chosen.findings);
    let small = plan(row(), &json!({"instanceType": "ml.g4dn.xlarge"}));
    assert!(found(&small, "MCC-MEM-001").is_some_and(Finding::is_error), "{:#?}", small.findings);
    // What is given is taken before what was found.
    let other = CONFIG.replace("\"num_hidden_layers\": 32", "\"num_hidden_layers\": 16");
    let both = plan(row(), &json!({"instanceType": "ml.g6e.2xlarge", "modelConfig": other}));
    assert!(weights(&both) < weights(&given), "{:?}", weights(&both));
    // It is still asked for: what was found is nobody's input.
    let catalogs = laid(ResourcesFile {
        stored: Table::from(vec![stored(&[WEIGHTS], Some(CONFIG))]),
        ..ResourcesFile::default()
    });
    let inputs = object(json!({"modelName": ADDRESS, "region": "us-east-1"}));
    let asks = mcc_generator::asks(&catalogs, &merged(&inputs));
    assert!(asks.contains(&Ask::Files(ADDRESS.parse().unwrap())), "{asks:?}");
}

#[test]
fn bytes_of_the_files_are_those_of_the_weights() {
    let on = json!({"instanceType": "ml.g6e.2xlarge"});
    let half = ("model.safetensors", 8_030_278_188);
    let small = plan(Some(stored(&[("config.json", 9), half], Some(CONFIG))), &on);
    let full = plan(Some(stored(&[("config.json", 9), WEIGHTS], Some(CONFIG))), &on);
    let (small, full) = (weights(&small).unwrap(), weights(&full).unwrap());
    assert!((full / small - 2.0).abs() < 0.1, "{small} {full}");
    // A list that was not read to its end says no size: it is calculated.
    let some = Stored { complete: false, ..stored(&[("config.json", 9), half], Some(CONFIG)) };
    let some = plan(Some(some), &on);
    assert!((weights(&some).unwrap() - full).abs() < 0.2, "{:?}", weights(&some));
    assert!(found(&some, "MCC-MDL-009").is_none());
}

#[test]
fn a_configuration_in_s3_that_says_too_little_is_told_and_refuses_nothing() {
    for config in ["{}", r#"{"hidden_size": -1}"#] {
        let row = stored(&[("config.json", 2), WEIGHTS], Some(config));
        let plan = plan(Some(row), &json!({"instanceType": "ml.g6e.2xlarge"}));
        let told = found(&plan, "MCC-MDL-001").expect("a finding");
        assert_eq!(told.severity, Severity::Warning);
        assert_eq!(told.field.as_deref(), Some("modelName"));
        assert!(plan.is_ready(), "{:#?}", plan.findings);
    }
}

#[test]
fn nothing_at_an_address_is_refused() {
    let on = json!({"instanceType": "ml.g6e.2xlarge"});
    let gone = plan(Some(stored(&[], None)), &on);
    let told = found(&gone, "MCC-MDL-008").expect("a finding");
    assert!(told.is_error() && told.message.contains(ADDRESS), "{told:?}");
    assert!(found(&gone, "MCC-MDL-001").is_none(), "{:#?}", gone.findings);
    // What was not listed may be there.
    let unknown = plan(Some(Stored { complete: false, ..stored(&[], None) }), &on);
    assert!(found(&unknown, "MCC-MDL-008").is_none() && unknown.is_ready());
    assert!(found(&plan(None, &on), "MCC-MDL-008").is_none());
}

#[test]
fn files_that_are_not_all_of_a_model_are_told() {
    let on = json!({"instanceType": "ml.g6e.2xlarge"});
    let config = ("config.json", 9);
    let one = Stored { is_object: true, ..stored(&[("m", 9)], None) };
    for (row, words) in [
        (stored(&[WEIGHTS], None), "no config.json"),
        (stored(&[config], Some(CONFIG)), "no weights"),
        (
            stored(&[config, ("model-00001-of-00004.safetensors", 9)], Some(CONFIG)),
            "3 of the 4 files",
        ),
        (one, "one file"),
        (stored(&[config, WEIGHTS], Some(CONFIG)), ""),
    ] {
        let plan = plan(Some(row), &on);
        match found(&plan, "MCC-MDL-009") {
            Some(told) => {
                assert!(!words.is_empty() && told.message.contains(words), "{told:?}");
                assert_eq!(told.severity, Severity::Warning);
            }
            None => assert!(words.is_empty(), "{words}: {:#?}", plan.findings),
        }
    }
    // What is there in place of a model is told as of a repository of the hub.
    let gguf = plan(Some(stored(&[("m-Q4_K_M.gguf", 9)], None)), &on);
    assert!(found(&gguf, "MCC-MDL-006").is_some_and(Finding::is_error), "{:#?}", gguf.findings);
    assert!(found(&gguf, "MCC-MDL-009").is_none(), "{:#?}", gguf.findings);
}

#[test]
fn a_token_whose_secret_is_not_there_is_refused() {
    let of = |resource: Option<Resource>| {
        let row = |resource| NamedRow { arn: SECRET.parse().unwrap(), resource };
        let named = Table::from(resource.into_iter().map(row).collect::<Vec<_>>());
        let catalogs = laid(ResourcesFile { named, ..ResourcesFile::default() });
        let inputs = json!({"projectName": "mine", "deploymentConfig": "transformers-vllm",
            "deploymentTarget": "managed-inference", "modelName": "Qwen/Qwen3-8B", "region": "us-east-1",
            "instanceType": "ml.g6e.2xlarge", "hfTokenArn": SECRET});
        mcc_generator::plan(&catalogs, &merged(&object(inputs)))
    };
    let secret = |deleted| Some(Resource::Secret { name: "hf".to_owned(), deleted });
    for (resource, words) in
        [(Some(Resource::Missing), "no such secret"), (secret(true), "is to be deleted")]
    {
        let plan = of(resource);
        let told = found(&plan, "MCC-SEC-003").expect("a finding");
        assert!(told.is_error() && told.message.contains(words), "{told:?}");
        assert_eq!(told.field.as_deref(), Some("hfTokenArn"));
    }
    for resource in [secret(false), None] {
        assert!(found(&of(resource), "MCC-SEC-003").is_none());
    }
}
