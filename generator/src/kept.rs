//! Texts that inputs name by a path, read once and kept in the project: so that it can be checked and generated again
//! wherever it is, and whatever became of the files.

use std::collections::BTreeMap;
use std::path::Path;

use mcc_catalogs::Catalogs;
use mcc_fit::sizing;
use serde_json::{Map, Value};

use crate::merge::Merged;
use crate::named;
use crate::project::{File, Project};
use crate::source::FileAccess;
use crate::written::{self, MODEL_CONFIG, REQUIREMENTS};

/// The inputs that name a text, where that is kept, and its largest size in bytes.
const TEXTS: [(&str, &str, u64); 2] = [
    ("modelConfig", MODEL_CONFIG, sizing::MAX_CONFIG_BYTES as u64),
    ("requirementsFile", REQUIREMENTS, 1024 * 1024),
];

/// What `modelConfig` means, in every tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelConfig<'a> {
    /// A model of the catalogs, by its id: for a copy of it that has another name.
    Row(&'a str),
    /// The text of a `config.json`.
    Text(String),
}

/// Reads what `given` means: JSON text, the id of a model that the catalogs know, or the path of a file.
///
/// # Errors
/// Why the file cannot be read.
pub fn model_config<'a>(
    catalogs: &Catalogs,
    files: &FileAccess,
    given: &'a str,
) -> Result<ModelConfig<'a>, String> {
    if given.trim_start().starts_with('{') {
        return Ok(ModelConfig::Text(given.to_owned()));
    }
    let models = catalogs.models();
    if models.get(given).is_some() || models.variant(given).is_some() {
        return Ok(ModelConfig::Row(given));
    }
    let bytes = named::read(files, given, sizing::MAX_CONFIG_BYTES as u64)?;
    String::from_utf8(bytes).map(ModelConfig::Text).map_err(|_| "it is not UTF-8".to_owned())
}

/// Reads the texts that inputs name. What cannot be read is the matter of whoever needs it.
pub(crate) fn read(catalogs: &Catalogs, merged: &mut Merged) {
    for (key, _, max) in TEXTS {
        let Some(given) = merged.text(key).filter(|_| !merged.texts.contains_key(key)) else {
            continue;
        };
        let text = if key == "modelConfig" {
            match model_config(catalogs, &merged.files, given) {
                Ok(ModelConfig::Text(text)) => Ok(text),
                Ok(ModelConfig::Row(_)) => continue,
                Err(reason) => Err(reason),
            }
        } else {
            named::read(&merged.files, given, max)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        merged.texts.insert(key.to_owned(), text);
    }
}

/// The text of the model's configuration: what was given, or else what was found at the model's address in S3, with the
/// input that it is from.
pub(crate) fn config_of<'a>(
    catalogs: &'a Catalogs,
    merged: &'a Merged,
) -> Option<(Result<&'a str, &'a str>, &'static str)> {
    if let Some(read) = merged.texts.get("modelConfig") {
        return Some((read.as_deref().map_err(String::as_str), "modelConfig"));
    }
    let name = merged.text("modelName").filter(|_| merged.get("modelConfig").is_none())?;
    let resources = catalogs.resources();
    let config = resources.stored(resources.place_of(name))?.config.as_ref()?;
    Some((Ok(config.text()), "modelName"))
}

/// The text that the input `key` names, at `path`.
///
/// # Errors
/// Why it cannot be read.
pub(crate) fn text(merged: &Merged, key: &str, path: &str) -> Result<String, String> {
    if let Some(read) = merged.texts.get(key) {
        return read.clone();
    }
    let max = TEXTS.iter().find(|(own, ..)| *own == key).map_or(0, |(_, _, max)| *max);
    named::read(&merged.files, path, max).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Takes the texts from the files of a project.
pub(crate) fn given(merged: &mut Merged, files: &BTreeMap<String, String>) {
    for (key, place, _) in TEXTS {
        if let (Some(own), Some(text)) = (merged.text(key), files.get(place))
            && own == place
        {
            merged.texts.insert(key.to_owned(), Ok(text.clone()));
        }
    }
}

/// Keeps the texts in `project`, and lets `inputs` name what is in it rather than what was outside. `model` is the
/// place of a copied model.
pub(crate) fn keep(
    project: &mut Project,
    merged: &Merged,
    model: Option<&str>,
    inputs: &mut Map<String, Value>,
) {
    for (key, place, _) in TEXTS {
        if let (Some(value), Some(Ok(text))) = (inputs.get_mut(key), merged.texts.get(key)) {
            project.insert(place, File::new(text.clone().into_bytes(), key));
            *value = Value::from(place);
        }
    }
    if let (Some(value), Some(place)) = (inputs.get_mut("modelPath"), model) {
        *value = Value::from(place);
    }
}

/// The saved inputs of the project at `folder` as they are named from elsewhere.
pub(crate) fn from_elsewhere(folder: &Path, inputs: &mut Map<String, Value>) {
    let ours =
        |path: &str| TEXTS.iter().any(|(_, place, _)| *place == path) || written::is_of_model(path);
    for key in ["modelPath", "modelConfig", "requirementsFile"] {
        let Some(value) = inputs.get_mut(key) else { continue };
        if let Some(path) = value.as_str().filter(|path| ours(path)) {
            let Some(path) = folder.join(path).to_str().map(str::to_owned) else { continue };
            *value = Value::from(path);
        }
    }
}
