//! How a catalog file is read: the embedded copy, a user's overlay of it, and what can be wrong with one.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::rows::Origin;

/// What is wrong with a user's catalog folder. Every message names the file, and the row and field where there is one.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why it failed.
        source: mcc_files::Reason,
    },
    /// A `.json` file that is none of the catalogs, so that its rows would be ignored.
    #[error("{} is not a catalog; expected one of: {}", path.display(), expected.join(", "))]
    UnknownFile {
        /// The file.
        path: PathBuf,
        /// The names that are read, the most similar first.
        expected: Vec<String>,
    },
    /// Not JSON.
    #[error("{} is not valid JSON: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says, with line and column.
        message: String,
    },
    /// JSON that does not have the form of the catalog.
    #[error("{}: {place}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The row by its key and the field, such as ``instances row 3 (`ml.g9.xlarge`), field `vcpus` ``.
        place: String,
        /// What is wrong with the value.
        message: String,
    },
}

/// A catalog file: what `catalogs/data/<NAME>` holds and how rows of a second one are laid over it.
pub(crate) trait CatalogFile: DeserializeOwned + Serialize + Default + Clone {
    /// File name, in the crate and in an overlay folder.
    const NAME: &'static str;
    /// The embedded text.
    const TEXT: &'static str;
    /// The date that it says.
    fn as_of(&self) -> &str;
    /// Adds the rows of `over`, which are from `origin`; those with a known key replace the row that has it.
    fn lay(&mut self, over: Self, origin: &Origin);
}

/// The embedded copy. It is compiled in and a test parses it, so an empty catalog is what remains
/// of an error that cannot occur in a build that passed its tests; `Catalogs::check` reports it too.
pub(crate) fn embedded<F: CatalogFile>() -> F {
    serde_json::from_str(F::TEXT).unwrap_or_default()
}

/// Largest file of a catalog: several times what all of this build's are together.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// Reads the file of this catalog from `dir`, if there is one.
pub(crate) fn overlay<F: CatalogFile>(dir: &Path) -> Result<Option<F>, CatalogError> {
    let path = dir.join(F::NAME);
    let text = match mcc_files::read_text(&path, MAX_FILE) {
        Ok(text) => text,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(CatalogError::Read { path, source: error.reason }),
    };
    parse(&path, &text).map(Some)
}

/// Parses a catalog file, with errors that name row and field.
pub(crate) fn parse<F: DeserializeOwned>(path: &Path, text: &str) -> Result<F, CatalogError> {
    let raw: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| CatalogError::Syntax { path: path.into(), message: error.to_string() })?;
    // From the text and not from `raw`, so that line and column of the value are in the message.
    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| CatalogError::Invalid {
        path: path.into(),
        place: place(&raw, error.path()),
        message: error.inner().to_string(),
    })
}

/// Says where in the file an error is, with the key of the row: nobody counts rows.
fn place(raw: &serde_json::Value, path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut table = None;
    let mut row = None;
    let mut fields: Vec<String> = Vec::new();
    for segment in path {
        match segment {
            Segment::Seq { index } if row.is_none() && fields.len() == 1 => {
                table = fields.pop();
                row = Some(*index);
            }
            Segment::Seq { index } => fields.push(index.to_string()),
            Segment::Map { key } => fields.push(key.clone()),
            Segment::Enum { variant } => fields.push(variant.clone()),
            Segment::Unknown => {}
        }
    }
    let mut place = match (&table, row) {
        (Some(table), Some(row)) => {
            let key = raw.get(table).and_then(|rows| rows.get(row)).and_then(row_key);
            let key = key.map(|key| format!(" (`{key}`)")).unwrap_or_default();
            format!("{table} row {}{key}", row + 1)
        }
        _ => String::new(),
    };
    if !fields.is_empty() {
        if !place.is_empty() {
            place.push_str(", ");
        }
        place = format!("{place}field `{}`", fields.join("."));
    }
    if place.is_empty() { "top level".into() } else { place }
}

/// The first text member of a row is its key in every catalog.
fn row_key(row: &serde_json::Value) -> Option<&str> {
    row.as_object()?.values().find_map(|value| value.as_str())
}

/// Implements [`CatalogFile`]: the tables with the key of their rows, and the single values that an overlay may set.
macro_rules! catalog_file {
    ($type:ty, $name:literal, rows { $($table:ident by $key:expr),* $(,)? } $(, values { $($value:ident),* $(,)? })?) => {
        impl $crate::file::CatalogFile for $type {
            const NAME: &'static str = $name;
            const TEXT: &'static str = include_str!(concat!("../data/", $name));
            fn as_of(&self) -> &str {
                &self.as_of
            }
            fn lay(&mut self, over: Self, origin: &$crate::Origin) {
                $( self.$table.lay(over.$table, origin, $key); )*
                $($( if let Some(value) = over.$value { self.$value = Some(value); } )*)?
            }
        }
    };
}
pub(crate) use catalog_file;
