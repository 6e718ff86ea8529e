//! Rules about memory and disk: does the model fit, and does what was asked for fit beside it.

use super::{Rule, pipeline, with_types};
use crate::finding::{Finding, Severity, shorten};
use crate::fix::{Fix, Fixes, Remedy};
use crate::registry::registry;
use crate::resolve::Context;
use crate::spec::Spec;
use mcc_fit::HostShort;
use mcc_fit::sizing::{self, Plan, Verdict};

const BUDGET: &str = "the engine's own budget rule: a share of the device, less weights and the peak of a forward pass; \
                      calibrated against measured deployments (catalogs/data/measured_vram.json)";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-MEM-001",
        severity: Severity::Error,
        title: "the model's weights do not fit the accelerators",
        why: "loading ends with an out-of-memory error, after the download",
        source: BUDGET,
        check: Some(fit),
    },
    Rule {
        id: "MCC-MEM-002",
        severity: Severity::Error,
        title: "the context does not fit beside the weights",
        why: "the engine refuses to start unless one sequence of the longest context fits its cache",
        source: BUDGET,
        check: None,
    },
    Rule {
        id: "MCC-MEM-003",
        severity: Severity::Warning,
        title: "the model fits, if at all, within the error of the estimate",
        why: "releases, kernels and graphs differ in what they take; it may fail when it starts",
        source: BUDGET,
        check: None,
    },
    Rule {
        id: "MCC-MEM-004",
        severity: Severity::Warning,
        title: "the host has little memory for this model",
        why: "weights go through the host's memory: small hosts of a GPU family load slowly or fail",
        source: "reports of failed loads; half the weights and 8 GiB are assumed",
        check: Some(host),
    },
    Rule {
        id: "MCC-MEM-005",
        severity: Severity::Error,
        title: "the disk is too small for the model",
        why: "weights are written to the instance's disk before they are loaded",
        source: "size of the weights, a tenth more, and 20 GB for caches",
        check: Some(disk),
    },
    Rule {
        id: "MCC-MEM-006",
        severity: Severity::Warning,
        title: "an option changes the memory in a way that is not estimated",
        why: "what is said about memory holds without that option",
        source: "this generator's own contract",
        check: None,
    },
    Rule {
        id: "MCC-MEM-007",
        severity: Severity::Error,
        title: "the context is longer than the model's own",
        why: "the engine does not start with a longer context than it derives from the model's configuration, unless a \
              variable in its environment lets it",
        source: "vLLM 0.33.0 (vllm/config/model.py, _get_and_verify_max_len) and SGLang 0.5.23 \
                 (sglang/srt/configs/model_config.py), read 2026-11-29",
        check: Some(context_length),
    },
    Rule {
        id: "MCC-MEM-011",
        severity: Severity::Warning,
        title: "hardly any of the accelerator's memory is left to others",
        why: "the driver and CUDA itself take some hundred MiB before the engine asks for its share; it does not start \
              unless that share is free",
        source: "vLLM 0.33.0, v1/worker/utils.py, request_memory (Free memory on device … on startup is less than \
                 desired GPU memory utilization)",
        check: Some(utilization),
    },
];

/// Instance types to name in a fix.
pub(super) const NAMED: usize = 4;

fn fit(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let (Some(plan), Some(device)) = (&context.facts.plan, &context.facts.device) else {
        return;
    };
    // Too many devices, or a split that cannot be, are the matter of other rules.
    if plan.used_devices > device.count {
        return;
    }
    let finding = match plan.sizing.verdict {
        Verdict::Fits | Verdict::WeightsFit => return,
        Verdict::Tight => Finding::warning("MCC-MEM-003", tight(context, plan), ""),
        Verdict::TooBig if context.is_pipeline() => {
            Finding::error("MCC-MEM-001", pipeline::parts(plan, &device.name), "")
        }
        Verdict::TooBig if plan.sizing.weights_gib >= plan.sizing.budget_gib => {
            Finding::error("MCC-MEM-001", weights(plan, &device.name), "")
        }
        Verdict::TooBig => Finding::error("MCC-MEM-002", cache(context, plan), ""),
    };
    let mut finding = with_fix(context, spec, plan, finding);
    let others = context.unsized_options(spec.model.engine_options.as_ref());
    if finding.is_error() && !others.is_empty() {
        // What is not estimated is never a refusal.
        finding.severity = Severity::Warning;
        "MCC-MEM-006".clone_into(&mut finding.id);
        finding.message = format!(
            "{}; {} may change that, by how much is not known",
            finding.message,
            others.join(", ")
        );
    }
    let many = finding.id == "MCC-MEM-002" && compiled_in(context).is_some();
    let key = if many && context.merged.is_given("maxNumSeqs") {
        "maxNumSeqs"
    } else if context.merged.is_given("maxModelLen") && finding.id == "MCC-MEM-002" {
        "maxModelLen"
    } else {
        "instanceType"
    };
    findings.push(context.merged.about(key, finding));
}

pub(super) fn weights(plan: &Plan, device: &str) -> String {
    let sizing = &plan.sizing;
    let whose = match plan.used_devices {
        0 | 1 => format!("the {device}"),
        n => format!("each of {n} {device}"),
    };
    format!(
        "the weights take {:.1} GiB of {whose}, of which the engine may take {:.1} GiB",
        sizing.weights_gib, sizing.budget_gib
    )
}

fn cache(context: &Context<'_>, plan: &Plan) -> String {
    let sizing = &plan.sizing;
    if let (true, Some(device)) = (context.is_pipeline(), &context.facts.device) {
        return pipeline::parts(plan, &device.name);
    }
    let sequences = compiled_in(context);
    let (what, take, at_once) = match sequences {
        Some(1) | None => ("one sequence".to_owned(), "takes", 1),
        Some(n) => (format!("{n} sequences"), "take", n),
    };
    format!(
        "{what} of {} tokens {take} {} GiB of cache; beside {:.1} GiB of weights and {:.1} GiB of working memory \
         {:.1} GiB are left",
        plan.serving.max_model_len,
        some(sizing.sequence_gib.unwrap_or_default() * f64::from(at_once)),
        sizing.weights_gib,
        sizing.overhead_gib,
        sizing.kv_gib.max(0.0),
    )
}

/// GiB of something that is there, however little.
fn some(gib: f64) -> String {
    if gib > 0.0 && gib < 0.05 { "less than 0.1".to_owned() } else { format!("{gib:.1}") }
}

/// Sequences whose cache is compiled in; none where it is shared out as they come.
fn compiled_in(context: &Context<'_>) -> Option<u32> {
    context.facts.device.as_ref().filter(|device| device.compiled)?;
    Some(context.facts.wanted.max_num_seqs.unwrap_or(sizing::COMPILED_SEQUENCES))
}

fn tight(context: &Context<'_>, plan: &Plan) -> String {
    format!("{}: that is within the error of the estimate", cache(context, plan))
}

/// The settings that would do here, and the instance types that do as it is.
fn with_fix(context: &Context<'_>, spec: &Spec, plan: &Plan, finding: Finding) -> Finding {
    let mut fixes = Fixes::default();
    let longest = plan.sizing.longest_context.unwrap_or(0) / 1024 * 1024;
    if longest >= 1024 && longest < plan.serving.max_model_len {
        fixes = fixes.or(Fix::set("maxModelLen", longest));
    }
    let sequences = compiled_in(context);
    if finding.id != "MCC-MEM-001" {
        fixes = fixes.or(fewer_sequences(plan, sequences));
    }
    if let Some(degree) = other_degree(context) {
        fixes.0.insert(0, Fix::set("tensorParallelSize", degree).into());
    }
    // What somebody gave of the split and of the share may be all that stands in the way here.
    let given = |key: &&&str| context.merged.is_given(key);
    fixes.0.extend(TAKES.iter().filter(given).map(|key| Fix::unset(*key).into()));
    let found = context.candidates(&spec.aws);
    let names: Vec<String> =
        found.iter().take(NAMED).map(|c| c.instance.name.to_string()).collect();
    // Nothing that is quantized is served where models are compiled.
    let smaller = match (sequences, context.cluster_types(&spec.aws)) {
        (Some(_), _) => {
            "choose a smaller model, or an instance type with GPUs: of this kind none that the target takes holds it"
                .to_owned()
        }
        (None, Some((cluster, _))) => format!(
            "choose a smaller or a quantized model: no node of the cluster {} holds it",
            shorten(cluster)
        ),
        (None, None) => {
            "choose a smaller or a quantized model: no instance type that this target takes holds it"
                .to_owned()
        }
    };
    let price = found.first().and_then(|best| best.price.as_ref());
    let remark = price.map(|price| {
        let first = if names.len() > 1 { "the first is " } else { "" };
        Fix::say(format!("{first}the cheapest that fits, about {:.2} USD per hour", price.usd))
    });
    let names =
        if names.is_empty() && sequences.is_some() { context.on_gpus(&spec.aws) } else { names };
    let types = Remedy::from(Fix::choose("instanceType", names.clone()));
    let types = remark.into_iter().fold(types, Remedy::and);
    let targets = registry().targets().iter().filter(|target| *target != context.target);
    let fixes = if names.is_empty() {
        // What no type of this target holds another target or config may.
        fixes.or(smaller).or(Fix::choose("deploymentTarget", targets.cloned()))
    } else {
        fixes.or(types)
    };
    finding.fixed_by(fixes).choices(names)
}

/// Inputs that a plan has room without.
const TAKES: [&str; 6] = [
    "tensorParallelSize",
    "gpuMemoryUtilization",
    "maxNumSeqs",
    "maxModelLen",
    "enableLora",
    "dtype",
];

/// As many sequences as there is room for, where all of them are compiled in.
fn fewer_sequences(plan: &Plan, sequences: Option<u32>) -> Option<Fix> {
    let one = plan.sizing.sequence_gib.filter(|gib| *gib > 0.0)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
    let room = (plan.sizing.kv_gib.max(0.0) / one) as u32;
    (room > 0 && room < sequences?).then(|| Fix::set("maxNumSeqs", room))
}

/// Largest share that leaves the rest enough on every accelerator.
const MOST_UTILIZATION: f64 = 0.95;

fn utilization(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let Some(given) = context.inputs.gpu_memory_utilization.filter(|u| *u > MOST_UTILIZATION)
    else {
        return;
    };
    let left = context.facts.device.as_ref().map(|device| (1.0 - given) * device.memory_gib);
    let left = left.map_or_else(|| "little".to_owned(), |gib| format!("{gib:.1} GiB"));
    let finding = Finding::warning(
        "MCC-MEM-011",
        format!(
            "{left} of each accelerator is left to the driver, CUDA and whatever else runs there"
        ),
        format!("give gpuMemoryUtilization {MOST_UTILIZATION} or less"),
    );
    findings.push(context.merged.about("gpuMemoryUtilization", finding));
}

/// The degree of tensor parallelism at which the model fits the same accelerators, where another one was asked for.
fn other_degree(context: &Context<'_>) -> Option<u32> {
    let given = context.inputs.tensor_parallel_size?;
    let (shape, device) = (context.facts.shape.as_ref()?, context.facts.device.as_ref()?);
    if context.built_engine().is_some() {
        return None;
    }
    let open = sizing::Wanted { tensor_parallel: None, ..context.facts.wanted.clone() };
    let other = sizing::plan(shape, device, &open);
    let fits = matches!(other.sizing.verdict, Verdict::Fits | Verdict::WeightsFit)
        && other.used_devices <= device.count;
    let degree = other.serving.tensor_parallel;
    (fits && degree != given).then_some(degree)
}

/// Options by which a user gives the model another context.
const OTHER_CONTEXT: [&str; 4] =
    ["hf-overrides", "rope-scaling", "rope-parameters", "json-model-override-args"];

fn context_length(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let (Some(shape), Some(engine)) = (&context.facts.shape, context.engine()) else {
        return;
    };
    let Some(tokens) = context.facts.wanted.max_model_len else { return };
    let release = context.facts.release.as_deref();
    let Some(found) = sizing::too_long(shape, &engine, release, tokens) else { return };
    let allowed = context.inputs.model_env.iter().flatten().any(|(name, value)| {
        let value = crate::render::plain(value).to_lowercase();
        name == found.variable && !matches!(value.as_str(), "" | "0" | "false")
    });
    let options = spec.model.engine_options.iter().flatten();
    let changed = options
        .map(|(name, _)| name.split('.').next().unwrap_or_default())
        .any(|name| OTHER_CONTEXT.contains(&name));
    if allowed || changed {
        return;
    }
    let message = crate::reasons::too_long(&engine, tokens, found);
    let more =
        format!("give {}=1 in modelEnv if the model is known to be good for more", found.variable);
    let fix = Fix::set("maxModelLen", found.longest).or(more);
    let mut finding = Finding::error("MCC-MEM-007", message, fix);
    if shape.origin != sizing::Origin::Own {
        // The context of a sibling, or one that nobody read, refuses nothing.
        finding.severity = Severity::Warning;
    }
    findings.push(context.merged.about("maxModelLen", finding));
}

fn host(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(fit) = spec.model.fit.as_ref().filter(|_| context.facts.plan.is_some()) else {
        return;
    };
    #[expect(clippy::cast_precision_loss, reason = "GiB of a host")]
    let needed = fit.memory_gib as f64;
    let row = context.row_of(&spec.instance);
    let short = row.and_then(|row| mcc_fit::host_short(row, None, Some(needed)));
    if let Some(HostShort::Memory { has, .. }) = short {
        let best = context.best(&spec.aws).map(|best| best.instance.name.to_string());
        let finding = Finding::warning(
            "MCC-MEM-004",
            format!(
                "the host has {has:.0} GiB of memory; about {needed:.0} GiB are needed to load the weights"
            ),
            Fixes::from(best.clone().map(|name| Fix::set("instanceType", name)))
                .or("use a larger size of the family"),
        )
        .choices(best);
        findings.push(context.merged.about("instanceType", finding));
    }
}

fn disk(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(fit) = &spec.model.fit else {
        return;
    };
    let row = context.row_of(&spec.instance);
    let short = row.and_then(|row| mcc_fit::local_disk_short(row, fit.disk_gb.into()));
    if let Some(nvme) = short {
        let finding = Finding::error(
            "MCC-MEM-005",
            format!("the local disk has {nvme} GB; weights and caches take {} GB", fit.disk_gb),
            "use a larger size of the family",
        );
        let finding = with_types(context, spec, finding);
        findings.push(context.merged.about("instanceType", finding));
    }
    if let Some(volume) = context.inputs.endpoint_volume_size.filter(|gb| *gb < fit.disk_gb) {
        let finding = Finding::error(
            "MCC-MEM-005",
            format!("a volume of {volume} GB; weights and caches take {} GB", fit.disk_gb),
            Fix::set("endpointVolumeSize", fit.disk_gb).or(Fix::unset("endpointVolumeSize")),
        );
        findings.push(context.merged.about("endpointVolumeSize", finding));
    }
}
