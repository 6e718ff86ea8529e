//! Static mode uses no network: the program runs where the system ends whoever makes a socket.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod leaks;
mod mcp;
#[path = "mcp/session.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with other tests")]
mod session;

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use serde_json::json;

use mcp::MCC;
use session::{Session, request};

/// Calls of the system that reach out of the machine, or of the process by a socket's name. `io_uring` could do the same
/// unseen. A pair of sockets without names, with which a runtime wakes itself, is none.
const SOCKETS: [libc::c_long; 6] = [
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
];

/// Does `work` on a thread from which no socket can be made, by whatever is started there either.
fn without_sockets<T: Send>(action: SeccompAction, work: impl FnOnce() -> T + Send) -> T {
    let rules = SOCKETS.iter().map(|call| (*call, Vec::new())).collect();
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    std::thread::scope(|scope| {
        let working = scope.spawn(|| {
            apply_filter(&program).unwrap();
            work()
        });
        working.join().unwrap()
    })
}

/// `mcc` with these arguments in `dir`, and nothing of this process's environment.
fn mcc(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(MCC);
    command
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        // Without it the system is asked, over a socket where it caches names.
        .env("HOME", "/none")
        .env("HTTPS_PROXY", format!("http://user:{}@127.0.0.1:9", leaks::PROXY_PASSWORD))
        .env("AWS_PROFILE", "none")
        .envs(leaks::VARIABLES)
        .stdin(Stdio::null());
    command
}

fn output(dir: &Path, arguments: &[&str]) -> Output {
    let output = mcc(dir, arguments).output().unwrap();
    leaks::kept(&leaks::ALL, &[&output.stdout, &output.stderr], Some(dir));
    output
}

fn killed(output: &Output) -> bool {
    output.status.signal() == Some(libc::SIGSYS)
}

const CHAT: [&str; 8] = [
    "generate",
    "chat",
    "--model-name",
    "Qwen/Qwen3-8B",
    "--region",
    "us-west-2",
    "--hf-token-arn",
    "arn:aws:secretsmanager:us-west-2:123456789012:secret:hub-AbCdEf",
];

#[test]
fn commands_in_static_mode_open_no_socket() {
    let place = tempfile::tempdir().unwrap();
    let generated = [&CHAT[..], &["--mode", "static"]].concat();
    let offline = [&CHAT[..], &["--offline", "--dry-run"]].concat();
    let commands: [&[&str]; 9] = [
        &CHAT,
        &["check", "chat"],
        &["check", "chat", "--offline", "--format", "json"],
        &["list"],
        &["inputs"],
        &["explain", "MCC-GPU-001"],
        &["doctor", "--offline"],
        &offline,
        &generated,
    ];
    for arguments in commands {
        if arguments == generated {
            std::fs::remove_dir_all(place.path().join("chat")).unwrap();
        }
        let ran = without_sockets(SeccompAction::KillProcess, || output(place.path(), arguments));
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(0), "{arguments:?}: {:?} {said}", ran.status);
    }
    // No cache, no settings: nothing was made for look-ups.
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_server_on_stdio_in_static_mode_opens_no_socket() {
    without_sockets(SeccompAction::KillProcess, || {
        let place = tempfile::tempdir().unwrap();
        let command = mcc(place.path(), &["serve", "all"]);
        let mut server = Session::run(command, place).greeted();
        let run = json!({"modelName": "Qwen/Qwen3-8B", "region": "us-west-2"});
        let calls = [
            ("search_models", json!({"query": "qwen3 8b"})),
            ("describe_model", json!({"modelName": "Qwen/Qwen3-8B"})),
            ("recommend_instance", run.clone()),
            ("recommend_region", json!({"near": "Paris"})),
            ("search_images", json!({"family": "vllm"})),
            ("describe_hyperpod", json!({"region": "us-west-2"})),
            ("plan_project", run.clone()),
            ("generate_project", run),
        ];
        for (id, (tool, arguments)) in (1..).zip(calls) {
            let answer = server.call(id, tool, &arguments);
            let result = &answer["result"];
            assert_eq!(result["isError"], false, "{tool}: {answer}");
            assert_ne!(result["structuredContent"]["mode"], "smart", "{tool}: {answer}");
            assert!(result["structuredContent"].get("live").is_none(), "{tool}: {answer}");
        }
        server.send(&request(50, "tools/list", json!({})));
        let listed = server.answer(50);
        for tool in listed["result"]["tools"].as_array().unwrap() {
            assert_eq!(tool["annotations"]["openWorldHint"], false, "{}", tool["name"]);
        }
        server.ends();
    });
}

#[test]
fn a_socket_is_seen() {
    let place = tempfile::tempdir().unwrap();
    let http = ["serve", "all", "--http", "127.0.0.1:0"];
    let ran = without_sockets(SeccompAction::KillProcess, || output(place.path(), &http));
    assert!(killed(&ran), "{ran:?}");
}

/// The same filter over smart mode: it does make sockets, and where it cannot, the catalogs answer and say so.
#[cfg(feature = "live")]
#[test]
fn smart_mode_is_what_makes_sockets_and_answers_without_them() {
    let place = tempfile::tempdir().unwrap();
    let run = |action| {
        let arguments = [&CHAT[..], &["--dry-run", "--mode", "smart"]].concat();
        let mut command = mcc(place.path(), &arguments);
        command
            .env("HF_ENDPOINT", "http://127.0.0.1:9")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
            .env("MCC_CACHE_DIR", place.path().join("cache"));
        without_sockets(action, || command.output().unwrap())
    };
    let ended = run(SeccompAction::KillProcess);
    assert!(killed(&ended), "{ended:?}");
    let refused = run(SeccompAction::Errno(libc::EPERM.unsigned_abs()));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(0), "{:?} {said}", refused.status);
    assert!(said.contains("note: Hugging Face"), "{said}");
    assert!(said.contains("could not be reached"), "{said}");
    leaks::kept(&leaks::ALL, &[&refused.stdout, &refused.stderr], Some(place.path()));
}
