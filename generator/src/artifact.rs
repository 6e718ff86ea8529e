//! What a model file is and says: its form, the product and version that wrote it, the packages that it needs,
//! its columns and tensors. The first bytes decide; nothing is executed or unpickled, and a file of any size
//! or malice costs a bounded number of bytes, steps and seconds.

mod bounded;
mod lightgbm;
pub(crate) mod onnx;
pub(crate) mod packages;
mod pickle;
mod pickled;
mod protobuf;
mod saved_model;
mod ubjson;
mod unpack;
pub(crate) mod xgboost;
mod zip;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Seek};

use serde::{Deserialize, Serialize};

use bounded::{Bounded, Halt, MAX_READ};
use unpack::Packing;
use xgboost::Forest;

/// What a file is, by its bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Nothing at all.
    Empty,
    /// What Git keeps in place of a large file.
    LfsPointer,
    /// A page of the web, as a link to a file gives it to who is not logged in.
    Html,
    /// Text, and none of the models below.
    Text,
    /// None of the others.
    #[default]
    Unknown,
    /// A Python pickle.
    Pickle,
    /// A pickle in the layout of `joblib`: packed, or with arrays between its instructions.
    Joblib,
    /// Packed, and what is in it cannot be seen within the limits.
    Packed,
    /// A file of `skops`.
    Skops,
    /// An archive of files: tar.
    Tar,
    /// An archive of files: zip.
    Zip,
    /// JSON that is none of the models below.
    Json,
    /// `XGBoost` in JSON.
    XgboostJson,
    /// `XGBoost` in UBJSON.
    XgboostUbj,
    /// `XGBoost`'s old binary form.
    XgboostBinary,
    /// `LightGBM`'s text.
    Lightgbm,
    /// `CatBoost`'s binary form.
    Catboost,
    /// A checkpoint of `Treelite`.
    Treelite,
    /// An ONNX graph.
    Onnx,
    /// HDF5, as Keras writes it.
    Hdf5,
    /// A `.keras` archive.
    Keras,
    /// A `TorchScript` module.
    Torchscript,
    /// What `torch.save` writes.
    TorchSave,
    /// `TensorFlow`'s folder.
    SavedModel,
}

impl Content {
    /// What a message calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Empty => "an empty file",
            Self::LfsPointer => "a Git LFS pointer",
            Self::Html => "an HTML page",
            Self::Text => "plain text",
            Self::Unknown => "not in a known model format",
            Self::Pickle => "a Python pickle",
            Self::Joblib => "a pickle written by joblib",
            Self::Packed => "a compressed file",
            Self::Skops => "a skops file",
            Self::Tar => "a tar archive",
            Self::Zip => "a zip archive",
            Self::Json => "JSON",
            Self::XgboostJson => "an XGBoost model in JSON",
            Self::XgboostUbj => "an XGBoost model in UBJSON",
            Self::XgboostBinary => "an XGBoost model in the old binary format",
            Self::Lightgbm => "a LightGBM model in text",
            Self::Catboost => "a CatBoost model",
            Self::Treelite => "a Treelite checkpoint",
            Self::Onnx => "an ONNX model",
            Self::Hdf5 => "an HDF5 file",
            Self::Keras => "a .keras archive",
            Self::Torchscript => "a TorchScript module",
            Self::TorchSave => "a torch.save file, which does not hold the model's code",
            Self::SavedModel => "a SavedModel",
        }
    }
}

/// What was read from a model file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// What it is.
    pub content: Content,
    /// Why it cannot be read to its end, where that is certain.
    pub damaged: Option<&'static str>,
    /// Versions that it names, by package.
    pub versions: BTreeMap<String, String>,
    /// Modules that a pickle imports, without what is below their first dot.
    pub modules: BTreeSet<String>,
    /// Names that a pickle takes from the program that wrote it.
    pub main: Vec<String>,
    /// Inputs and outputs with their names, types and shapes, where the file has them.
    pub graph: Option<onnx::Graph>,
    /// What a boosted model says of itself.
    pub forest: Option<Forest>,
    /// Columns of the table that it predicts from.
    pub features: Option<i64>,
    /// Their names.
    pub names: Vec<String>,
    /// Whether some of them may hold texts or categories, which no number stands for.
    pub encoded: bool,
}

impl Artifact {
    fn of(content: Content) -> Self {
        Self { content, ..Self::default() }
    }

    fn damaged(content: Content, reason: &'static str) -> Self {
        Self { content, damaged: Some(reason), ..Self::default() }
    }

    fn boosted(content: Content, forest: Forest) -> Self {
        let mut found = Self::of(content);
        found.features = forest.features.filter(|n| *n > 0);
        found.names.clone_from(&forest.names);
        if let Some(version) = forest.version.as_deref().and_then(believable) {
            found.versions.insert("xgboost".to_owned(), version);
        }
        found.forest = Some(forest);
        found
    }
}

const CUT: &str = "it ends in the middle: the file is damaged or was not copied completely";
const BROKEN: &str = "its content is damaged";

/// A package of the release that a saved model names; its other names are the framework's to know.
const RELEASE_OF_SAVED_MODELS: &str = "tensorflow-cpu";
/// Longest version that is believed.
const MAX_VERSION: usize = 32;
/// Bytes of each end of a file that is too large to be read whole.
const END: u64 = 4 * 1024 * 1024;

/// Reads what a model file of `length` bytes is and says.
pub(crate) fn inspect<R: Read + Seek>(file: R, length: u64) -> Artifact {
    let mut file = Bounded::new(file, length);
    if length == 0 {
        return Artifact::of(Content::Empty);
    }
    let Ok(head) = file.head(1024) else { return Artifact::default() };
    if let Some(packing) = Packing::of(&head) {
        return packed(&mut file, packing);
    }
    if let Some(text) = words(&head, length) {
        return Artifact::of(text);
    }
    match head.as_slice() {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => archive(&mut file),
        [0x89, b'H', b'D', b'F', b'\r', b'\n', 0x1a, b'\n', ..] => hdf5(&mut file),
        [b'C', b'B', b'M', b'1', ..] => Artifact::of(Content::Catboost),
        [0x80, 0..=5, ..] => pickle(&mut file, Content::Pickle),
        [b't', b'r', b'e', b'e', b'\n' | b'\r', ..] => lightgbm::read(&mut file),
        _ if is_tar(&head) => Artifact::of(Content::Tar),
        _ if is_treelite(&head) => Artifact::of(Content::Treelite),
        [b'{', b'L' | b'i' | b'U' | b'I' | b'l' | b'$' | b'#', ..] => ubj(&mut file),
        _ if looks_like_json(&head) => json(&mut file),
        [0x08, ..] => graph(&mut file),
        _ => match xgboost::binary(&head) {
            Some(forest) => Artifact::boosted(Content::XgboostBinary, forest),
            None => match old_pickle(&mut file) {
                found if found.content == Content::Unknown && is_text(&head, length) => {
                    Artifact::of(Content::Text)
                }
                found => found,
            },
        },
    }
}

/// What is written for people or for Git in place of a model.
fn words(head: &[u8], length: u64) -> Option<Content> {
    const POINTER: &[u8] = b"version https://git-lfs";
    if head.starts_with(POINTER) {
        return Some(Content::LfsPointer);
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins =
        |tag: &[u8]| text.get(..tag.len()).is_some_and(|own| own.eq_ignore_ascii_case(tag));
    (is_text(head, length) && (begins(b"<!doctype html") || begins(b"<html")))
        .then_some(Content::Html)
}

/// Whether there are only characters that are shown; the last may be cut.
fn is_text(head: &[u8], length: u64) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && length > head.len() as u64 => {
            let known = head.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(known).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_ascii_whitespace())
}

/// Reads the `saved_model.pb` of a folder.
pub(crate) fn inspect_folder<R: Read + Seek>(file: R, length: u64) -> Artifact {
    let mut found = Artifact::of(Content::SavedModel);
    match saved_model::version(&mut Bounded::new(file, length)) {
        Ok(version) => {
            let version = version.as_deref().and_then(believable);
            found.versions.extend(version.map(|v| (RELEASE_OF_SAVED_MODELS.to_owned(), v)));
        }
        Err(Halt::Spent) => {}
        Err(Halt::Short) => found.damaged = Some(CUT),
        Err(Halt::Wrong) => found.damaged = Some(BROKEN),
    }
    found
}

fn pickle<R: Read + Seek>(file: &mut Bounded<R>, content: Content) -> Artifact {
    if file.go(0).is_err() {
        return Artifact::default();
    }
    let walk = pickle::walk(file);
    let mut found = pickled::describe(&walk);
    found.content = if walk.joblib { Content::Joblib } else { content };
    // Arrays of joblib may follow each other in ways that are not known here.
    found.damaged = match walk.halted {
        Some(Halt::Short) if !walk.joblib => Some(CUT),
        Some(Halt::Wrong) if !walk.joblib => Some(BROKEN),
        _ => None,
    };
    found
}

/// A pickle of a protocol that has no mark of its own at the begin: it is one if it can be walked through.
fn old_pickle<R: Read + Seek>(file: &mut Bounded<R>) -> Artifact {
    let found = pickle(file, Content::Pickle);
    if found.damaged.is_none() && !found.modules.is_empty() { found } else { Artifact::default() }
}

fn packed<R: Read + Seek>(file: &mut Bounded<R>, packing: Packing) -> Artifact {
    if file.go(0).is_err() {
        return Artifact::default();
    }
    let Some(inner) = unpack::unpack(packing, file.reader()) else {
        return match packing {
            // Those that need more memory than is given fail in the same way.
            Packing::Xz | Packing::Lzma => Artifact::of(Content::Packed),
            _ => Artifact::damaged(Content::Packed, "it cannot be decompressed"),
        };
    };
    let bytes = inner.bytes;
    if is_tar(&bytes) {
        return Artifact::of(Content::Tar);
    }
    let cut = !inner.complete && (bytes.len() as u64) < MAX_READ && !file.spent();
    let length = bytes.len() as u64;
    let mut found = match bytes.as_slice() {
        [0x80, 0..=5, ..] => pickle(&mut Bounded::new(Cursor::new(bytes), length), Content::Joblib),
        _ => old_pickle(&mut Bounded::new(Cursor::new(bytes), length)),
    };
    found.content = match found.content {
        Content::Pickle | Content::Joblib => Content::Joblib,
        _ => Content::Unknown,
    };
    // Where unpacking ended early, so does the pickle.
    found.damaged = if cut {
        Some(CUT)
    } else if inner.complete {
        found.damaged
    } else {
        None
    };
    found
}

fn archive<R: Read + Seek>(file: &mut Bounded<R>) -> Artifact {
    let entries = match zip::entries(file) {
        Ok(entries) => entries,
        Err(Halt::Spent) => return Artifact::of(Content::Zip),
        Err(_) => return Artifact::damaged(Content::Zip, CUT),
    };
    let has = |name: &str| entries.iter().find(|e| e.name == name);
    let below = |name: &str| {
        entries.iter().any(|e| e.name.split_once('/').is_some_and(|(_, rest)| rest == name))
    };
    let code =
        entries.iter().any(|e| e.name.split_once('/').is_some_and(|(_, r)| r.starts_with("code/")));
    if code || below("constants.pkl") {
        return Artifact::of(Content::Torchscript);
    }
    if below("data.pkl") {
        return Artifact::of(Content::TorchSave);
    }
    if has("schema.json").is_some() {
        return Artifact::of(Content::Skops);
    }
    if let Some(metadata) = has("metadata.json").filter(|_| has("config.json").is_some()) {
        let mut found = Artifact::of(Content::Keras);
        let text = zip::content(file, metadata).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        let version = json.get("keras_version").and_then(|v| believable(v.as_str()?));
        found.versions.extend(version.map(|v| ("keras".to_owned(), v)));
        return found;
    }
    Artifact::of(Content::Zip)
}

/// The attribute of a Keras model in HDF5: its name, what kind of text it is, the text itself.
fn hdf5<R: Read + Seek>(file: &mut Bounded<R>) -> Artifact {
    let mut found = Artifact::of(Content::Hdf5);
    let mut parts = vec![file.head(2 * END).unwrap_or_default()];
    if file.length() > 2 * END {
        parts.push(file.tail(END).unwrap_or_default());
    }
    let version = parts.iter().find_map(|part| {
        let rest = xgboost::after(part, b"keras_version\0")?;
        let window = rest.get(..rest.len().min(96))?;
        let text = String::from_utf8_lossy(window);
        let mut words = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
            .filter(|w| w.contains('.'));
        words.find_map(|word| believable(word.trim_matches('.')))
    });
    found.versions.extend(version.map(|v| ("keras".to_owned(), v)));
    found
}

/// All of a file that is not too large, or else its begin and its end.
fn ends<R: Read + Seek>(file: &mut Bounded<R>) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    if file.length() <= MAX_READ - END {
        return Some((file.head(MAX_READ).ok()?, None));
    }
    Some((file.head(END).ok()?, Some(file.tail(END).ok()?)))
}

fn json<R: Read + Seek>(file: &mut Bounded<R>) -> Artifact {
    let learner = |bytes: &[u8]| xgboost::after(bytes, b"\"learner\"").is_some();
    match ends(file) {
        Some((all, None)) => match xgboost::json(&all) {
            Ok(forest) => Artifact::boosted(Content::XgboostJson, forest),
            Err(true) if learner(&all) => {
                Artifact::boosted(Content::XgboostJson, xgboost::ends(&all, &all))
            }
            Err(true) => Artifact::of(Content::Json),
            Err(false) if all.starts_with(b"{\"learner\"") => {
                Artifact::damaged(Content::XgboostJson, CUT)
            }
            Err(false) => Artifact::default(),
        },
        Some((head, Some(tail))) if learner(&head) => {
            Artifact::boosted(Content::XgboostJson, xgboost::ends(&head, &tail))
        }
        _ => Artifact::of(Content::Json),
    }
}

fn ubj<R: Read + Seek>(file: &mut Bounded<R>) -> Artifact {
    let learner = |bytes: &[u8]| xgboost::after(bytes, b"learner{").is_some();
    match ends(file) {
        Some((all, None)) => match xgboost::ubj(&all) {
            Some(forest) => Artifact::boosted(Content::XgboostUbj, forest),
            None if learner(&all) => Artifact::damaged(Content::XgboostUbj, CUT),
            None => Artifact::default(),
        },
        Some((head, Some(tail))) if learner(&head) => {
            Artifact::boosted(Content::XgboostUbj, xgboost::ends(&head, &tail))
        }
        _ => Artifact::default(),
    }
}

fn graph<R: Read + Seek>(file: &mut Bounded<R>) -> Artifact {
    match onnx::read(file) {
        Ok(graph) => Artifact { graph: Some(graph), ..Artifact::of(Content::Onnx) },
        Err(Halt::Spent) => Artifact::of(Content::Onnx),
        Err(_) => Artifact::default(),
    }
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// Three numbers of a version, and what types thresholds and leaves have.
fn is_treelite(head: &[u8]) -> bool {
    let number = |at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?))
    };
    matches!(number(0), Some(2..=9))
        && matches!((number(4), number(8)), (Some(..100), Some(..100)))
        && head.get(12).is_some_and(|kind| *kind <= 4)
        && head.len() > 60
}

fn looks_like_json(head: &[u8]) -> bool {
    matches!(head.iter().find(|b| !b.is_ascii_whitespace()), Some(b'{' | b'['))
}

pub(crate) fn believable(version: &str) -> Option<String> {
    let plain = version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    let starts = version.starts_with(|c: char| c.is_ascii_digit());
    (plain && starts && version.len() <= MAX_VERSION).then(|| version.to_owned())
}

#[cfg(test)]
mod tests;
