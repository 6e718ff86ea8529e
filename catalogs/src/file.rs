//! How a catalog file is read: the embedded copy, a user's overlay of it, and what can be wrong with one.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

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
    let raw: Value = serde_json::from_str(text)
        .map_err(|error| CatalogError::Syntax { path: path.into(), message: error.to_string() })?;
    // From the text and not from `raw`, so that line and column of the value are in the message.
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let file = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (place, message) = (place(&raw, error.path()), error.inner().to_string());
        CatalogError::Invalid { path: path.into(), place, message }
    })?;
    match undated(&raw) {
        Some((place, given)) => {
            let given: String = given.chars().take(ECHOED).collect();
            let message = format!("{given:?} is not a date; write it as YYYY-MM-DD");
            Err(CatalogError::Invalid { path: path.into(), place, message })
        }
        None => Ok(file),
    }
}

/// The longest part of what is no date that is repeated.
const ECHOED: usize = 40;

/// Where a file or a row says a date that is none, and what it says: dates of answers are compared and shown.
fn undated(raw: &Value) -> Option<(String, &str)> {
    undated_member(raw).or_else(|| {
        raw.as_object()?.iter().find_map(|(table, rows)| {
            rows.as_array()?.iter().enumerate().find_map(|(row, value)| {
                let (field, text) = undated_member(value)?;
                Some((format!("{}, {field}", row_name(table, row, Some(value))), text))
            })
        })
    })
}

/// The same of what a file or a row says itself.
fn undated_member(value: &Value) -> Option<(String, &str)> {
    value.as_object()?.iter().find_map(|(key, value)| {
        let dates = key.ends_with("as_of") || key == "released";
        let text = value.as_str().filter(|text| dates && !is_date(text))?;
        Some((format!("field `{key}`"), text))
    })
}

/// Whether `text` is a day of the calendar, as `2026-11-30`.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-').map(|part| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        (part.len(), part.parse::<u32>().ok().filter(|_| digits))
    });
    let read = (parts.next(), parts.next(), parts.next(), parts.next());
    let (Some((4, Some(year))), Some((2, Some(month))), Some((2, Some(day))), None) = read else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// A row by its number and its key: nobody counts rows.
fn row_name(table: &str, row: usize, value: Option<&Value>) -> String {
    let key = value.and_then(row_key).map(|key| format!(" (`{key}`)")).unwrap_or_default();
    format!("{table} row {}{key}", row + 1)
}

/// Says where in the file an error is.
fn place(raw: &Value, path: &serde_path_to_error::Path) -> String {
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
            row_name(table, row, raw.get(table).and_then(|rows| rows.get(row)))
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
fn row_key(row: &Value) -> Option<&str> {
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
