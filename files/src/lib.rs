//! The one way to files: what is opened is opened beneath the descriptor of a folder, links are not followed on
//! the way, and only regular files are read, no more of them than the caller has room for.
//!
//! A path that a person at a terminal names is theirs to follow, links included: [`open`], [`read`] and
//! [`Folder::open`] take such paths. What is beneath a [`Folder`] comes from elsewhere (a checkout, an archive, a
//! tool call), and none of its names is looked up twice.

mod error;
mod folder;
mod lock;
mod pipe;
mod private;
mod roots;
mod write;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::ambient_authority;
use cap_std::fs::OpenOptions;

pub use error::{Error, Reason, shown};
pub use folder::{Folder, Kind};
pub use lock::Lock;
pub use pipe::{read_or_drain, read_text_or_drain};
pub use private::Listed;
pub use roots::{Place, Roots};
pub use write::{Staging, is_unfinished};

/// A file that a person names, and its length. Links are followed: caches of models consist of them.
pub fn open(path: &Path) -> Result<(File, u64), Error> {
    let failed = |error| Error::io(path, error);
    // Looked at first, since opening some devices does something; and again once open, since that is what counts.
    let about = std::fs::metadata(path).map_err(failed)?;
    folder::regular(path, about.file_type())?;
    let file = cap_std::fs::File::open_ambient_with(
        path,
        &reading(FollowSymlinks::Yes),
        ambient_authority(),
    )
    .map_err(failed)?;
    opened(path, file.into_std())
}

/// The content of a file that a person names, if it is at most `max` bytes.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let (file, length) = open(path)?;
    content(path, file, length, max)
}

/// The text of a file that a person names, if it is UTF-8 and at most `max` bytes.
pub fn read_text(path: &Path, max: u64) -> Result<String, Error> {
    text(path, read(path, max)?)
}

/// The path of what a person names with links resolved.
pub fn real(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|error| Error::io(path, error))
}

/// Whether a path that a person names is a folder.
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

fn reading(follow: FollowSymlinks) -> OpenOptions {
    let mut options = OpenOptions::new();
    // A pipe without a writer would be waited for.
    options.read(true).nonblock(true).follow(follow);
    options
}

fn opened(path: &Path, file: File) -> Result<(File, u64), Error> {
    let about = file.metadata().map_err(|error| Error::io(path, error))?;
    folder::regular(path, about.file_type())?;
    Ok((file, about.len()))
}

/// What is in an open file of this length, if it is at most `max` bytes; `path` is for messages.
pub fn content(path: &Path, file: File, length: u64, max: u64) -> Result<Vec<u8>, Error> {
    if length > max {
        return Err(Error::new(path, Reason::TooLarge(max)));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| Error::io(path, error))?;
    if length == 0 && !bytes.is_empty() {
        // As below /proc: what is read is made up while it is read.
        return Err(Error::new(path, Reason::Special("made by the system")));
    }
    if bytes.len() as u64 > max {
        return Err(Error::new(path, Reason::TooLarge(max)));
    }
    Ok(bytes)
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Error> {
    let not_text = || io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text");
    String::from_utf8(bytes).map_err(|_| Error::new(path, Reason::Io(not_text())))
}
