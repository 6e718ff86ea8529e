//! The plumbing under hostile and unlucky clients, over real sockets.

mod direct;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::http::listen;
use super::{HttpOptions, Options, handler};
use crate::mcp::testing;

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<Result<(), crate::ServeError>>,
}

fn options() -> HttpOptions {
    HttpOptions {
        address: "127.0.0.1:0".parse().unwrap(),
        allowed_hosts: vec!["mcp.example.com".to_owned()],
        allowed_origins: vec!["https://app.example.com".to_owned()],
        token: None,
        open: false,
        proxies: Vec::new(),
    }
}

fn served() -> Served {
    let stop = CancellationToken::new();
    let (address, serving) =
        listen(&testing::SERVER, &options(), &Options::default(), stop.clone()).unwrap();
    Served { address, stop, serving: tokio::spawn(serving) }
}

/// A request of the current revision, with the headers that it asks for.
fn modern(method: &str, name: Option<&str>, mut params: Value) -> (Vec<String>, String) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
    });
    let mut headers =
        vec!["MCP-Protocol-Version: 2026-07-28".to_owned(), format!("Mcp-Method: {method}")];
    headers.extend(name.map(|name| format!("Mcp-Name: {name}")));
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    (headers, body.to_string())
}

fn call(name: &str) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": {}}})
        .to_string()
}

/// Sends one request as it is, and returns the status and the body.
async fn post(address: SocketAddr, headers: &[String], body: &str) -> (u16, String) {
    let (head, body) = sent(address, headers, body).await;
    let status = head.split(' ').nth(1);
    (status.unwrap_or_else(|| panic!("no status: {head:?}")).parse().unwrap(), body)
}

/// Sends one request as it is, and returns the head and the body of the answer.
async fn sent(address: SocketAddr, headers: &[String], body: &str) -> (String, String) {
    let has = |name: &str| headers.iter().any(|line| line.to_lowercase().starts_with(name));
    let mut head = String::from("POST /mcp HTTP/1.1\r\nConnection: close\r\n");
    if !has("host:") {
        head.push_str(&format!("Host: {address}\r\n"));
    }
    if !has("accept:") {
        head.push_str("Accept: application/json, text/event-stream\r\n");
    }
    if !has("content-type:") {
        head.push_str("Content-Type: application/json\r\n");
    }
    for line in headers {
        head.push_str(&format!("{line}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut answer = Vec::new();
    // Of an answer that was cut off by a reset, what came of it is looked at.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_known_hosts_and_origins_are_served() {
    let served = served();
    let cases: [(&[&str], u16); 12] = [
        (&[], 200),
        (&["Host: localhost"], 200),
        (&["Host: mcp.example.com"], 200),
        (&["Host: mcp.example.com:443"], 200),
        (&["Host: evil.example"], 403),
        (&["Host: localhost.evil.example"], 403),
        (&["Origin: https://app.example.com"], 200),
        (&["Origin: http://localhost:6274"], 200),
        (&["Origin: https://evil.example"], 403),
        (&["Origin: https://app.example.com:8443"], 403),
        (&["Origin: http://app.example.com"], 403),
        (&["Origin: null"], 403),
    ];
    for (headers, status) in cases {
        let (found, body) = post(served.address, &owned(headers), &call("echo")).await;
        assert_eq!(found, status, "{headers:?}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_is_refused_with_the_reason() {
    let served = served();
    let code = |body: &str| -> Value {
        let value: Value = serde_json::from_str(body).expect(body);
        value["error"]["code"].clone()
    };
    for (body, status, expected) in [
        (String::new(), 400, -32700),
        ("nonsense".to_owned(), 400, -32700),
        ("{\"jsonrpc\":".to_owned(), 400, -32700),
        ("[".repeat(100_000), 400, -32700),
        ("{\"a\":".repeat(5_000), 400, -32700),
        (format!("[{}]", call("echo")), 400, -32600),
        ("\"text\"".to_owned(), 400, -32600),
        (call("echo").replace(":1,", ":null,"), 400, -32600),
        (call("echo").replace("\"2.0\"", "2"), 400, -32600),
        (call("echo").replace("\"method\"", "\"id\":1,\"method\""), 400, -32600),
        (call("echo").replace("{}", "{\"text\":1e400}"), 400, -32700),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":7}".to_owned(), 400, -32600),
        ("x".repeat(5 * 1024 * 1024), 413, -32600),
    ] {
        let (found, answer) = post(served.address, &[], &body).await;
        let shown = body.chars().take(40).collect::<String>();
        assert_eq!(found, status, "{shown}: {answer}");
        assert_eq!(code(&answer), json!(expected), "{shown}: {answer}");
    }
    // And the server is none the worse for it.
    for accept in
        ["Accept: */*", "Accept: application/json", "Accept: application/json, text/event-stream"]
    {
        let (status, _) = post(served.address, &owned(&[accept]), &call("echo")).await;
        assert_eq!(status, 200, "{accept}");
    }
    let (status, _) = post(served.address, &owned(&["Accept: text/html"]), &call("echo")).await;
    assert_eq!(status, 406);
    let plain = ["Content-Type: text/plain"];
    assert_eq!(post(served.address, &owned(&plain), &call("echo")).await.0, 415);
}

#[tokio::test]
async fn the_endpoint_has_one_address() {
    let served = served();
    for (line, status) in [
        ("GET /health", 200),
        ("GET /health?now", 200),
        ("GET /metrics", 200),
        ("HEAD /health", 200),
        ("POST /metrics", 405),
        ("OPTIONS /mcp", 405),
        ("GET /mcp", 405),
        ("GET /mcp?session=1", 405),
        ("DELETE /mcp", 405),
        ("GET /", 404),
        ("GET /mcp/", 405),
        ("GET /MCP", 404),
    ] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
    }
}

#[tokio::test]
async fn the_structure_of_an_answer_is_that_of_other_transports() {
    let served = served();
    for text in ["plain", "\"structuredContent\":{}"] {
        let Value::Object(arguments) = json!({"text": text}) else { unreachable!() };
        let params = json!({"name": "echo", "arguments": arguments});
        let expected =
            crate::mcp::handler::call(std::sync::Arc::default(), testing::tool("echo"), arguments)
                .await;
        let (headers, body) = modern("tools/call", Some("echo"), params.clone());
        let older = json!({"jsonrpc": "2.0", "id": text, "method": "tools/call", "params": params});
        for (headers, body) in [(headers, body), (Vec::new(), older.to_string())] {
            let (status, answer) = post(served.address, &headers, &body).await;
            assert_eq!(status, 200, "{answer}");
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["result"]["structuredContent"], expected, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_call_that_is_refused_before_it_runs_is_counted() {
    let served = served();
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "echo", "arguments": {"text": "x".repeat(100_000)}},
    });
    let (_, answer) = post(served.address, &[], &call.to_string()).await;
    assert!(answer.contains("too_long"), "{answer}");
    let failed = "mcc_tool_calls_total{tool=\"echo\",outcome=\"failed\"} ";
    let counted = crate::mcp::metrics::text();
    let count = counted.lines().find_map(|line| line.strip_prefix(failed)).expect(failed);
    assert_ne!(count, "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panicking_tool_is_answered() {
    let served = served();
    // In the tool, and in what is asked of it before it runs.
    for tool in ["panic", "balks"] {
        let (headers, body) = modern("tools/call", Some(tool), json!({"name": tool}));
        for (headers, body) in [(headers, body), (Vec::new(), call(tool))] {
            let (status, answer) = post(served.address, &headers, &body).await;
            assert_eq!(status, 200, "{answer}");
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let result = &answer["result"];
            assert_eq!(result["isError"], true);
            assert_eq!(result["structuredContent"]["error"]["code"], "internal_error");
            assert!(!answer.to_string().contains("hf_secret"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_go_to_clients_that_show_them_and_their_answers_add_up() {
    let served = served();
    let ask = |params: Value| async move {
        let (headers, body) = modern("tools/call", Some("ask"), params);
        let (status, answer) = post(served.address, &headers, &body).await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["result"].clone()
    };
    let mut params = json!({"name": "ask"});
    for (round, name) in ["first", "second"].into_iter().enumerate() {
        let result = ask(params.clone()).await;
        assert_eq!(result["resultType"], "input_required", "round {round}: {result}");
        assert_eq!(result["inputRequests"]["inputs"]["params"]["message"], name);
        params["requestState"] = result["requestState"].clone();
        params["inputResponses"] =
            json!({"inputs": {"action": "accept", "content": {name: round}}});
    }
    let result = ask(params).await;
    assert_eq!(result["structuredContent"]["answered"], json!({"first": 0, "second": 1}));
    let declined = json!({"name": "ask", "inputResponses": {"inputs": {"action": "decline"}}});
    assert_eq!(ask(declined).await["structuredContent"]["declined"], true);
    // A state that was not given is refused with what to do, and not repeated.
    for state in ["", "nonsense", "[]", "{\"first\":\"hf_abcdefghijklmnopqrstuvwxyzabcdefgh\"}"] {
        let result = ask(json!({"name": "ask", "requestState": state})).await;
        assert_eq!(result["isError"], true, "{result}");
        let error = &result["structuredContent"]["error"];
        assert_eq!(error["code"], "invalid_state", "{result}");
        let fix = error["problems"][0]["fix"].as_str().unwrap();
        assert!(fix.contains("without requestState"), "{fix}");
        assert!(!result.to_string().contains("hf_abc"), "{result}");
    }
    // A client of an older revision gets a result, never a form.
    let (_, answer) = post(served.address, &[], &call("ask")).await;
    assert!(answer.contains("structuredContent"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_under_way_are_finished_when_it_is_told_to_stop() {
    let served = served();
    let address = served.address;
    let calling = tokio::spawn(async move { post(address, &[], &call("begins")).await });
    testing::BEGUN.notified().await;
    let since = Instant::now();
    served.stop.cancel();
    let (status, answer) = calling.await.unwrap();
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("echoed"), "{answer}");
    served.serving.await.unwrap().unwrap();
    assert!(since.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn every_thread_serves_and_ends_with_what_serves() {
    let served = served();
    let mut open = Vec::new();
    // More than there are threads, all of them open at once.
    for _ in 0..40 {
        open.push(TcpStream::connect(served.address).await.unwrap());
    }
    let ping = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for stream in &mut open {
        stream.write_all(ping.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        // And half of a request, after which nothing comes.
        stream.write_all(b"POST /mcp HTTP/1.1\r\nHo").await.unwrap();
    }
    served.serving.abort();
    for mut stream in open {
        let mut rest = Vec::new();
        let read = stream.read_to_end(&mut rest);
        let ended = tokio::time::timeout(Duration::from_secs(10), read).await;
        assert!(ended.is_ok(), "a thread goes on without its server");
    }
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn a_session_survives_a_panic_and_unknown_names() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let server = handler(&testing::SERVER, &Options::default()).unwrap();
    tokio::spawn(async move {
        let session = server.serve(ours).await.unwrap();
        session.waiting().await.unwrap();
    });
    let client = ().serve(theirs).await.unwrap();
    let result = client.call_tool(CallToolRequestParams::new("panic")).await.unwrap();
    assert_eq!(result.is_error, Some(true));
    let error = client.call_tool(CallToolRequestParams::new("nothing")).await.unwrap_err();
    assert!(error.to_string().contains("echo, panic, ask, slow"), "{error}");
    let arguments = json!({"text": "x"}).as_object().cloned().unwrap();
    let result = client
        .call_tool(CallToolRequestParams::new("echo").with_arguments(arguments))
        .await
        .unwrap();
    assert_eq!(result.structured_content.unwrap()["arguments"]["text"], "x");
    assert!(client.list_all_prompts().await.is_err());
    assert!(client.list_all_resources().await.is_err());
    client.cancel().await.unwrap();
}

/// A session on stdio's transport, with lines in and out.
fn lines_of_a_session()
-> (tokio::io::Lines<tokio::io::BufReader<tokio::io::DuplexStream>>, tokio::io::DuplexStream) {
    let (their_stdin, stdin) = tokio::io::duplex(64 * 1024);
    let (stdout, their_stdout) = tokio::io::duplex(64 * 1024);
    let server = handler(&testing::SERVER, &Options::default()).unwrap();
    tokio::spawn(async move {
        let session = server.serve(super::lines::Lines::new(stdin, stdout)).await.unwrap();
        session.waiting().await.unwrap();
    });
    (tokio::io::BufReader::new(their_stdout).lines(), their_stdin)
}

async fn say(stdin: &mut tokio::io::DuplexStream, message: &Value) {
    stdin.write_all(format!("{message}\n").as_bytes()).await.unwrap();
}

fn greeting() -> Value {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

#[tokio::test]
async fn calls_at_once_are_bounded_and_held_up_by_nothing_but_calls() {
    const CALLS: u64 = 200;
    let (mut stdout, mut stdin) = lines_of_a_session();
    say(&mut stdin, &greeting()).await;
    stdout.next_line().await.unwrap().unwrap();
    say(&mut stdin, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    let since = Instant::now();
    for id in 1..=CALLS {
        let params = json!({"name": "slow", "arguments": {}});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        say(&mut stdin, &call).await;
    }
    // One that waits and one that is worked on.
    for id in [CALLS, 1] {
        let params = json!({"requestId": id});
        let method = "notifications/cancelled";
        say(&mut stdin, &json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }
    say(&mut stdin, &json!({"jsonrpc": "2.0", "id": "ping", "method": "ping"})).await;
    let mut answered = Vec::new();
    while let Ok(Ok(Some(line))) =
        tokio::time::timeout(Duration::from_secs(3), stdout.next_line()).await
    {
        let answer: Value = serde_json::from_str(&line).unwrap();
        answered.push((since.elapsed(), answer["id"].clone()));
    }
    assert_eq!(answered[0].1, "ping", "pings overtake");
    let mut ids: Vec<u64> = answered.iter().filter_map(|(_, id)| id.as_u64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (2..CALLS).collect::<Vec<_>>());
    // 64 at once: they come in four rounds.
    let last = answered.last().unwrap().0;
    assert!(last >= Duration::from_millis(4 * 400), "{last:?}");
}

/// Answers that cross each other, also those of two calls with one id, which no client may send.
#[tokio::test]
async fn each_answer_has_its_own_structure() {
    let (mut stdout, mut stdin) = lines_of_a_session();
    say(&mut stdin, &greeting()).await;
    stdout.next_line().await.unwrap().unwrap();
    say(&mut stdin, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    let mut sent = Vec::new();
    for (id, tool, text) in [
        (1, "slow", "a"),
        (2, "echo", "b"),
        (1, "echo", "\"structuredContent\":{}"),
        (3, "slow", "d"),
        (1, "echo", "e\u{2028}"),
    ] {
        let arguments = json!({"text": text});
        let params = json!({"name": tool, "arguments": arguments});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        say(&mut stdin, &call).await;
        sent.push((id, arguments));
    }
    let mut answered = Vec::new();
    // Of calls with one id, rmcp need not answer all.
    while let Ok(Ok(Some(line))) =
        tokio::time::timeout(Duration::from_secs(2), stdout.next_line()).await
    {
        let answer: Value = serde_json::from_str(&line).unwrap();
        let structured = &answer["result"]["structuredContent"];
        let is_it = |(id, arguments): &(i32, Value)| {
            answer["id"] == *id && structured["arguments"] == *arguments
        };
        let at = sent.iter().position(is_it).unwrap_or_else(|| panic!("whose? {answer}"));
        answered.push(sent.remove(at).0);
    }
    answered.sort_unstable();
    answered.dedup();
    assert_eq!(answered, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_leaves_calls_and_memory_to_others() {
    let served = served();
    let address = served.address;
    let mut greedy = tokio::task::JoinSet::new();
    for _ in 0..300 {
        greedy.spawn(async move { post(address, &[], &call("slow")).await });
    }
    tokio::time::sleep(Duration::from_millis(150)).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = socket.connect(address).await.unwrap();
    let body = call("echo");
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    other.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut statuses = Vec::new();
    while let Some(outcome) = greedy.join_next().await {
        statuses.push(outcome.unwrap().0);
    }
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    // And all of it is given back.
    assert_eq!(post(address, &[], &call("echo")).await.0, 200);
}

/// Spoils `bytes` in one of the ways of unlucky and hostile clients; `seed` says which.
fn spoilt(bytes: &[u8], mut seed: u64) -> Vec<u8> {
    let mut next = |below: usize| {
        // Numbers that look like chance and are always the same.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below.max(1)
    };
    let mut bytes = bytes.to_vec();
    for _ in 0..=next(3) {
        let at = next(bytes.len());
        match next(6) {
            0 => bytes.truncate(at),
            1 => bytes[at] = u8::try_from(next(256)).unwrap(),
            2 => bytes[at] ^= 1 << next(8),
            3 => drop(bytes.splice(at..at, b"\r\n\r\n".iter().copied())),
            4 => drop(bytes.splice(at..at, b"[{\"9999999999999999999\0".repeat(next(40)))),
            _ => {
                let end = (at + next(60)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spoilt_requests_end_and_the_next_is_served() {
    let Served { address, stop, serving } = served();
    let (headers, body) = modern("tools/call", Some("echo"), json!({"name": "echo"}));
    let plain = call("echo");
    let requests: Vec<Vec<u8>> = [(headers.as_slice(), &body), (&[], &plain)]
        .into_iter()
        .map(|(headers, body)| {
            let lines = headers.join("\r\n") + if headers.is_empty() { "" } else { "\r\n" };
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\n\
                 Content-Type: application/json\r\n{lines}Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        })
        .collect();
    for seed in 0..400 {
        let request = &requests[usize::try_from(seed).unwrap() % requests.len()];
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may be refused before all of it is read.
        let _ = stream.write_all(&spoilt(request, seed)).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let ended = tokio::time::timeout(Duration::from_secs(10), read).await;
        assert!(ended.is_ok(), "nothing ends the connection of seed {seed}");
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1."),
            "seed {seed}: {}",
            String::from_utf8_lossy(&answer)
        );
        if seed % 40 == 0 {
            assert_eq!(post(address, &[], &plain).await.0, 200, "after seed {seed}");
        }
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}
