//! One writer at a time in a folder, among processes and threads. The system frees the lock of a process that dies.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use crate::{Error, Folder, Reason};

/// How often one looks whether the other is done.
const PAUSE: Duration = Duration::from_millis(20);

/// A folder's lock, held until it is dropped.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "closing it frees the lock")] Option<File>);

/// What became of one try.
pub(crate) enum Tried {
    /// It is ours now.
    Taken(Lock),
    /// Somebody has it.
    Held,
    /// This file system has no locks.
    Unknown,
}

impl Folder {
    /// Waits for the folder's lock, for as long as `patience`.
    ///
    /// A file system without locks does not keep anybody from writing: there everybody is alone.
    pub fn lock(&self, patience: Duration) -> Result<Lock, Error> {
        let deadline = Instant::now() + patience;
        loop {
            match self.try_lock()? {
                Tried::Taken(lock) => return Ok(lock),
                Tried::Unknown => return Ok(Lock(None)),
                Tried::Held if Instant::now() >= deadline => {
                    return Err(Error::new(&self.path, Reason::Locked));
                }
                Tried::Held => std::thread::sleep(PAUSE),
            }
        }
    }

    pub(crate) fn try_lock(&self) -> Result<Tried, Error> {
        let file = self.lockable()?;
        Ok(match file.try_lock() {
            Ok(()) => Tried::Taken(Lock(Some(file))),
            Err(TryLockError::WouldBlock) => Tried::Held,
            Err(TryLockError::Error(_)) => Tried::Unknown,
        })
    }

    /// The folder itself, so that no file is left of a lock. It is opened anew: a duplicate would share the lock.
    #[cfg(unix)]
    fn lockable(&self) -> Result<File, Error> {
        self.readable().map_err(|error| Error::io(&self.path, error))
    }

    /// Folders cannot be locked here.
    #[cfg(not(unix))]
    fn lockable(&self) -> Result<File, Error> {
        let mut options = cap_std::fs::OpenOptions::new();
        options.write(true).create(true);
        let opened = self.folder(".mcc").and_then(|kept| {
            let path = kept.path.join("lock");
            kept.dir.open_with("lock", &options).map_err(|error| Error::io(path, error))
        });
        opened.map(cap_std::fs::File::into_std)
    }
}
