//! A folder by its descriptor, and what is beneath it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::{Component, Path, PathBuf};

use cap_fs_ext::{DirExt as _, FollowSymlinks};
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::{Error, Reason, content, opened, reading, text};

/// The most entries of one folder that are looked at.
const MOST: usize = 100_000;

const A_FOLDER: &str = "a folder";
const NO_FILE: &str = "a pipe, a socket or a device";

/// An open folder. Its path is for messages; what happens beneath it goes by the descriptor.
#[derive(Debug)]
pub struct Folder {
    pub(crate) dir: Dir,
    pub(crate) path: PathBuf,
}

/// This folder, or one below it.
pub(crate) enum At<'a> {
    Here(&'a Folder),
    Below(Folder),
}

impl Deref for At<'_> {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        match self {
            Self::Here(folder) => folder,
            Self::Below(folder) => folder,
        }
    }
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Anything else.
    Special,
}

impl Folder {
    /// A folder that a person names; links on the way are followed.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let named = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let failed = |error| Error::io(path, error);
        // Opening something else would wait for a pipe.
        if !named.is_dir() {
            std::fs::metadata(named).map_err(failed)?;
            return Err(Error::new(path, Reason::NotAFolder));
        }
        let dir = Dir::open_ambient_dir(named, ambient_authority()).map_err(failed)?;
        Ok(Self { dir, path: path.to_owned() })
    }

    /// A folder that a person names, made if it is not there.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let named = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Dir::create_ambient_dir_all(named, ambient_authority())
            .map_err(|error| Error::io(path, error))?;
        Self::open(path)
    }

    /// Its path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder at `inside`.
    pub fn folder(&self, inside: impl AsRef<Path>) -> Result<Self, Error> {
        self.descend(inside.as_ref(), false)
    }

    /// The folder at `inside`, made where it is not there.
    pub fn make_folder(&self, inside: impl AsRef<Path>) -> Result<Self, Error> {
        self.descend(inside.as_ref(), true)
    }

    fn descend(&self, inside: &Path, make: bool) -> Result<Self, Error> {
        match self.steps(inside, make)? {
            Some(folder) => Ok(folder),
            None => {
                let dir = self.dir.try_clone().map_err(|error| Error::io(&self.path, error))?;
                Ok(Self { dir, path: self.path.clone() })
            }
        }
    }

    /// The folder at `inside`; none for this one.
    pub(crate) fn steps(&self, inside: &Path, make: bool) -> Result<Option<Self>, Error> {
        let mut at = None;
        for part in inside.components() {
            match part {
                Component::Normal(name) => {
                    at = Some(at.as_ref().unwrap_or(self).step(name, make)?);
                }
                Component::CurDir => {}
                _ => return Err(Error::new(self.path.join(inside), Reason::Outside)),
            }
        }
        Ok(at)
    }

    fn step(&self, name: &OsStr, make: bool) -> Result<Self, Error> {
        let path = self.path.join(name);
        let mut tried = self.dir.open_dir_nofollow(name);
        if make && tried.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
            match self.dir.create_dir(name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::io(path, error));
                }
                _ => tried = self.dir.open_dir_nofollow(name),
            }
        }
        match tried {
            Ok(dir) => Ok(Self { dir, path }),
            Err(error) => match self.entry(name)? {
                Kind::Link => Err(Error::new(path, Reason::Link)),
                Kind::Folder => Err(Error::io(path, error)),
                _ => Err(Error::new(path, Reason::NotAFolder)),
            },
        }
    }

    /// The folder in which the last part of `inside` is, and that part.
    pub(crate) fn parent<'a>(&'a self, inside: &'a Path) -> Result<(At<'a>, &'a OsStr), Error> {
        let outside = || Error::new(self.path.join(inside), Reason::Outside);
        let name = inside.file_name().ok_or_else(outside)?;
        let below = self.steps(inside.parent().ok_or_else(outside)?, false)?;
        Ok((below.map_or(At::Here(self), At::Below), name))
    }

    /// What the entry `name` of this folder is.
    pub(crate) fn entry(&self, name: &OsStr) -> Result<Kind, Error> {
        let about = self.dir.symlink_metadata(name);
        about.map(|about| kind(about.file_type())).map_err(|e| Error::io(self.path.join(name), e))
    }

    /// What is at `inside`; a link is a link and not what it leads to.
    pub fn kind(&self, inside: impl AsRef<Path>) -> Result<Kind, Error> {
        let (folder, name) = self.parent(inside.as_ref())?;
        folder.entry(name)
    }

    /// The regular file at `inside` and its length.
    pub fn open_file(&self, inside: impl AsRef<Path>) -> Result<(File, u64), Error> {
        let (folder, name) = self.parent(inside.as_ref())?;
        let path = folder.path.join(name);
        // Opened before it is looked at: what is looked at then is what is read.
        let error = match folder.dir.open_with(name, &reading(FollowSymlinks::No)) {
            Ok(file) => return opened(&path, file.into_std()),
            Err(error) => error,
        };
        Err(match folder.entry(name)? {
            Kind::Link => Error::new(path, Reason::Link),
            Kind::Folder => Error::new(path, Reason::Special(A_FOLDER)),
            Kind::Special => Error::new(path, Reason::Special(NO_FILE)),
            // It is there, so it is not missing.
            Kind::File if error.kind() == io::ErrorKind::NotFound => {
                let changed = io::Error::other("it changed while it was read");
                Error::new(path, Reason::Io(changed))
            }
            Kind::File => Error::io(path, error),
        })
    }

    /// The content of the regular file at `inside`, if it is at most `max` bytes.
    pub fn read(&self, inside: impl AsRef<Path>, max: u64) -> Result<Vec<u8>, Error> {
        let inside = inside.as_ref();
        let (file, length) = self.open_file(inside)?;
        content(&self.path.join(inside), file, length, max)
    }

    /// The text of the regular file at `inside`, if it is UTF-8 and at most `max` bytes.
    pub fn read_text(&self, inside: impl AsRef<Path>, max: u64) -> Result<String, Error> {
        let inside = inside.as_ref();
        text(&self.path.join(inside), self.read(inside, max)?)
    }

    /// The entries, in the order of their names.
    pub fn entries(&self) -> Result<Vec<(OsString, Kind)>, Error> {
        let failed = |error| Error::io(&self.path, error);
        let mut all = Vec::new();
        for entry in self.dir.entries().map_err(failed)? {
            if all.len() == MOST {
                return Err(Error::new(&self.path, Reason::TooMany(MOST)));
            }
            let entry = entry.map_err(failed)?;
            let kind = kind(entry.file_type().map_err(failed)?);
            all.push((entry.file_name(), kind));
        }
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    /// The folder opened anew for more than being a place, which is all that its descriptor permits.
    #[cfg(unix)]
    pub(crate) fn readable(&self) -> io::Result<File> {
        let mut options = cap_std::fs::OpenOptions::new();
        self.dir.open_with(".", options.read(true)).map(cap_std::fs::File::into_std)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> Result<bool, Error> {
        let mut entries = self.dir.entries().map_err(|error| Error::io(&self.path, error))?;
        Ok(entries.next().is_none())
    }
}

fn kind(found: cap_std::fs::FileType) -> Kind {
    if found.is_symlink() {
        Kind::Link
    } else if found.is_dir() {
        Kind::Folder
    } else if found.is_file() {
        Kind::File
    } else {
        Kind::Special
    }
}

/// Refuses everything but a regular file.
pub(crate) fn regular(path: &Path, found: std::fs::FileType) -> Result<(), Error> {
    if found.is_file() {
        Ok(())
    } else if found.is_symlink() {
        Err(Error::new(path, Reason::Link))
    } else {
        let what = if found.is_dir() { A_FOLDER } else { NO_FILE };
        Err(Error::new(path, Reason::Special(what)))
    }
}
