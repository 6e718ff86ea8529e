//! Text templates: handlebars in strict mode, with one engine for each language that occurs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use handlebars::{Context, Handlebars};
use serde_json::Value;

use super::{Language, RenderError};
use mcc_catalogs::echo as shorten;

thread_local! {
    /// A value that its place cannot hold. An escape function cannot fail, so it leaves a note that fails the
    /// rendering afterwards, which happens on one thread.
    static REFUSED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Templates by their place, parsed once: that takes ten times as long as filling one.
static ENGINES: RwLock<BTreeMap<Language, Handlebars<'static>>> = RwLock::new(BTreeMap::new());

pub(super) struct Texts {
    view: Context,
}

impl Texts {
    pub(super) fn new(mut view: Value) -> Self {
        without_nulls(&mut view);
        Self { view: Context::from(view) }
    }

    /// What they are filled with.
    pub(super) fn view(&self) -> &Value {
        self.view.data()
    }

    /// Renders the template `source` found at `place`, whose output is the file `output`.
    ///
    /// At one place there is always the same template.
    pub(super) fn render(
        &self,
        place: &str,
        output: &str,
        source: &[u8],
    ) -> Result<String, RenderError> {
        let wrong = |reason: String| RenderError::Template { path: place.to_owned(), reason };
        let source =
            std::str::from_utf8(source).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        let language = Language::of(output, source);
        let fill = |engine: &Handlebars<'_>| {
            REFUSED.take();
            let text = engine
                .render_with_context(place, &self.view)
                .map_err(|error| wrong(error.to_string()))?;
            match REFUSED.take() {
                Some(value) => Err(RenderError::Value {
                    path: place.to_owned(),
                    value: shorten(&value),
                    language: language.name(),
                }),
                None => Ok(text),
            }
        };
        let engines = ENGINES.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engines.get(&language).filter(|engine| engine.has_template(place)) {
            return fill(engine);
        }
        drop(engines);
        if source.contains("{{{") || source.contains("{{&") {
            return Err(wrong("it has raw output".to_owned()));
        }
        let mut engines = ENGINES.write().unwrap_or_else(PoisonError::into_inner);
        let engine = engines.entry(language).or_insert_with(|| engine(language));
        engine.register_template_string(place, source).map_err(|error| wrong(error.to_string()))?;
        fill(engine)
    }
}

fn engine(language: Language) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(move |value| {
        language.escape(value).unwrap_or_else(|| {
            REFUSED.with_borrow_mut(|refused| {
                refused.get_or_insert_with(|| value.to_owned());
            });
            String::new()
        })
    });
    engine
}

/// Text has no null: an unset value is an empty one.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Null => *value = Value::from(""),
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        Value::Object(map) => map.values_mut().for_each(without_nulls),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(output: &str, source: &str, view: &Value) -> Result<String, RenderError> {
        Texts::new(view.clone()).render(source, output, source.as_bytes())
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
