//! Writing beneath a folder: whole files by renaming, whole folders by renaming, and nothing over what is there.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use cap_fs_ext::DirExt as _;
use cap_std::fs::{Dir, DirBuilder, OpenOptions};

use crate::lock::{Lock, Tried};
use crate::{Error, Folder, Kind};

/// How the names of what is not yet in its place begin; sixteen hexadecimal digits follow.
const UNFINISHED: &str = ".mcc-new-";
/// Where nobody can tell whether its writer is still alive, what is older than this is given up.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);
/// The most entries of a folder among which left ones are looked for.
const LOOKED_AT: usize = 4096;
/// The most copies of one edited file that are kept.
const MOST_COPIES: u32 = 10_000;

/// A name that nothing has yet.
pub(crate) fn unfinished() -> String {
    format!("{UNFINISHED}{:016x}", RandomState::new().build_hasher().finish())
}

/// Whether a file of this name is one that is not yet in its place, or that a killed writer left.
pub fn is_unfinished(name: &str) -> bool {
    name.strip_prefix(UNFINISHED).is_some_and(|rest| {
        rest.len() == 16 && rest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// A folder that gets its name when it is complete, and is removed if it does not get that far.
#[derive(Debug)]
pub struct Staging<'a> {
    parent: &'a Folder,
    name: String,
    folder: Folder,
    published: bool,
    _alive: Option<Lock>,
}

impl Folder {
    /// A new folder beside those of this one, which [`Staging::publish`] gives its name.
    ///
    /// What killed runs left is removed first.
    pub fn staging(&self) -> Result<Staging<'_>, Error> {
        self.sweep_folders();
        loop {
            let name = unfinished();
            let path = self.path.join(&name);
            match self.dir.create_dir_with(&name, &private()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(Error::io(path, error)),
            }
            let folder = match self.folder(&name) {
                Err(error) if error.is_missing() => continue,
                opened => opened?,
            };
            let alive = match folder.try_lock() {
                Ok(Tried::Taken(lock)) => Some(lock),
                // Another run took it for a dead one's in the moment since it was made.
                Ok(Tried::Held) => continue,
                Ok(Tried::Unknown) | Err(_) => None,
            };
            if alive.is_some() && self.entry(name.as_ref()).is_err() {
                continue;
            }
            return Ok(Staging { parent: self, name, folder, published: false, _alive: alive });
        }
    }

    /// Removes the staging folders whose writers are dead.
    fn sweep_folders(&self) {
        let Ok(entries) = self.dir.entries() else { return };
        for entry in entries.take(LOOKED_AT).flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !is_unfinished(&name) || !entry.file_type().is_ok_and(|found| found.is_dir()) {
                continue;
            }
            let Ok(folder) = self.folder(&name) else { continue };
            let dead = match folder.try_lock() {
                Ok(Tried::Taken(lock)) => Some(lock),
                Ok(Tried::Held) => continue,
                Ok(Tried::Unknown) | Err(_) if is_old(&self.dir, &name) => None,
                Ok(Tried::Unknown) | Err(_) => continue,
            };
            // A writer that was done in the meantime has given the folder its name: that is a project now. While the
            // lock is ours and the name is still there, nobody else will.
            if self.entry(name.as_ref()).is_ok() {
                // What cannot be removed stands in nobody's way.
                let _ = self.dir.remove_dir_all(&name);
            }
            drop(dead);
        }
    }

    /// Removes the files that a killed update left in this folder. The caller holds the project's lock.
    pub fn sweep_files(&self) {
        let Ok(entries) = self.dir.entries() else { return };
        for entry in entries.take(LOOKED_AT).flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if is_unfinished(&name) && entry.file_type().is_ok_and(|found| found.is_file()) {
                let _ = self.dir.remove_file(&name);
            }
        }
    }

    /// Puts a file at `inside`, in place of the one that is there.
    pub fn replace(&self, inside: &Path, bytes: &[u8], executable: bool) -> Result<(), Error> {
        let outside = || Error::new(self.path.join(inside), crate::Reason::Outside);
        let name = inside.file_name().ok_or_else(outside)?;
        let below = self.steps(inside.parent().ok_or_else(outside)?, true)?;
        let folder = below.as_ref().unwrap_or(self);
        let staged = unfinished();
        let done = new_file(&folder.dir, Path::new(&staged), bytes, executable)
            .and_then(|()| folder.dir.rename(&staged, &folder.dir, name));
        done.map_err(|error| {
            let _ = folder.dir.remove_file(&staged);
            Error::io(folder.path.join(name), error)
        })
    }

    /// Gives the file or link at `inside` a name of its own as well, and returns that: `<inside><ending>`, or with
    /// the first number after it that nothing has. The file stays where it was too, if the file system allows.
    pub fn keep_aside(&self, inside: &str, ending: &str) -> Result<String, Error> {
        let (folder, name) = self.parent(Path::new(inside))?;
        let failed = |error| Error::io(folder.path.join(name), error);
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for number in 0..MOST_COPIES {
            let ending = if number == 0 { ending.to_owned() } else { format!("{ending}.{number}") };
            let mut other = name.to_owned();
            other.push(&ending);
            match folder.dir.hard_link(name, &folder.dir, &other) {
                Ok(()) => return Ok(format!("{inside}{ending}")),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                // No second names here, or not for this file.
                Err(_) => match folder.entry(&other) {
                    Ok(_) => {}
                    Err(error) if error.is_missing() => {
                        folder.dir.rename(name, &folder.dir, &other).map_err(failed)?;
                        return Ok(format!("{inside}{ending}"));
                    }
                    Err(error) => return Err(error),
                },
            }
        }
        Err(failed(last))
    }

    /// Removes the file or link at `inside`.
    pub fn remove(&self, inside: &Path) -> Result<(), Error> {
        let (folder, name) = self.parent(inside)?;
        folder
            .dir
            .remove_file_or_symlink(name)
            .map_err(|error| Error::io(folder.path.join(name), error))
    }

    /// Whether a new folder may take the name: nothing has it, or a folder with nothing in it.
    pub fn is_free(&self, name: &Path) -> Result<bool, Error> {
        match self.kind(name) {
            Ok(Kind::Folder) => self.folder(name)?.is_empty(),
            Ok(_) => Ok(false),
            Err(error) if error.is_missing() => Ok(true),
            Err(error) => Err(error),
        }
    }
}

impl Staging<'_> {
    /// Writes a file beneath the new folder.
    pub fn write(&self, inside: &Path, bytes: &[u8], executable: bool) -> Result<(), Error> {
        let dir = &self.folder.dir;
        let failed = |error| Error::io(self.parent.path.join(inside), error);
        match new_file(dir, inside, bytes, executable) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(parent) = inside.parent() {
                    dir.create_dir_all(parent).map_err(failed)?;
                }
                new_file(dir, inside, bytes, executable).map_err(failed)
            }
            done => done.map_err(failed),
        }
    }

    /// Gives the folder its name, if that is free: `false` if it is not.
    pub fn publish(mut self, name: &Path) -> Result<bool, Error> {
        let path = self.parent.path.join(name);
        open_up(&self.folder).map_err(|error| Error::io(&path, error))?;
        match self.parent.dir.rename(&self.name, &self.parent.dir, name) {
            Ok(()) => {
                self.published = true;
                Ok(true)
            }
            Err(error) => {
                if self.parent.is_free(name)? {
                    Err(Error::io(path, error))
                } else {
                    Ok(false)
                }
            }
        }
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        if !self.published {
            // The next run tries again.
            let _ = self.parent.dir.remove_dir_all(&self.name);
        }
    }
}

fn new_file(dir: &Dir, path: &Path, bytes: &[u8], executable: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = dir.open_with(path, &options)?.into_std();
    file.write_all(bytes)?;
    set_mode(&file, if executable { 0o755 } else { 0o644 })
}

fn is_old(dir: &Dir, name: &str) -> bool {
    let modified = dir.symlink_metadata(name).and_then(|about| about.modified());
    modified.is_ok_and(|at| at.into_std().elapsed().is_ok_and(|age| age > OLD))
}

#[cfg(unix)]
pub(crate) fn private() -> DirBuilder {
    use cap_std::fs::DirBuilderExt as _;
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
pub(crate) fn private() -> DirBuilder {
    DirBuilder::new()
}

/// Modes are those of a project whatever the umask says.
#[cfg(unix)]
fn set_mode(file: &std::fs::File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &std::fs::File, _: u32) -> io::Result<()> {
    Ok(())
}

/// What is unfinished is private; a project is not.
#[cfg(unix)]
fn open_up(folder: &Folder) -> io::Result<()> {
    set_mode(&folder.readable()?, 0o755)
}

#[cfg(not(unix))]
fn open_up(_: &Folder) -> io::Result<()> {
    Ok(())
}
