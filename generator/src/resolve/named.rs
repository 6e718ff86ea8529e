//! Files that inputs name: where they may be, and how much of them is read.

use std::fs::File;
use std::path::{Path, PathBuf};

use mcc_files::{Error, Folder, Kind, Place, Reason};

use super::Context;
use crate::source::FileAccess;

/// Why nothing is read where no file may be named.
const NOWHERE: &str = "files cannot be read here";

/// Where an input leads.
enum Named<'a> {
    /// To a path of the user's own.
    Own(PathBuf),
    /// Beneath a folder that this server may read.
    Beneath(Place<'a>),
}

impl Context<'_> {
    fn named(&self, name: &str) -> Result<Named<'_>, String> {
        match &self.merged.files {
            FileAccess::Nothing => Err(NOWHERE.to_owned()),
            FileAccess::Anywhere(base) => Ok(Named::Own(base.join(name))),
            FileAccess::Below(roots) if roots.is_empty() => Err(NOWHERE.to_owned()),
            FileAccess::Below(roots) => {
                roots.place(Path::new(name)).map(Named::Beneath).map_err(|error| reason(&error))
            }
        }
    }

    /// Whether an input names a folder.
    pub(super) fn is_folder(&self, name: &str) -> bool {
        match self.named(name) {
            Ok(Named::Own(path)) => mcc_files::is_folder(&path),
            Ok(Named::Beneath(place)) => place.folder().is_ok(),
            Err(_) => false,
        }
    }

    /// The file that an input names, open, and its length, which is at most `max`.
    pub(crate) fn open(&self, name: &str, max: u64) -> Result<(File, u64), String> {
        let opened = match self.named(name)? {
            Named::Own(path) => mcc_files::open(&path),
            Named::Beneath(place) => place.open(),
        };
        match opened {
            Ok((_, length)) if length > max => Err(Reason::TooLarge(max).to_string()),
            Ok(opened) => Ok(opened),
            Err(error) => Err(reason(&error)),
        }
    }

    /// The content of the file that an input names, at most `max` bytes of it.
    pub(crate) fn read(&self, name: &str, max: u64) -> Result<Vec<u8>, String> {
        let (file, length) = self.open(name, max)?;
        mcc_files::content(Path::new(name), file, length, max).map_err(|error| reason(&error))
    }

    /// The files of the folder that an input names, or the one file, at most `max` bytes in all: their paths beneath
    /// the folder, empty for the one file, and what is in them.
    pub(crate) fn read_all(&self, name: &str, max: u64) -> Result<Vec<(String, Vec<u8>)>, String> {
        if !self.is_folder(name) {
            return Ok(vec![(String::new(), self.read(name, max)?)]);
        }
        let folder = match self.named(name)? {
            Named::Own(path) => Folder::open(&path),
            Named::Beneath(place) => place.folder(),
        };
        let folder = folder.map_err(|error| reason(&error))?;
        let mut all = Vec::new();
        let mut left = max;
        gather(&folder, "", 0, &mut left, &mut all).map_err(|error| match error.reason {
            Reason::TooLarge(_) => Reason::TooLarge(max).to_string(),
            _ => format!("in it, {error}"),
        })?;
        Ok(all)
    }
}

/// Folders of a model do not lie deeper than this.
const DEEPEST: usize = 32;
/// Nor does it have more files.
const MOST: usize = 10_000;

fn gather(
    folder: &Folder,
    inside: &str,
    depth: usize,
    left: &mut u64,
    all: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Error> {
    let many = || Error { path: folder.path().to_owned(), reason: Reason::TooMany(MOST) };
    for (name, kind) in folder.entries()? {
        let name = name.into_string().map_err(|name| Error {
            path: folder.path().join(name),
            reason: Reason::Io(std::io::Error::other("its name is not UTF-8")),
        })?;
        let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
        if depth > DEEPEST || all.len() >= MOST {
            return Err(many());
        }
        if kind == Kind::Folder {
            gather(&folder.folder(&name)?, &path, depth + 1, left, all)?;
        } else {
            // What is a link or no file at all is refused here.
            let bytes = folder.read(&name, *left)?;
            *left -= bytes.len() as u64;
            all.push((path, bytes));
        }
    }
    Ok(())
}

/// Without the path: who reads it has named it.
fn reason(error: &Error) -> String {
    match &error.reason {
        Reason::Outside => "it is outside the folders that this server may read".to_owned(),
        Reason::Denied | Reason::Io(_) => {
            format!("it cannot be read: {}", error.reason)
        }
        other => other.to_string(),
    }
}
