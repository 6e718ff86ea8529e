//! The folders beneath which somebody else's paths may lead.

use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::{Error, Folder, Reason};

/// Folders, each held open. Without any there is no access to the disk.
#[derive(Debug, Clone, Default)]
pub struct Roots(Arc<Vec<Folder>>);

/// A path beneath a root, which need not exist.
#[derive(Debug)]
pub struct Place<'a> {
    root: &'a Folder,
    inside: PathBuf,
}

impl Roots {
    /// Opens each folder once, under its real path.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self, Error> {
        let opened = paths.iter().map(AsRef::as_ref).map(|path| Folder::open(&crate::real(path)?));
        opened.collect::<Result<Vec<_>, _>>().map(|all| Self(Arc::new(all)))
    }

    /// One folder, whose path is its real one.
    pub fn of(folder: Folder) -> Self {
        Self(Arc::new(vec![folder]))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The folders.
    pub fn folders(&self) -> &[Folder] {
        &self.0
    }

    /// Where `requested` is, a relative path beneath the first root.
    ///
    /// Links are followed as long as they stay beneath a root. What is found is only a name yet: it is opened
    /// beneath the root's descriptor without following any link, so that a link that is put in its place in the
    /// meantime is refused.
    ///
    /// # Errors
    /// [`Reason::Outside`] for what is not beneath a root, whether it exists or not.
    pub fn place(&self, requested: &Path) -> Result<Place<'_>, Error> {
        let outside = || Error::new(requested, Reason::Outside);
        let first = self.0.first().ok_or_else(outside)?;
        if requested.components().any(|part| part == Component::ParentDir) {
            return Err(outside());
        }
        let mut real = PathBuf::new();
        for part in first.path.join(requested).components() {
            real.push(part);
            match real.symlink_metadata() {
                // A link that leads nowhere is told as one that leads out: what is out there is nobody's business.
                Ok(found) if found.is_symlink() => {
                    real = real.canonicalize().map_err(|_| outside())?;
                }
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) if self.holding(&real).is_some() => {
                    return Err(Error::io(requested, error));
                }
                Err(_) => return Err(outside()),
            }
        }
        self.holding(&real).ok_or_else(outside)
    }

    fn holding(&self, real: &Path) -> Option<Place<'_>> {
        self.0.iter().find_map(|root| {
            let inside = real.strip_prefix(&root.path).ok()?.to_owned();
            Some(Place { root, inside })
        })
    }
}

impl Place<'_> {
    /// The whole path, for messages.
    pub fn path(&self) -> PathBuf {
        if self.is_root() { self.root.path.clone() } else { self.root.path.join(&self.inside) }
    }

    /// The path beneath the root.
    pub fn inside(&self) -> &Path {
        &self.inside
    }

    /// Whether it is a root itself.
    pub fn is_root(&self) -> bool {
        self.inside.as_os_str().is_empty()
    }

    /// The folder that is there.
    pub fn folder(&self) -> Result<Folder, Error> {
        self.root.folder(&self.inside)
    }

    /// The folder in which it is or will be, made where it is not there, and the name in it; none for a root.
    pub fn parent(&self) -> Result<Option<(Folder, PathBuf)>, Error> {
        let (Some(parent), Some(name)) = (self.inside.parent(), self.inside.file_name()) else {
            return Ok(None);
        };
        Ok(Some((self.root.make_folder(parent)?, name.into())))
    }

    /// The regular file that is there, and its length.
    pub fn open(&self) -> Result<(File, u64), Error> {
        self.root.open_file(&self.inside)
    }
}
