//! What no client should send, sent to the binary on stdio: never a hang, a crash, or a line
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

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use mcp::{MCC, ends_within};
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
fn frames_that_are_no_messages_get_their_error_or_nothing() {
    let mut server = Session::initialized();
    let long = "x".repeat(17 * 1024 * 1024);
    let deep = "[".repeat(100_000);
    let deeper = "{\"a\":".repeat(100_000);
    let number = request(1, "tools/call", json!({"name": "x", "arguments": {"a": 7}}));
    let number = number.replace(":7", ":1e400");
    let cases: [(&[u8], Option<i64>, Value); 20] = [
        (b"nonsense", Some(-32700), json!(null)),
        (b"", None, json!(null)),
        (b"   ", None, json!(null)),
        (b"\xff\xfe\x00", Some(-32700), json!(null)),
        (b"{\"a\":\"\xff\"}", Some(-32700), json!(null)),
        (b"{\"jsonrpc\":", Some(-32700), json!(null)),
        (number.as_bytes(), Some(-32700), json!(null)),
        (b"[]", Some(-32600), json!(null)),
        (b"null", Some(-32600), json!(null)),
        (b"\"text\"", Some(-32600), json!(null)),
        (b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", Some(-32600), json!(1)),
        (b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", Some(-32600), json!(null)),
        (b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", Some(-32600), json!(null)),
        (b"{\"jsonrpc\":\"2.0\",\"id\":4,\"id\":4,\"method\":\"ping\"}", Some(-32600), json!(4)),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", None, json!(null)),
        (b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/none\"}", None, json!(null)),
        (
            b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":7}",
            None,
            json!(null),
        ),
        (deep.as_bytes(), Some(-32700), json!(null)),
        (deeper.as_bytes(), Some(-32700), json!(null)),
        (long.as_bytes(), Some(-32600), json!(null)),
    ];
    for (turn, (frame, code, id)) in (100..).zip(cases) {
        server.send_bytes(frame);
        server.send(&request(turn, "ping", json!({})));
        let shown = String::from_utf8_lossy(&frame[..frame.len().min(70)]).into_owned();
        let mut answer = server.messages.recv_timeout(SOON).unwrap();
        if let Some(code) = code {
            assert_eq!(answer["error"]["code"], code, "{shown}: {answer}");
            assert_eq!(answer["id"], id, "{shown}: {answer}");
            answer = server.messages.recv_timeout(SOON).unwrap();
        }
        assert_eq!(answer, json!({"jsonrpc": "2.0", "id": turn, "result": {}}), "{shown}");
    }
    server.ends();
}

/// Resident kilobytes of a process.
#[cfg(target_os = "linux")]
fn memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What a client that reads nothing sends is not read without end, and all of it is answered once it reads.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    const CALLS: u64 = 3_000;
    let mut child = Command::new(MCC)
        .args(["serve", "region"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let greeting = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    });
    let written = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&written);
    let writing = std::thread::spawn(move || {
        writeln!(stdin, "{}", request(0, "initialize", greeting)).unwrap();
        for id in 1..=CALLS {
            let padding = "x".repeat(1_000);
            writeln!(stdin, "{}", request(id, "tools/list", json!({"cursor": padding}))).unwrap();
            counted.store(id, std::sync::atomic::Ordering::Relaxed);
        }
        stdin
    });
    std::thread::sleep(std::time::Duration::from_secs(3));
    let taken = written.load(std::sync::atomic::Ordering::Relaxed);
    assert!(taken < CALLS, "all calls were taken, and no answer was read");
    let held = memory(child.id());
    assert!(held < 150 * 1024, "{held} kB");
    let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut ids: Vec<u64> = std::io::BufRead::lines(stdout)
        .take(usize::try_from(CALLS).unwrap() + 1)
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..=CALLS).collect::<Vec<_>>());
    assert!(memory(child.id()) < 150 * 1024);
    drop(writing.join().unwrap());
    assert!(ends_within(&mut child, SOON).success());
}

#[test]
fn where_nobody_reads_its_answers_it_ends() {
    for sent in [
        vec![request(1, "ping", json!({}))],
        vec!["nonsense".to_owned()],
        (1..500).map(|id| request(id, "tools/list", json!({}))).collect(),
    ] {
        let mut server = Session::initialized();
        // The reader of the session holds the other end, so this one is started without.
        let mut child = Command::new(MCC)
            .args(["serve", "all"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut stdin = child.stdin.take().unwrap();
        for line in sent {
            let _ = writeln!(stdin, "{line}");
        }
        // stdin stays open.
        assert!(ends_within(&mut child, SOON).success());
        server.send(&request(1, "ping", json!({})));
        assert_eq!(server.answer(1)["result"], json!({}));
        server.ends();
    }
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
