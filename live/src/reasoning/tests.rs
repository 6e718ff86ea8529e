//! Bedrock at the wire: the real SDK against a server that says what a test has it say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mcc_catalogs::Errand;
use mcc_catalogs::reason::{Charge, Choice, Question, Rates, Weighed};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::ledger::Ledger;
use super::{Bedrock, ReasoningSettings};
use crate::aws::{Aws, AwsSettings};
use crate::clock;
use crate::source::Waiting;
use crate::web::{Network, Web};

const SECRET: &str = "s3cr3t-key-of-a-test";

/// What the server does with a request.
#[derive(Clone)]
enum Does {
    Answers(u16, Vec<(&'static str, String)>, String),
    Hangs,
    Closes,
    /// Answers after so many seconds.
    Thinks(u64, String),
}

/// What was asked: path and body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;
/// What is known of models: answers by path.
type Says = fn(&str, &Value) -> Option<Value>;

/// A Bedrock that says what it is told to, and keeps what it was asked of models, and about them.
struct Played {
    endpoint: String,
    asked: Asked,
    about: Asked,
}

impl Played {
    async fn new(does: Does) -> Self {
        // Of models it knows nothing.
        Self::knowing(does, |_, _| None).await
    }

    async fn knowing(does: Does, says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (asked, about) = (Asked::default(), Asked::default());
        let seen = (Arc::clone(&asked), Arc::clone(&about));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, does.clone(), says, seen.clone()));
            }
        });
        Self { endpoint, asked, about }
    }
}

async fn serve(mut connection: TcpStream, does: Does, says: Says, seen: (Asked, Asked)) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    let (head, length) = loop {
        let Ok(read @ 1..) = connection.read(&mut chunk).await else { return };
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            break (head.to_owned(), length.unwrap_or(0));
        }
    };
    while bytes.len() < head.len() + 4 + length {
        let Ok(read @ 1..) = connection.read(&mut chunk).await else { return };
        bytes.extend_from_slice(&chunk[..read]);
    }
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let body: Value = serde_json::from_slice(&bytes[head.len() + 4..]).unwrap_or_default();
    let does = if path.starts_with("/model/") {
        seen.0.lock().unwrap().push((path, body));
        does
    } else {
        let (status, said) = match says(&path, &body) {
            Some(said) => (200, said),
            None => (403, json!({"__type": "AccessDeniedException", "message": "no"})),
        };
        seen.1.lock().unwrap().push((path, body));
        let code = vec![("x-amzn-errortype", "AccessDeniedException".to_owned())];
        let headers = if status == 200 { Vec::new() } else { code };
        Does::Answers(status, headers, said.to_string())
    };
    match does {
        Does::Hangs => std::future::pending().await,
        Does::Closes => {}
        Does::Thinks(seconds, body) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let length = body.len();
            let head =
                "HTTP/1.1 200 Said\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let answer = format!("{head}content-length: {length}\r\n\r\n{body}");
            let _ = connection.write_all(answer.as_bytes()).await;
        }
        Does::Answers(status, headers, body) => {
            let mut answer = format!(
                "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n",
                body.len()
            );
            for (name, value) in headers {
                answer.push_str(&format!("{name}: {value}\r\n"));
            }
            let _ = connection.write_all(format!("{answer}\r\n{body}").as_bytes()).await;
        }
    }
}

/// The environment of a test.
type Variables = HashMap<String, String>;

struct Bench {
    folder: tempfile::TempDir,
    bedrock: Bedrock,
}

impl Bench {
    fn new(endpoint: &str, change: impl FnOnce(&mut ReasoningSettings, &mut Variables)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = ReasoningSettings {
            model: None,
            region: None,
            tokens: 100_000,
            folder: Some(folder.path().join("reasoning")),
        };
        let variables = [
            ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_MAX_ATTEMPTS", "1"),
            ("AWS_CONFIG_FILE", "/nonexistent/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials"),
        ];
        let mut variables: Variables =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        change(&mut settings, &mut variables);
        let web = Web::new(&Network::default()).unwrap();
        let aws = Aws::new(web.clone(), AwsSettings { variables, ..AwsSettings::default() });
        Self { folder, bedrock: Bedrock::new(settings, aws, web) }
    }

    async fn asks(&self, question: &Question) -> Weighed {
        question.put(&self.bedrock, &Errand::new(Duration::from_secs(5))).await
    }

    fn used(&self) -> u64 {
        let folder = self.folder.path().join("reasoning");
        Ledger::new(&folder, 0).used(&clock::date(clock::now())).unwrap()
    }
}

fn question() -> Question {
    let choice = |id: &str| Choice { id: id.to_owned(), facts: vec![format!("{id} fits")] };
    Question {
        tool: "recommend_instance".to_owned(),
        asked: "{\"modelName\":\"Qwen/Qwen3-8B\"}".to_owned(),
        wish: Some("quick answers".to_owned()),
        shortlist: ["ml.g5.xlarge", "ml.g6.xlarge"].map(choice).to_vec(),
    }
}

fn converse(stop: &str, content: Value) -> String {
    json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": {"inputTokens": 900, "outputTokens": 60, "totalTokens": 960},
        "metrics": {"latencyMs": 700},
    })
    .to_string()
}

fn called(input: Value) -> String {
    let call =
        json!({"toolUse": {"toolUseId": "tooluse_1", "name": "order_choices", "input": input}});
    converse("tool_use", json!([call]))
}

async fn answered(body: String) -> (Bench, Played, Weighed) {
    let played = Played::new(Does::Answers(200, Vec::new(), body)).await;
    let bench = Bench::new(&played.endpoint, |_, _| {});
    let weighed = bench.asks(&question()).await;
    (bench, played, weighed)
}

#[tokio::test]
async fn an_opinion_tells_who_gave_it_and_what_it_took() {
    let input = json!({"order": ["c2", "c1"], "comments": [{"label": "c2", "comment": "Newer."}], "remarks": "Check the quota."});
    let (bench, played, weighed) = answered(called(input)).await;
    let (opinion, used) = (weighed.opinion.unwrap(), weighed.used.unwrap());
    assert_eq!(opinion.order, ["ml.g6.xlarge", "ml.g5.xlarge"]);
    assert_eq!(opinion.comments[0].text, "Newer.");
    assert_eq!(weighed.note, None);
    assert_eq!(used.model, "eu.anthropic.claude-haiku-4-5-20251001-v1:0");
    assert_eq!(used.region, "eu-west-1");
    assert_eq!(used.geography, "Regions of Europe, inferred from the id");
    assert_eq!((used.input_tokens, used.output_tokens), (Some(900), Some(60)));
    let Charge::Unknown(why) = used.charge() else { panic!("{used:?}") };
    assert!(why.contains("denied `bedrock:GetInferenceProfile`"), "{why}");
    assert_eq!(bench.used(), 960);
    let asked = played.asked.lock().unwrap();
    let (path, body) = &asked[0];
    assert_eq!(asked.len(), 1);
    assert_eq!(path, "/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse");
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"tool": {"name": "order_choices"}}));
    let schema = &body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"];
    assert_eq!(schema["properties"]["order"]["items"]["enum"], json!(["c1", "c2"]));
    assert!(body["messages"][0]["content"][0]["text"].as_str().unwrap().contains("quick answers"));
    assert!(!body.to_string().contains(SECRET));
}

/// What Bedrock and the price list say of the usual model.
fn usual(path: &str, body: &Value) -> Option<Value> {
    let (profile, model) = (
        "eu.anthropic.claude-haiku-4-5-20251001-v1%3A0",
        "anthropic.claude-haiku-4-5-20251001-v1%3A0",
    );
    let arn = |region: &str| json!({"modelArn": format!("arn:aws:bedrock:{region}::foundation-model/{}", model.replace("%3A", ":"))});
    if path == format!("/inference-profiles/{profile}") {
        return Some(
            json!({"models": [arn("eu-west-1"), arn("eu-central-1")], "status": "ACTIVE"}),
        );
    }
    if path == format!("/foundation-models/{model}") {
        return Some(
            json!({"modelDetails": {"modelArn": "arn", "modelId": model.replace("%3A", ":"), "modelName": "Claude Haiku 4.5"}}),
        );
    }
    let name = "Claude Haiku 4.5 (Amazon Bedrock Edition)";
    assert_eq!(body["ServiceCode"], "AmazonBedrockFoundationModels", "{path} {body}");
    assert_eq!(body["Filters"][0]["Value"], "eu-west-1");
    assert_eq!(body["Filters"][1]["Value"], name);
    let row = |counted: &str, what: &str, usd: &str| {
        json!({
            "product": {"attributes": {"regionCode": "eu-west-1", "servicename": name, "usagetype": format!("EU-MP:EUW1_{counted}-Units")}},
            "terms": {"OnDemand": {"a": {"priceDimensions": {"b": {"unit": "Units", "description": what, "pricePerUnit": {"USD": usd}}}}}},
        })
        .to_string()
    };
    Some(json!({"PriceList": [
        row("InputTokenCount", "Million Input Tokens Regional CRIS", "1.1000000000"),
        row("OutputTokenCount", "Million Response Tokens Regional CRIS", "5.5000000000"),
        row("InputTokenCount_Global", "Million Input Tokens Global", "1.0000000000"),
    ]}))
}

#[tokio::test]
async fn regions_and_prices_are_what_aws_says_and_are_asked_once() {
    let says = called(json!({"order": ["c1"]}));
    let played = Played::knowing(Does::Answers(200, Vec::new(), says), usual).await;
    let bench = Bench::new(&played.endpoint, |_, _| {});
    for _ in 0..2 {
        let used = bench.asks(&question()).await.used.unwrap();
        assert_eq!(used.geography, "one of eu-central-1, eu-west-1, as Bedrock lists them");
        let list = "AWS's price list for eu-west-1, asked in eu-central-1".to_owned();
        assert_eq!(used.rates, Ok(Rates { input: 1.1, output: 5.5, list }));
        let Charge::Known { usd, .. } = used.charge() else { panic!("{used:?}") };
        assert!((usd - 0.00132).abs() < 1e-9, "{usd}");
    }
    assert_eq!(played.asked.lock().unwrap().len(), 2);
    assert_eq!(played.about.lock().unwrap().len(), 3, "known the second time");
    // An answer that has few requests left has them for the model.
    let bench = Bench::new(&played.endpoint, |_, _| {});
    let errand = Errand::resumed(Duration::from_secs(5), 7);
    let weighed = question().put(&bench.bedrock, &errand).await;
    assert!(weighed.opinion.is_some());
    let why = weighed.used.unwrap().rates.unwrap_err();
    assert!(why.contains("used up") && played.about.lock().unwrap().len() == 3, "{why}");
}

#[tokio::test]
async fn nonsense_is_no_opinion_and_its_tokens_count() {
    let text = |text: &str| json!([{"text": text}]);
    let tool = |name: &str, input: Value| json!([{"toolUse": {"toolUseId": "t", "name": name, "input": input}}]);
    let huge = "x".repeat(1024 * 1024);
    for (body, words) in [
        (converse("end_turn", text("c1 of course")), "in prose"),
        (converse("end_turn", json!([])), "answered nothing"),
        (converse("tool_use", tool("rm", json!({"order": ["c1"]}))), "tool that does not exist"),
        (converse("tool_use", tool("order_choices", json!("c1"))), "cannot be read"),
        (
            converse("max_tokens", tool("order_choices", json!({"order": ["c1"]}))),
            "too long an answer",
        ),
        (converse("content_filtered", json!([])), "filter"),
        (converse("guardrail_intervened", text("no")), "guardrail"),
        (converse("refusal", json!([])), "refused"),
        (called(json!({"order": [], "remarks": huge, "more": "y".repeat(1024)})), "far longer"),
    ] {
        let (bench, _, weighed) = answered(body).await;
        let note = weighed.note.unwrap();
        assert!(note.contains(words), "{note}");
        assert_eq!(weighed.opinion, None, "{note}");
        assert_eq!(weighed.used.unwrap().input_tokens, Some(900), "{note}");
        assert_eq!(bench.used(), 960, "{note}");
    }
    // Ids that are none, in an answer that has its form.
    let input = json!({"order": ["ml.p5.48xlarge", "c7", "c1", "c1"], "comments": [{"label": "ml.p5.48xlarge", "comment": "buy it"}], "remarks": ""});
    let (_, _, weighed) = answered(called(input)).await;
    let opinion = weighed.opinion.unwrap();
    assert_eq!(
        (opinion.order, opinion.comments, opinion.dropped),
        (vec!["ml.g5.xlarge".to_owned()], vec![], 4)
    );
}

#[tokio::test]
async fn what_is_not_of_converse_counts_in_full() {
    for body in ["", "{", "null", "[]", "{\"output\": 7}", "<html>", "{\"stopReason\": [[[[]]]]}"] {
        let (bench, _, weighed) = answered(body.to_owned()).await;
        assert_eq!(weighed.opinion.filter(|opinion| !opinion.is_empty()), None, "{body}");
        let note = weighed.note.unwrap();
        assert!(note.starts_with("Bedrock ") && !note.contains("HTTP 200"), "{body}: {note}");
        assert!(bench.used() > 2000, "{body}");
    }
    // Tokens that nobody can use.
    let body = called(json!({"order": ["c1"]})).replace("900", "-900");
    let (bench, _, weighed) = answered(body).await;
    assert_eq!(weighed.used.unwrap().input_tokens, None);
    assert!(bench.used() > 2000);
}

#[tokio::test]
async fn refusals_are_notes_and_take_no_tokens() {
    let secret = "User: arn:aws:sts::123456789012:assumed-role/x is not authorized to perform: bedrock:InvokeModel";
    for (status, code, message, words) in [
        (403, "AccessDeniedException", secret, "denied `bedrock:InvokeModel`"),
        (403, "AccessDeniedException", "You don't have access to the model", "no access to it"),
        (429, "ThrottlingException", "Too many tokens", "fewer requests"),
        (404, "ResourceNotFoundException", "use case details", "does not offer the model"),
        (
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
            "--reasoning-model",
        ),
        (403, "UnrecognizedClientException", "token", "rejected these credentials"),
        (403, "ExpiredTokenException", "expired", "expired"),
        (400, "a code with words", "m", "HTTP 400"),
        (418, "TeapotException", "m", "refused: TeapotException"),
    ] {
        let headers = vec![("x-amzn-errortype", code.to_owned())];
        let body = json!({"message": message}).to_string();
        let played = Played::new(Does::Answers(status, headers, body)).await;
        let bench = Bench::new(&played.endpoint, |_, _| {});
        let weighed = bench.asks(&question()).await;
        let note = weighed.note.unwrap();
        assert!(note.contains(words) && !note.contains("arn:aws"), "{code}: {note}");
        assert_eq!((weighed.opinion, weighed.used, bench.used()), (None, None, 0), "{code}");
        assert_eq!(played.asked.lock().unwrap().len(), 1, "{code}");
    }
    // A model that failed may have read it.
    for (status, code) in [
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (500, "InternalServerException"),
    ] {
        let headers = vec![("x-amzn-errortype", code.to_owned())];
        let played = Played::new(Does::Answers(status, headers, "{}".to_owned())).await;
        let bench = Bench::new(&played.endpoint, |_, _| {});
        let weighed = bench.asks(&question()).await;
        assert!(weighed.note.is_some() && weighed.used.is_some() && bench.used() > 2000, "{code}");
    }
}

#[tokio::test]
async fn silence_and_closed_connections_end_in_time() {
    for does in [Does::Hangs, Does::Closes] {
        let played = Played::new(does).await;
        let bench = Bench::new(&played.endpoint, |_, _| {});
        let start = Instant::now();
        let errand = Errand::new(Duration::from_secs(2));
        let weighed = question().put(&bench.bedrock, &errand).await;
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert!(weighed.opinion.is_none() && weighed.note.unwrap().starts_with("Bedrock "));
        assert!(bench.used() > 2000);
    }
}

#[tokio::test]
async fn a_model_may_think_for_as_long_as_an_opinion_is_waited_for() {
    let played = Played::new(Does::Thinks(8, called(json!({"order": ["c2"]})))).await;
    let bench = Bench::new(&played.endpoint, |_, _| {});
    let errand = Errand::new(mcc_catalogs::reason::PATIENCE);
    let weighed = question().put(&bench.bedrock, &errand).await;
    assert_eq!(weighed.note, None);
    assert_eq!(weighed.opinion.unwrap().order, ["ml.g6.xlarge"]);
    assert_eq!(bench.used(), 960);
}

#[tokio::test]
async fn without_what_it_needs_nothing_is_asked() {
    type Change = fn(&mut ReasoningSettings, &mut Variables);
    let played =
        Played::new(Does::Answers(200, Vec::new(), called(json!({"order": ["c1"]})))).await;
    let cases: [(Change, &str); 6] = [
        (|_, variables| drop(variables.remove("AWS_SECRET_ACCESS_KEY")), "credentials"),
        (|_, variables| drop(variables.remove("AWS_REGION")), "--reasoning-region"),
        (
            |_, variables| drop(variables.insert("AWS_REGION".into(), "cn-north-1".into())),
            "--reasoning-model",
        ),
        (|settings, _| settings.folder = None, "no cache folder"),
        (|settings, _| settings.tokens = 2000, "of the 2000 tokens of a day"),
        (|settings, _| settings.folder = Some("/dev/null/x".into()), "cannot be counted"),
    ];
    for (change, words) in cases {
        let bench = Bench::new(&played.endpoint, change);
        let weighed = bench.asks(&question()).await;
        let note = weighed.note.unwrap();
        assert!(note.contains(words), "{words}: {note}");
        assert_eq!((weighed.opinion, weighed.used), (None, None));
    }
    let spent = Errand::resumed(Duration::from_secs(5), 0);
    let bench = Bench::new(&played.endpoint, |_, _| {});
    let weighed = question().put(&bench.bedrock, &spent).await;
    assert!(weighed.note.unwrap().contains("used up its requests"));
    assert_eq!(bench.used(), 0);
    assert!(played.asked.lock().unwrap().is_empty() && played.about.lock().unwrap().is_empty());
    // Nothing to choose from is no question.
    let none = Question::default();
    assert_eq!(none.put(&bench.bedrock, &spent).await, Weighed::default());
    assert!(!format!("{:?}", bench.bedrock).contains(SECRET));
}

#[tokio::test]
async fn the_ceiling_holds_for_many_questions_at_once() {
    let played =
        Played::new(Does::Answers(200, Vec::new(), called(json!({"order": ["c1"]})))).await;
    let bench = Bench::new(&played.endpoint, |settings, _| settings.tokens = 10_000);
    let asking: Vec<_> = (0..12)
        .map(|_| -> Waiting<'_, Weighed> { Box::pin(async { bench.asks(&question()).await }) })
        .collect();
    let weighed = crate::desk::together(asking).await;
    let asked = played.asked.lock().unwrap().len() as u64;
    let had = weighed.iter().filter(|weighed| weighed.opinion.is_some()).count() as u64;
    assert_eq!((had, bench.used()), (asked, asked * 960));
    assert!((1..=10).contains(&asked), "{asked}");
}
