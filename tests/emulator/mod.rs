//! The emulator of AWS and the real AWS CLI, for projects to live in.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub const REGION: &str = "us-east-1";

/// The emulator and the CLI, which end with it, and the programs that scripts find.
pub struct Emulator {
    servers: Vec<Child>,
    port: u16,
    /// Programs that scripts find first.
    pub bin: PathBuf,
    pub folder: tempfile::TempDir,
}

impl Emulator {
    /// `server` is the script to start beside this file, with `variables` in its environment.
    pub fn start(server: &str, variables: &[(&str, &Path)]) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Both of one environment; an `aws` of version 1 is no use.
        let bin = std::env::split_paths(&path).find(|dir| {
            let code = "import awscli.botocore";
            let mut python = Command::new(dir.join("python"));
            dir.join("moto_server").is_file()
                && python.args(["-c", code]).output().is_ok_and(|run| run.status.success())
        });
        let Some(bin) = bin else {
            crate::needs::missing_of(
                "emulator",
                "moto and the AWS CLI v2 (.ci/emulator FOLDER, and FOLDER/bin on the PATH)",
            );
        };
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("server.log")).unwrap();
        let serve = |script: &str, argument: &str| {
            Command::new(bin.join("python"))
                .arg(files().join(script))
                .arg(argument)
                .env("AWS_ACCESS_KEY_ID", "emulated")
                .env("AWS_SECRET_ACCESS_KEY", "emulated")
                .envs(variables.iter().copied())
                .stdin(Stdio::piped())
                .stdout(log.try_clone().unwrap())
                .stderr(log.try_clone().unwrap())
                .spawn()
                .unwrap()
        };
        let socket = folder.path().join("cli.sock");
        let servers =
            vec![serve(server, &port.to_string()), serve("cli.py", socket.to_str().unwrap())];
        let tools = folder.path().join("bin");
        fs::create_dir(&tools).unwrap();
        fs::create_dir(folder.path().join("images")).unwrap();
        for name in ["aws", "docker"] {
            std::os::unix::fs::symlink(files().join(name), tools.join(name)).unwrap();
        }
        let emulator = Self { servers, port, bin: tools, folder };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() || !socket.exists() {
            assert!(started.elapsed() < Duration::from_secs(180), "no server: {}", emulator.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        emulator
    }

    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
        let from = text.char_indices().rev().nth(4000).map_or(0, |(at, _)| at);
        text[from..].to_owned()
    }

    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("timeout");
        command
            .arg("300")
            .arg(program)
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.bin.display()))
            .env("HOME", self.folder.path())
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ACCESS_KEY_ID", "emulated")
            .env("AWS_SECRET_ACCESS_KEY", "emulated")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("MCC_CLI", self.folder.path().join("cli.sock"))
            .env("MCC_IMAGES", self.folder.path().join("images"))
            .env("MCC_POLL_SECONDS", "0.1")
            .stdin(Stdio::null());
        command
    }

    /// What the CLI answers to a question.
    pub fn aws(&self, line: &str) -> Value {
        let output = self
            .command(&self.bin.join("aws"))
            .args(line.split(' '))
            .args(if line.contains("--region ") { vec![] } else { vec!["--region", REGION] })
            .args(["--output", "json", "--no-cli-pager"])
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "aws {line}\n{err}\n{}", self.log());
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Runs `do/LINE`; what it says, and whether it ended well.
    pub fn run(&self, project: &Path, line: &str) -> (String, bool) {
        let mut words = line.split(' ');
        let script = project.join("do").join(words.next().unwrap());
        let output = self.command(&script).args(words).output().unwrap();
        let said =
            [&output.stdout, &output.stderr].map(|b| String::from_utf8_lossy(b).into_owned());
        (said.concat(), output.status.success())
    }

    /// The same where it must end well.
    pub fn script(&self, project: &Path, line: &str) -> String {
        let (said, well) = self.run(project, line);
        let name = project.display();
        assert!(well, "{name}: do/{line} failed\n{said}\n{}", self.log());
        assert!(!said.contains("warning: "), "{name}: do/{line}\n{said}");
        said
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        for server in &mut self.servers {
            drop(server.stdin.take());
            let _ = server.wait();
        }
    }
}

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator")
}
