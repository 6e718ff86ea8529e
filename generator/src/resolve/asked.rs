//! What decides which releases of an engine serve the model, before an image is chosen.

use mcc_catalogs::{Circumstance, Model};
use mcc_fit::{Asked, NamedSize, holds, named_size};
use serde_json::Value;

use super::Context;
use crate::manifest::SizingRole;
use crate::render::plain;

impl Context<'_> {
    /// The model's row, or that of the model of which it is a variant.
    pub(super) fn row(&self) -> Option<&Model> {
        let name = self.inputs.model_name.as_deref()?;
        let models = self.catalogs.models();
        models.get(name).or_else(|| models.variant(name).map(|(row, _)| row))
    }

    /// Takes note of the model's class, from its shape or from the catalogs.
    pub(super) fn note_class(&mut self) {
        let own = self.facts.shape.as_ref().and_then(|shape| shape.architecture.clone());
        // A config.json is of another model than the one that has the name.
        let row = self.row().filter(|_| self.inputs.model_config.is_none());
        let known = row.map(|row| row.architecture.clone()).filter(|class| !class.is_empty());
        self.facts.class = own.or(known);
        self.facts.purpose = self.purpose();
    }

    /// What of the model and of how it is served decides which releases do.
    pub(crate) fn asked(&self) -> Asked {
        let shape = self.facts.shape.as_ref();
        let own = shape.and_then(|shape| shape.quantization.as_ref()).map(|q| q.method.clone());
        let row = self.row().filter(|_| self.inputs.model_config.is_none());
        let engine = self.deployment.engine.as_deref();
        let recipe = engine.and_then(|engine| {
            Some((engine.to_owned(), row?.first_version_of(engine)?.to_owned()))
        });
        Asked {
            class: self.facts.class.clone(),
            method: own.or_else(|| self.inputs.quantization.clone()),
            recipes: recipe.into_iter().collect(),
            circumstances: self.circumstances(),
            least_image: self.facts.least_image.clone(),
            purpose: self.facts.purpose,
        }
    }

    fn circumstances(&self) -> Vec<Circumstance> {
        let roles = self.option_roles().sizing;
        let number = |value: &Value| plain(value).parse::<u64>().unwrap_or(0);
        let mut found = Vec::new();
        if self.inputs.tensor_parallel_size.is_some_and(|degree| degree > 1) {
            found.push(Circumstance::TensorParallel);
        }
        for (name, value) in self.inputs.engine_args.iter().flatten() {
            let name = name.replace('_', "-");
            if roles.get(&name) == Some(&SizingRole::Pipeline) && number(value) > 1 {
                found.push(Circumstance::PipelineParallel);
            }
            let text = plain(value);
            if name.starts_with("speculative-config") && text.contains("mtp") {
                found.push(Circumstance::Mtp);
            }
            if name.starts_with("kv-transfer-config") && text.contains("LMCache") {
                found.push(Circumstance::LmCache);
            }
        }
        let cache = self.facts.shape.as_ref().and_then(|shape| shape.cache);
        if cache.is_some_and(|cache| cache.state_bytes > 0 && cache.token_bytes > 0) {
            found.push(Circumstance::StateLayers);
        }
        found
    }

    /// The size in the name of a model of which nothing else is known.
    pub(crate) fn size_in_name(&self) -> Option<NamedSize> {
        let unknown = self.facts.shape.is_none() && self.deployment.has_context();
        let name = self.inputs.model_name.as_deref().filter(|_| unknown)?;
        let found = named_size(name).filter(|_| holds(name).is_none())?;
        // While loading the engine may make them smaller still than the name says.
        let bytes =
            if self.inputs.quantization.is_some() { found.bytes.min(0.5) } else { found.bytes };
        Some(NamedSize { bytes, ..found })
    }
}
