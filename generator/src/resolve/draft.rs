//! The model that drafts tokens for another, as the engine's options name it.

use serde_json::{Map, Value};

use super::Context;
use crate::manifest::SizingRole;
use crate::render::plain;
use mcc_fit::sizing::{self, Draft};

/// What drafts tokens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Drafting {
    /// Nothing, or the model itself: it has layers of its own for that, or the text is searched.
    Own,
    /// A model that the catalogs know, and what it takes.
    Known(Draft),
    /// A model of which nothing is known.
    Unknown(String),
}

/// What the options say of it.
#[derive(Debug, Default)]
struct Said {
    model: Option<String>,
    method: Option<String>,
    whole: bool,
}

impl Said {
    /// One key of the engine's configuration of it.
    fn key(&mut self, key: &str, value: &Value) {
        let text = plain(value);
        match key {
            "model" if !text.is_empty() => self.model = Some(text),
            "method" => self.method = Some(text.to_lowercase()),
            "draft_tensor_parallel_size" => self.whole = text == "1",
            _ => {}
        }
    }

    /// A whole configuration, as a document or its text.
    fn document(&mut self, value: &Value) {
        let read = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let object = read.as_ref().unwrap_or(value).as_object();
        for (key, value) in object.into_iter().flatten() {
            self.key(key, value);
        }
    }

    /// Whether the method has no model of its own.
    fn without_model(&self) -> bool {
        self.method.as_deref().is_some_and(|method| {
            ["ngram", "suffix", "nextn"].contains(&method) || method.ends_with("mtp")
        })
    }
}

impl Context<'_> {
    /// What drafts tokens by these options.
    pub(crate) fn drafting(&self, options: Option<&Map<String, Value>>) -> Drafting {
        let roles = self.option_roles().sizing;
        let mut said = Said::default();
        for (name, value) in options.into_iter().flatten() {
            let (stem, key) = name.split_once('.').unwrap_or((name, ""));
            if roles.get(stem) != Some(&SizingRole::Draft) {
                continue;
            }
            match key {
                "" if stem.ends_with("config") => said.document(value),
                "" if stem.ends_with("algorithm") || stem.ends_with("method") => {
                    said.key("method", value);
                }
                "" => said.key("model", value),
                key => said.key(key, value),
            }
        }
        let own = self.inputs.model_name.as_deref();
        let Some(model) = said.model.take().filter(|model| Some(model.as_str()) != own) else {
            return Drafting::Own;
        };
        if said.without_model() {
            return Drafting::Own;
        }
        let row = self.catalogs.models().get(&model);
        match row.and_then(sizing::shape_of) {
            Some(shape) => Drafting::Known(Draft::of(&shape, said.whole)),
            None => Drafting::Unknown(model),
        }
    }
}
