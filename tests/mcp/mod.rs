//! What the tests of `mcc serve` share: the server as a process, and nothing that is not in the binary.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses some of it")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub const MCC: &str = env!("CARGO_BIN_EXE_mcc");

/// The servers of the program, and the one that has the tools of all.
pub fn names() -> Vec<&'static str> {
    let all = mcc_servers::servers().into_iter().map(|server| server.name);
    all.chain([mcc_servers::all().name]).collect()
}

/// A server on HTTP on a free port of this machine, killed when dropped.
pub struct HttpServer {
    pub child: Child,
    /// Where the endpoint is.
    pub url: String,
    /// The token that it has made, where it has.
    pub token: Option<String>,
}

impl HttpServer {
    pub fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_with(directory, arguments, &[])
    }

    pub fn start_with(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = serving("generate-project", directory);
        command.args(arguments).envs(environment.iter().copied());
        Self::spawned(&mut command)
    }

    /// The server called `name`.
    pub fn named(name: &str, directory: &Path) -> Self {
        Self::spawned(&mut serving(name, directory))
    }

    /// A program that says on stderr where it listens.
    pub fn spawned(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut token = None;
        let url = lines
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| {
                if let Some((_, made)) = line.split_once("Authorization: Bearer ") {
                    token = Some(made.trim().to_owned());
                }
                line.split_once("listening on ").map(|(_, url)| url.trim().to_owned())
            })
            .expect("the address on stderr");
        // Read on, so that the server can never block on a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, url, token }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches("/mcp")
    }

    /// Asks it to stop, as a service manager does.
    #[cfg(unix)]
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }
}

fn serving(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(MCC);
    command
        .args(["serve", name, "--http", "127.0.0.1:0"])
        .current_dir(directory)
        .env_remove("MCC_LOG")
        .env_remove("MCC_SERVE_STATE_KEY")
        .env_remove("MCC_SERVE_TOKEN");
    command
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of `child`, or kills it and panics.
pub fn ends_within(child: &mut Child, limit: Duration) -> ExitStatus {
    let since = Instant::now();
    while since.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("still running after {limit:?}");
}
