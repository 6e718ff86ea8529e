//! What is kept in memory: bounded, and what was used least recently goes first.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cache::{Cleared, Kept};
use crate::failure::Failure;

/// Most answers.
const ENTRIES: usize = 512;
/// Most bytes of them, as they are on disk.
const BYTES: usize = 32 * 1024 * 1024;
/// Most failures.
const FAILURES: usize = 256;

/// Answers and failures.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    kept: HashMap<String, Entry>,
    bytes: usize,
    /// How often something was used: what was used last has the most.
    uses: u64,
    failures: HashMap<String, (Instant, Failure)>,
}

#[derive(Debug)]
struct Entry {
    kept: Arc<Kept>,
    bytes: usize,
    used: u64,
}

impl Memory {
    pub(crate) fn get(&mut self, key: &str) -> Option<Arc<Kept>> {
        self.uses += 1;
        let entry = self.kept.get_mut(key)?;
        entry.used = self.uses;
        Some(Arc::clone(&entry.kept))
    }

    /// Keeps it, unless what is kept is later.
    pub(crate) fn put(&mut self, key: String, kept: Arc<Kept>, bytes: usize) {
        if bytes > BYTES || self.kept.get(&key).is_some_and(|known| known.kept.at > kept.at) {
            return;
        }
        self.uses += 1;
        self.bytes += bytes;
        let entry = Entry { kept, bytes, used: self.uses };
        if let Some(before) = self.kept.insert(key, entry) {
            self.bytes -= before.bytes;
        }
        while self.kept.len() > ENTRIES || self.bytes > BYTES {
            let Some((key, _)) = self.kept.iter().min_by_key(|(_, entry)| entry.used) else {
                break;
            };
            let key = key.clone();
            if let Some(gone) = self.kept.remove(&key) {
                self.bytes -= gone.bytes;
            }
        }
    }

    pub(crate) fn failed(&self, key: &str) -> Option<Failure> {
        let (until, failure) = self.failures.get(key)?;
        (*until > Instant::now()).then(|| failure.clone())
    }

    pub(crate) fn fail(&mut self, key: String, failure: Failure, holds: Duration) {
        let now = Instant::now();
        if self.failures.len() >= FAILURES {
            self.failures.retain(|_, (until, _)| *until > now);
        }
        if self.failures.len() < FAILURES {
            self.failures.insert(key, (now + holds, failure));
        }
    }

    pub(crate) fn each(&self, see: &mut impl FnMut(&Kept, u64)) {
        self.kept.values().for_each(|entry| see(&entry.kept, entry.bytes as u64));
    }

    pub(crate) fn clear(&mut self) -> Cleared {
        let cleared = Cleared { entries: self.kept.len(), bytes: self.bytes as u64 };
        *self = Self::default();
        cleared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Fact;

    fn kept(at: u64) -> Arc<Kept> {
        Arc::new(Kept { at, source: "a hub".to_owned(), fact: Fact::default() })
    }

    #[test]
    fn what_was_used_least_recently_goes() {
        let mut memory = Memory::default();
        for number in 0..ENTRIES {
            memory.put(number.to_string(), kept(1), 10);
        }
        assert!(memory.get("0").is_some());
        memory.put("new".to_owned(), kept(1), 10);
        assert!(memory.get("0").is_some() && memory.get("1").is_none());
        memory.put("large".to_owned(), kept(1), BYTES - 15);
        assert_eq!(memory.kept.len(), 2);
        memory.put("too large".to_owned(), kept(1), BYTES + 1);
        assert!(memory.get("too large").is_none() && memory.get("large").is_some());
        let bytes: usize = memory.kept.values().map(|entry| entry.bytes).sum();
        assert_eq!(bytes, memory.bytes);
        assert_eq!(memory.clear(), Cleared { entries: 2, bytes: (BYTES - 5) as u64 });
    }

    #[test]
    fn what_is_later_stays() {
        let mut memory = Memory::default();
        memory.put("key".to_owned(), kept(5), 10);
        memory.put("key".to_owned(), kept(4), 99);
        assert_eq!((memory.get("key").unwrap().at, memory.bytes), (5, 10));
        memory.put("key".to_owned(), kept(6), 20);
        assert_eq!((memory.get("key").unwrap().at, memory.bytes), (6, 20));
    }

    #[test]
    fn failures_are_few_and_short() {
        let mut memory = Memory::default();
        for number in 0..FAILURES * 2 {
            memory.fail(number.to_string(), Failure::NoCredentials, Duration::from_secs(9));
        }
        assert_eq!(memory.failures.len(), FAILURES);
        assert_eq!(memory.failed("0"), Some(Failure::NoCredentials));
        let mut memory = Memory::default();
        memory.fail("a".to_owned(), Failure::NoCredentials, Duration::ZERO);
        assert_eq!(memory.failed("a"), None);
    }
}
