//! `LightGBM`'s text: what stands before the first tree.

use std::io::{Read, Seek};

use super::bounded::Bounded;
use super::xgboost::Forest;
use super::{Artifact, Content};

/// Bytes of the begin that are read: names of columns can be many.
const HEAD: u64 = 4 * 1024 * 1024;

pub(super) fn read<R: Read + Seek>(file: &mut Bounded<R>) -> Artifact {
    let mut found = Artifact::of(Content::Lightgbm);
    let head = file.head(HEAD).unwrap_or_default();
    let text = String::from_utf8_lossy(&head);
    let header = text.lines().take_while(|l| !l.starts_with("Tree=")).take(100);
    let mut forest = Forest::default();
    let mut binary = false;
    for (key, value) in header.filter_map(|l| l.split_once('=')) {
        match key {
            "max_feature_idx" => {
                forest.features = value.trim().parse().ok().map(|last: i64| last.saturating_add(1));
            }
            "num_class" => forest.classes = value.trim().parse().ok(),
            "objective" => binary = value.starts_with("binary"),
            "feature_names" => forest.names = value.split_whitespace().map(str::to_owned).collect(),
            _ => {}
        }
    }
    forest.classes = match forest.classes {
        Some(n) if n > 1 => Some(n),
        other => other.map(|_| i64::from(binary)),
    };
    found.features = forest.features;
    found.names.clone_from(&forest.names);
    found.forest = Some(forest);
    found
}
