//! What sources said, kept: in memory, and where a folder is given, on disk for all processes of a user.

mod disk;
mod memory;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcc_catalogs::cut;
use serde::{Deserialize, Serialize};

use crate::cache::disk::Disk;
use crate::cache::memory::Memory;
use crate::clock;
use crate::failure::Failure;
use crate::source::Fact;

/// How long a partial answer is kept, in seconds.
const PARTIAL: u64 = 30;
/// How old an answer may be that is used where its source fails, in seconds: seven days.
const STALE: u64 = 7 * 24 * 60 * 60;
/// How long a failure is kept, so that one answer does not run into it for each thing that it asks.
const FAILED: Duration = Duration::from_secs(3);
/// How long a disk is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most characters of a source's words in a report.
const WORDS: usize = 80;

/// What sources said. Never a secret is in it.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    memory: Arc<Mutex<Memory>>,
    disk: Option<Arc<Disk>>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// When it was said, in seconds since 1970.
    pub(crate) at: u64,
    /// Who said it, in the words of an answer.
    pub(crate) source: String,
    pub(crate) fact: Fact,
}

/// What a cache has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The folder, where there is one.
    pub folder: Option<PathBuf>,
    /// Answers that are kept in it; without a folder, in memory.
    pub entries: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Seconds since the oldest of them was said.
    pub oldest: Option<u64>,
    /// How many of each source, in the words of an answer.
    pub sources: BTreeMap<String, usize>,
    /// Why the folder is not used, if it is not.
    pub trouble: Option<String>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Answers, and what killed processes left of some.
    pub entries: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Cache {
    /// A cache that keeps answers below `folder` too, and shares them with all processes that do. The folder is made when
    /// there is something to keep; where it cannot be used, this is a cache in memory, and [`Report::trouble`] says why.
    pub fn on_disk(folder: PathBuf) -> Self {
        Self { disk: Some(Arc::new(Disk::at(folder))), ..Self::default() }
    }

    /// What is kept under `key` and is not older than `holds` seconds.
    pub(crate) async fn get(&self, key: &str, holds: u64) -> Option<Arc<Kept>> {
        self.latest(key, |kept, now| kept.is_fresh(now, holds)).await
    }

    /// What is kept under `key`, complete and less than a week old.
    pub(crate) async fn stale(&self, key: &str) -> Option<Arc<Kept>> {
        self.latest(key, Kept::may_stand_in).await
    }

    async fn latest(&self, key: &str, serves: impl Fn(&Kept, u64) -> bool) -> Option<Arc<Kept>> {
        let now = clock::now();
        if let Some(kept) = self.memory().get(key).filter(|kept| serves(kept, now)) {
            return Some(kept);
        }
        let disk = Arc::clone(self.disk.as_ref()?);
        let asked = key.to_owned();
        let (kept, bytes) = waited(move || disk.read(&asked, now)).await??;
        let kept = Arc::new(kept);
        self.memory().put(key.to_owned(), Arc::clone(&kept), bytes);
        serves(&kept, now).then_some(kept)
    }

    /// Keeps it in memory, and says what [`Self::store`] is to keep on disk: nothing of what is too large.
    pub(crate) fn put(&self, key: &str, kept: &Arc<Kept>) -> Option<Vec<u8>> {
        let text = disk::written(key, kept)?;
        self.memory().put(key.to_owned(), Arc::clone(kept), text.len());
        self.disk.is_some().then_some(text)
    }

    /// Keeps on disk what [`Self::put`] said.
    pub(crate) async fn store(&self, key: &str, text: Vec<u8>) {
        let Some(disk) = self.disk.clone() else { return };
        let key = key.to_owned();
        waited(move || disk.write(&key, &text)).await;
    }

    /// Why `key` failed a moment ago.
    pub(crate) fn failed(&self, key: &str) -> Option<Failure> {
        self.memory().failed(key)
    }

    /// Remembers for a moment why `key` failed, where asking again could only fail again.
    pub(crate) fn fail(&self, key: &str, failure: &Failure) {
        let certain = matches!(
            failure,
            Failure::NoCredentials
                | Failure::BadCredentials
                | Failure::Expired(_)
                | Failure::ClockSkew
                | Failure::Denied(_)
                | Failure::NotThere(_)
        );
        if certain {
            self.memory().fail(key.to_owned(), failure.clone(), FAILED);
        }
    }

    /// Why the folder is not used, told once.
    pub(crate) fn untold_trouble(&self) -> Option<String> {
        self.disk.as_ref()?.untold_trouble()
    }

    /// What is kept.
    pub fn report(&self) -> Report {
        let now = clock::now();
        let mut report = Report::default();
        let mut count = |kept: &Kept, bytes: u64| {
            report.entries += 1;
            report.bytes += bytes;
            report.oldest = report.oldest.max(Some(now.saturating_sub(kept.at)));
            *report.sources.entry(cut(&kept.source, WORDS).into_owned()).or_default() += 1;
        };
        match &self.disk {
            Some(disk) => disk.each(now, &mut count),
            None => self.memory().each(&mut count),
        }
        if let Some(disk) = &self.disk {
            report.folder = Some(disk.folder().to_owned());
            report.trouble = disk.trouble();
        }
        report
    }

    /// Removes all that is kept, in memory and below the folder, and nothing else that is there.
    pub fn clear(&self) -> Cleared {
        let cleared = self.memory().clear();
        match &self.disk {
            Some(disk) => disk.clear(),
            None => cleared,
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_fresh(&self, now: u64, holds: u64) -> bool {
        let holds = if self.fact.partial { holds.min(PARTIAL) } else { holds };
        self.at <= now && now - self.at < holds
    }

    fn may_stand_in(&self, now: u64) -> bool {
        !self.fact.partial && self.at <= now && now - self.at < STALE
    }
}

/// What a disk says, if it does in time: it may be far away.
async fn waited<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(work)).await.ok()?.ok()
}
