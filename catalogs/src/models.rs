//! Models of the Hugging Face hub, each with what sizing reads of its own `config.json`.

use std::any::Any;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::file::{CatalogFile, catalog_file};
use crate::ids::ModelId;
use crate::nearest::nearest;
use crate::rows::{Origin, Table};

/// Text of the part of a `config.json` that sizing reads. Nothing of it is looked at until the model is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelConfig {
    text: Box<RawValue>,
    /// What was read of it: reading takes longer than most answers.
    #[serde(skip)]
    read: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl ModelConfig {
    /// The JSON text.
    pub fn text(&self) -> &str {
        self.text.get()
    }

    /// What `read` makes of the text, which it is asked for once.
    pub fn read<T: Any + Send + Sync>(&self, read: impl FnOnce(&str) -> T) -> Option<&T> {
        self.read.get_or_init(|| Arc::new(read(self.text()))).downcast_ref()
    }
}

impl PartialEq for ModelConfig {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for ModelConfig {}

impl JsonSchema for ModelConfig {
    fn schema_name() -> Cow<'static, str> {
        "ModelConfig".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What sizing reads of the model's own config.json, under the same keys.",
            "type": "object"
        })
    }
}

/// How a row's `config` came to be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Copied from the model's own file.
    #[default]
    Verbatim,
    /// From the file of a sibling, or from parts of its own.
    Derived,
    /// Recalled and not read; held against the number of parameters, which says nothing of context, window or format.
    Recalled,
}

impl Basis {
    // The signature is serde's.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_verbatim(&self) -> bool {
        *self == Self::Verbatim
    }
}

/// Where the number of parameters is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParametersFrom {
    /// The hub's own total of the files.
    Hub,
    /// Calculated from the configuration.
    Config,
}

/// Where the bytes of the weights are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WeightsFrom {
    /// Published sizes of the files.
    Published,
    /// Calculated from parameters and number formats.
    Calculated,
}

/// How it is known whether a model is gated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GatedFrom {
    /// The hub said so, or gave its files out without a token.
    Hub,
    /// Its publisher is known to gate models of the family: an inference.
    Publisher,
    /// The hub said that it is private: it takes a token of a user who may read it, and there is no licence to accept.
    Private,
}

/// Whether the token that looked may fetch the files of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// It may.
    Granted,
    /// There was a token, whose user has not been let in.
    Denied,
    /// There was no token.
    NoToken,
}

/// What a repository has in place of weights that engines load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Only {
    /// Files of llama.cpp alone.
    Gguf,
    /// An adapter without the model that it is for.
    Adapter,
}

/// The same model in another precision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its id on the hub.
    pub id: ModelId,
    /// `fp8`, `int4`, `nvfp4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its id on the hub.
    pub id: ModelId,
    /// Parameters of the checkpoint: vision tower, experts and layers for multi-token prediction included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Where that is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_from: Option<ParametersFrom>,
    /// Parameters that one token uses, of mixtures of experts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_parameters: Option<u64>,
    /// Bytes of all weights as the checkpoint stores them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_bytes: Option<u64>,
    /// Where that is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_bytes_from: Option<WeightsFrom>,
    /// Class name in the model's configuration, which engines look up.
    pub architecture: String,
    /// The class is that of models of the same type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub architecture_derived: bool,
    /// Task on the hub: `text-generation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// License on the hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Needs a token and a click on the hub. None if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gated: Option<bool>,
    /// How that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gated_from: Option<GatedFrom>,
    /// First vLLM that serves it, by vLLM's own recipes; later than the first with its class for newer variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_vllm: Option<String>,
    /// The same model in other precisions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// When it came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// How `config` came to be known.
    #[serde(default, skip_serializing_if = "Basis::is_verbatim")]
    pub basis: Basis,
    /// The sibling from whose file it is derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sibling: Option<ModelId>,
    /// Where configuration and totals are from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The commit that was read, where it was looked up: 40 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether the token that looked may fetch its files. None where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Bytes of all its files, where they were listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// What it has in place of weights that engines load: `gguf` for files of llama.cpp alone, `adapter` for an adapter
    /// without the model that it is for. None for a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
    /// Its configuration names code of its own, which runs only where that is allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_code: bool,
    /// Longest text that its tokenizer says it takes, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer_limit: Option<u64>,
    /// The most pixels that its processor says it keeps of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pixels: Option<u64>,
    /// What sizing reads of its `config.json`; without it only parameters and bytes are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ModelConfig>,
}

impl Model {
    /// First version of `engine` that serves this model, where the engine's recipes say it.
    pub fn first_version_of(&self, engine: &str) -> Option<&str> {
        if engine == "vllm" { self.min_vllm.as_deref() } else { None }
    }
}

/// `models.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By id.
    #[serde(default)]
    pub models: Table<Model>,
}

catalog_file!(ModelsFile, "models.json", rows { models by |row| row.id.as_str().to_lowercase() });

/// The embedded file with its rows as text: a plan is of one model, and there are hundreds.
#[derive(Default, Deserialize)]
struct Unread<'a> {
    as_of: String,
    #[serde(borrow)]
    models: Vec<&'a RawValue>,
}

/// Its key.
#[derive(Deserialize)]
struct Key<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// A row, read when it is first asked for.
#[derive(Debug, Clone)]
struct Row {
    id: Cow<'static, str>,
    /// The text; empty where the row was laid, and is read already.
    text: &'static str,
    read: OnceLock<Option<Box<Model>>>,
}

impl Row {
    fn model(&self) -> Option<&Model> {
        self.read.get_or_init(|| serde_json::from_str(self.text).ok()).as_deref()
    }
}

/// The models.
#[derive(Debug, Clone)]
pub struct Models {
    as_of: String,
    rows: Table<Row>,
    /// Where each is, in the order of their ids in lower case.
    by_lower_id: Vec<(Box<str>, usize)>,
}

impl Models {
    /// The rows of this build.
    pub(crate) fn embedded() -> Self {
        // A test reads the embedded text, as of every catalog.
        let unread: Unread<'static> = serde_json::from_str(ModelsFile::TEXT).unwrap_or_default();
        let mut rows: Vec<Row> = Vec::with_capacity(unread.models.len());
        for row in unread.models {
            if let Ok(Key { id }) = serde_json::from_str::<Key<'static>>(row.get()) {
                rows.push(Row { id, text: row.get(), read: OnceLock::new() });
            }
        }
        Self::of(unread.as_of, rows.into())
    }

    /// The same with the rows of `over`, which are from `origin`.
    pub(crate) fn with(mut self, over: &ModelsFile, origin: &Origin) -> Self {
        let given: Vec<Row> = over
            .models
            .iter()
            .map(|model| Row {
                id: model.id.to_string().into(),
                text: "",
                read: OnceLock::from(Some(Box::new(model.clone()))),
            })
            .collect();
        self.rows.lay(given.into(), origin, |row| row.id.to_lowercase());
        Self::of(self.as_of, self.rows)
    }

    fn of(as_of: String, rows: Table<Row>) -> Self {
        let lower = |row: &Row| row.id.to_lowercase().into_boxed_str();
        let mut by_lower_id: Vec<(Box<str>, usize)> =
            rows.iter().enumerate().map(|(at, row)| (lower(row), at)).collect();
        by_lower_id.sort_unstable();
        Self { as_of, rows, by_lower_id }
    }

    /// Where the latest of the rows is from that were laid on them.
    pub(crate) fn latest(&self) -> &Origin {
        self.rows.latest()
    }

    /// Date of the facts.
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// By id; upper and lower case do not matter, as on the hub.
    pub fn get(&self, id: &str) -> Option<&Model> {
        self.rows.get(self.place(id)?)?.model()
    }

    /// Where the row of a model is from; none if there is no such model.
    pub fn origin(&self, id: &str) -> Option<&Origin> {
        self.place(id).map(|at| self.rows.origin(at))
    }

    fn place(&self, id: &str) -> Option<usize> {
        let id = id.to_lowercase();
        let found = self.by_lower_id.binary_search_by(|(known, _)| (**known).cmp(&id)).ok()?;
        self.by_lower_id.get(found).map(|(_, at)| *at)
    }

    /// All of them, which reads every row; [`ids`](Self::ids) does not.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.rows.iter().filter_map(Row::model)
    }

    /// The ids of all of them.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| &*row.id)
    }

    /// The models whose id in lower case `takes` says something of, with what it says, in the order of those ids. No
    /// other row is read.
    pub fn of_ids<T>(
        &self,
        mut takes: impl FnMut(&str) -> Option<T>,
    ) -> impl Iterator<Item = (T, &Model)> {
        let rows = self.by_lower_id.iter();
        rows.filter_map(move |(id, at)| Some((takes(id)?, self.rows.get(*at)?.model()?)))
    }

    /// The ids most like `id`.
    pub fn nearest(&self, id: &str) -> Vec<&str> {
        nearest(id, self.ids(), 3)
    }

    /// The model of which `id` is a variant in another precision.
    pub fn variant(&self, id: &str) -> Option<(&Model, &Variant)> {
        self.iter().find_map(|row| {
            row.variants
                .iter()
                .find(|variant| variant.id.as_str().eq_ignore_ascii_case(id))
                .map(|variant| (row, variant))
        })
    }
}
