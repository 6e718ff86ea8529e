//! What follows from what was given, before anything is asked: the Region from an ARN, the deployment config from the
//! kind of model, the name of the project from the name of the model. Nothing that somebody gave is changed.

use mcc_catalogs::{Arn, Catalogs, Model, Task};
use mcc_fit::sizing::parse_class;
use mcc_fit::{Described, purpose};
use serde_json::Value;

use crate::built;
use crate::finding::Finding;
use crate::fix::{Fix, Fixes};
use crate::format::{Format, valid_name};
use crate::inputs::{self, Kind};
use crate::kept;
use crate::manifest::{Fetched, ModelSort};
use crate::merge::Merged;
use crate::named::{self, read_artifact};
use crate::package;
use crate::registry::{Config, registry};
use crate::source::Source;
use crate::spec::TYPE_LABEL;

/// Adds what follows from the inputs.
pub(crate) fn complete(catalogs: &Catalogs, merged: &mut Merged) {
    region(catalogs, merged);
    builder(catalogs, merged);
    target(merged);
    nodes(merged);
    file_as_name(merged);
    package::complete(catalogs, merged);
    if let Some((sort, key)) = sort(catalogs, merged) {
        let task = task(catalogs, merged, sort);
        config(merged, sort, task, key);
    } else {
        config_of_framework(merged);
    }
    built::derive(catalogs, merged);
    name(merged);
}

/// Inputs that hold the ARN of something that is in one Region.
fn arns(merged: &Merged) -> Vec<(String, String)> {
    let is_arn = |format| {
        matches!(
            format,
            Format::KmsKeyArn
                | Format::SecretArn
                | Format::SnsTopicArn
                | Format::SageMakerArn
                | Format::ClusterName
                | Format::ModelName
        )
    };
    let fields = inputs::fields().iter();
    let fields = fields.filter(|f| matches!(f.kind, Kind::Text(format) if is_arn(format)));
    let found = fields.filter_map(|f| {
        let arn: Arn = merged.text(&f.key)?.parse().ok()?;
        Some((f.key.clone(), arn.region()?.to_owned()))
    });
    found.collect()
}

/// Images are built on this machine where the Region has no CodeBuild.
fn builder(catalogs: &Catalogs, merged: &mut Merged) {
    let row = merged.text("region").and_then(|region| catalogs.regions().get(region));
    if row.is_some_and(|row| !row.has("codebuild")) {
        merged.derive("buildTarget", "local", "region", Vec::new());
    }
}

/// The Region that an ARN names, unless somebody gave one; two that differ cannot both be right.
fn region(catalogs: &Catalogs, merged: &mut Merged) {
    let given =
        merged.is_given("region").then(|| merged.text("region").map(str::to_owned)).flatten();
    let arns = arns(merged);
    let mut named = given.clone().map(|region| ("region".to_owned(), region));
    for (key, region) in arns {
        match &named {
            None => named = Some((key, region)),
            Some((other, first)) if *first != region => {
                let message = format!("{key} is in {region}, and {other} says {first}");
                let fixes = if other == "region" {
                    Fix::set("region", region.as_str())
                        .or(Fix::say(format!("give {key} in {first}")))
                } else {
                    // A topic or a reservation can be done without; a key or a secret cannot be left out lightly.
                    let group = inputs::find(&key).map(|field| field.group);
                    let spared = matches!(group, Some("async" | "endpoint"));
                    Fixes::from(format!("give {key} in {first}, or {other} in {region}"))
                        .or(spared.then(|| Fix::unset(key.as_str())))
                };
                let finding = Finding::error("MCC-REG-004", message, fixes).choices([region]);
                let finding = merged.about(&key, finding);
                merged.findings.push(finding);
            }
            Some(_) => {}
        }
    }
    let surroundings =
        merged.values.get("region").filter(|s| matches!(s.source, Source::Surroundings(_)));
    if let Some(found) = surroundings.cloned() {
        let unknown =
            merged.text("region").is_some_and(|name| catalogs.regions().get(name).is_none());
        if unknown && named.is_none() {
            let (name, value) = (found.source.to_string(), found.value);
            merged.findings.push(Finding::warning(
                "MCC-REG-003",
                format!(
                    "{name} is {}, which is not a known Region, and is ignored",
                    value.as_str().unwrap_or_default()
                ),
                format!("correct {name}, or give region"),
            ));
        }
        if unknown || named.is_some() {
            merged.values.remove("region");
        }
    }
    if let (None, Some((key, region))) = (given, named) {
        merged.derive("region", &region, &key, Vec::new());
    }
}

/// The target that needs an input which only it takes.
fn target(merged: &mut Merged) {
    if merged.get("deploymentTarget").is_some() {
        return;
    }
    let registry = registry();
    let found = registry.targets().iter().find_map(|target| {
        let layers = registry.target_layers(target);
        let needs = layers.iter().flat_map(|layer| &layer.manifest.needs);
        let own = needs.filter(|key| {
            let group = inputs::find(key).map(|field| field.group);
            let takes = |layer: &&crate::registry::Layer| {
                layer.manifest.groups.iter().any(|own| Some(own.as_str()) == group)
            };
            let others = registry.targets().iter().filter(|other| *other != target);
            group != Some("project")
                && !others
                    .flat_map(|other| registry.target_layers(other))
                    .any(|layer| takes(&layer))
        });
        let own: Vec<&String> = own.filter(|key| merged.is_given(key)).collect();
        own.first().map(|key| (target.to_owned(), (*key).to_owned()))
    });
    if let Some((target, key)) = found {
        merged.derive("deploymentTarget", &target, &key, Vec::new());
    }
}

/// The instance type that the labels of the nodes name, on a target that has such.
fn nodes(merged: &mut Merged) {
    let key = "hpNodeSelector";
    let group = inputs::find(key).map(|field| field.group);
    let layers = merged.text("deploymentTarget").map(|name| registry().target_layers(name));
    let mut groups = layers.iter().flatten().flat_map(|layer| &layer.manifest.groups);
    if !groups.any(|own| Some(own.as_str()) == group) {
        return;
    }
    let labels = merged.get(key);
    let named = labels.and_then(|labels| labels.get(TYPE_LABEL)).and_then(Value::as_str);
    let named = named.filter(|name| Format::InstanceType.accepts(name)).map(str::to_owned);
    if let Some(name) = named {
        merged.derive("instanceType", &name, key, Vec::new());
    }
}

/// The path of a model file that was given as the name of a model is taken as what it is.
fn file_as_name(merged: &mut Merged) {
    let of_hub = merged.text("deploymentConfig").and_then(|name| registry().config(name));
    if of_hub.is_some_and(Config::fetches) || merged.get("modelPath").is_some() {
        return;
    }
    let Some(name) = merged.values.get("modelName").cloned() else { return };
    let path = name.value.as_str().unwrap_or_default();
    if path.starts_with("s3://") || sort_by_suffix(path).is_none() {
        return;
    }
    merged.values.remove("modelName");
    let note = Finding::new(
        "MCC-INP-008",
        crate::finding::Severity::Note,
        format!("modelName is read as modelPath {}", crate::finding::shorten(path)),
        "give modelPath if that is what is meant",
    );
    merged.findings.push(note.on("modelPath"));
    merged.values.insert("modelPath".to_owned(), name);
}

/// The kind of the model, and the input that says it.
fn sort(catalogs: &Catalogs, merged: &mut Merged) -> Option<(ModelSort, &'static str)> {
    let needed = |merged: &Merged| {
        let config = merged.text("deploymentConfig").and_then(|name| registry().config(name));
        config.is_none_or(|c| !c.frameworks.is_empty() && merged.get("framework").is_none())
    };
    if !needed(merged) {
        return None;
    }
    if let Some(path) = merged.text("modelPath") {
        let found = match read_artifact(&merged.files, path) {
            Ok(artifact) => Some(ModelSort::File(artifact.content)),
            Err(reason) => {
                // With a config it is the config's matter to read the file.
                if merged.get("deploymentConfig").is_none() {
                    let fix = named::fix(path, &reason);
                    let finding =
                        merged.about("modelPath", Finding::error("MCC-INP-004", reason, fix));
                    merged.findings.push(finding);
                }
                return merged.text("modelPath").and_then(sort_by_suffix).map(|s| (s, "modelPath"));
            }
        };
        let known = found.filter(|sort| registry().default_for(*sort).is_some());
        return known.map(|sort| (sort, "modelPath"));
    }
    if let Some((Ok(text), from)) = kept::config_of(catalogs, merged)
        && let Some(sort) = sort_of_config(catalogs, text, merged.text("modelName"))
    {
        return Some((sort, from));
    }
    let name = catalogs.resources().place_of(merged.text("modelName")?);
    let archive = name.ends_with(".tar.gz");
    if name.starts_with("s3://") && !archive && sort_by_suffix(name).is_some() {
        return None;
    }
    let id = merged.text("modelConfig").filter(|id| catalogs.models().get(id).is_some());
    Some((ModelSort::Fetched(sort_of_name(catalogs, id.unwrap_or(name))), "modelName"))
}

/// What a `config.json`, or the `model_index.json` of a pipeline, says of the kind of model.
fn sort_of_config(catalogs: &Catalogs, text: &str, name: Option<&str>) -> Option<ModelSort> {
    let config: Value = serde_json::from_str(text).ok()?;
    let has = |key: &str| config.get(key).is_some();
    let sort = if has("pretrained_config") && has("build_config") {
        Fetched::CompiledEngine
    } else if has("_diffusers_version") {
        Fetched::Diffusion
    } else {
        let (class, labels) = parse_class(text);
        let name = name.unwrap_or_default();
        let model = Described { class: class.as_deref(), name, labels, hub: None };
        let task = purpose(catalogs, &model).map(|found| found.task);
        task.filter(|task| task.pools()).map(|task| sort_of_task(Some(task)))?
    };
    Some(ModelSort::Fetched(sort))
}

/// The kind of a model that is fetched: by the catalogs, or else by words in its name.
fn sort_of_name(catalogs: &Catalogs, name: &str) -> Fetched {
    if let Some(row) = catalogs.models().get(name) {
        return sort_of_task(task_of_row(catalogs, row));
    }
    let lower = name.to_lowercase();
    let plain = lower.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    let words = |sort: Fetched| {
        let config = registry().default_for(ModelSort::Fetched(sort));
        let layers = config.map(|c| registry().config_layers(c, None)).unwrap_or_default();
        layers.iter().any(|layer| layer.manifest.named.iter().any(|word| plain.contains(word)))
    };
    if words(Fetched::Diffusion) { Fetched::Diffusion } else { Fetched::Language }
}

fn task_of_row(catalogs: &Catalogs, row: &Model) -> Option<Task> {
    let model = Described {
        class: Some(row.architecture.as_str()).filter(|class| !class.is_empty()),
        name: row.id.as_str(),
        labels: None,
        hub: row.task.as_deref(),
    };
    purpose(catalogs, &model).map(|found| found.task)
}

/// What a model that is fetched is for, as far as other configs must serve it too.
fn task(catalogs: &Catalogs, merged: &Merged, sort: ModelSort) -> Option<Task> {
    let row = ["modelConfig", "modelName"]
        .iter()
        .find_map(|key| merged.text(key).and_then(|id| catalogs.models().get(id)));
    match (row, sort) {
        (Some(row), _) => task_of_row(catalogs, row),
        (None, ModelSort::Fetched(Fetched::Diffusion)) => Some(Task::Image),
        (None, ModelSort::Fetched(Fetched::Encoder)) => {
            let (class, labels) = parse_class(kept::config_of(catalogs, merged)?.0.ok()?);
            let name = merged.text("modelName").unwrap_or_default();
            let model = Described { class: class.as_deref(), name, labels, hub: None };
            purpose(catalogs, &model).map(|found| found.task)
        }
        _ => None,
    }
}

/// The kind of a model that is fetched, by what it is for.
fn sort_of_task(task: Option<Task>) -> Fetched {
    match task {
        Some(Task::Image | Task::Video) => Fetched::Diffusion,
        Some(task) if task.pools() => Fetched::Encoder,
        _ => Fetched::Language,
    }
}

/// The kind of a model file by the ending of its name.
fn sort_by_suffix(path: &str) -> Option<ModelSort> {
    let path = path.to_ascii_lowercase();
    let registry = registry();
    let formats = registry.layers().filter_map(|layer| layer.manifest.framework.as_ref());
    let formats = formats.flat_map(|framework| &framework.formats);
    let named = formats.filter(|f| f.suffixes.iter().any(|s| path.ends_with(s.as_str())));
    let mut contents = named.flat_map(|format| &format.content).map(|c| ModelSort::File(*c));
    contents.find(|sort| registry.default_for(*sort).is_some())
}

/// The config for a kind of model, and its framework.
fn config(merged: &mut Merged, sort: ModelSort, task: Option<Task>, from: &str) {
    let registry = registry();
    if merged.get("deploymentConfig").is_none() && !merged.is_refused("deploymentConfig") {
        let framework = merged.text("framework").map(str::to_owned);
        // What was trained with a framework is served by a config that has it.
        let fits = |c: &&Config| {
            framework.as_ref().is_none_or(|f| c.frameworks.is_empty() || c.frameworks.contains(f))
        };
        let Some(config) = registry.default_for(sort).filter(fits) else { return };
        let mut others = registry.others_for(sort, config);
        others.retain(|name| task.is_none_or(|task| registry.serves(name, task)));
        merged.derive("deploymentConfig", &config.name, from, others);
    }
    let config = merged.text("deploymentConfig").and_then(|name| registry.config(name));
    if let (Some(config), ModelSort::File(content)) = (config, sort)
        && merged.get("framework").is_none()
        && !merged.is_refused("framework")
        && let Some(framework) = registry.frameworks_for(config, content).first()
    {
        merged.derive("framework", framework, from, Vec::new());
    }
}

/// The config for a framework, where there is no model to tell.
fn config_of_framework(merged: &mut Merged) {
    if merged.get("deploymentConfig").is_some() || merged.is_refused("deploymentConfig") {
        return;
    }
    let has_model = ["modelPath", "modelName"].iter().any(|key| merged.get(key).is_some());
    let Some(framework) = merged.text("framework").filter(|_| !has_model).map(str::to_owned) else {
        return;
    };
    let registry = registry();
    let has = |c: &&Config| c.frameworks.contains(&framework);
    let all: Vec<&Config> = registry.configs().iter().filter(has).collect();
    let is_default = |c: &&&Config| {
        registry.config_layers(c, None).iter().any(|layer| !layer.manifest.default_for.is_empty())
    };
    let Some(config) = all.iter().find(is_default).or(all.first()) else { return };
    let others = all.iter().filter(|c| c.name != config.name).map(|c| c.name.clone()).collect();
    merged.derive("deploymentConfig", &config.name, "framework", others);
}

/// A name for the project: that of its model, or of its sample.
fn name(merged: &mut Merged) {
    if merged.get("projectName").is_some() || merged.is_refused("projectName") {
        return;
    }
    let config = merged.text("deploymentConfig").and_then(|name| registry().config(name));
    let last = |text: &str| {
        let text = text.trim_end_matches(['/', '\\']);
        text.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
    };
    let (text, from) = if let Some(path) = merged.text("modelPath") {
        let file = last(path);
        (file.rsplit_once('.').map_or(file.clone(), |(stem, _)| stem.to_owned()), "modelPath")
    } else if let Some(arn) = package::given(merged) {
        (arn.resource().split('/').nth(1).unwrap_or_default().to_owned(), "modelName")
    } else if let Some(model) = merged.text("modelName") {
        (last(model).trim_end_matches(".tar.gz").to_owned(), "modelName")
    } else {
        match config {
            Some(config) if !config.fetches() => match merged.text("framework") {
                Some(framework) => (format!("{framework}-sample"), "framework"),
                None if config.frameworks.is_empty() => {
                    (format!("{}-sample", config.backend), "deploymentConfig")
                }
                None => return,
            },
            _ => return,
        }
    };
    if let Some(name) = valid_name(&text) {
        merged.derive("projectName", &name, from, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_model_has_one_config() {
        let configs = registry().configs();
        let mut seen: Vec<ModelSort> = Vec::new();
        for config in configs {
            let layers = registry().config_layers(config, None);
            for sort in layers.iter().flat_map(|layer| &layer.manifest.default_for) {
                assert!(!seen.contains(sort), "{sort:?} has two");
                seen.push(*sort);
            }
        }
        let fetched =
            [Fetched::Language, Fetched::Encoder, Fetched::Diffusion, Fetched::CompiledEngine];
        assert!(fetched.iter().all(|sort| seen.contains(&ModelSort::Fetched(*sort))), "{seen:?}");
    }
}
