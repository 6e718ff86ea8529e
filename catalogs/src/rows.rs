//! Rows laid over those of the build, and where each row is from.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::mem;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::file::{CatalogError, CatalogFile};
use crate::files::{Files, Laid};

/// Where a row is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// This build. Its file says the date and the source.
    #[default]
    Build,
    /// A user's own file.
    Own {
        /// The date that the file says.
        as_of: Arc<str>,
    },
    /// Looked up while a call waited for it.
    Live {
        /// What was asked, in the words of an answer: `Hugging Face`.
        source: Arc<str>,
        /// The date of the look-up, as `2026-11-30`.
        as_of: Arc<str>,
        /// Seconds since the source said it. None of what a project kept of an earlier look-up.
        age: Option<u64>,
    },
}

impl Origin {
    /// The date, where it is not that of the build's file.
    pub fn as_of(&self) -> Option<&str> {
        match self {
            Self::Build => None,
            Self::Own { as_of } | Self::Live { as_of, .. } => Some(as_of),
        }
    }

    /// What was asked, if it was looked up.
    pub fn live(&self) -> Option<&str> {
        match self {
            Self::Build | Self::Own { .. } => None,
            Self::Live { source, .. } => Some(source),
        }
    }

    /// How an answer tells of a value that was looked up; none of other values.
    pub fn told(&self) -> Option<String> {
        match self {
            Self::Build | Self::Own { .. } => None,
            Self::Live { source, as_of, age } => Some(provenance(source, as_of, *age)),
        }
    }
}

/// How an answer tells of a value that `source` said `age` seconds ago, or on the day `as_of` where a project kept it.
///
/// ```
/// # use mcc_catalogs::provenance;
/// assert_eq!(provenance("AWS prices", "2026-11-30", Some(150)), "live: AWS prices, 2 min ago");
/// assert_eq!(provenance("AWS prices", "2026-11-30", None), "looked up: AWS prices, 2026-11-30");
/// ```
pub fn provenance(source: &str, as_of: &str, age: Option<u64>) -> String {
    match age {
        Some(age) => format!("live: {source}, {}", ago(age)),
        None => format!("looked up: {source}, {as_of}"),
    }
}

/// How long ago, in the unit in which one says it.
pub(crate) fn ago(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Rows to lay over those that are there: a user's folder, or what a look-up found. A row replaces the one with the same
/// key, and others are added.
#[derive(Debug, Default)]
pub struct Rows {
    /// What was asked, where they were looked up.
    source: Option<Arc<str>>,
    /// How many seconds ago, where that is known.
    age: Option<u64>,
    pub(crate) files: Files,
}

impl Rows {
    /// The files of a folder: those that it has, under the names of the build's.
    pub(crate) fn of_folder(dir: &Path) -> Result<Self, CatalogError> {
        Ok(Self { source: None, age: None, files: Files::read(dir)? })
    }

    /// What `source` said, with nothing in it yet.
    pub fn live(source: &str) -> Self {
        Self { source: Some(source.into()), age: None, files: Files::default() }
    }

    /// What `source` said `age` seconds ago.
    pub fn said(source: &str, age: u64, files: Files) -> Self {
        Self { source: Some(source.into()), age: Some(age), files }
    }

    /// With the rows of `file`, instead of those of the same catalog that are there already.
    #[must_use]
    pub fn with<F: Laid>(mut self, file: F) -> Self {
        self.files = self.files.with(file);
        self
    }

    /// Where the rows of `file` are from.
    pub(crate) fn origin_of<F: CatalogFile>(&self, file: &F) -> Origin {
        let as_of = file.as_of().into();
        match &self.source {
            Some(source) => Origin::Live { source: Arc::clone(source), as_of, age: self.age },
            None => Origin::Own { as_of },
        }
    }
}

/// The rows of one table of a catalog. Those that are not the build's have their origin beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<R> {
    rows: Vec<R>,
    /// Places and origins of rows that are not of this build: none or few.
    laid: BTreeMap<usize, Origin>,
}

impl<R> Table<R> {
    /// Lays `over` on these rows: rows with an equal key are replaced in place, others are added at the end. What a user
    /// says stays, whatever is looked up.
    pub(crate) fn lay<K: Eq + Hash>(&mut self, over: Self, origin: &Origin, key: impl Fn(&R) -> K) {
        let mut places: HashMap<K, usize> = HashMap::with_capacity(self.len() + over.len());
        for (at, row) in self.rows.iter().enumerate() {
            // Of two rows with one key the first is replaced.
            places.entry(key(row)).or_insert(at);
        }
        for row in over.rows {
            let at = *places.entry(key(&row)).or_insert(self.rows.len());
            if origin.live().is_some() && matches!(self.laid.get(&at), Some(Origin::Own { .. })) {
                continue;
            }
            match self.rows.get_mut(at) {
                Some(known) => *known = row,
                None => self.rows.push(row),
            }
            self.laid.insert(at, origin.clone());
        }
    }

    /// Where the row at `at` is from.
    pub(crate) fn origin(&self, at: usize) -> &Origin {
        self.laid.get(&at).unwrap_or(&Origin::Build)
    }

    /// Where the latest of the rows is from that were laid, those looked up before a user's; this build, if none was.
    pub(crate) fn latest(&self) -> &Origin {
        self.latest_where(|_| true).unwrap_or(&Origin::Build)
    }

    /// The same of the laid rows that `is` takes; none, if none of them was.
    pub(crate) fn latest_where(&self, is: impl Fn(&R) -> bool) -> Option<&Origin> {
        self.laid
            .iter()
            .filter(|(at, _)| self.rows.get(**at).is_some_and(&is))
            .map(|(_, origin)| origin)
            .max_by_key(|origin| (origin.live().is_some(), origin.as_of()))
    }

    /// Where the row that `is` takes is from, if it was laid: this build, if it was not.
    pub(crate) fn origin_where(&self, is: impl Fn(&R) -> bool) -> &Origin {
        // Rows of a build are many, and all that is to be said of them is what they are.
        self.laid
            .iter()
            .find(|(at, _)| self.rows.get(**at).is_some_and(&is))
            .map_or(&Origin::Build, |(_, origin)| origin)
    }

    /// Puts its rows in order.
    pub(crate) fn sort_by(&mut self, order: impl Fn(&R, &R) -> Ordering) {
        let (rows, mut laid) = (mem::take(&mut self.rows), mem::take(&mut self.laid));
        let mut rows: Vec<(R, Option<Origin>)> =
            rows.into_iter().enumerate().map(|(at, row)| (row, laid.remove(&at))).collect();
        rows.sort_by(|a, b| order(&a.0, &b.0));
        for (at, (row, origin)) in rows.into_iter().enumerate() {
            self.rows.push(row);
            self.laid.extend(origin.map(|origin| (at, origin)));
        }
    }

    /// Its rows alone.
    pub(crate) fn into_rows(self) -> Vec<R> {
        self.rows
    }
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl<R> From<Vec<R>> for Table<R> {
    fn from(rows: Vec<R>) -> Self {
        Self { rows, laid: BTreeMap::new() }
    }
}

impl<R> Deref for Table<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.rows
    }
}

impl<'a, R> IntoIterator for &'a Table<R> {
    type Item = &'a R;
    type IntoIter = std::slice::Iter<'a, R>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}

impl<'a, R> IntoIterator for &'a mut Table<R> {
    type Item = &'a mut R;
    type IntoIter = std::slice::IterMut<'a, R>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter_mut()
    }
}

impl<R: Serialize> Serialize for Table<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows.serialize(serializer)
    }
}

impl<'de, R: Deserialize<'de>> Deserialize<'de> for Table<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

impl<R: JsonSchema> JsonSchema for Table<R> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Vec::<R>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<R>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_replaced_by_key_and_added_and_say_where_they_are_from() {
        let mut rows = Table::from(vec![("a", 1), ("b", 2)]);
        let own = Origin::Own { as_of: "2027-01-01".into() };
        rows.lay(Table::from(vec![("b", 3), ("c", 4)]), &own, |row| row.0);
        assert_eq!(*rows, [("a", 1), ("b", 3), ("c", 4)]);
        assert_eq!((rows.origin(0), rows.origin(1), rows.origin(2)), (&Origin::Build, &own, &own));
        let live = Origin::Live { source: "a hub".into(), as_of: "2027-01-02".into(), age: None };
        rows.lay(Table::from(vec![("c", 5), ("d", 6)]), &live, |row| row.0);
        assert_eq!(*rows, [("a", 1), ("b", 3), ("c", 4), ("d", 6)], "a user's own row stays");
        assert_eq!(rows.origin_where(|row| row.0 == "c"), &own);
        assert_eq!(rows.origin_where(|row| row.0 == "d"), &live);
        assert_eq!((rows.latest(), rows.latest_where(|row| row.0 == "c")), (&live, Some(&own)));
        // What was looked up later replaces what was looked up before.
        rows.lay(Table::from(vec![("d", 7)]), &live, |row| row.0);
        assert_eq!(rows.last(), Some(&("d", 7)));
        assert_eq!(rows.origin_where(|row| row.0 == "b").as_of(), Some("2027-01-01"));
        assert_eq!(rows.origin_where(|row| row.0 == "x"), &Origin::Build);
        rows.sort_by(|a, b| b.1.cmp(&a.1));
        assert_eq!(*rows, [("d", 7), ("c", 4), ("b", 3), ("a", 1)]);
        assert_eq!((rows.origin(0), rows.origin(2), rows.origin(3)), (&live, &own, &Origin::Build));
        assert_eq!((live.live(), own.live()), (Some("a hub"), None));
    }
}
