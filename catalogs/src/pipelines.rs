//! Diffusion pipelines of the Hugging Face hub, part by part: their text encoders are often as large as what denoises.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::ModelId;
use crate::models::{Basis, GatedFrom};
use crate::rows::{Origin, Table};

/// What a pipeline makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Makes {
    /// Single images.
    Images,
    /// Films: many images at once.
    Films,
}

/// A part beside the one that denoises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelinePart {
    /// What it is.
    pub name: String,
    /// Its parameters.
    pub parameters: u64,
}

/// One pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Its id on the hub.
    pub id: ModelId,
    /// Class name in its `model_index.json`.
    pub class: String,
    /// What it makes.
    pub makes: Makes,
    /// Parameters of what denoises, both where there are two.
    pub denoiser: u64,
    /// The other parts.
    pub parts: Vec<PipelinePart>,
    /// It is known to run with what denoises split over devices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tensor_parallel: bool,
    /// How its sizes came to be known.
    #[serde(default, skip_serializing_if = "Basis::is_verbatim")]
    pub basis: Basis,
    /// Needs a token and a click on the hub. None if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gated: Option<bool>,
    /// How that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gated_from: Option<GatedFrom>,
    /// Where its sizes are from.
    pub source: String,
}

impl Pipeline {
    /// Parameters of the parts beside what denoises.
    pub fn beside(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.parameters))
    }
}

/// `pipelines.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelinesFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By id.
    #[serde(default)]
    pub pipelines: Table<Pipeline>,
}

catalog_file!(PipelinesFile, "pipelines.json", rows { pipelines by |row| row.id.clone() });

/// The known pipelines.
#[derive(Debug, Clone)]
pub struct Pipelines {
    file: PipelinesFile,
}

impl Pipelines {
    pub(crate) fn new(file: PipelinesFile) -> Self {
        Self { file }
    }

    /// The one with this id, in any letters.
    pub fn get(&self, id: &str) -> Option<&Pipeline> {
        self.iter().find(|row| row.id.as_str().eq_ignore_ascii_case(id))
    }

    /// Where the row of a pipeline is from; none if there is no such one.
    pub fn origin(&self, id: &str) -> Option<&Origin> {
        let at = self.iter().position(|row| row.id.as_str().eq_ignore_ascii_case(id))?;
        Some(self.file.pipelines.origin(at))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Pipeline> {
        self.file.pipelines.iter()
    }
}
