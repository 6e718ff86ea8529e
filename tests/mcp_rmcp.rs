//! The main job through rmcp's own client, over stdio and HTTP: list, plan, generate, check, with a
//! project on disk at the end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod mcp;

use std::path::Path;

use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
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

    let plan = call(client, "plan_project", inputs()).await;
    assert_eq!(plan["status"], "ready", "{plan:#}");
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
    let mut paths: Vec<String> = plan["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap().to_owned())
        .collect();
    paths.sort();
    paths
}

fn run(work: impl Future<Output = ()>) {
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
