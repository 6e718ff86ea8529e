//! Rules about which model it is: whether anything is known of it, and what its name says where nothing is.

use mcc_catalogs::{Access, GatedFrom, Instance, Only};
use mcc_fit::{Holds, holds, original, sizing};

use super::{Rule, account, pipeline};
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes};
use crate::resolve::Context;
use crate::spec::Spec;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-MDL-001",
        severity: Severity::Warning,
        title: "nothing is known of the model",
        why: "without its sizes neither memory nor context nor tensor parallelism can be checked, and none is guessed",
        source: "catalogs/data/models.json",
        check: Some(unknown),
    },
    Rule {
        id: "MCC-MDL-002",
        severity: Severity::Warning,
        title: "the model may need a token of the hub",
        why: "a gated or private model is not given out without one, and the container ends when it starts",
        source: "catalogs/data/models.json: read from the hub, or inferred from who published the model",
        check: Some(gated),
    },
    Rule {
        id: "MCC-MDL-003",
        severity: Severity::Error,
        title: "the id is JumpStart's",
        why: "the container fetches the model from Hugging Face, which knows it by another name",
        source: "catalogs/data/jumpstart.json",
        check: Some(jumpstart),
    },
    Rule {
        id: "MCC-MDL-006",
        severity: Severity::Error,
        title: "the repository holds no model that an engine loads by itself",
        why: "GGUF files need the name of one of them and the tokenizer of the original; an adapter needs the model that \
              it was trained on; the container looks at what is there and ends with one line if so",
        source: "the repository's files, where they were looked up; else the name, by the habits of publishers; vLLM 0.24.0, docs/features/quantization/gguf.md; PEFT, \
                 adapter_config.json",
        check: Some(held),
    },
    Rule {
        id: "MCC-MDL-005",
        severity: Severity::Warning,
        title: "the size in the model's name is more than the accelerators hold",
        why: "nothing else is known of the model, and weights that do not fit end the container after the download",
        source: "the name, by the habits of publishers: billions of parameters, in 16 bits unless it says another format",
        check: Some(size),
    },
];

fn unknown(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if context.engine().is_none() || spec.model.source == "packed" {
        return;
    }
    if !context.deployment.has_context() {
        if context.facts.shape.is_none() {
            findings.push(pipeline::unknown(context));
        }
        return;
    }
    let estimated = !context.layers.iter().any(|l| l.manifest.without("modelConfig").is_some());
    if !estimated {
        // Nothing that the user could give would change that.
        let finding = Finding::new(
            "MCC-MDL-001",
            Severity::Note,
            "memory is not estimated for this kind of model, so whether it fits was not checked",
            "look at do/logs after the first start, and use an instance type with more memory if it fails",
        );
        findings.push(context.merged.about("modelName", finding));
    } else if context.facts.shape.is_none() && !account::has_nothing(context) {
        let finding = no_model(context).filter(|_| jumpstart_id(context).is_none());
        findings.push(finding.unwrap_or_else(|| unknown_model(context)));
    } else if context.facts.plan.as_ref().is_some_and(|p| p.sizing.kv_tokens.is_none())
        && !is_stateless(context)
    {
        let finding = unusable_config(context).unwrap_or_else(|| {
            Finding::warning(
                "MCC-MDL-001",
                "the catalogs do not know how this model keeps its context, so its length was not checked",
                "give the model's config.json as modelConfig",
            )
        });
        findings.push(context.merged.about("modelName", finding));
    }
}

/// What to say of a model whose config.json was read and is of no use: to ask for the same file again helps nobody.
fn unusable_config(context: &Context<'_>) -> Option<Finding> {
    let name = context.inputs.model_name.as_deref()?;
    let row = context.catalogs.models().get(name)?;
    if context.inputs.model_config.is_some() {
        return None;
    }
    let why = crate::reasons::unusable_config(context.catalogs, row)?;
    Some(Finding::warning(
        "MCC-MDL-001",
        format!("{why}: memory, context and tensor parallelism were not checked"),
        "give a corrected config.json as modelConfig, or choose another model",
    ))
}

/// Models without any cache keep nothing to check.
fn is_stateless(context: &Context<'_>) -> bool {
    let cache = context.facts.shape.as_ref().and_then(|s| s.cache);
    cache.is_some_and(|c| c == sizing::Cache::default())
}

fn jumpstart(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    if !findings.iter().any(|f| f.id == "MCC-MDL-003") {
        findings.extend(jumpstart_id(context));
    }
}

fn jumpstart_id(context: &Context<'_>) -> Option<Finding> {
    let name = context.inputs.model_name.as_deref().unwrap_or_default();
    let hub = context.catalogs.of_jumpstart(name)?;
    let fix = Fix::set("modelName", hub.to_owned()).and(Fix::say("the same model"));
    let finding = Finding::error("MCC-MDL-003", "this is an id of JumpStart", fix);
    Some(context.merged.about("modelName", finding.choices([hub.to_owned()])))
}

/// What to say of a model that nothing describes.
pub(super) fn unknown_model(context: &Context<'_>) -> Finding {
    if let Some(finding) = jumpstart_id(context).or_else(|| no_model(context)) {
        return finding;
    }
    let name = context.inputs.model_name.as_deref().unwrap_or_default();
    let nearest: Vec<String> = if name.starts_with("s3://") {
        Vec::new()
    } else {
        context.catalogs.models().nearest(name).into_iter().map(str::to_owned).collect()
    };
    if let Some(reason) = &context.facts.unsaid {
        let finding = Finding::warning(
            "MCC-MDL-001",
            format!("{reason}: memory, context and tensor parallelism were not checked"),
            "look at do/logs after the first start, and use an instance type with more memory if it fails",
        );
        let given = context.merged.get("modelConfig").is_some();
        return context.merged.about(if given { "modelConfig" } else { "modelName" }, finding);
    }
    if let Some(finding) = unusable_config(context) {
        return context.merged.about("modelName", finding);
    }
    let finding = Finding::warning(
        "MCC-MDL-001",
        "nothing is known of this model, so memory, context and tensor parallelism were not checked",
        "give its config.json as modelConfig: the file of that name in the model's repository",
    );
    context.merged.about("modelName", finding.choices(nearest))
}

fn gated(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let known = context.gated(&spec.model.name);
    let row = context.catalogs.models().get(&spec.model.name);
    let access = row.filter(|_| spec.model.source == "hub").and_then(|row| row.access);
    if access == Some(Access::Denied) {
        let also = match context.inputs.hf_token_arn {
            Some(_) => "; whether the user of the token in hfTokenArn has been let in is not known",
            None => "",
        };
        let message = format!(
            "the hub gives this model out only to those who accepted its licence, and the user of the token that looked \
             has not been let in{also}"
        );
        let fix =
            format!("{}, and give the ARN of its secret as hfTokenArn", let_in(&spec.model.name));
        let finding = Finding::warning("MCC-MDL-002", message, fix);
        findings.push(context.merged.about("modelName", finding));
    } else if let Some((Some(true), from)) = known
        && spec.model.source == "hub"
        && context.inputs.hf_token_arn.is_none()
    {
        let message = match from {
            Some(GatedFrom::Hub) => {
                "the hub gives this model out only to those who accepted its licence, so the container needs a token"
            }
            Some(GatedFrom::Private) => {
                "this model is private on the hub (not gated), so the container needs a token whose user may read it"
            }
            _ => {
                "the publisher is known to gate models of this family, so the container probably needs a token; whether \
                 this one is gated was not read"
            }
        };
        let store = "store a token in Secrets Manager and give its ARN as hfTokenArn";
        let stored = Fix::say(match access {
            Some(Access::NoToken) => format!("{}; {store}", let_in(&spec.model.name)),
            _ => store.to_owned(),
        });
        let region = context.inputs.region.as_deref().unwrap_or_default();
        let secrets = context.catalogs.resources().tokens(region);
        let secrets: Vec<String> = secrets.map(|secret| secret.arn.to_string()).collect();
        let fixes = if secrets.is_empty() {
            Fixes::from(stored)
        } else {
            let named = "by its name it could be a token; nobody looked into it";
            Fix::choose("hfTokenArn", secrets).and(Fix::say(named)).or(stored)
        };
        let finding = Finding::warning("MCC-MDL-002", message, fixes);
        findings.push(context.merged.about("modelName", finding));
    }
}

/// How somebody is let in.
fn let_in(model: &str) -> String {
    let model = crate::finding::shorten(model);
    format!("accept the licence on https://huggingface.co/{model} as the user of the token")
}

fn held(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    if context.engine().is_some() && !findings.iter().any(|f| f.id == "MCC-MDL-006") {
        findings.extend(no_model(context));
    }
}

/// What to say of a repository that holds something else than a model by its name; `None` where it does not say so, or
/// where the catalogs know better.
fn no_model(context: &Context<'_>) -> Option<Finding> {
    let name = context.inputs.model_name.as_deref()?;
    let models = context.catalogs.models();
    let stored = context.stored();
    if let Some(only) = mcc_fit::only_there(context.catalogs, name) {
        return Some(context.merged.about("modelName", only_that(context, name, only)));
    }
    let held = holds(name)?;
    if models.get(name).is_some() || models.variant(name).is_some() {
        return None;
    }
    // Whoever read what is there needs no name.
    if stored.is_some_and(|row| row.complete) {
        return None;
    }
    let finding = match held {
        Holds::Gguf => {
            let message = "by its name this holds GGUF files and no config.json: an engine needs the name of one \
                           file, and the tokenizer of the original model";
            let original = original(context.catalogs, name);
            let instead = original.map_or("the original model".to_owned(), str::to_owned);
            let fix = format!("give {instead}, or a copy of it in AWQ, GPTQ or FP8");
            Finding::warning("MCC-MDL-006", message, fix).choices(original.map(str::to_owned))
        }
        Holds::Adapter if context.facts.shape.is_some() => return None,
        Holds::Adapter => {
            let message =
                "by its name this holds an adapter (adapter_config.json) and no model of its own";
            Finding::warning("MCC-MDL-006", message, beside_its_model(context, name))
        }
    };
    Some(context.merged.about("modelName", finding))
}

/// Options by which an engine is told where else to find what a repository lacks.
const TOLD: [&str; 4] = ["load-format", "tokenizer", "hf-config-path", "tokenizer-path"];

/// What to say of a repository that is known to hold no model.
fn only_that(context: &Context<'_>, name: &str, only: Only) -> Finding {
    let engine = context.engine().unwrap_or_else(|| "the engine".to_owned());
    match only {
        Only::Gguf => {
            let message = format!(
                "the repository has files of llama.cpp (GGUF) alone: {engine} finds neither a config.json nor weights in it"
            );
            let known = original(context.catalogs, name);
            let fix = Fixes::from(known.map(|own| Fix::set("modelName", own)))
                .or("give the original model, or a copy of it in AWQ, GPTQ or FP8");
            let options = context.inputs.engine_args.iter().flatten();
            let told = options.map(|(option, _)| option.replace('_', "-"));
            let told = told.into_iter().any(|option| TOLD.contains(&option.as_str()));
            let severity = if told { Severity::Warning } else { Severity::Error };
            Finding::new("MCC-MDL-006", severity, message, fix).choices(known.map(str::to_owned))
        }
        Only::Adapter => {
            let message = format!(
                "the repository has an adapter (adapter_config.json) and no model: {engine} cannot load it by itself"
            );
            Finding::error("MCC-MDL-006", message, beside_its_model(context, name))
        }
    }
}

/// How an adapter is served beside the model that it was trained on.
fn beside_its_model(context: &Context<'_>, adapter: &str) -> String {
    let base = "give the model that it was trained on as modelName";
    let engine = context.engine().unwrap_or_default();
    let known = context.catalogs.engines().options(&engine);
    let refused = context.layers.iter().any(|l| l.manifest.without("enableLora").is_some());
    let option = ["lora-modules", "lora-paths"]
        .into_iter()
        .find(|option| known.as_ref().is_some_and(|known| known.get(option).is_some()));
    match option.filter(|_| !refused) {
        Some(option) => format!(
            "{base}, enableLora true, and the adapter in engineArgs as {option}=NAME={}",
            crate::finding::shorten(adapter)
        ),
        None => format!("{base}, and a deployment config that takes adapters: transformers-vllm"),
    }
}

fn size(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(found) = context.size_in_name() else { return };
    let weights = found.weights_gib();
    let Some(row) = context.row_of(&spec.instance) else { return };
    let Some(there) = mcc_fit::too_small(row, weights) else { return };
    let (image, asked) = (context.base(&spec.instance), context.asked());
    let larger = |other: &&Instance| {
        other.arch == row.arch
            && mcc_fit::has_room(other, weights)
            && context.proposes(&spec.aws, other)
            && !context.lacks(&spec.aws.region, other)
            && mcc_fit::image_runs(context.catalogs, &context.deployment, image, &asked, other)
                .is_ok()
    };
    let best = context.in_order(&spec.aws).find(larger);
    let best = best.map(|row| row.name.to_string());
    let bits = if found.bytes > 1.5 {
        "in 16 bits"
    } else if found.bytes > 0.75 {
        "in 8 bits"
    } else {
        "in 4 bits"
    };
    let message = format!(
        "the model's name says {} billion parameters, about {weights:.0} GiB {bits}, and the accelerators have {there:.0} \
         GiB in all; that is read from the name and nothing else",
        found.billions
    );
    let fix = match &best {
        Some(name) => format!("give the model's config.json as modelConfig, or use {name}"),
        None => "give the model's config.json as modelConfig, or choose a smaller model".to_owned(),
    };
    let finding = Finding::warning("MCC-MDL-005", message, fix).choices(best);
    findings.push(context.merged.about("instanceType", finding));
}
