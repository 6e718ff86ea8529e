//! The main job through rmcp's own client, over stdio and HTTP: list, plan, generate, check, with a
//! project on disk at the end; and the questions that a server asks on the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod mcp;

use std::path::Path;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, ClientConfig, ElicitRequestParams,
    ElicitResult, ElicitationAction, ElicitationCapability, ErrorData, FormElicitationCapability,
    Implementation, InputRequiredResult, ProtocolVersion,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, RequestContext, RoleClient, RunningService,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ServiceExt as _};
use serde_json::{Value, json};

use mcp::{HttpServer, MCC};

type Client = RunningService<RoleClient, ()>;

fn inputs() -> Value {
    json!({
        "projectName": "churn",
        "deploymentConfig": "http-flask",
        "deploymentTarget": "managed-inference",
        "framework": "sklearn",
    })
}

fn with(mut base: Value, more: Value) -> Value {
    base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    base
}

async fn call(client: &Client, name: &'static str, arguments: Value) -> Value {
    let arguments = arguments.as_object().unwrap().clone();
    let request = CallToolRequestParams::new(name).with_arguments(arguments);
    let result = client.call_tool(request).await.unwrap();
    assert!(!result.content.is_empty(), "{name} answers in text too");
    result.structured_content.expect("a structured answer")
}

/// Lists and plans; the same whatever the transport.
async fn plan(client: &Client) -> Value {
    let tools = client.list_all_tools().await.unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(
        names,
        ["list_deployments", "plan_project", "generate_project", "check_project", "explain_rule"]
    );
    let listed = call(client, "list_deployments", json!({})).await;
    let configs = listed["deploymentConfigs"].as_array().unwrap();
    assert!(configs.iter().any(|config| config["name"] == "http-flask"), "{listed:#}");

    let asked = call(client, "plan_project", json!({"deploymentConfig": "http-flask"})).await;
    assert_eq!(asked["status"], "needs_input");
    let question = asked["questions"].as_array().unwrap();
    let framework = question.iter().find(|question| question["key"] == "framework").unwrap();
    assert!(framework["choices"].as_array().unwrap().contains(&json!("sklearn")), "{asked:#}");

    let full = with(inputs(), json!({"detail": "full"}));
    let plan = call(client, "plan_project", full).await;
    assert_eq!(plan["status"], "ready", "{plan:#}");
    // What clients send in place of what is left out, of numbers, booleans and maps.
    let loose = json!({
        "region": null, "instanceType": "", "detail": null, "deploymentTarget": "REALTIME",
        "workers": "3", "includeTesting": "true", "tags": ["team=ml"], "modelEnv": "{\"A\": \"b\"}",
    });
    let strict = json!({"workers": 3, "includeTesting": true, "tags": {"team": "ml"}, "modelEnv": {"A": "b"}});
    assert_eq!(
        call(client, "plan_project", with(inputs(), loose)).await,
        call(client, "plan_project", with(inputs(), strict)).await
    );
    plan
}

/// The paths of all files below `folder`, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn planned_files(plan: &Value) -> Vec<String> {
    let mut paths: Vec<String> = plan["fileDetails"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect();
    paths.sort();
    paths
}

fn run(work: impl Future<Output = ()>) {
    // The client of these tests has TLS and brings no cryptography for it.
    let _already = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        tokio::time::timeout(std::time::Duration::from_secs(60), work)
            .await
            .expect("a minute is enough");
    });
}

#[test]
fn over_stdio_the_project_is_written() {
    run(async {
        let place = tempfile::tempdir().unwrap();
        let mut command = tokio::process::Command::new(MCC);
        command.args(["serve", "generate-project"]).current_dir(place.path());
        let client = ().serve(TokioChildProcess::new(command).unwrap()).await.unwrap();
        let plan = plan(&client).await;
        let written = call(&client, "generate_project", inputs()).await;
        assert_eq!(written["status"], "written", "{written:#}");
        let folder = place.path().join("churn");
        assert_eq!(files(&folder), planned_files(&plan));
        let sound = call(&client, "check_project", json!({"directory": "churn"})).await;
        assert_eq!(sound["status"], "ok", "{sound:#}");
        client.cancel().await.unwrap();
    });
}

#[test]
fn over_http_the_files_are_returned() {
    run(async {
        let place = tempfile::tempdir().unwrap();
        let server = HttpServer::start(place.path(), &[]);
        let transport = StreamableHttpClientTransport::from_uri(server.url.clone());
        let client = ().serve(transport).await.unwrap();
        let plan = plan(&client).await;
        let folder = place.path().join("churn");
        let mut contents = serde_json::Map::new();
        let mut arguments = inputs();
        loop {
            let page = call(&client, "generate_project", arguments.clone()).await;
            assert_eq!(page["status"], "returned", "{page:#}");
            for file in page["contents"].as_array().unwrap() {
                let path = folder.join(file["path"].as_str().unwrap());
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, file["content"].as_str().unwrap()).unwrap();
                contents.insert(file["path"].as_str().unwrap().to_owned(), file["content"].clone());
            }
            match page.get("nextCursor") {
                Some(cursor) => arguments["cursor"] = cursor.clone(),
                None => break,
            }
        }
        assert_eq!(files(&folder), planned_files(&plan));
        let sound = call(&client, "check_project", json!({ "files": contents })).await;
        assert_eq!(sound["status"], "ok", "{sound:#}");
        client.cancel().await.unwrap();
    });
}

#[test]
fn over_http_a_project_is_written_where_roots_are_configured() {
    run(async {
        let place = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let root = place.path().to_str().unwrap();
        let server = HttpServer::start(elsewhere.path(), &["--root", root]);
        let transport = StreamableHttpClientTransport::from_uri(server.url.clone());
        assert!(().serve(transport).await.is_err(), "files are behind a token");
        let token = server.token.clone().expect("a token on stderr");
        let config = StreamableHttpClientTransportConfig::with_uri(server.url.clone());
        let transport = StreamableHttpClientTransport::from_config(config.auth_header(token));
        let client = ().serve(transport).await.unwrap();
        let written = call(&client, "generate_project", inputs()).await;
        assert_eq!(written["status"], "written", "{written:#}");
        assert!(place.path().join("churn/do/deploy").exists());
        let outside = with(inputs(), json!({"outputDirectory": elsewhere.path()}));
        let refused = call(&client, "generate_project", outside).await;
        assert_eq!(refused["error"]["code"], "outside_roots", "{refused:#}");
        assert_eq!(files(elsewhere.path()), [""; 0]);
        client.cancel().await.unwrap();
    });
}

/// A client of the current revision whose user fills in every form.
struct Filling;

impl ClientHandler for Filling {
    fn get_info(&self) -> ClientConfig {
        let mut can = ClientCapabilities::default();
        let forms = FormElicitationCapability::default();
        can.elicitation = Some(ElicitationCapability::new().with_form(forms));
        ClientConfig::new(can, Implementation::new("test", "1"))
    }

    async fn create_elicitation(
        &self,
        form: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams { requested_schema, .. } = form else {
            panic!("a form");
        };
        let fields: Vec<String> = requested_schema.properties.into_keys().collect();
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(filled(&fields)))
    }
}

fn filled(fields: &[String]) -> Value {
    let all = with(
        inputs(),
        json!({"modelName": "Qwen/Qwen3-8B", "hyperpodCluster": "research", "region": "us-east-1",
            "instanceType": "ml.g6e.2xlarge"}),
    );
    fields.iter().map(|field| (field.clone(), all[field].clone())).collect()
}

async fn asked_by(server: &HttpServer) -> RunningService<RoleClient, Filling> {
    let transport = StreamableHttpClientTransport::from_uri(server.url.clone());
    Filling.serve_with_lifecycle(transport, current()).await.unwrap()
}

fn current() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
}

fn generate(arguments: Value) -> CallToolRequestParams {
    let arguments = arguments.as_object().unwrap().clone();
    CallToolRequestParams::new("generate_project").with_arguments(arguments)
}

/// The form that a call is answered with.
async fn form(
    client: &RunningService<RoleClient, Filling>,
    params: CallToolRequestParams,
) -> InputRequiredResult {
    match client.call_tool_once(params).await.unwrap() {
        CallToolResponse::InputRequired(form) => form,
        other => panic!("{other:?}"),
    }
}

/// The same call again, with the state and what was filled in.
fn again(first: &CallToolRequestParams, form: &InputRequiredResult) -> CallToolRequestParams {
    let requests = serde_json::to_value(&form.input_requests).unwrap();
    let schema = &requests["inputs"]["params"]["requestedSchema"];
    let fields: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    let response = json!({"action": "accept", "content": filled(&fields)});
    let mut params = first.clone();
    params.request_state = form.request_state.clone();
    params.input_responses = Some([("inputs".to_owned(), response)].into_iter().collect());
    params
}

/// The structured answer to the last call, and whether it is an error.
async fn ended(
    client: &RunningService<RoleClient, Filling>,
    params: CallToolRequestParams,
) -> (Value, bool) {
    match client.call_tool_once(params).await.unwrap() {
        CallToolResponse::Complete(result) => {
            (result.structured_content.unwrap(), result.is_error == Some(true))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn over_stdio_questions_are_asked_until_the_project_is_written() {
    run(async {
        let place = tempfile::tempdir().unwrap();
        let mut command = tokio::process::Command::new(MCC);
        command.args(["serve", "all"]).current_dir(place.path());
        let transport = TokioChildProcess::new(command).unwrap();
        let client = Filling.serve_with_lifecycle(transport, current()).await.unwrap();
        let first = generate(json!({"projectName": "churn", "deploymentTarget": "hyperpod-eks"}));
        let asked = form(&client, first.clone()).await;
        // More than one round, or what is carried from one to the next is not shown.
        form(&client, again(&first, &asked)).await;
        let written = client.call_tool(first).await.unwrap();
        assert_eq!(written.structured_content.unwrap()["status"], "written");
        assert!(place.path().join("churn/do/deploy").exists());
        client.cancel().await.unwrap();
    });
}

#[test]
fn over_http_rounds_go_on_where_the_key_is_the_same() {
    run(async {
        let place = tempfile::tempdir().unwrap();
        let key = "a key that two processes share, and no third";
        let file = place.path().join("key");
        std::fs::write(&file, format!("{key}\n")).unwrap();
        let start = |arguments: &[&str], environment: &[(&str, &str)]| {
            HttpServer::start_with(place.path(), arguments, environment)
        };
        let servers = [
            start(&[], &[("MCC_SERVE_STATE_KEY", key)]),
            start(&["--state-key", file.to_str().unwrap()], &[]),
            start(&[], &[]),
        ];
        let [one, two, stranger] =
            [asked_by(&servers[0]).await, asked_by(&servers[1]).await, asked_by(&servers[2]).await];

        // The first round here, the second there, the last here again.
        let first = generate(json!({"projectName": "churn", "deploymentTarget": "hyperpod-eks"}));
        let asked = form(&one, first.clone()).await;
        let second = again(&first, &asked);
        let asked = form(&two, second.clone()).await;
        let third = again(&first, &asked);
        let (answer, failed) = ended(&one, third.clone()).await;
        assert!(!failed, "{answer:#}");
        assert_eq!(answer["status"], "returned", "{answer:#}");

        let stated = |state: String| {
            let mut params = third.clone();
            params.request_state = Some(state);
            params
        };
        let good = third.request_state.clone().unwrap();
        let altered = |at: usize| {
            let other = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut state = good.clone();
            state.replace_range(at..=at, other);
            stated(state)
        };
        let mut plan = third.clone();
        plan.name = "plan_project".into();
        let mut renamed = third.clone();
        renamed.arguments = generate(json!({"projectName": "other"})).arguments;
        for (client, params) in [
            (&stranger, third.clone()),
            (&one, altered(10)),
            (&one, altered(good.len() / 2)),
            (&one, altered(good.len() - 10)),
            (&one, plan),
            (&one, renamed),
            (&one, stated("x".repeat(1 << 20))),
        ] {
            let (answer, failed) = ended(client, params).await;
            assert!(failed, "{answer:#}");
            assert_eq!(answer["error"]["code"], "invalid_state", "{answer:#}");
            assert!(answer.to_string().contains("without requestState"), "{answer:#}");
        }
        for client in [one, two, stranger] {
            client.cancel().await.unwrap();
        }
    });
}
