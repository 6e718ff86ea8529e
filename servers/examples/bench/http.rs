//! Servers on HTTP under 32 connections that are kept open.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::{Figures, Peer, median_and_p99};

const CONNECTIONS: usize = 32;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long one server is called at a time. It is short and comes again: a machine is slower for seconds, and then
/// for all of them.
const TURN: Duration = Duration::from_millis(300);
/// Turns of each server for a round.
const TURNS: usize = 3;

/// The figures of all servers, which take turns.
pub(crate) fn figures(peers: &[Peer], rounds: usize) -> BTreeMap<String, Figures> {
    let mut all: BTreeMap<&String, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for _ in 0..rounds * TURNS {
        for peer in peers {
            let latencies = turn(peer);
            let (per_second, milliseconds) = all.entry(&peer.name).or_default();
            per_second.push(latencies.len() as f64 / TURN.as_secs_f64());
            milliseconds.extend(latencies);
        }
    }
    let figures = |(per_second, milliseconds)| {
        let (p50, p99) = median_and_p99(milliseconds);
        Figures::from([
            ("http, calls per second", median_and_p99(per_second).0),
            ("http, call p50, ms", p50),
            ("http, call p99, ms", p99),
        ])
    };
    all.into_iter().map(|(name, taken)| (name.clone(), figures(taken))).collect()
}

/// Milliseconds of each call that ended within one turn.
fn turn(peer: &Peer) -> Vec<f64> {
    let mut child = Command::new(&peer.command[0])
        .args(&peer.command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let server = Server(child);
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("http://")?.1.split('/').next()?.to_owned()))
        .expect("the address on stderr");
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));

    let (tool, arguments) = &peer.call;
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    })
    .to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // The first calls read catalogs and open connections.
    client(&address, &request, Instant::now() + TURN / 10);
    let end = Instant::now() + TURN;
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, request) = (address.clone(), request.clone());
            std::thread::spawn(move || client(&address, &request, end))
        })
        .collect();
    let latencies =
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
    drop(server);
    latencies
}

/// Milliseconds of each call that began before `end`.
fn client(address: &str, request: &str, end: Instant) -> Vec<f64> {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut latencies = Vec::new();
    let mut line = String::new();
    let mut body = Vec::new();
    while Instant::now() < end {
        let since = Instant::now();
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line).expect("the server answers");
            let line = line.trim_end().to_ascii_lowercase();
            assert!(!line.starts_with("http/") || line.contains(" 200"), "{line}");
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
            if line.is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).expect("the body");
        latencies.push(since.elapsed().as_secs_f64() * 1e3);
    }
    latencies
}
