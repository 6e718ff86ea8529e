//! A cache that many use, and whose files may be anything.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mcc_catalogs::Files;
use proptest::prelude::*;

use super::*;

const HOLDS: u64 = 600;

fn kept(at: u64, note: &str) -> Arc<Kept> {
    let fact = Fact { notes: vec![note.to_owned()], ..Fact::default() };
    Arc::new(Kept { at, source: "Hugging Face".to_owned(), fact })
}

async fn keep(cache: &Cache, key: &str, kept: &Arc<Kept>) {
    if let Some(text) = cache.put(key, kept) {
        cache.store(key, text).await;
    }
}

/// What a process that has just started finds.
async fn anew(folder: &Path, key: &str) -> Option<Arc<Kept>> {
    Cache::on_disk(folder.to_owned()).get(key, HOLDS).await
}

fn only_file(folder: &Path) -> std::path::PathBuf {
    let all: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

fn names(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap();
    let mut all: Vec<_> = all.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

#[tokio::test]
async fn what_one_process_keeps_another_reads_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a/mcc");
    let cache = Cache::on_disk(folder.clone());
    assert_eq!(cache.get("key", HOLDS).await, None);
    assert!(!folder.exists());
    let said = kept(clock::now(), "said");
    keep(&cache, "key", &said).await;
    assert_eq!(anew(&folder, "key").await, Some(said));
    assert_eq!(anew(&folder, "other").await, None);
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(only_file(&folder)).unwrap().mode() & 0o777, 0o600);
    assert_eq!(cache.report().trouble, None);
}

#[tokio::test]
async fn answers_hold_as_long_as_they_are_true_and_stand_in_for_a_week() {
    let dir = tempfile::tempdir().unwrap();
    let now = clock::now();
    let day = 24 * 60 * 60;
    for on_disk in [false, true] {
        let cache = if on_disk { Cache::on_disk(dir.path().join("mcc")) } else { Cache::default() };
        keep(&cache, "old", &kept(now - 100, "old")).await;
        assert!(cache.get("old", 200).await.is_some());
        assert!(cache.get("old", 100).await.is_none());
        assert!(cache.stale("old").await.is_some());
        keep(&cache, "older", &kept(now - 8 * day, "older")).await;
        assert!(cache.stale("older").await.is_none());
        let mut partial = Kept::clone(&kept(now - 20, "partial"));
        partial.fact.partial = true;
        keep(&cache, "partial", &Arc::new(partial.clone())).await;
        assert!(cache.get("partial", HOLDS).await.is_some());
        partial.at = now - 40;
        keep(&cache, "part", &Arc::new(partial)).await;
        assert!(cache.get("part", HOLDS).await.is_none());
        assert!(cache.stale("part").await.is_none());
        keep(&cache, "future", &kept(now + 1000, "future")).await;
        assert!(cache.get("future", HOLDS).await.is_none());
    }
}

#[tokio::test]
async fn what_another_process_said_later_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("mcc");
    let (one, other) = (Cache::on_disk(folder.clone()), Cache::on_disk(folder.clone()));
    let now = clock::now();
    keep(&one, "key", &kept(now - 900, "before")).await;
    keep(&other, "key", &kept(now, "after")).await;
    assert_eq!(one.get("key", HOLDS).await.unwrap().fact.notes, ["after"]);
}

#[tokio::test]
async fn what_is_no_entry_is_not_read_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("mcc");
    let now = clock::now();
    let entry = |form: u32, key: &str, at: u64| {
        let kept = serde_json::to_value(&*kept(at, "said")).unwrap();
        serde_json::to_vec(&serde_json::json!({"form": form, "key": key, "kept": kept})).unwrap()
    };
    keep(&Cache::on_disk(folder.clone()), "key", &kept(now, "said")).await;
    let file = only_file(&folder);
    fs::write(&file, entry(1, "key", now)).unwrap();
    assert!(anew(&folder, "key").await.is_some());
    let whole = entry(1, "key", now);
    let lies = [
        Vec::new(),
        b"null".to_vec(),
        b"\xff\xfe".to_vec(),
        whole[..whole.len() - 1].to_vec(),
        [&whole[..], b"x"].concat(),
        entry(2, "key", now),
        entry(1, "another", now),
        entry(1, "key", now + 1000),
        entry(1, "key", u64::MAX),
        vec![b'['; 1 << 20],
        vec![b' '; (1 << 20) + 1],
    ];
    for lie in lies {
        fs::write(&file, &lie).unwrap();
        assert_eq!(
            anew(&folder, "key").await,
            None,
            "{:?}",
            String::from_utf8_lossy(&lie[..lie.len().min(99)])
        );
        assert!(!file.exists());
    }
    // A link, a socket, a file that others may write.
    let target = dir.path().join("target");
    fs::write(&target, &whole).unwrap();
    symlink(&target, &file).unwrap();
    assert_eq!(anew(&folder, "key").await, None);
    assert!(target.exists() && fs::symlink_metadata(&file).is_err());
    let socket = std::os::unix::net::UnixListener::bind(&file).unwrap();
    assert_eq!(anew(&folder, "key").await, None);
    drop(socket);
    let _ = fs::remove_file(&file);
    fs::write(&file, &whole).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(anew(&folder, "key").await, None);
    assert!(!file.exists());
    // A folder is nobody's to remove; writing over it fails, leaves nothing and is told once.
    fs::create_dir(&file).unwrap();
    let cache = Cache::on_disk(folder.clone());
    keep(&cache, "key", &kept(now, "said")).await;
    assert!(cache.get("key", HOLDS).await.is_some());
    assert_eq!(names(&folder).len(), 1);
    assert!(cache.untold_trouble().unwrap().contains("memory only"));
    assert_eq!(cache.untold_trouble(), None);
    assert!(cache.report().trouble.is_some());
}

#[tokio::test]
async fn folders_of_others_are_not_used_and_that_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let now = clock::now();
    let own = dir.path().join("own");
    keep(&Cache::on_disk(own.clone()), "key", &kept(now, "said")).await;
    let open = dir.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let link = dir.path().join("link");
    symlink(&own, &link).unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("below");
    let places = [open, link, file, below, "/proc/none/mcc".into(), "/".into()];
    for place in places {
        let cache = Cache::on_disk(place.clone());
        assert_eq!(cache.get("key", HOLDS).await, None, "{place:?}");
        keep(&cache, "key", &kept(now, "said")).await;
        assert!(cache.get("key", HOLDS).await.is_some(), "{place:?}");
        assert!(cache.untold_trouble().is_some(), "{place:?}");
        assert_eq!(cache.untold_trouble(), None);
        assert_eq!(cache.clear().entries, 0);
    }
    assert_eq!(names(&dir.path().join("open")).len(), 0);
    // As anybody but its owner sees it; only root can give files away.
    let given = std::os::unix::fs::chown(&own, Some(12345), None);
    assert_eq!(anew(&own, "key").await.is_none(), given.is_ok());
}

#[tokio::test]
async fn reports_count_and_clearing_removes_what_is_ours_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("mcc");
    let cache = Cache::on_disk(folder.clone());
    assert_eq!(cache.report(), Report { folder: Some(folder.clone()), ..Report::default() });
    assert_eq!(cache.clear(), Cleared::default());
    let now = clock::now();
    for number in 0..5 {
        let mut one = Kept::clone(&kept(now - number, "said"));
        if number == 4 {
            one.source = "AWS\u{1b}[2J prices".to_owned();
        }
        keep(&cache, &number.to_string(), &Arc::new(one)).await;
    }
    fs::write(folder.join("mine.txt"), "mine").unwrap();
    fs::write(folder.join(".mcc-new-0123456789abcdef"), "left").unwrap();
    let report = cache.report();
    assert_eq!((report.entries, report.sources.len()), (5, 2));
    assert_eq!(report.sources["Hugging Face"], 4);
    assert!(report.oldest.unwrap() >= 4 && report.bytes > 100 && report.trouble.is_none());
    assert!(report.sources.keys().all(|words| !words.contains('\u{1b}')), "{report:?}");
    assert_eq!(cache.clear().entries, 6);
    assert_eq!(names(&folder), ["mine.txt"]);
    assert_eq!(cache.get("1", HOLDS).await, None);
}

#[tokio::test]
async fn failures_that_are_certain_are_kept_for_a_moment() {
    let cache = Cache::default();
    for failure in
        [Failure::NoCredentials, Failure::Denied("x".into()), Failure::NotThere("x".into())]
    {
        cache.fail("key", &failure);
        assert_eq!(cache.failed("key"), Some(failure));
    }
    for failure in
        [Failure::TooSlow, Failure::UsedUp, Failure::Unreachable, Failure::Throttled(None)]
    {
        cache.fail("other", &failure);
        assert_eq!(cache.failed("other"), None);
    }
}

/// What the processes of the next test do.
#[tokio::test]
#[ignore = "a process of another test"]
async fn hammers() {
    let folder = std::env::var_os("MCC_HAMMERED").unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let mut number = 0_u64;
    while Instant::now() < until && number < 400 {
        number += 1;
        let cache = Cache::on_disk((&folder).into());
        let note = number.to_string().repeat(5_000);
        keep(&cache, &(number % 3).to_string(), &kept(clock::now(), &note)).await;
        let key = ((number + 1) % 3).to_string();
        if let Some(found) = Cache::on_disk((&folder).into()).get(&key, HOLDS).await {
            let note = &found.fact.notes[0];
            // A whole note is one number many times over.
            assert!(note.len().is_multiple_of(5_000) && note.len() <= 15_000);
            let one = &note[..note.len() / 5_000];
            assert_eq!(*note, one.repeat(5_000));
        }
    }
}

#[test]
fn processes_that_write_the_same_and_are_killed_leave_nothing_that_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("mcc");
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["cache::tests::hammers", "--exact", "--ignored"])
            .env("MCC_HAMMERED", &folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let (mut one, mut other) = (start(), start());
    for round in 0..6 {
        let mut killed = start();
        std::thread::sleep(Duration::from_millis(60 + round * 23));
        killed.kill().unwrap();
        killed.wait().unwrap();
    }
    assert!(one.wait().unwrap().success() && other.wait().unwrap().success());
    let report = Cache::on_disk(folder.clone()).report();
    assert_eq!((report.entries, report.trouble), (3, None));
    // Nothing but entries, and at most one unfinished file of each that was killed.
    assert!(names(&folder).len() <= 9);
    Cache::on_disk(folder.clone()).clear();
    assert_eq!(names(&folder).len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_kept_is_read_as_it_was(
        key in any::<String>(), at in 0..2_000_000_000_u64, source in any::<String>(),
        notes in proptest::collection::vec(any::<String>(), 0..4), partial in any::<bool>(),
    ) {
        let kept = Kept { at, source, fact: Fact { files: Files::default(), notes, partial } };
        let dir = tempfile::tempdir().unwrap();
        let disk = disk::Disk::at(dir.path().join("mcc"));
        disk.write(&key, &disk::written(&key, &kept).unwrap());
        let now = 2_000_000_000;
        prop_assert_eq!(disk.read(&key, now).map(|found| found.0), Some(kept));
        let other = format!("{key}x");
        prop_assert_eq!(disk.read(&other, now), None);
    }

    #[test]
    fn whatever_a_file_has_is_read_or_removed(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..300_usize, flip in any::<usize>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("mcc");
        let disk = disk::Disk::at(folder.clone());
        let mut text = disk::written("key", &kept(1, "said")).unwrap();
        disk.write("key", &text);
        let file = only_file(&folder);
        fs::write(&file, &bytes).unwrap();
        prop_assert_eq!(disk.read("key", 2), None);
        prop_assert!(!file.exists());
        // One of ours, cut or with a bit turned: what is read of it is an entry of that key.
        text.truncate(cut);
        if !text.is_empty() {
            let at = flip % text.len();
            text[at] ^= 1 << (flip % 7);
        }
        fs::write(&file, &text).unwrap();
        if disk.read("key", 2).is_none() {
            prop_assert!(!file.exists());
        }
    }
}
