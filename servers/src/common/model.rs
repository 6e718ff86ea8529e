//! A model, as a caller names or describes it, and what the catalogs know of it.

use std::borrow::Cow;

use mcc_catalogs::{Access, Catalogs, GatedFrom, HubAddress, Model, Origin, echo};
use mcc_fit::sizing::{self, Cache, GIB, ModelShape, Quantization};
use mcc_fit::{Asked, Described, Holds, Purpose};
use mcc_generator::{ModelConfig, reasons};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mcp::error::{Problem, ToolError};
use crate::mcp::server::Context;

/// Which model is meant.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelArguments {
    /// Hugging Face model id, such as Qwen/Qwen3-8B.
    pub(crate) model_name: Option<String>,
    /// For a model that is not in the catalog: the text of its config.json, or its path; for a copy of one that is, its id.
    pub(crate) model_config: Option<String>,
    /// Without a config.json: number of parameters, all experts counted.
    #[schemars(range(min = 1, max = 100_000_000_000_000_u64))]
    pub(crate) parameters: Option<u64>,
    /// With parameters: hidden layers.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) layers: Option<u32>,
    /// With parameters: hidden size.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) hidden_size: Option<u32>,
    /// With parameters: attention heads.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) attention_heads: Option<u32>,
    /// With parameters: key-value heads; as many as attention heads if left out.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) kv_heads: Option<u32>,
    /// With parameters: size of a head; hiddenSize / attentionHeads if left out.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) head_dim: Option<u32>,
    /// With parameters: longest context of the model, in tokens.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(crate) max_positions: Option<u64>,
}

/// Arguments of [`ModelArguments`] that carry a whole file.
pub(crate) const FILE_ARGUMENTS: &[&str] = &["modelConfig"];

/// A model with its sizes, and where those are from.
#[derive(Debug, Clone)]
pub(crate) struct Sized<'a> {
    /// As messages show it.
    pub(crate) name: String,
    /// As it was given, for a project.
    pub(crate) given: Option<String>,
    /// Id of the catalog's model that it is a copy of, where it has another name.
    pub(crate) copy_of: Option<String>,
    pub(crate) basis: Cow<'static, str>,
    pub(crate) shape: ModelShape,
    /// Its row, or that of the model of which it is a variant.
    pub(crate) row: Option<&'a Model>,
    /// Classes that it tells apart, if its config.json says how many.
    pub(crate) labels: Option<u64>,
}

/// A model in an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelAnswer {
    /// Its id, or what it was described by.
    pub(crate) name: String,
    /// Where its sizes are from: `catalog`, `variant` (the catalog's model in another precision), `config.json`, `numbers`,
    /// or, of what was looked up, whom and when: `live: Hugging Face, 2026-11-30`.
    pub(crate) basis: String,
    /// Class name in its config.json, which engines look up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) architecture: Option<String>,
    /// Parameters, all experts counted.
    pub(crate) parameters: u64,
    /// Parameters that one token uses, if it is a mixture of experts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) active_parameters: Option<u64>,
    /// Weights as stored, in GiB.
    pub(crate) weights_gib: f64,
    /// Number format of its unquantized weights.
    pub(crate) dtype: String,
    /// Quantization of the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quantization: Option<String>,
    /// Longest context, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_positions: Option<u64>,
    /// How its layers keep what they have read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attention: Option<String>,
    /// Key-value cache per token at 16 bits, in bytes, in the layers that keep every token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kv_bytes_per_token: Option<u64>,
    /// Why its sizes are not certain, where they are not read from its own config.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) caution: Option<String>,
}

/// Something that has to be set, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingAnswer {
    /// Argument of `plan_project` and `generate_project`.
    pub(crate) key: String,
    /// Why.
    pub(crate) reason: String,
}

impl ModelArguments {
    /// Whether any of them is given.
    pub(crate) fn given(&self) -> bool {
        self.model_name.is_some() || self.model_config.is_some() || self.parameters.is_some()
    }

    /// The model with its sizes.
    ///
    /// # Errors
    /// A model that nothing is known of, with what to supply instead: it is never guessed.
    pub(crate) fn sized<'a>(&self, context: &'a Context) -> Result<Sized<'a>, ToolError> {
        let catalogs = context.catalogs();
        if let Some(given) = &self.model_config {
            let wrong = |reason: String| {
                ToolError::of(
                    "invalid_arguments",
                    Problem::of("modelConfig", reason)
                        .fix("give the text of the config.json in the model's repository"),
                )
            };
            let text = match mcc_generator::model_config(catalogs, &context.files(), given) {
                Ok(ModelConfig::Text(text)) => text,
                // A copy of a model of the catalogs, under the name that the copy has.
                Ok(ModelConfig::Row(id)) => {
                    let copy = self.model_name.clone();
                    let original = by_name(id, catalogs)?;
                    let name = copy.as_deref().map_or_else(|| original.name.clone(), echo);
                    let copy_of = copy.is_some().then(|| original.name.clone());
                    let given = copy.or_else(|| original.given.clone());
                    return Ok(Sized { name, given, copy_of, ..original });
                }
                Err(reason) => return Err(wrong(reason)),
            };
            let shape = sizing::parse_config(&text).map_err(|error| wrong(error.to_string()))?;
            let name = self.model_name.as_deref().map(echo);
            return Ok(Sized {
                name: name.unwrap_or_else(|| "the model of modelConfig".to_owned()),
                given: self.model_name.clone(),
                copy_of: None,
                basis: "config.json".into(),
                shape,
                row: None,
                labels: sizing::parse_class(&text).1,
            });
        }
        if let Some(parameters) = self.parameters {
            return Ok(Sized {
                name: self
                    .model_name
                    .as_deref()
                    .map_or_else(|| "the model described".to_owned(), echo),
                given: self.model_name.clone(),
                copy_of: None,
                basis: "numbers".into(),
                shape: self.numbered(parameters),
                row: None,
                labels: None,
            });
        }
        let Some(name) = &self.model_name else {
            return Err(ToolError::of(
                "invalid_arguments",
                Problem::of("modelName", "nothing says which model is meant")
                    .fix("give modelName, modelConfig or parameters"),
            ));
        };
        by_name(name, catalogs)
    }

    /// The shape that the numbers describe; without layers and heads its cache stays unknown.
    fn numbered(&self, parameters: u64) -> ModelShape {
        let heads = self.attention_heads;
        let kv_heads = self.kv_heads.or(heads);
        let hidden = self.hidden_size;
        let head_dim = self.head_dim.or_else(|| Some(hidden? / heads?));
        let cache =
            self.layers.zip(kv_heads).zip(head_dim).map(|((layers, kv_heads), head_dim)| {
                // A key and a value of two bytes for each head of each layer.
                let token_bytes = 4 * u64::from(layers) * u64::from(kv_heads) * u64::from(head_dim);
                Cache { token_bytes, ..Cache::default() }
            });
        ModelShape {
            architecture: None,
            parameters,
            parameters_computed: false,
            weight_bytes: parameters.saturating_mul(2),
            embedding_parameters: 0,
            hidden: u64::from(hidden.unwrap_or_default()),
            heads,
            kv_heads,
            layers: self.layers.unwrap_or_default(),
            vocab: 0,
            max_positions: self.max_positions,
            dtype: sizing::Dtype::Bfloat16,
            quantization: None,
            cache,
            custom_code: false,
            written_by: None,
            reads_images: false,
            weights: sizing::Weights::default(),
            stretched: None,
            origin: sizing::Origin::Own,
            widths: sizing::Widths::default(),
            parts: None,
        }
    }
}

/// A model of the catalogs, or one of its variants.
fn by_name<'a>(name: &str, catalogs: &'a Catalogs) -> Result<Sized<'a>, ToolError> {
    let models = catalogs.models();
    let page = HubAddress::of(name).map(|page| page.model.to_string());
    let name = page.as_deref().unwrap_or(name);
    let name = catalogs.of_jumpstart(name).unwrap_or(name);
    // What holds no model has no sizes that could be given in their place.
    let only = || {
        let only = mcc_fit::only_there(catalogs, name)?;
        Some(super::deployment::holds_only(catalogs, name, only))
    };
    let unsized_row = || {
        if let Some(refused) = only() {
            return refused;
        }
        let read = models.get(name).and_then(|row| reasons::unusable_config(catalogs, row));
        let why = read.unwrap_or_else(|| {
            "its row in the catalog lacks sizes, and they are never guessed".to_owned()
        });
        let problem = Problem {
            why: Some(why),
            ..Problem::of("modelName", "this model's memory cannot be calculated")
        };
        ToolError::of("model_not_sized", problem.value(&name.into()).fix(supply(name)))
    };
    if let Some(row) = models.get(name) {
        let shape = sizing::shape_of(row).ok_or_else(unsized_row)?;
        let basis = basis(models.origin(row.id.as_str()), "catalog");
        return Ok(Sized::of(basis, row.id.to_string(), shape, row));
    }
    if let Some((row, variant)) = models.variant(name) {
        let precision = variant.precision.as_deref().unwrap_or_default();
        let shape = sizing::variant_shape(row, precision).ok_or_else(unsized_row)?;
        return Ok(Sized::of("variant".into(), variant.id.to_string(), shape, row));
    }
    if let Some(row) = catalogs.pipelines().get(name) {
        let (shape, id) = (sizing::pipeline_shape(row), row.id.to_string());
        let given = Some(id.clone());
        let basis = basis(catalogs.pipelines().origin(&id), "catalog");
        return Ok(Sized { name: id, given, copy_of: None, basis, shape, row: None, labels: None });
    }
    if let Some(refused) = only() {
        return Err(refused);
    }
    let mut near: Vec<String> = models.nearest(name).into_iter().map(str::to_owned).collect();
    let original = mcc_fit::original(catalogs, name);
    let fix = match original {
        Some(original) => {
            near.retain(|id| id != original);
            near.insert(0, original.to_owned());
            format!(
                "it looks like a variant of {original}: {}; or size {original} itself, which takes more memory than a quantized variant",
                supply(name)
            )
        }
        None => supply(name),
    };
    Err(ToolError::of(
        "unknown_model",
        Problem::of("modelName", "the catalog does not know this model")
            .value(&name.into())
            .fix(fix)
            .choices(near),
    ))
}

/// Where the sizes of a row are from: `otherwise`, unless they were looked up.
fn basis(origin: Option<&Origin>, otherwise: &'static str) -> Cow<'static, str> {
    let live = origin.and_then(|origin| Some((origin.live()?, origin.as_of()?)));
    live.map_or(otherwise.into(), |(source, as_of)| format!("live: {source}, {as_of}").into())
}

/// What to give in place of a name that does not help.
pub(crate) fn supply(name: &str) -> String {
    match mcc_fit::holds(name) {
        Some(Holds::Gguf) => {
            return "by its name it holds GGUF files, which have no config.json: name the original model, or add parameters, of all parts together".to_owned();
        }
        Some(Holds::Adapter) => {
            return "by its name it holds an adapter: name the model that it was trained on, whose memory decides"
                .to_owned();
        }
        None => {}
    }
    let hub = name.split('/').count() == 2 && !name.contains(':') && !name.starts_with('/');
    let place = if hub {
        let name = echo(name);
        format!("https://huggingface.co/{name}/raw/main/config.json")
    } else {
        // Newer ids of JumpStart, among others, have no owner.
        "its config.json (where its id on Hugging Face is not known, give that: owner/name)"
            .to_owned()
    };
    format!(
        "add modelConfig with the text of {place}, or parameters, layers, hiddenSize, attentionHeads and kvHeads; what has no such file, as GGUF files and diffusion pipelines, takes parameters, of all parts together"
    )
}

impl<'a> Sized<'a> {
    /// A model of the catalog.
    fn of(basis: Cow<'static, str>, id: String, shape: ModelShape, row: &'a Model) -> Self {
        Self {
            name: id.clone(),
            given: Some(id),
            copy_of: None,
            basis,
            shape,
            row: Some(row),
            labels: None,
        }
    }

    /// Why its sizes are not certain.
    pub(crate) fn caution(&self) -> Option<String> {
        mcc_generator::caution(&self.shape.origin)
    }

    /// What it is for.
    pub(crate) fn purpose(&self, catalogs: &Catalogs) -> Option<Purpose> {
        let original = self.row.map(|row| row.id.as_str());
        let model = Described {
            class: self.shape.architecture.as_deref(),
            name: original.or(self.given.as_deref()).unwrap_or_default(),
            labels: self.labels,
            hub: self.row.and_then(|row| row.task.as_deref()),
        };
        mcc_fit::purpose(catalogs, &model)
    }

    /// What of it decides which releases of an engine serve it; `in_flight` is a quantization while loading.
    pub(crate) fn asked(
        &self,
        catalogs: &Catalogs,
        engine: Option<&str>,
        in_flight: Option<&Quantization>,
    ) -> Asked {
        let own = self.shape.quantization.as_ref().or(in_flight);
        let recipe = engine.and_then(|engine| {
            let least = self.row?.first_version_of(engine)?;
            Some((engine.to_owned(), least.to_owned()))
        });
        Asked {
            class: self.shape.architecture.clone(),
            method: own.map(|quantization| quantization.method.clone()),
            recipes: recipe.into_iter().collect(),
            least_image: None,
            purpose: self.purpose(catalogs),
            circumstances: mcc_fit::circumstances_of(&self.shape),
        }
    }

    /// The model as answers show it.
    pub(crate) fn answer(&self) -> ModelAnswer {
        let shape = &self.shape;
        ModelAnswer {
            name: self.name.clone(),
            basis: self.basis.clone().into_owned(),
            architecture: shape.architecture.clone(),
            parameters: shape.parameters,
            active_parameters: self.row.and_then(|row| row.active_parameters),
            weights_gib: rounded(gib(shape.weight_bytes)),
            dtype: shape.dtype.name().to_owned(),
            quantization: shape
                .quantization
                .as_ref()
                .map(|quantization| quantization.method.clone()),
            max_positions: shape.max_positions,
            attention: attention(shape).map(str::to_owned),
            kv_bytes_per_token: shape
                .cache
                .filter(|_| !shape.keeps_nothing())
                .map(|cache| cache.token_bytes),
            caution: self.caution(),
        }
    }
}

/// What has to be set for a model, and why.
pub(crate) fn settings(sized: &Sized<'_>, catalogs: &Catalogs) -> Vec<SettingAnswer> {
    let mut settings = Vec::new();
    let mut add = |key: &str, reason: String| {
        settings.push(SettingAnswer { key: key.to_owned(), reason });
    };
    let model = sized.row.map(|row| (row.gated, row.gated_from));
    let pipeline = || catalogs.pipelines().get(&sized.name).map(|row| (row.gated, row.gated_from));
    if let Some((Some(true), from)) = model.or_else(pipeline) {
        let known = match from {
            Some(GatedFrom::Hub) => "the hub gates it",
            Some(GatedFrom::Private) => "it is private on the hub",
            _ => "its publisher is known to gate models of this family",
        };
        let access = match sized.row.and_then(|row| row.access) {
            Some(Access::Denied) => " (the user of the token that looked has not been let in)",
            Some(Access::Granted) => " (the user of the token that looked has been let in)",
            Some(Access::NoToken) | None => "",
        };
        let terms = match from {
            Some(GatedFrom::Private) => "",
            _ => "agree to the terms on its Hugging Face page, ",
        };
        add(
            "hfTokenArn",
            format!(
                "{known}{access}: {terms}keep a token in AWS Secrets Manager, and give that secret's ARN"
            ),
        );
    }
    let class = sized.shape.architecture.as_deref().unwrap_or_default();
    let example =
        catalogs.engines().architectures().any(|row| row.trust_remote_code && row.class == class);
    if sized.shape.custom_code || example {
        add("trustRemoteCode", "it comes with code of its own, which the engine runs only if told so; read that code, and give modelRevision so that it cannot change".to_owned());
    }
    if sized.basis == "config.json" {
        add("modelConfig", "the catalog does not know this model: give the same text to recommend_instance and plan_project".to_owned());
    }
    settings
}

/// The usual name of what a model's layers keep.
fn attention(shape: &ModelShape) -> Option<&'static str> {
    let cache = shape.cache?;
    let (heads, kv_heads) = (shape.heads?, shape.kv_heads?);
    Some(match (cache.replicated, cache.state_bytes, cache.windowed_token_bytes) {
        (_, 1.., _) => "hybrid",
        (true, ..) => "mla",
        (_, _, 1..) => "sliding",
        _ if kv_heads == heads => "mha",
        _ if kv_heads == 1 => "mqa",
        _ => "gqa",
    })
}

/// The word that serde writes for an enumeration's value.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Bytes as GiB.
#[expect(clippy::cast_precision_loss, reason = "no model has 2^53 bytes")]
pub(crate) fn gib(bytes: u64) -> f64 {
    bytes as f64 / GIB
}

/// Two decimals: estimates are no better than that.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A quantization that an engine does while loading, by name.
///
/// # Errors
/// For a name that says nothing of the size.
pub(crate) fn quantization(name: &str) -> Result<Quantization, ToolError> {
    const KNOWN: [&str; 6] = ["fp8", "int8", "bitsandbytes", "awq", "gptq", "mxfp4"];
    Quantization::named(name, None).ok_or_else(|| {
        super::deployment::unknown(
            "quantization",
            name,
            KNOWN.iter().map(|&known| known.to_owned()).collect(),
        )
    })
}
