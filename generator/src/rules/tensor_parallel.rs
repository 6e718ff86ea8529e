//! Rules about how a model is split over accelerators.

use mcc_catalogs::{Scales, SplitPart};

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::manifest::SizingRole;
use crate::resolve::Context;
use crate::spec::Spec;
use mcc_fit::sizing::{self, Cut, Degree, Wanted, degrees};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-TP-001",
        severity: Severity::Error,
        title: "the degree of tensor parallelism does not divide the model's heads",
        why: "every device gets the same number of attention heads; key-value heads are divided or copied whole",
        source: "the engines' own checks: heads % tp == 0, and kv_heads % tp == 0 or tp % kv_heads == 0",
        check: Some(divides),
    },
    Rule {
        id: "MCC-TP-002",
        severity: Severity::Error,
        title: "the model is split over more accelerators than there are",
        why: "the engine waits for devices that do not exist, and ends",
        source: "catalogs/data/instances.json",
        check: Some(enough),
    },
    Rule {
        id: "MCC-TP-003",
        severity: Severity::Warning,
        title: "accelerators of the instance stay idle",
        why: "they are paid for: an endpoint runs one container on an instance",
        source: "catalogs/data/instances.json",
        check: Some(idle),
    },
    Rule {
        id: "MCC-TP-004",
        severity: Severity::Warning,
        title: "whether the model can be split is not known",
        why: "the number of attention heads decides it",
        source: "catalogs/data/models.json",
        check: None,
    },
    Rule {
        id: "MCC-TP-005",
        severity: Severity::Error,
        title: "the split would cut weights that share a scale",
        why: "blocks and groups of quantized weights stay whole on a device; engines refuse to start otherwise, and some releases divide the scales instead",
        source: "the engines' own checks by release (splits in catalogs/data/engine_limits.json)",
        check: None,
    },
];

fn divides(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let (Some(shape), Some(degree)) = (&context.facts.shape, context.inputs.tensor_parallel_size)
    else {
        return;
    };
    if let Some(device) = context.facts.device.as_ref().filter(|device| device.compiled) {
        // The compiler pads heads that do not divide.
        if !device.works(degree) {
            let allowed: Vec<String> = device.groups.iter().map(u32::to_string).collect();
            let what = format!("{degree} {} do not work together", device.name);
            let finding =
                Finding::error("MCC-TP-001", what, format!("give {}", allowed.join(" or ")));
            findings.push(context.merged.about("tensorParallelSize", finding.choices(allowed)));
        }
        return;
    }
    let what = match context.facts.wanted.check(shape, degree) {
        Degree::Possible => return,
        Degree::Unknown => {
            let finding = Finding::warning(
                "MCC-TP-004",
                format!("the model's attention heads are not known; {degree} must divide them"),
                "give the model's config.json as modelConfig",
            );
            findings.push(context.merged.about("tensorParallelSize", finding));
            return;
        }
        Degree::Heads { heads } => {
            format!("{degree} does not divide the model's {heads} attention heads")
        }
        Degree::Cut(cut) => {
            findings.push(cuts(context, &cut));
            return;
        }
        Degree::KvHeads { kv_heads } => {
            format!(
                "{degree} neither divides the model's {kv_heads} key-value heads nor is a multiple of them"
            )
        }
    };
    let allowed = possible(context);
    let mut fix = format!("give {}", allowed.join(" or "));
    if let Some(copies) = in_copies(context, degree) {
        fix = format!("{copies}; or {fix}");
    }
    let finding = Finding::error("MCC-TP-001", what, fix);
    findings.push(context.merged.about("tensorParallelSize", finding.choices(allowed)));
}

/// How as many devices are used by copies of the model, each over fewer; `None` where the engine has no option for that,
/// or it would not fit.
fn in_copies(context: &Context<'_>, devices: u32) -> Option<String> {
    let (shape, device) = (context.facts.shape.as_ref()?, context.facts.device.as_ref()?);
    let wanted = &context.facts.wanted;
    if wanted.copies > 1 || wanted.pipeline_parallel > 1 || !wanted.alone {
        return None;
    }
    let roles = context.option_roles().sizing;
    // Of two names of one option the longer one says what it is.
    let options = roles.iter().filter(|(_, role)| **role == SizingRole::Copies);
    let (option, _) = options.max_by_key(|(name, _)| name.len())?;
    let most = devices.min(device.count);
    let degree = degrees(shape, device, wanted)
        .into_iter()
        .rfind(|degree| most.is_multiple_of(*degree) && most > *degree)?;
    let copies = most / degree;
    let copied = Wanted { tensor_parallel: Some(degree), copies, ..wanted.clone() };
    let fits = sizing::plan(shape, device, &copied).sizing.fits();
    fits.then(|| {
        format!(
            "give tensorParallelSize {degree} and {option} {copies} in engineArgs, which runs {copies} copies of the model \
             on all {most} {}, each with its own cache",
            device.name
        )
    })
}

/// The degrees that are possible on the instance.
fn possible(context: &Context<'_>) -> Vec<String> {
    let (Some(shape), Some(device)) = (&context.facts.shape, &context.facts.device) else {
        return Vec::new();
    };
    degrees(shape, device, &context.facts.wanted).iter().map(u32::to_string).collect()
}

/// A split that would cut weights which share a scale.
fn cuts(context: &Context<'_>, cut: &Cut) -> Finding {
    let experts = cut.limit.part == SplitPart::Experts;
    let (layers, unit) = (
        if experts { "the experts" } else { "the layers" },
        match cut.limit.scales {
            Scales::Block => "blocks",
            Scales::Group | Scales::Nvfp4 => "groups",
        },
    );
    let said = cut.limit.message.as_ref().map(|said| format!(" ({said})")).unwrap_or_default();
    let message = format!(
        "{layers} have a width of {}, which divided by {} leaves no whole {unit} of {}; {} refuses that{said}",
        cut.width, cut.over, cut.whole, cut.limit.engine,
    );
    let allowed = possible(context);
    let mut fixes: Vec<String> = Vec::new();
    if !allowed.is_empty() {
        fixes.push(format!("give {}", allowed.join(" or ")));
    }
    let roles = context.option_roles().sizing;
    let spread = roles.iter().find(|(_, role)| **role == SizingRole::ExpertParallel);
    if let Some((option, _)) = spread.filter(|_| experts) {
        fixes.push(format!("spread the experts with the engine's option {option}"));
    }
    let severity = if cut.limit.trust.refuses() { Severity::Error } else { Severity::Warning };
    let finding = Finding::new("MCC-TP-005", severity, message, fixes.join(", or "));
    context.merged.about("tensorParallelSize", finding.choices(allowed))
}

fn enough(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let (Some(degree), true) = (spec.model.tensor_parallel, spec.instance.known) else {
        return;
    };
    let wanted = &context.facts.wanted;
    let used =
        degree.saturating_mul(wanted.pipeline_parallel.max(1)).saturating_mul(wanted.copies.max(1));
    let cores = spec.instance.accelerator_cores.max(1);
    let there = spec.instance.accelerators * cores;
    let devices = if cores == 1 { "devices" } else { "cores" };
    let mut push = |key: &str, message: String, fix: String| {
        let finding = Finding::error("MCC-TP-002", message, fix);
        findings.push(context.merged.about(key, finding));
    };
    if used > there && there > 0 {
        let product = if used == degree {
            format!("tensor parallelism over {degree} {devices}")
        } else {
            format!(
                "{used} {devices} (tensor parallel {degree}, pipeline parallel {}, copies {})",
                wanted.pipeline_parallel, wanted.copies
            )
        };
        let (key, fix) = if context.built_engine().is_some() {
            (
                "instanceType",
                format!("use an instance type with {used}: the engine was built for them"),
            )
        } else {
            let key = if used == degree { "tensorParallelSize" } else { "engineArgs" };
            (key, format!("give at most {there} in all, or a larger instanceType"))
        };
        push(key, format!("{product}; the instance has {there}"), fix);
        return;
    }
    let parts = [
        ("icGpuCount", context.inputs.ic_gpu_count.filter(|_| spec.endpoint.inference_component)),
        ("hpGpuCount", context.inputs.hp_gpu_count),
    ];
    for (key, given) in parts {
        if let Some(given) = given.filter(|n| *n > spec.instance.accelerators && there > 0) {
            push(
                key,
                format!("{key} {given}; the instance has {}", spec.instance.accelerators),
                format!("give at most {}", spec.instance.accelerators),
            );
        } else if let Some(given) = given.filter(|n| n.saturating_mul(cores) < used) {
            let used = used.div_ceil(cores);
            push(
                key,
                format!("{key} {given}, but the model is split over {used} devices"),
                format!("give {key} {used}, or a smaller tensorParallelSize"),
            );
        }
    }
}

/// Without a shape nobody can say how a model is divided: the engine takes one device then.
fn one_of_many(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(device) = context.facts.device.as_ref().filter(|device| device.count > 1) else {
        return;
    };
    let wanted = &context.facts.wanted;
    let divided = wanted.pipeline_parallel > 1 || wanted.copies > 1;
    let shared = context.inputs.hp_gpu_count.is_some() || spec.endpoint.inference_component;
    if context.facts.shape.is_some() || spec.model.tensor_parallel.is_some() || divided || shared {
        return;
    }
    let finding = Finding::warning(
        "MCC-TP-003",
        format!(
            "how the model can be divided is not known, so the engine uses 1 of the {} {}",
            device.count, device.name
        ),
        format!(
            "give tensorParallelSize {} if the model's attention heads can be divided by it, or an instance type with \
             one accelerator",
            device.count
        ),
    );
    findings.push(context.merged.about("instanceType", finding));
}

fn idle(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    one_of_many(context, spec, findings);
    let (Some(plan), Some(device)) = (&context.facts.plan, &context.facts.device) else {
        return;
    };
    let shape = context.facts.shape.as_ref();
    let degree = plan.serving.tensor_parallel;
    let wanted = &context.facts.wanted;
    let possible = shape.is_some_and(|s| wanted.check(s, degree).allowed());
    if !context.facts.wanted.alone
        || !possible
        || plan.idle_devices == 0
        || plan.used_devices > device.count
    {
        return;
    }
    let all = shape.is_some_and(|s| wanted.check(s, device.count) == Degree::Possible)
        && context.built_engine().is_none();
    let found = context.candidates(&spec.aws);
    let prices = context.catalogs.prices();
    let paid = spec.instance.kind.as_deref().and_then(|t| prices.usd_per_hour(t));
    let cheaper: Vec<String> = found
        .iter()
        .filter(|c| c.plan.idle_devices == 0)
        .filter(|c| matches!((&c.price, &paid), (Some(price), Some(paid)) if price.usd < paid.usd))
        .map(|c| c.instance.name.to_string())
        .take(1)
        .collect();
    let mut fixes = Vec::new();
    if all && context.inputs.tensor_parallel_size != Some(device.count) {
        fixes.push(format!("give tensorParallelSize {} for speed", device.count));
    }
    if !all {
        fixes.extend(in_copies(context, device.count));
    }
    fixes.extend(cheaper.first().map(|name| format!("use {name}")));
    if fixes.is_empty() {
        fixes
            .push("give inferenceComponent true, so that other models can use the rest".to_owned());
    }
    let finding = Finding::warning(
        "MCC-TP-003",
        format!("the model uses {} of the {} {}", plan.used_devices, device.count, device.name),
        fixes.join(", or "),
    );
    findings.push(context.merged.about("instanceType", finding.choices(cheaper)));
}
