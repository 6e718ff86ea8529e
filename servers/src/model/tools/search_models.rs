//! `search_models`: models by name, kind and size.

use mcc_catalogs::reason::Choice;
use mcc_catalogs::{Ask, HubAddress, Model};
use mcc_fit::sizing;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::common::model::{gib, rounded};
use crate::common::page;
use crate::common::text::Text;
use crate::mcp::arguments;
use crate::mcp::error::ToolError;
use crate::mcp::schema;
use crate::mcp::server::{self, Call, Effect, Reply, Tool};
use crate::model::answers::{FoundAnswer, SearchAnswer, Status};
use crate::model::find::{self, Filter, Found, Match};

pub(super) const TOOL: Tool = Tool {
    name: "search_models",
    title: "Search models",
    description: "Searches the catalog of language models by what is remembered of the name (\"llama 3.1 8b\", \"qwen coder\"), \
                  and by task, licence, size and context. Answers with ids for modelName, sizes, licence and whether \
                  a token is needed. Without a query it lists the newest first.",
    effect: Effect::Reads,
    file_arguments: &[],
    input: schema::input::<Arguments>,
    output: schema::output::<SearchAnswer>,
    asks: Some(words),
    waits: server::never,
    weighs: true,
    run: search,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    /// Words of the name, in any order and form; or an id of JumpStart.
    query: Option<String>,
    /// Task on Hugging Face, such as text-generation, image-text-to-text or feature-extraction.
    task: Option<String>,
    /// Licence, or part of its name, such as apache; or several, such as apache,mit.
    license: Option<String>,
    /// false leaves out models that need a token.
    gated: Option<bool>,
    /// Least number of parameters.
    #[schemars(range(min = 1, max = 100_000_000_000_000_u64))]
    min_parameters: Option<u64>,
    /// Greatest number of parameters.
    #[schemars(range(min = 1, max = 100_000_000_000_000_u64))]
    max_parameters: Option<u64>,
    /// Least context, in tokens.
    #[schemars(range(min = 1, max = 100_000_000))]
    min_context: Option<u64>,
    /// How many to show.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
    /// Where to go on, from nextCursor of the page before.
    cursor: Option<String>,
}

/// How many are shown unless told otherwise.
const USUAL: usize = 10;

/// The words are looked for on the hub.
fn words(call: &Call) -> Vec<Ask> {
    let query = call.arguments.get("query").and_then(serde_json::Value::as_str);
    query
        .filter(|query| !query.trim().is_empty())
        .map(|query| Ask::Models(query.to_owned()))
        .into_iter()
        .collect()
}

fn search(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(TOOL.input, call.arguments)?;
    let catalogs = call.context.catalogs();
    let models = catalogs.models();
    let filter = Filter {
        task: arguments.task,
        license: arguments.license,
        gated: arguments.gated,
        min_parameters: arguments.min_parameters,
        max_parameters: arguments.max_parameters,
        min_context: arguments.min_context,
    };
    let query = arguments.query.unwrap_or_default();
    let page = HubAddress::of(&query).map(|page| page.model.to_string());
    let query = page.as_deref().unwrap_or(&query);
    let query = catalogs.of_jumpstart(query).unwrap_or(query);
    let Found { models: found, kind } = find::search(models, query, &filter);
    let approximate = kind != Match::All;
    let total = found.len();
    let limit = arguments.limit.unwrap_or(USUAL);
    let page = page::of(found, arguments.cursor.as_deref(), limit)?;
    let models_shown: Vec<FoundAnswer> = page.items.into_iter().map(row).collect();
    let (status, summary, next) = if total == 0 {
        (
            Status::NothingFound,
            "No model in the catalog matches.".to_owned(),
            "words are looked for in names only: leave out what is not part of one, and narrow with task, license and maxParameters instead; or call describe_model with modelConfig for a model that the catalog lacks",
        )
    } else if let Match::Some(missing) = &kind {
        (
            Status::Ok,
            format!(
                "No name has all of these words; {total} {} the most of them, without {}.",
                if total == 1 { "has" } else { "have" },
                missing.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ")
            ),
            "ask the user which is meant; narrow by size with maxParameters, and by use with task",
        )
    } else if approximate {
        (
            Status::Ok,
            format!("No name has these words; {total} are like it."),
            "ask the user which is meant, or call describe_model with modelConfig for a model that the catalog lacks",
        )
    } else {
        (
            Status::Ok,
            format!("{total} model(s) match, {} shown.", models_shown.len()),
            "call describe_model for the one that is meant, or recommend_instance of the instance server with its name as modelName",
        )
    };
    let answer = SearchAnswer {
        status,
        summary,
        mode: call.standing.mode(),
        as_of: call.standing.as_of(models.as_of()),
        approximate,
        models: models_shown,
        next_cursor: page.next,
        next_steps: vec![next.to_owned()],
    };
    let text = text(&answer);
    let choices = call.context.choices(|| {
        let choice =
            |model: &FoundAnswer| Choice { id: model.name.clone(), facts: vec![line(model)] };
        answer.models.iter().map(choice).collect()
    });
    Ok(Reply::answer(answer, text).among(choices))
}

fn row(model: &Model) -> FoundAnswer {
    let shape = sizing::shape_of(model);
    FoundAnswer {
        name: model.id.to_string(),
        parameters: model.parameters,
        active_parameters: model.active_parameters,
        weights_gib: shape.as_ref().map(|shape| rounded(gib(shape.weight_bytes))),
        max_positions: shape.and_then(|shape| shape.max_positions),
        task: model.task.clone(),
        license: model.license.clone(),
        gated: model.gated,
        released: model.released.clone(),
    }
}

fn text(answer: &SearchAnswer) -> String {
    let cursor = answer.next_cursor.as_ref();
    Text::new(&answer.summary)
        .list("Models", answer.models.iter().map(line))
        .line(cursor.map(|cursor| format!("There is more: call again with cursor {cursor}.")))
        .line(Some(format!("From the {} catalog of {}.", answer.mode, answer.as_of)))
        .list("Next", &answer.next_steps)
        .done()
}

fn line(model: &FoundAnswer) -> String {
    let mut facts = Vec::new();
    if let Some(count) = model.parameters {
        facts.push(format!("{count} parameters"));
    }
    if let Some(count) = model.active_parameters {
        facts.push(format!("{count} active"));
    }
    if let Some(gib) = model.weights_gib {
        facts.push(format!("{gib} GiB of weights"));
    }
    if let Some(tokens) = model.max_positions {
        facts.push(format!("context {tokens}"));
    }
    facts.extend(model.task.clone());
    facts.extend(model.license.as_ref().map(|license| format!("licence {license}")));
    if model.gated == Some(true) {
        facts.push("needs a token".to_owned());
    }
    facts.extend(model.released.as_ref().map(|date| format!("released {date}")));
    format!("{}: {}", model.name, facts.join(", "))
}
