//! Opinions on what tools recommend: whatever is said, what they recommend stays.

use std::sync::{Arc, Mutex};

use mcc_catalogs::reason::{Comment, Opinion, Question, Reasoner, Used, Weighed, Weighing};
use mcc_catalogs::{Ask, Errand, Found, Looking, Lookup};
use serde_json::{Value, json};

use crate::mcp::testing::Peer;
use crate::registry::ALL;

/// Nobody finds anything.
#[derive(Debug)]
struct Nothing;

impl Lookup for Nothing {
    fn look_up<'a>(&'a self, _: &'a [Ask], _: &'a Errand) -> Looking<'a> {
        Box::pin(async { Found::default() })
    }
}

/// Says what it is told to, and keeps what it was asked.
#[derive(Debug, Default)]
struct Says {
    asked: Mutex<Vec<Question>>,
    /// Orders the choices from behind, with strangers among them; else says nothing but a note.
    nonsense: bool,
}

impl Reasoner for Says {
    fn weigh<'a>(&'a self, question: &'a Question, errand: &'a Errand) -> Weighing<'a> {
        assert!(errand.remaining().as_secs() >= 9);
        self.asked.lock().unwrap().push(question.clone());
        let used = Some(Used {
            model: "us.a-model".to_owned(),
            region: "us-east-1".to_owned(),
            geography: "Regions of the United States".to_owned(),
            input_tokens: Some(700),
            output_tokens: Some(50),
            rates: Err("nobody was asked".to_owned()),
        });
        let note = (!self.nonsense).then(|| "Bedrock denied `bedrock:InvokeModel`".to_owned());
        let opinion = self.nonsense.then(|| {
            let mut order: Vec<String> =
                question.shortlist.iter().rev().map(|choice| choice.id.clone()).collect();
            order.insert(0, "ml.p5.48xlarge-of-a-model-card".to_owned());
            order.extend(order.clone());
            let comment =
                |id: &String| Comment { id: id.clone(), text: "line\nline\u{1b}[2J".to_owned() };
            Opinion {
                comments: order.iter().map(comment).collect(),
                order,
                remarks: Some("x".repeat(100_000)),
                dropped: 0,
            }
        });
        Box::pin(async move { Weighed { used, opinion, note } })
    }
}

/// A call of each tool whose choices are weighed, and where their names are in its answer.
fn calls() -> [(&'static str, Value, &'static str); 6] {
    [
        // What else a plan could run on is not in its answer.
        ("plan_project", json!({"projectName": "chat", "modelName": "Qwen/Qwen3-8B"}), ""),
        (
            "recommend_instance",
            json!({"modelName": "Qwen/Qwen3-8B"}),
            "/recommendations/*/instanceType",
        ),
        (
            "recommend_region",
            json!({"near": "Vienna", "services": ["sagemaker"]}),
            "/regions/*/region",
        ),
        (
            "recommend_image",
            json!({"deploymentConfig": "transformers-vllm", "instanceType": "ml.g5.2xlarge"}),
            "/image/tag",
        ),
        ("search_models", json!({"query": "qwen3 8b"}), "/models/*/name"),
        (
            "fit_hyperpod",
            json!({"modelName": "Qwen/Qwen3-8B", "nodeGroups": [{"instanceType": "ml.g5.12xlarge", "count": 2}, {"instanceType": "ml.t3.medium", "count": 2}]}),
            "/groups/*/instanceType",
        ),
    ]
}

/// The texts at a place; `*` is each item of a list.
fn at(value: &Value, place: &str) -> Vec<String> {
    match place.split_once("/*") {
        None => {
            value.pointer(place).and_then(Value::as_str).map(str::to_owned).into_iter().collect()
        }
        Some((list, rest)) => {
            let items = value.pointer(list).and_then(Value::as_array).into_iter().flatten();
            items.flat_map(|item| at(item, rest)).collect()
        }
    }
}

#[tokio::test]
async fn an_opinion_is_about_choices_and_changes_none() {
    let plain = Peer::looking(&ALL, Arc::new(Nothing)).await;
    for nonsense in [true, false] {
        let says = Arc::new(Says { nonsense, ..Says::default() });
        let peer = Peer::weighing(&ALL, Arc::new(Nothing), says.clone()).await;
        for (tool, arguments, place) in calls() {
            let mut asked = arguments.clone();
            asked["wish"] = json!("as cheap as can be");
            let before = plain.succeeds(tool, arguments).await;
            let mut answer = peer.succeeds(tool, asked.clone()).await;
            let opinion = answer.as_object_mut().unwrap().remove("opinion").unwrap();
            assert_eq!(answer, before, "{tool}");
            let question = says.asked.lock().unwrap().pop().unwrap();
            let shortlist = question.shortlist.iter().map(|choice| choice.id.clone());
            let choices = match place {
                "" => shortlist.collect(),
                place => at(&before, place),
            };
            let order = at(&opinion, "/order/*");
            assert!(order.iter().all(|id| choices.contains(id)), "{tool}: {order:?} {choices:?}");
            assert_eq!(
                (&opinion["inputTokens"], &opinion["outputTokens"]),
                (&json!(700), &json!(50))
            );
            assert_eq!(question.tool, tool);
            assert_eq!(question.wish.as_deref(), Some("as cheap as can be"));
            assert!(!question.asked.contains("wish"), "{}", question.asked);
            assert!(question.shortlist.iter().all(|choice| !choice.facts.is_empty()));
            let (text, _) = peer.said(tool, asked.as_object().unwrap().clone()).await;
            assert!(text.contains("\n\nOpinion of a language model"), "{text}");
            assert!(text.contains("700 tokens in and 50 out"), "{text}");
            if nonsense {
                let mut reversed: Vec<_> =
                    question.shortlist.iter().map(|choice| choice.id.clone()).collect();
                reversed.reverse();
                assert_eq!(order, reversed, "{tool}");
                // The stranger and all that is said for the second time, ids and comments.
                assert_eq!(opinion["dropped"], 2 * (order.len() + 2), "{tool}");
                assert_eq!(opinion["comments"][0]["comment"], "line line[2J");
                assert!(opinion["remarks"].as_str().unwrap().chars().count() <= 600);
            } else {
                assert_eq!(opinion["note"], "Bedrock denied `bedrock:InvokeModel`");
                assert!(order.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_wish_is_a_short_text_where_it_is_weighed_and_nowhere_else() {
    let says = Arc::new(Says::default());
    let peer = Peer::weighing(&ALL, Arc::new(Nothing), says.clone()).await;
    let with = |wish: Value| json!({"query": "qwen", "wish": wish});
    for wish in [json!("x".repeat(1001)), json!(7), json!(["a"]), json!({"a": 1})] {
        assert_eq!(peer.fails("search_models", with(wish)).await, "invalid_arguments");
    }
    let secret = json!("use hf_abcdefghijklmnopqrstuvwxyzabcdefgh");
    assert_eq!(peer.fails("search_models", with(secret)).await, "secret_refused");
    assert!(says.asked.lock().unwrap().is_empty());
    for wish in [json!(null), json!(" "), json!("é".repeat(1000))] {
        peer.succeeds("search_models", with(wish)).await;
    }
    // Nothing to choose from is no question, and failed calls are none either.
    says.asked.lock().unwrap().clear();
    let none = peer
        .succeeds(
            "search_models",
            json!({"query": "qwen", "minParameters": 99_000_000_000_000_u64}),
        )
        .await;
    assert!(none.get("opinion").is_none());
    peer.fails("recommend_instance", json!({"modelName": "no/such-model-anywhere"})).await;
    assert!(says.asked.lock().unwrap().is_empty());
    // Tools without choices, and servers without anybody to ask.
    assert_eq!(
        peer.fails("describe_model", json!({"modelName": "Qwen/Qwen3-8B", "wish": "a"})).await,
        "invalid_arguments"
    );
    let plain = Peer::looking(&ALL, Arc::new(Nothing)).await;
    assert_eq!(plain.fails("search_models", with(json!("a"))).await, "invalid_arguments");
    for (peer, offered) in [(&peer, true), (&plain, false)] {
        for tool in peer.client().list_all_tools().await.unwrap() {
            let listed = serde_json::to_value(&tool).unwrap();
            let weighs = calls().iter().any(|(name, ..)| *name == tool.name);
            let has = listed.pointer("/inputSchema/properties/wish").is_some();
            assert_eq!(has, offered && weighs, "{}", tool.name);
            let told = listed.pointer("/outputSchema/properties/opinion").is_some();
            assert_eq!(told, offered && weighs, "{}", tool.name);
        }
    }
}
