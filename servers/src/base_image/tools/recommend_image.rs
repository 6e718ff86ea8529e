//! `recommend_image`: the image that works for a model, an instance type and a Region.

use mcc_catalogs::reason::Choice;
use mcc_catalogs::{Ask, Catalogs, DriverFit, Image, Platform, Standing};
use mcc_fit::{Asked, Deployment, ImageChoice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ImageAnswer, Status, region};
use crate::base_image::judge::{self, Wish, Works};
use crate::common::asks;
use crate::common::deployment;
use crate::common::inputs::Inputs;
use crate::common::instances;
use crate::common::model::{FILE_ARGUMENTS, ModelArguments, word};
use crate::common::text::Text;
use crate::mcp::arguments;
use crate::mcp::error::ToolError;
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{self, Call, Effect, Reply, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "recommend_image",
    title: "Recommend a base image",
    description: "Finds the base image for a deployment config that works with a model, an instance type and a Region: the engine \
                  serves the model's architecture and is not known to fail with it, the CUDA knows the GPU, a host image has the \
                  driver, the tag is published. \
                  Answers with its address, the host image (inferenceAmiVersion), and why newer images were passed over.",
    effect: Effect::Reads,
    file_arguments: FILE_ARGUMENTS,
    input: schema,
    output: schema::output::<RecommendAnswer>,
    asks: Some(of_image),
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
    /// What serves the model.
    deployment_config: String,
    /// Where it runs; it decides which host images there are. Left out: managed-inference.
    deployment_target: Option<String>,
    /// Instance type, such as ml.g5.2xlarge.
    instance_type: Option<String>,
    /// Region that the address is for. Left out: us-east-1.
    region: Option<String>,
    /// Version of the engine, or its beginning, such as 0.27. Left out: the one that a plan chooses.
    engine_version: Option<String>,
    /// Hugging Face model id.
    model_name: Option<String>,
    /// For a model that is not in the catalog: the text of its config.json, or its path; for a copy of one that is, its id.
    model_config: Option<String>,
}

/// The host image.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct HostAnswer {
    /// Value for inferenceAmiVersion or transformAmiVersion.
    ami_version: String,
    /// Branch of its NVIDIA driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<u32>,
    /// `full`, or `minor_version` where code that compiles at run time fails.
    fit: String,
    /// Whether it is documented, or used in AWS's samples, on the instance's family.
    known_on_family: bool,
}

/// An image that was passed over.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PassedAnswer {
    /// Its tag.
    tag: String,
    /// Why.
    reason: String,
}

/// Answer of `recommend_image`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RecommendAnswer {
    /// `ok` or `nothing_fits`.
    status: Status,
    /// The answer in one sentence.
    summary: String,
    /// `static`: from dated catalogs, without looking at registries.
    mode: String,
    /// Date of the catalog of images.
    as_of: String,
    /// Region that the address is for.
    region: String,
    /// The image.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<ImageAnswer>,
    /// The host image that it needs, where the target lets one choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    host_image: Option<HostAnswer>,
    /// Newer images, or ones that were asked for, and why not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<PassedAnswer>,
    /// What is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// Arguments for `plan_project` and `generate_project`.
    inputs: Inputs,
    /// What to do next.
    next_steps: Vec<String>,
}

/// How many that were passed over are told.
const PASSED: usize = 6;

/// The model that it is to serve, and the images of the config.
fn of_image(call: &Call) -> Vec<Ask> {
    [asks::of_models(call), asks::of_images(call)].concat()
}

fn recommend(call: Call) -> Result<Reply, ToolError> {
    let arguments: Arguments = arguments::read(schema, call.arguments)?;
    let catalogs = call.context.catalogs();
    let deployment =
        deployment::named(&arguments.deployment_config, arguments.deployment_target.as_deref())?;
    let region = region(catalogs, arguments.region.as_deref())?;
    let instance = arguments
        .instance_type
        .as_deref()
        .map(|name| instances::one(catalogs, "instanceType", name))
        .transpose()
        .map_err(|problem| ToolError::of("unknown_instance_type", *problem))?;
    let other =
        instance.and_then(|instance| mcc_generator::on(&deployment, instance.accelerator_kind()));
    let deployment = other.unwrap_or(deployment);
    let model = ModelArguments {
        model_name: arguments.model_name.clone(),
        model_config: arguments.model_config.clone(),
        ..ModelArguments::default()
    };
    let sized = model.given().then(|| model.sized(&call.context)).transpose()?;
    let wish = Wish {
        deployment: &deployment,
        region,
        instance,
        asked: sized.as_ref().map_or_else(Asked::default, |sized| {
            sized.asked(catalogs, deployment.engine.as_deref(), None)
        }),
    };
    let choice = choice(catalogs, &deployment, arguments.engine_version.as_deref(), &wish.asked)?;
    let mut works = choice
        .ranked(instance)
        .into_iter()
        .filter_map(|image| judge::judge(catalogs, image, &wish).ok().map(|works| (image, works)));
    let chosen = works.next();
    // What would have been usual, and why it is not this one.
    let best = chosen.as_ref().map(|(image, _)| *image);
    let passed: Vec<PassedAnswer> = choice
        .usual()
        .take_while(|image| Some(*image) != best)
        .take(PASSED)
        .map(|image| PassedAnswer {
            tag: image.tag.clone(),
            reason: match judge::judge(catalogs, image, &wish) {
                Err(reason) => reason,
                Ok(works) => works.notes.into_iter().next_back().unwrap_or_else(|| {
                    "the driver of its host image is older than its CUDA's own".to_owned()
                }),
            },
        })
        .collect();
    let answer = answer(catalogs, &wish, chosen, passed, &arguments, &call.standing);
    let text = text(&answer);
    let choices = call
        .context
        .choices(|| answer.image.iter().map(|image| choice_of(image, &answer.notes)).collect());
    Ok(Reply::answer(answer, text).among(choices))
}

/// The image as what there is to choose.
fn choice_of(image: &ImageAnswer, notes: &[String]) -> Choice {
    let facts = [image.text()].into_iter().chain(notes.iter().cloned()).collect();
    Choice { id: image.tag.clone(), facts }
}

/// The images that come into question.
fn choice<'a>(
    catalogs: &'a Catalogs,
    deployment: &'a Deployment,
    wanted: Option<&str>,
    asked: &Asked,
) -> Result<ImageChoice<'a>, ToolError> {
    let choice = ImageChoice::new(catalogs, deployment, wanted, asked);
    let none = choice.usual().next().is_none();
    if let (Some(wanted), Some(family), true) = (wanted, &deployment.images, none) {
        let all = catalogs.images().of_family(family).filter(|row| row.platform != Platform::Ec2);
        let mut choices = arguments::nearest(wanted, all.map(|image| image.version.as_str()));
        choices.dedup();
        choices.truncate(8);
        return Err(deployment::unknown("engineVersion", wanted, choices));
    }
    Ok(choice)
}

fn answer(
    catalogs: &Catalogs,
    wish: &Wish<'_>,
    chosen: Option<(&Image, Works)>,
    passed_over: Vec<PassedAnswer>,
    arguments: &Arguments,
    standing: &Standing,
) -> RecommendAnswer {
    let config = &wish.deployment.config;
    let mut answer = RecommendAnswer {
        status: Status::NothingFits,
        summary: format!("No image in the catalog works for {config} as asked."),
        mode: standing.mode(),
        as_of: standing.as_of(catalogs.images().as_of()),
        region: wish.region.to_string(),
        image: None,
        host_image: None,
        passed_over,
        notes: Vec::new(),
        inputs: Inputs::default(),
        next_steps: vec!["ask for less: another instance type or Region, or no engineVersion; or give plan_project an image of your own as baseImage".to_owned()],
    };
    let Some((image, works)) = chosen else {
        return answer;
    };
    answer.status = Status::Ok;
    answer.summary = format!("{config} starts from {} in {}.", works.uri, wish.region);
    answer.notes = works.notes;
    if works.availability != mcc_catalogs::Availability::Known {
        answer.notes.push(format!(
            "that it is in {} is {}, not known",
            wish.region,
            word(&works.availability)
        ));
    }
    let mut put = |key: &'static str, value: &str| answer.inputs.put(key, value);
    put("deploymentConfig", config);
    put("deploymentTarget", &wish.deployment.target);
    put("region", wish.region.as_str());
    if let Some(instance) = wish.instance {
        put("instanceType", instance.name.as_str());
    }
    if let Some(name) = &arguments.model_name {
        put("modelName", name);
    }
    if wish.deployment.engine.is_some() && !wish.deployment.refuses.contains_key("engineVersion") {
        put("engineVersion", &image.version);
    }
    if let Some(host) = works.ami {
        let key = match wish.deployment.ami {
            Some(mcc_fit::AmiKind::Transform) => "transformAmiVersion",
            _ => "inferenceAmiVersion",
        };
        put(key, &host.ami);
        if host.fit != DriverFit::Full {
            answer.notes.push(format!(
                "the driver of {} starts this CUDA by minor-version compatibility only",
                host.ami
            ));
        }
        answer.host_image = Some(HostAnswer {
            ami_version: host.ami,
            driver: host.driver,
            fit: word(&host.fit),
            known_on_family: host.known_on_family,
        });
    }
    answer.image = Some(ImageAnswer::new(catalogs, image, &wish.region));
    answer.next_steps =
        vec!["pass inputs to plan_project of the generate-project server".to_owned()];
    answer
}

fn text(answer: &RecommendAnswer) -> String {
    Text::new(&answer.summary)
        .list("Image", answer.image.iter().map(ImageAnswer::text))
        .list(
            "Host image",
            answer.host_image.iter().map(|host| {
                let driver =
                    host.driver.map_or_else(String::new, |driver| format!(", driver {driver}"));
                format!("{}{driver}, fit {}", host.ami_version, host.fit)
            }),
        )
        .list(
            "Passed over",
            answer.passed_over.iter().map(|row| format!("{}: {}", row.tag, row.reason)),
        )
        .list("Notes", &answer.notes)
        .line(Some(format!("Inputs: {}", answer.inputs)))
        .line(Some(format!(
            "For {}, from the {} catalog of {}.",
            answer.region, answer.mode, answer.as_of
        )))
        .list("Next", &answer.next_steps)
        .done()
}
