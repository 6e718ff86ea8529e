//! Folders that are one user's alone, such as caches: what is in them is taken for their own words by the programs of
//! that user, so nobody else may write there.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cap_fs_ext::DirExt as _;
use cap_std::fs::OpenOptions;

use crate::write::{private, unfinished};
use crate::{Error, Folder, Kind, Reason, content};

/// A regular file of a folder.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name. Those that are not UTF-8 are not listed.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last written.
    pub modified: SystemTime,
}

impl Folder {
    /// The folder that a person names, made for this user alone if it is not there. Links lead to the folder that it is
    /// in, but it is none itself.
    ///
    /// # Errors
    /// It cannot be made, is no folder, belongs to somebody else, or others may write in it.
    pub fn private(path: &Path) -> Result<Self, Error> {
        let outside = || Error::new(path, Reason::Outside);
        let name = path.file_name().ok_or_else(outside)?;
        let parent = Self::create(path.parent().ok_or_else(outside)?)?;
        // Where nothing may be made it may be there all the same.
        if let Err(error) = parent.dir.create_dir_with(name, &private())
            && parent.entry(name).is_err()
        {
            return Err(Error::io(path, error));
        }
        let folder = Self { path: PathBuf::from(path), ..parent.folder(name)? };
        let about = folder.dir.dir_metadata().map_err(|error| Error::io(path, error))?;
        own(path, &about)?;
        Ok(folder)
    }

    /// The content of the regular file `name` of a private folder, if it is at most `max` bytes and this user's own.
    pub fn read_private(&self, name: &str, max: u64) -> Result<Vec<u8>, Error> {
        let path = self.path.join(name);
        let (file, length) = self.open_file(name)?;
        let file = cap_std::fs::File::from_std(file);
        let about = file.metadata().map_err(|error| Error::io(&path, error))?;
        own(&path, &about)?;
        content(&path, file.into_std(), length, max)
    }

    /// Puts a file that only this user can read at `name`, in place of what is there. Whoever reads it meanwhile has the
    /// one or the other, and never a part.
    pub fn replace_private(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let staged = unfinished();
        let done = self.new_private(&staged).and_then(|mut file| {
            file.write_all(bytes)?;
            self.dir.rename(&staged, &self.dir, name)
        });
        done.map_err(|error| {
            let _ = self.dir.remove_file(&staged);
            Error::io(self.path.join(name), error)
        })
    }

    fn new_private(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        only_own(&mut options);
        Ok(self.dir.open_with(name, &options)?.into_std())
    }

    /// The regular files of this folder, of its first `most` entries; and whether those are all.
    pub fn listed(&self, most: usize) -> Result<(Vec<Listed>, bool), Error> {
        let failed = |error| Error::io(&self.path, error);
        let mut listed = Vec::new();
        for (at, entry) in self.dir.entries().map_err(failed)?.enumerate() {
            if at == most {
                return Ok((listed, false));
            }
            // What goes away while it is looked at is not there.
            let Ok(entry) = entry else { continue };
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Ok(about) = self.dir.symlink_metadata(&name) else { continue };
            if about.is_file() {
                let modified = about
                    .modified()
                    .map_or(SystemTime::UNIX_EPOCH, cap_std::time::SystemTime::into_std);
                listed.push(Listed { name, bytes: about.len(), modified });
            }
        }
        Ok((listed, true))
    }

    /// Removes what has this name, unless it is a folder. What is not there is removed.
    pub fn forget(&self, name: &str) -> Result<(), Error> {
        match self.entry(OsStr::new(name)) {
            Ok(Kind::Folder) => {
                return Err(Error::new(self.path.join(name), Reason::Special("a folder")));
            }
            Err(error) if error.is_missing() => return Ok(()),
            _ => {}
        }
        match self.dir.remove_file_or_symlink(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(self.path.join(name), error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(unix)]
fn only_own(options: &mut OpenOptions) {
    use cap_std::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn only_own(_: &mut OpenOptions) {}

/// Whether it is this user's, and nobody else may write it.
#[cfg(unix)]
fn own(path: &Path, about: &cap_std::fs::Metadata) -> Result<(), Error> {
    use cap_std::fs::MetadataExt as _;
    let user = rustix::process::geteuid().as_raw();
    if about.uid() == user && about.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(Error::new(path, Reason::Shared))
    }
}

/// Folders of users are their own here.
#[cfg(not(unix))]
fn own(_: &Path, _: &cap_std::fs::Metadata) -> Result<(), Error> {
    Ok(())
}
