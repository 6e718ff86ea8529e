//! What follows from the configuration of a TensorRT-LLM engine that was built before.

use mcc_catalogs::Catalogs;
use mcc_fit::sizing::compiled_engine;
use serde_json::Value;

use crate::kept;
use crate::manifest::{Fetched, ModelSort};
use crate::merge::Merged;
use crate::registry::registry;

/// What was decided when an engine was built: it cannot be served otherwise.
pub(crate) fn derive(catalogs: &Catalogs, merged: &mut Merged) {
    let Some((Ok(text), from)) = kept::config_of(catalogs, merged) else { return };
    let Some(built) = compiled_engine(text) else { return };
    let config = merged.text("deploymentConfig").and_then(|name| registry().config(name));
    let Some(config) = config else { return };
    let layers = registry().config_layers(config, None);
    let sort = ModelSort::Fetched(Fetched::CompiledEngine);
    if !layers.iter().any(|layer| layer.manifest.default_for.contains(&sort)) {
        return;
    }
    // A release that no image has is another finding's matter.
    let family = layers.iter().rev().find_map(|layer| layer.manifest.images.as_deref());
    let holds = |release: &String| {
        let mut images = catalogs.images().of_family(family.unwrap_or_default());
        images.any(|image| image.engine_version.as_ref() == Some(release))
    };
    let version = built.version.filter(|own| merged.get("baseImage").is_none() && holds(own));
    let found = [
        ("tensorParallelSize", Some(built.tensor_parallel.to_string())),
        ("maxModelLen", built.max_seq_len.map(|tokens| tokens.to_string())),
        ("maxNumSeqs", built.max_batch_size.map(|sequences| sequences.to_string())),
        ("engineVersion", version),
    ];
    for (key, value) in found {
        let value =
            value.filter(|value| crate::values::accepts(key, &Value::from(value.as_str())).is_ok());
        if let Some(value) = value {
            merged.derive(key, &value, from, Vec::new());
        }
    }
}
