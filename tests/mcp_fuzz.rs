//! Frames that nobody thought of, for some seconds: the server goes on answering, and every line on stdout
//! is a whole message.
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

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use session::{Session, request};

/// How long it goes on; the frames are always the same, and how many there is time for is not.
const BOX: Duration = Duration::from_secs(8);
/// Frames between two looks at whether it still answers.
const ROUND: u64 = 40;

/// Messages that mean something, to be spoilt.
fn messages() -> Vec<String> {
    let call = |name: &str, arguments: Value| {
        request(7, "tools/call", json!({"name": name, "arguments": arguments}))
    };
    vec![
        request(7, "tools/list", json!({})),
        request(7, "prompts/list", json!({"cursor": "x"})),
        request(7, "resources/templates/list", json!({})),
        request(7, "resources/read", json!({"uri": "mcc://models/Qwen/Qwen3-8B"})),
        request(7, "resources/read", json!({"uri": "mcc://projects/churn/do/config"})),
        request(7, "prompts/get", json!({"name": "deploy_model", "arguments": {"model": "x"}})),
        request(
            7,
            "completion/complete",
            json!({
                "ref": {"type": "ref/resource", "uri": "mcc://models/{+id}"},
                "argument": {"name": "id", "value": "qwen"},
            }),
        ),
        call("recommend_instance", json!({"modelName": "Qwen/Qwen3-8B", "maxModelLen": 8192})),
        call("recommend_region", json!({"near": "Tokyo", "services": ["sagemaker"]})),
        call("describe_model", json!({"modelConfig": "{\"num_hidden_layers\": 1e400}"})),
        call(
            "fit_hyperpod",
            json!({"modelName": "Qwen/Qwen3-8B", "nodeGroups": [{"instanceType": "ml.g5.xlarge", "count": 2}]}),
        ),
        call("plan_project", json!({"projectName": "a", "modelEnv": {"A": "b"}})),
        request(
            7,
            "tools/call",
            json!({"name": "generate_project", "requestState": "rs1.AAAAAAAAAAB7fQ.AAAA"}),
        ),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}})
            .to_string(),
        json!({
            "jsonrpc": "2.0", "id": 7, "method": "tools/list",
            "params": {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}},
        })
        .to_string(),
        json!({"jsonrpc": "2.0", "id": 7, "method": "server/discover", "params": {}}).to_string(),
    ]
}

/// What happens to a frame on its way.
#[derive(Debug, Clone)]
enum Harm {
    Cut(prop::sample::Index),
    Change(prop::sample::Index, u8),
    Insert(prop::sample::Index, &'static str),
    Twice,
    Swap(&'static str, &'static str),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<prop::sample::Index>;
    let pieces = prop::sample::select(vec![
        "\u{0}", "{", "[[[[", "\"", "\\u0000", "\\ud800", "null,", "1e999", "\n", "\u{2028}", "}}",
        "-0", "é",
    ]);
    let pairs = prop::sample::select(vec![
        ("\"2.0\"", "\"1.0\""),
        (":7", ":null"),
        (":7", ":\"seven\""),
        (":7", ":1.5"),
        (":7", ":99999999999999999999"),
        ("params", "parms"),
        ("arguments", "name"),
        ("{}", "[]"),
        ("\"name\":", "\"name\":{},\"name\":"),
    ]);
    prop_oneof![
        at().prop_map(Harm::Cut),
        (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Change(at, byte)),
        (at(), pieces).prop_map(|(at, piece)| Harm::Insert(at, piece)),
        Just(Harm::Twice),
        pairs.prop_map(|(from, to)| Harm::Swap(from, to)),
    ]
}

fn harmed(message: &str, harms: &[Harm]) -> Vec<u8> {
    let mut frame = message.as_bytes().to_vec();
    for harm in harms {
        if frame.is_empty() {
            break;
        }
        match harm {
            Harm::Cut(at) => frame.truncate(at.index(frame.len())),
            Harm::Change(at, byte) => {
                let at = at.index(frame.len());
                frame[at] = *byte;
            }
            Harm::Insert(at, piece) => {
                let at = at.index(frame.len());
                frame.splice(at..at, piece.bytes());
            }
            Harm::Twice => frame.extend(frame.clone()),
            Harm::Swap(from, to) => {
                frame = String::from_utf8_lossy(&frame).replace(from, to).into_bytes();
            }
        }
    }
    frame
}

#[test]
fn whatever_is_sent_the_server_goes_on_answering() {
    let mut server = Session::of("all").greeted();
    let mut runner = TestRunner::deterministic();
    let frames = (prop::sample::select(messages()), prop::collection::vec(harm(), 0..4));
    let (begin, mut sent, mut rounds) = (Instant::now(), 0, 0);
    while begin.elapsed() < BOX {
        for _ in 0..ROUND {
            let (message, harms) = frames.new_tree(&mut runner).unwrap().current();
            server.send_bytes(&harmed(&message, &harms));
            sent += 1;
        }
        // Ids that no frame above has.
        rounds += 1;
        let id = 1_000_000 + rounds;
        server.send(&request(id, "ping", json!({})));
        assert_eq!(server.answer(id)["result"], json!({}), "after {sent} frames");
    }
    assert!(sent > 2 * ROUND, "{sent}");
    server.ends();
}
