//! What an account has under the addresses that inputs name.

use std::sync::Arc;

use mcc_catalogs::{
    Ask, Catalogs, NamedRow, Platform, Resource, ResourcesFile, Rows, Stored, StoredFile, Table,
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

const PACKAGE: &str = "arn:aws:sagemaker:us-east-1:123456789012:model-package/chat/3";
const GROUP: &str = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/chat";

/// An approved package with a model in S3, with changes.
fn package(more: &Value) -> Resource {
    let mut row = json!({"kind": "package", "approval": "Approved", "status": "Completed", "containers": 1,
        "model": ADDRESS});
    row.as_object_mut().unwrap().extend(object(more.clone()));
    serde_json::from_value(row).unwrap()
}

/// The catalogs in which the registry said that of an ARN, and S3 what is at the package's address.
fn registered(arn: &str, resource: Option<Resource>) -> Catalogs {
    let row = |resource| NamedRow { arn: arn.parse().unwrap(), resource };
    let named = Table::from(resource.into_iter().map(row).collect::<Vec<_>>());
    let stored = Table::from(vec![stored(&[("config.json", 9), WEIGHTS], Some(CONFIG))]);
    laid(ResourcesFile {
        as_of: "2026-11-30".to_owned(),
        named,
        stored,
        ..ResourcesFile::default()
    })
}

fn of_package(arn: &str, resource: Option<Resource>, more: &Value) -> Plan {
    let mut inputs = object(json!({"modelName": arn, "deploymentTarget": "managed-inference"}));
    inputs.extend(object(more.clone()));
    mcc_generator::plan(&registered(arn, resource), &merged(&inputs))
}

fn input(plan: &Plan, key: &str) -> Option<(String, String)> {
    let found = plan.inputs.iter().find(|input| input.key == key)?;
    Some((found.value.as_str()?.to_owned(), found.source.clone()))
}

#[test]
fn a_package_of_the_registry_is_the_model_that_it_names() {
    let vllm = json!({"deploymentConfig": "transformers-vllm"});
    let plan = of_package(PACKAGE, Some(package(&json!({}))), &vllm);
    assert!(plan.is_ready(), "{:#?}", plan.findings);
    assert!(weights(&plan).is_some() && found(&plan, "MCC-MDL-011").is_none());
    let text = |key| input(&plan, key).map(|(value, _)| value);
    // The ARN stays what was given; its Region and its name are the project's.
    assert_eq!(text("modelName").as_deref(), Some(PACKAGE));
    assert_eq!(text("region").as_deref(), Some("us-east-1"));
    assert_eq!(text("projectName").as_deref(), Some("chat"));
    // What is served is what is at the address, as if that had been given.
    let catalogs = registered(PACKAGE, Some(package(&json!({}))));
    let made = |name: &str| {
        let inputs = json!({"modelName": name, "deploymentTarget": "managed-inference",
            "deploymentConfig": "transformers-vllm", "projectName": "chat", "region": "us-east-1"});
        let (_, project) = mcc_generator::generate(&catalogs, &merged(&object(inputs))).unwrap();
        project
    };
    let (named, given) = (made(PACKAGE), made(ADDRESS));
    for (path, file) in given.files().filter(|(path, _)| !path.starts_with(".mcc/")) {
        let own = named.files().find(|(own, _)| *own == path).map(|(_, own)| &own.bytes);
        assert_eq!(own, Some(&file.bytes), "{path}");
    }
    // The package is kept with the project, so that nobody need look again.
    let facts = named.files().find(|(path, _)| *path == ".mcc/facts.json").unwrap().1;
    assert!(String::from_utf8_lossy(&facts.bytes).contains(PACKAGE));
}

#[test]
fn a_package_is_looked_up_and_then_its_files() {
    let asks = |resource: Option<Resource>| {
        let inputs = object(json!({"modelName": PACKAGE, "deploymentConfig": "transformers-vllm"}));
        mcc_generator::asks(&registered(PACKAGE, resource), &merged(&inputs))
    };
    let (named, files) =
        (Ask::Named(PACKAGE.parse().unwrap()), Ask::Files(ADDRESS.parse().unwrap()));
    let first = asks(None);
    assert!(first.contains(&named) && !first.contains(&files), "{first:?}");
    let second = asks(Some(package(&json!({}))));
    assert!(second.contains(&named) && second.contains(&files), "{second:?}");
}

#[test]
fn the_image_of_a_package_decides_what_serves_it() {
    let images = Catalogs::embedded().images();
    let row =
        images.of_family("vllm").find(|row| row.listed && row.platform == Platform::SageMaker);
    let row = row.expect("an image");
    let address = images.address(row, &"us-east-1".parse().unwrap()).unwrap().uri.to_string();
    let with = || Some(package(&json!({"image": address})));
    let plan = of_package(PACKAGE, with(), &json!({}));
    let (config, _) = input(&plan, "deploymentConfig").expect("a config");
    assert_eq!(config, "transformers-vllm", "{address}");
    let (image, source) = input(&plan, "baseImage").expect("an image");
    assert_eq!(image, address);
    assert!(source.contains("looked up"), "{source}");
    // What is given wins, and the image is told that is not used.
    let other = of_package(PACKAGE, with(), &json!({"deploymentConfig": "transformers-sglang"}));
    assert_eq!(input(&other, "baseImage"), None);
    let told = found(&other, "MCC-MDL-011").expect("a finding");
    assert!(told.message.contains("is not used"), "{told:?}");
}

#[test]
fn packages_that_cannot_be_deployed_are_refused() {
    let vllm = json!({"deploymentConfig": "transformers-vllm"});
    let gone: Resource = serde_json::from_value(json!({"kind": "missing"})).unwrap();
    let xgboost = json!({"framework": "XGBOOST", "framework_version": "3.2", "model": "s3://bucket/m.tar.gz"});
    for (resource, message, fix) in [
        (None, "not known here", "--mode smart"),
        (Some(gone), "no such package", "check the ARN"),
        (Some(package(&json!({"model": null}))), "no model in S3", "describe-model-package"),
        (
            Some(package(&xgboost)),
            "a model of xgboost",
            "aws s3 cp s3://bucket/m.tar.gz - | tar -xz",
        ),
    ] {
        let plan = of_package(PACKAGE, resource, &vllm);
        let told = found(&plan, "MCC-MDL-010").unwrap_or_else(|| panic!("{message}"));
        assert!(told.is_error() && !plan.is_ready(), "{told:?}");
        assert_eq!(told.field.as_deref(), Some("modelName"));
        assert!(told.message.contains(message) && told.fix.contains(fix), "{told:?}");
    }
    let plan = of_package(PACKAGE, Some(package(&json!({}))), &vllm);
    assert!(found(&plan, "MCC-MDL-010").is_none());
}

#[test]
fn what_a_package_says_beside_its_model_is_told() {
    let vllm = json!({"deploymentConfig": "transformers-vllm", "instanceType": "ml.g6e.2xlarge"});
    for (more, severity, words) in [
        (json!({"approval": "PendingManualApproval"}), Severity::Warning, "not Approved"),
        (json!({"approval": "Rejected"}), Severity::Warning, "is Rejected"),
        (json!({"status": "Failed"}), Severity::Warning, "is Failed"),
        (json!({"containers": 3}), Severity::Warning, "has 3 containers"),
        (json!({"types": ["ml.p5.48xlarge"]}), Severity::Warning, "does not name ml.g6e.2xlarge"),
        (json!({"version": PACKAGE}), Severity::Note, "of the group"),
    ] {
        let plan = of_package(GROUP, Some(package(&more)), &vllm);
        let told = found(&plan, "MCC-MDL-011").unwrap_or_else(|| panic!("{more}"));
        assert_eq!(told.severity, severity, "{told:?}");
        assert!(told.message.contains(words), "{told:?}");
        assert!(plan.is_ready(), "{:#?}", plan.findings);
    }
    let named = json!({"types": ["ml.g6e.2xlarge"], "approval": "Approved"});
    assert!(found(&of_package(GROUP, Some(package(&named)), &vllm), "MCC-MDL-011").is_none());
}

#[test]
fn a_model_in_s3_that_a_config_packs_is_to_be_copied() {
    let inputs = json!({"deploymentConfig": "http-flask", "framework": "sklearn", "region": "us-east-1",
        "deploymentTarget": "managed-inference", "modelName": "s3://bucket/model.tar.gz"});
    let plan = mcc_generator::plan(Catalogs::embedded(), &merged(&object(inputs)));
    let told = found(&plan, "MCC-INP-005").expect("a finding");
    assert!(told.is_error() && told.field.as_deref() == Some("modelName"), "{told:?}");
    assert!(told.fix.contains("aws s3 cp s3://bucket/model.tar.gz - | tar -xz"), "{told:?}");
    assert!(told.fix.contains("modelPath"), "{told:?}");
}
