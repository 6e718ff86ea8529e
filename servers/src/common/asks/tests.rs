//! What tools ask to be looked up, and what becomes of it: with somebody who looks things up in a script.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcc_catalogs::{
    Ask, Catalogs, Errand, Found, Looked, Looking, Lookup, Model, ModelsFile, Rows,
};
use serde_json::{Value, json};

use crate::mcp::handler::Handler;
use crate::mcp::server::Context;
use crate::mcp::testing::Peer;
use crate::registry::ALL;

/// Knows one model that the catalogs lack, and remembers what was asked.
#[derive(Debug, Default)]
struct Scripted {
    asked: Mutex<Vec<Vec<Ask>>>,
    profiles: Mutex<Vec<Option<String>>>,
    left: Mutex<Vec<usize>>,
    notes: Vec<String>,
}

const NEW: &str = "mine/new-8b";

impl Lookup for Scripted {
    fn look_up<'a>(&'a self, asks: &'a [Ask], errand: &'a Errand) -> Looking<'a> {
        self.asked.lock().unwrap().push(asks.to_vec());
        self.profiles.lock().unwrap().push(errand.profile().map(str::to_owned));
        assert!(errand.take() && errand.remaining() <= Duration::from_secs(8));
        self.left.lock().unwrap().push(errand.left());
        let knows = asks.contains(&Ask::Model(NEW.parse().unwrap()));
        let rows = knows.then(|| Rows::live("a script").with(file()));
        let notes = self.notes.clone();
        let looked: Vec<Looked> = rows
            .iter()
            .map(|_| Looked {
                source: "a script".to_owned(),
                whom: Some("account 123456789012".to_owned()),
                age: 2,
            })
            .collect();
        Box::pin(async move { Found { rows: rows.into_iter().collect(), looked, notes } })
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
    assert!(
        text.ends_with(
            "\nLive: a script (account 123456789012), 2 s ago\nNote: the hub was slow\\u{1b}[2J"
        ),
        "{text}"
    );
    let sources = json!([{"source": "a script", "whom": "account 123456789012", "ageSeconds": 2}]);
    let live = json!({"sources": sources, "notes": ["the hub was slow\\u{1b}[2J"]});
    assert_eq!(found["live"], live);
    assert_eq!(plan["live"], live);
    // What was found is for one call, and what needs none of it says so.
    let other = peer.succeeds("describe_model", json!({"modelName": "Qwen/Qwen3-8B"})).await;
    assert_eq!(other["mode"], "static");
    assert_eq!(without.fails("describe_model", arguments).await, "unknown_model");
}

/// A failed call says what could not be looked up: it may have failed for that.
#[tokio::test]
async fn errors_tell_what_was_not_found_too() {
    let notes = (0..20).map(|n| format!("source {n} did not answer")).collect();
    let lookup = Arc::new(Scripted { notes, ..Scripted::default() });
    let peer = Peer::looking(&ALL, lookup).await;
    let arguments = json!({"modelName": "mine/none"}).as_object().unwrap().clone();
    let (text, answer) = peer.said("describe_model", arguments).await;
    assert_eq!(answer["error"]["code"], "unknown_model", "{answer:#}");
    assert_eq!(answer["live"]["notes"].as_array().map(Vec::len), Some(8), "{answer:#}");
    assert!(text.contains("\nNote: source 0 did not answer"), "{text}");
}

#[tokio::test]
async fn what_is_listed_follows_what_the_server_does() {
    let lookup = || Arc::new(Scripted::default()) as Arc<dyn Lookup>;
    let listed = async |peer: Peer| peer.client().list_all_tools().await.unwrap();
    let fixed = listed(Peer::new(&ALL, &[]).await).await;
    let smart = listed(Peer::looking(&ALL, lookup()).await).await;
    let named = listed(Peer::allowing(&ALL, lookup(), &["team", "own"]).await).await;
    let json = |tool: &rmcp::model::Tool| serde_json::to_value(tool).unwrap();
    let mut open = 0;
    for ((fixed, smart), named) in fixed.iter().zip(&smart).zip(&named) {
        let (fixed, mut smart, mut named) = (json(fixed), json(smart), json(named));
        let name = fixed["name"].as_str().unwrap();
        let asks = ALL.tool(name).unwrap().asks.is_some();
        assert_eq!(fixed["annotations"]["openWorldHint"], false, "{name}");
        assert_eq!(smart["annotations"]["openWorldHint"], asks, "{name}");
        let offered = |tool: &mut Value| {
            tool["inputSchema"]["properties"].as_object_mut().unwrap().shift_remove("awsProfile")
        };
        assert_eq!(offered(&mut smart), None, "{name}");
        let profile = offered(&mut named);
        let names = profile.as_ref().map(|profile| profile["enum"].clone());
        assert_eq!(names, asks.then(|| json!(["team", "own"])), "{name}");
        assert_eq!(smart, named, "{name}");
        let output = smart["outputSchema"]["properties"].as_object_mut().unwrap();
        assert_eq!(output.shift_remove("live").is_some(), asks, "{name}");
        smart["annotations"]["openWorldHint"] = json!(false);
        assert_eq!(smart, fixed, "{name}");
        open += usize::from(asks);
    }
    assert!(open > 8 && open < fixed.len(), "{open}");
}

#[tokio::test]
async fn a_call_may_name_a_profile_that_the_server_was_started_with() {
    let lookup = Arc::new(Scripted::default());
    let dynamic = || Arc::clone(&lookup) as Arc<dyn Lookup>;
    let peer = Peer::allowing(&ALL, dynamic(), &["team"]).await;
    let with = |profile: Value| json!({"modelName": "Qwen/Qwen3-8B", "awsProfile": profile});
    for nothing in [json!("team"), json!(null), json!(" ")] {
        peer.succeeds("describe_model", with(nothing)).await;
    }
    let own = || Some("team".to_owned());
    assert_eq!(*lookup.profiles.lock().unwrap(), [own(), None, None]);
    for other in [json!("root"), json!("team "), json!(["team"]), json!({"a": 1}), json!(7)] {
        assert_eq!(peer.fails("describe_model", with(other)).await, "invalid_arguments");
    }
    // No tool has such an argument where nothing could be looked up with it.
    assert_eq!(
        peer.fails("explain_rule", json!({"awsProfile": "team"})).await,
        "invalid_arguments"
    );
    for peer in [Peer::looking(&ALL, dynamic()).await, Peer::new(&ALL, &[]).await] {
        assert_eq!(peer.fails("describe_model", with(json!("team"))).await, "invalid_arguments");
    }
    assert_eq!(lookup.profiles.lock().unwrap().len(), 3, "nothing was looked up for the others");
}

/// Filling in forms does not give a call its requests anew.
#[tokio::test]
async fn the_rounds_of_a_call_are_one_errand() {
    let lookup = Arc::new(Scripted::default());
    let context = Context { lookup: Some(Arc::clone(&lookup) as _), ..Context::default() };
    let handler = Handler::new(&ALL, Arc::new(context));
    let round = async |more: Value| {
        let mut call = json!({"name": "generate_project", "arguments": {
            "projectName": "rounds", "modelName": "Qwen/Qwen3-8B", "deploymentTarget": "hyperpod-eks",
        }});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = handler.called(serde_json::from_value(call).unwrap(), true, None).await;
        let answer: rmcp::model::ServerResult = answer.unwrap().into();
        serde_json::to_value(answer).unwrap()
    };
    let form = round(json!({})).await;
    let state = form["requestState"].as_str().unwrap_or_else(|| panic!("{form:#}"));
    let filled =
        json!({"region": "us-west-2", "hyperpodCluster": "c1", "instanceType": "ml.g6e.2xlarge"});
    let responses = json!({"inputs": {"action": "accept", "content": filled}});
    let done = round(json!({"requestState": state, "inputResponses": responses})).await;
    assert_eq!(done["structuredContent"]["status"], "returned", "{done:#}");
    let left = lookup.left.lock().unwrap().clone();
    assert!(left.len() >= 2 && left.is_sorted_by(|earlier, later| earlier > later), "{left:?}");
}
