//! Layers of a folder beside those that are embedded, in debug builds only: tests show with it that a deployment config
//! is a folder, without building everything once more.

use std::fs;
use std::path::Path;

use include_dir::{Dir, DirEntry, File};

/// `layers` and `targets` of the folder that `MCC_LAYERS` names, each as if it had been embedded. They stay in memory.
pub(crate) fn folders() -> Vec<(&'static str, &'static Dir<'static>)> {
    let Some(folder) = std::env::var_os("MCC_LAYERS") else { return Vec::new() };
    let read =
        |name| Some((name, &*Box::leak(Box::new(read(&Path::new(&folder).join(name), "")?))));
    ["layers", "targets"].into_iter().filter_map(read).collect()
}

fn read(folder: &Path, inside: &str) -> Option<Dir<'static>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let name = entry.file_name().into_string().ok()?;
        let path = if inside.is_empty() { name } else { format!("{inside}/{name}") };
        entries.push(if entry.path().is_dir() {
            DirEntry::Dir(read(&entry.path(), &path)?)
        } else {
            DirEntry::File(File::new(path.leak(), fs::read(entry.path()).ok()?.leak()))
        });
    }
    Some(Dir::new(inside.to_owned().leak(), entries.leak()))
}
