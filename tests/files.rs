//! Projects that hold what no generator wrote: pipes, links, devices, records that lie; and processes that write at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![cfg(unix)]

mod mcp;
#[path = "mcp/session.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with other tests")]
mod session;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use mcp::MCC;
use session::{Session, request};

/// How many rounds: what every run does, and what `MCC_TIER_FULL=1` does.
fn rounds(usual: u64, full: u64) -> u64 {
    if std::env::var("MCC_TIER_FULL").is_ok_and(|v| v == "1") { full } else { usual }
}

fn inputs() -> Value {
    json!({
        "projectName": "churn",
        "deploymentConfig": "http-flask",
        "deploymentTarget": "managed-inference",
        "framework": "sklearn",
    })
}

fn with(more: Value) -> Value {
    let mut all = inputs();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn generate(dir: &Path, extra: &[&str]) -> Command {
    let mut command = Command::new(MCC);
    command
        .args(["generate", "churn", "--deployment-config", "http-flask", "--framework", "sklearn"])
        .args(extra)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The outcome, which has to come soon.
fn soon(mut command: Command, what: &str) -> Output {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("{what}: no end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                all.insert(name, fs::read(path).unwrap_or_default());
            }
        }
    }
    all
}

/// A project in a new folder.
fn project() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let output = soon(generate(place.path(), &[]), "generate");
    assert!(output.status.success(), "{}", said(&output));
    let folder = place.path().join("churn");
    (place, folder)
}

/// Puts more files into the record, with the digest of what is there.
fn recorded(folder: &Path, paths: &[(&str, &str)]) {
    let file = folder.join(".mcc/files.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for (path, digest) in paths {
        record["sha256"][path] = json!(digest);
    }
    fs::write(file, record.to_string()).unwrap();
}

fn digest(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

const SECRET: &str = "aws_secret_access_key = 0123456789";

#[test]
fn a_record_that_lies_moves_nothing() {
    for over_mcp in [false, true] {
        let (place, folder) = project();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("credentials"), SECRET).unwrap();
        symlink(outside.path().join("credentials"), folder.join("evil")).unwrap();
        fs::create_dir_all(folder.join(".git/hooks")).unwrap();
        fs::create_dir_all(folder.join("model")).unwrap();
        symlink(outside.path(), folder.join("model/out")).unwrap();
        let own = [".git/HEAD", ".git/hooks/pre-commit", "last.py", ".env", "code/own.py"];
        for path in own {
            fs::write(folder.join(path), "mine").unwrap();
        }
        let mine = digest(&folder.join("last.py"));
        let zeros = "0".repeat(64);
        let mut lies: Vec<(&str, &str)> = own.iter().map(|path| (*path, mine.as_str())).collect();
        let secret = digest(&outside.path().join("credentials"));
        lies.extend([("evil", zeros.as_str()), ("model/out/credentials", secret.as_str())]);
        lies.extend([("../outside", zeros.as_str()), ("/etc/passwd", zeros.as_str())]);
        recorded(&folder, &lies);
        for force in [false, true] {
            let told = if over_mcp {
                let mut command = Command::new(MCC);
                command.args(["serve", "generate-project"]).current_dir(place.path());
                let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
                let how = if force { "force" } else { "update" };
                let answer = server.call(1, "generate_project", &with(json!({"onExisting": how})));
                let uri = "mcc://projects/churn/evil.orig";
                server.send(&request(2, "resources/read", json!({ "uri": uri })));
                format!("{answer}{}", server.answer(2))
            } else {
                let flags: &[&str] = if force { &["--update", "--force"] } else { &["--update"] };
                said(&soon(generate(place.path(), flags), "update"))
            };
            assert!(!told.contains(SECRET), "{told}");
            assert!(folder.join("evil").is_symlink());
            let all = contents(&folder);
            assert!(!all.keys().any(|path| path.ends_with(".orig")), "{:?}", all.keys());
            for path in own {
                assert_eq!(all[path], b"mine", "{path}");
            }
            assert_eq!(fs::read_to_string(outside.path().join("credentials")).unwrap(), SECRET);
        }
    }
}

#[test]
fn a_link_is_an_edit_and_is_kept_as_a_link() {
    let (place, folder) = project();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("credentials"), SECRET).unwrap();
    for target in [outside.path().join("credentials"), "/nowhere/at/all".into(), "/dev/zero".into()]
    {
        fs::remove_file(folder.join("do/config")).unwrap();
        symlink(&target, folder.join("do/config")).unwrap();
        let output = soon(generate(place.path(), &["--update"]), "update");
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains("edited") && said(&output).contains("do/config"));
        assert!(folder.join("do/config").is_symlink());
        let diff = said(&soon(generate(place.path(), &["--diff"]), "diff"));
        assert!(diff.contains("symbolic link") && !diff.contains(SECRET), "{diff}");
        assert!(soon(generate(place.path(), &["--update", "--force"]), "force").status.success());
        assert!(!folder.join("do/config").is_symlink());
        assert_eq!(fs::read_link(folder.join("do/config.orig")).unwrap(), target);
        fs::remove_file(folder.join("do/config.orig")).unwrap();
    }
    assert_eq!(fs::read_to_string(outside.path().join("credentials")).unwrap(), SECRET);
}

/// What can be in the place of a file, apart from a file.
fn odd(path: &Path, what: &str) {
    let _ = fs::remove_file(path);
    match what {
        "pipe" => pipe(path),
        "socket" => drop(UnixListener::bind(path).unwrap()),
        "folder" => fs::create_dir(path).unwrap(),
        device => symlink(device, path).unwrap(),
    }
}

#[test]
fn pipes_devices_and_sockets_are_answered_at_once() {
    for what in ["pipe", "socket", "folder", "/dev/zero", "/dev/tty", "/proc/self/environ"] {
        for path in ["README.md", "do/config", ".mcc/inputs.json", ".mcc/files.json"] {
            let (place, folder) = project();
            odd(&folder.join(path), what);
            let case = format!("{what} at {path}");
            let special = !what.starts_with('/');
            for extra in [&["--update"][..], &["--update", "--force"], &["--diff"]] {
                let output = soon(generate(place.path(), extra), &case);
                if special
                    && path != ".mcc/inputs.json"
                    && (path != ".mcc/files.json" || extra[0] == "--update")
                {
                    assert_eq!(
                        output.status.code(),
                        Some(3),
                        "{case} {extra:?}: {}",
                        said(&output)
                    );
                    assert!(said(&output).contains(path), "{case}: {}", said(&output));
                }
                if special {
                    assert!(folder.join(path).exists(), "{case}: it is gone");
                }
            }
            let mut check = Command::new(MCC);
            check.arg("check").arg(&folder);
            let checked = soon(check, &case);
            if special && path != ".mcc/files.json" {
                assert!(said(&checked).contains(path), "{case}: {}", said(&checked));
            }
        }
    }
}

#[test]
fn a_server_answers_after_meeting_a_pipe() {
    let (place, folder) = project();
    let mut command = Command::new(MCC);
    command.args(["serve", "generate-project"]).current_dir(place.path());
    let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
    let mut id = 0;
    for (what, path) in [
        ("pipe", "README.md"),
        ("/dev/zero", "README.md"),
        ("socket", "do/config"),
        ("pipe", "model.pkl"),
    ] {
        odd(&folder.join(path), what);
        let calls = [
            ("check_project", json!({"directory": "churn"})),
            ("generate_project", with(json!({"onExisting": "update"}))),
            ("plan_project", with(json!({"modelPath": format!("churn/{path}")}))),
            ("plan_project", with(json!({"requirementsFile": format!("churn/{path}")}))),
        ];
        for (tool, arguments) in calls {
            id += 1;
            let answer = server.call(id, tool, &arguments).to_string();
            if what != "/dev/zero" && path != "model.pkl" {
                assert!(answer.contains(path), "{what} {tool}: {answer}");
            }
        }
        id += 1;
        server.send(&request(
            id,
            "resources/read",
            json!({"uri": format!("mcc://projects/churn/{path}")}),
        ));
        assert!(server.answer(id)["error"]["message"].is_string());
        id += 1;
        server.send(&request(id, "ping", json!({})));
        assert_eq!(server.answer(id)["result"], json!({}));
    }
    server.ends();
}

#[test]
fn files_that_commands_are_given_are_bounded_and_regular() {
    let place = tempfile::tempdir().unwrap();
    pipe(&place.path().join("pipe"));
    fs::File::create(place.path().join("huge")).unwrap().set_len(1 << 40).unwrap();
    for flag in
        ["--config", "--mcp-answers", "--model-path", "--requirements-file", "--from", "--catalogs"]
    {
        for file in ["pipe", "huge", "/dev/zero", "/proc/self/environ", "/proc/kmsg"] {
            let output = soon(generate(place.path(), &[flag, file]), &format!("{flag} {file}"));
            assert!(!output.status.success(), "{flag} {file}");
            assert!(!place.path().join("churn").exists(), "{flag} {file}");
        }
    }
    let catalogs = place.path().join("catalogs");
    fs::create_dir(&catalogs).unwrap();
    for what in ["pipe", "/dev/zero"] {
        odd(&catalogs.join("models.json"), what);
        let output = soon(generate(place.path(), &["--catalogs", "catalogs"]), what);
        assert!(said(&output).contains("models.json"), "{}", said(&output));
    }
    let mut serve = Command::new(MCC);
    serve.args(["serve", "model", "--state-key", "pipe"]).current_dir(place.path());
    assert!(!soon(serve, "state key").status.success());
}

/// A model that is reached through links, as in Hugging Face's cache, is the user's to name at a terminal.
#[test]
fn at_a_terminal_a_model_may_be_a_link() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("blobs")).unwrap();
    fs::write(place.path().join("blobs/abc"), "scikit-learn==1.5.2\n").unwrap();
    symlink("blobs/abc", place.path().join("requirements.txt")).unwrap();
    let output = soon(generate(place.path(), &["--requirements-file", "requirements.txt"]), "link");
    assert!(output.status.success(), "{}", said(&output));
}

/// Runs `work` while `path` is exchanged with a link to `outside` all the time; how often it was.
fn while_exchanged(path: &Path, outside: &Path, work: impl FnOnce()) -> u64 {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let link = path.with_extension("link");
    symlink(outside, &link).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let racer = scope.spawn(|| {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                renameat_with(CWD, path, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                count += 1;
                std::thread::sleep(Duration::from_micros(20));
            }
            count
        });
        work();
        done.store(true, Ordering::Relaxed);
        racer.join().unwrap()
    })
}

#[test]
fn in_a_race_with_links_nothing_is_written_or_read_outside() {
    let place = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("config.json"), "{\"architectures\": [\"OutsideForCausalLM\"]}")
        .unwrap();
    fs::create_dir(place.path().join("a")).unwrap();
    let mut command = Command::new(MCC);
    command.args(["serve", "generate-project"]).current_dir(place.path());
    let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
    let (mut written, mut refused) = (0, 0);
    let count = rounds(60, 500);
    let exchanged = while_exchanged(&place.path().join("a"), outside.path(), || {
        for round in 0..count {
            let place = json!({"outputDirectory": format!("a/p{round}")});
            let answer = server.call(round + 1, "generate_project", &with(place));
            let error = &answer["result"]["isError"];
            if *error == json!(true) {
                refused += 1;
            } else {
                written += 1;
            }
            let model = json!({
                "projectName": "x", "deploymentConfig": "transformers-vllm", "modelName": "a/b",
                "deploymentTarget": "managed-inference", "modelConfig": "a/config.json",
            });
            let plan = server.call(count + round + 1, "plan_project", &model).to_string();
            assert!(!plan.contains("OutsideForCausalLM"), "{plan}");
        }
    });
    assert!(exchanged > count, "no race: {exchanged} exchanges in {count} rounds");
    assert!(written > 0 && refused > 0, "no race: {written} written, {refused} refused");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "written outside");
    server.ends();
}

/// The command as a user who may not do everything, as root may.
fn as_nobody(command: &Command) -> Command {
    let mut other = Command::new("setpriv");
    other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(command.get_program());
    other.args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        other.current_dir(dir);
    }
    other
}

/// A project that belongs to nobody, with a copy of the program that nobody can run; none without the right to do so.
fn nobodys() -> Option<(tempfile::TempDir, PathBuf, PathBuf)> {
    let (place, folder) = project();
    if !Command::new("chown")
        .arg("-R")
        .arg("65534:65534")
        .arg(place.path())
        .status()
        .unwrap()
        .success()
    {
        return None;
    }
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = tempfile::tempdir().unwrap().keep();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(MCC, program.join("mcc")).unwrap();
    Some((place, folder, program))
}

#[test]
fn edits_that_cannot_be_read_are_never_replaced() {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let (place, folder, program) = if root {
        nobodys().unwrap()
    } else {
        let (place, folder) = project();
        (place, folder, Path::new(MCC).parent().unwrap().to_owned())
    };
    let run = |extra: &[&str]| {
        let mut command = Command::new(program.join("mcc"));
        command.args([
            "generate",
            "churn",
            "--deployment-config",
            "http-flask",
            "--framework",
            "sklearn",
        ]);
        command.args(extra).current_dir(place.path());
        soon(if root { as_nobody(&command) } else { command }, "update")
    };
    let config = folder.join("do/config");
    fs::write(&config, "MINE=1\n").unwrap();
    for (locked, mode) in
        [(config.clone(), 0o000), (folder.join("do"), 0o600), (config.clone(), 0o200)]
    {
        let before = fs::metadata(&locked).unwrap().permissions();
        fs::set_permissions(&locked, fs::Permissions::from_mode(mode)).unwrap();
        for extra in [&["--update"][..], &["--update", "--force"], &["--diff"]] {
            let output = run(extra);
            assert_eq!(output.status.code(), Some(3), "{extra:?} {mode:o}: {}", said(&output));
            assert!(said(&output).contains("permission denied"), "{}", said(&output));
            assert!(said(&output).contains("chmod"), "{}", said(&output));
        }
        fs::set_permissions(&locked, before).unwrap();
        assert_eq!(fs::read_to_string(&config).unwrap(), "MINE=1\n");
    }
    // A folder in which nothing can be written: said so, and nothing is changed.
    let before = contents(&folder);
    fs::set_permissions(folder.join("do"), fs::Permissions::from_mode(0o555)).unwrap();
    let output = run(&["--update", "--force"]);
    fs::set_permissions(folder.join("do"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert_eq!(contents(&folder), before);
    if root {
        fs::remove_dir_all(program).unwrap();
    }
}

#[test]
fn a_full_disk_leaves_nothing_half_and_loses_no_edit() {
    let (place, folder) = project();
    let limited = |kib: u32, extra: &str| {
        let mut command = Command::new("bash");
        let line = format!(
            "ulimit -f {kib}; trap '' XFSZ; exec {MCC} generate churn --deployment-config http-flask --framework sklearn {extra}"
        );
        command.arg("-c").arg(line).current_dir(place.path());
        soon(command, "full disk")
    };
    for kib in [0, 1, 2, 4] {
        let output = limited(kib, "--project-dir new/one");
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert_eq!(contents(&place.path().join("new")).len(), 0, "something is left");
    }
    fs::write(folder.join("do/config"), "MINE=1\n").unwrap();
    let output = limited(0, "--update --force");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let kept = ["do/config", "do/config.orig"].map(|path| fs::read_to_string(folder.join(path)));
    assert!(kept.iter().flatten().any(|text| text == "MINE=1\n"), "{kept:?}");
    assert!(!contents(&folder).keys().any(|path| path.contains(".mcc-new-")));
}

#[test]
fn of_two_updates_one_is_whole() {
    let larger = ["--update", "--instance-type", "ml.c7i.2xlarge", "--region", "eu-west-1"];
    let other = ["--update", "--instance-type", "ml.m7i.4xlarge", "--region", "us-west-2"];
    let whole = [larger, other].map(|flags| {
        let (place, folder) = project();
        assert!(soon(generate(place.path(), &flags), "update").status.success());
        contents(&folder)
    });
    assert!(whole[0] != whole[1]);
    for round in 0..rounds(10, 60) {
        let (place, folder) = project();
        let first = generate(place.path(), &larger).spawn().unwrap();
        let second = generate(place.path(), &other).spawn().unwrap();
        for child in [first, second] {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", said(&output));
        }
        assert!(whole.contains(&contents(&folder)), "round {round}: a mixture");
    }
}

#[test]
fn a_held_folder_is_said_to_be_held_and_a_dead_holder_is_none() {
    let (place, folder) = project();
    let held = fs::File::open(&folder).unwrap();
    held.lock().unwrap();
    let output = soon(generate(place.path(), &["--update"]), "locked");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("another run of mcc is writing"), "{}", said(&output));
    drop(held);
    assert!(soon(generate(place.path(), &["--update"]), "free").status.success());
}

#[test]
fn a_kill_during_an_update_loses_no_edit_and_the_next_run_tidies_up() {
    let flags = ["--update", "--force", "--instance-type", "ml.c7i.2xlarge"];
    let mut stopped = 0;
    for round in 0..rounds(20, 150) {
        let (place, folder) = project();
        let edited = ["do/config", "code/settings.py", "README.md"];
        for path in edited {
            fs::write(folder.join(path), format!("mine: {path}")).unwrap();
        }
        let mut child = generate(place.path(), &flags).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(5_000 + round * 1_500 % 60_000));
        child.kill().unwrap();
        stopped += u64::from(!child.wait().unwrap().success());
        let all = contents(&folder);
        for path in edited {
            let mine = format!("mine: {path}").into_bytes();
            let kept = all.iter().any(|(name, text)| name.starts_with(path) && *text == mine);
            assert!(kept, "round {round}: {path} is lost: {:?}", all.keys());
        }
        assert!(soon(generate(place.path(), &flags), "again").status.success());
        assert!(!contents(&folder).keys().any(|path| path.contains(".mcc-new-")), "round {round}");
    }
    assert!(stopped > 0, "no run was killed in time: the test tests nothing");
}

#[test]
fn folders_of_dead_runs_are_removed_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let dead = place.path().join(".mcc-new-0123456789abcdef");
    let alive = place.path().join(".mcc-new-fedcba9876543210");
    let others =
        [".mcc-new-mine", ".mcc-backup", ".mcc-new-0123456789ABCDEF", "mcc-new-0123456789abcdef"];
    for folder in
        others.iter().map(|name| place.path().join(name)).chain([dead.clone(), alive.clone()])
    {
        fs::create_dir_all(folder.join("do")).unwrap();
        fs::write(folder.join("do/config"), "x").unwrap();
    }
    symlink(place.path().join(".mcc-backup"), place.path().join(".mcc-new-1111111111111111"))
        .unwrap();
    let held = fs::File::open(&alive).unwrap();
    held.lock().unwrap();
    assert!(soon(generate(place.path(), &[]), "generate").status.success());
    assert!(!dead.exists() && alive.join("do/config").exists());
    assert!(others.iter().all(|name| place.path().join(name).join("do/config").exists()));
    assert!(place.path().join(".mcc-new-1111111111111111").is_symlink());
}

#[test]
fn what_killed_runs_leave_goes_with_the_next() {
    let place = tempfile::tempdir().unwrap();
    let unfinished = || {
        let entries = fs::read_dir(place.path()).unwrap().flatten();
        entries.filter(|e| e.file_name().to_string_lossy().starts_with(".mcc-new-")).count()
    };
    let mut left = 0;
    for round in 0..rounds(20, 200) {
        let name = format!("p{round}");
        let mut child = generate(place.path(), &["--project-dir", &name]).spawn().unwrap();
        // In the middle of writing.
        while unfinished() == 0 && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        left += unfinished();
        let next = format!("q{round}");
        assert!(soon(generate(place.path(), &["--project-dir", &next]), "next").status.success());
        assert_eq!(unfinished(), 0);
    }
    assert!(left > 0, "nothing was left by any kill: the test tests nothing");
}

#[test]
fn what_is_outside_the_roots_is_not_told_from_what_is_nowhere() {
    let place = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("there"), "x").unwrap();
    for (link, target) in [("link-there", "there"), ("link-nowhere", "nowhere")] {
        symlink(outside.path().join(target), place.path().join(link)).unwrap();
    }
    let mut command = Command::new(MCC);
    command.args(["serve", "generate-project"]).current_dir(place.path());
    let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
    let mut id = 0;
    let mut told = |tool: &str, arguments: Value, path: &str| {
        id += 1;
        server.call(id, tool, &arguments)["result"].to_string().replace(path, "PATH")
    };
    let out = |name: &str| outside.path().join(name).to_str().unwrap().to_owned();
    for (there, nowhere) in [
        (out("there"), out("nowhere")),
        ("link-there".into(), "link-nowhere".into()),
        ("/etc/passwd".into(), "/etc/none/at/all".into()),
    ] {
        for key in ["modelPath", "requirementsFile"] {
            let one = told("plan_project", with(json!({ key: there })), &there);
            assert_eq!(one, told("plan_project", with(json!({ key: nowhere })), &nowhere), "{key}");
        }
        let one = told("check_project", json!({ "directory": there }), &there);
        assert_eq!(one, told("check_project", json!({ "directory": nowhere }), &nowhere));
        let one = told("generate_project", with(json!({ "outputDirectory": there })), &there);
        assert_eq!(
            one,
            told("generate_project", with(json!({ "outputDirectory": nowhere })), &nowhere)
        );
    }
}

#[test]
fn the_whole_disk_and_the_home_folder_are_no_default() {
    let home = tempfile::tempdir().unwrap();
    let linked = tempfile::tempdir().unwrap();
    symlink(home.path(), linked.path().join("home")).unwrap();
    let above = home.path().parent().unwrap();
    for (here, home) in [
        (Path::new("/"), home.path()),
        (home.path(), home.path()),
        (home.path(), &linked.path().join("home")),
        (above, home.path()),
    ] {
        let mut command = Command::new(MCC);
        command.args(["serve", "generate-project"]).current_dir(here).env("HOME", home);
        let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
        for (id, tool, arguments) in [
            (1, "generate_project", inputs()),
            (2, "generate_project", with(json!({"outputDirectory": "churn"}))),
            (3, "check_project", json!({"directory": "churn"})),
        ] {
            let answer = server.call(id, tool, &arguments);
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            assert!(answer.to_string().contains("--root DIR"), "{answer}");
        }
        let archive = server.call(4, "generate_project", &with(json!({"returnAs": "archive"})));
        assert_ne!(archive["result"]["isError"], true, "{archive}");
        server.ends();
        assert!(!here.join("churn").exists());
    }
    // Below the home folder is well, and a root that is named is the user's decision.
    let below = home.path().join("projects");
    fs::create_dir(&below).unwrap();
    for (here, root) in [(below.as_path(), None), (Path::new("/"), Some(home.path()))] {
        let mut command = Command::new(MCC);
        command.args(["serve", "generate-project"]).current_dir(here).env("HOME", home.path());
        command.args(root.iter().flat_map(|root| ["--root".as_ref(), root.as_os_str()]));
        let mut server = Session::run(command, tempfile::tempdir().unwrap()).greeted();
        let answer = server.call(1, "generate_project", &inputs());
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        assert!(root.unwrap_or(here).join("churn/do/config").exists());
    }
}

/// The lint is what keeps the other crates from opening files themselves, so each of them has to ask for it.
#[test]
fn every_crate_leaves_files_to_the_one_that_opens_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let gate = "#![cfg_attr(not(test), deny(clippy::disallowed_methods))]";
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members = members.iter().map(|member| member.as_str().unwrap());
    for member in
        members.filter(|member| !["files", "tests/standins"].contains(member)).chain(["."])
    {
        let file = ["src/lib.rs", "src/main.rs"].map(|file| root.join(member).join(file));
        let file = file.iter().find(|file| file.exists()).unwrap();
        assert!(fs::read_to_string(file).unwrap().contains(gate), "{}: no {gate}", file.display());
    }
    let lint = fs::read_to_string(root.join("clippy.toml")).unwrap();
    let lint: toml::Table = toml::from_str(&lint).unwrap();
    let denied: Vec<&str> = lint["disallowed-methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|method| method["path"].as_str().unwrap())
        .collect();
    for method in
        ["std::fs::read", "std::fs::write", "std::fs::File::open", "std::path::Path::canonicalize"]
    {
        assert!(denied.contains(&method), "{method}");
    }
}
