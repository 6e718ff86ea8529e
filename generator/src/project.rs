//! A project in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// One file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its content; borrowed where it is a layer's file as it is.
    pub bytes: Cow<'static, [u8]>,
    /// Whether it is written executable: it starts with `#!`.
    pub executable: bool,
    /// The layer that it came from, for answers to "why is this here".
    pub layer: String,
}

impl File {
    /// A file of `layer`.
    pub fn new(bytes: impl Into<Cow<'static, [u8]>>, layer: &str) -> Self {
        let bytes = bytes.into();
        let executable = bytes.starts_with(b"#!");
        Self { bytes, executable, layer: layer.to_owned() }
    }
}

/// The files of a project by their path, which uses `/` and never leaves the project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    files: BTreeMap<String, File>,
}

/// A file as plans list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedFile {
    /// Path below the project's folder.
    pub path: String,
    /// Size in bytes.
    pub bytes: usize,
    /// Whether it is executable.
    pub executable: bool,
    /// The layer that it comes from.
    pub layer: String,
}

impl Project {
    /// All files, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().map(|(p, f)| (p.as_str(), f))
    }

    /// The file at `path`.
    pub fn get(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// The files as plans list them.
    pub fn listing(&self) -> Vec<PlannedFile> {
        let one = |(path, file): (&String, &File)| PlannedFile {
            path: path.clone(),
            bytes: file.bytes.len(),
            executable: file.executable,
            layer: file.layer.clone(),
        };
        self.files.iter().map(one).collect()
    }

    pub(crate) fn insert(&mut self, path: &str, file: File) {
        self.files.insert(path.to_owned(), file);
    }

    pub(crate) fn append(&mut self, path: &str, text: &str, layer: &str) {
        let file =
            self.files.entry(path.to_owned()).or_insert_with(|| File::new(Vec::new(), layer));
        let bytes = file.bytes.to_mut();
        if !bytes.is_empty() && !bytes.ends_with(b"\n\n") {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(text.as_bytes());
        file.executable = file.bytes.starts_with(b"#!");
    }
}
