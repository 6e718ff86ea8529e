//! From memory to disk: all or nothing, and never over a user's own edits.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::project::{File, Project};
use crate::saved;

/// Why a project was not written. Nothing was changed, unless the message says so.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The folder holds something already.
    #[error("{0} exists and is not empty")]
    Occupied(PathBuf),
    /// The folder is not a project that can be updated.
    #[error("{folder} is not a generated project: {reason}")]
    NotAProject {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Files that the update would change were edited since they were generated.
    #[error("edited since they were generated: {}", .0.join(", "))]
    Edited(Vec<String>),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// What was being written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
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
            Self::Io { .. } => "make room and check permissions, then run it again",
        }
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError::Io { path, source }
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
    ///
    /// The files are written beside `dir` and renamed into place, so that a kill at any moment leaves
    /// either no project or a whole one, and of two writers one wins.
    pub fn write(&self, dir: &Path) -> Result<(), WriteError> {
        if occupied(dir)? {
            return Err(WriteError::Occupied(dir.to_owned()));
        }
        let parent = parent_of(dir);
        fs::create_dir_all(&parent).map_err(io_error(&parent))?;
        let staging = tempfile::Builder::new()
            .prefix(".mcc-")
            .tempdir_in(&parent)
            .map_err(io_error(&parent))?;
        for (path, file) in self.files() {
            write_file(staging.path(), path, file)?;
        }
        open_up(staging.path())?;
        match fs::rename(staging.path(), dir) {
            Ok(()) => {
                // The folder has its name now, so there is nothing left to remove.
                let _ = staging.keep();
                Ok(())
            }
            Err(_) if occupied(dir)? => Err(WriteError::Occupied(dir.to_owned())),
            Err(e) => Err(io_error(dir)(e)),
        }
    }

    /// Brings the generated project in `dir` up to this one.
    ///
    /// Files that were edited since are a [`WriteError::Edited`] before anything is changed, unless
    /// `force`, which keeps each as `<name>.orig`. Files that the generator never wrote are not touched.
    /// Each file is replaced by a rename and the record comes last, so an interrupted update is
    /// finished by running it again.
    pub fn update(&self, dir: &Path, force: bool) -> Result<Updated, WriteError> {
        let record = saved::Record::read(dir)
            .map_err(|reason| WriteError::NotAProject { folder: dir.to_owned(), reason })?;
        let mut updated = Updated::default();
        let mut edited = Vec::new();
        let mut paths = self.files().map(|(path, _)| path).chain(record.paths());
        if let Some(link) = paths.find_map(|path| linked_parent(dir, path)) {
            return Err(WriteError::NotAProject {
                folder: dir.to_owned(),
                reason: format!("{} is a link, which may lead out of it", link.display()),
            });
        }
        for (path, file) in self.files().filter(|(p, _)| *p != saved::RECORD) {
            let Ok(current) = fs::read(dir.join(path)) else {
                updated.written.push(path.to_owned());
                continue;
            };
            if *current != *file.bytes {
                updated.written.push(path.to_owned());
                if !record.wrote(path, &current) {
                    edited.push(path.to_owned());
                }
            }
        }
        for path in record.paths().filter(|p| self.get(p).is_none()) {
            let Ok(current) = fs::read(dir.join(path)) else { continue };
            updated.removed.push(path.to_owned());
            if !record.wrote(path, &current) {
                edited.push(path.to_owned());
            }
        }
        if !edited.is_empty() && !force {
            return Err(WriteError::Edited(edited));
        }
        for path in edited {
            let from = dir.join(&path);
            let to = unused(&dir.join(format!("{path}.orig")));
            fs::copy(&from, &to).map_err(io_error(&to))?;
            updated.kept.push(path);
        }
        for path in &updated.written {
            if let Some(file) = self.get(path) {
                replace_file(dir, path, file)?;
            }
        }
        for path in &updated.removed {
            let path = dir.join(path);
            fs::remove_file(&path).map_err(io_error(&path))?;
        }
        if let Some(file) = self.get(saved::RECORD) {
            replace_file(dir, saved::RECORD, file)?;
        }
        Ok(updated)
    }
}

/// The first folder on the way from `dir` to the file at `path` that is a symbolic link.
fn linked_parent(dir: &Path, path: &str) -> Option<PathBuf> {
    let mut folders = Path::new(path).ancestors().skip(1).filter(|a| !a.as_os_str().is_empty());
    folders.find(|f| dir.join(f).is_symlink()).map(|f| dir.join(f))
}

/// `path`, or with the first number after it that no file has: what was kept before stays.
fn unused(path: &Path) -> PathBuf {
    let numbered = (1..).map(|n| PathBuf::from(format!("{}.{n}", path.display())));
    std::iter::once(path.to_owned())
        .chain(numbered)
        .find(|p| p.symlink_metadata().is_err())
        .unwrap_or_else(|| path.to_owned())
}

fn parent_of(dir: &Path) -> PathBuf {
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn occupied(dir: &Path) -> Result<bool, WriteError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Ok(true),
        Err(e) => Err(io_error(dir)(e)),
    }
}

fn write_file(dir: &Path, path: &str, file: &File) -> Result<(), WriteError> {
    let path = dir.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io_error(parent))?;
    }
    let mut out = fs::File::create_new(&path).map_err(io_error(&path))?;
    out.write_all(&file.bytes).map_err(io_error(&path))?;
    set_mode(&path, file.executable)
}

fn replace_file(dir: &Path, path: &str, file: &File) -> Result<(), WriteError> {
    let path = dir.join(path);
    let parent = parent_of(&path);
    fs::create_dir_all(&parent).map_err(io_error(&parent))?;
    let mut staged =
        tempfile::Builder::new().prefix(".mcc-").tempfile_in(&parent).map_err(io_error(&path))?;
    staged.write_all(&file.bytes).map_err(io_error(&path))?;
    set_mode(staged.path(), file.executable)?;
    staged.persist(&path).map_err(|e| io_error(&path)(e.error))?;
    Ok(())
}

#[cfg(unix)]
fn set_mode(path: &Path, executable: bool) -> Result<(), WriteError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(io_error(path))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: bool) -> Result<(), WriteError> {
    Ok(())
}

/// A temporary folder is private; a project is not.
#[cfg(unix)]
fn open_up(dir: &Path) -> Result<(), WriteError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).map_err(io_error(dir))
}

#[cfg(not(unix))]
fn open_up(_: &Path) -> Result<(), WriteError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        project(&[("a", "1"), ("b", "1"), ("gone", "1")]).write(&dir).expect("written");
        fs::write(dir.join("a"), "mine").expect("edit");
        fs::write(dir.join("own"), "mine").expect("own file");
        let next = project(&[("a", "2"), ("b", "2")]);
        assert!(
            matches!(next.update(&dir, false), Err(WriteError::Edited(files)) if files == ["a"])
        );
        assert_eq!(fs::read_to_string(dir.join("b")).expect("b"), "1", "nothing was changed");
        let updated = next.update(&dir, true).expect("updated");
        assert_eq!(updated.removed, ["gone"]);
        assert_eq!(fs::read_to_string(dir.join("a")).expect("a"), "2");
        assert_eq!(fs::read_to_string(dir.join("a.orig")).expect("orig"), "mine");
        assert_eq!(fs::read_to_string(dir.join("own")).expect("own"), "mine");
        assert_eq!(next.update(&dir, false).expect("again"), Updated::default());
    }
}
