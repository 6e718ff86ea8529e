//! Models whose names have words: what the hub's list says, without a request for each.

use mcc_catalogs::{Basis, Files, Model, ModelsFile, WeightsFrom};
use serde_json::Value;
use url::form_urlencoded;

use super::client::Client;
use super::info::Info;
use super::weights::Totals;
use super::{HubSource, model};
use crate::clock;
use crate::failure::Failure;
use crate::source::Fact;

/// Most models that are listed.
const LISTED: usize = 20;
/// Most bytes of a list.
const MOST: usize = 4 << 20;
/// Longest words that are sent.
const WORDS: usize = 200;
/// What is listed of each.
const WANTED: [&str; 9] = [
    "config",
    "createdAt",
    "gated",
    "gguf",
    "pipeline_tag",
    "private",
    "safetensors",
    "sha",
    "tags",
];

/// Asks for models with `words` in their names. Those that the catalogs know are left to them: a list says less.
pub(super) async fn find(
    source: &HubSource,
    client: &Client<'_>,
    words: &str,
) -> Result<Fact, Failure> {
    let said = client.get(&path(words), MOST).await?;
    if !said.ok() {
        return Err(said.failure());
    }
    let no_list = || Failure::Unreadable("it is not a list of models".to_owned());
    let all: Vec<Value> = serde_json::from_slice(&said.body).map_err(|_| no_list())?;
    let infos = all.iter().take(LISTED).filter_map(Value::as_object).map(Info::of);
    let rows: Vec<Model> = infos.filter_map(|info| row(source, &info)).collect();
    let file = ModelsFile {
        as_of: clock::date(clock::now()),
        source: source.hub.words(),
        models: rows.into(),
    };
    Ok(Fact { files: Files::default().with(file), ..Fact::default() })
}

/// The path of the list.
fn path(words: &str) -> String {
    let words: String = words.chars().filter(|c| !c.is_control()).take(WORDS).collect();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("search", words.trim()).append_pair("limit", &LISTED.to_string());
    query.append_pair("sort", "downloads");
    for wanted in WANTED {
        query.append_pair("expand", wanted);
    }
    format!("/api/models?{}", query.finish())
}

fn row(source: &HubSource, info: &Info) -> Option<Model> {
    let id = info.id.clone()?;
    if source.base.models().origin(id.as_str()).is_some()
        || source.base.pipelines().get(id.as_str()).is_some()
    {
        return None;
    }
    let mut row = model::empty(id);
    row.source = Some(source.hub.host());
    row.revision.clone_from(&info.sha);
    row.basis = Basis::Verbatim;
    row.architecture = info.class.clone().or_else(|| info.pipeline.clone()).unwrap_or_default();
    row.task.clone_from(&info.task);
    row.license.clone_from(&info.license);
    row.released.clone_from(&info.created);
    if let Some((takes, from)) = info.takes_token() {
        (row.gated, row.gated_from) = (Some(takes), Some(from));
    }
    // Without the sizes of files it is not known what elements of packed weights are.
    let totals = info.totals.as_ref().filter(|totals| !totals.packed());
    row.weight_bytes = totals.and_then(Totals::bytes);
    row.weight_bytes_from = row.weight_bytes.map(|_| WeightsFrom::Calculated);
    row.parameters = totals.and_then(Totals::count).or(info.gguf);
    row.parameters_from = row.parameters.map(|_| mcc_catalogs::ParametersFrom::Hub);
    Some(row)
}
