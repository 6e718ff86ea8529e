//! Pipes that a person names: `--config <(command)` is one.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::OpenOptions;

use crate::{Error, Reason, read, text};

/// How long one waits for what somebody writes into a pipe.
const PATIENCE: Duration = Duration::from_secs(5);

/// The content of a file that a person names, or of a pipe that ends soon, if it is at most `max` bytes.
///
/// # Errors
/// As [`read`], and where nobody writes into the pipe or writing does not end.
pub fn read_or_drain(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    /// A pipe gives what is in it only once.
    static DRAINED: Mutex<BTreeMap<PathBuf, Vec<u8>>> = Mutex::new(BTreeMap::new());
    if !is_pipe(path) {
        return read(path, max);
    }
    let mut drained = DRAINED.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = match drained.get(path) {
        Some(bytes) => bytes.clone(),
        None => drain(path, max)?,
    };
    drained.insert(path.to_owned(), bytes.clone());
    if bytes.len() as u64 > max {
        return Err(Error::new(path, Reason::TooLarge(max)));
    }
    Ok(bytes)
}

/// The text of a file or pipe that a person names, if it is UTF-8 and at most `max` bytes.
///
/// # Errors
/// As [`read_or_drain`].
pub fn read_text_or_drain(path: &Path, max: u64) -> Result<String, Error> {
    text(path, read_or_drain(path, max)?)
}

/// At most one byte more than `max`. Opening and reading wait as long as it takes, so a thread does both, which is
/// left to itself when patience ends.
fn drain(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let (sender, receiver) = mpsc::channel();
    let own = path.to_owned();
    std::thread::spawn(move || {
        let mut options = OpenOptions::new();
        options.read(true);
        let opened = cap_std::fs::File::open_ambient_with(&own, &options, ambient_authority());
        let read = opened.and_then(|file| {
            let mut bytes = Vec::new();
            file.take(max + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        // Nobody waits any more, if patience has ended.
        let _ = sender.send(read);
    });
    match receiver.recv_timeout(PATIENCE) {
        Ok(read) => read.map_err(|error| Error::io(path, error)),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            let why = format!("it is a pipe, and its content was not complete after {seconds} s");
            Err(Error::new(path, Reason::Io(io::Error::other(why))))
        }
    }
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|about| about.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}
