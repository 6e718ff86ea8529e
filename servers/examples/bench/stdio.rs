//! A server on stdio: how fast it starts, how big it is, how fast it answers.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::{Figures, Peer, median_and_p99};

struct Session {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    line: String,
}

impl Session {
    fn start(peer: &Peer) -> Self {
        let mut child = Command::new(&peer.command[0])
            .args(&peer.command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut session = Self { child, stdin, stdout, line: String::new() };
        let answer = session.round_trip(&request(
            "initialize",
            &json!({
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": {"name": "bench", "version": "1"},
            }),
        ));
        assert!(answer.contains("serverInfo"), "{answer}");
        session
    }

    /// Sends a line and waits for the next one.
    fn round_trip(&mut self, line: &str) -> &str {
        self.stdin.write_all(line.as_bytes()).expect("the server reads");
        self.line.clear();
        self.stdout.read_line(&mut self.line).expect("the server answers");
        &self.line
    }

    /// A figure of `/proc/PID/status` in MB; none where there is no such file.
    fn memory(&self, name: &str) -> Option<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024.0 / 1e6)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string() + "\n"
}

/// Calls of one server in a row.
const TURN: usize = 40;
/// Turns of each server for a round.
const TURNS: usize = 10;

/// The figures of all servers, which take turns.
pub(crate) fn figures(peers: &[Peer], rounds: usize) -> BTreeMap<String, Figures> {
    let mut starts = vec![Vec::new(); peers.len()];
    for _ in 0..rounds * 10 {
        for (peer, starts) in peers.iter().zip(&mut starts) {
            let since = Instant::now();
            let session = Session::start(peer);
            starts.push(since.elapsed().as_secs_f64() * 1e3);
            drop(session);
        }
    }
    let mut all = calls(peers, rounds);
    for (peer, starts) in peers.iter().zip(starts) {
        let figures = all.get_mut(&peer.name).expect("measured");
        figures.insert("stdio, spawn to initialize, ms", median_and_p99(starts).0);
    }
    all
}

/// The cost of calls in one session of each.
pub(crate) fn calls(peers: &[Peer], rounds: usize) -> BTreeMap<String, Figures> {
    let mut sessions: Vec<_> = peers.iter().map(Calling::start).collect();
    for _ in 0..rounds * TURNS {
        for session in &mut sessions {
            session.turn();
        }
    }
    peers.iter().zip(sessions).map(|(peer, one)| (peer.name.clone(), one.figures())).collect()
}

/// A session and what its calls took.
struct Calling {
    session: Session,
    call: String,
    idle: Option<f64>,
    microseconds: Vec<f64>,
}

impl Calling {
    fn start(peer: &Peer) -> Self {
        let mut session = Session::start(peer);
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        session.stdin.write_all(format!("{initialized}\n").as_bytes()).expect("the server reads");
        let idle = session.memory("VmRSS");
        let (tool, arguments) = &peer.call;
        let call = request("tools/call", &json!({"name": tool, "arguments": arguments}));
        let answer = session.round_trip(&call);
        assert!(answer.contains("\"result\"") && !answer.contains("\"isError\":true"), "{answer}");
        Self { session, call, idle, microseconds: Vec::new() }
    }

    fn turn(&mut self) {
        for _ in 0..TURN {
            let since = Instant::now();
            self.session.round_trip(&self.call);
            self.microseconds.push(since.elapsed().as_secs_f64() * 1e6);
        }
    }

    fn figures(self) -> Figures {
        let (p50, p99) = median_and_p99(self.microseconds);
        let mut figures =
            Figures::from([("stdio, call p50, us", p50), ("stdio, call p99, us", p99)]);
        figures.extend(self.idle.map(|mb| ("stdio, resident after initialize, MB", mb)));
        let after = self.session.memory("VmRSS");
        figures.extend(after.map(|mb| ("stdio, resident after calls, MB", mb)));
        let own = self.session.memory("RssAnon");
        figures.extend(own.map(|mb| ("stdio, own memory after calls, MB", mb)));
        figures
    }
}
