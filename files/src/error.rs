//! What can be wrong with a file, told apart: only what is not there is missing.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file or folder was not read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", shown(path))]
pub struct Error {
    /// What it is about.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// The kinds of reasons.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// There is nothing of that name.
    #[error("it does not exist")]
    Missing,
    /// It is a symbolic link, where none is followed.
    #[error("it is a symbolic link, which is not followed")]
    Link,
    /// It is neither a file nor a folder, such as a pipe, a socket or a device; or its content has no length.
    #[error("it is {0}, not a regular file")]
    Special(&'static str),
    /// It is something else where a folder is needed.
    #[error("it is not a folder")]
    NotAFolder,
    /// It is larger than what is read.
    #[error("it is over {}", size(*.0))]
    TooLarge(u64),
    /// There are more entries in a folder than are looked at.
    #[error("it holds more than {0} entries")]
    TooMany(usize),
    /// Not beneath the folders that may be used, whether it exists or not.
    #[error("it is outside the folders that may be used here")]
    Outside,
    /// Somebody else writes in it, and went on for longer than one waits.
    #[error("another run of mcc is writing in it")]
    Locked,
    /// It is not this user's alone, as it has to be.
    #[error("it belongs to another user, or others may write in it")]
    Shared,
    /// The system does not permit it.
    #[error("permission denied")]
    Denied,
    /// Anything else that the system says.
    #[error("{0}")]
    Io(io::Error),
}

impl Error {
    pub(crate) fn new(path: impl Into<PathBuf>, reason: Reason) -> Self {
        Self { path: path.into(), reason }
    }

    pub(crate) fn io(path: impl Into<PathBuf>, error: io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => Reason::Missing,
            io::ErrorKind::PermissionDenied => Reason::Denied,
            io::ErrorKind::NotADirectory => Reason::NotAFolder,
            _ => Reason::Io(error),
        };
        Self::new(path, reason)
    }

    /// Whether there is nothing of that name.
    pub fn is_missing(&self) -> bool {
        matches!(self.reason, Reason::Missing)
    }

    /// What to do about it.
    pub fn fix(&self) -> &'static str {
        match &self.reason {
            Reason::Missing => "check the name, or create it",
            Reason::Link => {
                "put the file itself in its place, or give the path that the link leads to"
            }
            Reason::Special(_) => "move it away, or give the path of a regular file",
            Reason::NotAFolder => "move it away, or give the path of a folder",
            Reason::TooLarge(_) | Reason::TooMany(_) => "give a smaller one, or move it away",
            Reason::Outside => "give a path below the folders that may be used",
            Reason::Locked => "wait until the other run is done, then run it again",
            Reason::Shared => "make it yours alone (chown, chmod 700), or move it away",
            Reason::Denied => {
                "change its owner or permissions (chmod u+rw, and u+x for folders), then run it again"
            }
            Reason::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                "save it as UTF-8 text"
            }
            Reason::Io(_) => "make room, check the disk and its permissions, then run it again",
        }
    }
}

fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{} KiB", bytes.div_ceil(1024))
    }
}

/// A path for messages: names come from disks and archives of others, and a terminal obeys control characters.
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c);
    text.chars().map(|c| if plain(c) { c } else { '\u{fffd}' }).collect()
}
