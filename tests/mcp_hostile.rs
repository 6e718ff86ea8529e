//! What no client should send, sent to the binary on both transports: never a hang, a crash, or a line
//! on stdout that is not a message.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![cfg(unix)]

mod mcp;
#[path = "mcp/session.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with other tests")]
mod session;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use mcp::{HttpServer, MCC, ends_within};
use session::{SOON, Session, request};

fn inputs() -> Value {
    json!({
        "projectName": "churn",
        "deploymentConfig": "http-flask",
        "deploymentTarget": "managed-inference",
        "framework": "sklearn",
    })
}

#[test]
fn frames_that_are_no_messages_do_no_harm() {
    let mut server = Session::initialized();
    for frame in [
        &b"nonsense"[..],
        b"",
        b"   ",
        b"\xff\xfe\x00",
        b"{\"jsonrpc\":",
        b"[]",
        b"null",
        b"\"text\"",
        b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
        b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/none\"}",
        "[".repeat(100_000).as_bytes(),
        "{\"a\":".repeat(100_000).as_bytes(),
        "x".repeat(17 * 1024 * 1024).as_bytes(),
    ] {
        server.send_bytes(frame);
    }
    server.send(&request(7, "ping", json!({})));
    assert_eq!(server.answer(7)["result"], json!({}));
    server.ends();
}

#[test]
fn unknown_methods_and_parameters_of_wrong_types_are_named() {
    let mut server = Session::initialized();
    let cases = [
        ("no/such", json!({}), -32601, "no/such"),
        ("prompts/get", json!({"name": "no_such"}), -32602, "deploy_model"),
        ("prompts/get", json!({"name": 1}), -32602, "`name`"),
        ("prompts/get", json!({"name": "deploy_model"}), -32602, "`model`"),
        (
            "prompts/get",
            json!({"name": "deploy_model", "arguments": {"modl": "x"}}),
            -32602,
            "modl",
        ),
        ("prompts/get", json!({"name": "deploy_model", "arguments": {"model": 1}}), -32602, "text"),
        ("resources/read", json!({"uri": "mcc://no/such"}), -32002, "mcc://no/such"),
        ("resources/read", json!({"uri": "file:///etc/passwd"}), -32002, "file:///etc/passwd"),
        ("resources/read", json!({"uri": "mcc://rules/MCC-NOPE"}), -32002, "none of that name"),
        ("resources/read", json!({"uri": "mcc://projects/../x"}), -32002, "no project"),
        (
            "resources/read",
            json!({"uri": format!("mcc://{}", "x".repeat(10_000))}),
            -32002,
            "too long",
        ),
        ("resources/read", json!({}), -32602, "`uri`"),
        ("completion/complete", json!({}), -32602, "`ref`"),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "x", "value": ""}}),
            -32602,
            "deploy_model",
        ),
        ("tools/call", json!({}), -32602, "`name`"),
        ("tools/call", json!({"name": 1}), -32602, "`name`"),
        ("tools/call", json!({"name": "plan_project", "arguments": []}), -32602, "`arguments`"),
        ("tools/call", json!({"name": "plan_projekt"}), -32602, "plan_project"),
    ];
    for (id, (method, params, code, named)) in (1..).zip(cases) {
        server.send(&request(id, method, params.clone()));
        let answer = server.answer(id);
        assert_eq!(answer["error"]["code"], code, "{method} {params}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(named), "{method} {params}: {message}");
    }
    server.ends();
}

/// Every argument of every tool, with a value of every type: an answer, and always a structured one.
#[test]
fn arguments_of_wrong_types_are_answered() {
    let mut server = Session::initialized();
    server.send(&request(1, "tools/list", json!({})));
    let listed = server.answer(1)["result"]["tools"].clone();
    let mut id = 10;
    for tool in listed.as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        for argument in tool["inputSchema"]["properties"].as_object().unwrap().keys() {
            for value in [
                json!(null),
                json!(true),
                json!(-1e300),
                json!("\u{0}'\"$(touch x)`\n../"),
                json!([[1], {}]),
                json!({"": {"a": []}}),
            ] {
                let mut arguments =
                    if tool["inputSchema"]["properties"].get("projectName").is_some() {
                        inputs()
                    } else {
                        json!({})
                    };
                arguments[argument.as_str()] = value;
                arguments["returnAs"] = json!("archive");
                if name != "generate_project" {
                    arguments.as_object_mut().unwrap().remove("returnAs");
                }
                let answer = server.call(id, name, &arguments);
                let status = &answer["result"]["structuredContent"]["status"];
                assert!(status.is_string(), "{name} {arguments}: {answer}");
                assert_ne!(
                    answer["result"]["structuredContent"]["error"]["code"], "internal_error",
                    "{name} {arguments}: {answer}"
                );
                id += 1;
            }
        }
    }
    let left: Vec<_> = std::fs::read_dir(server.place.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    server.ends();
}

#[test]
fn calls_before_the_end_of_input_are_finished() {
    let mut server = Session::initialized();
    let place = server.place.path().join("churn/do/deploy");
    server.send(&request(1, "tools/call", json!({"name": "plan_project", "arguments": {}})));
    server.send(&request(
        2,
        "tools/call",
        json!({"name": "generate_project", "arguments": inputs()}),
    ));
    // Cut off in the middle of a message.
    server.stdin.as_mut().unwrap().write_all(b"{\"jsonrpc\":\"2.0\",\"id\":3,\"meth").unwrap();
    let keep = server.place.path().to_owned();
    server.stdin = None;
    assert!(ends_within(&mut server.child, SOON).success());
    let mut ids: Vec<u64> = server.messages.iter().filter_map(|m| m["id"].as_u64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    assert!(place.exists(), "{}", keep.display());
}

#[test]
fn a_client_that_says_nothing_is_no_failure() {
    assert!(Session::start().ends().is_empty());
}

#[test]
fn many_calls_at_once_are_all_answered() {
    let mut server = Session::initialized();
    for id in 1..=200 {
        let arguments = if id % 2 == 0 { inputs() } else { json!({}) };
        server.send(&request(
            id,
            "tools/call",
            json!({"name": "plan_project", "arguments": arguments}),
        ));
    }
    let mut ids: Vec<u64> = server.ends().iter().filter_map(|m| m["id"].as_u64()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=200).collect::<Vec<_>>());
}

/// Sends one request as it is; the status and the body that come back.
fn post(address: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let host =
        if headers.starts_with("Host:") { String::new() } else { format!("Host: {address}\r\n") };
    let head = format!(
        "POST /mcp HTTP/1.1\r\nConnection: close\r\n{host}{headers}Content-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).expect("a status").parse().unwrap();
    (status, answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
}

fn plan() -> Vec<u8> {
    request(1, "tools/call", json!({"name": "plan_project", "arguments": inputs()})).into_bytes()
}

#[test]
fn http_serves_its_own_hosts_and_origins_only() {
    let place = tempfile::tempdir().unwrap();
    let server = HttpServer::start(
        place.path(),
        &["--allow-host", "mcp.example.com", "--allow-origin", "https://app.example.com"],
    );
    for (headers, status) in [
        ("", 200),
        ("Host: mcp.example.com\r\n", 200),
        ("Host: evil.example\r\n", 403),
        ("Host: 169.254.169.254\r\n", 403),
        ("Origin: https://app.example.com\r\n", 200),
        ("Origin: http://localhost:3000\r\n", 200),
        ("Origin: https://evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
    ] {
        let (found, body) = post(server.address(), headers, &plan());
        assert_eq!(found, status, "{headers}: {body}");
    }
    for (body, status) in [
        (&b"nonsense"[..], 400),
        ("[".repeat(1_000_000).as_bytes(), 400),
        ("x".repeat(8_000_000).as_bytes(), 413),
        (&[0xff, 0xfe], 400),
    ] {
        assert_eq!(post(server.address(), "", body).0, status);
    }
    assert_eq!(post(server.address(), "", &plan()).0, 200);
}

#[test]
fn http_survives_clients_that_leave_and_many_at_once() {
    let place = tempfile::tempdir().unwrap();
    let server = HttpServer::start(place.path(), &[]);
    for part in [0, 10, 200] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: 100000\r\n\r\n{{",
            server.address()
        );
        stream.write_all(&head.as_bytes()[..head.len().min(part)]).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    }
    let clients: Vec<_> = (0..24)
        .map(|_| {
            let address = server.address().to_owned();
            std::thread::spawn(move || {
                for _ in 0..8 {
                    let (status, body) = post(&address, "", &plan());
                    assert_eq!(status, 200, "{body}");
                    let answer: Value = serde_json::from_str(&body).unwrap();
                    assert_eq!(answer["result"]["structuredContent"]["status"], "ready");
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn http_ends_well_when_told_to() {
    let place = tempfile::tempdir().unwrap();
    let mut server = HttpServer::start(place.path(), &[]);
    // An idle connection must not hold it up.
    let idle = TcpStream::connect(server.address()).unwrap();
    let address = server.address().to_owned();
    let calling = std::thread::spawn(move || post(&address, "", &plan()));
    assert_eq!(calling.join().unwrap().0, 200);
    server.terminate();
    assert!(ends_within(&mut server.child, SOON).success());
    drop(idle);
}

#[test]
fn http_asks_for_its_token_and_says_how_it_is() {
    let place = tempfile::tempdir().unwrap();
    let server =
        HttpServer::start_with(place.path(), &[], &[("MCC_SERVE_TOKEN", "a-long-enough-token")]);
    let get = |path: &str, headers: &str| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n",
            server.address()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let bearer = "Authorization: Bearer a-long-enough-token\r\n";
    assert!(get("/health", "").starts_with("HTTP/1.1 200"));
    assert_eq!(post(server.address(), "", &plan()).0, 401);
    assert_eq!(post(server.address(), "Authorization: Bearer wrong\r\n", &plan()).0, 401);
    assert_eq!(post(server.address(), bearer, &plan()).0, 200);
    assert!(get("/metrics", "").starts_with("HTTP/1.1 401"));
    let metrics = get("/metrics", bearer);
    assert!(
        metrics.contains("mcc_tool_calls_total{tool=\"plan_project\",outcome=\"answered\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("mcc_http_requests_total{status=\"4xx\"} 3"), "{metrics}");
    assert!(!metrics.contains("a-long-enough-token"));
}

#[test]
fn starting_wrongly_is_an_error_that_says_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("short"), "not-to-be-shown\n").unwrap();
    for (arguments, code, says) in [
        (&["generate-projekt"][..], 2, "generate-project"),
        (&["generate-project", "--http", "0.0.0.0:0"], 3, "--allow-host"),
        (&["all", "--http", "0.0.0.0:0", "--allow-host", "x"], 3, "--without-token"),
        (&["generate-project", "--http", "here"], 2, "--http"),
        (&["generate-project", "--root", "nowhere"], 3, "nowhere"),
        (&["generate-project", "--catalogs", "nowhere"], 3, "nowhere"),
        (&["generate-project", "--allow-host", "x"], 2, "--http"),
        (&["generate-project", "--state-key", "nowhere"], 3, "nowhere"),
        (&["generate-project", "--state-key", "short"], 3, "at least 32"),
    ] {
        let output = Command::new(MCC)
            .arg("serve")
            .args(arguments)
            .current_dir(place.path())
            .env_remove("MCC_SERVE_STATE_KEY")
            .env_remove("MCC_SERVE_TOKEN")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(says), "{arguments:?}: {error}");
        assert!(error.matches("(os error").count() < 2, "said twice: {error}");
        assert!(!error.contains("not-to-be-shown"), "{error}");
        assert!(output.stdout.is_empty());
    }
}
