//! What generating would change in a folder.

use std::path::Path;
use std::time::Duration;

use mcc_files::{Error, Folder, Reason};
use schemars::JsonSchema;
use serde::Serialize;

use crate::named::MAX_MODEL;
use crate::project::Project;
use crate::{saved, written};

/// How a file on disk relates to the one that would be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Change {
    Added,
    Changed,
    Removed,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// Path below the project's folder.
    pub path: String,
    /// What generating would do to it.
    pub change: Change,
    /// Whether the user edited it since it was generated.
    pub edited: bool,
    /// The unified diff, from what is on disk to what would be generated.
    pub diff: String,
}

impl Project {
    /// Every file that generating would add or change in a project given in memory.
    pub(crate) fn differences(&self, given: &Self) -> Vec<Difference> {
        let files = self.files().filter(|(p, _)| *p != written::RECORD);
        let differing = files.filter(|(p, f)| given.get(p).map(|g| &g.bytes) != Some(&f.bytes));
        let one = |(path, file): (&str, &crate::project::File)| {
            let current = given.get(path);
            let old = current.map(|f| f.bytes.as_ref()).unwrap_or_default();
            Difference {
                path: path.to_owned(),
                change: if current.is_some() { Change::Changed } else { Change::Added },
                edited: current.is_some(),
                diff: unified(path, old, &file.bytes),
            }
        };
        differing.map(one).collect()
    }

    /// Every file in `dir` that generating would add, change or remove.
    ///
    /// # Errors
    /// Something in it cannot be read.
    pub fn diff(&self, dir: &Path) -> Result<Vec<Difference>, Error> {
        match Folder::open(dir) {
            Ok(folder) => self.diff_folder(&folder),
            Err(error) if error.is_missing() => Ok(self.differences(&Self::default())),
            Err(error) => Err(error),
        }
    }

    /// Every file of a folder that generating would add, change or remove.
    ///
    /// # Errors
    /// As for [`Self::diff`].
    pub fn diff_folder(&self, folder: &Folder) -> Result<Vec<Difference>, Error> {
        let record = saved::Record::read(folder).unwrap_or_default();
        let mut differences = Vec::new();
        for (path, file) in self.files().filter(|(p, _)| *p != written::RECORD) {
            let found = Found::at(folder, path, file.bytes.len())?;
            if found.is(&file.bytes) {
                continue;
            }
            let change = match found {
                Found::Nothing => Change::Added,
                _ => Change::Changed,
            };
            let edited = found.is_edited(&record, path);
            let diff = found.unified(path, &file.bytes);
            differences.push(Difference { path: path.to_owned(), change, edited, diff });
        }
        for path in record.paths().filter(|p| self.get(p).is_none()) {
            let found = Found::at(folder, path, 0)?;
            if matches!(found, Found::Nothing) {
                continue;
            }
            differences.push(Difference {
                path: path.to_owned(),
                change: Change::Removed,
                edited: found.is_edited(&record, path),
                diff: found.unified(path, &[]),
            });
        }
        Ok(differences)
    }
}

/// What a project has where a file is generated.
pub(crate) enum Found {
    Nothing,
    Content(Vec<u8>),
    /// A link, whose target is nobody's business.
    Link,
    /// More than any version of the generator wrote there.
    Large,
}

/// The most that is compared of a file that is not of a model.
const MAX_COMPARED: u64 = 16 * 1024 * 1024;

impl Found {
    /// Looks at `path`, where `length` bytes are expected. What can neither be read nor be told apart from an edit is an
    /// error, so that it is never taken for nothing.
    pub(crate) fn at(folder: &Folder, path: &str, length: usize) -> Result<Self, Error> {
        let most = if written::is_of_model(path) { MAX_MODEL } else { MAX_COMPARED };
        match folder.read(path, most.max(length as u64)) {
            Ok(bytes) => Ok(Self::Content(bytes)),
            Err(error) => match error.reason {
                Reason::Missing => Ok(Self::Nothing),
                Reason::TooLarge(_) => Ok(Self::Large),
                Reason::Link if error.path == folder.path().join(path) => Ok(Self::Link),
                _ => Err(error),
            },
        }
    }

    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        matches!(self, Self::Content(found) if found == bytes)
    }

    /// Whether it is there, and not as the generator wrote it.
    pub(crate) fn is_edited(&self, record: &saved::Record, path: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Content(bytes) => !record.wrote(path, bytes),
            Self::Link | Self::Large => true,
        }
    }

    fn unified(&self, path: &str, new: &[u8]) -> String {
        match self {
            Self::Nothing => unified(path, &[], new),
            Self::Content(bytes) => unified(path, bytes, new),
            Self::Link => format!("{path} is a symbolic link, which is not followed\n"),
            Self::Large => format!("{path} is too large to be compared\n"),
        }
    }
}

/// The largest text of which the differing lines are looked for, and how long that may take.
const MAX_DIFFED: usize = 1024 * 1024;
const TIME: Duration = Duration::from_millis(500);

fn unified(path: &str, old: &[u8], new: &[u8]) -> String {
    let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else {
        return format!("binary files {path} differ\n");
    };
    if old.len().max(new.len()) > MAX_DIFFED {
        return format!("{path} is too large for its lines to be compared\n");
    }
    similar::TextDiff::configure()
        .timeout(TIME)
        .diff_lines(old, new)
        .unified_diff()
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string()
}
