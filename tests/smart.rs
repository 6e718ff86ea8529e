//! Smart mode through the program, against sources on this machine: what no catalog knows is planned, nothing is asked
//! twice, and where nobody answers the catalogs do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

#[path = "smart/bedrock.rs"]
mod bedrock;
mod leaks;
mod mcp;
mod needs;
#[path = "smart/opinions.rs"]
mod opinions;
#[cfg(unix)]
#[path = "smart/programs.rs"]
mod programs;
#[path = "mcp/session.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod session;
#[path = "smart/hub.rs"]
mod standin;

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use mcp::{HttpServer, MCC};
use session::Session;
use standin::{MODEL, PARAMETERS, Standin};

needs::tests! {
    a_planted_leak_is_found,
    a_model_that_no_catalog_has_is_planned_with_its_size,
    a_server_answers_from_what_it_found_and_asks_once,
    programs::a_credential_process_ends_with_the_server,
    programs::a_credential_process_reads_nothing_of_what_the_client_says,
    where_nobody_answers_the_catalogs_do_and_say_so,
    the_same_over_http,
    an_interrupt_ends_a_look_up_at_once,
    the_next_run_asks_nobody_again_until_the_cache_is_cleared,
    what_one_hub_said_is_not_known_of_another,
    a_cache_that_cannot_be_used_stops_no_answer,
    opinions::whatever_a_model_says_the_plan_stays_at_a_terminal,
    opinions::whatever_a_model_says_the_plan_stays_over_mcp,
    opinions::a_model_that_is_slow_is_a_note,
    opinions::processes_share_the_ceiling_and_never_pass_it,
    opinions::nobody_is_asked_unless_somebody_says_so,
}

/// An address where nobody listens: port 9 discards, and needs rights to be taken.
const NOBODY: &str = "http://127.0.0.1:9";
/// How long an answer may take where no source answers.
const LONGEST: Duration = Duration::from_secs(10);

/// A user with a home folder, a hub and AWS.
struct User {
    place: tempfile::TempDir,
    hub: String,
    aws: String,
}

impl User {
    fn of(hub: &Standin) -> Self {
        Self { place: tempfile::tempdir().unwrap(), hub: hub.url.clone(), aws: NOBODY.to_owned() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.started_by(Command::new(MCC), arguments)
    }

    /// The same, where `command` starts the program.
    fn started_by(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .current_dir(self.place.path())
            .env_clear()
            .env("HOME", self.place.path())
            .env("MCC_CACHE_DIR", self.place.path().join("cache"))
            .env("MCC_MODE", "smart")
            .env("HF_ENDPOINT", &self.hub)
            .env("AWS_ENDPOINT_URL", &self.aws)
            // Whoever is not on this machine is not reached.
            .env("HTTPS_PROXY", format!("http://user:{}@127.0.0.1:9", leaks::PROXY_PASSWORD))
            .env("NO_PROXY", "127.0.0.1")
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .envs(leaks::VARIABLES)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.ran(&mut self.command(arguments))
    }

    fn ran(&self, command: &mut Command) -> Output {
        let output = command.output().unwrap();
        self.keeps_secrets(&[&output.stdout, &output.stderr]);
        output
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--format", "json"]].concat();
        let output = self.run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// No secret is in what was said, nor in any file: the cache, a project.
    fn keeps_secrets(&self, said: &[&[u8]]) {
        leaks::kept(&leaks::ALL, said, Some(self.place.path()));
    }
}

fn a_planted_leak_is_found() {
    leaks::a_planted_leak_is_found();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn a_model_that_no_catalog_has_is_planned_with_its_size() {
    let hub = Standin::hub();
    let user = User::of(&hub);
    let plan = ["generate", "chat", "--model-name", MODEL, "--dry-run"];
    let fixed = user.json(&[&plan[..], &["--offline"]].concat());
    assert_eq!(hub.count(), 0, "{fixed:#}");
    assert!(fixed.get("live").is_none(), "{fixed:#}");

    let smart = user.json(&plan);
    assert_eq!(smart["status"], "planned", "{smart:#}");
    let told = smart["live"].to_string();
    assert!(told.contains("Hugging Face"), "{told}");
    #[expect(clippy::cast_precision_loss, reason = "one decimal is told")]
    let gib = format!("{:.1}", PARAMETERS as f64 * 2.0 / f64::from(1 << 30));
    assert!(smart["plan"].to_string().contains(&gib), "{gib} GiB: {smart:#}");

    let output = user.run(&["generate", "chat", "--model-name", MODEL]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("\n  live        ") && said.contains("Hugging Face"), "{said}");
    let model = said.lines().find(|line| line.starts_with("  model ")).unwrap();
    assert!(model.contains("; live: Hugging Face") && model.ends_with(" s ago"), "{model}");
    assert!(user.place.path().join("chat/do/deploy").is_file());
    // The token goes to the hub that it is for, and to no other.
    let heads = hub.heads.lock().unwrap().join("\n");
    assert!(hub.heads.lock().unwrap().len() <= 8, "{heads}");
    assert!(!heads.contains("hf_"), "{heads}");
}

fn a_server_answers_from_what_it_found_and_asks_once() {
    let hub = Standin::hub();
    let user = User::of(&hub);
    let arguments = json!({"modelName": MODEL});
    let place = tempfile::tempdir().unwrap();
    let mut server = Session::run(user.command(&["serve", "all"]), place).greeted();
    let first = server.call(1, "describe_model", &arguments);
    let result = &first["result"]["structuredContent"];
    assert_eq!(result["mode"], "smart", "{first:#}");
    assert!(result["live"]["sources"][0]["source"].as_str().unwrap().contains("Hugging Face"));
    assert!(first["result"]["content"][0]["text"].as_str().unwrap().contains("\nLive: "));
    let asked = hub.count();
    assert!((1..=4).contains(&asked), "{asked}");
    let second = server.call(2, "describe_model", &arguments);
    assert_eq!(second["result"]["structuredContent"]["mode"], "smart");
    assert_eq!(hub.count(), asked, "it is known already");
    let all = [first, second].map(|answer| answer.to_string());
    user.keeps_secrets(&[all[0].as_bytes(), all[1].as_bytes()]);
    server.ends();
}

/// Each of these servers is as good as none, and the answers are those of the catalogs, with a note, in time.
fn where_nobody_answers_the_catalogs_do_and_say_so() {
    let silent = Standin::silent();
    let nobody = Standin { url: NOBODY.to_owned(), heads: std::sync::Arc::default() };
    let plan = ["generate", "chat", "--model-name", "Qwen/Qwen3-8B", "--region", "us-west-2"];
    let plan = [&plan[..], &["--dry-run"]].concat();
    for source in [&silent, &nobody] {
        let user = User { aws: source.url.clone(), ..User::of(source) };
        let fixed = user.json(&[&plan[..], &["--offline"]].concat());
        let since = Instant::now();
        let mut smart = user.json(&plan);
        assert!(since.elapsed() < LONGEST, "{:?}", since.elapsed());
        let live = smart.as_object_mut().unwrap().shift_remove("live").unwrap();
        assert_eq!(smart, fixed);
        let notes = live["notes"].as_array().unwrap();
        assert!(notes.iter().any(|note| note.to_string().contains("Hugging Face")), "{live:#}");
        assert!(notes.len() <= 8, "{live:#}");

        // A model that only the hub could know is not known, and the answer says who was not there.
        let since = Instant::now();
        let unknown = user.run(&["generate", "chat", "--model-name", MODEL, "--dry-run"]);
        assert!(since.elapsed() < LONGEST, "{:?}", since.elapsed());
        let said = text(&unknown.stderr);
        assert!(said.contains("note: Hugging Face"), "{said}");
    }
}

fn the_same_over_http() {
    let hub = Standin::hub();
    let user = User::of(&hub);
    let mut command = user.command(&["serve", "model", "--http", "127.0.0.1:0"]);
    let server = HttpServer::spawned(&mut command);
    // The path that needs nothing of a session, and the one of other clients.
    for revision in ["2025-11-25", "2026-07-28"] {
        let about = json!({
            "io.modelcontextprotocol/protocolVersion": revision,
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut params = json!({"name": "describe_model", "arguments": {"modelName": MODEL}});
        if revision > "2026" {
            params["_meta"] = about;
        }
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let answer = posted(server.address(), revision, &call.to_string());
        let result = &answer["result"];
        assert_eq!(result["structuredContent"]["mode"], "smart", "{answer:#}");
        let live = &result["structuredContent"]["live"];
        assert!(live["sources"][0]["ageSeconds"].is_u64(), "{answer:#}");
        assert!(result["content"][0]["text"].as_str().unwrap().contains("\nLive: "));
        user.keeps_secrets(&[answer.to_string().as_bytes()]);
    }
    assert!(hub.count() <= 4, "it is asked once");
    user.keeps_secrets(&[]);
}

/// The answer to a message that is posted to a server.
fn posted(address: &str, revision: &str, body: &str) -> Value {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {revision}\r\n\
         Mcp-Method: tools/call\r\nMcp-Name: describe_model\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// Whoever is tired of waiting ends it, and nothing is left half written.
fn an_interrupt_ends_a_look_up_at_once() {
    if !cfg!(target_os = "linux") {
        needs::missing("GNU's env");
    }
    let silent = Standin::silent();
    let user = User::of(&silent);
    // What a shell starts in the background ignores interrupts, and so does all that it starts.
    let mut heeding = Command::new("/usr/bin/env");
    heeding.args(["--default-signal=INT", MCC]);
    let mut child = user
        .started_by(heeding, &["generate", "chat", "--model-name", MODEL])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while silent.count() == 0 {
        assert!(since.elapsed() < LONGEST, "nothing is asked");
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    // Whoever waits to the end of the look-up answers without it, and says so by another status.
    let ended = mcp::ends_within(&mut child, 6 * LONGEST);
    let signal = std::os::unix::process::ExitStatusExt::signal(&ended);
    assert!(signal == Some(2) || ended.code() == Some(130), "{ended}");
    assert!(!user.place.path().join("chat").exists());
    user.keeps_secrets(&[]);
}

/// What one process looked up, the next one knows: from files that nobody else reads, and without a secret.
fn the_next_run_asks_nobody_again_until_the_cache_is_cleared() {
    let hub = Standin::hub();
    let user = User::of(&hub);
    let cache = user.place.path().join("cache");
    let shown = |arguments: &[&str]| user.json(&[&["cache"], arguments].concat());
    assert_eq!(shown(&[])["entries"], 0);
    assert!(!cache.exists(), "whoever looks makes nothing");

    let plan = ["generate", "chat", "--model-name", MODEL, "--dry-run"];
    let mut first = user.json(&plan);
    let asked = hub.count();
    assert!(asked > 0, "{first:#}");
    let mut second = user.json(&plan);
    assert_eq!(hub.count(), asked, "it is known already");
    // How long ago the hub said it is all that differs.
    for plan in [&mut first, &mut second] {
        let decisions = plan["plan"]["decisions"].as_object_mut().unwrap();
        let live = decisions.shift_remove("live").unwrap();
        assert!(live[0]["source"].as_str().unwrap().starts_with("Hugging Face"), "{live:#}");
        assert!(live[0]["value"] == "model" && live[0]["ageSeconds"].is_u64(), "{live:#}");
    }
    assert_eq!(second["plan"], first["plan"]);
    assert!(second["live"].to_string().contains("Hugging Face"), "{second:#}");

    let kept = shown(&["show"]);
    assert_eq!(kept["folder"], cache.display().to_string());
    assert_eq!(kept["trouble"], Value::Null, "{kept:#}");
    assert!(kept["entries"].as_u64().unwrap() > 0 && kept["bytes"].as_u64().unwrap() > 0);
    assert!(kept["oldestSeconds"].as_u64().unwrap() < 60, "{kept:#}");
    assert!(kept["sources"].to_string().contains("Hugging Face"), "{kept:#}");
    let said = text(&user.run(&["cache"]).stdout);
    assert!(said.contains("Hugging Face") && said.contains(&cache.display().to_string()), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for entry in std::fs::read_dir(&cache).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
        }
    }

    // Only what is the cache's own goes.
    std::fs::write(cache.join("notes.txt"), "mine").unwrap();
    let cleared = shown(&["clear"]);
    assert_eq!((&cleared["removed"], &cleared["left"]), (&kept["entries"], &json!(0)));
    assert_eq!(shown(&[])["entries"], 0);
    assert!(cache.join("notes.txt").is_file());
    let _third = user.json(&plan);
    assert!(hub.count() > asked, "it is asked again");

    // Of a folder that is not used nothing is counted.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(&cache, open).unwrap();
        for arguments in [&["cache", "show"][..], &["cache", "clear"]] {
            let ran = user.run(arguments);
            let (said, told) = (text(&ran.stdout), text(&ran.stderr));
            assert!(told.contains("cannot be used as a cache"), "{said}{told}");
            assert!(!said.contains("Answers:") && !said.contains("Removed"), "{said}");
        }
    }
}

/// Who is asked through another hub, or with another token, is not answered with what this one saw.
fn what_one_hub_said_is_not_known_of_another() {
    let (hub, other) = (Standin::hub(), Standin::hub());
    let user = User::of(&hub);
    let plan = ["generate", "chat", "--model-name", MODEL, "--dry-run"];
    let _first = user.json(&plan);
    let asked = hub.count();
    let moved = user.ran(user.command(&plan).env("HF_ENDPOINT", &other.url));
    assert_eq!(moved.status.code(), Some(0), "{}", text(&moved.stderr));
    assert_eq!(hub.count(), asked);
    assert!(other.count() > 0);
}

/// A cache that cannot be is a note of an answer, and an error of the command about it.
fn a_cache_that_cannot_be_used_stops_no_answer() {
    let hub = Standin::hub();
    let user = User::of(&hub);
    std::fs::write(user.place.path().join("cache"), "a file").unwrap();
    let plan = ["generate", "chat", "--model-name", MODEL, "--dry-run"];
    let output = user.run(&plan);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("cannot be used as a cache"), "{}", text(&output.stderr));
    let output = user.run(&["cache"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("cannot be used as a cache"));
}
