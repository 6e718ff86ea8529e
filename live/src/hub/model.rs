//! One model: what the hub says of it, as the row that the catalogs would have.

use mcc_catalogs::{
    Access, Basis, Files, Model, ModelConfig, ModelId, ModelsFile, Only, PipelinesFile,
    WeightFile as File, cut, is_believable, is_gguf, is_revision,
};
use serde_json::{Map, Value};

use super::beside::{self, Beside};
use super::client::{Client, Said};
use super::info::{Gate, Info, class_name};
use super::weights::{self, Weights};
use super::{HubSource, json};
use crate::clock;
use crate::desk::together;
use crate::failure::Failure;
use crate::source::{Fact, Waiting};

/// Most bytes of what the hub says of a repository: there are some with ten thousand files.
const MOST_INFO: usize = 8 << 20;
/// Most bytes of a `config.json` that is read, as of a user's own.
const MOST_CONFIG: usize = 1 << 20;

/// What came of the configuration.
enum Config {
    Read(Map<String, Value>),
    /// The hub has none.
    None,
    /// It is not given to this user.
    Gated,
    /// It could not be had now.
    Failed(Failure),
    /// It is there, and is no configuration: why.
    Wrong(String),
}

/// Asks for one model.
pub(super) async fn find(
    source: &HubSource,
    client: &Client<'_>,
    asked: &ModelId,
    revision: Option<&str>,
) -> Result<Fact, Failure> {
    let known = source.base.of_jumpstart(asked.as_str()).and_then(|id| id.parse().ok());
    let asked = known.as_ref().unwrap_or(asked);
    let at = revision.filter(|revision| is_revision(revision));
    let at = at.map(|at| format!("/revision/{}", at.replace('/', "%2F"))).unwrap_or_default();
    let said = client.get(&format!("/api/models/{asked}{at}?blobs=true"), MOST_INFO).await?;
    if said.missing() {
        let mut notes = vec![match revision.filter(|_| said.lacks_revision()) {
            Some(revision) => {
                let revision = cut(revision, 100);
                format!("{} has no revision `{revision}` of `{asked}`.", source.hub.words())
            }
            None => missing(source, client, asked),
        }];
        notes.extend(refused(source, client));
        return Ok(Fact { notes, partial: true, ..Fact::default() });
    }
    if !said.ok() {
        return Err(said.failure());
    }
    let no_json = || Failure::Unreadable("it is not a description of a model".to_owned());
    let info = Info::of(&json::object(&said.body).ok_or_else(no_json)?);
    let row = Row::new(source, client, asked, info);
    Ok(Row { revision, ..row }.fact().await)
}

fn missing(source: &HubSource, client: &Client<'_>, id: &ModelId) -> String {
    let hub = source.hub.words();
    if client.has_token() {
        format!(
            "{hub} has no model `{id}`, or the model is private and the token in use has no access to it."
        )
    } else if client.keeps_token() {
        format!(
            "{hub} has no model `{id}`, or the model is private and was asked for without a token: {KEPT}."
        )
    } else {
        format!(
            "{hub} has no model `{id}`, or the model is private, which requires a token in HF_TOKEN."
        )
    }
}

/// Why a token that is set was not sent, and what sends it.
const KEPT: &str = "the token that is set is not sent to the endpoint in HF_ENDPOINT; set MCC_SEND_HF_TOKEN=1, if that \
                    endpoint may have it";

fn refused(source: &HubSource, client: &Client<'_>) -> Option<String> {
    let told = || {
        format!(
            "{} rejected the token in use and was asked without it; run `hf auth login`, or set HF_TOKEN.",
            source.hub.words()
        )
    };
    client.token_refused().then(told)
}

/// Files beside the configuration that were read.
type BesideFiles = Vec<(Beside, Map<String, Value>)>;

/// A row under way.
struct Row<'a> {
    source: &'a HubSource,
    client: &'a Client<'a>,
    /// Under which name it was asked for.
    asked: &'a ModelId,
    /// Under which name the hub has it.
    id: ModelId,
    /// Of which revision, if not of that which is served by default.
    revision: Option<&'a str>,
    info: Info,
    notes: Vec<String>,
    partial: bool,
}

impl<'a> Row<'a> {
    fn new(source: &'a HubSource, client: &'a Client<'a>, asked: &'a ModelId, info: Info) -> Self {
        let id = info.id.clone().unwrap_or_else(|| asked.clone());
        let notes = Vec::new();
        Self { source, client, asked, id, revision: None, info, notes, partial: false }
    }

    async fn fact(mut self) -> Fact {
        if !self.asked.as_str().eq_ignore_ascii_case(self.id.as_str()) {
            self.note(format!("`{}` is called `{}` on the hub now.", self.asked, self.id));
        }
        if self.info.disabled {
            self.note(format!("The hub has disabled `{}` and does not serve its files.", self.id));
        }
        let (config, beside) = self.files().await;
        let access = self.access(&config).await;
        let mut row = self.row(config, beside);
        row.access = access;
        self.tell_access(access);
        let files = match self.pipeline() {
            Some(file) => Files::default().with(file),
            None => Files::default().with(ModelsFile {
                as_of: clock::date(clock::now()),
                source: self.source.hub.words(),
                models: vec![row].into(),
            }),
        };
        self.notes.extend(refused(self.source, self.client));
        Fact { files, notes: self.notes, partial: self.partial }
    }

    fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The configuration, and the files beside it that say most, all at once.
    async fn files(&self) -> (Config, BesideFiles) {
        let at = self.info.sha.as_deref().or(self.revision).unwrap_or("main");
        // Files of a repository are where a redirect leads to; `raw` has the small ones without it.
        let config = format!("/{}/resolve/{at}/config.json", self.id);
        let size = self.info.file("config.json").and_then(|file| file.size);
        let large = size.filter(|size| *size > MOST_CONFIG as u64);
        let wanted = self.info.may_have("config.json") && large.is_none();
        let spared = if wanted { 2 } else { 0 };
        let mut which = Beside::of(&self.info);
        which.truncate(self.client.left().saturating_sub(spared));
        let mut all: Vec<Waiting<'_, Option<Result<Said, Failure>>>> = Vec::new();
        all.push(Box::pin(async {
            if wanted { Some(self.client.get(&config, MOST_CONFIG).await) } else { None }
        }));
        for one in &which {
            let path = format!("/{}/raw/{at}/{}", self.id, one.name());
            all.push(Box::pin(async move { Some(self.client.get(&path, beside::MOST).await) }));
        }
        let mut all = together(all).await.into_iter();
        let config = match (all.next().flatten(), large) {
            (Some(said), _) => read(said),
            (None, Some(size)) => Config::Wrong(format!("it has {size} bytes")),
            (None, None) => Config::None,
        };
        let read = |(one, said): (Beside, Option<Result<Said, Failure>>)| {
            let said = said?.ok().filter(Said::ok)?;
            Some((one, json::object(&said.body)?))
        };
        (config, which.into_iter().zip(all).filter_map(read).collect())
    }

    /// Whether this user may have the files.
    async fn access(&self, config: &Config) -> Option<Access> {
        let refused = || if self.client.has_token() { Access::Denied } else { Access::NoToken };
        match (self.info.gate, config) {
            (_, Config::Gated) => Some(refused()),
            (_, Config::Read(_)) | (Some(Gate::Open), _) => Some(Access::Granted),
            (None, _) => None,
            (Some(_), _) if !self.client.has_token() => Some(Access::NoToken),
            (Some(_), Config::None) if self.client.left() > 0 => {
                let path = format!("/api/models/{}/auth-check", self.id);
                let said = self.client.get(&path, beside::MOST).await.ok()?;
                if said.ok() { Some(Access::Granted) } else { said.gated().then(refused) }
            }
            (Some(_), _) => None,
        }
    }

    fn tell_access(&mut self, access: Option<Access>) {
        let id = &self.id;
        let page = format!("https://huggingface.co/{id}");
        let then = match self.info.gate {
            Some(Gate::Manual) => "and wait for its authors to approve the request",
            _ => "with the token's account",
        };
        match access {
            Some(Access::NoToken) if self.client.keeps_token() => self.note(format!(
                "`{id}` is gated, and was asked for without a token: {KEPT}. Accept its terms at {page} {then}."
            )),
            Some(Access::NoToken) => self.note(format!(
                "`{id}` is gated, and no token is set: accept its terms at {page} {then}, and set HF_TOKEN."
            )),
            Some(Access::Denied) => self.note(format!(
                "`{id}` is gated, and the token in use has no access to it: accept its terms at {page} {then}."
            )),
            Some(Access::Granted) | None => {}
        }
    }

    /// What the catalogs' own row has, with what the hub says over it.
    fn row(&mut self, config: Config, mut beside: BesideFiles) -> Model {
        let base = &self.source.base;
        let known = base.models().get(self.asked.as_str());
        let known = known.or_else(|| base.models().get(self.id.as_str()));
        let mut row = known.cloned().unwrap_or_else(|| empty(self.asked.clone()));
        row.id = if self.asked.as_str().eq_ignore_ascii_case(self.id.as_str()) {
            self.id.clone()
        } else {
            self.asked.clone()
        };
        let hub = &self.source.hub;
        let at = self.info.sha.as_ref().map(|sha| format!(" at {}", sha.get(..12).unwrap_or(sha)));
        row.source = Some(format!("{}/{}{}", hub.host(), self.id, at.unwrap_or_default()));
        row.revision = self.info.sha.clone();
        row.file_bytes = self.info.bytes();
        row.task = self.info.task.clone().or(row.task);
        row.license = self.info.license.clone().or(row.license);
        row.released = row.released.or_else(|| self.info.created.clone());
        if let Some((takes, from)) = self.info.takes_token() {
            (row.gated, row.gated_from) = (Some(takes), Some(from));
        }
        for (one, file) in &beside {
            one.tell(&mut row, file);
        }
        let index = beside.iter().find(|(one, _)| *one == Beside::Index);
        let indexed = index
            .and_then(|(_, file)| file.get("metadata")?.get("total_size")?.as_u64())
            .filter(|bytes| is_believable(*bytes));
        let formats = beside.iter().position(|(one, _)| *one == Beside::Quantization);
        let formats = formats.map(|at| beside.swap_remove(at).1);
        self.read_config(&mut row, config, formats);
        if row.architecture.is_empty()
            && let Some(class) = self.info.class.clone().or_else(|| self.info.pipeline.clone())
        {
            row.architecture = class;
        }
        let files = self.info.files.as_deref().unwrap_or_default();
        let weights = weights::of(files, self.info.totals.as_ref(), indexed);
        self.weigh(&mut row, &weights);
        row
    }

    fn read_config(
        &mut self,
        row: &mut Model,
        config: Config,
        formats: Option<Map<String, Value>>,
    ) {
        let known = row.config.is_some();
        let instead =
            if known { "the catalog's own is used" } else { "memory is not estimated from it" };
        match config {
            Config::Read(mut object) => {
                let class = object.get("architectures").and_then(|all| all.get(0)?.as_str());
                if let Some(class) = class.and_then(class_name) {
                    (row.architecture, row.architecture_derived) = (class, false);
                }
                row.own_code = object.contains_key("auto_map");
                if let Some(file) = formats {
                    let inner = file.get("quantization").filter(|inner| inner.is_object()).cloned();
                    object
                        .entry("hf_quant_config")
                        .or_insert_with(|| inner.unwrap_or(Value::Object(file)));
                }
                let text = Value::Object(object).to_string();
                if let Ok(config) = serde_json::from_str::<ModelConfig>(&text) {
                    (row.config, row.basis, row.sibling) = (Some(config), Basis::Verbatim, None);
                }
            }
            Config::None if self.info.files.is_some() && !known => {
                if self.info.file("params.json").is_some() {
                    self.note(format!(
                        "`{}` has no config.json, only Mistral's own params.json: its memory is not estimated.",
                        self.id
                    ));
                }
            }
            Config::None | Config::Gated => {}
            Config::Failed(failure) => {
                self.partial = true;
                self.note(format!(
                    "The config.json of `{}`: {} {failure}; {instead}.",
                    self.id,
                    self.source.hub.words()
                ));
            }
            Config::Wrong(why) => self.note(format!(
                "The config.json of `{}` is not read because {why}; {instead}.",
                self.id
            )),
        }
    }

    fn weigh(&mut self, row: &mut Model, weights: &Weights) {
        if weights.bytes.is_some() {
            (row.weight_bytes, row.weight_bytes_from) = (weights.bytes, weights.bytes_from);
        }
        if weights.parameters.is_some() {
            (row.parameters, row.parameters_from) = (weights.parameters, weights.parameters_from);
        }
        if let Some((lacking, of)) = weights.lacking {
            self.note(format!("`{}` lacks {lacking} of {of} files of its weights.", self.id));
        }
        if let Some((counted, bytes)) = weights.not_believed.zip(weights.bytes) {
            self.note(format!(
                "Of `{}` {counted} bytes of weights are counted, and its files have {bytes}: the files are taken.",
                self.id
            ));
        }
        if self.info.odd_sizes > 0 {
            self.note(format!(
                "What is said of the sizes of {} files of `{}` is no size, and is not used.",
                self.info.odd_sizes, self.id
            ));
        }
        if self.info.odd_totals {
            self.note(format!(
                "The count of the weights of `{}` is none, and is not used.",
                self.id
            ));
        }
        row.only = weights.only;
        match weights.only {
            Some(Only::Gguf) => {
                row.parameters = self.info.gguf.or(row.parameters);
                row.parameters_from = self
                    .info
                    .gguf
                    .map(|_| mcc_catalogs::ParametersFrom::Hub)
                    .or(row.parameters_from);
                let files = self.info.files.iter().flatten();
                let count = files.filter(|file| is_gguf(&file.name)).count();
                self.note(format!(
                    "`{}` has {count} GGUF file(s) for llama.cpp and no weights that other engines load.",
                    self.id
                ));
            }
            Some(Only::Adapter) => {
                let base = self.info.base.as_ref().map(|base| format!("`{base}`"));
                let base = base.unwrap_or_else(|| "a model that is not named".to_owned());
                self.note(format!("`{}` is an adapter for {base}, not a complete model.", self.id));
            }
            None => {}
        }
    }

    /// The catalogs' row of a diffusion pipeline, with what the hub says of its gate. Sizes of parts are in files that
    /// are not read.
    fn pipeline(&mut self) -> Option<PipelinesFile> {
        let known = self.source.base.pipelines().get(self.asked.as_str()).cloned();
        if known.is_none() && self.info.file("model_index.json").is_some() {
            let parts = parts(self.info.files.as_deref().unwrap_or_default());
            let parts = if parts.is_empty() { String::new() } else { format!(" of {parts}") };
            self.note(format!(
                "`{}` is a diffusion pipeline{parts}; its memory is not estimated, since the catalogs do not have \
                 the parameters of its parts.",
                self.id
            ));
        }
        let mut row = known?;
        if let Some((takes, from)) = self.info.takes_token() {
            (row.gated, row.gated_from) = (Some(takes), Some(from));
        }
        Some(PipelinesFile {
            as_of: clock::date(clock::now()),
            source: self.source.hub.words(),
            pipelines: vec![row].into(),
        })
    }
}

fn read(said: Result<Said, Failure>) -> Config {
    match said {
        Ok(said) if said.ok() => match json::object(&said.body) {
            Some(object) => Config::Read(object),
            None => Config::Wrong("it is not a JSON object".to_owned()),
        },
        Ok(said) if said.gated() => Config::Gated,
        Ok(said) if said.missing() => Config::None,
        Ok(said) => Config::Failed(said.failure()),
        Err(failure) => Config::Failed(failure),
    }
}

pub(super) fn empty(id: ModelId) -> Model {
    Model {
        id,
        parameters: None,
        parameters_from: None,
        active_parameters: None,
        weight_bytes: None,
        weight_bytes_from: None,
        architecture: String::new(),
        architecture_derived: false,
        task: None,
        license: None,
        gated: None,
        gated_from: None,
        min_vllm: None,
        variants: Vec::new(),
        released: None,
        basis: Basis::Verbatim,
        sibling: None,
        source: None,
        revision: None,
        access: None,
        file_bytes: None,
        only: None,
        own_code: false,
        tokenizer_limit: None,
        image_pixels: None,
        config: None,
    }
}

/// The parts of a pipeline with the bytes of what is loaded: `transformer 23.8 GB, vae 0.2 GB`.
fn parts(files: &[File]) -> String {
    let mut names: Vec<&str> =
        files.iter().filter_map(|file| Some(file.name.split_once('/')?.0)).collect();
    names.sort_unstable();
    names.dedup();
    let part = |name: &&str| {
        let own = |file: &File| {
            let inner = file.name.strip_prefix(*name)?.strip_prefix('/')?.to_owned();
            // The files of a part have names of their own.
            let inner = inner.replace("diffusion_pytorch_model", "model");
            Some(File { name: inner, size: file.size })
        };
        let own: Vec<File> = files.iter().filter_map(own).collect();
        let bytes = weights::of(&own, None, None).bytes?;
        let name = json::short(name)?;
        // One digit is enough to tell parts apart.
        Some(format!("{name} {}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10))
    };
    names.iter().filter_map(part).take(8).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
