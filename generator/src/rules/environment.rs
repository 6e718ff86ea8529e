//! Rules about the container's environment: names that nothing there reads, or that would decide what inputs decide.

use std::collections::BTreeMap;

use super::Rule;
use crate::finding::{Finding, Severity, shorten};
use crate::render::plain;
use crate::resolve::Context;
use crate::spec::{RunsAs, Spec};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-ENV-001",
        severity: Severity::Warning,
        title: "a variable in modelEnv has no effect in this container",
        why: "other containers read it; here it would be written, kept and ignored. A name of which nothing is known is \
              left alone: it may be read by the engine or by code of one's own",
        source: "aws/deep-learning-containers@e0ecedea6a (scripts/docker/vllm/sagemaker_args.py), whose entry point is \
                 replaced; DJL Serving's and TGI's documentation; the layers' manifests",
        check: Some(unread),
    },
    Rule {
        id: "MCC-ENV-002",
        severity: Severity::Warning,
        title: "a variable in modelEnv asks for what an input decides",
        why: "memory, limits and the split are checked by the input, and the project's serving.properties wins over \
              variables where it has the same property",
        source: "deepjavalibrary/djl-serving@d21927c4, serving/docs/lmi/deployment_guide/configurations.md",
        check: Some(instead_of_an_input),
    },
    Rule {
        id: "MCC-ENV-003",
        severity: Severity::Warning,
        title: "the server may take longer than the target waits",
        why: "a real-time endpoint ends a request after 60 seconds, and a stream after 8 minutes, whatever the server is told",
        source: "SageMaker InvokeEndpoint; the layers' manifests",
        check: Some(longer_than_the_target),
    },
];

/// The variables of `modelEnv`.
fn given<'a>(context: &'a Context<'_>) -> impl Iterator<Item = (&'a String, String)> {
    context.inputs.model_env.iter().flatten().map(|(name, value)| (name, plain(value)))
}

/// What the layers say of names: a reason why they have no effect, or nothing where they are read. The last one wins.
fn known<'a>(context: &Context<'a>) -> BTreeMap<&'a str, &'a str> {
    if context.inputs.model_env.is_none() {
        return BTreeMap::new();
    }
    let said = context.layers.iter().flat_map(|layer| &layer.manifest.variables);
    said.map(|(name, reason)| (name.as_str(), reason.as_str())).collect()
}

/// What is said of `name`, by itself or by the longest beginning of it.
fn said<'a>(known: &BTreeMap<&'a str, &'a str>, name: &str) -> Option<(&'a str, &'a str)> {
    if let Some((own, reason)) = known.get_key_value(name) {
        return Some((own, reason));
    }
    let begins = |own: &str| own.strip_suffix('*').is_some_and(|stem| name.starts_with(stem));
    let found = known.iter().filter(|(own, _)| begins(own));
    found.max_by_key(|(own, _)| own.len()).map(|(own, reason)| (*own, *reason))
}

fn unread(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let known = known(context);
    for (name, _) in given(context) {
        let Some((_, reason)) = said(&known, name).filter(|(_, reason)| !reason.is_empty()) else {
            continue;
        };
        let (message, fix) = reason.split_once("; give ").map_or_else(
            || (reason, format!("leave {} out of modelEnv", shorten(name))),
            |(message, instead)| (message, format!("give {instead}")),
        );
        let message = format!("{} has no effect: {message}", shorten(name));
        findings.push(about(context, Finding::warning("MCC-ENV-001", message, fix)));
    }
}

fn instead_of_an_input(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let known = known(context);
    let roles = context.option_roles().inputs;
    for (name, _) in given(context) {
        let Some((stem, _)) = said(&known, name).filter(|(_, reason)| reason.is_empty()) else {
            continue;
        };
        let option = name.strip_prefix(stem.trim_end_matches('*')).unwrap_or_default();
        let option = option.to_lowercase().replace('_', "-");
        let Some(input) = roles.get(&option) else { continue };
        let message = format!(
            "{} is what {input} decides, by which memory and limits are checked",
            shorten(name)
        );
        let fix = format!("give {input} instead");
        findings.push(about(context, Finding::warning("MCC-ENV-002", message, fix)));
    }
}

fn longer_than_the_target(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(most) = context.manifest(|m| m.timeout_s) else { return };
    let names = context.layers.iter().flat_map(|layer| &layer.manifest.timeouts);
    let names: Vec<&String> = names.collect();
    let longer = |text: &str| text.trim().parse::<f64>().is_ok_and(|s| s > f64::from(most));
    // Jobs and asynchronous endpoints have inputs for it, and pods no limit but their clients'.
    if spec.basis.runs_as != RunsAs::Endpoint || context.takes("async") {
        return;
    }
    let variables = given(context).filter(|(name, _)| names.contains(name));
    let variables = variables.map(|(name, value)| ("modelEnv", name.clone(), value));
    let options = spec.model.engine_options.iter().flatten();
    let options = options.map(|(name, value)| ("engineArgs", name.clone(), plain(value)));
    let options = options.filter(|(_, name, _)| names.contains(&name));
    for (key, name, value) in variables.chain(options) {
        if longer(&value) {
            let name = shorten(&name);
            let message = format!(
                "{name} is {} seconds, and {} waits {most} for an answer",
                shorten(&value),
                context.target
            );
            let fix = "use async-inference, where asyncInvocationTimeout may be up to 3600";
            let finding = Finding::warning("MCC-ENV-003", message, fix);
            let mut finding = context.merged.about(key, finding);
            finding.value = None;
            findings.push(finding);
        }
    }
}

/// Values of variables may be long and are not quoted: the message names the variable.
fn about(context: &Context<'_>, finding: Finding) -> Finding {
    let mut finding = context.merged.about("modelEnv", finding);
    finding.value = None;
    finding
}
