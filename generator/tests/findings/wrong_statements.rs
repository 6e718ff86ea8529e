//! What is said is so: statements of fixes, documents and steps that led astray before.

use std::path::{Path, PathBuf};

use mcc_catalogs::{Catalogs, GatedFrom};
use serde_json::{Value, json};

use super::support::{object, project, try_project};
use super::{found, plan, says};

fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("findings").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn a_split_that_does_not_fit_is_not_kept_in_the_fix() {
    let base = json!({"modelName": "Qwen/Qwen2.5-72B-Instruct", "instanceType": "ml.g6e.12xlarge"});
    says(&base, &json!({"tensorParallelSize": 1}), "MCC-MEM-001", "give tensorParallelSize: 4, or");
    says(&base, &json!({"tensorParallelSize": 4}), "MCC-MEM-001", "");
    // Where no split fits, none is proposed.
    let small = plan(&base, &json!({"tensorParallelSize": 2, "instanceType": "ml.g6.12xlarge"}));
    let told = found(&small, "MCC-MEM-001").expect("a finding");
    assert!(!told.fix.contains("tensorParallelSize"), "{}", told.fix);
}

#[test]
fn a_file_that_is_too_large_leads_to_the_way_that_works() {
    let file = folder("large").join("model.onnx");
    std::fs::File::create(&file).unwrap().set_len(600 << 20).unwrap();
    let path = file.to_str().unwrap();
    let large = plan(&json!({"modelPath": path}), &json!({}));
    let told: Vec<_> = large.findings.iter().filter(|f| f.id == "MCC-INP-004").collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].fix.contains("includeSample false"), "{}", told[0].fix);
    // That way works, and says where the model goes.
    let own = json!({"deploymentConfig": "triton-onnxruntime", "includeSample": false});
    let (plan, _) = try_project(&object(own)).unwrap();
    assert_eq!(plan.first_steps[0], "put your model at model_repository/model/1/model.onnx");
}

#[test]
fn a_saved_model_beneath_the_folder_is_named() {
    let dir = folder("exported");
    let base = json!({"deploymentConfig": "http-fastapi", "framework": "tensorflow", "modelPath": dir.to_str().unwrap()});
    std::fs::create_dir_all(dir.join("code")).unwrap();
    std::fs::write(dir.join("code/inference.py"), "").unwrap();
    let before = plan(&base, &json!({}));
    assert!(
        !before.findings.iter().any(|f| f.fix.contains("exported/1")),
        "{:#?}",
        before.findings
    );
    std::fs::create_dir_all(dir.join("1")).unwrap();
    std::fs::write(dir.join("1/saved_model.pb"), b"").unwrap();
    let told = plan(&base, &json!({}));
    let told = found(&told, "MCC-INP-004").expect("a finding");
    assert!(
        told.message.contains("beneath it in 1") && told.fix.ends_with("exported/1"),
        "{told:#?}"
    );
}

#[test]
fn documents_promise_streams_only_where_there_are_some() {
    let readme = |config: &str, target: &str| {
        let made = project(&object(
            json!({"modelName": "Qwen/Qwen3-8B", "deploymentConfig": config, "deploymentTarget": target}),
        ));
        String::from_utf8_lossy(&made.get("README.md").unwrap().bytes).into_owned()
    };
    for config in ["transformers-vllm", "transformers-sglang", "transformers-djl", "triton-vllm"] {
        assert!(readme(config, "managed-inference").contains("\"stream\": true"), "{config}");
        for target in ["async-inference", "batch-transform"] {
            assert!(!readme(config, target).contains("\"stream\": true"), "{config} on {target}");
        }
    }
}

#[test]
fn a_licence_that_is_inferred_is_told_as_such() {
    let of = |from: Option<GatedFrom>| {
        let models = Catalogs::embedded().models();
        let gated = models.iter().find(|row| row.gated == Some(true) && row.gated_from == from);
        gated.map(|row| {
            plan(
                &json!({"modelName": row.id.as_str(), "instanceType": "ml.p5.48xlarge"}),
                &json!({}),
            )
        })
    };
    let inferred = of(Some(GatedFrom::Publisher)).expect("a model");
    let told = found(&inferred, "MCC-MDL-002").expect("a finding");
    assert!(told.message.contains("whether this one is gated was not read"), "{}", told.message);
    if inferred.is_ready() {
        assert!(
            inferred.first_steps[0].contains("on the hub if asked"),
            "{:?}",
            inferred.first_steps
        );
    }
    if let Some(known) = of(Some(GatedFrom::Hub)).filter(mcc_generator::Plan::is_ready) {
        assert!(!known.first_steps[0].contains("if asked"), "{:?}", known.first_steps);
    }
}

#[test]
fn options_of_the_server_around_an_engine_are_not_called_the_engine_s() {
    let base = json!({"modelName": "Qwen/Qwen3-8B", "deploymentConfig": "transformers-lmi"});
    let given = |name: &str| json!({"engineArgs": {name: "1"}});
    for (name, id, words) in [
        ("predict-timeout", "MCC-ENG-003", "the target decides it"),
        ("option.predict_timeout", "MCC-ENG-003", "the target decides it"),
        ("option.max_model_len", "MCC-ENG-003", "give maxModelLen"),
        ("serving.job_queue_size", "MCC-ENG-001", ""),
        ("option.output_formatter", "MCC-ENG-001", ""),
        ("output-formatter", "MCC-ENG-001", ""),
        ("no-such-option", "MCC-ENG-001", "no-such-option is no option"),
        ("option.seed", "MCC-ENG-001", ""),
    ] {
        says(&base, &given(name), id, words);
    }
    // They reach the server as they were given.
    let mut inputs = object(base);
    inputs.insert(
        "engineArgs".to_owned(),
        json!({"serving.job_queue_size": "300", "option.seed": 7}),
    );
    let made = project(&inputs);
    let text = made.get("code/engine-args.json").unwrap().bytes.clone();
    let value: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(value["options"], json!({"serving.job_queue_size": "300", "seed": 7}), "{value:#}");
}
