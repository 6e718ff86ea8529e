//! Files that inputs name: where they may be, how much of them is read, and what model is in them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use mcc_files::{Error, Folder, Kind, Place, Reason};

use crate::artifact::{self, Artifact};
use crate::source::FileAccess;

/// Largest model file that is copied into a project, in bytes. Larger ones belong in S3.
pub(crate) const MAX_MODEL: u64 = 512 * 1024 * 1024;
/// What a folder of a `SavedModel` has.
const SAVED_MODEL: &str = "saved_model.pb";
/// Why nothing is read where no file may be named.
const NOWHERE: &str = "files cannot be read here";

/// Where an input leads.
enum Named<'a> {
    /// To a path of the user's own.
    Own(PathBuf),
    /// Beneath a folder that this server may read.
    Beneath(Place<'a>),
}

impl Named<'_> {
    fn is_folder(&self) -> bool {
        match self {
            Self::Own(path) => mcc_files::is_folder(path),
            Self::Beneath(place) => place.folder().is_ok(),
        }
    }

    fn folder(&self) -> Result<Folder, Error> {
        match self {
            Self::Own(path) => Folder::open(path),
            Self::Beneath(place) => place.folder(),
        }
    }

    fn open(&self) -> Result<(File, u64), Error> {
        match self {
            Self::Own(path) => mcc_files::open(path),
            Self::Beneath(place) => place.open(),
        }
    }

    /// Its path, without links.
    fn real(&self) -> Result<PathBuf, Error> {
        match self {
            Self::Own(path) => mcc_files::real(path),
            Self::Beneath(place) => Ok(place.path()),
        }
    }
}

/// Where `name` leads; nowhere where no file may be named.
fn lead<'a>(files: &'a FileAccess, name: &Path) -> Option<Result<Named<'a>, Error>> {
    match files {
        FileAccess::Nothing => None,
        FileAccess::Anywhere(base) => Some(Ok(Named::Own(base.join(name)))),
        FileAccess::Below(roots) | FileAccess::Project(roots) if roots.is_empty() => None,
        FileAccess::Below(roots) | FileAccess::Project(roots) => {
            Some(roots.place(name).map(Named::Beneath))
        }
    }
}

fn named<'a>(files: &'a FileAccess, name: &str) -> Result<Named<'a>, String> {
    match lead(files, Path::new(name)) {
        None => Err(NOWHERE.to_owned()),
        Some(named) => named.map_err(|error| reason(&error)),
    }
}

/// Whether an input names a folder.
pub(crate) fn is_folder(files: &FileAccess, name: &str) -> bool {
    named(files, name).is_ok_and(|named| named.is_folder())
}

/// The file that an input names, open, and its length, which is at most `max`.
pub(crate) fn open(files: &FileAccess, name: &str, max: u64) -> Result<(File, u64), String> {
    match named(files, name)?.open() {
        Ok((_, length)) if length > max => Err(Reason::TooLarge(max).to_string()),
        Ok(opened) => Ok(opened),
        Err(error) => Err(reason(&error)),
    }
}

/// The content of the file that an input names, at most `max` bytes of it. A pipe is read where the path is the
/// user's own.
pub(crate) fn read(files: &FileAccess, name: &str, max: u64) -> Result<Vec<u8>, String> {
    let read = match named(files, name)? {
        Named::Own(path) => mcc_files::read_or_drain(&path, max),
        Named::Beneath(place) => place
            .open()
            .and_then(|(file, length)| mcc_files::content(Path::new(name), file, length, max)),
    };
    read.map_err(|error| reason(&error))
}

/// The files of the folder that an input names, or the one file, at most `max` bytes in all: their paths beneath
/// the folder, empty for the one file, and what is in them.
pub(crate) fn read_all(
    files: &FileAccess,
    name: &str,
    max: u64,
) -> Result<Vec<(String, Vec<u8>)>, String> {
    if !is_folder(files, name) {
        let (file, length) = open(files, name, max)?;
        let bytes = mcc_files::content(Path::new(name), file, length, max);
        return Ok(vec![(String::new(), bytes.map_err(|error| reason(&error))?)]);
    }
    let named = named(files, name)?;
    let mut gathering =
        Gathering { files, left: max, looked_at: 0, way: Vec::new(), all: Vec::new() };
    let gathered = named.real().and_then(|real| {
        gathering.way.push(real);
        gathering.folder(&named.folder()?, "")
    });
    gathered.map_err(|error| match error.reason {
        Reason::TooLarge(_) => Reason::TooLarge(max).to_string(),
        _ => format!("in it, {error}"),
    })?;
    Ok(gathering.all)
}

/// Folders of a model do not lie deeper than this.
const DEEPEST: usize = 32;
/// Nor does it have more files and folders.
const MOST: usize = 10_000;

/// Reads the files of a folder.
struct Gathering<'a> {
    files: &'a FileAccess,
    /// How many bytes may still be read.
    left: u64,
    looked_at: usize,
    /// The real paths of the folders that it is in.
    way: Vec<PathBuf>,
    all: Vec<(String, Vec<u8>)>,
}

impl Gathering<'_> {
    fn folder(&mut self, folder: &Folder, inside: &str) -> Result<(), Error> {
        let failed = |path: PathBuf, why: &str| Error {
            path,
            reason: Reason::Io(io::Error::other(why.to_owned())),
        };
        for (name, kind) in folder.entries()? {
            let name = name
                .into_string()
                .map_err(|name| failed(folder.path().join(name), "its name is not UTF-8"))?;
            let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            self.looked_at += 1;
            if self.way.len() > DEEPEST || self.looked_at > MOST {
                return Err(Error {
                    path: folder.path().to_owned(),
                    reason: Reason::TooMany(MOST),
                });
            }
            let at = folder.path().join(&name);
            match kind {
                Kind::Folder => {
                    let real = self.way.last().map(|way| way.join(&name)).unwrap_or_default();
                    self.below(real, &folder.folder(&name)?, &path)?;
                }
                // Caches of models and tools for data keep one copy of each file, and folders of links to them.
                Kind::Link if !matches!(self.files, FileAccess::Project(_)) => {
                    let outside = || Error { path: at.clone(), reason: Reason::Outside };
                    let named = lead(self.files, &at).ok_or_else(outside)??;
                    if named.is_folder() {
                        let real = named.real()?;
                        if self.way.contains(&real) {
                            let why = "it is a link to a folder that it is in itself";
                            return Err(failed(at, why));
                        }
                        self.below(real, &named.folder()?, &path)?;
                    } else {
                        let (file, length) = named.open()?;
                        let bytes = mcc_files::content(&at, file, length, self.left)?;
                        self.take(path, bytes);
                    }
                }
                // What is a link or no file at all is refused here.
                _ => {
                    let bytes = folder.read(&name, self.left)?;
                    self.take(path, bytes);
                }
            }
        }
        Ok(())
    }

    fn below(&mut self, real: PathBuf, folder: &Folder, inside: &str) -> Result<(), Error> {
        self.way.push(real);
        self.folder(folder, inside)?;
        self.way.pop();
        Ok(())
    }

    fn take(&mut self, path: String, bytes: Vec<u8>) {
        self.left -= bytes.len() as u64;
        self.all.push((path, bytes));
    }
}

/// What the model at `path` is and says.
///
/// # Errors
/// Why it cannot be read.
pub(crate) fn read_artifact(files: &FileAccess, path: &str) -> Result<Artifact, String> {
    if !is_folder(files, path) {
        let (file, length) = open(files, path, MAX_MODEL)?;
        return Ok(artifact::inspect(file, length));
    }
    let inside = format!("{}/{SAVED_MODEL}", path.trim_end_matches('/'));
    match open(files, &inside, MAX_MODEL) {
        Ok((file, length)) => Ok(artifact::inspect_folder(file, length)),
        Err(reason) if reason.ends_with(&mcc_files::Reason::Missing.to_string()) => {
            match deeper(files, path) {
                Some(place) => Err(format!("{ELSEWHERE}{place}")),
                None => Ok(Artifact::default()),
            }
        }
        Err(reason) => Err(format!("{SAVED_MODEL} in it: {reason}")),
    }
}

/// Folders in which other servers keep a `SavedModel`: by its version, and as Triton's repositories do.
const BENEATH: [&str; 6] =
    ["1", "0", "saved_model", "model.savedmodel", "1/model.savedmodel", "export/Servo/1"];

/// The folder beneath `path` that holds the `SavedModel`, if it is in one of the usual places.
fn deeper(files: &FileAccess, path: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/');
    BENEATH
        .into_iter()
        .find(|inside| open(files, &format!("{path}/{inside}/{SAVED_MODEL}"), MAX_MODEL).is_ok())
}

/// What to do with a model in S3 that a config takes from a file.
pub(crate) fn copied(address: &str) -> String {
    let unpack = if address.ends_with(".tar.gz") { " - | tar -xz" } else { " ." };
    let all = if address.ends_with('/') { " --recursive" } else { "" };
    format!("copy it to this machine (`aws s3 cp{all} {}{unpack}`)", mcc_catalogs::echo(address))
}

/// What to do about the path of a file that could not be read.
pub(crate) fn fix(path: &str, reason: &str) -> String {
    if path.starts_with("s3://") {
        format!(
            "{} and name the copy; a language model is named with modelName {}",
            copied(path),
            mcc_catalogs::echo(path)
        )
    } else if let Some(plain) = path.strip_prefix("file://") {
        format!("give the path without file://: {}", mcc_catalogs::echo(plain))
    } else if path.contains("://") {
        "download the file and name it by its path".to_owned()
    } else if path.starts_with('~') {
        "write the whole path: ~ is not replaced by your home folder here".to_owned()
    } else if reason == NOWHERE {
        "start the server with `--root DIR`, the folder that the file is in, and name the file relative to it"
            .to_owned()
    } else if let Some(place) = reason.strip_prefix(ELSEWHERE) {
        format!("name {}/{place}", mcc_catalogs::echo(path.trim_end_matches('/')))
    } else if reason == Reason::TooLarge(MAX_MODEL).to_string() {
        TOO_LARGE.to_owned()
    } else {
        "name a file that can be read".to_owned()
    }
}

/// Before the folder in which a `SavedModel` is, where that is beneath the one that was named.
pub(crate) const ELSEWHERE: &str = "saved_model.pb is not in this folder, but beneath it in ";

/// What to do with a model that is too large to be read and copied into a project that is kept in memory.
pub(crate) const TOO_LARGE: &str = "leave modelPath out, give deploymentConfig, framework and includeSample false, and put the model where the first \
     of the next steps says, before do/build";

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
