//! A project is there whole or not at all, whatever happens to the process that writes it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What every run does, and what `MCC_TIER_FULL=1` does.
fn rounds() -> u64 {
    if std::env::var("MCC_TIER_FULL").is_ok_and(|v| v == "1") { 200 } else { 30 }
}

fn generate(dir: &Path, extra: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcc"));
    command
        .args(["generate", "churn", "--deployment-config", "http-flask", "--framework", "sklearn"])
        .args(extra)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Every file below `dir` with its content.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                all.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    all
}

fn whole() -> BTreeMap<String, Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    assert!(generate(dir.path(), &[]).status().unwrap().success());
    contents(&dir.path().join("churn"))
}

#[test]
fn a_kill_at_any_moment_leaves_no_project_or_a_whole_one() {
    let whole = whole();
    let (mut none, mut complete) = (0, 0);
    let rounds = rounds();
    for round in 0..rounds {
        let dir = tempfile::tempdir().unwrap();
        let mut child = generate(dir.path(), &[]).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(round * 90_000 / rounds));
        child.kill().unwrap();
        child.wait().unwrap();
        let folder = dir.path().join("churn");
        if folder.exists() {
            assert!(contents(&folder) == whole, "round {round}: a part of a project");
            complete += 1;
        } else {
            none += 1;
        }
        // What a killed run leaves behind does not stand in the way of the next.
        if none + complete == rounds / 2 && !folder.exists() {
            assert!(generate(dir.path(), &[]).status().unwrap().success());
        }
    }
    assert!(none > 0, "no run was killed in time: the test tests nothing");
}

#[test]
fn of_two_writers_one_wins_and_the_project_is_whole() {
    let whole = whole();
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let writers: Vec<_> = (0..4).map(|_| generate(dir.path(), &[]).spawn().unwrap()).collect();
        let won = writers
            .into_iter()
            .map(|mut w| w.wait().unwrap())
            .filter(std::process::ExitStatus::success)
            .count();
        assert_eq!(won, 1, "writers that say that they wrote it");
        assert!(contents(&dir.path().join("churn")) == whole);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the losers left something");
    }
}

#[test]
fn nothing_of_the_users_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("churn");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    assert!(!generate(dir.path(), &[]).status().unwrap().success());
    assert!(!generate(dir.path(), &["--update"]).status().unwrap().success());
    assert_eq!(contents(&folder).len(), 1);
    std::fs::remove_dir_all(&folder).unwrap();

    assert!(generate(dir.path(), &[]).status().unwrap().success());
    let serve = folder.join("code/settings.py");
    std::fs::write(&serve, "edited = 1\n").unwrap();
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    let larger = ["--update", "--instance-type", "ml.c7i.2xlarge"];
    assert!(
        !generate(dir.path(), &larger).status().unwrap().success(),
        "an edited file is in the way"
    );
    assert_eq!(std::fs::read_to_string(&serve).unwrap(), "edited = 1\n");
    for kept in ["code/settings.py.orig", "code/settings.py.orig.1"] {
        assert!(
            generate(dir.path(), &[&larger[..], &["--force"]].concat()).status().unwrap().success()
        );
        assert_eq!(std::fs::read_to_string(folder.join(kept)).unwrap(), "edited = 1\n");
        std::fs::write(&serve, "edited = 1\n").unwrap();
    }
    assert_eq!(std::fs::read_to_string(folder.join("notes.txt")).unwrap(), "mine");
}

#[cfg(unix)]
#[test]
fn an_update_does_not_follow_links_out_of_the_project() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    assert!(generate(dir.path(), &[]).status().unwrap().success());
    let code = dir.path().join("churn/code");
    std::fs::remove_dir_all(&code).unwrap();
    std::os::unix::fs::symlink(&outside, &code).unwrap();
    assert!(!generate(dir.path(), &["--update", "--force"]).status().unwrap().success());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}
