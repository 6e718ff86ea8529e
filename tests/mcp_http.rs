//! The HTTP endpoint of the binary before strangers: whom it lets in, from where, and what it makes of bytes that are no
//! request.
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
use session::{SOON, request};

fn inputs() -> Value {
    json!({
        "projectName": "churn",
        "deploymentConfig": "http-flask",
        "deploymentTarget": "managed-inference",
        "framework": "sklearn",
    })
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

/// One request as it is; the head of the answer, in lower case, and its body.
fn sent(address: &str, head: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(stream, "{head}Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn pages_of_allowed_origins_are_let_in_by_browsers() {
    let place = tempfile::tempdir().unwrap();
    let server = HttpServer::start_with(
        place.path(),
        &["--allow-origin", "https://app.example.com"],
        &[("MCC_SERVE_TOKEN", "a-long-enough-token")],
    );
    let asked = "authorization,content-type,mcp-protocol-version,mcp-method,mcp-name";
    let ask = |path: &str, origin: &str| {
        sent(
            server.address(),
            &format!(
                "OPTIONS {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
                 Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: {asked}\r\n"
            ),
        )
        .0
    };
    // Browsers send no token when they ask.
    for origin in ["https://app.example.com", "http://localhost:6274"] {
        let head = ask("/mcp", origin);
        assert!(head.starts_with("http/1.1 204"), "{head}");
        assert!(head.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{head}");
        assert!(head.contains("vary: origin"), "{head}");
        assert!(head.contains("access-control-allow-methods: get, post, delete"), "{head}");
        let line = head.lines().find(|line| line.starts_with("access-control-allow-headers"));
        let allowed: Vec<&str> = line.unwrap().split([':', ',']).map(str::trim).collect();
        for name in asked.split(',').chain(["accept", "mcp-session-id", "last-event-id"]) {
            assert!(allowed.contains(&name), "{name}: {head}");
        }
    }
    for origin in
        ["https://evil.example", "null", "http://app.example.com", "https://app.example.com:8443"]
    {
        let head = ask("/mcp", origin);
        assert!(head.starts_with("http/1.1 403"), "{origin}: {head}");
        assert!(!head.contains("access-control"), "{origin}: {head}");
    }
    assert!(ask("/other", "https://app.example.com").starts_with("http/1.1 404"));
    let call = |token: &str| {
        let body = String::from_utf8(plan()).unwrap();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(
            stream,
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.com\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.to_lowercase()
    };
    // A page may read answers, and also why it got none.
    for (token, status) in [("a-long-enough-token", 200), ("wrong", 401)] {
        let answer = call(token);
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{answer}");
        assert!(
            answer.contains("access-control-allow-origin: https://app.example.com\r\n"),
            "{answer}"
        );
        assert!(answer.contains("access-control-expose-headers: mcp-session-id"), "{answer}");
        assert!(!answer.contains("access-control-allow-credentials"), "{answer}");
    }
}

#[test]
fn what_is_not_there_is_not_there_with_and_without_a_token() {
    let place = tempfile::tempdir().unwrap();
    let server =
        HttpServer::start_with(place.path(), &[], &[("MCC_SERVE_TOKEN", "a-long-enough-token")]);
    let status = |line: &str, headers: &str| {
        let (head, _) = sent(server.address(), &format!("{line} HTTP/1.1\r\n{headers}"));
        head.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    let host = "Host: localhost\r\n";
    for (line, expected) in [
        ("GET /.well-known/oauth-protected-resource", 404),
        ("GET /.well-known/oauth-protected-resource/mcp", 404),
        ("GET /.well-known/oauth-authorization-server", 404),
        ("GET /.well-known/openid-configuration", 404),
        ("POST /register", 404),
        ("GET /authorize", 404),
        ("GET /", 404),
        ("GET /MCP", 404),
        ("GET /mcp//", 404),
        ("GET /mcp/x", 404),
        ("GET /metrics/", 404),
        ("GET /mcp", 401),
        ("GET /mcp/", 401),
        ("POST /mcp/", 401),
        ("GET /metrics", 401),
        ("GET /health", 200),
    ] {
        assert_eq!(status(line, host), expected, "{line}");
        let foreign = status(line, "Host: evil.example\r\n");
        assert_eq!(foreign, if expected == 200 { 200 } else { 403 }, "{line}");
        let page = status(line, "Host: localhost\r\nOrigin: https://evil.example\r\n");
        assert_eq!(page, if expected == 200 { 200 } else { 403 }, "{line}");
    }
    assert_eq!(status("GET /metrics", ""), 400);
    assert_eq!(status("GET /mcp", "Host: localhost\r\nHost: evil.example\r\n"), 400);
    assert_eq!(status("GET http://evil.example/metrics", host), 403);
}

#[test]
fn with_roots_there_is_always_a_token_unless_it_is_said_otherwise() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().to_str().unwrap();
    let server = HttpServer::start(place.path(), &["--root", root]);
    let made = server.token.as_deref().expect("a token on stderr");
    assert!(made.len() >= 32, "{made}");
    assert_eq!(post(server.address(), "", &plan()).0, 401);
    let bearer = format!("Authorization: Bearer {made}\r\n");
    assert_eq!(post(server.address(), &bearer, &plan()).0, 200);
    let other = HttpServer::start(place.path(), &["--root", root]);
    assert_ne!(other.token.as_deref(), Some(made));
    assert_eq!(post(other.address(), &bearer, &plan()).0, 401);
    let open = HttpServer::start(place.path(), &["--root", root, "--without-token"]);
    assert_eq!((open.token.as_deref(), post(open.address(), "", &plan()).0), (None, 200));
    let given = [("MCC_SERVE_TOKEN", "a-long-enough-token")];
    let given = HttpServer::start_with(place.path(), &["--root", root], &given);
    assert_eq!(given.token, None);
    assert_eq!(post(given.address(), "", &plan()).0, 401);
}

/// Bytes that two readers may understand differently: never two answers of which one belongs to the inner request.
#[test]
fn requests_cannot_be_smuggled() {
    let place = tempfile::tempdir().unwrap();
    let server = HttpServer::start(place.path(), &[]);
    let inner = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\x0bchunked",
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: +4",
        "Content-Length: 0x4",
        "Content-Length: 4, 5",
        "Content-Length: 99999999999999999999999999",
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(2))).unwrap();
        write!(
            stream,
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n\
             0\r\n\r\n{inner}"
        )
        .unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains("HTTP/1.1 200"), "{framing}: {answer}");
    }
    for (head, expected) in [
        (
            format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(700_000)),
            431,
        ),
        (format!("GET /mcp HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(5_000)), 431),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let _ = stream.write_all(head.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        // What is closed with something unread is reset, and the answer may be lost.
        let status = answer.split(' ').nth(1).map(str::to_owned);
        assert!(
            status
                .as_deref()
                .is_none_or(|status| status == expected.to_string() || status == "505"),
            "{answer}"
        );
    }
    assert_eq!(post(server.address(), "", &plan()).0, 200);
}

#[test]
fn starting_wrongly_is_an_error_that_says_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("short"), "not-to-be-shown\n").unwrap();
    for (arguments, code, says) in [
        (&["generate-projekt"][..], 2, "generate-project"),
        (&["generate-project", "--http", "0.0.0.0:0"], 3, "--allow-host"),
        (&["all", "--http", "0.0.0.0:0", "--allow-host", "x", "--root", "."], 3, "MCC_SERVE_TOKEN"),
        (&["all", "--http", "0.0.0.0:0", "--allow-host", "x"], 3, "--without-token"),
        (&["generate-project", "--http", "here"], 2, "--http"),
        (&["generate-project", "--root", "nowhere"], 3, "nowhere"),
        (&["generate-project", "--catalogs", "nowhere"], 3, "nowhere"),
        (&["generate-project", "--allow-host", "x"], 2, "--http"),
        (&["generate-project", "--trust-proxy", "10.0.0.1"], 2, "--http"),
        (&["all", "--http", "127.0.0.1:0", "--trust-proxy", "proxy.example"], 3, "10.0.0.0/8"),
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

/// Bytes of a body that is held.
const HELD: usize = 2_900_000;

/// A call whose body stops before its end, for a client that a proxy names.
fn hold(server: &HttpServer, client: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         X-Forwarded-For: {client}\r\nContent-Length: 3000000\r\n\r\n"
    );
    // What is refused is closed while it is still written.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&vec![b' '; HELD]);
    stream
}

/// Limits are by address: behind a proxy that is trusted by that of the client, and behind any other by the proxy's own.
#[test]
fn only_behind_a_trusted_proxy_one_client_does_not_take_what_is_another_s() {
    const MOST: usize = 200;
    let place = tempfile::tempdir().unwrap();
    for (arguments, shared) in [(&["--trust-proxy", "127.0.0.0/8"][..], false), (&[], true)] {
        let server = HttpServer::start(place.path(), arguments);
        // A call of the same size: of a small one there may be room.
        let mut call = plan();
        call.resize(HELD, b' ');
        let calling = |client: &str| {
            post(server.address(), &format!("X-Forwarded-For: {client}\r\n"), &call).0
        };
        let mut held = Vec::new();
        let refused = if shared { "203.0.113.6" } else { "203.0.113.5" };
        while calling(refused) != 503 {
            held.push(hold(&server, "203.0.113.5"));
            assert!(held.len() < MOST, "{arguments:?}: {refused} is never refused");
        }
        if !shared {
            assert_eq!(calling("203.0.113.6"), 200);
        }
        drop(held);
        let since = std::time::Instant::now();
        while calling(refused) != 200 {
            assert!(since.elapsed() < SOON, "{arguments:?}: what was held is not given back");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
