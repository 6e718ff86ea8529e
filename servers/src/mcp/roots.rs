//! The folders below which a server may read and write, and nothing else.

use std::path::{Component, Path, PathBuf};

use mcc_files::{Error, Folder, Place, Reason};

use crate::mcp::error::{Problem, ServeError, ToolError};

/// Parts of paths that no project has, and that programs obey: tools do not write there, nor read.
const PRIVATE: [&str; 6] = [".git", ".ssh", ".aws", ".gnupg", ".kube", ".docker"];

/// Allowed folders, held open. Empty means that there is no access to the disk.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    open: mcc_files::Roots,
    /// Whether nobody decided that there are none.
    unsettled: bool,
}

impl Roots {
    /// Opens each folder once.
    ///
    /// # Errors
    /// [`ServeError::Root`] for one that is not a folder.
    pub(crate) fn new(folders: &[PathBuf]) -> Result<Self, ServeError> {
        mcc_files::Roots::open(folders)
            .map(|open| Self { open, unsettled: false })
            .map_err(|error| ServeError::Root { path: error.path, source: error.reason })
    }

    /// None, because the working directory is no folder for projects and no other was named.
    pub(crate) fn unsettled() -> Self {
        Self { unsettled: true, ..Self::default() }
    }

    /// Whether projects were to be written, and nobody said where.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// The folders.
    pub(crate) fn folders(&self) -> &[Folder] {
        self.open.folders()
    }

    /// As inputs that name files take them.
    pub(crate) fn files(&self) -> mcc_files::Roots {
        self.open.clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Where `requested` is, which is below one of the roots, or is one.
    ///
    /// A relative path is looked for below the first root. The folder need not exist.
    ///
    /// # Errors
    /// Names `field` and the roots.
    pub(crate) fn place(&self, field: &str, requested: &str) -> Result<Place<'_>, ToolError> {
        if self.unsettled {
            return Err(ToolError::of(
                "no_disk_access",
                Problem::of(
                    field,
                    "this server was started in a folder that is none for projects, and no other was named",
                )
                .fix("add --root DIR, the folder of your projects, to the arguments with which it is started; or set returnAs to files or archive"),
            ));
        }
        if self.is_empty() {
            return Err(ToolError::of(
                "no_disk_access",
                Problem::of(field, "this server has no folder to read or write")
                    .fix("have its files sent as arguments and answers, or start the server with --root DIR"),
            ));
        }
        let path = Path::new(requested);
        if let Some(why) = unsuitable(path) {
            return Err(self.refused(field, requested, why));
        }
        match self.open.place(path) {
            Ok(place) => match unsuitable(place.inside()) {
                Some(why) => Err(self.refused(field, requested, why)),
                None => Ok(place),
            },
            Err(error) => {
                let why = match error.reason {
                    Reason::Outside => "it is outside the allowed folders".to_owned(),
                    other => other.to_string(),
                };
                Err(self.refused(field, requested, &why))
            }
        }
    }

    /// The folder at `requested`.
    ///
    /// # Errors
    /// As for [`Self::place`], and for what is not a folder.
    pub(crate) fn folder(&self, field: &str, requested: &str) -> Result<Folder, ToolError> {
        let place = self.place(field, requested)?;
        place.folder().map_err(|error| failed("not_a_project", field, requested, &error))
    }

    fn refused(&self, field: &str, requested: &str, why: &str) -> ToolError {
        let roots: Vec<String> =
            self.folders().iter().map(|root| root.path().display().to_string()).collect();
        ToolError::of(
            "outside_roots",
            Problem {
                why: Some(why.to_owned()),
                ..Problem::of(field, "this folder cannot be used")
            }
            .value(&requested.into())
            .fix(format!("give a folder below {}", roots.join(" or "))),
        )
    }
}

/// What stands in the way below the roots, as an answer with this code unless there is a better one.
pub(crate) fn failed(code: &str, field: &str, requested: &str, error: &Error) -> ToolError {
    let code = match error.reason {
        Reason::Outside | Reason::Link => "outside_roots",
        Reason::Locked => "busy",
        _ => code,
    };
    ToolError::of(
        code,
        Problem::of(field, error.to_string()).value(&requested.into()).fix(error.fix()),
    )
}

/// What no path of a call may contain, whatever is there.
fn unsuitable(path: &Path) -> Option<&'static str> {
    let text = path.to_str()?;
    if text.chars().any(char::is_control) {
        return Some("a path cannot contain control characters");
    }
    path.components().find_map(|part| match part {
        Component::ParentDir => Some("`..` is not followed"),
        Component::Normal(name) => {
            let name = name.to_str().unwrap_or_default();
            if name.starts_with('-') {
                // A command that is given the name takes it for an option.
                Some("no part of a path may begin with `-`")
            } else if PRIVATE.iter().any(|private| name.eq_ignore_ascii_case(private)) {
                Some("keys and settings of other programs are there")
            } else {
                None
            }
        }
        _ => None,
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use std::fs;

    use super::*;

    #[test]
    fn only_what_is_below_a_root_is_reached() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(inside.path()).unwrap();
        fs::create_dir(root.join("real")).unwrap();
        symlink(outside.path(), root.join("out")).unwrap();
        symlink(root.join("real"), root.join("in")).unwrap();
        symlink(root.join("nowhere"), root.join("dangling")).unwrap();
        fs::write(root.join("file"), "x").unwrap();
        let roots = Roots::new(std::slice::from_ref(&root)).unwrap();

        let reached = |path: &str| roots.place("outputDirectory", path).map(|place| place.path());
        assert_eq!(reached("new/project").unwrap(), root.join("new/project"));
        assert_eq!(reached("in/project").unwrap(), root.join("real/project"));
        assert_eq!(reached(root.join("a").to_str().unwrap()).unwrap(), root.join("a"));
        assert_eq!(reached(".").unwrap(), root);
        assert!(roots.place("outputDirectory", "").unwrap().is_root());
        for escape in [
            "..",
            "../other",
            "a/../../b",
            "a/..",
            "/",
            "/etc",
            "out",
            "out/project",
            "dangling",
            "dangling/project",
            "file/project",
            "a\0b",
            "a\nb",
            "a\u{1b}]0;b",
            "-rf",
            "a/--option/b",
            ".git/hooks",
            "a/.GIT",
            ".ssh",
            "a/.aws/b",
            outside.path().to_str().unwrap(),
        ] {
            let error = reached(escape).expect_err(escape);
            assert_eq!(error.code, "outside_roots", "{escape}");
            assert_eq!(error.problems[0].field.as_deref(), Some("outputDirectory"));
        }
    }

    #[test]
    fn a_root_whose_name_another_begins_with_does_not_contain_it() {
        let parent = tempfile::tempdir().unwrap();
        let parent = fs::canonicalize(parent.path()).unwrap();
        fs::create_dir(parent.join("a")).unwrap();
        fs::create_dir(parent.join("ab")).unwrap();
        let roots = Roots::new(&[parent.join("a")]).unwrap();
        assert!(roots.place("directory", parent.join("ab").to_str().unwrap()).is_err());
    }

    #[test]
    fn without_roots_there_is_no_disk() {
        let error = Roots::default().place("directory", "x").unwrap_err();
        assert_eq!(error.code, "no_disk_access");
        assert!(Roots::new(&["/nonexistent/mcc".into()]).is_err());
    }
}
