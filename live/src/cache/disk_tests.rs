use std::fs::{File, FileTimes};

use super::*;

fn file(dir: &Path, name: &str, bytes: u64, age: Duration) {
    let file = File::create(dir.join(name)).unwrap();
    file.set_len(bytes).unwrap();
    let at = SystemTime::now() - age;
    file.set_times(FileTimes::new().set_modified(at)).unwrap();
}

fn count(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

#[test]
fn names_are_hashes_whatever_keys_are() {
    for key in ["", "../../etc/passwd", &"x".repeat(100_000), "a\0b"] {
        assert!(is_entry(&name(key)), "{key}");
    }
    assert_ne!(name("a"), name("b"));
    for other in [
        "x.json",
        "mine.txt",
        &format!("{}.txt", "0".repeat(64)),
        &format!("{}.json", "A".repeat(64)),
    ] {
        assert!(!is_entry(other), "{other}");
    }
}

#[test]
fn what_is_old_or_left_goes_and_what_is_not_ours_stays() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    file(dir.path(), &name("old"), 1, OLD + LEFT);
    file(dir.path(), &name("new"), 1, LEFT * 2);
    file(dir.path(), ".mcc-new-0000000000000001", 1, LEFT * 2);
    file(dir.path(), ".mcc-new-0000000000000002", 1, Duration::ZERO);
    file(dir.path(), "mine.txt", 1, OLD * 2);
    sweep(&folder, SystemTime::now());
    assert_eq!(count(dir.path()), 3);
    assert!(dir.path().join("mine.txt").exists() && dir.path().join(name("new")).exists());
}

#[test]
fn what_is_too_much_goes_the_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path()).unwrap();
    let (mib, minute) = (1024 * 1024, Duration::from_secs(60));
    for number in 0..65 {
        file(dir.path(), &name(&number.to_string()), mib, minute * number);
    }
    sweep(&folder, SystemTime::now());
    assert_eq!(count(dir.path()), 48);
    assert!(dir.path().join(name("0")).exists() && !dir.path().join(name("64")).exists());
    sweep(&folder, SystemTime::now());
    assert_eq!(count(dir.path()), 48);
}

#[test]
fn it_is_swept_now_and_then() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::at(dir.path().join("mcc"));
    disk.write("key", b"{}");
    file(&dir.path().join("mcc"), ".mcc-new-0000000000000001", 1, LEFT * 2);
    for _ in 0..WRITES {
        disk.write("key", b"{}");
    }
    assert_eq!(count(&dir.path().join("mcc")), 1);
}
