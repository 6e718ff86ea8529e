//! Projects for Triton, judged by its own definition of a configuration and by Triton itself, whose Python
//! backend serves those that need no other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../../tests/needs/mod.rs"]
mod needs;
mod support;

use std::path::Path;
use std::process::Command;

use mcc_generator::registry;
use serde_json::{Map, Value, json};
use support::matrix::shown_on_all;
use support::{base, object, plan_of, project};

needs::tests! {
    triton_takes_every_repository,
    triton_serves_what_is_written_in_python,
    triton_serves_the_engine_that_is_called_from_python,
    tensors_are_read_from_the_model,
    what_a_backend_cannot_serve_is_refused,
    two_classes_have_two_probabilities,
    python_models_get_what_their_pickles_need,
    a_graph_that_says_nothing_gets_no_request,
    tensorflow_gets_a_release_that_has_it,
    language_models_get_a_release_that_generates,
}

fn configs() -> Vec<String> {
    let ours = registry().configs().iter().filter(|c| c.architecture == "triton");
    ours.map(|c| c.name.clone()).collect()
}

fn inputs(config: &str, more: Value) -> Map<String, Value> {
    let mut inputs = base(config, "managed-inference");
    inputs.extend(object(more));
    inputs
}

fn config_of(inputs: &Map<String, Value>) -> String {
    let file =
        project(inputs).get("model_repository/model/config.pbtxt").expect("a config").clone();
    String::from_utf8(file.bytes.into_owned()).unwrap()
}

/// Runs a check of `tests/triton` on `folders`.
fn check(script: &str, modules: &[&str], dir: &Path, folders: &[String]) {
    for module in modules {
        needs::module(module);
    }
    let script = format!("{}/tests/triton/{script}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("python3")
        .arg(script)
        .arg(dir)
        .args(folders)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python3");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn write(inputs: &Map<String, Value>, folder: &Path) -> String {
    project(inputs).write(folder).unwrap();
    folder.to_str().unwrap().to_owned()
}

fn triton_takes_every_repository() {
    let dir = tempfile::tempdir().unwrap();
    let own = json!({"includeSample": false, "modelInputs": {"a/b:0": "FP32[-1,3]", "TYPE_KIND": "BYTES[1]"},
        "modelOutputs": {"y": "INT64[2]"}, "workers": 2});
    let forest = fixture(
        "forest.json",
        br#"{"learner":{"learner_model_param":{"num_class":"3","num_feature":"5"}}}"#,
    );
    let forest = json!({"includeSample": false, "modelPath": forest});
    let mut folders = Vec::new();
    for config in configs() {
        folders.push(write(&inputs(&config, json!({})), &dir.path().join(&config)));
    }
    for config in ["triton-onnxruntime", "triton-tensorflow", "triton-pytorch"] {
        let name = format!("{config}-own");
        folders.push(write(&inputs(config, own.clone()), &dir.path().join(name)));
    }
    folders.push(write(&inputs("triton-fil", forest), &dir.path().join("triton-fil-own")));
    assert_eq!(folders.len(), 11);
    check("judge.py", &["pytriton", "tritonclient"], dir.path(), &folders);
    for config in configs() {
        shown_on_all("server", "Triton loads", &config);
    }
}

fn triton_serves_what_is_written_in_python() {
    let dir = tempfile::tempdir().unwrap();
    let folder = write(&inputs("triton-python", json!({})), &dir.path().join("project"));
    check("serve_python.py", &["pytriton", "numpy"], dir.path(), &[folder]);
    shown_on_all("server", "Triton serves", "triton-python");
}

fn triton_serves_the_engine_that_is_called_from_python() {
    let dir = tempfile::tempdir().unwrap();
    let folder = write(&inputs("triton-tensorrtllm", json!({})), &dir.path().join("project"));
    check("serve_engine.py", &["pytriton", "numpy"], dir.path(), &[folder]);
    shown_on_all("server", "Triton serves a stand-in", "triton-tensorrtllm");
}

fn tensors_are_read_from_the_model() {
    let forest = fixture(
        "classes.json",
        br#"{"learner":{"learner_model_param":{"num_class":"3","num_feature":"12"}}}"#,
    );
    let text =
        config_of(&inputs("triton-fil", json!({"includeSample": false, "modelPath": forest})));
    assert!(text.contains("dims: [12]") && text.contains("dims: [3]"), "{text}");
    assert!(
        text.contains("key: \"is_classifier\"\n  value {\n    string_value: \"true\""),
        "{text}"
    );
    // Made by the sample's own train.py.
    let graph = fixture("graph.onnx", include_bytes!("triton/sample.onnx"));
    let text = config_of(&inputs(
        "triton-onnxruntime",
        json!({"includeSample": false, "modelPath": graph}),
    ));
    for line in ["name: \"features\"", "name: \"rings\"", "dims: [8]", "max_batch_size: 64"] {
        assert!(text.contains(line), "{text}");
    }
    let unknown = fixture("unknown.pt", b"PK");
    let text = config_of(&inputs(
        "triton-tensorflow",
        json!({"includeSample": false, "modelPath": saved_model()}),
    ));
    assert!(!text.contains("input") && !text.contains("dynamic_batching"), "{text}");
    for more in [
        json!({"includeSample": false, "modelPath": unknown}),
        json!({"includeSample": false, "modelPath": unknown, "modelInputs": {"x": "FLOAT[1]"}, "modelOutputs": {"y": "FP32[1]"}}),
        json!({"includeSample": false, "modelPath": unknown, "modelInputs": {"x": "FP32[1]"}}),
    ] {
        let plan = plan_of(&inputs("triton-pytorch", more));
        assert!(
            plan.findings.iter().any(|f| f.field.as_deref() == Some("modelInputs")),
            "{plan:#?}"
        );
    }
}

fn real(name: &str) -> String {
    let bytes =
        std::fs::read(format!("{}/tests/artifacts/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    fixture(name, &bytes)
}

fn own(config: &str, file: &str) -> Map<String, Value> {
    inputs(config, json!({"includeSample": false, "modelPath": real(file)}))
}

/// What the server would answer wrongly, or never, is refused with what to do.
fn what_a_backend_cannot_serve_is_refused() {
    for (config, file, says) in [
        ("triton-fil", "mid-xgboost-stopped.json", "best_iteration + 1"),
        ("triton-fil", "old-xgboost-stopped.ubj", "best_iteration + 1"),
        ("triton-fil", "mid-xgboost-targets.json", "2 values at once"),
        ("triton-fil", "new-xgboost-categories.json", "categories of its own"),
        ("triton-fil", "mid-sklearn-protocol4.pkl", "pickle"),
        ("triton-onnxruntime", "new-zipmap.onnx", "zipmap=False"),
        ("triton-pytorch", "weights.pt", "torch.jit.script"),
    ] {
        let plan = plan_of(&own(config, file));
        let errors: Vec<_> = plan.findings.iter().filter(|f| f.id.starts_with("MCC-FMT")).collect();
        assert_eq!(errors.len(), 1, "{config} {file}: {:#?}", plan.findings);
        let text = format!("{} {}", errors[0].message, errors[0].fix);
        assert!(text.contains(says), "{text}");
    }
    // Their neighbours are served.
    for (config, file) in [
        ("triton-fil", "mid-xgboost-cut.json"),
        ("triton-fil", "mid-xgboost-value.ubj"),
        ("triton-fil", "mid-xgboost-categories.json"),
        ("triton-fil", "new-lightgbm.txt"),
        ("triton-onnxruntime", "new-plain.onnx"),
    ] {
        assert_eq!(plan_of(&own(config, file)).findings, [], "{config} {file}");
    }
    let plan = plan_of(&own("triton-fil", "new-xgboost-value.ubj"));
    assert_eq!(plan.findings.len(), 1, "{:#?}", plan.findings);
    assert!(plan.findings[0].message.contains("Treelite"), "{:#?}", plan.findings);
}

/// FIL gives both probabilities of two classes, into an output of that width.
fn two_classes_have_two_probabilities() {
    for file in ["mid-xgboost-binary.json", "old-xgboost-binary.ubj", "new-lightgbm.txt"] {
        let text = config_of(&own("triton-fil", file));
        assert!(text.contains("dims: [2]") && text.contains("dims: [3]"), "{text}");
        for key in ["is_classifier", "output_class", "predict_proba"] {
            let set = format!("key: \"{key}\"\n  value {{\n    string_value: \"true\"");
            assert!(text.contains(&set), "{text}");
        }
        assert!(text.contains("key: \"threshold\""), "{text}");
    }
    let value = config_of(&own("triton-fil", "mid-xgboost-value.ubj"));
    assert!(value.contains("dims: [1]") && !value.contains("threshold"), "{value}");
}

fn python_models_get_what_their_pickles_need() {
    let inputs = own("triton-python", "mid-sklearn-zlib.joblib");
    assert_eq!(plan_of(&inputs).findings, []);
    let project = project(&inputs);
    let text =
        |path: &str| String::from_utf8(project.get(path).expect(path).bytes.to_vec()).unwrap();
    let requirements = text("requirements.txt");
    for pin in ["scikit-learn==1.5.2\n", "joblib==", "numpy==2.2.6\n"] {
        assert!(requirements.contains(pin), "{requirements}");
    }
    let body: Value = serde_json::from_str(&text("test/payload.json")).unwrap();
    assert_eq!(body["inputs"][0]["data"], json!(["[0,0,0]"]));
}

/// A README names a request only where there is one.
fn a_graph_that_says_nothing_gets_no_request() {
    // An IR version, and a graph with one input of no shape.
    let bytes = b"\x08\x08\x3a\x0d\x5a\x0b\x0a\x01x\x12\x06\x0a\x04\x08\x01\x12\x00";
    let vague = fixture("vague.onnx", &bytes[..]);
    let inputs = inputs("triton-onnxruntime", json!({"includeSample": false, "modelPath": vague}));
    let project = project(&inputs);
    let text =
        |path: &str| String::from_utf8(project.get(path).expect(path).bytes.to_vec()).unwrap();
    assert!(project.get("test/payload.json").is_none());
    assert!(text("do/config").contains("TEST_PAYLOAD='test/payload.json'"));
    assert!(text("README.md").contains("there is no request in `test/`"), "{}", text("README.md"));
    assert!(!text("README.md").contains("as in `test/payload.json`"));
}

fn tensorflow_gets_a_release_that_has_it() {
    let dockerfile = |inputs: &Map<String, Value>| {
        String::from_utf8(project(inputs).get("Dockerfile").unwrap().bytes.to_vec()).unwrap()
    };
    let text = dockerfile(&inputs("triton-tensorflow", json!({})));
    assert!(text.contains("sagemaker-tritonserver:24.09-py3"), "{text}");
    let plan = plan_of(&inputs("triton-tensorflow", json!({"engineVersion": "25.09"})));
    assert!(plan.findings.iter().any(|f| f.id == "MCC-IMG-001"), "{plan:#?}");
    let text = dockerfile(&inputs("triton-fil", json!({"engineVersion": "25.09"})));
    assert!(text.contains("sagemaker-tritonserver:25.09-py3"), "{text}");
}

fn language_models_get_a_release_that_generates() {
    for config in ["triton-vllm", "triton-tensorrtllm"] {
        let plan = plan_of(&inputs(config, json!({"engineVersion": "25.02"})));
        assert!(plan.findings.iter().any(|f| f.id == "MCC-IMG-004"), "{plan:#?}");
        project(&inputs(config, json!({"engineVersion": "25.08"})));
    }
}

fn fixture(name: &str, bytes: &[u8]) -> String {
    let dir = std::env::temp_dir().join(format!("mcc-triton-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn saved_model() -> String {
    let file = fixture("saved_model.pb", b"\x08\x01");
    Path::new(&file).parent().unwrap().to_str().unwrap().to_owned()
}
