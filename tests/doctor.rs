//! `mcc doctor` through the program, against sources and programs that play their part on this machine: all is well, and
//! each thing that can be wrong is told as what it is, without a secret.
#![cfg(all(feature = "live", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod leaks;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What a program says that tells secrets.
const TOLD: &str = "programThatTellsSecrets";
/// A proxy where nobody listens: port 9 discards, and needs rights to be taken.
const PROXY: &str = "http://user:proxyPasswordThatNobodyMaySee@127.0.0.1:9";
const ACCOUNT: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a</Arn>\
                       <UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
                       </GetCallerIdentityResponse>";

/// An operation, or `whoami`, and the status and body that it is refused with.
type Refusal = (&'static str, u16, &'static str);

/// AWS and a hub in one, for as long as the process lives.
struct Standin {
    url: String,
    asked: Arc<AtomicUsize>,
    refuses: Arc<Mutex<Option<Refusal>>>,
}

impl Standin {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, refuses) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
        let (count, refusing) = (Arc::clone(&asked), Arc::clone(&refuses));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let refused = *refusing.lock().unwrap();
                std::thread::spawn(move || answer(stream, refused));
            }
        });
        Self { url, asked, refuses }
    }

    fn refusing(operation: &'static str, status: u16, body: &'static str) -> Self {
        let standin = Self::new();
        *standin.refuses.lock().unwrap() = Some((operation, status, body));
        standin
    }

    fn count(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Answers one request.
fn answer(mut stream: TcpStream, refused: Option<(&str, u16, &str)>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or_default() == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let lines = head.iter().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap_or_default()];
    if reader.read_exact(&mut body).is_err() || head.is_empty() {
        return;
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    let target = header("x-amz-target");
    let asked = if head[0].starts_with("HEAD ") {
        "reach"
    } else if head[0].contains("/api/whoami-v2") {
        "whoami"
    } else if body.contains("GetCallerIdentity") {
        "GetCallerIdentity"
    } else if body.contains("Action=DescribeCapacityReservations") {
        "DescribeCapacityReservations"
    } else if head[0].contains("/addons/") {
        "DescribeAddon"
    } else {
        target.rsplit('.').next().unwrap_or_default()
    };
    let (status, text) = match refused {
        Some((operation, status, text)) if operation == asked => (status, text),
        _ if asked == "whoami"
            && header("authorization") != format!("Bearer {}", leaks::HF_TOKEN) =>
        {
            (401, "{}")
        }
        _ if asked == "GetCallerIdentity" => (200, ACCOUNT),
        _ => (200, "{}"),
    };
    let text = if asked == "reach" { "" } else { text };
    let length = text.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    );
}

/// A user with a home folder, programs and a client's file.
struct User {
    place: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl User {
    fn of(standin: &Standin) -> Self {
        let user = Self { place: tempfile::tempdir().unwrap(), variables: Vec::new() };
        std::fs::create_dir(user.path("bin")).unwrap();
        std::fs::create_dir(user.path("work")).unwrap();
        user.program(
            "docker",
            "if [ \"$1\" = --version ]; then echo 'Docker version 27.3.1, build x'; else echo 27.3.2; fi",
        );
        user.program("kubectl", "echo 'Client Version: v1.31.2'");
        user.program(
            "aws",
            "[ ! -f \"$HOME/busy\" ] || /bin/sleep 6; echo 'aws-cli/2.22.7 Python/3.12.6'; echo programThatTellsSecrets >&2",
        );
        user.program("mcc", "exit 0");
        user.file(
            "work/.mcp.json",
            r#"{"mcpServers": {"plans": {"command": "mcc", "args": ["serve", "all"],
                "env": {"HF_TOKEN": "hf_tokenThatNobodyMaySee"}}, "other": {"command": "none-such"}}}"#,
        );
        let cache = user.path("cache");
        let (home, path) = (user.path("."), user.path("bin"));
        user.with("HOME", &home)
            .with("PATH", &path)
            .with("MCC_CACHE_DIR", &cache)
            .with("HF_ENDPOINT", &standin.url)
            .with("MCC_SEND_HF_TOKEN", "1")
            .with("HF_TOKEN", leaks::HF_TOKEN)
            .with("AWS_ENDPOINT_URL", &standin.url)
            .with("AWS_REGION", "us-west-2")
            .with("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .with("AWS_SECRET_ACCESS_KEY", leaks::AWS_SECRET_KEY)
            .with("AWS_SESSION_TOKEN", leaks::AWS_SESSION_TOKEN)
            .with("HTTPS_PROXY", PROXY)
            .with("NO_PROXY", "127.0.0.1")
    }

    fn path(&self, below: &str) -> String {
        self.place.path().join(below).display().to_string()
    }

    fn file(&self, below: &str, text: &str) {
        let path = self.place.path().join(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.place.path().join("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_mcc"))
            .arg("doctor")
            .args(arguments)
            .current_dir(self.place.path().join("work"))
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let secrets = [&leaks::ALL[..], &[TOLD]].concat();
        let cache = self.path("cache");
        leaks::kept(&secrets, &[&output.stdout, &output.stderr], Some(Path::new(&cache)));
        output
    }

    /// The checks, and the exit code.
    fn checks(&self, more: &[&str]) -> (Vec<Value>, i32) {
        let output = self.run(&[more, &["--format", "json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        let document: Value = serde_json::from_slice(&output.stdout).expect(&said);
        (document["checks"].as_array().unwrap().clone(), output.status.code().unwrap())
    }
}

/// The first check of this name.
fn of<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {checks:#?}"))
}

/// That a check ended so, and says so.
fn holds(checks: &[Value], name: &str, state: &str, says: &str) {
    let check = of(checks, name);
    assert_eq!(check["state"], state, "{check:#}");
    let message = check["message"].as_str().unwrap();
    assert!(message.contains(says), "{says}: {check:#}");
    if state == "failed" {
        assert!(check["fix"].is_string(), "{check:#}");
    }
}

/// The hub as the stand-in is called.
fn hub(standin: &Standin) -> String {
    format!("Hugging Face ({})", standin.url.trim_start_matches("http://"))
}

#[test]
fn a_planted_leak_is_found() {
    leaks::a_planted_leak_is_found();
}

#[test]
fn what_is_well_is_told_so() {
    let standin = Standin::new();
    let user = User::of(&standin);
    // The AWS CLI takes its time on a machine that is busy.
    user.file("busy", "");
    let (checks, code) = user.checks(&[]);
    for (name, says) in [
        ("mode", "static"),
        ("settings", "through a proxy"),
        ("cache", "0 answers"),
        ("AWS Region", "us-west-2"),
        (hub(&standin).as_str(), "reached"),
        ("AWS STS of us-west-2", "reached"),
        ("AWS prices", "reached"),
        ("AWS account", "123456789012"),
        ("Hugging Face token", "accepted"),
        ("docker", "27.3.1"),
        ("docker engine", "27.3.2"),
        ("kubectl", "1.31.2"),
        ("aws", "2.22.7"),
        ("registration in .mcp.json", "the command of `plans` exists"),
    ] {
        holds(&checks, name, "ok", says);
    }
    // Each action of the policy is tried, but for those that cannot be.
    let not_tried = ["s3:GetObject", "s3:ListBucket"];
    for action in mcc_live::ACTIONS.iter().filter(|one| one.operation != "GetCallerIdentity") {
        if not_tried.contains(&action.allows) {
            let says = "not tried: S3 tells it only of a bucket that is there";
            holds(&checks, action.allows, "not checked", says);
        } else {
            holds(&checks, action.allows, "ok", "allowed");
        }
    }
    holds(&checks, "bedrock:InvokeModel", "not checked", "costs money");
    // Those two are behind the proxy, where nobody is.
    for name in ["Amazon ECR Public", "Docker Hub"] {
        holds(&checks, name, "failed", "could not be reached through the proxy");
    }
    let failed = checks.iter().filter(|check| check["state"] == "failed").count();
    assert_eq!((failed, code), (2, 1), "{checks:#?}");
}

#[test]
fn offline_opens_no_connection() {
    let standin = Standin::new();
    let user = User::of(&standin);
    user.program(
        "docker",
        "[ \"$1\" = --version ] || echo asked > \"$HOME/asked\"; echo 'v27.3.1'",
    );
    let (checks, code) = user.checks(&["--offline"]);
    assert_eq!((standin.count(), code), (0, 0), "{checks:#?}");
    assert!(!Path::new(&user.path("asked")).exists(), "the engine was asked");
    for name in
        ["reachability", "AWS account", "AWS permissions", "Hugging Face token", "docker engine"]
    {
        holds(&checks, name, "not checked", "--offline opens no connection");
    }
    holds(&checks, "AWS Region", "ok", "us-west-2");

    let output = user.run(&["--offline"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("ok           mode: static"), "{text}");
    assert!(text.contains("\nnot checked  AWS account: --offline"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

/// What is wrong of settings, programs and files is seen without a network.
#[test]
fn each_wrong_thing_of_this_machine_is_named() {
    let standin = Standin::new();
    let user = || User::of(&standin);
    let sees = |user: &User, name: &str, state: &str, says: &str| {
        let (checks, code) = user.checks(&["--offline"]);
        holds(&checks, name, state, says);
        assert_eq!(code, i32::from(state == "failed"), "{checks:#?}");
    };
    sees(&user().with("MCC_MODE", "clever"), "mode", "failed", "MCC_MODE is `clever`");
    sees(&user().with("MCC_MODE", "smart"), "mode", "ok", "smart");
    sees(
        &user().with("HTTPS_PROXY", "ftp://x y"),
        "settings",
        "failed",
        "not an http or https address",
    );
    sees(&user().with("HF_ENDPOINT", "nowhere"), "settings", "failed", "HF_ENDPOINT");
    let none = user().with("SSL_CERT_FILE", "/none/ca.pem");
    sees(&none, "settings", "failed", "/none/ca.pem has no readable certificates");
    sees(&user().with("AWS_REGION", "us-weast-2"), "AWS Region", "failed", "`us-weast-2`");
    sees(&user().without("AWS_REGION"), "AWS Region", "warning", "none is configured");
    let named = user().without("AWS_REGION").with("AWS_PROFILE", "team");
    named.file(".aws/config", "[profile team]\nregion = eu-west-1\n");
    sees(&named, "AWS Region", "ok", "eu-west-1");
    let file = user();
    file.file("cache", "no folder");
    sees(&file, "cache", "failed", "cannot be used as a cache");

    for (name, script, state, says) in [
        ("docker", "exit 1", "failed", "ended with an error"),
        ("aws", "echo aws-cli/1.36.0 Python/3.12", "failed", "need version 2"),
        ("aws", "echo programThatTellsSecrets", "warning", "does not print its version"),
        ("kubectl", "while :; do :; done", "failed", "did not answer in time"),
    ] {
        let user = user();
        user.program(name, script);
        let began = Instant::now();
        sees(&user, name, state, says);
        assert!(began.elapsed() < Duration::from_secs(9), "{name}");
    }
    let bare = user().with("PATH", "/none:../bin");
    for name in ["docker", "kubectl", "aws"] {
        let (checks, _) = bare.checks(&["--offline"]);
        holds(&checks, name, "warning", "not in PATH");
    }
    sees(&bare, "registration in .mcp.json", "failed", "`plans` does not exist");

    let codex = user();
    let toml = "[mcp_servers.mine]\ncommand = \"/none/mcc\"\nargs = [\"serve\", \"all\"]\n";
    codex.file(".codex/config.toml", toml);
    sees(&codex, "registration in ~/.codex/config.toml", "failed", "`mine` does not exist");
    let claude = user();
    let of_project = r#"{"projects": {"/p": {"mcpServers": {"deep": {"command": "/none/mcc"}}}}}"#;
    claude.file(".claude.json", of_project);
    sees(&claude, "registration in ~/.claude.json", "failed", "`deep` does not exist");
    let code = user();
    code.file("work/.vscode/mcp.json", "{\"servers\": {} /* mcc */}");
    sees(&code, "registration in .vscode/mcp.json", "not checked", "not valid JSON or TOML");
}

/// What sources say no to is named, and the others are as they were.
#[test]
fn each_refusal_of_a_source_is_named() {
    const DENIED: &str =
        r#"{"__type": "AccessDeniedException", "message": "secretKey/That+NobodyMaySee"}"#;
    const MISSING: &str =
        r#"{"__type": "ValidationException", "message": "Could not find endpoint"}"#;
    const OTHER: &str = r#"{"__type": "ValidationException", "message": "1 validation error"}"#;
    const UNAUTHORIZED: &str =
        "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>";
    const UNKNOWN: &str =
        "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>";
    const EXPIRED: &str = "<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>";
    for (operation, status, body, name, state, says) in [
        ("ListEndpoints", 400, DENIED, "sagemaker:ListEndpoints", "warning", "denied"),
        ("ListEndpoints", 400, MISSING, "sagemaker:ListEndpoints", "ok", "allowed"),
        ("ListEndpoints", 400, OTHER, "sagemaker:ListEndpoints", "not checked", "refused"),
        (
            "DescribeEndpoint",
            400,
            DENIED,
            "sagemaker:DescribeEndpoint",
            "warning",
            "count instances in use",
        ),
        ("DescribeAddon", 403, DENIED, "eks:DescribeAddon", "warning", "denied"),
        (
            "DescribeCapacityReservations",
            403,
            UNAUTHORIZED,
            "ec2:DescribeCapacityReservations",
            "warning",
            "reserved capacity",
        ),
        ("GetProducts", 400, DENIED, "pricing:GetProducts", "warning", "denied"),
        ("ListSecrets", 400, DENIED, "secretsmanager:ListSecrets", "warning", "denied"),
        ("GetCallerIdentity", 403, UNKNOWN, "AWS account", "failed", "rejected these credentials"),
        ("GetCallerIdentity", 403, EXPIRED, "AWS account", "failed", "have expired"),
        ("whoami", 401, "{}", "Hugging Face token", "failed", "not accepted"),
        ("whoami", 503, "{}", "Hugging Face token", "not checked", "503"),
        ("reach", 503, "", "AWS prices", "failed", "503"),
    ] {
        let standin = Standin::refusing(operation, status, body);
        let (checks, _) = User::of(&standin).checks(&[]);
        holds(&checks, name, state, says);
        assert!(!of(&checks, name).to_string().contains("mcc doctor"), "{checks:#?}");
        holds(&checks, "docker", "ok", "27");
        if operation == "GetCallerIdentity" {
            holds(&checks, "AWS permissions", "not checked", "the account is not known");
        } else {
            holds(&checks, "sagemaker:ListClusters", "ok", "allowed");
        }
    }
    let standin = Standin::new();
    let nobody = User::of(&standin).without("AWS_ACCESS_KEY_ID").without("HF_TOKEN");
    let (checks, _) = nobody.checks(&[]);
    holds(&checks, "AWS account", "warning", "there are no credentials");
    holds(&checks, "Hugging Face token", "ok", "none is set");
    let kept = User::of(&standin).without("MCC_SEND_HF_TOKEN");
    holds(&kept.checks(&[]).0, "Hugging Face token", "not checked", "not sent");
    let gone = User::of(&standin)
        .with("HF_ENDPOINT", "http://127.0.0.1:9")
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let (checks, code) = gone.checks(&[]);
    for name in ["Hugging Face (127.0.0.1:9)", "AWS STS of us-west-2", "AWS account"] {
        holds(&checks, name, "failed", "could not be reached");
    }
    assert_eq!(code, 1);
}
