//! What decides which releases of an engine serve the model, before an image is chosen.

use mcc_catalogs::{Circumstance, Model};
use mcc_fit::{Asked, NamedSize, circumstances_of, holds, named_method, named_size};
use serde_json::Value;

use super::Context;
use crate::manifest::SizingRole;
use crate::render::plain;

/// Formats that are methods as well.
const LOADED: [&str; 2] = ["gguf", "bitsandbytes"];

impl Context<'_> {
    /// The model's row, or that of the model of which it is a variant.
    pub(crate) fn row(&self) -> Option<&Model> {
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
            method: own.or_else(|| self.inputs.quantization.clone()).or_else(|| self.method_told()),
            recipes: recipe.into_iter().collect(),
            circumstances: self.circumstances(),
            least_image: self.facts.least_image.clone(),
            purpose: self.facts.purpose,
        }
    }

    /// The method where neither the model's configuration nor an input says it: by the format that the engine is told to
    /// load, or by a name that the catalogs do not know, of which that is a habit.
    fn method_told(&self) -> Option<String> {
        let options = self.inputs.engine_args.iter().flatten();
        let format = options
            .filter(|(name, _)| name.replace('_', "-") == "load-format")
            .map(|(_, value)| plain(value).to_lowercase())
            .find(|format| LOADED.contains(&format.as_str()));
        let name = self.inputs.model_name.as_deref().filter(|_| self.row().is_none());
        format.or_else(|| named_method(name?).map(str::to_owned))
    }

    fn circumstances(&self) -> Vec<Circumstance> {
        let roles = self.option_roles().sizing;
        let number = |value: &Value| plain(value).parse::<u64>().unwrap_or(0);
        let mut found: Vec<Circumstance> =
            self.facts.shape.as_ref().map(circumstances_of).unwrap_or_default();
        if self.inputs.tensor_parallel_size.is_some_and(|degree| degree > 1) {
            found.push(Circumstance::TensorParallel);
        }
        for (name, value) in self.inputs.engine_args.iter().flatten() {
            let name = name.replace('_', "-");
            if roles.get(&name) == Some(&SizingRole::Pipeline) && number(value) > 1 {
                found.push(Circumstance::PipelineParallel);
            }
            let text = plain(value);
            // An assistant of Gemma 4 drafts as layers of the model would, whether a method is named or not.
            let gemma = || self.facts.class.as_deref().is_some_and(|c| c.starts_with("Gemma4"));
            let drafts = || text.contains("mtp") || (text.contains("-assistant") && gemma());
            if name.starts_with("spec") && drafts() && !found.contains(&Circumstance::Mtp) {
                found.push(Circumstance::Mtp);
            }
            if name.starts_with("kv-transfer-config") && text.contains("LMCache") {
                found.push(Circumstance::LmCache);
            }
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
