//! Rules about what an accelerator can calculate with.

use super::{Rule, with_types};
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes, Remedy};
use crate::reasons;
use crate::resolve::Context;
use crate::spec::Spec;
use mcc_fit::sizing::{self, Device, Dtype, Quantization, Support};
use mcc_fit::{HostImage, ImageReason};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-GPU-001",
        severity: Severity::Error,
        title: "the image, its engine or the host's driver does not support this GPU",
        why: "its first kernel fails with `no kernel image is available for execution on the device`, or the driver does not find the GPU",
        source: "the engines' release builds (catalogs/data/engines.json), their kernels by GPU and class and the CUDA toolkits (engine_limits.json), the drivers (accelerators.json)",
        check: Some(compiled),
    },
    Rule {
        id: "MCC-GPU-002",
        severity: Severity::Error,
        title: "the GPU cannot calculate in this number format",
        why: "formats need a compute capability; the engine refuses to start on an older GPU",
        source: "the engine's own checks (catalogs/data/engines.json, accelerators.json)",
        check: Some(formats),
    },
    Rule {
        id: "MCC-GPU-003",
        severity: Severity::Warning,
        title: "the GPU calculates in another number format than the model's",
        why: "it runs, but slower, or with values that may overflow",
        source: "NVIDIA's compute capabilities (catalogs/data/accelerators.json)",
        check: None,
    },
    Rule {
        id: "MCC-GPU-004",
        severity: Severity::Warning,
        title: "nothing is known of the quantization method",
        why: "its size and what it needs of a GPU were not checked; the memory is that of unquantized weights",
        source: "catalogs/data/engines.json",
        check: Some(method),
    },
    Rule {
        id: "MCC-GPU-005",
        severity: Severity::Warning,
        title: "the checkpoint is quantized already",
        why: "the engine takes the checkpoint's own method; another one makes it refuse to start",
        source: "the engine's own checks",
        check: Some(twice),
    },
];

fn compiled(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(row) = context.row_of(&spec.instance).filter(|row| context.deployment.runs_on(row))
    else {
        return;
    };
    let (catalogs, deployment) = (context.catalogs, &context.deployment);
    let (image, asked) = (context.base(&spec.instance), context.asked());
    let image_runs = mcc_fit::image_runs(catalogs, deployment, image, &asked, row);
    let ami = deployment.ami.zip(spec.endpoint.ami.as_deref());
    let ami = ami.and_then(|(api, name)| mcc_fit::named_host(catalogs, api, name));
    let host_runs = || ami.map_or(Ok(()), |ami| mcc_fit::host_runs(&HostImage::Newest(ami), row));
    if let Err(reason) = image_runs.and_then(|()| host_runs()) {
        let host = matches!(reason, ImageReason::Driver { .. } | ImageReason::DriverDropped { .. });
        let given = |key: &&&str| context.merged.is_given(key);
        let hosts = ["inferenceAmiVersion", "transformAmiVersion"];
        let hosts = hosts.iter().filter(given).filter(|_| host).map(|key| Fix::unset(*key));
        let mut fixes: Fixes = hosts.collect();
        fixes.0.extend(runs_here(context, row, image));
        let finding = Finding::error("MCC-GPU-001", reasons::image_reason(&reason), fixes);
        findings.push(context.merged.about("instanceType", with_types(context, spec, finding)));
        return;
    }
    let Some(image) = image else { return };
    for limit in mcc_fit::image_cautions(catalogs, deployment, image, &asked, row) {
        let finding = Finding::warning(
            "MCC-GPU-001",
            format!("{} ({})", reasons::gpu_limit(limit), limit.source),
            "choose an instance type with another GPU if the engine does not start",
        );
        findings.push(context.merged.about("instanceType", finding));
    }
}

/// Versions of the image that run on the instance type, where somebody pinned another; the image that would be chosen
/// in place of one of the user's own.
fn runs_here(
    context: &Context<'_>,
    row: &mcc_catalogs::Instance,
    image: Option<&mcc_catalogs::Image>,
) -> Option<Remedy> {
    if !context.advises {
        return None;
    }
    let own = context.merged.is_given("baseImage");
    let (catalogs, asked) = (context.catalogs, context.asked());
    let against = |image| mcc_fit::against(catalogs, &context.deployment, image, &asked);
    // A release that lacks the model's class, or of which nobody knows whether it has it, is no way out.
    let present = image.map(against).unwrap_or_default();
    let mut versions: Vec<String> = Vec::new();
    for image in context.choice(None).ranked(Some(row)) {
        let runs = mcc_fit::image_runs(catalogs, &context.deployment, Some(image), &asked, row)
            .is_ok()
            && against(image).iter().all(|one| present.contains(one));
        if runs && image.arch.contains(&row.arch) && !versions.contains(&image.version) {
            versions.push(image.version.clone());
        }
    }
    versions.truncate(NAMED);
    match (versions.is_empty(), own) {
        (true, _) => None,
        (false, true) => Some(Fix::unset("baseImage").into()),
        (false, false) => Some(Fix::choose("engineVersion", versions).into()),
    }
}

/// Most versions that a fix names.
const NAMED: usize = 3;

fn formats(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(device) = &context.facts.device else { return };
    let plan = context.facts.plan.as_ref();
    // Of a model of which nothing is known, what was asked for is judged: a format, or a quantization of 16-bit values.
    let given = context.facts.wanted.dtype;
    let asked = given.or(context.inputs.quantization.as_ref().map(|_| Dtype::Float16));
    let Some(dtype) = plan.map(|plan| plan.serving.dtype).or(asked) else { return };
    let key = key_of_format(context);
    match context.precision(device, dtype) {
        Support::Native | Support::Unknown => {}
        Support::Missing(why) => {
            // Without it the engine takes what the GPU calculates in, or the checkpoint's own.
            let format = (key != "instanceType").then(|| Fix::unset(key));
            let finding = Finding::error("MCC-GPU-002", why, format);
            findings.push(context.merged.about(key, with_types(context, spec, finding)));
        }
        Support::Emulated(why) => {
            let finding = Finding::warning("MCC-GPU-003", why, "choose a newer GPU for full speed");
            findings.push(context.merged.about(key, with_types(context, spec, finding)));
        }
    }
    if let Some(dtype) = plan.and_then(|plan| plan.dtype_flag.as_ref()) {
        let finding = Finding::warning(
            "MCC-GPU-003",
            format!(
                "{} has no bfloat16, the model's own format: {dtype} is used, in which large values overflow",
                device.name
            ),
            "choose a GPU with compute capability 8.0 or newer, or check the answers",
        );
        findings.push(context.merged.about("instanceType", with_types(context, spec, finding)));
    }
    eight_bit_cache(context, device, findings);
}

/// The input that says the format; without any, the instance is what can be changed.
fn key_of_format(context: &Context<'_>) -> &'static str {
    let given = |key: &&str| context.merged.is_given(key);
    ["quantization", "dtype"].into_iter().find(given).unwrap_or("instanceType")
}

fn eight_bit_cache(context: &Context<'_>, device: &Device, findings: &mut Vec<Finding>) {
    let too_old = sizing::lacks_eight_bit_cache(device);
    if context.facts.wanted.eight_bit_cache && too_old {
        let finding = Finding::warning(
            "MCC-GPU-003",
            format!("an 8-bit key-value cache is not known to work on {}", device.name),
            "leave the cache's format to the engine, or choose a newer GPU",
        );
        findings.push(context.merged.about("engineArgs", finding));
    }
}

fn method(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let (Some(name), Some(engine)) = (context.inputs.quantization.as_deref(), context.engine())
    else {
        return;
    };
    let known = context.catalogs.engines().quantization_capability(&engine, name).is_some();
    if !known && Quantization::named(name, None).is_none() {
        let finding = Finding::warning(
            "MCC-GPU-004",
            format!(
                "{} is no quantization method that is known here",
                crate::finding::shorten(name)
            ),
            "check the name in the engine's documentation",
        );
        findings.push(context.merged.about("quantization", finding));
    }
}

fn twice(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let own = context.facts.shape.as_ref().and_then(|s| s.quantization.as_ref());
    let (Some(own), Some(given)) = (own, context.inputs.quantization.as_deref()) else {
        return;
    };
    // Names of one method differ by kernel: `awq_marlin` reads what `awq` wrote.
    let stem = |name: &str| name.split(['_', '-']).next().unwrap_or_default().to_owned();
    if stem(&own.method) != stem(given) {
        let finding = Finding::warning(
            "MCC-GPU-005",
            format!(
                "the checkpoint is quantized with {}, not with {}",
                own.method,
                crate::finding::shorten(given)
            ),
            Fix::unset("quantization").and(Fix::say("the engine reads the checkpoint's own")),
        );
        findings.push(context.merged.about("quantization", finding));
    }
}
