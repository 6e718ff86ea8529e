//! What is beneath a folder, by somebody who wants more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mcc_files::{Folder, Kind, Reason, Roots};
use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};

const MAX: u64 = 1024;

fn folder() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(&place.path().canonicalize().unwrap()).unwrap();
    (place, folder)
}

#[test]
fn only_regular_files_are_read_and_only_what_is_not_there_is_missing() {
    let (place, folder) = folder();
    let at = |name: &str| place.path().join(name);
    fs::create_dir_all(at("d")).unwrap();
    fs::write(at("f"), "text").unwrap();
    fs::write(at("large"), vec![b'x'; 1025]).unwrap();
    fs::write(at("fits"), vec![b'x'; 1024]).unwrap();
    fs::File::create(at("sparse")).unwrap().set_len(1 << 40).unwrap();
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    drop(std::os::unix::net::UnixListener::bind(at("socket")).unwrap());
    symlink("f", at("link")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    symlink("d", at("linked")).unwrap();
    fs::write(at("d/x"), "inner").unwrap();

    let since = Instant::now();
    let reason = |path: &str| folder.read(path, MAX).unwrap_err().reason;
    assert_eq!(folder.read("f", MAX).unwrap(), b"text");
    assert_eq!(folder.read("d/x", MAX).unwrap(), b"inner");
    assert_eq!(folder.read("fits", MAX).unwrap().len(), 1024);
    for path in ["none", "none/deeper", "d/none"] {
        assert!(folder.read(path, MAX).unwrap_err().is_missing(), "{path}");
    }
    for path in ["link", "dangling", "loop", "linked/x", "linked"] {
        assert!(matches!(reason(path), Reason::Link), "{path}");
    }
    for path in ["pipe", "socket", "d"] {
        assert!(matches!(reason(path), Reason::Special(_)), "{path}");
    }
    for path in ["large", "sparse"] {
        assert!(matches!(reason(path), Reason::TooLarge(MAX)), "{path}");
    }
    for path in ["", "..", "../x", "/etc/passwd", "d/../f"] {
        assert!(matches!(reason(path), Reason::Outside), "{path}");
    }
    for path in ["f/x", "pipe/x", "socket/x"] {
        assert!(matches!(reason(path), Reason::NotAFolder), "{path}");
    }
    assert_eq!(folder.kind("link").unwrap(), Kind::Link);
    assert!(Folder::open(&at("pipe")).is_err() && Folder::open(&at("f")).is_err());

    // A path that a person names may be a link, and still is no pipe or device.
    assert_eq!(mcc_files::read(&at("link"), MAX).unwrap(), b"text");
    assert_eq!(mcc_files::read(&at("linked/x"), MAX).unwrap(), b"inner");
    assert_eq!(mcc_files::open(&at("sparse")).unwrap().1, 1 << 40);
    assert!(mcc_files::read(&at("dangling"), MAX).unwrap_err().is_missing());
    for path in [at("pipe"), at("socket"), "/dev/zero".into(), "/dev/tty".into(), at("d")] {
        let error = mcc_files::open(&path).unwrap_err();
        assert!(matches!(error.reason, Reason::Special(_)), "{error}");
    }
    if Path::new("/proc/self/environ").exists() {
        let error = mcc_files::read(Path::new("/proc/self/environ"), MAX).unwrap_err();
        assert!(matches!(error.reason, Reason::Special(_)), "{error}");
    }
    assert!(since.elapsed() < Duration::from_secs(5), "something was waited for");
}

#[test]
fn messages_name_the_file_and_what_to_do_without_obeying_it() {
    let (place, folder) = folder();
    let error = folder.read("a\u{1b}[2Jb\nc\u{202e}d", MAX).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains(['\u{1b}', '\n', '\u{202e}']), "{text:?}");
    assert!(text.contains("it does not exist") && !error.fix().is_empty());
    assert!(text.contains(place.path().file_name().unwrap().to_str().unwrap()));
}

#[test]
fn roots_follow_links_inside_and_tell_nothing_of_what_is_outside() {
    let (place, _) = folder();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "x").unwrap();
    let root = place.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("real/deep")).unwrap();
    fs::write(root.join("real/deep/f"), "inside").unwrap();
    symlink(root.join("real"), root.join("absolute")).unwrap();
    symlink("real/deep", root.join("relative")).unwrap();
    symlink(outside.path().join("secret"), root.join("out")).unwrap();
    symlink(outside.path().join("none"), root.join("out-none")).unwrap();
    symlink(outside.path(), root.join("out-folder")).unwrap();
    let roots = Roots::open(std::slice::from_ref(&root)).unwrap();
    for path in ["real/deep/f", "absolute/deep/f", "relative/f"] {
        let (file, length) = roots.place(Path::new(path)).unwrap().open().unwrap();
        assert_eq!(mcc_files::content(Path::new(path), file, length, MAX).unwrap(), b"inside");
    }
    let absolute = root.join("real/deep/f");
    assert_eq!(roots.place(&absolute).unwrap().inside(), Path::new("real/deep/f"));
    assert!(roots.place(Path::new("real/new/p")).unwrap().folder().unwrap_err().is_missing());
    let secret = outside.path().join("secret");
    let none = outside.path().join("none");
    for path in [
        "out",
        "out-none",
        "out-folder/secret",
        "out-folder/none",
        "out/x",
        "..",
        "/etc/passwd",
        "/etc/none",
    ] {
        let error = roots.place(Path::new(path)).unwrap_err();
        assert!(matches!(error.reason, Reason::Outside), "{path}: {error}");
    }
    for path in [secret.join("x"), secret, none] {
        assert!(matches!(roots.place(&path).unwrap_err().reason, Reason::Outside));
    }
    assert!(matches!(Roots::default().place(Path::new("x")).unwrap_err().reason, Reason::Outside));
}

/// Runs `work` while the folder at `path` is exchanged with a link to `outside`.
fn while_exchanged(path: PathBuf, outside: &Path, work: impl FnOnce()) {
    let link = path.with_extension("link");
    symlink(outside, &link).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                renameat_with(CWD, &path, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                std::thread::yield_now();
            }
        });
        work();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn no_race_leads_out() {
    let (place, _) = folder();
    let root = place.path().canonicalize().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("f"), "outside").unwrap();
    fs::create_dir(root.join("a")).unwrap();
    fs::write(root.join("a/f"), "inside").unwrap();
    let roots = Roots::open(std::slice::from_ref(&root)).unwrap();
    let folder = &roots.folders()[0];
    let (mut read, mut refused, mut written) = (0, 0, 0);
    while_exchanged(root.join("a"), outside.path(), || {
        for round in 0..2000 {
            let found = roots.place(Path::new("a/f")).and_then(|place| place.open());
            match found.and_then(|(file, length)| mcc_files::content(&root, file, length, MAX)) {
                Ok(bytes) => {
                    assert_eq!(bytes, b"inside");
                    read += 1;
                }
                Err(_) => refused += 1,
            }
            if folder.replace(Path::new("a/new"), b"x", false).is_ok() {
                written += 1;
            }
            let name = format!("p{round}");
            let _ = folder.make_folder("a").and_then(|parent| {
                let staging = parent.staging()?;
                staging.write(Path::new("do/config"), b"x", true)?;
                staging.publish(Path::new(&name))
            });
            let _ = folder.remove(Path::new("a/new"));
            let _ = folder.keep_aside("a/f", ".orig").map(|kept| folder.remove(Path::new(&kept)));
        }
    });
    assert!(read > 0 && refused > 0 && written > 0, "no race: {read} {refused} {written}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1, "written outside");
    assert_eq!(fs::read_to_string(outside.path().join("f")).unwrap(), "outside");
}

#[test]
fn what_is_kept_aside_is_never_written_over() {
    let (place, folder) = folder();
    fs::create_dir(place.path().join("d")).unwrap();
    let file = place.path().join("d/f");
    for (text, kept) in [("1", "d/f.orig"), ("2", "d/f.orig.1"), ("3", "d/f.orig.2")] {
        fs::write(&file, text).unwrap();
        assert_eq!(folder.keep_aside("d/f", ".orig").unwrap(), kept);
        folder.replace(Path::new("d/f"), b"new", false).unwrap();
        assert_eq!(fs::read_to_string(place.path().join(kept)).unwrap(), text);
    }
    symlink("/etc/passwd", place.path().join("l")).unwrap();
    assert_eq!(folder.keep_aside("l", ".orig").unwrap(), "l.orig");
    assert!(place.path().join("l.orig").is_symlink());
    folder.remove(Path::new("l")).unwrap();
    assert!(Path::new("/etc/passwd").exists() && !place.path().join("l").is_symlink());
}

#[test]
fn a_lock_is_held_by_one_and_waited_for_no_longer_than_said() {
    let (place, folder) = folder();
    let held = folder.lock(Duration::ZERO).unwrap();
    let other = Folder::open(place.path()).unwrap();
    let since = Instant::now();
    let error = other.lock(Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error.reason, Reason::Locked) && since.elapsed() < Duration::from_secs(5));
    assert!(since.elapsed() >= Duration::from_millis(200));
    drop(held);
    other.lock(Duration::ZERO).unwrap();
}

#[test]
fn writers_that_start_and_end_at_once_never_lose_a_project() {
    let (place, _) = folder();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let root = place.path();
            scope.spawn(move || {
                let folder = Folder::open(root).unwrap();
                for round in 0..100 {
                    let staging = folder.staging().unwrap();
                    staging.write(Path::new("do/config"), b"x", true).unwrap();
                    assert!(staging.publish(Path::new(&format!("p{writer}-{round}"))).unwrap());
                }
            });
        }
    });
    let all: Vec<_> = fs::read_dir(place.path()).unwrap().flatten().collect();
    assert_eq!(all.len(), 400);
    assert!(all.iter().all(|entry| entry.path().join("do/config").exists()));
}

/// `--config <(command)` names a pipe, whose content comes once and is bounded in size and time.
#[cfg(unix)]
#[test]
fn a_pipe_that_is_named_is_read_and_given_up_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = |name: &str| {
        let path = folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    };
    let (short, silent) = (pipe("short"), pipe("silent"));
    let to = short.clone();
    let writer = std::thread::spawn(move || std::fs::write(to, "{}").unwrap());
    assert_eq!(mcc_files::read_text_or_drain(&short, 10).unwrap(), "{}");
    writer.join().unwrap();
    assert_eq!(mcc_files::read_text_or_drain(&short, 10).unwrap(), "{}");
    assert!(mcc_files::read_or_drain(&short, 1).is_err());
    let error = mcc_files::read_or_drain(&silent, 10).unwrap_err();
    assert!(error.to_string().contains("not complete after"), "{error}");
    assert!(mcc_files::read(&silent, 10).is_err());
}
