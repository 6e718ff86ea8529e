//! A server on stdio, as a process that is spoken to line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::mcp::{MCC, ends_within};

/// How long an answer may take.
pub const SOON: Duration = Duration::from_secs(20);

/// A server on stdio, frame by frame.
pub struct Session {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    /// Every line of stdout, each of which has to be a JSON-RPC message.
    pub messages: Receiver<Value>,
    pub place: tempfile::TempDir,
}

impl Session {
    pub fn start() -> Self {
        Self::of("generate-project")
    }

    /// The server called `name`.
    pub fn of(name: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut command = Command::new(MCC);
        command.args(["serve", name]).current_dir(place.path());
        Self::run(command, place)
    }

    /// What `command` starts.
    pub fn run(mut command: Command, place: tempfile::TempDir) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, messages) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let message: Value = serde_json::from_str(&line).expect(&line);
                assert_eq!(message["jsonrpc"], "2.0", "{line}");
                let _ = sender.send(message);
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, messages, place }
    }

    pub fn initialized() -> Self {
        Self::start().greeted()
    }

    /// The same after the handshake.
    pub fn greeted(self) -> Self {
        let mut server = self;
        server.send(&request(
            0,
            "initialize",
            json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            }),
        ));
        assert!(server.answer(0)["result"]["serverInfo"]["name"].is_string());
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        server
    }

    pub fn send(&mut self, line: &str) {
        self.send_bytes(line.as_bytes());
    }

    pub fn send_bytes(&mut self, line: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line).unwrap();
        stdin.write_all(b"\n").unwrap();
    }

    /// The message with this id; others before it are thrown away.
    pub fn answer(&self, id: u64) -> Value {
        let since = Instant::now();
        loop {
            let left = SOON.saturating_sub(since.elapsed());
            let message = self.messages.recv_timeout(left).expect("an answer");
            if message["id"] == id {
                return message;
            }
        }
    }

    pub fn call(&mut self, id: u64, tool: &str, arguments: &Value) -> Value {
        self.send(&request(id, "tools/call", json!({"name": tool, "arguments": arguments})));
        self.answer(id)
    }

    /// Closes stdin; the server finishes what it has, and ends well.
    pub fn ends(mut self) -> Vec<Value> {
        self.stdin = None;
        assert!(ends_within(&mut self.child, SOON).success());
        self.messages.iter().collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn request(id: u64, method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}
