//! Programs that print credentials, started by the server: what they read, and when they end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::session::{self, Session};
use crate::standin::Standin;
use crate::{LONGEST, User, leaks, mcp};

/// A program for credentials does not go on when the server is no more, however that ended.
pub fn a_credential_process_ends_with_the_server() {
    let aws = Standin::silent();
    let user = User { aws: aws.url.clone(), ..User::of(&aws) };
    let here = user.place.path();
    let script = "sleep 600 & echo $! >>ids; echo $$ >>ids; sleep 600";
    std::fs::write(here.join("keys.sh"), script).unwrap();
    let profile = "[profile program]\ncredential_process = sh keys.sh\n";
    std::fs::write(here.join("config"), profile).unwrap();
    let mut command = user.command(&["serve", "all"]);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env_remove("AWS_SESSION_TOKEN")
        .env("AWS_CONFIG_FILE", here.join("config"))
        .env("AWS_PROFILE", "program")
        .env("PATH", "/usr/bin:/bin");
    let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
    let arguments = json!({"region": "us-west-2"});
    let asked = json!({"name": "describe_hyperpod", "arguments": arguments});
    server.send(&session::request(1, "tools/call", asked));
    let ids = || {
        let text = std::fs::read_to_string(here.join("ids")).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let since = Instant::now();
    while ids().len() < 2 {
        assert!(since.elapsed() < LONGEST, "the program was not started");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Dropping it kills it.
    drop(server);
    let alive = |id: &String| {
        let state = Command::new("ps").args(["-o", "stat=", "-p", id]).output().unwrap().stdout;
        !matches!(state.first(), None | Some(b'Z'))
    };
    let since = Instant::now();
    while ids().iter().any(alive) {
        assert!(since.elapsed() < Duration::from_secs(10), "the program goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A program for credentials is started without stdin: what a client says is not for it, on a pipe or on a socket.
pub fn a_credential_process_reads_nothing_of_what_the_client_says() {
    let aws = Standin::silent();
    let user = User { aws: aws.url.clone(), ..User::of(&aws) };
    let here = user.place.path();
    let keys = json!({"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": leaks::AWS_SECRET_KEY});
    std::fs::write(here.join("keys.json"), keys.to_string()).unwrap();
    let script = "cat >>stolen; echo ran >>ran; cat keys.json";
    std::fs::write(here.join("keys.sh"), script).unwrap();
    let profile = "[profile program]\ncredential_process = sh keys.sh\n";
    std::fs::write(here.join("config"), profile).unwrap();
    let serving = || {
        let mut command = user.command(&["serve", "all"]);
        command
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .env_remove("AWS_SESSION_TOKEN")
            .env("AWS_CONFIG_FILE", here.join("config"))
            .env("AWS_PROFILE", "program")
            .env("PATH", "/usr/bin:/bin");
        command
    };
    let call = |id| {
        let arguments = json!({"region": "us-west-2"});
        session::request(
            id,
            "tools/call",
            json!({"name": "describe_hyperpod", "arguments": arguments}),
        )
    };
    let ran = || std::fs::read_to_string(here.join("ran")).unwrap_or_default().lines().count();

    let mut server = Session::run(serving(), tempfile::tempdir().unwrap()).greeted();
    server.send(&call(1));
    let since = Instant::now();
    while ran() < 1 {
        assert!(since.elapsed() < LONGEST, "the program waits for stdin");
        std::thread::sleep(Duration::from_millis(10));
    }
    server.send(&session::request(2, "ping", json!({})));
    assert!(server.answer(2)["result"].is_object());
    server.ends();

    // Of a socket there is no second opening.
    let before = ran();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let stdin: std::os::fd::OwnedFd = theirs.try_clone().unwrap().into();
    let stdout: std::os::fd::OwnedFd = theirs.into();
    let mut command = serving();
    let child = command.stdin(stdin).stdout(stdout).stderr(Stdio::null()).spawn();
    drop(command);
    let mut child = child.unwrap();
    ours.set_read_timeout(Some(LONGEST)).unwrap();
    let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"}});
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    for line in [session::request(0, "initialize", hello), ready, call(1)] {
        writeln!(ours, "{line}").unwrap();
    }
    let since = Instant::now();
    while ran() == before {
        assert!(since.elapsed() < LONGEST, "the program waits for stdin");
        std::thread::sleep(Duration::from_millis(10));
    }
    writeln!(ours, "{}", session::request(2, "ping", json!({}))).unwrap();
    let mut lines = BufReader::new(&ours).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("\"id\":2,")), "no answer to the ping");
    ours.shutdown(std::net::Shutdown::Both).unwrap();
    mcp::ends_within(&mut child, session::SOON);

    assert_eq!(std::fs::read_to_string(here.join("stolen")).unwrap(), "");
    std::fs::remove_file(here.join("keys.json")).unwrap();
    user.keeps_secrets(&[]);
}
