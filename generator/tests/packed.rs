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

use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Source, Sources, generate};
use serde_json::{Map, Value, json};
use support::{object, plan_of, project};

/// What a scikit-learn model says of itself, as `pickle` writes it.
const PICKLE: &[u8] = b"\x80\x04csklearn.linear_model._base\nLinearRegression\n)\x81}\x8c\x10_sklearn_version\x94\x8c\x051.7.2\x94sb.";
const XGBOOST: &[u8] = br#"{"learner":{},"version":[3,1,3]}"#;

/// A real model file; `tests/artifacts/make.py` says how they are made.
fn real(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/artifacts/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

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
        ("xgboost", "xgboost-model", XGBOOST, "model.json", "xgboost-cpu==3.1.3"),
        ("sklearn", "churn.sav", PICKLE, "model.pkl", "scikit-learn==1.7.2"),
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
    // schema version 1, and a meta graph whose meta_info_def says tensorflow_version 2.15.1
    let release = b"\x08\x01\x12\x0a\x0a\x08\x2a\x062.15.1";
    files.file("churn/saved_model.pb", release);
    files.file("churn/variables/variables.index", b"weights");
    let own = inputs("tensorflow", json!({"modelPath": files.0.path().join("churn")}));
    assert_eq!(text(&own, "model/saved_model/variables/variables.index"), "weights");
    assert!(text(&own, "Dockerfile").contains("MODEL_FILE=saved_model"));
    assert!(text(&own, "requirements.txt").contains("tensorflow-cpu==2.15.1"));
    assert_eq!(findings(&own), []);

    let own = inputs("sklearn", json!({"modelPath": files.0.path().join("churn")}));
    assert_eq!(findings(&own), finding("MCC-FMT-003", true, "modelPath"));
    files.file("empty/other", b"");
    let own = inputs("tensorflow", json!({"modelPath": files.0.path().join("empty")}));
    assert_eq!(findings(&own), finding("MCC-FMT-003", true, "modelPath"));
}

/// Caches of models and DVC keep files apart, and link to them.
#[cfg(unix)]
#[test]
fn folders_of_links_are_models_outside_of_projects() {
    use std::os::unix::fs::symlink;
    let files = Files::new();
    let at = |name: &str| files.0.path().join(name);
    files.file("blobs/1", b"\x08\x01\x12\x0a\x0a\x08\x2a\x062.15.1");
    files.file("blobs/2/variables.index", b"weights");
    std::fs::create_dir(at("snapshot")).unwrap();
    symlink("../blobs/1", at("snapshot/saved_model.pb")).unwrap();
    symlink("../blobs/2", at("snapshot/variables")).unwrap();
    let own = inputs("tensorflow", json!({"modelPath": at("snapshot")}));
    assert_eq!(text(&own, "model/saved_model/variables/variables.index"), "weights");
    let with = |access: FileAccess, path: &str| {
        let mut own = own.clone();
        own.insert("modelPath".to_owned(), json!(path));
        let merged = Sources::new().files(access).with(Source::Flag, own).merge();
        generate(Catalogs::embedded(), &merged).map(|_| ()).map_err(|plan| {
            let said = plan.findings.iter().flat_map(|f| [f.message.clone(), f.fix.clone()]);
            said.collect::<Vec<_>>().join("; ")
        })
    };
    let roots = |path: &str| mcc_files::Roots::open(&[at(path)]).unwrap();
    assert_eq!(with(FileAccess::Below(roots("")), "snapshot"), Ok(()));
    let outside = with(FileAccess::Below(roots("snapshot")), ".").unwrap_err();
    assert!(outside.contains("outside the folders"), "{outside}");
    let project = with(FileAccess::Project(roots("")), "snapshot").unwrap_err();
    assert!(project.contains("symbolic link"), "{project}");
    // A folder that is in itself ends.
    symlink("..", at("blobs/2/round")).unwrap();
    symlink("../snapshot", at("blobs/back")).unwrap();
    let round = with(FileAccess::Anywhere(at("")), "snapshot").unwrap_err();
    assert!(round.contains("in itself") || round.contains("entries"), "{round}");
}

/// A path that is none of this machine gets a hint of its own.
#[test]
fn paths_of_other_kinds_get_their_hints() {
    for (path, hint) in [
        ("s3://bucket/model.pkl", "aws s3 cp"),
        ("file:///tmp/model.pkl", "without file://: /tmp/model.pkl"),
        ("https://example.com/model.pkl", "download"),
        ("~/model.pkl", "whole path"),
    ] {
        let plan = plan_of(&inputs("sklearn", json!({"modelPath": path})));
        let found = plan.findings.iter().find(|f| f.id == "MCC-INP-004").unwrap();
        assert!(found.fix.contains(hint), "{path}: {}", found.fix);
    }
    let own = inputs("sklearn", json!({"modelPath": "model.pkl"}));
    let merged = Sources::new().with(Source::Flag, own).merge();
    let plan = mcc_generator::plan(Catalogs::embedded(), &merged);
    assert!(plan.findings.iter().any(|f| f.fix.contains("--root")), "{:?}", plan.findings);
}

#[test]
fn content_decides_and_a_name_breaks_ties() {
    let files = Files::new();
    let pickle = files.file("churn.pkl", PICKLE);
    let own = inputs("xgboost", json!({"modelPath": pickle}));
    assert_eq!(findings(&own), finding("MCC-FMT-003", true, "modelPath"));
    let own = inputs(
        "tensorflow",
        json!({"modelPath": files.file("m.h5", &real("keras-2.15.0.h5")), "modelFormat": "SavedModel"}),
    );
    assert_eq!(findings(&own), finding("MCC-FMT-001", true, "modelFormat"));
    // joblib reads plain pickles, and pickle does not read what joblib wrote.
    let own = inputs("sklearn", json!({"modelPath": pickle, "modelFormat": "joblib"}));
    assert_eq!(findings(&own), []);
    let dumped = files.file("dumped.pkl", &real("mid-sklearn-zlib.joblib"));
    let own = inputs("sklearn", json!({"modelPath": dumped}));
    assert_eq!(findings(&own), []);
    assert!(text(&own, "Dockerfile").contains("MODEL_FILE=model.joblib"));
    let unnamed = files.file("churn.bin", PICKLE);
    for own in [json!({"modelPath": unnamed}), json!({"modelPath": unnamed, "modelFormat": "pkl"})]
    {
        assert_eq!(findings(&inputs("sklearn", own)), []);
    }
}

/// Nothing that only has the name of a model is packed, and the message says what it is.
#[test]
fn what_a_file_is_not_is_refused() {
    let files = Files::new();
    let mut archive = vec![0; 1024];
    archive[..5].copy_from_slice(b"a.pkl");
    archive[257..262].copy_from_slice(b"ustar");
    let cut = &real("mid-sklearn-protocol4.pkl")[..400];
    for (framework, name, content, says) in [
        ("xgboost", "churn.model", PICKLE, "pickle"),
        ("sklearn", "churn.joblib", &archive, "tar archive"),
        ("sklearn", "churn.pkl", b"\xff\x01garbage", "is not a Python pickle, and in no other"),
        ("sklearn", "churn.pkl", b"a,b\n1,2\n", "churn.pkl is plain text, not a Python pickle"),
        (
            "sklearn",
            "churn.pkl",
            b"<!DOCTYPE html><html></html>",
            "churn.pkl is an HTML page, not a Python pickle",
        ),
        (
            "sklearn",
            "churn.pkl",
            b"version https://git-lfs.github.com/spec/v1\n",
            "churn.pkl is a Git LFS pointer, not a Python pickle",
        ),
        ("sklearn", "churn.pkl", b"", "empty"),
        ("sklearn", "churn.pkl", cut, "ends in the middle"),
        ("sklearn", "churn.pkl", XGBOOST, "XGBoost model in JSON"),
        ("xgboost", "churn.json", b"{}", "is JSON, but not an XGBoost model in JSON"),
        ("xgboost", "churn.json", br#"{"learner":{"a":"#, "ends in the middle"),
        ("tensorflow", "churn.keras", b"PK\x01\xff", "is not a .keras archive"),
        ("tensorflow", "churn.h5", &real("keras-2.15.0.keras"), ".keras archive"),
    ] {
        let own = inputs(framework, json!({"modelPath": files.file(name, content)}));
        let plan = plan_of(&own);
        let errors: Vec<_> = plan.findings.iter().filter(|f| f.is_error()).collect();
        // A .keras archive named .h5 is one of the framework's formats all the same.
        if name == "churn.h5" {
            assert!(errors.is_empty(), "{errors:?}");
            continue;
        }
        assert_eq!(errors.len(), 1, "{name} {says}: {:?}", plan.findings);
        assert_eq!(errors[0].id, "MCC-FMT-003");
        assert!(errors[0].message.contains(says), "{}", errors[0].message);
    }
}

#[test]
fn versions_are_those_of_the_product() {
    let files = Files::new();
    for (framework, name, pins, ids) in [
        // A pickled estimator of XGBoost says nothing about scikit-learn, and brings its own package.
        (
            "sklearn",
            "mid-xgboost-estimator.pkl",
            &["xgboost-cpu==2.1.4", "scikit-learn=="][..],
            &["MCC-FW-004"][..],
        ),
        ("sklearn", "old-sklearn-xz.joblib", &["scikit-learn==1.2.2", "numpy==1.26"], &[]),
        ("sklearn", "mid-sklearn-lzma.joblib", &["scikit-learn==1.5.2"], &[]),
        ("sklearn", "new-sklearn-bz2.joblib", &["scikit-learn==1.9.1"], &[]),
        ("tensorflow", "keras-2.15.0.h5", &["tensorflow-cpu==2.15.1"], &[]),
        ("tensorflow", "keras-2.15.0.keras", &["tensorflow-cpu==2.15.1"], &[]),
        ("xgboost", "old-xgboost-binary.model", &["xgboost==1.7.6"], &[]),
        ("xgboost", "mid-xgboost-binary.model", &["xgboost-cpu==2.1.4"], &[]),
        ("sklearn", "new-lightgbm-estimator.pkl", &["scikit-learn==1.9.1"], &["MCC-FW-005"]),
        ("sklearn", "new-main.pkl", &[], &["MCC-FW-004", "MCC-FW-007"]),
        ("sklearn", "new-main-cloudpickle.pkl", &[], &["MCC-FW-004", "MCC-FW-005"]),
    ] {
        let own = inputs(framework, json!({"modelPath": files.file(name, &real(name))}));
        let found: Vec<String> = findings(&own).into_iter().map(|(id, _, _)| id).collect();
        assert_eq!(found, ids, "{name}");
        let written = text(&own, "requirements.txt");
        for pin in pins {
            assert!(written.contains(pin), "{name}: {pin} in\n{written}");
        }
    }
    // The right number is not refused.
    let estimator = files.file("x.pkl", &real("mid-xgboost-estimator.pkl"));
    let own = inputs("sklearn", json!({"modelPath": estimator, "frameworkVersion": "1.5.2"}));
    assert_eq!(findings(&own), []);
    // The packages that are missing are named.
    let trees = files.file("l.pkl", &real("new-lightgbm-estimator.pkl"));
    let plan = plan_of(&inputs("sklearn", json!({"modelPath": trees})));
    assert!(plan.findings[0].message.contains("lightgbm"), "{:?}", plan.findings);
    let pins = files.file("requirements.txt", b"lightgbm==4.6.0\n");
    let more = json!({"modelPath": trees, "requirementsFile": pins});
    assert_eq!(findings(&inputs("sklearn", more)), []);
    let own = files.file("own.pkl", b"\x80\x04cchurn_code.steps\nClip\n)\x81.");
    let plan = plan_of(&inputs("sklearn", json!({"modelPath": own, "frameworkVersion": "1.5.2"})));
    assert!(plan.findings[0].fix.contains("churn_code"), "{:?}", plan.findings);
}

#[test]
fn the_old_binary_form_is_for_those_that_read_it() {
    let files = Files::new();
    for content in
        [real("old-xgboost-binary.model"), real("old-xgboost-binary.model")[4..].to_vec()]
    {
        let binary = files.file("xgboost-model", &content);
        for (version, ids) in [
            ("1.7.6", vec![]),
            ("3.0.5", vec!["MCC-FW-001"]),
            ("3.1.3", vec!["MCC-FMT-002", "MCC-FW-001"]),
            ("3.2.0", vec!["MCC-FMT-002", "MCC-FW-001"]),
        ] {
            let own = inputs("xgboost", json!({"modelPath": binary, "frameworkVersion": version}));
            let found: Vec<String> = findings(&own).into_iter().map(|(id, _, _)| id).collect();
            assert_eq!(found, ids, "{version}");
        }
        let own = inputs("xgboost", json!({"modelPath": binary}));
        assert!(text(&own, "Dockerfile").contains("MODEL_FILE=model.model"));
    }
}

/// The requests of a project have the names and the width of its own model, or there are none.
#[test]
fn requests_fit_the_model() {
    let files = Files::new();
    let own = |name: &str| {
        let file = files.file(name, &real(name));
        inputs("sklearn", json!({"modelPath": file, "frameworkVersion": "1.5.2"}))
    };
    // It encodes a text, which no zero stands for.
    let pipeline = own("mid-sklearn-pipeline.pkl");
    assert!(project(&pipeline).files().all(|(path, _)| !path.starts_with("test/payload")));
    let forest = own("mid-sklearn-forest.joblib");
    assert_eq!(text(&forest, "test/payload.jsonl"), "[0,0,0]\n");

    let texts = own("mid-sklearn-texts.pkl");
    let project = project(&texts);
    assert!(project.files().all(|(path, _)| !path.starts_with("test/payload")));
    assert!(text(&texts, "do/config").contains("TEST_PAYLOAD='test/payload.json'"));
    assert!(text(&texts, "README.md").contains("--body fileb://test/payload.json"));
    assert!(text(&texts, "README.md").contains("no request in `test/`"));

    let sample = text(&inputs("sklearn", json!({"includeSample": true})), "test/payload.csv");
    assert_eq!(sample.lines().next(), Some("2,0.455,0.365,0.095,0.514,0.2245,0.101,0.15"));
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

    // Each fix satisfies the other place as well, so that nobody is sent in a circle.
    let fix = |own| plan_of(own).findings.remove(0).fix;
    assert_eq!(
        fix(&own),
        "write scikit-learn==1.7.2 in it, which the model was trained with".to_owned()
    );
    let own = inputs(
        "sklearn",
        json!({"modelPath": pickle, "requirementsFile": requirements, "frameworkVersion": "1.8.0"}),
    );
    assert_eq!(
        fix(&own),
        "give frameworkVersion 1.7.2, and write scikit-learn==1.7.2 in the requirements file"
            .to_owned()
    );

    // The file tells the line, and the requirements which of it.
    let keras = files.file("churn.h5", &real("keras-2.15.0.h5"));
    let pin = files.file("pins.txt", b"tensorflow==2.15.0\n");
    let own = inputs("tensorflow", json!({"modelPath": keras, "requirementsFile": pin}));
    let found = findings(&own);
    assert!(found.iter().all(|(_, error, _)| !error), "{found:?}");
    assert!(text(&own, "requirements.txt").contains("tensorflow-cpu==2.15.0"));

    // XGBoost reads the models of its older versions, so that is only worth knowing.
    let booster = files.file("churn.json", XGBOOST);
    let own = inputs("xgboost", json!({"modelPath": booster, "frameworkVersion": "3.2.0"}));
    assert_eq!(findings(&own), finding("MCC-FW-001", false, "frameworkVersion"));
    // What says no version gets one that reads it, and a warning.
    let binary = files.file("old.model", b"binf\0\0\0\0");
    let own = inputs("xgboost", json!({"modelPath": binary}));
    assert_eq!(findings(&own), finding("MCC-FW-004", false, "modelPath"));
    assert!(text(&own, "requirements.txt").contains("xgboost-cpu==3.0.5"));
}

#[test]
fn requirements_of_the_training_are_those_of_the_image() {
    let files = Files::new();
    let pins = b"scikit_learn==1.5.2  # trained with\nNumPy==2.1.3\ncategory-encoders==2.8.1\nflask>=2\n-r more.txt\n";
    let own = inputs("sklearn", json!({"requirementsFile": files.file("requirements.txt", pins)}));
    // What is left out is listed, and never vanishes.
    assert_eq!(findings(&own), finding("MCC-FW-006", false, "requirementsFile"));
    let message = &plan_of(&own).findings[0].message;
    assert!(message.contains("flask>=2") && message.contains("-r more.txt"), "{message}");
    let written = text(&own, "requirements.txt");
    for pin in ["scikit-learn==1.5.2", "numpy==2.1.3", "category-encoders==2.8.1", "gunicorn=="] {
        assert_eq!(written.matches(pin).count(), 1, "{pin}\n{written}");
    }
    assert_eq!(written.matches("numpy").count(), 1, "{written}");
    assert!(!written.contains("more.txt"), "{written}");

    // A version is never guessed where a file was named to say it.
    let loose = files.file("loose.txt", b"scikit-learn>=1.5\nnumpy==2.1.3\n");
    let own = inputs("sklearn", json!({"requirementsFile": loose}));
    let errors = findings(&own).into_iter().filter(|(_, error, _)| *error).collect::<Vec<_>>();
    assert_eq!(errors, finding("MCC-INP-004", true, "requirementsFile"));
    let own = inputs("sklearn", json!({"requirementsFile": loose, "frameworkVersion": "1.5.2"}));
    assert_eq!(findings(&own), finding("MCC-FW-006", false, "requirementsFile"));
}

/// Git, `do/submit` and docker carry no empty folders: what a Dockerfile copies has a file in it.
#[test]
fn dockerfiles_copy_what_is_there() {
    let files = Files::new();
    let model = files.file("own.pkl", PICKLE);
    let mut all: Vec<_> = support::pairs().iter().map(|(c, t)| support::base(c, t)).collect();
    for (config, target) in support::pairs().iter().filter(|(config, _)| config.starts_with("http"))
    {
        for more in
            [json!({}), json!({"includeTesting": false}), json!({"contentType": "text/csv"})]
        {
            let mut own = support::base(config, target);
            own.remove("includeSample");
            own.extend(object(json!({"framework": "sklearn", "modelPath": model})));
            own.extend(object(more));
            all.push(own);
        }
    }
    for inputs in all {
        let project = project(&inputs);
        let dockerfile =
            String::from_utf8(project.get("Dockerfile").unwrap().bytes.to_vec()).unwrap();
        let copies =
            dockerfile.lines().filter(|l| l.starts_with("COPY ") && !l.contains("--from="));
        for line in copies {
            let words: Vec<&str> = line.split(' ').filter(|w| !w.starts_with("--")).collect();
            for source in &words[1..words.len() - 1] {
                let there = project.files().any(|(path, _)| {
                    path == *source || (source.ends_with('/') && path.starts_with(source))
                });
                assert!(there, "{line}: {inputs:?}");
            }
        }
    }
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
    let own = inputs("sklearn", json!({"pythonVersion": "3.10", "frameworkVersion": "1.9.1"}));
    let plan = plan_of(&own);
    assert_eq!(findings(&own), finding("MCC-FW-002", true, "pythonVersion"));
    let taken = &mcc_generator::field("pythonVersion").unwrap().kind.choices();
    let offered = &plan.findings[0].choices;
    // An old release gets a Python that has wheels for it, or is refused.
    for (version, python) in
        [("1.5.2", "3.12"), ("1.2.2", "3.11"), ("1.1.3", "3.10"), ("1.0.2", "3.10")]
    {
        let own = inputs("sklearn", json!({"frameworkVersion": version}));
        assert_eq!(findings(&own), [], "{version}");
        assert!(text(&own, "Dockerfile").contains(&format!("python:{python}-slim")), "{version}");
    }
    let more = json!({"frameworkVersion": "1.1.3", "deploymentConfig": "http-fastapi"});
    let written = text(&inputs("sklearn", more), "requirements.txt");
    assert!(
        written.contains("fastapi==0.162.5") && !written.contains("fastapi==0.165.0"),
        "{written}"
    );
    let own = inputs("sklearn", json!({"frameworkVersion": "0.24.2"}));
    let errors = findings(&own).into_iter().filter(|(_, error, _)| *error).collect::<Vec<_>>();
    assert_eq!(errors, finding("MCC-FW-002", true, "frameworkVersion"));
    assert!(!offered.is_empty() && offered.iter().all(|c| taken.contains(c)), "{offered:?}");
}
