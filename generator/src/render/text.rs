//! Text templates: handlebars in strict mode, with one engine for each language that occurs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use handlebars::Handlebars;
use serde_json::Value;

use super::{Language, RenderError};
use crate::finding::shorten;

type Refused = Arc<Mutex<Option<String>>>;

pub(super) struct Texts {
    view: Value,
    engines: BTreeMap<Language, (Handlebars<'static>, Refused)>,
}

impl Texts {
    pub(super) fn new(view: &Value) -> Self {
        Self { view: without_nulls(view), engines: BTreeMap::new() }
    }

    /// Renders the template `source` found at `place`, whose output is the file `output`.
    pub(super) fn render(
        &mut self,
        place: &str,
        output: &str,
        source: &[u8],
    ) -> Result<String, RenderError> {
        let wrong = |reason: String| RenderError::Template { path: place.to_owned(), reason };
        let source =
            std::str::from_utf8(source).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        if source.contains("{{{") || source.contains("{{&") {
            return Err(wrong("it has raw output".to_owned()));
        }
        let language = Language::of(output, source);
        let (engine, refused) = self.engines.entry(language).or_insert_with(|| engine(language));
        let text = engine.render_template(source, &self.view).map_err(|e| wrong(e.to_string()))?;
        match refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(value) => Err(RenderError::Value {
                path: place.to_owned(),
                value: shorten(&value),
                language: language.name(),
            }),
            None => Ok(text),
        }
    }
}

fn engine(language: Language) -> (Handlebars<'static>, Refused) {
    let refused = Refused::default();
    let note = Arc::clone(&refused);
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    // An escape function cannot fail, so it leaves a note that fails the rendering afterwards.
    engine.register_escape_fn(move |value| {
        language.escape(value).unwrap_or_else(|| {
            note.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_or_insert_with(|| value.to_owned());
            String::new()
        })
    });
    (engine, refused)
}

/// Text has no null: an unset value is an empty one.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Null => Value::from(""),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), without_nulls(v))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(output: &str, source: &str, view: &Value) -> Result<String, RenderError> {
        Texts::new(view).render("t", output, source.as_bytes())
    }

    #[test]
    fn values_are_escaped_for_the_output() {
        let view = json!({"a": "x'y", "n": null, "list": [1, 2]});
        assert_eq!(
            render("do/config", "A={{a}}\nN={{n}}\n", &view).expect("text"),
            "A='x'\\''y'\nN=''\n"
        );
        assert_eq!(
            render("x.txt", "{{#each list}}{{this}};{{/each}}", &view).expect("text"),
            "1;2;"
        );
        assert!(matches!(
            render("Dockerfile", "FROM {{a}}", &view),
            Err(RenderError::Value { .. })
        ));
    }

    #[test]
    fn a_missing_path_or_raw_output_is_an_error() {
        assert!(render("x", "{{missing}}", &json!({})).is_err());
        assert!(render("x", "{{{a}}}", &json!({"a": 1})).is_err());
    }
}
