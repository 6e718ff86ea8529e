//! One project in one world: its folder, the stand-ins' world, and running scripts as automation does.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// All that scripts may use beside the AWS CLI, docker and kubectl: bash, jq and what POSIX has.
const TOOLS: [&str; 36] = [
    "awk",
    "basename",
    "bash",
    "cat",
    "chmod",
    "cksum",
    "cp",
    "cut",
    "date",
    "dirname",
    "env",
    "grep",
    "head",
    "jq",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "rmdir",
    "sed",
    "sh",
    "sleep",
    "sort",
    "tail",
    "touch",
    "tr",
    "wc",
    "find",
    "gzip",
    "ln",
    "readlink",
    "sha256sum",
    "shasum",
    "tar",
    "xargs",
];
/// No script of a project takes longer: the stand-ins answer at once.
const LIMIT: Duration = Duration::from_secs(120);

/// The next port of this process. Systems give connections ports from 32768 on: one of those could be taken, also by a
/// client that looks whether the container is there yet, before the container listens.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which nothing listens, and which no connection gets by chance.
fn free_port() -> u16 {
    let from = u16::try_from(std::process::id() % 1000).unwrap() * 16;
    let ports = std::iter::from_fn(|| Some(NEXT.fetch_add(1, Ordering::Relaxed) % 4000));
    let mut ports = ports.map(|next| 12_000 + (from + next) % 20_000).take(4000);
    ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// What one script did.
pub struct Ran {
    pub script: String,
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Panics unless the script ended with `status`.
    pub fn ends(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (script, status) = (&self.script, self.status);
        write!(f, "do/{script} ended with {status:?}\n{}\n{}", self.stdout, self.stderr)
    }
}

/// A project's folder and its world, below one folder.
#[derive(Clone)]
pub struct Bench {
    pub root: PathBuf,
    /// Whether scripts may use all that this machine has, and not only what they name.
    pub every_tool: bool,
    port: u16,
}

impl Bench {
    /// Sets up `root` for a project that is written to [`Bench::project`], in a world that has `seed`.
    pub fn new(root: PathBuf, seed: &Map<String, Value>) -> Self {
        fs::create_dir_all(root.join("world")).unwrap();
        fs::create_dir_all(root.join("home")).unwrap();
        fs::create_dir_all(root.join("tmp")).unwrap();
        fs::write(
            root.join("world/world.json"),
            json!({"resources": seed, "steps": 1}).to_string(),
        )
        .unwrap();
        let bin = root.join("bin");
        fs::create_dir_all(&bin).unwrap();
        for tool in TOOLS {
            if let Some(path) = which(tool) {
                link(&path, &bin.join(tool));
            }
        }
        for name in ["aws", "docker", "kubectl"] {
            link(Path::new(env!("CARGO_BIN_EXE_standin")), &bin.join(name));
        }
        Self { root, every_tool: false, port: free_port() }
    }

    pub fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    /// The temporary folder of its scripts: one that is killed leaves there what goes with the bench, and not in the system's.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// A copy of everything, to try something else from here.
    pub fn fork(&self, root: PathBuf) -> Self {
        copy(&self.root, &root);
        Self { root, ..self.clone() }
    }

    pub fn has(&self, script: &str) -> bool {
        self.project().join("do").join(script).is_file()
    }

    /// Runs `program` as scripts are run, in `folder`.
    pub fn run_in(&self, folder: &Path, program: &Path, arguments: &[&str]) -> Ran {
        let output = Command::new(which("timeout").unwrap())
            .arg("60")
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            script: format!("{} {arguments:?} in {}", program.display(), folder.display()),
            status: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    fn environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        let mut path = self.root.join("bin").into_os_string();
        if self.every_tool {
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap_or_default());
        }
        vec![
            ("PATH", path),
            ("HOME", self.root.join("home").into()),
            ("TMPDIR", self.temporary().into()),
            ("MCC_STANDIN_DIR", self.root.join("world").into()),
            ("MCC_POLL_SECONDS", "0".into()),
            ("MCC_TIMEOUT_SECONDS", "40".into()),
            ("MCC_PORT", self.port.to_string().into()),
        ]
    }

    /// Runs `do/<line>` without a terminal and with nothing but the listed tools.
    pub fn run(&self, line: &str) -> Ran {
        let mut words = line.split(' ');
        let script = format!("do/{}", words.next().unwrap_or_default());
        // A session of its own: no terminal to ask at, and a process group that a fault can kill.
        let mut command = match which("setsid") {
            Some(setsid) => {
                let mut command = Command::new(setsid);
                command.arg(&script);
                command
            }
            None => Command::new(&script),
        };
        let open = |name: &str| {
            File::options()
                .create(true)
                .truncate(true)
                .read(true)
                .write(true)
                .open(self.root.join(name))
                .unwrap()
        };
        let (mut out, mut err) = (open("stdout"), open("stderr"));
        let mut child = command
            .args(words)
            .current_dir(self.project())
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(err.try_clone().unwrap())
            .spawn()
            .unwrap_or_else(|e| panic!("{script} of {}: {e}", self.root.display()));
        let started = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if started.elapsed() > LIMIT => {
                    child.kill().unwrap();
                    break child.wait().unwrap();
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let text = |file: &mut File| {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(0)).unwrap();
            file.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Ran {
            script: line.to_owned(),
            status: status.code(),
            stdout: text(&mut out),
            stderr: text(&mut err),
        }
    }

    /// Every call of the stand-ins so far.
    pub fn calls(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.root.join("world/calls.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Arms one fault; the calls of its operation are counted from now on.
    pub fn arm(&self, tool: &str, operation: &str, nth: usize, kind: &str) {
        let _ = fs::remove_file(self.root.join("world/fault.seen"));
        let fault = json!({"tool": tool, "operation": operation, "nth": nth, "kind": kind});
        fs::write(self.root.join("world/fault.json"), fault.to_string()).unwrap();
    }

    pub fn disarm(&self) {
        let _ = fs::remove_file(self.root.join("world/fault.json"));
    }

    /// What scripts have made and nobody has removed. Images and logins on this machine are a cache;
    /// what the services make by themselves (log groups) is marked.
    fn made(&self, seed: &Map<String, Value>) -> Map<String, Value> {
        let world = fs::read(self.root.join("world/world.json")).unwrap();
        let mut world: Value = serde_json::from_slice(&world).unwrap();
        let Some(Value::Object(mut made)) = world.get_mut("resources").map(Value::take) else {
            return Map::new();
        };
        // Transform jobs cannot be deleted; one that is over costs nothing.
        let over = |job: &Value| {
            ["Completed", "Failed", "Stopped"].iter().any(|s| job["TransformJobStatus"] == *s)
        };
        made.retain(|key, value| {
            let cache = key.starts_with("docker.image/") || key.starts_with("docker.login/");
            !cache && !seed.contains_key(key) && value["_by"] != "service" && !over(value)
        });
        made
    }

    pub fn left(&self, seed: &Map<String, Value>) -> Vec<String> {
        self.made(seed).into_iter().map(|(key, _)| key).collect()
    }

    fn recorded(&self) -> Value {
        match fs::read(self.project().join(".mcc/state.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Err(_) => json!({"resources": []}),
        }
    }

    /// What there is and what is recorded, as a text without the times in it.
    pub fn state(&self, seed: &Map<String, Value>) -> String {
        let text = format!("{}\n{}", json!(self.made(seed)), self.recorded());
        text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
    }

    /// Panics if anything is left, in the world or in the project's record.
    pub fn is_clean(&self, seed: &Map<String, Value>, after: &dyn std::fmt::Display) {
        let left = self.left(seed);
        assert_eq!(left, Vec::<String>::new(), "left over after {after}");
        assert_eq!(self.recorded()["resources"], json!([]), "still recorded after {after}");
    }
}

pub fn which(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|file| file.is_file())
}

fn link(from: &Path, to: &Path) {
    std::os::unix::fs::symlink(from, to).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, target) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_symlink() {
            link(&fs::read_link(entry.path()).unwrap(), &target);
        } else if kind.is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
