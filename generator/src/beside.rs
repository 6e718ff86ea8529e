//! Layers of a folder beside those that are embedded, in debug builds only: tests show with it that a deployment config
//! is a folder, without building everything once more.

use std::path::Path;

use include_dir::{Dir, DirEntry, File};
use mcc_files::{Folder, Kind};

/// Largest file of a layer, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// `layers` and `targets` of the folder that `MCC_LAYERS` names, each as if it had been embedded. They stay in memory.
#[expect(clippy::disallowed_methods, reason = "only debug builds read it")]
pub(crate) fn folders() -> Vec<(&'static str, &'static Dir<'static>)> {
    let Some(folder) = std::env::var_os("MCC_LAYERS") else { return Vec::new() };
    let folder = Folder::open(Path::new(&folder)).ok();
    let read =
        |name| Some((name, &*Box::leak(Box::new(read(&folder.as_ref()?.folder(name).ok()?, "")?))));
    ["layers", "targets"].into_iter().filter_map(read).collect()
}

fn read(folder: &Folder, inside: &str) -> Option<Dir<'static>> {
    let mut entries = Vec::new();
    for (name, kind) in folder.entries().ok()? {
        let name = name.into_string().ok()?;
        let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
        entries.push(if kind == Kind::Folder {
            DirEntry::Dir(read(&folder.folder(&name).ok()?, &path)?)
        } else {
            DirEntry::File(File::new(path.leak(), folder.read(&name, MAX_FILE).ok()?.leak()))
        });
    }
    Some(Dir::new(inside.to_owned().leak(), entries.leak()))
}
