//! What sources said, kept in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::source::Fact;

/// What sources said.
#[derive(Debug, Default)]
pub struct Cache {
    kept: Mutex<HashMap<String, Kept>>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// When it was said, in seconds since 1970.
    pub(crate) at: u64,
    pub(crate) fact: Fact,
}

impl Cache {
    /// What is kept under `key` and is not older than `holds` seconds.
    pub(crate) fn get(&self, key: &str, now: u64, holds: u64) -> Option<Kept> {
        let kept = self.kept.lock().ok()?.get(key)?.clone();
        (kept.at <= now && now - kept.at < holds).then_some(kept)
    }

    /// Keeps it.
    pub(crate) fn put(&self, key: String, kept: Kept) {
        if let Ok(mut all) = self.kept.lock() {
            all.insert(key, kept);
        }
    }
}
