//! What generating would change in a folder.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::project::Project;
use crate::saved;

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
        let files = self.files().filter(|(p, _)| *p != saved::RECORD);
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
    pub fn diff(&self, dir: &Path) -> Vec<Difference> {
        let record = saved::Record::read(dir).unwrap_or_default();
        let mut differences = Vec::new();
        for (path, file) in self.files().filter(|(p, _)| *p != saved::RECORD) {
            let current = std::fs::read(dir.join(path)).ok();
            if current.as_deref() == Some(file.bytes.as_ref()) {
                continue;
            }
            let edited = current.as_ref().is_some_and(|bytes| !record.wrote(path, bytes));
            let change = if current.is_some() { Change::Changed } else { Change::Added };
            let diff = unified(path, &current.unwrap_or_default(), &file.bytes);
            differences.push(Difference { path: path.to_owned(), change, edited, diff });
        }
        for path in record.paths().filter(|p| self.get(p).is_none()) {
            let Ok(current) = std::fs::read(dir.join(path)) else { continue };
            differences.push(Difference {
                path: path.to_owned(),
                change: Change::Removed,
                edited: !record.wrote(path, &current),
                diff: unified(path, &current, &[]),
            });
        }
        differences
    }
}

fn unified(path: &str, old: &[u8], new: &[u8]) -> String {
    let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else {
        return format!("binary files {path} differ\n");
    };
    similar::TextDiff::from_lines(old, new)
        .unified_diff()
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string()
}
