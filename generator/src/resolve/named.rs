//! Files that inputs name: where they may be, and how much of them is read.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::Context;
use crate::source::FileAccess;

impl Context<'_> {
    /// Whether an input names a folder.
    pub(super) fn is_folder(&self, path: &str) -> bool {
        self.path(path).is_ok_and(|p| p.is_dir())
    }

    /// The file that an input names, if inputs may name it.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf, String> {
        let real = |base: &Path| {
            base.join(name).canonicalize().map_err(|e| format!("it cannot be read: {e}"))
        };
        match &self.merged.files {
            FileAccess::Nothing => Err("files cannot be read here".to_owned()),
            FileAccess::Anywhere(base) => real(base),
            FileAccess::Below(roots) => {
                let first = roots.first().ok_or("files cannot be read here")?;
                let path = real(first)?;
                let inside = roots
                    .iter()
                    .filter_map(|r| r.canonicalize().ok())
                    .any(|root| path.starts_with(root));
                if inside {
                    Ok(path)
                } else {
                    Err("it is outside the folders that this server may read".to_owned())
                }
            }
        }
    }

    /// The content of the file that an input names, at most `max` bytes of it.
    pub(crate) fn read(&self, name: &str, max: u64) -> Result<Vec<u8>, String> {
        let path = self.path(name)?;
        if !path.is_file() {
            return Err("it is not a file".to_owned());
        }
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .and_then(|f| f.take(max + 1).read_to_end(&mut bytes))
            .map_err(|e| format!("it cannot be read: {e}"))?;
        if bytes.len() as u64 > max {
            return Err(format!("it is over {} MiB", max / (1024 * 1024)));
        }
        Ok(bytes)
    }
}
