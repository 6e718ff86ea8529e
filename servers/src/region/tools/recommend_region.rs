//! `recommend_region`: the Regions that suit, with what each has and lacks.

use mcc_catalogs::reason::Choice;
use mcc_catalogs::{Ask, Catalogs, Region};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::deployment;
use crate::common::fits::rounded_price;
use crate::common::instances;
use crate::common::text::Text;
use crate::mcp::arguments;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{self, Call, Effect, Reply, Tool};
use crate::region::rank::{self, Has, Ranked, Wish};

pub(super) const TOOL: Tool = Tool {
    name: "recommend_region",
    title: "Recommend a Region",
    description: "Ranks AWS Regions by what is needed: near a city, country or Region, within countries where data has to \
                  stay, with services, accelerated instance types and the base image of a deployment config. Each Region says \
                  what it has, lacks, and what is not known. Without arguments it lists all, those with the most \
                  accelerated types first.",
    effect: Effect::Reads,
    file_arguments: &[],
    input: schema,
    output: schema::output::<RegionsAnswer>,
    asks: Some(by_name),
    waits: server::never,
    weighs: true,
    run: recommend,
};

fn schema() -> JsonObject {
    deployment::with_names(schema::input::<Arguments>())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    /// Where the users are: a city, a country, a continent or group such as Europe or APAC, or a Region code.
    near: Option<String>,
    /// Country, or group such as EU, that data must not leave.
    residency: Option<String>,
    /// Partition: aws, aws-cn, aws-us-gov, aws-eusc or an isolated one. Left out: aws.
    partition: Option<String>,
    /// AWS services that have to be there, by endpoint prefix: sagemaker, codebuild, ecr, eks, fsx, bedrock.
    #[schemars(length(max = 10))]
    services: Option<Vec<String>>,
    /// Instance types that have to be there, such as ml.p5.48xlarge.
    #[schemars(length(max = 10))]
    instance_types: Option<Vec<String>>,
    /// What serves the model: its base image has to be there.
    deployment_config: Option<String>,
    /// Where it runs: the services that it needs have to be there.
    deployment_target: Option<String>,
    /// How many to show.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

/// How many are shown unless told otherwise.
const USUAL: usize = 5;

/// How a call went; a failed one has `error`. `nothing_fits` means that no Region has all that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    NothingFits,
}

/// Whether a Region has an instance type.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TypeAnswer {
    /// The type.
    instance_type: String,
    /// `yes` or `no` by EC2's list, a hint for SageMaker; else `unknown`.
    offered: Has,
    /// US dollars for an hour there, on demand, where that Region's own price was looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_per_hour: Option<f64>,
}

/// A Region.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RegionAnswer {
    /// Its code; value for region.
    region: String,
    /// Its name.
    name: String,
    /// Country, if it is public.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// Kilometres to the place that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_km: Option<f64>,
    /// Whether it has everything that was asked for, as far as that is known.
    fits: bool,
    /// What it certainly lacks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lacks: Vec<String>,
    /// Services of those that projects use.
    services: Vec<String>,
    /// The types that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instance_types: Vec<TypeAnswer>,
    /// How many accelerated types EC2 offers there, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    accelerated_types: Option<usize>,
    /// Whether the base image of the config is published there.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_image: Option<Has>,
    /// Whether the HyperPod inference operator is published there.
    hyperpod_operator: bool,
}

/// Answer of `recommend_region`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RegionsAnswer {
    /// `ok` or `nothing_fits`.
    status: Status,
    /// The answer in one sentence.
    summary: String,
    /// `static`: from dated catalogs, without looking at AWS.
    mode: String,
    /// The Regions, the best first.
    regions: Vec<RegionAnswer>,
    /// What is worth knowing.
    notes: Vec<String>,
    /// What to do next.
    next_steps: Vec<String>,
}

/// Regions whose prices are looked up: each costs requests, and there are dozens.
const PRICED: usize = 4;

/// The Region that is named; and where types have to be there, the best by what is known without asking.
fn by_name(call: &Call) -> Vec<Ask> {
    let near = call.arguments.get("near").and_then(serde_json::Value::as_str);
    let mut asks: Vec<Ask> =
        near.and_then(|near| near.parse().ok()).map(Ask::Offers).into_iter().collect();
    if call.context.lookup.is_some() && call.arguments.contains_key("instanceTypes") {
        asks.extend(
            priced(call)
                .unwrap_or_default()
                .into_iter()
                .flat_map(|region| [Ask::Offers(region.clone()), Ask::Prices(region)]),
        );
    }
    asks
}

/// The best Regions, as they are ranked by the catalogs of the call.
fn priced(call: &Call) -> Option<Vec<Region>> {
    let arguments: Arguments = arguments::read(schema, call.arguments.clone()).ok()?;
    let shown = arguments.limit.unwrap_or(USUAL).min(PRICED);
    let catalogs = call.context.catalogs();
    let wish = wish(catalogs, &arguments).ok()?;
    let ranked = rank::rank(catalogs, &wish);
    Some(ranked.into_iter().take(shown).map(|ranked| ranked.row.region.clone()).collect())
}

/// What a type costs in a Region, if that Region's own price was looked up or is the user's.
fn own_price(catalogs: &Catalogs, region: &str, name: &str) -> Option<f64> {
    let prices = catalogs.prices();
    let price = prices.usd_per_hour(name, Some(region))?;
    let there = price.region.as_ref().is_some_and(|own| own.as_str() == region);
    let laid = price.origin.live().is_some() || prices.home() != price.region.as_ref();
    (there && laid).then(|| rounded_price(price.usd))
}

fn recommend(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(schema, call.arguments)?;
    let catalogs = call.context.catalogs();
    let wish = wish(catalogs, &arguments)?;
    let ranked = rank::rank(catalogs, &wish);
    let total = ranked.len();
    let fitting = ranked.iter().filter(|region| region.lacks.is_empty()).count();
    let regions: Vec<RegionAnswer> = ranked
        .into_iter()
        .take(arguments.limit.unwrap_or(USUAL))
        .map(|ranked| answer(catalogs, ranked))
        .collect();
    let status = if fitting == 0 { Status::NothingFits } else { Status::Ok };
    let summary = match regions.first() {
        Some(first) if fitting > 0 => format!(
            "{} ({}) suits best; {fitting} of {total} allowed Regions lack nothing that is known.",
            first.region, first.name
        ),
        _ => format!("None of {total} allowed Regions has all that was asked for."),
    };
    let mut types = regions.iter().flat_map(|region| &region.instance_types);
    let mut notes: Vec<String> = Vec::new();
    if types.any(|row| row.usd_per_hour.is_some()) {
        notes.push("a price is that of the Region itself; where none is told it is not known, and may be twice as much".to_owned());
    }
    if arguments.instance_types.is_some() {
        notes.push("that EC2 offers a type is a hint: SageMaker may lag behind, and quotas are the account's own".to_owned());
    }
    let answer = RegionsAnswer {
        status,
        summary,
        mode: call.standing.mode(),
        regions,
        notes,
        next_steps: vec![if fitting > 0 {
            "pass region of the chosen one to recommend_instance of the instance server, or to plan_project of the generate-project server".to_owned()
        } else {
            "ask the user what can be given up: the place, a service or an instance type".to_owned()
        }],
    };
    let text = text(&answer);
    let choices = call.context.choices(|| {
        let fitting = answer.regions.iter().filter(|region| region.fits);
        fitting
            .map(|region| Choice { id: region.region.clone(), facts: vec![line(region)] })
            .collect()
    });
    Ok(Reply::answer(answer, text).among(choices))
}

fn wish<'a>(catalogs: &'a Catalogs, arguments: &'a Arguments) -> Result<Wish<'a>, ToolError> {
    let mut wish = Wish::default();
    if let Some(near) = &arguments.near {
        (wish.point, wish.countries) = rank::find(catalogs, "near", near)?;
    }
    if let Some(residency) = &arguments.residency {
        let stay = rank::countries(catalogs, "residency", residency)?;
        // Both at once: "near Vienna, in the EU".
        wish.countries = Some(match wish.countries {
            Some(near) => stay.into_iter().filter(|code| near.contains(code)).collect(),
            None => stay,
        });
    }
    if let Some(partition) = &arguments.partition {
        let mut known: Vec<&str> =
            catalogs.regions().iter().map(|row| row.partition.as_str()).collect();
        known.dedup();
        if !known.contains(&partition.as_str()) {
            let choices = arguments::nearest(partition, known.into_iter());
            return Err(deployment::unknown("partition", partition, choices));
        }
        wish.partition = Some(partition);
    }
    wish.services = services(catalogs, arguments.services.as_deref().unwrap_or_default())?;
    wish.instances =
        instances::named(catalogs, arguments.instance_types.as_deref().unwrap_or_default())?;
    let target = arguments.deployment_target.as_deref();
    wish.deployment = match (arguments.deployment_config.as_deref(), target) {
        (Some(config), target) => Some(deployment::named(config, target)?),
        (None, Some(target)) => {
            let deployment = deployment::of_models(Some(target))?;
            wish.services.extend(deployment.services.clone());
            None
        }
        (None, None) => None,
    };
    if let Some(deployment) = &wish.deployment {
        wish.services.extend(deployment.services.clone());
    }
    wish.services.dedup();
    Ok(wish)
}

/// Services have to be some that the catalog looks at, or all Regions would seem to lack them.
fn services(catalogs: &Catalogs, wanted: &[String]) -> Result<Vec<String>, ToolError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut known: Vec<&str> =
        catalogs.regions().iter().flat_map(|row| row.services.iter().map(String::as_str)).collect();
    known.sort_unstable();
    known.dedup();
    let problems: Vec<Problem> = wanted
        .iter()
        .filter(|service| !known.contains(&service.as_str()))
        .map(|service| {
            Problem::of("services", "the catalog does not look at this service")
                .value(&service.as_str().into())
                .fix("leave it out, or take one of the choices")
                .choices(arguments::nearest(service, known.iter().copied()))
        })
        .collect();
    if problems.is_empty() {
        Ok(wanted.to_vec())
    } else {
        Err(ToolError::all("invalid_arguments", problems))
    }
}

fn answer(catalogs: &Catalogs, ranked: Ranked<'_>) -> RegionAnswer {
    RegionAnswer {
        region: ranked.row.region.to_string(),
        name: ranked.row.name.clone(),
        country: ranked.place.map(|place| catalogs.places().country(&place.country).to_owned()),
        distance_km: ranked.distance_km,
        fits: ranked.lacks.is_empty(),
        lacks: ranked.lacks,
        services: ranked.row.services.clone(),
        instance_types: ranked
            .types
            .into_iter()
            .map(|(name, offered)| TypeAnswer {
                usd_per_hour: own_price(catalogs, ranked.row.region.as_str(), name),
                instance_type: name.to_owned(),
                offered,
            })
            .collect(),
        accelerated_types: mcc_fit::accelerated_types(ranked.row),
        base_image: ranked.image,
        hyperpod_operator: ranked.row.hyperpod_operator,
    }
}

fn text(answer: &RegionsAnswer) -> String {
    Text::new(&answer.summary)
        .list("Regions, the best first", answer.regions.iter().map(line))
        .list("Notes", &answer.notes)
        .list("Next", &answer.next_steps)
        .done()
}

fn line(region: &RegionAnswer) -> String {
    let mut facts = Vec::new();
    facts.extend(region.country.clone());
    facts.extend(region.distance_km.map(|km| format!("{km} km away")));
    facts.push(if region.lacks.is_empty() {
        "lacks nothing that is known".to_owned()
    } else {
        format!("lacks {}", region.lacks.join(", "))
    });
    facts.extend(region.instance_types.iter().map(|row| {
        let price = row.usd_per_hour.map(|usd| format!(" at {usd} USD per hour"));
        let has = crate::common::model::word(&row.offered);
        format!("{}: {has}{}", row.instance_type, price.unwrap_or_default())
    }));
    facts.extend(
        region.base_image.map(|has| format!("base image: {}", crate::common::model::word(&has))),
    );
    facts.extend(region.accelerated_types.map(|count| format!("{count} accelerated types")));
    if region.hyperpod_operator {
        facts.push("HyperPod inference operator".to_owned());
    }
    facts.push(format!("services {}", region.services.join(" ")));
    format!("{} ({}): {}", region.region, region.name, facts.join("; "))
}
