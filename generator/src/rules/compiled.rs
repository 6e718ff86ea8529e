//! Rules about engines that were built before they are served: whatever was decided then cannot be changed.

use mcc_catalogs::version;
use mcc_fit::sizing::CompiledEngine;

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::manifest::{Fetched, ModelSort};
use crate::registry::registry;
use crate::resolve::Context;
use crate::spec::Spec;

const FORMAT: &str =
    "NVIDIA/TensorRT-LLM, docs/source/legacy/architecture/workflow.md: config.json of an engine";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-TRT-001",
        severity: Severity::Error,
        title: "the image does not load an engine of this release",
        why: "an engine is loaded by the release of TensorRT-LLM that built it, and by no other server",
        source: FORMAT,
        check: Some(release),
    },
    Rule {
        id: "MCC-TRT-002",
        severity: Severity::Error,
        title: "an input contradicts how the engine was built",
        why: "split, context and sequences are built in: the engine cannot be served otherwise",
        source: FORMAT,
        check: Some(built_in),
    },
    Rule {
        id: "MCC-TRT-003",
        severity: Severity::Note,
        title: "an engine runs on the kind of GPU that it was built on",
        why: "it holds kernels for one architecture, and its config.json does not say which",
        source: "NVIDIA TensorRT, engine portability",
        check: Some(device),
    },
    Rule {
        id: "MCC-TRT-004",
        severity: Severity::Warning,
        title: "whether this release still loads engines is not known",
        why: "TensorRT-LLM removed its TensorRT backend after 1.1; from which release on was not read",
        source: "NVIDIA/TensorRT-LLM@335107a764, docs/source/legacy/tensorrt-backend-removal.md",
        check: None,
    },
];

/// The last release of which it is documented that it loads engines.
const LAST_KNOWN: &str = "1.2";

fn release(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(built) = context.built_engine() else { return };
    let sort = ModelSort::Fetched(Fetched::CompiledEngine);
    if !context.layers.iter().any(|layer| layer.manifest.default_for.contains(&sort)) {
        let own = registry().default_for(sort).map(|config| config.name.clone());
        let fix = own.as_ref().map_or_else(
            || "give the checkpoint that it was built from".to_owned(),
            |name| {
                format!("give deploymentConfig {name}, or the checkpoint that it was built from")
            },
        );
        let message = "modelConfig is that of a compiled TensorRT-LLM engine, which this config does not load";
        let finding = Finding::error("MCC-TRT-001", message, fix).choices(own);
        findings.push(context.merged.about("deploymentConfig", finding));
        return;
    }
    let image = context.base(&spec.instance);
    let there = image.and_then(|image| image.engine_version.as_deref());
    let (Some(own), Some(there)) = (built.version.as_deref(), there) else { return };
    let same = version::starts_with(there, own) || version::starts_with(own, there);
    if !same {
        let finding = Finding::error(
            "MCC-TRT-001",
            format!("the engine was built with TensorRT-LLM {own}, and the image has {there}"),
            match holding(context, own) {
                Some(image) => format!("give engineVersion {image}"),
                None => format!(
                    "build the engine again with TensorRT-LLM {there}, or give a baseImage that has {own}"
                ),
            },
        );
        let key = if context.inputs.base_image.is_some() { "baseImage" } else { "engineVersion" };
        findings.push(context.merged.about(key, finding));
    } else if version::compare(there, LAST_KNOWN).is_ge() {
        let finding = Finding::warning(
            "MCC-TRT-004",
            format!(
                "whether TensorRT-LLM {there} still loads engines that were built before is not known"
            ),
            "serve the checkpoint instead if it does not start: the container makes an engine of it",
        );
        findings.push(finding.on("modelConfig"));
    }
}

/// The version of the newest image that has such a release.
fn holding(context: &Context<'_>, release: &str) -> Option<String> {
    let choice = context.choice(Some(release));
    let has = |own: &str| version::starts_with(own, release);
    let mut found = choice.usual().filter(|i| i.engine_version.as_deref().is_some_and(has));
    found.next().map(|image| image.version.clone())
}

fn built_in(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let Some(built) = context.built_engine() else { return };
    let i = &context.inputs;
    let mut push = |key: &str, message: String, right: String| {
        let finding =
            Finding::error("MCC-TRT-002", message, format!("leave {key} out, or give {right}"));
        findings.push(context.merged.about(key, finding));
    };
    let CompiledEngine { tensor_parallel, max_seq_len, max_batch_size, .. } = built;
    if i.tensor_parallel_size.is_some_and(|degree| degree != tensor_parallel) {
        let message = format!("the engine was built for tensor parallelism over {tensor_parallel}");
        push("tensorParallelSize", message, tensor_parallel.to_string());
    }
    if let (Some(given), Some(most)) = (i.max_model_len, max_seq_len)
        && given > most
    {
        push(
            "maxModelLen",
            format!("the engine was built for {most} tokens"),
            format!("at most {most}"),
        );
    }
    if let (Some(given), Some(most)) = (i.max_num_seqs, max_batch_size)
        && given > most
    {
        let message = format!("the engine was built for {most} sequences at once");
        push("maxNumSeqs", message, format!("at most {most}"));
    }
}

fn device(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if context.built_engine().is_none() || spec.instance.gpus == 0 {
        return;
    }
    let name = spec.instance.accelerator.as_deref().unwrap_or("GPUs of the instance");
    let finding = Finding::new(
        "MCC-TRT-003",
        Severity::Note,
        format!("the engine must have been built on {name}, or on a GPU of the same architecture"),
        "choose the instance type of the machine that built it",
    );
    findings.push(context.merged.about("instanceType", finding));
}
