//! Where generated files may be: the paths that layers have, and the folders of models.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::registry::registry;
use crate::render;

/// Where the inputs are.
pub const INPUTS: &str = ".mcc/inputs.json";
/// Where the rows are that were looked up for the project.
pub(crate) const FACTS: &str = ".mcc/facts.json";
/// Where the digests of the generated files are.
pub(crate) const RECORD: &str = ".mcc/files.json";
/// Where the `config.json` of the model is.
pub(crate) const MODEL_CONFIG: &str = ".mcc/model-config.json";
/// Where the requirements of the training are.
pub(crate) const REQUIREMENTS: &str = ".mcc/training-requirements.txt";
/// Where a model is copied to unless a layer says otherwise.
pub(crate) const MODEL: &str = "model";

struct Known {
    files: BTreeSet<&'static str>,
    models: BTreeSet<&'static str>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut files = BTreeSet::from([INPUTS, FACTS, RECORD, MODEL_CONFIG, REQUIREMENTS]);
    let mut models = BTreeSet::from([MODEL]);
    for layer in registry().layers() {
        files.extend(layer.files.iter().map(|(path, _)| render::output(path)));
        files.extend(layer.parts.iter().map(|(path, _)| render::output(path)));
        models.extend(layer.manifest.model_dir.as_deref());
    }
    Known { files, models }
});

/// Whether the generator may have written a file at `path`, whatever the inputs were.
///
/// A record of a project is as easily changed as any file in it, so that it cannot say this itself.
pub(crate) fn may_write(path: &str) -> bool {
    KNOWN.files.contains(path) || is_of_model(path)
}

/// Whether `path` is one of a copied model, whose files have the names that they had.
pub(crate) fn is_of_model(path: &str) -> bool {
    let beneath =
        |folder: &&str| path.strip_prefix(*folder).is_some_and(|rest| rest.starts_with('/'));
    KNOWN.models.iter().any(beneath) && path.split('/').all(is_plain)
}

fn is_plain(part: &str) -> bool {
    let private = [".git", ".ssh"].iter().any(|name| part.eq_ignore_ascii_case(name));
    !private && !["", ".", ".."].contains(&part) && !part.contains(['\\', ':', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_some_layer_has_and_models_may_be_written() {
        for path in [
            "do/config",
            "README.md",
            ".mcc/inputs.json",
            "model/model.pkl",
            "model/a/b/c.bin",
            "model/.gitattributes",
        ] {
            assert!(may_write(path), "{path}");
        }
        for path in [
            "",
            "evil",
            "last.py",
            ".git/HEAD",
            ".git/config",
            ".env",
            ".mcc/state.json",
            "model",
            "model/",
            "model/../last.py",
            "model//x",
            "model/.git/HEAD",
            "model/.GIT/config",
            "/etc/passwd",
            "../README.md",
            "./README.md",
            "do/../do/config",
            "do/config/",
        ] {
            assert!(!may_write(path), "{path}");
        }
    }
}
