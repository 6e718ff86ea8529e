//! `recommend_instance`: the cheapest types that a model runs on.

use std::sync::Arc;

use mcc_catalogs::{AcceleratorKind, Arch, Catalogs, Standing};
use mcc_fit::{Deployment, HostAsked, Proposed};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::common::Detail;
use crate::common::asks;
use crate::common::deployment;
use crate::common::fits::{
    Fit, FitAnswer, Judge, ServingArguments, Wish, assumptions, rounded_price,
};
use crate::common::model::{FILE_ARGUMENTS, ModelArguments, Sized, settings};
use crate::common::region;
use crate::common::text::Text;
use crate::instance::answers::{RecommendAnswer, Status};
use crate::instance::shortlist::{Search, Shortlist, candidates, shortlist, smaller};
use crate::mcp::arguments;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{self, Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "recommend_instance",
    title: "Recommend an instance type",
    description: "Finds the cheapest SageMaker instance types on which a model runs, with the memory of each GPU by \
                  component, tensor parallelism, longest context, sequences at once and price, and says why cheaper \
                  ones do not do. For a language model give modelName, or modelConfig, or parameters with layers and \
                  heads; for a predictive model, whose size nothing tells, give its deploymentConfig: its usual type \
                  comes first, as in a plan.",
    effect: Effect::Reads,
    file_arguments: FILE_ARGUMENTS,
    input: schema,
    output: schema::output::<RecommendAnswer>,
    asks: Some(asks::of_run),
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
    #[serde(flatten)]
    model: ModelArguments,
    #[serde(flatten)]
    serving: ServingArguments,
    /// Most that one instance may cost, in US dollars per hour.
    #[schemars(range(min = 0.01, max = 10_000.0))]
    budget_usd_per_hour: Option<f64>,
    /// What to rank by: `cost`, or `latency` (least time to read the weights for a token; types with idle accelerators
    /// come last). Left out: cost, after the usual type of a config whose model nothing sizes.
    prefer: Option<Prefer>,
    /// Kind of accelerator: cuda (NVIDIA GPUs) or neuron (AWS Inferentia2 and Trainium). Left out: what the config
    /// runs on by itself.
    accelerator: Option<Accelerator>,
    /// Only types with this processor.
    arch: Option<Processor>,
    /// Least number of vCPUs.
    #[schemars(range(min = 1, max = 1000))]
    min_vcpus: Option<u32>,
    /// Least host memory in GiB: what a packed model needs, if it is known.
    #[schemars(range(min = 0.5, max = 100_000.0))]
    min_memory_gib: Option<f64>,
    /// How many to recommend.
    #[schemars(range(min = 1, max = 20))]
    limit: Option<usize>,
    /// `full` adds how each was worked out.
    #[serde(default)]
    detail: Detail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Prefer {
    Cost,
    Latency,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Accelerator {
    Cpu,
    Cuda,
    Neuron,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
enum Processor {
    #[serde(rename = "x86_64")]
    X86_64,
    #[serde(rename = "arm64")]
    Arm64,
}

impl From<Accelerator> for AcceleratorKind {
    fn from(wanted: Accelerator) -> Self {
        match wanted {
            Accelerator::Cpu => Self::Cpu,
            Accelerator::Cuda => Self::Cuda,
            Accelerator::Neuron => Self::Neuron,
        }
    }
}

impl From<Processor> for Arch {
    fn from(wanted: Processor) -> Self {
        match wanted {
            Processor::X86_64 => Self::X86_64,
            Processor::Arm64 => Self::Arm64,
        }
    }
}

/// How many are recommended unless told otherwise.
const USUAL: usize = 3;

fn recommend(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(schema, call.arguments)?;
    let catalogs = call.context.catalogs();
    let target = arguments.serving.deployment_target.as_deref();
    let deployment = match arguments.serving.deployment_config.as_deref() {
        Some(config) => deployment::named(config, target)?,
        None if arguments.model.given() => {
            deployment::of_model(catalogs, arguments.model.model_name.as_deref(), target)?
        }
        None => return needs_input(catalogs, &call.standing),
    };
    if !deployment.hub && arguments.model.given() {
        return Err(deployment::fetches_none(&deployment));
    }
    let kind = arguments.accelerator.map(AcceleratorKind::from);
    let deployment = match kind {
        Some(wanted) => on(deployment, wanted)?,
        None => deployment,
    };
    let model = if deployment.hub { Some(arguments.model.sized(&call.context)?) } else { None };
    if let Some(model) = &model {
        deployment::serves(catalogs, &deployment, model)?;
    }
    let mut wish = arguments.serving.wish(catalogs, &deployment)?;
    known_region(catalogs, wish.region.as_deref())?;
    wish.budget_usd_per_hour = arguments.budget_usd_per_hour;
    wish.min_vcpus = arguments.min_vcpus;
    wish.min_memory_gib = arguments.min_memory_gib;
    let mut search = Search {
        arch: arguments.arch.map(Arch::from),
        kind,
        by_latency: arguments.prefer == Some(Prefer::Latency),
        limit: arguments.limit.unwrap_or(USUAL),
        ..Search::default()
    };
    let proposed = model.is_none().then(|| {
        let asked = HostAsked {
            vcpus: wish.min_vcpus,
            memory_gib: wish.min_memory_gib,
            usd_per_hour: wish.budget_usd_per_hour,
            arch: search.arch,
            kind,
            cheapest: arguments.prefer == Some(Prefer::Cost),
        };
        mcc_fit::proposed(catalogs, &deployment, wish.region.as_deref(), &asked)
    });
    if let Some(proposed) = &proposed {
        wish.min_vcpus = Some(proposed.host.vcpus);
        wish.min_memory_gib = Some(proposed.host.memory_gib);
        search.first = proposed.first;
        search.steady = !proposed.burstable;
    }
    let judge = Judge::new(catalogs, &deployment, model.as_ref(), &wish);
    let Shortlist { fits, mut misses, close, previous } = shortlist(catalogs, &judge, &search);
    let previous = previous.map(|old| older(&old, fits.first(), &judge));
    let usual = search.first.filter(|first| fits.first().is_some_and(|fit| fit.instance == *first));
    if let Some(usual) = usual {
        let least = Wish {
            min_vcpus: Some(mcc_fit::LEAST_HOST.vcpus),
            min_memory_gib: Some(mcc_fit::LEAST_HOST.memory_gib),
            ..wish.clone()
        };
        let judge = Judge::new(catalogs, &deployment, None, &least);
        misses.extend(smaller(catalogs, &judge, &search, usual));
    }
    let full = arguments.detail == Detail::Full;
    let recommendations: Vec<FitAnswer> =
        fits.into_iter().map(|fit| FitAnswer::new(fit, &judge, full)).collect();
    let mut assumed = assumptions(&judge);
    if let Some(proposed) = &proposed
        && arguments.min_memory_gib.is_none()
    {
        assumed.push(size_assumed(&deployment, proposed));
    }
    let answer = RecommendAnswer {
        status: if recommendations.is_empty() { Status::NothingFits } else { Status::Ok },
        summary: summary(&recommendations, &judge, usual.is_some()),
        mode: call.standing.mode(),
        as_of: call.standing.as_of(catalogs.instances().as_of()),
        next_steps: next_steps(
            &recommendations,
            close,
            model.is_none(),
            previous.into_iter().chain(eight_bit(
                catalogs,
                &judge,
                &search,
                recommendations.first(),
            )),
        ),
        settings: model.as_ref().map(|model| settings(model, catalogs)).unwrap_or_default(),
        model: model.as_ref().map(Sized::answer),
        recommendations,
        near_misses: misses,
        assumptions: assumed,
    };
    let text = text(&answer);
    let choices =
        call.context.choices(|| answer.recommendations.iter().map(FitAnswer::choice).collect());
    Ok(Reply::answer(answer, text).among(choices))
}

/// What is assumed of the size of a model that nothing sizes.
fn size_assumed(deployment: &Deployment, proposed: &Proposed<'_>) -> String {
    let host = proposed.host;
    let config = &deployment.config;
    let has = format!("{} GiB of memory and {} vCPUs", host.memory_gib, host.vcpus);
    match (proposed.first, deployment.usual_type.as_deref()) {
        (Some(first), Some(own)) if first.name.as_str() == own => format!(
            "nothing says how large the model is: {own} is the usual type of {config}, and what follows has its {has} or \
             more; give minMemoryGib if the model needs more or less, or prefer cost for the cheapest that starts"
        ),
        (Some(first), own) => format!(
            "nothing says how large the model is: {} stands in for {}, the usual type of {config}, which is not to be had \
             there, with {has} or more; give minMemoryGib if the model needs more or less",
            first.name,
            own.unwrap_or("another type")
        ),
        (None, _) => format!(
            "nothing says how large the model is: {has} are taken to be enough; give minMemoryGib if it needs more"
        ),
    }
}

/// The deployment on the kind of accelerator that was asked for.
fn on(deployment: Arc<Deployment>, kind: AcceleratorKind) -> Result<Arc<Deployment>, ToolError> {
    if deployment.accelerators.contains(&kind) {
        return Ok(deployment);
    }
    if let Some(other) = mcc_generator::on(&deployment, kind) {
        return Ok(other);
    }
    let can = |config: &&str| {
        deployment::named(config, None).is_ok_and(|other| {
            other.hub == deployment.hub
                && (other.accelerators.contains(&kind) || mcc_generator::on(&other, kind).is_some())
        })
    };
    let others: Vec<String> =
        deployment::configs().into_iter().filter(can).map(str::to_owned).collect();
    let problem =
        Problem::of("accelerator", format!("{} does not run on {kind}", deployment.config))
            .value(&kind.as_str().into());
    let problem = if others.is_empty() {
        problem.fix("leave it out")
    } else {
        problem
            .fix(format!("leave it out, or give deploymentConfig {}", others.join(" or ")))
            .choices(deployment.accelerators.iter().map(ToString::to_string).collect())
    };
    Err(ToolError::of("invalid_arguments", problem))
}

/// What a cache of eight bits would save, where the context decides: the cheapest type with it.
fn eight_bit(
    catalogs: &Catalogs,
    judge: &Judge<'_>,
    search: &Search<'_>,
    first: Option<&FitAnswer>,
) -> Option<String> {
    let wish = judge.wish();
    let decides = wish.context.is_some() || wish.concurrency.is_some() || first.is_none();
    let cached = judge.model().is_some_and(|model| model.shape.cache.is_some());
    if wish.eight_bit_cache || !decides || !cached {
        return None;
    }
    judge.deployment().eight_bit_cache(catalogs)?;
    // Less than a hundredth is not worth telling of; of what has no price nothing is known to be saved.
    let below = match first {
        Some(first) => first.price.as_ref()?.usd_per_hour * 0.99,
        None => f64::INFINITY,
    };
    let smaller = Wish { eight_bit_cache: true, ..wish.clone() };
    let judge = Judge::new(catalogs, judge.deployment(), judge.model(), &smaller);
    let (instance, usd) = candidates(catalogs, &judge, search)
        .map_while(|(usd, instance)| Some((instance, usd.filter(|usd| *usd < below)?)))
        .find(|(instance, _)| judge.judge(instance).is_ok_and(|fit| fit.reservation.is_none()))?;
    Some(format!(
        "with kvCacheDtype fp8, {} at {} USD per hour would do: offer it, since it may cost a little accuracy",
        instance.name,
        rounded_price(usd)
    ))
}

/// What is said of a type of a previous generation that the account is allowed, beside the best that is recommended.
fn older(old: &Fit<'_>, best: Option<&Fit<'_>>, judge: &Judge<'_>) -> String {
    let name = &old.instance.name;
    let price = old
        .price
        .as_ref()
        .map_or_else(String::new, |price| format!(" at {} USD per hour", rounded_price(price.usd)));
    let why = "EC2 counts it among the previous generations, so it is not recommended";
    let known = match best {
        None => "no current type is recommended".to_owned(),
        Some(best) => {
            let best_name = &best.instance.name;
            judge.quota(best.instance).map_or_else(
                || format!("the account's quota of {best_name} is not known"),
                |short| format!("of {best_name} {short}"),
            )
        }
    };
    format!(
        "{name}{price} runs it too and the account's quota allows it: {why}; offer it, since {known}"
    )
}

/// A Region has to be one that there is.
pub(super) fn known_region(catalogs: &Catalogs, region: Option<&str>) -> Result<(), ToolError> {
    region.map_or(Ok(()), |region| region::named(catalogs, region).map(|_| ()))
}

fn summary(fits: &[FitAnswer], judge: &Judge<'_>, usual: bool) -> String {
    let deployment = judge.deployment();
    let what = judge.model().map_or_else(|| deployment.config.clone(), |model| model.name.clone());
    let place =
        judge.wish().region.as_deref().map_or_else(String::new, |region| format!(" in {region}"));
    match fits.first() {
        Some(first) => {
            let price = first.price.as_ref().map_or_else(
                || "whose price is not known".to_owned(),
                |price| {
                    let asked = judge.wish().region.as_ref();
                    let other = price.region.as_ref().filter(|_| asked.is_some());
                    let other = other.filter(|of| asked != Some(*of));
                    let of = other.map_or_else(String::new, |of| format!(" ({of})"));
                    format!("at {} USD per hour{of}", rounded_price(price.usd_per_hour))
                },
            );
            let (of, chosen) = (&deployment.target, &first.instance_type);
            if usual {
                return format!(
                    "{what} on {of}{place}: {chosen} {price} is the usual type; nothing says how large the model is."
                );
            }
            format!("{what} on {of}{place}: {chosen} {price} is the best that fits.")
        }
        None => {
            format!("Nothing in the catalog runs {what} on {}{place} as asked.", deployment.target)
        }
    }
}

fn next_steps(
    fits: &[FitAnswer],
    close: bool,
    packed: bool,
    others: impl Iterator<Item = String>,
) -> Vec<String> {
    let usual = if fits.is_empty() && packed {
        "ask for less: a higher budget, less memory, fewer vCPUs, another processor or Region, or no engineVersion".to_owned()
    } else if fits.is_empty() && !close {
        "ask the user for another model or deploymentConfig: describe_model of the model server lists the engines and releases that serve this one, and its smaller variants".to_owned()
    } else if fits.is_empty() {
        "ask for less: a shorter maxModelLen, less concurrency, a higher budget, another processor or Region, or a quantized variant of the model (describe_model of the model server lists them)".to_owned()
    } else {
        "tell the user the cost, then call plan_project of the generate-project server with inputs of the chosen type, unchanged".to_owned()
    };
    others.chain([usual]).collect()
}

/// Neither a model nor a config was named.
fn needs_input(catalogs: &Catalogs, standing: &Standing) -> Result<Reply, ToolError> {
    let answer = RecommendAnswer {
        status: Status::NeedsInput,
        summary: "Which model, or which deploymentConfig?".to_owned(),
        mode: standing.mode(),
        as_of: standing.as_of(catalogs.instances().as_of()),
        model: None,
        settings: Vec::new(),
        recommendations: Vec::new(),
        near_misses: Vec::new(),
        assumptions: Vec::new(),
        next_steps: vec![format!(
            "ask the user, then call again with modelName for a language model, or with deploymentConfig, one of {}",
            deployment::configs().join(", ")
        )],
    };
    let text = text(&answer);
    Ok(Reply::answer(answer, text))
}

fn text(answer: &RecommendAnswer) -> String {
    Text::new(&answer.summary)
        .blocks(
            "Recommended, the best first",
            answer.recommendations.iter().map(|fit| fit.lines("")),
        )
        .list("Set", answer.settings.iter().map(|row| format!("{}: {}", row.key, row.reason)))
        .list(
            if answer.recommendations.is_empty() { "Not taken" } else { "Cheaper, but" },
            &answer.near_misses,
        )
        .list("Assumed", &answer.assumptions)
        .line(Some(format!("From the {} catalog of {}.", answer.mode, answer.as_of)))
        .list("Next", &answer.next_steps)
        .done()
}
