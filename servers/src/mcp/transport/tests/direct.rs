//! Calls that are answered without rmcp are answered as rmcp does.

use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;

use super::super::direct;
use super::super::http::listen_as;
use super::*;

/// A server whose calls all go through rmcp.
fn all_by_rmcp() -> Served {
    let stop = CancellationToken::new();
    let handler = handler(&testing::SERVER, &Options::default()).unwrap();
    let sessions = NeverSessionManager::default();
    let (address, serving) =
        listen_as(handler, None, sessions, false, &options(), stop.clone()).unwrap();
    Served { address, stop, serving: tokio::spawn(serving) }
}

/// Calls, with whether they can be answered at once.
fn calls() -> Vec<(String, bool)> {
    let with = |params: Value| {
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
    };
    let echo = call("echo");
    vec![
        (echo.clone(), true),
        (call("ask"), true),
        (call("panic"), true),
        (call("slow"), true),
        (call("nothing"), true),
        (call("balks"), true),
        (
            call("echo")
                .replace("{}", &format!("{{\"text\":{}1{}}}", "[".repeat(100), "]".repeat(100))),
            true,
        ),
        (
            call("echo")
                .replace("{}", &format!("{{\"text\":{}1{}}}", "[".repeat(200), "]".repeat(200))),
            false,
        ),
        (
            with(json!({"name": "echo", "arguments": {"text": vec!["\"\\".repeat(190); 2000]}})),
            true,
        ),
        (call("echo").replace(":1,", ":\"one\","), true),
        (call("echo").replace(":1,", ":9007199254740993,"), true),
        (call("echo").replace(":1,", ":1.0,"), true),
        (call("echo").replace(":1,", ":-1,"), true),
        (call("echo").replace(":1,", ":1.5,"), false),
        (call("echo").replace("{}", "null"), true),
        (call("echo").replace("{}", "[]"), false),
        (call("echo").replace("{}", r#"{"a":1,"a":2}"#), true),
        (call("echo").replace("\"2.0\"", "\"1.0\""), false),
        (with(json!({"name": "echo"})), true),
        (
            with(
                json!({"name": "echo", "arguments": {"text": "\"structuredContent\":{}", "more": [1, null]}}),
            ),
            true,
        ),
        (with(json!({"name": "echo", "_meta": {"progressToken": 7}})), true),
        (with(json!({"name": "echo", "_meta": {"progressToken": {}}})), true),
        (with(json!({"name": "echo", "_meta": {}})), true),
        (
            with(
                json!({"name": "echo", "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}),
            ),
            false,
        ),
        (with(json!({"name": "echo", "_meta": {"other": 7}})), false),
        (with(json!({"name": "ask", "requestState": "nonsense"})), true),
        (with(json!({"name": "ask", "inputResponses": {"inputs": {"action": "decline"}}})), true),
        (with(json!({"name": "echo", "task": {}})), false),
        (with(json!({"arguments": {}})), false),
        (echo.replace("tools/call", "ping"), false),
        (String::from("nonsense"), false),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_answered_as_rmcp_answers_them() {
    let (ours, rmcps) = (served(), all_by_rmcp());
    let headers: [(&[&str], bool); 14] = [
        (&[], true),
        (&["MCP-Protocol-Version: 2024-11-05"], true),
        (&["MCP-Protocol-Version: 2025-03-26"], true),
        (&["MCP-Protocol-Version: 2025-11-25", "Mcp-Session-Id: x"], true),
        (&["Accept: application/json"], true),
        (&["MCP-Protocol-Version: 2026-07-28"], false),
        (&["MCP-Protocol-Version: 2025-11-25", "MCP-Protocol-Version: 2026-07-28"], false),
        (&["MCP-Protocol-Version: 1999-01-01"], false),
        (&["MCP-Protocol-Version: 2025-11-25", "MCP-Protocol-Version: 2025-11-25"], false),
        (&["MCP-Protocol-Version: 2025-11-25, 2026-07-28"], false),
        (&["Mcp-Method: tools/list", "Mcp-Name: other", "Mcp-Param-Text: 7"], true),
        (&["Accept: application/json, text/event-stream;q=0"], true),
        (&["Accept: application/json;q=0, text/event-stream"], false),
        (&["Accept: text/event-stream"], false),
    ];
    for (lines, old) in headers {
        let mut map = axum::http::HeaderMap::new();
        let mut lines = owned(lines);
        if !lines.iter().any(|line| line.starts_with("Accept")) {
            lines.push(format!("Accept: {}", direct::BOTH));
        }
        for line in &lines {
            let (name, value) = line.split_once(": ").unwrap();
            let name: axum::http::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        super::super::body::accept_both(&mut map);
        for (body, plain) in calls() {
            let at_once = direct::call(&map, body.as_bytes()).is_some();
            assert_eq!(at_once, old && plain, "{lines:?} {body}");
            let answers = tokio::join!(
                answered(ours.address, &lines, &body),
                answered(rmcps.address, &lines, &body)
            );
            assert_eq!(answers.0, answers.1, "{lines:?} {body}");
        }
    }
}

#[test]
fn as_deep_as_rmcp_reads() {
    let at = |depth: usize| {
        let text = format!("{{\"text\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        call("echo").replace("{}", &text)
    };
    let (mut read, mut refused) = (0, 0);
    for depth in 110..140 {
        let body = at(depth);
        let by_rmcp = serde_json::from_str::<rmcp::model::ClientJsonRpcMessage>(&body).is_ok();
        let own = direct::call(&both(), body.as_bytes()).is_some();
        assert_eq!(own, by_rmcp, "{depth}");
        *(if own { &mut read } else { &mut refused }) += 1;
    }
    assert!(read > 0 && refused > 0, "{read} {refused}");
}

fn both() -> axum::http::HeaderMap {
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("accept", direct::BOTH.parse().unwrap());
    headers
}

/// What hangs up before its answer is counted, and holds nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_is_counted_and_forgotten() {
    let served = served();
    let body = call("left");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nAccept: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        served.address,
        direct::BOTH,
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    testing::LEFT.notified().await;
    drop(stream);
    let expected = [
        "mcc_http_requests_total{status=\"4xx\"} 1",
        "mcc_http_requests_active 0",
        "mcc_tool_calls_total{tool=\"left\",outcome=\"failed\"} 1",
    ];
    let since = Instant::now();
    loop {
        let text = metrics(served.address).await;
        let missing = expected.iter().find(|line| !text.lines().any(|own| own == **line));
        let Some(line) = missing else { break };
        assert!(since.elapsed() < Duration::from_secs(10), "no {line} in {text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What it left behind goes on for a while; then it stops like any other.
    let (status, answer) = post(served.address, &[], &call("echo")).await;
    assert_eq!(status, 200, "{answer}");
    served.stop.cancel();
    served.serving.await.unwrap().unwrap();
}

async fn metrics(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// The whole answer, of which the date is cut off.
async fn answered(address: SocketAddr, headers: &[String], body: &str) -> String {
    let (head, body) = sent(address, headers, body).await;
    let head = head.lines().filter(|line| !line.starts_with("date:"));
    head.chain([body.as_str()]).collect::<Vec<_>>().join("\n")
}
