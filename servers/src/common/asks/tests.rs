//! What tools ask to be looked up, and what becomes of it: with somebody who looks things up in a script.

use std::sync::{Arc, Mutex};

use mcc_catalogs::{Ask, Catalogs, Errand, Found, Looking, Lookup, Model, ModelsFile, Rows};
use serde_json::{Value, json};

use crate::mcp::testing::Peer;
use crate::registry::ALL;

/// Knows one model that the catalogs lack, and remembers what was asked.
#[derive(Debug, Default)]
struct Scripted {
    asked: Mutex<Vec<Vec<Ask>>>,
    notes: Vec<String>,
}

const NEW: &str = "mine/new-8b";

impl Lookup for Scripted {
    fn look_up<'a>(&'a self, asks: &'a [Ask], _errand: &'a Errand) -> Looking<'a> {
        self.asked.lock().unwrap().push(asks.to_vec());
        let knows = asks.contains(&Ask::Model(NEW.parse().unwrap()));
        let rows = knows.then(|| Rows::live("a script").with(file()));
        let notes = self.notes.clone();
        Box::pin(
            async move { Found { rows: rows.into_iter().collect(), notes, ..Found::default() } },
        )
    }
}

fn file() -> ModelsFile {
    let known = Catalogs::embedded().models().get("Qwen/Qwen3-8B").unwrap().clone();
    let models = vec![Model { id: NEW.parse().unwrap(), ..known }].into();
    ModelsFile { as_of: "2031-01-02".to_owned(), source: "a script".to_owned(), models }
}

/// What one call asks.
async fn asked(tool: &'static str, arguments: Value) -> Vec<Ask> {
    let lookup = Arc::new(Scripted::default());
    let peer = Peer::looking(&ALL, Arc::clone(&lookup) as Arc<dyn Lookup>).await;
    let (answer, _) = peer.call(tool, arguments.clone()).await;
    let (without, _) = Peer::new(&ALL, &[]).await.call(tool, arguments).await;
    assert_eq!(answer, without, "nothing was found, and {tool} answers something else");
    let asked = lookup.asked.lock().unwrap();
    assert!(asked.len() <= 1, "what was not found is not asked again: {asked:?}");
    asked.iter().flatten().cloned().collect()
}

#[tokio::test]
async fn every_tool_says_what_it_stands_on() {
    let model = || Ask::Model("Qwen/Qwen3-8B".parse().unwrap());
    let images = || Ask::Images("vllm".to_owned());
    let region = || "eu-west-1".parse().unwrap();
    let offers = || Ask::Offers(region());
    let clusters = || Ask::Clusters(region());
    let place = || vec![offers(), Ask::Prices(region()), Ask::Quotas(region())];
    let run = || [vec![model()], place()].concat();
    let plan = || [vec![model(), images()], place()].concat();
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1";
    let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub-AbCdEf";
    // The Region that is taken where none is said.
    let usual = "us-east-1".parse().unwrap();
    let given = json!({"projectName": "p", "deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B",
        "region": "eu-west-1"});
    let and = |more: Value| {
        let mut all = given.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let groups = json!([{"instanceType": "ml.g5.12xlarge", "count": 1}]);
    for (tool, arguments, expected) in [
        ("search_models", json!({"query": "qwen3 8b"}), vec![Ask::Models("qwen3 8b".to_owned())]),
        (
            "describe_model",
            json!({"modelName": "https://huggingface.co/Qwen/Qwen3-8B"}),
            vec![model()],
        ),
        (
            "describe_model",
            json!({"modelName": "s3://bucket/own/"}),
            vec![Ask::Files("s3://bucket/own/".parse().unwrap())],
        ),
        ("describe_model", json!({"modelName": "mine/x", "modelConfig": "Qwen/Qwen3-8B"}), vec![]),
        ("describe_model", json!({"modelName": "no such: name"}), vec![]),
        ("recommend_instance", json!({"modelName": "Qwen/Qwen3-8B", "region": "eu-west-1"}), run()),
        ("recommend_instance", json!({"modelName": "Qwen/Qwen3-8B"}), vec![model()]),
        (
            "compare_instances",
            json!({"modelNames": ["Qwen/Qwen3-8B"], "instanceTypes": ["ml.g5.xlarge"], "region": "eu-west-1"}),
            run(),
        ),
        ("recommend_region", json!({"near": "eu-west-1"}), vec![offers()]),
        ("recommend_region", json!({"near": "Paris"}), vec![]),
        (
            "recommend_image",
            json!({"deploymentConfig": "transformers-vllm", "modelName": "Qwen/Qwen3-8B"}),
            vec![model(), images(), Ask::Images("vllm-neuron".to_owned())],
        ),
        ("search_images", json!({"family": "vllm"}), vec![images()]),
        ("describe_hyperpod", json!({"region": "eu-west-1"}), vec![clusters()]),
        (
            "fit_hyperpod",
            json!({"nodeGroups": groups, "modelName": "Qwen/Qwen3-8B", "region": "eu-west-1"}),
            [run(), vec![clusters()]].concat(),
        ),
        ("plan_project", given.clone(), plan()),
        (
            "plan_project",
            json!({"modelName": "Qwen/Qwen3-8B"}),
            [vec![model(), images()], Ask::of_place(&usual).to_vec()].concat(),
        ),
        ("generate_project", given.clone(), plan()),
        (
            "plan_project",
            and(json!({"deploymentTarget": "hyperpod-eks", "hyperpodCluster": "c1"})),
            [plan(), vec![clusters()]].concat(),
        ),
        (
            "plan_project",
            and(json!({"baseImage": image, "hfTokenArn": secret})),
            [
                vec![model(), Ask::Image(image.parse().unwrap())],
                place(),
                vec![Ask::Named(secret.parse().unwrap())],
            ]
            .concat(),
        ),
        ("explain_rule", json!({"rule": "MCC-MEM-001"}), vec![]),
        ("list_deployments", json!({}), vec![]),
    ] {
        let mut expected = expected;
        expected.sort();
        assert_eq!(asked(tool, arguments.clone()).await, expected, "{tool} {arguments}");
    }
}

#[tokio::test]
async fn what_is_found_is_answered_with_and_told() {
    let note = "the hub was slow\u{1b}[2J".to_owned();
    let lookup = Arc::new(Scripted { notes: vec![note], ..Scripted::default() });
    let peer = Peer::looking(&ALL, Arc::clone(&lookup) as Arc<dyn Lookup>).await;
    let arguments = json!({"modelName": NEW});
    let without = Peer::new(&ALL, &[]).await;
    assert_eq!(without.fails("recommend_instance", arguments.clone()).await, "unknown_model");
    let found = peer.succeeds("recommend_instance", arguments.clone()).await;
    assert_eq!((&found["mode"], &found["asOf"]), (&json!("smart"), &json!("2031-01-02")));
    let known = without.succeeds("recommend_instance", json!({"modelName": "Qwen/Qwen3-8B"})).await;
    assert_eq!(known["mode"], "static");
    let best = |answer: &Value| answer["recommendations"][0]["instanceType"].clone();
    assert_eq!(best(&found), best(&known));
    let plan = peer.succeeds("plan_project", arguments.clone()).await;
    assert_eq!(plan["findings"].as_array().map(Vec::len), Some(0), "{plan:#}");
    let (text, _) = peer.said("describe_model", arguments.as_object().unwrap().clone()).await;
    assert!(text.contains("\nNote: the hub was slow\\u{1b}[2J"), "{text}");
    // What was found is for one call, and what needs none of it says so.
    let other = peer.succeeds("describe_model", json!({"modelName": "Qwen/Qwen3-8B"})).await;
    assert_eq!(other["mode"], "static");
    assert_eq!(without.fails("describe_model", arguments).await, "unknown_model");
}
