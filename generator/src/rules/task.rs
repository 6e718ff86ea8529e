//! Rules about what a model is for: whether the config serves that, and how.

use mcc_catalogs::{Arch, Task};
use mcc_fit::{Against, Deployment, Purpose, TaskBasis, against, against_task};

use super::Rule;
use super::engine_options::with_gpus;
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes};
use crate::reasons;
use crate::registry::registry;
use crate::resolve::Context;
use crate::spec::{RunsAs, Spec};

const SOURCE: &str = "classes and names by task (catalogs/data/tasks.json); what each config serves (the layers' manifests)";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-TSK-001",
        severity: Severity::Error,
        title: "the config does not serve what the model is for",
        why: "the engine ends over the model's class, or answers every request of the model's kind with an error",
        source: SOURCE,
        check: Some(serves),
    },
    Rule {
        id: "MCC-TSK-002",
        severity: Severity::Warning,
        title: "the model's task is a guess, or something of your own serves it",
        why: "requests, tests and limits are those of the task; a name that misleads, or a server of your own, may need others",
        source: SOURCE,
        check: None,
    },
    Rule {
        id: "MCC-TSK-003",
        severity: Severity::Warning,
        title: "a re-ranking model that generates text",
        why: "its class writes the word yes or no; engines score documents with it only if they are told to take it for a classifier",
        source: "vLLM's examples for Qwen3-Reranker (hf_overrides)",
        check: Some(generates),
    },
    Rule {
        id: "MCC-TSK-004",
        severity: Severity::Warning,
        title: "batch transform sends recordings as JSON lines",
        why: "a recording is no JSON: its type must be one of audio, and a file must not be split at line ends",
        source: "SageMaker CreateTransformJob, TransformInput",
        check: Some(recordings),
    },
];

/// The most configs that a fix names.
const NAMED: usize = 4;
/// Parts of the names of variables by which people make a server do something else.
const OWN_SERVER: [&str; 3] = ["TASK", "HANDLER", "ENTRYPOINT"];

fn serves(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(purpose) = context.facts.purpose else { return };
    let of = &context.deployment;
    let image = context.base(&spec.instance);
    let version = image.map(|image| image.version.as_str());
    match against_task(of, version, Some(purpose)) {
        Some(Against::TaskFrom(task, first)) => {
            let message = format!(
                "{} serves {} from version {first} of its image on",
                of.config,
                reasons::makes(task)
            );
            let fixes = Fix::set("engineVersion", first)
                .and(Fix::say("or later"))
                .or(Fix::unset("engineVersion"));
            let finding = Finding::error("MCC-TSK-001", message, fixes);
            findings.push(context.merged.about("engineVersion", finding));
        }
        Some(_) => refused(context, spec, purpose, findings),
        None if purpose.basis == TaskBasis::Guess && purpose.task.pools() => {
            let message = format!(
                "by its name or the name of its class the model is for {}, which nothing confirms",
                reasons::makes(purpose.task)
            );
            let fix = "if it generates text, say so to the engine (engineArgs), and replace test/payload.json";
            let finding = Finding::warning("MCC-TSK-002", message, fix);
            findings.push(context.merged.about("modelName", finding));
        }
        None => {}
    }
}

/// The config does not serve the task.
fn refused(context: &Context<'_>, spec: &Spec, purpose: Purpose, findings: &mut Vec<Finding>) {
    // A name alone says little of what a model that writes text cannot do.
    let guess = purpose.basis == TaskBasis::Guess;
    if guess && !purpose.task.pools() && purpose.task != Task::Transcribe {
        return;
    }
    let of = &context.deployment;
    let on = if of.compiles() { " on Neuron" } else { "" };
    let served: Vec<&str> = of.tasks.iter().map(|task| reasons::makes(*task)).collect();
    let message = format!(
        "the model is for {}{}, and {}{on} serves {}",
        reasons::makes(purpose.task),
        if guess { " by its name" } else { "" },
        of.config,
        served.join(", ")
    );
    let (fixes, choices) = elsewhere(context, spec, purpose);
    let own = context.inputs.base_image.is_some()
        || context
            .inputs
            .model_env
            .iter()
            .flatten()
            .any(|(name, _)| OWN_SERVER.iter().any(|part| name.to_uppercase().contains(part)));
    let finding = if guess || own {
        Finding::warning("MCC-TSK-002", message, fixes)
    } else {
        Finding::error("MCC-TSK-001", message, fixes)
    };
    let own = context.merged.is_given("deploymentConfig") && !of.compiles();
    let key = if own { "deploymentConfig" } else { "modelName" };
    findings.push(context.merged.about(key, finding.choices(choices)));
}

/// What serves the task instead.
fn elsewhere(context: &Context<'_>, spec: &Spec, purpose: Purpose) -> (Fixes, Vec<String>) {
    let serves = |of: &Deployment| {
        let asked = context.asked();
        of.hub
            && of.tasks.contains(&purpose.task)
            && of.image(context.catalogs, &asked, Arch::X86_64).is_none_or(|image| {
                let found = against(context.catalogs, of, image, &asked);
                !found.iter().any(Against::refuses)
            })
    };
    let of = |name: &str| {
        let config = registry().config(name)?;
        crate::deployment::deployment(config, context.target, None)
    };
    if context.deployment.compiles() && of(&context.config.name).is_some_and(|plain| serves(&plain))
    {
        return (with_gpus(context, spec), Vec::new());
    }
    let mut names: Vec<String> = registry().configs().iter().map(|c| c.name.clone()).collect();
    names.retain(|name| of(name).is_some_and(|other| serves(&other)));
    // Those that take every class come first: what is usual is what most people want.
    names.sort_by_key(|name| {
        let config = registry().config(name);
        !config.is_some_and(|config| {
            registry().config_layers(config, None).iter().any(|layer| layer.manifest.usual)
        })
    });
    names.truncate(NAMED);
    let fixes = if names.is_empty() {
        Fixes::from(format!(
            "no config is known to serve {} with this model: choose another one",
            reasons::makes(purpose.task)
        ))
    } else {
        Fix::choose("deploymentConfig", names.clone()).into()
    };
    (fixes, names)
}

/// What vLLM's examples have it told for models that answer yes or no.
const YES_OR_NO: &str = r#"{"hf-overrides": {"architectures": ["Qwen3ForSequenceClassification"], "classifier_from_token": ["no", "yes"], "is_original_qwen3_reranker": true}}"#;
/// The option by which an engine is told another class.
const CLASS_OPTION: &str = "hf-overrides";
/// The class of those models.
const ANSWERS: &str = "Qwen3ForCausalLM";

/// Whether the engine of a config has an option that decides the model's task.
fn takes_option(config: &str, option: &str) -> bool {
    registry().config(config).is_some_and(|config| {
        let layers = registry().config_layers(config, None);
        layers.iter().any(|layer| layer.manifest.options.task.contains_key(option))
    })
}

fn generates(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let named = context.catalogs.tasks().of_name(&spec.model.name, None) == Some(Task::Rerank);
    let asked = context.facts.purpose.is_some_and(|purpose| purpose.basis == TaskBasis::Asked);
    // Where the config is what keeps a model from its task, that was told.
    let scores = context.facts.purpose.is_some_and(|purpose| purpose.task != Task::Generate);
    if spec.model.task != Some(Task::Generate) || !named || asked || scores {
        return;
    }
    let rerank = context.deployment.serves(Task::Rerank);
    let known = context.facts.class.as_deref() == Some(ANSWERS);
    let fix = match (rerank && context.option_roles().task.contains_key(CLASS_OPTION), known) {
        (true, true) => Fixes::from(format!("for scores give engineArgs {YES_OR_NO}")),
        (true, false) => {
            "for scores name the class for classification in engineArgs, as hf-overrides".into()
        }
        (false, _) => {
            let purpose = Purpose { task: Task::Rerank, basis: TaskBasis::Asked };
            let (_, mut names) = elsewhere(context, spec, purpose);
            // The same model generates there too, unless the engine can be told otherwise.
            names.retain(|name| takes_option(name, CLASS_OPTION));
            if names.is_empty() {
                "no config is known to serve scores of this model".into()
            } else {
                Fix::choose("deploymentConfig", names).and(Fix::say("for scores")).into()
            }
        }
    };
    let finding = Finding::warning(
        "MCC-TSK-003",
        "the model's class generates text, so requests are for text and not for scores",
        fix,
    );
    findings.push(context.merged.about("modelName", finding));
}

fn recordings(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let json = spec.batch.content_type.starts_with("application/json");
    if spec.model.task == Some(Task::Transcribe) && spec.basis.runs_as == RunsAs::Job && json {
        let finding = Finding::warning(
            "MCC-TSK-004",
            format!("recordings would be sent as {}, line by line", spec.batch.content_type),
            Fix::set("batchContentType", "audio/wav").and(Fix::set("batchSplitType", "None")),
        );
        findings.push(context.merged.about("batchContentType", finding));
    }
}
