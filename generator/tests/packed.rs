//! What is read from files of the training: the model, which decides format and version, and its requirements.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use support::{object, plan_of, project};

/// What a scikit-learn model says of itself, as `pickle` writes it.
const PICKLE: &[u8] = b"\x80\x04\x8c\x10_sklearn_version\x94\x8c\x051.7.2\x94sb.";
const XGBOOST: &[u8] = br#"{"learner":{},"version":[3,1,3]}"#;

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn inputs(framework: &str, more: Value) -> Map<String, Value> {
    let mut all = object(json!({
        "projectName": "churn", "deploymentConfig": "http-flask", "framework": framework,
    }));
    all.extend(object(more));
    all
}

fn text(inputs: &Map<String, Value>, path: &str) -> String {
    let project = project(inputs);
    let file = project.files().find(|(p, _)| *p == path);
    String::from_utf8(file.unwrap_or_else(|| panic!("no {path}")).1.bytes.to_vec()).unwrap()
}

/// Ids of the findings, with whether each is an error and the input that it is about.
fn findings(inputs: &Map<String, Value>) -> Vec<(String, bool, String)> {
    let plan = plan_of(inputs);
    let all = plan.findings.iter();
    all.map(|f| (f.id.clone(), f.is_error(), f.field.clone().unwrap_or_default())).collect()
}

fn finding(id: &str, error: bool, field: &str) -> Vec<(String, bool, String)> {
    vec![(id.to_owned(), error, field.to_owned())]
}

#[test]
fn a_model_decides_its_format_and_version() {
    let files = Files::new();
    for (framework, name, content, file, pin) in [
        ("sklearn", "churn.pkl", PICKLE, "model.pkl", "scikit-learn==1.7.2"),
        ("sklearn", "Churn.JOBLIB", PICKLE, "model.joblib", "scikit-learn==1.7.2"),
        ("xgboost", "churn.json", XGBOOST, "model.json", "xgboost-cpu==3.1.3"),
        ("xgboost", "churn.bst", XGBOOST, "model.model", "xgboost-cpu==3.1.3"),
        ("tensorflow", "churn.keras", b"PK".as_slice(), "model.keras", "tensorflow-cpu==2."),
    ] {
        let own = inputs(framework, json!({"modelPath": files.file(name, content)}));
        assert_eq!(findings(&own), [], "{name}");
        let project = project(&own);
        let copied = project.files().find(|(p, _)| *p == format!("model/{file}"));
        assert_eq!(copied.expect(file).1.bytes, content, "{name}");
        assert!(project.files().all(|(p, _)| !p.starts_with("sample_model/")), "{name}");
        assert!(text(&own, "requirements.txt").contains(pin), "{name}");
        let dockerfile = text(&own, "Dockerfile");
        assert!(dockerfile.contains(&format!("MODEL_FILE={file}")), "{dockerfile}");
        assert!(dockerfile.contains("model/ /opt/ml/model/"), "{dockerfile}");
        assert!(!dockerfile.contains("sample"), "{dockerfile}");
    }
}

#[test]
fn a_folder_is_a_saved_model() {
    let files = Files::new();
    files.file("churn/saved_model.pb", b"graph");
    files.file("churn/variables/variables.index", b"weights");
    let own = inputs("tensorflow", json!({"modelPath": files.0.path().join("churn")}));
    assert_eq!(text(&own, "model/saved_model/variables/variables.index"), "weights");
    assert!(text(&own, "Dockerfile").contains("MODEL_FILE=saved_model"));

    let own = inputs("sklearn", json!({"modelPath": files.0.path().join("churn")}));
    assert_eq!(findings(&own), finding("MCC-FMT-001", true, "modelPath"));
}

#[test]
fn a_name_that_tells_another_format_is_refused() {
    let files = Files::new();
    let pickle = files.file("churn.pkl", PICKLE);
    let own = inputs("xgboost", json!({"modelPath": pickle}));
    assert_eq!(findings(&own), finding("MCC-FMT-001", true, "modelPath"));
    let own = inputs("sklearn", json!({"modelPath": pickle, "modelFormat": "joblib"}));
    assert_eq!(findings(&own), finding("MCC-FMT-001", true, "modelFormat"));
    let own = inputs(
        "tensorflow",
        json!({"modelPath": files.file("m.h5", b""), "modelFormat": "SavedModel"}),
    );
    assert_eq!(findings(&own), finding("MCC-FMT-001", true, "modelFormat"));

    // A name that tells nothing is taken at the word of modelFormat.
    let unnamed = files.file("churn.bin", PICKLE);
    let own = inputs("sklearn", json!({"modelPath": unnamed}));
    assert_eq!(findings(&own), finding("MCC-FMT-001", true, "modelPath"));
    let own = inputs("sklearn", json!({"modelPath": unnamed, "modelFormat": "pkl"}));
    assert_eq!(findings(&own), []);
}

#[test]
fn another_version_than_that_of_the_training_is_a_finding() {
    let files = Files::new();
    let pickle = files.file("churn.pkl", PICKLE);
    let own = inputs("sklearn", json!({"modelPath": pickle, "frameworkVersion": "1.9.1"}));
    assert_eq!(findings(&own), finding("MCC-FW-001", true, "frameworkVersion"));
    let requirements = files.file("requirements.txt", b"scikit-learn==1.8.0\n");
    let own = inputs("sklearn", json!({"modelPath": pickle, "requirementsFile": requirements}));
    assert_eq!(findings(&own), finding("MCC-FW-001", true, "frameworkVersion"));

    // XGBoost reads the models of its older versions, so that is only worth knowing.
    let booster = files.file("churn.json", XGBOOST);
    let own = inputs("xgboost", json!({"modelPath": booster, "frameworkVersion": "3.2.0"}));
    assert_eq!(findings(&own), finding("MCC-FW-001", false, "frameworkVersion"));
    let binary = files.file("old.model", b"binf\0\0\0\0");
    let own = inputs("xgboost", json!({"modelPath": binary}));
    assert_eq!(findings(&own), finding("MCC-FMT-002", true, "modelPath"));
}

#[test]
fn requirements_of_the_training_are_those_of_the_image() {
    let files = Files::new();
    let pins = b"scikit_learn==1.5.2  # trained with\nNumPy==2.1.3\ncategory-encoders==2.8.1\nflask>=2\n-r more.txt\n";
    let own = inputs("sklearn", json!({"requirementsFile": files.file("requirements.txt", pins)}));
    assert_eq!(findings(&own), []);
    let written = text(&own, "requirements.txt");
    for pin in ["scikit-learn==1.5.2", "numpy==2.1.3", "category-encoders==2.8.1", "gunicorn=="] {
        assert_eq!(written.matches(pin).count(), 1, "{pin}\n{written}");
    }
    assert_eq!(written.matches("numpy").count(), 1, "{written}");
    assert!(!written.contains("more.txt"), "{written}");

    // A version is never guessed where a file was named to say it.
    let loose = files.file("loose.txt", b"scikit-learn>=1.5\nnumpy==2.1.3\n");
    let own = inputs("sklearn", json!({"requirementsFile": loose}));
    assert_eq!(findings(&own), finding("MCC-INP-004", true, "requirementsFile"));
    let own = inputs("sklearn", json!({"requirementsFile": loose, "frameworkVersion": "1.5.2"}));
    assert_eq!(findings(&own), []);
}

#[test]
fn both_the_sample_and_a_model_are_refused() {
    let files = Files::new();
    let own = inputs(
        "sklearn",
        json!({"modelPath": files.file("churn.pkl", PICKLE), "includeSample": true}),
    );
    assert_eq!(findings(&own), finding("MCC-INP-007", true, "includeSample"));
    let none = files.0.path().join("none.pkl");
    let own = inputs("sklearn", json!({"modelPath": none}));
    assert_eq!(findings(&own), finding("MCC-INP-004", true, "modelPath"));
}

#[test]
fn a_python_without_packages_is_refused_with_those_that_have_some() {
    let own = inputs("sklearn", json!({"pythonVersion": "3.10"}));
    let plan = plan_of(&own);
    assert_eq!(findings(&own), finding("MCC-FW-002", true, "pythonVersion"));
    let taken = &mcc_generator::field("pythonVersion").unwrap().kind.choices();
    let offered = &plan.findings[0].choices;
    assert!(!offered.is_empty() && offered.iter().all(|c| taken.contains(c)), "{offered:?}");
}
