//! What a deployment config and a target ask of images, instances and host images, from the registry.

use mcc_catalogs::{Catalogs, HubAddress, Image, Only};
use mcc_fit::{Against, Asked, Deployment, against, engine_in};
use std::sync::{Arc, LazyLock};

use mcc_generator::{Config, Fetched, ModelSort, elsewhere, lenient, reasons, registry};
use serde_json::{Value, json};

use crate::common::model::Sized;
use crate::mcp::arguments::{is_near, nearest};
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::JsonObject;

/// The config called `config` on `target`; without a target on endpoints.
///
/// # Errors
/// Names the argument that is unknown, with what there is.
pub(crate) fn named(config: &str, target: Option<&str>) -> Result<Arc<Deployment>, ToolError> {
    let registry = registry();
    let Some(row) = registry.config(config) else {
        let known = registry.configs().iter().map(|config| config.name.as_str());
        return Err(unknown("deploymentConfig", config, nearest(config, known)));
    };
    let all = || registry.targets().iter().map(String::as_str);
    let target = target.or_else(|| registry.usual_value("deploymentTarget")).unwrap_or_default();
    let target = lenient::word("deploymentTarget", target, all()).unwrap_or(target);
    mcc_generator::deployment(row, target, None)
        .ok_or_else(|| unknown("deploymentTarget", target, nearest(target, all())))
}

/// The config that serves the model called `name` when none is named: a diffusion pipeline has one of its own.
pub(crate) fn of_model(
    catalogs: &Catalogs,
    name: Option<&str>,
    target: Option<&str>,
) -> Result<Arc<Deployment>, ToolError> {
    let pipeline = name.is_some_and(|name| catalogs.pipelines().get(name).is_some());
    let own = || registry().default_for(ModelSort::Fetched(Fetched::Diffusion));
    match pipeline.then(own).flatten() {
        Some(config) => named(&config.name, target),
        None => of_models(target),
    }
}

/// The config that serves a language model from a hub when none is named.
pub(crate) fn of_models(target: Option<&str>) -> Result<Arc<Deployment>, ToolError> {
    static USUAL: LazyLock<Option<&Config>> = LazyLock::new(|| registry().usual());
    let none = || ToolError::internal("no config serves models of a hub");
    named(&USUAL.ok_or_else(none)?.name, target)
}

/// A model of a hub was named where models are packed into the image, with the configs that fetch models.
pub(crate) fn fetches_none(deployment: &Deployment) -> ToolError {
    let others =
        configs().into_iter().filter(|config| named(config, None).is_ok_and(|other| other.hub));
    ToolError::of(
        "invalid_arguments",
        Problem::of(
            "deploymentConfig",
            "it serves a model that is packed into its image, and fetches none from a hub",
        )
        .value(&deployment.config.as_str().into())
        .fix("take one of the choices, or leave out what describes the model")
        .choices(others.map(str::to_owned).collect()),
    )
}

/// Refuses a language model where none is served, and a pipeline where none is.
///
/// # Errors
/// Names the configs that serve such models.
pub(crate) fn serves(
    catalogs: &Catalogs,
    deployment: &Deployment,
    model: &Sized<'_>,
) -> Result<(), ToolError> {
    // Sizes that were given make no model of it: a plan refuses it all the same.
    if let Some(given) = model.given.as_deref() {
        let page = HubAddress::of(given).map(|page| page.model.to_string());
        let name = page.as_deref().unwrap_or(given);
        if let Some(only) = mcc_fit::only_there(catalogs, name) {
            return Err(holds_only(catalogs, name, only));
        }
    }
    let pipeline = model.shape.parts.is_some();
    let unknown = !pipeline && model.shape.max_positions.is_none();
    if deployment.has_context() != pipeline || unknown {
        return Ok(());
    }
    let others = configs().into_iter().filter(|config| {
        named(config, None).is_ok_and(|other| other.hub && other.has_context() != pipeline)
    });
    let what = if pipeline { "diffusion pipelines" } else { "language models" };
    Err(ToolError::of(
        "invalid_arguments",
        Problem::of("deploymentConfig", format!("it serves no {what}, and {} is one", model.name))
            .value(&deployment.config.as_str().into())
            .fix("take one of the choices, or leave it out")
            .choices(others.map(str::to_owned).collect()),
    ))
}

/// The refusal of a repository that a list of its files shows to hold something in place of a model.
pub(crate) fn holds_only(catalogs: &Catalogs, name: &str, only: Only) -> ToolError {
    let origin = catalogs.models().origin(name);
    let live = origin.and_then(|origin| Some((origin.live()?, origin.as_of()?)));
    let why = live.map(|(source, as_of)| {
        format!("the list of its files says so, read live from {source} on {as_of}")
    });
    let fix = match only {
        Only::Gguf => "name the original model, or a copy of it in AWQ, GPTQ or FP8",
        Only::Adapter => "name the model that it was trained on, and give plan_project enableLora",
    };
    let problem = Problem { why, ..Problem::of("modelName", reasons::only(only)) };
    ToolError::of("model_not_served", problem.value(&name.into()).fix(fix))
}

/// What it runs on, in words.
pub(crate) fn runs_on_what(deployment: &Deployment) -> String {
    if !deployment.devices.is_empty() {
        return deployment.devices.join(" or ");
    }
    let own = deployment.accelerators.iter().map(ToString::to_string);
    let others = elsewhere(deployment).into_iter().flat_map(|other| other.devices.clone());
    own.chain(others).collect::<Vec<_>>().join(" or ")
}

/// What is to be said of the engine in `image` and a model that is `asked` for.
///
/// # Errors
/// Why it does not serve it.
pub(crate) fn release_serves(
    catalogs: &Catalogs,
    deployment: &Deployment,
    image: &Image,
    asked: &Asked,
) -> Result<Vec<String>, String> {
    said(deployment, image, asked, against(catalogs, deployment, image, asked))
}

/// The same of what was found against it.
///
/// # Errors
/// As [`release_serves`].
pub(crate) fn said(
    deployment: &Deployment,
    image: &Image,
    asked: &Asked,
    found: Vec<Against<'_>>,
) -> Result<Vec<String>, String> {
    let engine = engine_in(deployment, image);
    let (engine, release) = engine.unwrap_or_default();
    let class = asked.class.as_deref().unwrap_or_default();
    let mut said = Vec::new();
    for found in found {
        // Of an engine that is not the config's own, only the task is known.
        if engine.is_empty() && !matches!(found, Against::Task(_) | Against::TaskFrom(..)) {
            continue;
        }
        let words = reasons::against(engine, release, class, &found);
        if found.refuses() {
            return Err(words);
        }
        said.push(words);
    }
    Ok(said)
}

/// The families of base images that its config starts from, one for each kind of accelerator that has its own.
pub(crate) fn families(deployment: &Deployment) -> Vec<String> {
    let others = elsewhere(deployment).into_iter().filter_map(|other| other.images.clone());
    deployment.images.iter().cloned().chain(others).collect()
}

/// The names of all deployment configs.
pub(crate) fn configs() -> Vec<&'static str> {
    registry().configs().iter().map(|config| config.name.as_str()).collect()
}

/// The names of all targets, the other name of the first among them.
pub(crate) fn targets() -> Vec<&'static str> {
    registry().targets().iter().map(String::as_str).chain([lenient::OTHER_TARGET]).collect()
}

/// Adds the names that the registry knows to a schema's `deploymentConfig` and `deploymentTarget`.
pub(crate) fn with_names(mut schema: JsonObject) -> JsonObject {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (key, names) in [("deploymentConfig", configs()), ("deploymentTarget", targets())] {
            if let Some(Value::Object(property)) = properties.get_mut(key) {
                property.insert("enum".to_owned(), json!(names));
            }
        }
    }
    schema
}

/// An argument with a name that does not exist.
pub(crate) fn unknown(field: &str, given: &str, choices: Vec<String>) -> ToolError {
    let near = is_near(given, choices.iter().map(String::as_str));
    let fix = match choices.first().filter(|_| near) {
        Some(first) => format!("did you mean `{first}`?"),
        None if choices.is_empty() => "leave it out".to_owned(),
        None => "take one of the choices, or leave it out".to_owned(),
    };
    ToolError::of(
        "invalid_arguments",
        Problem::of(field, "there is none of that name")
            .value(&given.into())
            .fix(fix)
            .choices(choices),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_spelled_as_in_plans() {
        let target = |given| {
            let found = named("transformers-vllm", given);
            found.map(|deployment| deployment.target.clone()).map_err(|error| error.code)
        };
        for given in [None, Some("realtime"), Some("Realtime-Inference"), Some("MANAGED-INFERENCE")]
        {
            assert_eq!(target(given).as_deref(), Ok("managed-inference"), "{given:?}");
        }
        assert!(target(Some("real-time")).is_err());
    }
}
