//! `compare_instances`: several models on several types, side by side.

use schemars::JsonSchema;
use serde::Deserialize;

use super::recommend_instance::known_region;
use crate::common::Detail;
use crate::common::asks;
use crate::common::deployment;
use crate::common::fits::{FitAnswer, Judge, ServingArguments, assumptions};
use crate::common::instances;
use crate::common::model::{FILE_ARGUMENTS, ModelArguments, Sized};
use crate::common::text::Text;
use crate::instance::answers::{CompareAnswer, CompareRow, Status};
use crate::mcp::arguments;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{self, Call, Context, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "compare_instances",
    title: "Compare models and instance types",
    description: "Puts models and SageMaker instance types side by side: for each pair whether it fits, and why not, \
                  or how (tensor parallelism, memory by component, longest context, sequences at once) and at what \
                  price. Use it for \"does X run on Y\", and to choose between a few.",
    effect: Effect::Reads,
    file_arguments: FILE_ARGUMENTS,
    input: schema,
    output: schema::output::<CompareAnswer>,
    asks: Some(asks::of_run),
    waits: server::never,
    weighs: false,
    run: compare,
};

fn schema() -> JsonObject {
    deployment::with_names(schema::input::<Arguments>())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Arguments {
    /// The types, such as ml.g5.2xlarge.
    #[schemars(length(min = 1, max = 20))]
    instance_types: Vec<String>,
    /// Several models by Hugging Face id, in place of modelName.
    #[schemars(length(max = 5))]
    model_names: Option<Vec<String>>,
    #[serde(flatten)]
    model: ModelArguments,
    #[serde(flatten)]
    serving: ServingArguments,
    /// `full` adds how each was worked out.
    #[serde(default)]
    detail: Detail,
}

impl Arguments {
    /// Whether a model is named or described.
    fn describes(&self) -> bool {
        self.model.given() || self.model_names.as_ref().is_some_and(|names| !names.is_empty())
    }
}

fn compare(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(schema, call.arguments)?;
    let catalogs = call.context.catalogs();
    let instances = instances::named(catalogs, &arguments.instance_types)?;
    let target = arguments.serving.deployment_target.as_deref();
    let deployment = match arguments.serving.deployment_config.as_deref() {
        Some(config) => deployment::named(config, target)?,
        None if arguments.describes() => deployment::of_models(target)?,
        None => {
            return Err(ToolError::of(
                "invalid_arguments",
                Problem::of("modelName", "nothing says what has to run")
                    .fix("give modelName, modelNames, modelConfig or deploymentConfig"),
            ));
        }
    };
    if !deployment.hub && arguments.describes() {
        return Err(deployment::fetches_none(&deployment));
    }
    let models = models(&call.context, &arguments)?;
    models.iter().try_for_each(|model| deployment::serves(catalogs, &deployment, model))?;
    let wish = arguments.serving.wish(catalogs, &deployment)?;
    known_region(catalogs, wish.region.as_deref())?;
    let others = mcc_generator::elsewhere(&deployment);
    let full = arguments.detail == Detail::Full;
    let mut rows = Vec::new();
    let mut assumed = Vec::new();
    let chosen: Vec<Option<&Sized<'_>>> =
        if models.is_empty() { vec![None] } else { models.iter().map(Some).collect() };
    for model in chosen {
        let judge = Judge::new(catalogs, &deployment, model, &wish).of_named();
        let others: Vec<Judge<'_>> = others
            .iter()
            .map(|other| Judge::new(catalogs, other, model, &wish).of_named())
            .collect();
        for instance in &instances {
            let own = others.iter().find(|other| other.deployment().runs_on(instance));
            let judge = own.unwrap_or(&judge);
            for assumption in assumptions(judge) {
                if !assumed.contains(&assumption) {
                    assumed.push(assumption);
                }
            }
            let judged = judge.judge(instance);
            rows.push(CompareRow {
                model: model.map(|model| model.name.clone()),
                instance_type: instance.name.to_string(),
                fits: judged.is_ok(),
                reason: judged.as_ref().err().map(|reason| reason.text.clone()),
                fit: judged.ok().map(|fit| FitAnswer::new(fit, judge, full)),
            });
        }
    }
    // Prices of other Regions come after all of the Region's own: the two are never one order.
    let usd = |row: &CompareRow| {
        let price = row.fit.as_ref().and_then(|fit| fit.price.as_ref());
        price.map_or((true, f64::INFINITY), |price| {
            let there = wish.region.is_none() || price.region == wish.region;
            (!there, price.usd_per_hour)
        })
    };
    rows.sort_by(|a, b| {
        let ((far, usd), (other, more)) = (usd(a), usd(b));
        b.fits.cmp(&a.fits).then(far.cmp(&other)).then(usd.total_cmp(&more))
    });
    let fitting = rows.iter().filter(|row| row.fits).count();
    let answer = CompareAnswer {
        status: Status::Ok,
        summary: format!("{fitting} of {} combinations fit.", rows.len()),
        mode: call.standing.mode(),
        as_of: call.standing.as_of(catalogs.instances().as_of()),
        models: models.iter().map(Sized::answer).collect(),
        next_steps: vec![if fitting > 0 {
            "call plan_project of the generate-project server with inputs of the chosen row, unchanged".to_owned()
        } else {
            "call recommend_instance for what would fit".to_owned()
        }],
        rows,
        assumptions: assumed,
    };
    let text = text(&answer);
    Ok(Reply::answer(answer, text))
}

fn models<'a>(context: &'a Context, arguments: &Arguments) -> Result<Vec<Sized<'a>>, ToolError> {
    let mut models = Vec::new();
    if arguments.model.given() {
        models.push(arguments.model.sized(context)?);
    }
    for name in arguments.model_names.iter().flatten() {
        let named = ModelArguments { model_name: Some(name.clone()), ..ModelArguments::default() };
        models.push(named.sized(context)?);
    }
    Ok(models)
}

fn text(answer: &CompareAnswer) -> String {
    let rows = answer.rows.iter().map(|row| {
        let model = row.model.as_ref().map_or_else(String::new, |model| format!("{model} on "));
        match (&row.fit, &row.reason) {
            (Some(fit), _) => fit.lines(&model),
            (None, reason) => vec![format!(
                "{model}{} does not fit: {}",
                row.instance_type,
                reason.as_deref().unwrap_or_default()
            )],
        }
    });
    Text::new(&answer.summary)
        .blocks("Side by side", rows)
        .list("Assumed", &answer.assumptions)
        .line(Some(format!("From the {} catalog of {}.", answer.mode, answer.as_of)))
        .list("Next", &answer.next_steps)
        .done()
}
