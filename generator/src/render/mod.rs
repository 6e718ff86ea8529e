//! From layers and a view to the files of a project, in memory.

mod escape;
mod pbtxt;
mod structure;
mod text;
mod yaml;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::project::{File, Project};
use crate::registry::Layer;

pub use escape::Language;
pub(crate) use structure::plain;

/// Fills a structural template; `None` when it is left out or wrong.
pub(crate) fn fill(template: &Value, view: &Value) -> Option<Value> {
    structure::fill(template, view).ok().flatten()
}

/// Why a template could not be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    /// The template itself is wrong; a test over all layers keeps such ones from being shipped.
    #[error("{path}: {reason}")]
    Template {
        /// The template.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value cannot stand where the template puts it.
    #[error("{path}: the value {value} cannot be written in {language}")]
    Value {
        /// The template.
        path: String,
        /// The value, shortened.
        value: String,
        /// The language of the place.
        language: &'static str,
    },
}

enum Form {
    Text,
    Structure,
    Verbatim,
}

fn form(path: &str) -> (&str, Form) {
    if let Some(output) = path.strip_suffix(".hbs") {
        (output, Form::Text)
    } else if let Some(output) = path.strip_suffix(".tmpl") {
        (output, Form::Structure)
    } else {
        (path, Form::Verbatim)
    }
}

/// The path that the layer's file `path` has in a project.
pub(crate) fn output(path: &str) -> &str {
    form(path).0
}

/// Renders the overlay of `layers` with `view`.
pub(crate) fn render(layers: &[&Layer], view: Value) -> Result<Project, RenderError> {
    let mut chosen: BTreeMap<&str, (&Layer, &str, &'static [u8], Form)> = BTreeMap::new();
    for layer in layers {
        for (path, bytes) in &layer.files {
            let (output, form) = form(path);
            chosen.insert(output, (layer, path, bytes, form));
        }
    }
    chosen.retain(|output, _| wanted(layers, output, &view));
    let place = |layer: &Layer, path: &str| format!("{}/project/{path}", layer.path);
    let mut project = Project::default();
    let mut later = Vec::new();
    for (output, (layer, path, bytes, form)) in chosen {
        let bytes: Cow<'static, [u8]> = match form {
            Form::Verbatim => bytes.into(),
            Form::Text => {
                later.push((output, layer, path, bytes));
                continue;
            }
            Form::Structure => {
                match structure::render(&place(layer, path), output, bytes, &view)? {
                    Some(text) => text.into_bytes().into(),
                    None => continue,
                }
            }
        };
        project.insert(output, File::new(bytes, &layer.path));
    }
    // Text has no null: the view of what is structured, which has, is not needed any more.
    let texts = text::Texts::new(view);
    for (output, layer, path, bytes) in later {
        let bytes = texts.render(&place(layer, path), output, bytes)?.into_bytes();
        project.insert(output, File::new(bytes, &layer.path));
    }
    for layer in layers {
        for (path, source) in &layer.parts {
            let (output, _) = form(path);
            if !wanted(layers, output, texts.view()) {
                continue;
            }
            let place = format!("{}/parts/{path}", layer.path);
            let text = texts.render(&place, output, source.as_bytes())?;
            project.append(output, &text, &layer.path);
        }
    }
    Ok(project)
}

/// Whether no layer's `when` leaves `output` out.
fn wanted(layers: &[&Layer], output: &str, view: &Value) -> bool {
    layers.iter().flat_map(|l| &l.manifest.when).all(|(pattern, path)| {
        let (negated, path) = match path.strip_prefix('!') {
            Some(path) => (true, path),
            None => (false, path.as_str()),
        };
        !output.starts_with(pattern.as_str()) || lookup(view, path).is_some_and(truthy) != negated
    })
}

/// The value at the dotted `path` of `view`.
pub(crate) fn lookup<'a>(view: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(view, |value, key| value.get(key))
}

/// Whether a condition holds for `value`: neither null, false, zero nor empty.
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(s) => !s.is_empty(),
        Value::Array(a) => !a.is_empty(),
        Value::Object(o) => !o.is_empty(),
    }
}
