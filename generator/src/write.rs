//! From memory to disk: all or nothing, and never over a user's own edits.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcc_files::{Error, Folder, Kind, Reason, shown};

use crate::diff::Found;
use crate::project::Project;
use crate::{saved, written};

/// How long an update waits for another of the same folder.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the names of edited files that are kept end in.
const KEPT: &str = ".orig";

/// Why a project was not written. Nothing was changed, unless the message says so.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder holds something already.
    #[error("{} exists and is not empty", shown(.0))]
    Occupied(PathBuf),
    /// The folder is not a project that can be updated.
    #[error("{} is not a generated project: {reason}", shown(folder))]
    NotAProject {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Files that the update would change were edited since they were generated.
    #[error("edited since they were generated: {}", .0.join(", "))]
    Edited(Vec<String>),
    /// Something in the way: a file that cannot be read, or that the system does not let be written.
    #[error(transparent)]
    File(#[from] Error),
}

impl WriteError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Occupied(_) => {
                "choose another folder, or update the project that is there with --update"
            }
            Self::NotAProject { .. } => "generate into a new folder",
            Self::Edited(_) => {
                "look at the changes with --diff, then give --force: each edited file is kept as <name>.orig"
            }
            Self::File(error) => error.fix(),
        }
    }
}

/// What became of an update.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Files written.
    pub written: Vec<String>,
    /// Generated files that are no longer part of the project and were removed.
    pub removed: Vec<String>,
    /// Edited files that were kept aside, as `<name>.orig`.
    pub kept: Vec<String>,
}

impl Project {
    /// Writes the project as the new folder `dir`, which may exist only if it is empty.
    pub fn write(&self, dir: &Path) -> Result<(), WriteError> {
        let Some(name) = dir.file_name() else {
            if Folder::open(dir)?.is_empty()? {
                let reason = Reason::Io(io::Error::other("name the folder, such as ../churn"));
                return Err(Error { path: dir.to_owned(), reason }.into());
            }
            return Err(WriteError::Occupied(dir.to_owned()));
        };
        self.write_in(&Folder::create(dir.parent().unwrap_or(dir))?, Path::new(name))
    }

    /// Writes the project as the new folder `name` of `parent`.
    ///
    /// The files are written beside it and renamed into place, so that a kill at any moment leaves
    /// either no project or a whole one, and of two writers one wins.
    pub fn write_in(&self, parent: &Folder, name: &Path) -> Result<(), WriteError> {
        let occupied = || WriteError::Occupied(parent.path().join(name));
        if !parent.is_free(name)? {
            if parent.kind(name)? == Kind::Special {
                let path = parent.path().join(name);
                return Err(Error { path, reason: Reason::NotAFolder }.into());
            }
            return Err(occupied());
        }
        let staging = parent.staging()?;
        for (path, file) in self.files() {
            staging.write(Path::new(path), &file.bytes, file.executable)?;
        }
        if staging.publish(name)? { Ok(()) } else { Err(occupied()) }
    }

    /// Brings the generated project in `dir` up to this one.
    pub fn update(&self, dir: &Path, force: bool) -> Result<Updated, WriteError> {
        let folder = Folder::open(dir).map_err(|error| WriteError::NotAProject {
            folder: dir.to_owned(),
            reason: error.reason.to_string(),
        })?;
        self.update_folder(&folder, force)
    }

    /// Brings the generated project in a folder up to this one.
    ///
    /// Files that were edited since are a [`WriteError::Edited`] before anything is changed, unless
    /// `force`, which keeps each as `<name>.orig`. A link counts as an edit. What cannot be read is an
    /// error in any case, and files that the generator never wrote are not touched.
    /// Each file is replaced by a rename and the record comes last, so an interrupted update is
    /// finished by running it again. Of two updates at once one waits for the other.
    pub fn update_folder(&self, folder: &Folder, force: bool) -> Result<Updated, WriteError> {
        let _alone = folder.lock(PATIENCE)?;
        let record = saved::Record::read(folder).map_err(|reason| WriteError::NotAProject {
            folder: folder.path().to_owned(),
            reason,
        })?;
        let mut updated = Updated::default();
        let mut edited = Vec::new();
        for (path, file) in self.files().filter(|(p, _)| *p != written::RECORD) {
            let found = Found::at(folder, path, file.bytes.len())?;
            if !found.is(&file.bytes) {
                updated.written.push(path.to_owned());
                if found.is_edited(&record, path) {
                    edited.push(path.to_owned());
                }
            }
        }
        for path in record.paths().filter(|p| self.get(p).is_none()) {
            let found = Found::at(folder, path, 0)?;
            if !matches!(found, Found::Nothing) {
                updated.removed.push(path.to_owned());
                if found.is_edited(&record, path) {
                    edited.push(path.to_owned());
                }
            }
        }
        if !edited.is_empty() && !force {
            return Err(WriteError::Edited(edited));
        }
        self.sweep(folder);
        for path in edited {
            folder.keep_aside(&path, KEPT)?;
            updated.kept.push(path);
        }
        for path in &updated.written {
            self.replace(folder, path)?;
        }
        for path in &updated.removed {
            match folder.remove(Path::new(path)) {
                // Where a file has one name only, keeping it aside has moved it.
                Err(error) if error.is_missing() => {}
                done => done?,
            }
        }
        self.replace(folder, written::RECORD)?;
        Ok(updated)
    }

    fn replace(&self, folder: &Folder, path: &str) -> Result<(), Error> {
        match self.get(path) {
            Some(file) => folder.replace(Path::new(path), &file.bytes, file.executable),
            None => Ok(()),
        }
    }

    /// Removes what a killed update left beside the files that it was to replace.
    fn sweep(&self, folder: &Folder) {
        let parents: BTreeSet<_> =
            self.files().filter_map(|(p, _)| Path::new(p).parent()).collect();
        for parent in parents {
            if let Ok(parent) = folder.folder(parent) {
                parent.sweep_files();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::project::File;

    fn project(files: &[(&str, &str)]) -> Project {
        let mut project = Project::default();
        for (path, text) in files {
            project.insert(path, File::new(text.as_bytes().to_vec(), "layers/base"));
        }
        saved::record(&mut project);
        project
    }

    #[test]
    fn a_folder_that_holds_something_is_refused_and_left_alone() {
        let place = tempfile::tempdir().expect("dir");
        let dir = place.path().join("p");
        project(&[("a", "1")]).write(&dir).expect("written");
        assert!(matches!(project(&[("a", "2")]).write(&dir), Err(WriteError::Occupied(_))));
        assert_eq!(fs::read_to_string(dir.join("a")).expect("file"), "1");
        assert_eq!(fs::read_dir(place.path()).expect("dir").count(), 1, "staging is removed");
    }

    #[test]
    fn an_update_never_loses_edits() {
        let place = tempfile::tempdir().expect("dir");
        let dir = place.path().join("p");
        project(&[("do/config", "1"), ("do/run", "1"), ("do/push", "1")])
            .write(&dir)
            .expect("written");
        fs::write(dir.join("do/config"), "mine").expect("edit");
        fs::write(dir.join("own"), "mine").expect("own file");
        let next = project(&[("do/config", "2"), ("do/run", "2")]);
        assert!(
            matches!(next.update(&dir, false), Err(WriteError::Edited(files)) if files == ["do/config"])
        );
        assert_eq!(
            fs::read_to_string(dir.join("do/run")).expect("run"),
            "1",
            "nothing was changed"
        );
        let updated = next.update(&dir, true).expect("updated");
        assert_eq!(updated.removed, ["do/push"]);
        assert_eq!(fs::read_to_string(dir.join("do/config")).expect("config"), "2");
        assert_eq!(fs::read_to_string(dir.join("do/config.orig")).expect("orig"), "mine");
        assert_eq!(fs::read_to_string(dir.join("own")).expect("own"), "mine");
        assert_eq!(next.update(&dir, false).expect("again"), Updated::default());
    }
}
