//! What is kept on disk: one file for each answer, in a folder of the user's alone, shared by all processes. Nothing
//! that is there is trusted to be what it should: what is not is removed, and asked for again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use mcc_files::{Folder, Listed, Reason, is_unfinished, shown};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cache::{Cleared, Kept};

/// The version of the form: a file of another is asked for again.
const FORM: u32 = 1;
/// Most bytes of one file.
const MOST: usize = 1024 * 1024;
/// Most bytes of all files, and what is left when there are more.
const ALL: (u64, u64) = (64 * 1024 * 1024, 48 * 1024 * 1024);
/// Most entries of the folder that are looked at at once.
const LOOKED_AT: usize = 10_000;
/// After so many writes it is looked whether there is too much.
const WRITES: usize = 64;
/// What is unfinished for this long was left by a process that was killed.
const LEFT: Duration = Duration::from_secs(10 * 60);
/// What was written so long ago serves nobody, in seconds.
const OLD: Duration = Duration::from_secs(8 * 24 * 60 * 60);
const ENDING: &str = ".json";

/// The folder.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    writes: AtomicUsize,
    trouble: Mutex<Option<String>>,
    told: AtomicBool,
}

/// A file's content.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    form: u32,
    key: String,
    kept: Kept,
}

/// The same to be written.
#[derive(Serialize)]
struct Writing<'a> {
    form: u32,
    key: &'a str,
    kept: &'a Kept,
}

/// The text of an entry; none for what is too large to be kept.
pub(crate) fn written(key: &str, kept: &Kept) -> Option<Vec<u8>> {
    let text = serde_json::to_vec(&Writing { form: FORM, key, kept }).ok()?;
    (text.len() <= MOST).then_some(text)
}

/// The name of the file of `key`, which may be of any length and letters.
fn name(key: &str) -> String {
    let mut name = String::with_capacity(64 + ENDING.len());
    for byte in Sha256::digest(key.as_bytes()) {
        name.push_str(&format!("{byte:02x}"));
    }
    name + ENDING
}

/// Whether a file of this name is one of ours.
fn is_entry(name: &str) -> bool {
    name.strip_suffix(ENDING).is_some_and(|hash| {
        hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

impl Disk {
    /// The folder at this path, which nobody has looked at yet.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self {
            folder,
            writes: AtomicUsize::new(0),
            trouble: Mutex::default(),
            told: AtomicBool::new(false),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder, opened anew: it may have been removed, or given to somebody else.
    fn open(&self) -> Option<Folder> {
        Folder::private(&self.folder).map_err(|error| self.failed(&error)).ok()
    }

    fn failed(&self, error: &mcc_files::Error) {
        let reason = &error.reason;
        let (folder, fix) = (shown(&self.folder), error.fix());
        let text = format!(
            "Answers are kept in memory only because {folder} cannot be used as a cache: {reason}; {fix}."
        );
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// Why the folder is not used, if it is not.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, for the first who asks.
    pub(crate) fn untold_trouble(&self) -> Option<String> {
        let trouble = self.trouble()?;
        (!self.told.swap(true, Ordering::Relaxed)).then_some(trouble)
    }

    /// What is kept under `key`, and its bytes.
    pub(crate) fn read(&self, key: &str, now: u64) -> Option<(Kept, usize)> {
        let folder = self.there()?;
        let name = name(key);
        let found = read(&folder, &name, now)?;
        if found.key == key {
            return Some((found.kept, found.bytes));
        }
        let _ = folder.forget(&name);
        None
    }

    /// Keeps it.
    pub(crate) fn write(&self, key: &str, text: &[u8]) {
        let Some(folder) = self.open() else { return };
        if self.writes.fetch_add(1, Ordering::Relaxed).is_multiple_of(WRITES) {
            sweep(&folder, SystemTime::now());
        }
        if let Err(error) = folder.replace_private(&name(key), text) {
            self.failed(&error);
        }
    }

    /// Sees each entry and its bytes.
    pub(crate) fn each(&self, now: u64, see: &mut impl FnMut(&Kept, u64)) {
        let Some(folder) = self.there() else { return };
        for file in listed(&folder) {
            if is_entry(&file.name)
                && let Some(found) = read(&folder, &file.name, now)
            {
                see(&found.kept, file.bytes);
            }
        }
    }

    /// Removes all entries, and what is left of unfinished ones.
    pub(crate) fn clear(&self) -> Cleared {
        let mut cleared = Cleared::default();
        let Some(folder) = self.there() else { return cleared };
        for file in listed(&folder) {
            if (is_entry(&file.name) || is_unfinished(&file.name))
                && folder.forget(&file.name).is_ok()
            {
                cleared.entries += 1;
                cleared.bytes += file.bytes;
            }
        }
        cleared
    }

    /// The folder, if somebody made it.
    fn there(&self) -> Option<Folder> {
        let parent = Folder::open(self.folder.parent()?).ok()?;
        parent.kind(self.folder.file_name()?).ok()?;
        self.open()
    }
}

/// An entry as it was found.
struct FoundEntry {
    key: String,
    kept: Kept,
    bytes: usize,
}

/// The entry of this name. What is none, or cannot be true, is removed.
fn read(folder: &Folder, name: &str, now: u64) -> Option<FoundEntry> {
    let text = match folder.read_private(name, MOST as u64) {
        Ok(text) => text,
        Err(error) => {
            // What cannot be read for now may be later, and what is missing is.
            if !matches!(error.reason, Reason::Missing | Reason::Denied | Reason::Io(_)) {
                let _ = folder.forget(name);
            }
            return None;
        }
    };
    let content: Option<Content> = serde_json::from_slice(&text).ok();
    let content = content.filter(|content| content.form == FORM && content.kept.at <= now);
    match content {
        Some(Content { key, kept, .. }) => Some(FoundEntry { key, kept, bytes: text.len() }),
        None => {
            let _ = folder.forget(name);
            None
        }
    }
}

fn listed(folder: &Folder) -> Vec<Listed> {
    folder.listed(LOOKED_AT).map(|(listed, _)| listed).unwrap_or_default()
}

/// Removes what is old or was left, and of the rest the oldest, where it is too much.
fn sweep(folder: &Folder, now: SystemTime) {
    let is_past =
        |file: &Listed, time| now.duration_since(file.modified).is_ok_and(|age| age > time);
    let mut entries = Vec::new();
    for file in listed(folder) {
        let over = if is_unfinished(&file.name) { LEFT } else { OLD };
        if !is_unfinished(&file.name) && !is_entry(&file.name) {
            continue;
        }
        if is_past(&file, over) {
            let _ = folder.forget(&file.name);
        } else if is_entry(&file.name) {
            entries.push(file);
        }
    }
    let mut bytes: u64 = entries.iter().map(|file| file.bytes).sum();
    let mut count = entries.len();
    if bytes <= ALL.0 && count < LOOKED_AT / 2 {
        return;
    }
    entries.sort_unstable_by_key(|file| file.modified);
    for file in entries {
        if bytes <= ALL.1 && count < LOOKED_AT / 4 {
            break;
        }
        if folder.forget(&file.name).is_ok() {
            bytes -= file.bytes;
            count -= 1;
        }
    }
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
