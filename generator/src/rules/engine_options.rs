//! Rules about the serving engine: its options, and whether its release serves the model.

use mcc_catalogs::Image;
use mcc_fit::{Against, Asked, Deployment, ImageChoice, against, engine_in};

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes};
use crate::reasons;
use crate::registry::registry;
use crate::resolve::Context;
use crate::spec::Spec;

const READ: &str =
    "the engine's own command line, read from its source (catalogs/data/engine_options.json)";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-ENG-001",
        severity: Severity::Error,
        title: "the engine has no such option",
        why: "the engine ends at once over an option that it does not know",
        source: READ,
        check: None,
    },
    Rule {
        id: "MCC-ENG-002",
        severity: Severity::Error,
        title: "the option does not take this value",
        why: "the engine ends at once over a value that it cannot read",
        source: READ,
        check: None,
    },
    Rule {
        id: "MCC-ENG-003",
        severity: Severity::Error,
        title: "the option is not the user's to give",
        why: "one of two values would win silently, or the project would break",
        source: "the layers' manifests",
        check: None,
    },
    Rule {
        id: "MCC-ENG-004",
        severity: Severity::Error,
        title: "the engine's release does not serve this kind of model",
        why: "engines add model classes, and drop them again",
        source: "the engines' model registries by release (catalogs/data/engines.json)",
        check: Some(architecture),
    },
    Rule {
        id: "MCC-ENG-005",
        severity: Severity::Warning,
        title: "whether the engine's release serves this kind of model is not known",
        why: "the class or the release is not among those that were read",
        source: "the engines' model registries by release (catalogs/data/engines.json)",
        check: None,
    },
    Rule {
        id: "MCC-ENG-006",
        severity: Severity::Warning,
        title: "the model brings code of its own",
        why: "the engine runs code from a model's repository only when it is told to, and ends otherwise",
        source: "auto_map in config.json; the engine's own examples (catalogs/data/engines.json)",
        check: Some(custom_code),
    },
    Rule {
        id: "MCC-ENG-007",
        severity: Severity::Warning,
        title: "code of the model's repository may run",
        why: "whoever can change that repository can then run code in the container, with the execution role",
        source: "Hugging Face, trust_remote_code",
        check: Some(unpinned_code),
    },
    Rule {
        id: "MCC-ENG-008",
        severity: Severity::Error,
        title: "the engine's release is known to fail with this model or these options",
        why: "what was read in the engine's source does not start; what users report is only warned of. An image that is chosen for you avoids both",
        source: "catalogs/data/engine_limits.json, where each pair has its source and the engine's message",
        check: None,
    },
    Rule {
        id: "MCC-ENG-009",
        severity: Severity::Warning,
        title: "the model's own recipe asks for a later release of the engine",
        why: "an older release may know the model's class and still lack something that the model needs",
        source: "vLLM's recipes (min_vllm in catalogs/data/models.json)",
        check: None,
    },
];

fn architecture(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let compiled = context.facts.device.as_ref().is_some_and(|device| device.compiled);
    let latent = context.facts.shape.as_ref().and_then(|s| s.cache).is_some_and(|c| c.replicated);
    if compiled && latent {
        let finding = Finding::error(
            "MCC-ENG-004",
            format!(
                "models with latent attention are not served on {}",
                spec.instance.accelerator_kind
            ),
            with_gpus(context, spec),
        );
        findings.push(context.merged.about("modelName", finding));
        return;
    }
    release(context, spec, findings);
}

/// The cheapest instance type with GPUs that holds the model, as a project on GPUs is judged.
pub(super) fn with_gpus(context: &Context<'_>, spec: &Spec) -> Fixes {
    let names = context.on_gpus(&spec.aws);
    if names.is_empty() {
        return "choose an instance type with GPUs".into();
    }
    Fix::choose("instanceType", names).into()
}

/// What speaks against the release of the engine in the image.
fn release(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(image) = context.base(&spec.instance) else {
        return;
    };
    let Some((engine, release)) = engine_in(&context.deployment, image) else {
        return;
    };
    let asked = context.asked();
    let class = asked.class.as_deref().unwrap_or_default();
    for found in against(context.catalogs, &context.deployment, image, &asked) {
        let message = reasons::against(engine, release, class, &found);
        let (finding, key) = match &found {
            Against::Class(_) => {
                let (fix, choices) = elsewhere(context, &asked);
                (Finding::error("MCC-ENG-004", message, fix).choices(choices), "modelName")
            }
            Against::Unknown => {
                let fix = "see the engine's list of supported models";
                (Finding::warning("MCC-ENG-005", message, fix), "modelName")
            }
            Against::Recipe(least) => {
                let fix = format!(
                    "give an engineVersion with {engine} {least} or later, if the model does not load"
                );
                (Finding::warning("MCC-ENG-009", message, fix), "modelName")
            }
            Against::Pair(pair) => {
                let severity =
                    if pair.trust.refuses() { Severity::Error } else { Severity::Warning };
                let said = pair.message.as_ref().map(|said| format!(" ({said})"));
                let message = format!("{message}{}", said.unwrap_or_default());
                let (fix, choices) = elsewhere(context, &asked);
                let finding = Finding::new("MCC-ENG-008", severity, message, fix);
                (finding.choices(choices), "engineVersion")
            }
            // Its own rule says it, whatever image there is.
            Against::Task(_) | Against::TaskFrom(..) => continue,
        };
        let key = if context.merged.is_given(key) { key } else { "modelName" };
        findings.push(context.merged.about(key, finding));
    }
}

/// The most versions and configs that a fix names.
const NAMED: usize = 3;

/// Versions of the config's images against which nothing speaks, and how to say so; else configs that have some.
fn elsewhere(context: &Context<'_>, asked: &Asked) -> (Fixes, Vec<String>) {
    if !context.advises {
        return (Fixes::default(), Vec::new());
    }
    let catalogs = context.catalogs;
    let clean = |of: &Deployment| -> Vec<String> {
        let choice = ImageChoice::new(catalogs, of, None, asked);
        let fine = |image: &&Image| {
            engine_in(of, image).is_some() && against(catalogs, of, image, asked).is_empty()
        };
        let mut found: Vec<String> = choice
            .ranked(None)
            .into_iter()
            .filter(fine)
            .map(|image| image.version.clone())
            .collect();
        found.dedup();
        found.truncate(NAMED);
        found
    };
    let own = clean(&context.deployment);
    if !own.is_empty() && !context.deployment.refuses.contains_key("engineVersion") {
        let versions = Fix::choose("engineVersion", own.clone());
        let fixes = if context.inputs.base_image.is_some() {
            Fix::unset("baseImage").and(versions).into()
        } else {
            versions.into()
        };
        return (fixes, own);
    }
    let configs: Vec<&str> = registry()
        .configs()
        .iter()
        .filter(|config| config.name != context.config.name)
        .filter(|config| {
            let of = crate::deployment::deployment(config, context.target, None);
            of.is_some_and(|of| of.hub && of.has_context() && !clean(&of).is_empty())
        })
        .map(|config| config.name.as_str())
        .take(NAMED)
        .collect();
    let fixes: Fixes = if configs.is_empty() {
        "choose another model: no image in the catalogs is known to serve this one".into()
    } else {
        Fix::choose("deploymentConfig", configs).into()
    };
    (fixes, Vec::new())
}

fn custom_code(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let (Some(engine), Some(shape)) = (context.engine(), &context.facts.shape) else {
        return;
    };
    if context.inputs.trust_remote_code.is_some() {
        return;
    }
    let class = shape.architecture.as_deref().unwrap_or_default();
    let engines = context.catalogs.engines();
    let row = engines.architecture(&engine, class);
    let example = row.is_some_and(|r| r.trust_remote_code);
    // A class that the engine has of its own needs no code for it, though its tokenizer may.
    if example || (shape.custom_code && row.is_none()) {
        let finding = Finding::warning(
            "MCC-ENG-006",
            if shape.custom_code {
                "the model's config.json names code of its own (auto_map)"
            } else {
                "the engine's own example runs code of the model's repository"
            },
            "if it does not load without, give trustRemoteCode true, with modelRevision pinned to a commit",
        );
        findings.push(context.merged.about("modelName", finding));
    }
}

fn unpinned_code(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let commit = |r: &str| r.len() == 40 && r.chars().all(|c| c.is_ascii_hexdigit());
    let pinned = context.inputs.model_revision.as_deref().is_some_and(commit);
    if context.inputs.trust_remote_code == Some(true) && spec.model.source == "hub" && !pinned {
        let finding = Finding::warning(
            "MCC-ENG-007",
            "code of the model's repository runs in the container, in whatever state the repository is then",
            "pin modelRevision to a commit that you have read",
        );
        findings.push(context.merged.about("trustRemoteCode", finding));
    }
}
