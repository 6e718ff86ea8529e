//! `search_images`: what images there are.

use mcc_catalogs::{Catalogs, Image, version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ImageAnswer, Status, region};
use crate::common::asks;
use crate::common::deployment;
use crate::common::model::word;
use crate::common::page;
use crate::common::text::Text;
use crate::mcp::arguments;
use crate::mcp::error::ToolError;
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{self, Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "search_images",
    title: "Search base images",
    description: "Lists base images of model servers by deployment config or family, engine version, CUDA, Python, accelerator, \
                  processor and platform, the newest first, with their addresses in a Region. For the one to use, \
                  recommend_image is better: it checks model, driver and host image.",
    effect: Effect::Reads,
    file_arguments: &[],
    input: schema,
    output: schema::output::<SearchAnswer>,
    asks: Some(asks::of_images),
    waits: server::never,
    weighs: false,
    run: search,
};

fn schema() -> JsonObject {
    deployment::with_names(schema::input::<Arguments>())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    /// Images that this config starts from.
    deployment_config: Option<String>,
    /// Family of images, such as vllm, sglang or lmi.
    family: Option<String>,
    /// Version of the engine or image, or its beginning, such as 0.27.
    engine_version: Option<String>,
    /// CUDA, or its beginning, such as 12 or 13.0.
    cuda: Option<String>,
    /// Python, such as 3.12.
    python: Option<String>,
    /// What it is made for.
    accelerator: Option<Kind>,
    /// Processor architecture.
    arch: Option<Processor>,
    /// Where it is made to run.
    platform: Option<Place>,
    /// false leaves out tags that are composed and not listed.
    #[serde(default = "yes")]
    include_composed: bool,
    /// Region that addresses are for. Left out: us-east-1.
    region: Option<String>,
    /// How many to show.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
    /// Where to go on, from nextCursor of the page before.
    cursor: Option<String>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Cpu,
    Cuda,
    Neuron,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
enum Processor {
    #[serde(rename = "x86_64")]
    X86_64,
    #[serde(rename = "arm64")]
    Arm64,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Place {
    Sagemaker,
    Ec2,
    Any,
}

/// Answer of `search_images`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SearchAnswer {
    /// `ok` or `nothing_fits`.
    status: Status,
    /// The answer in one sentence.
    summary: String,
    /// `static`: from dated catalogs, without looking at registries.
    mode: String,
    /// Date of the catalog of images.
    as_of: String,
    /// Region that addresses are for.
    region: String,
    /// The images, by family, the newest first.
    images: Vec<ImageAnswer>,
    /// Argument `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// What to do next.
    next_steps: Vec<String>,
}

/// How many are shown unless told otherwise.
const USUAL: usize = 10;

fn search(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(schema, call.arguments)?;
    let catalogs = call.context.catalogs();
    let region = region(catalogs, arguments.region.as_deref())?;
    let families = families(catalogs, &arguments)?;
    let found: Vec<&Image> = families
        .iter()
        .flat_map(|family| catalogs.images().of_family(family))
        .filter(|image| takes(&arguments, image))
        .collect();
    let total = found.len();
    let page = page::of(found, arguments.cursor.as_deref(), arguments.limit.unwrap_or(USUAL))?;
    let images: Vec<ImageAnswer> =
        page.items.into_iter().map(|image| ImageAnswer::new(catalogs, image, &region)).collect();
    let answer = SearchAnswer {
        status: if total == 0 { Status::NothingFits } else { Status::Ok },
        summary: format!("{total} image(s) match, {} shown.", images.len()),
        mode: call.standing.mode(),
        as_of: call.standing.as_of(catalogs.images().as_of()),
        region: region.to_string(),
        images,
        next_cursor: page.next,
        next_steps: vec![if total == 0 {
            format!(
                "search with fewer limits; there are the families {}",
                names(catalogs).join(", ")
            )
        } else {
            "call recommend_image for the one that works with a model and an instance type"
                .to_owned()
        }],
    };
    let cursor = answer.next_cursor.as_ref();
    let text = Text::new(&answer.summary)
        .list("Images", answer.images.iter().map(ImageAnswer::text))
        .line(cursor.map(|cursor| format!("There is more: call again with cursor {cursor}.")))
        .line(Some(format!(
            "For {}, from the {} catalog of {}.",
            answer.region, answer.mode, answer.as_of
        )))
        .list("Next", &answer.next_steps)
        .done();
    Ok(Reply::answer(answer, text))
}

fn names(catalogs: &Catalogs) -> Vec<&str> {
    catalogs.images().families().map(|row| row.family.as_str()).collect()
}

/// The families to look in.
fn families(catalogs: &Catalogs, arguments: &Arguments) -> Result<Vec<String>, ToolError> {
    if let Some(family) = &arguments.family {
        if catalogs.images().family(family).is_none() {
            let choices = arguments::nearest(family, names(catalogs).into_iter());
            return Err(deployment::unknown("family", family, choices));
        }
        return Ok(vec![family.clone()]);
    }
    if let Some(config) = &arguments.deployment_config {
        return Ok(deployment::families(&*deployment::named(config, None)?));
    }
    Ok(names(catalogs).into_iter().map(str::to_owned).collect())
}

fn takes(arguments: &Arguments, image: &Image) -> bool {
    let begins = |wanted: &Option<String>, has: Option<&str>| {
        wanted
            .as_deref()
            .is_none_or(|wanted| has.is_some_and(|has| version::starts_with(has, wanted)))
    };
    let is = |wanted: Option<String>, has: &str| wanted.is_none_or(|wanted| wanted == has);
    let versions = [Some(image.version.as_str()), image.engine_version.as_deref()];
    (arguments.engine_version.is_none()
        || versions.iter().any(|has| begins(&arguments.engine_version, *has)))
        && begins(&arguments.cuda, image.cuda.as_deref())
        && begins(&arguments.python, image.python.as_deref())
        && is(arguments.accelerator.map(|kind| word(&kind)), image.accelerator.as_str())
        && arguments.platform.is_none_or(|place| word(&place) == word(&image.platform))
        && arguments
            .arch
            .is_none_or(|arch| image.arch.iter().any(|has| has.to_string() == word(&arch)))
        && (arguments.include_composed || image.listed)
}
