//! One round is enough: what follows from the model is derived and told, and what stands in the way is told at once.
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
use mcc_generator::{FileAccess, Plan, Source, Sources, registry};
use serde_json::{Value, json};
use support::{object, plan_of, try_project};

fn input(plan: &Plan, key: &str) -> (String, String) {
    let found = plan.inputs.iter().find(|input| input.key == key);
    let found =
        found.unwrap_or_else(|| panic!("no {key}: {:?} {:?}", plan.questions, plan.findings));
    (found.value.as_str().unwrap_or_default().to_owned(), found.source.clone())
}

fn artifact(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/artifacts").join(name);
    assert!(path.exists(), "{}", path.display());
    path.to_str().unwrap().to_owned()
}

/// A file whose first bytes say what it is.
fn file(name: &str, bytes: &[u8]) -> String {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rounds");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(name), bytes).unwrap();
    dir.join(name).to_str().unwrap().to_owned()
}

#[test]
fn the_kind_of_model_decides_what_serves_it() {
    let pickle: &[u8] = b"\x80\x04csklearn.linear_model._base\nLinearRegression\n)\x81.";
    for (given, config, framework, name) in [
        (json!({"modelName": "Qwen/Qwen3-8B"}), "transformers-vllm", "", "qwen3-8b"),
        (
            json!({"modelName": "me/not-in-the-catalogs"}),
            "transformers-vllm",
            "",
            "not-in-the-catalogs",
        ),
        (
            json!({"modelName": "black-forest-labs/FLUX.2-klein-4B"}),
            "diffusors-vllm-omni",
            "",
            "flux-2-klein-4b",
        ),
        (
            json!({"modelName": "stabilityai/stable-diffusion-3.5-large"}),
            "diffusors-vllm-omni",
            "",
            "stable-diffusion-3-5-large",
        ),
        (
            json!({"modelName": "s3://weights/Qwen3-8B/", "modelConfig": "Qwen/Qwen3-8B"}),
            "transformers-vllm",
            "",
            "qwen3-8b",
        ),
        (
            json!({"modelName": "s3://weights/engine/", "modelConfig": "{\"pretrained_config\": {}, \"build_config\": {}}"}),
            "triton-tensorrtllm",
            "",
            "engine",
        ),
        (
            json!({"modelPath": file("churn model.pkl", pickle)}),
            "http-fastapi",
            "sklearn",
            "churn-model",
        ),
        (json!({"modelPath": artifact("new-lightgbm.txt")}), "triton-fil", "", "new-lightgbm"),
        (json!({"modelName": "models/named.pkl"}), "http-fastapi", "sklearn", "named"),
        (json!({"framework": "xgboost"}), "http-fastapi", "xgboost", "xgboost-sample"),
    ] {
        let plan = plan_of(&object(given.clone()));
        let (found, source) = input(&plan, "deploymentConfig");
        assert_eq!(found, config, "{given}");
        assert!(source.starts_with("derived from "), "{source}");
        if !framework.is_empty() {
            assert_eq!(input(&plan, "framework").0, framework, "{given}");
        }
        assert_eq!(input(&plan, "projectName").0, name, "{given}");
        // Of a model that the catalogs do not know no instance type can be said to hold it.
        let open: Vec<&str> = plan.questions.iter().map(|q| q.key.as_str()).collect();
        let given_text = given.to_string();
        let unknown =
            ["not-in-the-catalogs", "pretrained_config"].iter().any(|w| given_text.contains(w));
        assert_eq!(open, if unknown { vec!["instanceType"] } else { vec![] }, "{given}");
    }
    let llm = plan_of(&object(json!({"modelName": "Qwen/Qwen3-8B"})));
    let (_, source) = input(&llm, "deploymentConfig");
    assert!(source.contains("transformers-sglang") && source.contains(" would do"), "{source}");
    assert!(!source.contains("diffusors"), "{source}");
    assert!(llm.is_ready() && llm.cost.is_some() && llm.decisions.is_some(), "{:#?}", llm.findings);
    // What somebody gave is not changed.
    let given = json!({"modelName": "Qwen/Qwen3-8B", "deploymentConfig": "transformers-lmi", "projectName": "mine"});
    let plan = plan_of(&object(given));
    assert_eq!(input(&plan, "deploymentConfig").0, "transformers-lmi");
    assert_eq!(input(&plan, "projectName").0, "mine");
}

#[test]
fn every_kind_of_file_has_a_config_that_reads_it() {
    for (name, bytes, config, framework) in [
        ("a.keras", &b""[..], "http-fastapi", "tensorflow"),
        ("a.onnx", b"", "triton-onnxruntime", ""),
        ("a.ubj", b"", "http-fastapi", "xgboost"),
        ("a.joblib", b"", "http-fastapi", "sklearn"),
        ("a.pt", b"", "triton-pytorch", ""),
    ] {
        assert_eq!(bytes.len(), 0);
        // Without access to the file its name says it; that it cannot be read is told in the same round.
        let given = object(json!({"modelPath": name}));
        let merged = Sources::new().with(Source::Flag, given).merge();
        let plan = mcc_generator::plan(Catalogs::embedded(), &merged);
        assert_eq!(input(&plan, "deploymentConfig").0, config, "{name}");
        if !framework.is_empty() {
            assert_eq!(input(&plan, "framework").0, framework, "{name}");
        }
        assert!(
            plan.findings.iter().any(|f| f.is_error() && f.field.as_deref() == Some("modelPath"))
        );
    }
}

#[test]
fn with_nothing_said_the_model_is_asked_for() {
    let plan = plan_of(&object(json!({})));
    let keys: Vec<&str> = plan.questions.iter().map(|q| q.key.as_str()).collect();
    assert_eq!(keys, ["modelName"]);
    assert!(plan.questions[0].question.starts_with("What is the model?"));
    // A config that fetches its model asks for it alone: the rest follows.
    for config in registry().configs() {
        let plan = plan_of(&object(json!({"deploymentConfig": config.name})));
        let keys: Vec<&str> = plan.questions.iter().map(|q| q.key.as_str()).collect();
        assert!(keys.len() <= 1 && !keys.contains(&"projectName"), "{}: {keys:?}", config.name);
        assert!(
            plan.findings.iter().all(|f| !f.is_error()),
            "{}: {:#?}",
            config.name,
            plan.findings
        );
    }
}

#[test]
fn findings_and_cost_come_with_questions_and_errors_come_together() {
    let given = json!({"deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B",
        "deploymentTarget": "hyperpod-eks", "instanceType": "ml.g6e.2xlarge"});
    let plan = plan_of(&object(given));
    let keys: Vec<&str> = plan.questions.iter().map(|q| q.key.as_str()).collect();
    assert_eq!(keys, ["hyperpodCluster", "region"]);
    assert!(plan.decisions.is_some() && !plan.fit.is_empty(), "{:#?}", plan.findings);
    // Two faults of different kinds: one in a value, one between values.
    let given =
        json!({"framework": "sklearn", "workers": 1000, "autoscalingMin": 5, "autoscalingMax": 2});
    let plan = plan_of(&object(given));
    let errors: Vec<&str> =
        plan.findings.iter().filter(|f| f.is_error()).filter_map(|f| f.field.as_deref()).collect();
    assert!(errors.contains(&"workers") && errors.contains(&"autoscalingMin"), "{errors:?}");
}

#[test]
fn the_region_is_the_most_certain_that_is_said() {
    let key = |region: &str| {
        format!("arn:aws:kms:{region}:123456789012:key/0f0f0f0f-1111-2222-3333-444444444444")
    };
    let planned = |given: Value, aws: &[(&str, &str)]| {
        let of = |name: &str| {
            aws.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
        };
        let mut inputs = object(json!({"framework": "sklearn"}));
        inputs.extend(object(given));
        let merged = Sources::new()
            .files(FileAccess::Nothing)
            .with(Source::Flag, inputs)
            .surroundings(of)
            .merge();
        mcc_generator::generate(Catalogs::embedded(), &merged)
            .map_err(|plan| plan.findings.iter().map(|f| f.id.clone()).collect::<Vec<_>>())
    };
    let both = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-2")];
    for (given, aws, region, source) in [
        (json!({}), &[][..], "us-east-1", "the default of layers/base"),
        (json!({}), &both[1..], "eu-west-2", "the environment variable AWS_DEFAULT_REGION"),
        (json!({}), &both[..], "eu-west-1", "the environment variable AWS_REGION"),
        (
            json!({"kmsKeyArn": key("eu-north-1")}),
            &both[..],
            "eu-north-1",
            "derived from kmsKeyArn",
        ),
        (json!({"region": "us-west-2"}), &both[..], "us-west-2", "--region"),
        (
            json!({"region": "us-west-2", "kmsKeyArn": key("us-west-2")}),
            &both[..],
            "us-west-2",
            "--region",
        ),
        (json!({}), &[("AWS_REGION", "nowhere")][..], "us-east-1", "the default of layers/base"),
        (json!({}), &[("AWS_REGION", "xx-moon-1")][..], "us-east-1", "the default of layers/base"),
        (json!({}), &[("AWS_REGION", " ")][..], "us-east-1", "the default of layers/base"),
    ] {
        let (plan, project) =
            planned(given.clone(), aws).unwrap_or_else(|ids| panic!("{given}: {ids:?}"));
        assert_eq!(
            input(&plan, "region"),
            (region.to_owned(), source.to_owned()),
            "{given} {aws:?}"
        );
        let saved =
            String::from_utf8_lossy(&project.get(".mcc/inputs.json").unwrap().bytes).into_owned();
        let kept = saved.contains(&format!("\"region\": \"{region}\""));
        assert_eq!(kept, !source.starts_with("the default"), "{saved}");
        let told = plan.findings.iter().any(|f| f.id == "MCC-REG-003");
        let bad = aws.iter().any(|(_, value)| ["nowhere", "xx-moon-1"].contains(value));
        assert_eq!(told, bad, "{aws:?}: {:#?}", plan.findings);
    }
    let ids =
        planned(json!({"region": "us-west-2", "kmsKeyArn": key("eu-north-1")}), &[]).unwrap_err();
    assert_eq!(ids, ["MCC-REG-004"]);
    let two = json!({"kmsKeyArn": key("eu-north-1"), "deploymentTarget": "async-inference",
        "asyncSnsErrorTopic": "arn:aws:sns:eu-west-1:123456789012:topic"});
    assert_eq!(planned(two, &[]).unwrap_err(), ["MCC-REG-004"]);
}

/// The keys of what is asked, and the questions.
fn open(plan: &Plan) -> (Vec<&str>, String) {
    let keys = plan.questions.iter().map(|question| question.key.as_str()).collect();
    (keys, plan.questions.iter().map(|q| q.question.as_str()).collect::<Vec<_>>().join("\n"))
}

#[test]
fn region_and_nodes_of_a_cluster_are_asked_for_and_never_taken_for_granted() {
    let model = json!({"modelName": "Qwen/Qwen3-8B", "hyperpodCluster": "research"});
    let given = |more: Value| {
        let mut all = object(model.clone());
        all.extend(object(more));
        all
    };
    let plan = plan_of(&given(json!({})));
    assert_eq!(
        input(&plan, "deploymentTarget"),
        ("hyperpod-eks".into(), "derived from hyperpodCluster".into())
    );
    let (keys, words) = open(&plan);
    assert_eq!(keys, ["region", "instanceType"]);
    // What they are assumed to be is said, and what follows from it is shown.
    let assumed = input(&plan, "instanceType").0;
    assert!(words.contains(&format!("{assumed} is assumed")), "{words}");
    assert!(words.contains("us-east-1 is assumed"), "{words}");
    assert!(!plan.is_ready() && plan.decisions.is_some() && !plan.fit.is_empty(), "{plan:#?}");
    assert!(try_project(&given(json!({}))).is_err());

    // Each is asked for by itself, and what says it is enough.
    let arn = "arn:aws:sagemaker:eu-west-1:123456789012:cluster/research1";
    let label = json!({"node.kubernetes.io/instance-type": "ml.g6e.2xlarge"});
    for (more, keys) in [
        (json!({"hyperpodCluster": arn}), vec!["instanceType"]),
        (json!({"instanceType": "ml.g6e.2xlarge"}), vec!["region"]),
        (json!({"region": "us-east-1"}), vec!["instanceType"]),
        (json!({"region": "us-east-1", "hpNodeSelector": {"team": "ml"}}), vec!["instanceType"]),
        (json!({"region": "us-east-1", "hpNodeSelector": label}), vec![]),
        (json!({"hyperpodCluster": arn, "instanceType": "ml.g6e.2xlarge"}), vec![]),
        // An endpoint is where one wants it.
        (json!({"hyperpodCluster": null}), vec![]),
    ] {
        assert_eq!(open(&plan_of(&given(more.clone()))).0, keys, "{more}");
    }
    let plan = plan_of(&given(json!({"hyperpodCluster": arn})));
    assert_eq!(input(&plan, "region").0, "eu-west-1");
    // The variables of AWS's own tools are as good as an answer.
    let merged = Sources::new()
        .with(Source::Flag, given(json!({"instanceType": "ml.g6e.2xlarge"})))
        .surroundings(|name| (name == "AWS_REGION").then(|| "eu-west-2".to_owned()))
        .merge();
    assert!(mcc_generator::plan(Catalogs::embedded(), &merged).is_ready());

    // A packed model has a default of its own, which is no more certain.
    let packed = plan_of(&object(json!({"framework": "sklearn", "hyperpodCluster": "research"})));
    assert_eq!(open(&packed).0, ["region", "instanceType"]);
}

#[test]
fn labels_of_nodes_and_the_instance_type_agree() {
    let given = |kind: &str| {
        let label = json!({"node.kubernetes.io/instance-type": "ml.g6e.2xlarge"});
        plan_of(&object(json!({"modelName": "Qwen/Qwen3-8B", "hyperpodCluster": "research",
            "region": "us-east-1", "instanceType": kind, "hpNodeSelector": label})))
    };
    let found = |plan: &Plan| plan.findings.iter().any(|f| f.id == "MCC-HP-002" && f.is_error());
    assert!(found(&given("ml.g6e.4xlarge")));
    let same = given("ml.g6e.2xlarge");
    assert!(!found(&same) && same.is_ready(), "{:#?}", same.findings);
}

#[test]
fn what_the_user_does_first_comes_first() {
    let first = |given: Value| try_project(&object(given)).unwrap().0;
    let own = first(
        json!({"deploymentConfig": "http-flask", "framework": "sklearn", "includeSample": false}),
    );
    assert_eq!(own.first_steps, ["put your model at model/model.pkl"]);
    assert_eq!(own.next_steps[0], format!("cd {}", own.project_name));
    let sample = first(json!({"framework": "sklearn"}));
    assert!(sample.first_steps.is_empty(), "{:?}", sample.first_steps);
    let gated = first(json!({"modelName": "meta-llama/Llama-3.1-8B-Instruct"}));
    assert!(gated.first_steps[0].starts_with("accept the licence"), "{:?}", gated.first_steps);
    assert!(gated.first_steps.last().unwrap().contains("the quota"), "{:?}", gated.first_steps);
    let pods = first(json!({"modelName": "Qwen/Qwen3-8B", "hyperpodCluster": "research",
        "region": "us-east-1", "instanceType": "ml.g6e.2xlarge"}));
    assert!(pods.first_steps.iter().all(|step| !step.contains("quota")), "{:?}", pods.first_steps);
}
