//! The folders below which a server may read and write, and nothing else.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::error::{Problem, ServeError, ToolError};

/// Allowed folders, with links resolved. Empty means that there is no access to the disk.
#[derive(Debug, Default)]
pub(crate) struct Roots(Vec<PathBuf>);

impl Roots {
    /// Resolves each folder once, so that later comparisons are between real paths.
    ///
    /// # Errors
    /// [`ServeError::Root`] for one that is not a folder.
    pub(crate) fn new(folders: &[PathBuf]) -> Result<Self, ServeError> {
        folders
            .iter()
            .map(|path| {
                let failed = |source| ServeError::Root { path: path.clone(), source };
                let real = fs::canonicalize(path).map_err(failed)?;
                if real.is_dir() {
                    Ok(real)
                } else {
                    Err(failed(std::io::ErrorKind::NotADirectory.into()))
                }
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Self)
    }

    /// The folders, with links resolved.
    pub(crate) fn folders(&self) -> &[PathBuf] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The real path of `requested`, which is below one of the roots, or is one.
    ///
    /// A relative path is looked for below the first root. The folder need not exist; every part
    /// that does is followed through its links, and must still be below a root.
    ///
    /// # Errors
    /// Names `field` and the roots.
    pub(crate) fn resolve(&self, field: &str, requested: &str) -> Result<PathBuf, ToolError> {
        let Some(first) = self.0.first() else {
            return Err(ToolError::of(
                "no_disk_access",
                Problem::of(field, "this server has no folder to read or write")
                    .fix("have its files sent as arguments and answers, or start the server with --root DIR"),
            ));
        };
        if requested.contains('\0') {
            return Err(self.refused(field, requested, "a path cannot contain NUL"));
        }
        let requested_path = Path::new(requested);
        let wanted = first.join(requested_path);
        if requested_path.components().any(|part| part == Component::ParentDir) {
            return Err(self.refused(field, requested, "`..` is not followed"));
        }
        let real = real_path(&wanted)
            .map_err(|error| self.refused(field, requested, &error.to_string()))?;
        if self.0.iter().any(|root| real.starts_with(root)) {
            Ok(real)
        } else {
            Err(self.refused(field, requested, "it is outside the allowed folders"))
        }
    }

    /// Whether `path`, as returned by [`Self::resolve`], is a root itself.
    pub(crate) fn is_root(&self, path: &Path) -> bool {
        self.0.iter().any(|root| root == path)
    }

    fn refused(&self, field: &str, requested: &str, why: &str) -> ToolError {
        let roots: Vec<String> = self.0.iter().map(|root| root.display().to_string()).collect();
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

/// Follows the links of every part of `path` that exists. What does not exist yet is kept as it is.
fn real_path(path: &Path) -> std::io::Result<PathBuf> {
    let mut real = PathBuf::new();
    for part in path.components() {
        real.push(part);
        match fs::symlink_metadata(&real) {
            // A link that leads nowhere would be followed by whoever creates the folder.
            Ok(found) if found.is_symlink() => real = fs::canonicalize(&real)?,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(real)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

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

        let reached = |path: &str| roots.resolve("outputDirectory", path);
        assert_eq!(reached("new/project").unwrap(), root.join("new/project"));
        assert_eq!(reached("in/project").unwrap(), root.join("real/project"));
        assert_eq!(reached(root.join("a").to_str().unwrap()).unwrap(), root.join("a"));
        assert_eq!(reached(".").unwrap(), root);
        assert!(roots.is_root(&reached("").unwrap()));
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
        assert!(roots.resolve("directory", parent.join("ab").to_str().unwrap()).is_err());
    }

    #[test]
    fn without_roots_there_is_no_disk() {
        let error = Roots::default().resolve("directory", "x").unwrap_err();
        assert_eq!(error.code, "no_disk_access");
        assert!(Roots::new(&["/nonexistent/mcc".into()]).is_err());
    }
}
