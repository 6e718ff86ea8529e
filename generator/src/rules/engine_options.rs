//! Rules about the serving engine: its options, and whether its release serves the model.

use mcc_catalogs::Support;

use super::Rule;
use crate::finding::{Finding, Severity};
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
];

fn architecture(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let compiled = context.facts.device.as_ref().is_some_and(|device| device.compiled);
    let latent = context.facts.shape.as_ref().and_then(|s| s.cache).is_some_and(|c| c.replicated);
    if compiled && (latent || spec.model.sample_text.is_some()) {
        let what = if latent { "models with latent attention" } else { "embedding models" };
        let finding = Finding::error(
            "MCC-ENG-004",
            format!("{what} are not served on {}", spec.instance.accelerator_kind),
            "choose an instance type with GPUs",
        );
        findings.push(context.merged.about("modelName", finding));
        return;
    }
    let (Some(engine), Some(shape)) = (context.engine(), &context.facts.shape) else {
        return;
    };
    let (Some(class), Some(release)) = (&shape.architecture, &context.facts.release) else {
        return;
    };
    let engines = context.catalogs.engines();
    if engines.get(&engine).is_none() {
        return;
    }
    let images = context.deployment.images.clone().unwrap_or_default();
    let serving: Vec<String> = context
        .catalogs
        .images()
        .of_family(&images)
        .filter(|image| engines.supports(&engine, &image.version, class) == Support::Supported)
        .map(|image| image.version.clone())
        .collect();
    let mut choices = serving;
    choices.dedup();
    choices.truncate(3);
    let fix = choices.first().map_or_else(
        || "choose another deploymentConfig".to_owned(),
        |best| format!("give engineVersion {best}"),
    );
    let finding = match engines.supports(&engine, release, class) {
        Support::Supported => return,
        Support::TooOld { first } => Finding::error(
            "MCC-ENG-004",
            format!("{class} is served from {engine} {first} on; the image has {release}"),
            fix,
        ),
        Support::Dropped { last } => Finding::error(
            "MCC-ENG-004",
            format!("{class} was served up to {engine} {last}; the image has {release}"),
            fix,
        ),
        Support::Absent => Finding::error(
            "MCC-ENG-004",
            format!("{class} is none of the classes that {engine} {release} serves"),
            fix,
        ),
        Support::Unknown => Finding::warning(
            "MCC-ENG-005",
            format!("whether {engine} {release} serves {class} is not known"),
            "see the engine's list of supported models",
        ),
    };
    findings.push(context.merged.about("modelName", finding.choices(choices)));
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
