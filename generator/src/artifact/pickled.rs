//! What the objects of a pickle say of their model.

use super::pickle::{Id, Node, Values, Walk};
use super::{Artifact, believable, packages, xgboost};

/// Names that are kept.
const MAX_NAMES: usize = 20_000;
/// Deepest nesting of pipelines.
const MAX_DEPTH: u32 = 8;

pub(super) fn describe(walk: &Walk) -> Artifact {
    let mut found = Artifact::default();
    let values = &walk.values;
    for (module, name) in values.imports() {
        let first = module.split('.').next().unwrap_or_default();
        if first == "__main__" {
            found.main.push(name.to_owned());
        } else if !packages::is_python_itself(first) {
            found.modules.insert(first.to_owned());
        }
    }
    found.main.dedup();
    found.encoded = values.imports().any(|(_, name)| encodes(name))
        || found.modules.contains("xgboost")
            && values.runs().any(|run| xgboost::ends(run, b"").categories);
    let root = walk.root;
    let own = root.and_then(|id| values.as_text(values.attribute(id, "_sklearn_version")?));
    // Parts of other versions than the whole: the newest is what loads them all, with a warning.
    let newest = || values.releases().max_by_key(|v| crate::release::version_key(v));
    if let Some(version) = own.or_else(newest).and_then(believable) {
        found.versions.insert("scikit-learn".to_owned(), version);
    }
    if found.modules.contains("xgboost")
        && let Some(version) = values.runs().find_map(xgboost::version_within)
    {
        found.versions.insert("xgboost".to_owned(), version);
    }
    if let Some(first) = root.and_then(|id| first_step(values, id, 0)) {
        found.features =
            values.attribute(first, "n_features_in_").and_then(|id| values.as_number(id));
        found.names = values
            .attribute(first, "feature_names_in_")
            .and_then(|id| values.texts(id))
            .unwrap_or_default();
        found.names.truncate(MAX_NAMES);
    }
    found.features = found.features.filter(|n| *n > 0);
    found
}

/// Whether a class by this name takes columns that are no numbers, or hands columns to others, which may.
/// The encoders of labels only see what is predicted.
fn encodes(class: &str) -> bool {
    class.ends_with("Vectorizer")
        || class == "ColumnTransformer"
        || class == "FeatureHasher"
        || (class.ends_with("Encoder") && !class.contains("Label"))
}

/// The estimator that sees a request's table first: of a pipeline its first step.
fn first_step(values: &Values, object: Id, depth: u32) -> Option<Id> {
    if depth > MAX_DEPTH {
        return None;
    }
    let (_, class) = values.class(object)?;
    if class != "Pipeline" {
        return Some(object);
    }
    // A step is its name and an estimator, or the text "passthrough".
    for step in values.items(values.attribute(object, "steps")?) {
        let estimator = *values.items(*step).get(1)?;
        if matches!(values.node(estimator), Node::Object { .. }) {
            return first_step(values, estimator, depth + 1);
        }
    }
    None
}
