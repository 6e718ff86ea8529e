//! Projects that several write at once, that others change meanwhile, and runs that end in the middle: a kill, a full disk, no
//! permission.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![cfg(unix)]

mod mcp;
mod projects;
#[path = "mcp/session.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with other tests")]
mod session;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use projects::*;
use session::Session;

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
