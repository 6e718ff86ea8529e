//! SageMaker JumpStart's ids of models that Hugging Face has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::ModelId;
use crate::rows::Table;

/// One model under both names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JumpStartModel {
    /// JumpStart's id.
    pub id: String,
    /// Hugging Face's.
    pub hugging_face: ModelId,
}

/// `jumpstart.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JumpStartFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By JumpStart's id.
    #[serde(default)]
    pub models: Table<JumpStartModel>,
}

catalog_file!(JumpStartFile, "jumpstart.json", rows { models by |row| row.id.clone() });

/// The models that both have.
#[derive(Debug, Clone)]
pub struct JumpStart {
    file: JumpStartFile,
}

impl JumpStart {
    pub(crate) fn new(file: JumpStartFile) -> Self {
        Self { file }
    }

    pub(crate) fn hugging_face(&self, id: &str) -> Option<&str> {
        let row = self.file.models.iter().find(|row| row.id.eq_ignore_ascii_case(id))?;
        Some(row.hugging_face.as_str())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &JumpStartModel> {
        self.file.models.iter()
    }
}
