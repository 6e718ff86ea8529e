//! Rules about how a model is split over accelerators.

use mcc_catalogs::{Scales, SplitPart};

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::{self, Fix, Fixes, Remedy};
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
            let what = format!("{degree} {} do not work together", device.name);
            let finding = Finding::error("MCC-TP-001", what, degrees_of(&device.groups, degree));
            let allowed = device.groups.iter().map(u32::to_string);
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
    let finding = Finding::error("MCC-TP-001", what, {
        let others = degrees_of(&allowed, degree);
        // Who asks for all devices wants all of them to work.
        let all = context.facts.device.as_ref().is_some_and(|device| device.count == degree);
        match in_copies(context).filter(|_| all) {
            Some(copies) => copies.or(others),
            None => others,
        }
    });
    let allowed = allowed.iter().map(u32::to_string);
    findings.push(context.merged.about("tensorParallelSize", finding.choices(allowed)));
}

/// How all devices are used by copies of the model, each over fewer; `None` where the engine has no option for that,
/// or it would not fit.
fn in_copies(context: &Context<'_>) -> Option<Remedy> {
    let (shape, device) = (context.facts.shape.as_ref()?, context.facts.device.as_ref()?);
    let wanted = &context.facts.wanted;
    if wanted.copies > 1 || wanted.pipeline_parallel > 1 || !wanted.alone {
        return None;
    }
    let roles = context.option_roles().sizing;
    // Of two names of one option the longer one says what it is.
    let options = roles.iter().filter(|(_, role)| **role == SizingRole::Copies);
    let (option, _) = options.max_by_key(|(name, _)| name.len())?;
    let most = device.count;
    let degree = degrees(shape, device, wanted)
        .into_iter()
        .rfind(|degree| most.is_multiple_of(*degree) && most > *degree)?;
    let copies = most / degree;
    let copied = Wanted { tensor_parallel: Some(degree), copies, ..wanted.clone() };
    let fits = sizing::plan(shape, device, &copied).sizing.fits();
    fits.then(|| {
        Fix::set("tensorParallelSize", degree)
            .and(Fix::set(fix::entry("engineArgs", option), copies))
            .and(Fix::say(format!(
                "which runs {copies} copies of the model on all {most} {}, each with its own cache",
                device.name
            )))
    })
}

/// One of `degrees`, that nearest to what was given first; or none, so that one is chosen.
fn degrees_of(degrees: &[u32], given: u32) -> Fixes {
    let mut nearest = degrees.to_vec();
    nearest.sort_by_key(|degree| degree.abs_diff(given));
    let degree = (!nearest.is_empty()).then(|| Fix::choose("tensorParallelSize", nearest));
    Fixes::from(degree).or(Fix::unset("tensorParallelSize"))
}

/// The degrees that are possible on the instance.
fn possible(context: &Context<'_>) -> Vec<u32> {
    let (Some(shape), Some(device)) = (&context.facts.shape, &context.facts.device) else {
        return Vec::new();
    };
    degrees(shape, device, &context.facts.wanted)
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
    let mut fixes = degrees_of(&allowed, cut.over);
    let roles = context.option_roles().sizing;
    let spread = roles.iter().find(|(_, role)| **role == SizingRole::ExpertParallel);
    if let Some((option, _)) = spread.filter(|_| experts) {
        let spread = Fix::set(fix::entry("engineArgs", option), true);
        fixes = fixes.or(spread.and(Fix::say("which spreads the experts")));
    }
    let severity = if cut.limit.trust.refuses() { Severity::Error } else { Severity::Warning };
    let finding = Finding::new("MCC-TP-005", severity, message, fixes);
    let allowed = allowed.iter().map(u32::to_string);
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
    let mut push = |key: &str, message: String, fixes: Fixes| {
        let finding = Finding::error("MCC-TP-002", message, fixes);
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
        if context.built_engine().is_some() {
            let message = format!("{product}; the instance has {there}");
            let found = context.candidates(&spec.aws);
            let names = found.iter().take(NAMED).map(|found| found.instance.name.as_str());
            let names: Vec<&str> = names.collect();
            let fixes = if names.is_empty() {
                format!("use an instance type with {used}: the engine was built for them").into()
            } else {
                Fixes::from(Fix::choose("instanceType", names))
            };
            push("instanceType", message, fixes);
            return;
        }
        let key = if used == degree { "tensorParallelSize" } else { "engineArgs" };
        push(key, format!("{product}; the instance has {there}"), fewer(context, spec, there));
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
                Fix::set(key, spec.instance.accelerators).or(Fix::unset(key)),
            );
        } else if let Some(given) = given.filter(|n| n.saturating_mul(cores) < used) {
            let used = used.div_ceil(cores);
            push(
                key,
                format!("{key} {given}, but the model is split over {used} devices"),
                Fix::set(key, used).or(Fix::unset(key)).or(Fix::unset("tensorParallelSize")),
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
        Fix::set("tensorParallelSize", device.count)
            .and(Fix::say("if the model's attention heads can be divided by it"))
            .or("give an instance type with one accelerator".to_owned()),
    );
    findings.push(context.merged.about("instanceType", finding));
}

/// What brings a split onto the `there` devices of the instance, or onto an instance with more.
fn fewer(context: &Context<'_>, spec: &Spec, there: u32) -> Fixes {
    let mut fixes = Fixes::default();
    let roles = context.option_roles().sizing;
    let splits = |name: &String| {
        let role = roles.get(&name.replace('_', "-"));
        matches!(role, Some(SizingRole::Pipeline | SizingRole::Copies))
    };
    let options = context.inputs.engine_args.iter().flatten().map(|(name, _)| name);
    let options =
        options.filter(|name| splits(name)).map(|name| Fix::unset(fix::entry("engineArgs", name)));
    let options = Remedy(options.collect());
    if options.is_data() {
        fixes = fixes.or(options);
    }
    let degrees: Vec<u32> = possible(context).into_iter().filter(|n| *n <= there).collect();
    if context.merged.is_given("tensorParallelSize") {
        fixes = fixes.or(degrees_of(&degrees, there));
    }
    let found = context.candidates(&spec.aws);
    let names = found.iter().take(NAMED).map(|found| found.instance.name.as_str());
    let names: Vec<&str> = names.collect();
    if !names.is_empty() {
        fixes = fixes.or(Fix::choose("instanceType", names));
    }
    if fixes.0.is_empty() { format!("give at most {there} in all").into() } else { fixes }
}

/// Most instance types that a fix names.
const NAMED: usize = 4;

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
    let paid = spec.instance.kind.as_deref().and_then(|t| context.price(t, &spec.aws));
    let cheaper: Vec<String> = found
        .iter()
        .filter(|c| c.plan.idle_devices == 0)
        .filter(|c| matches!((&c.price, &paid), (Some(price), Some(paid)) if price.region == paid.region && price.usd < paid.usd))
        .map(|c| c.instance.name.to_string())
        .take(1)
        .collect();
    let mut fixes = Fixes::default();
    if all && context.inputs.tensor_parallel_size != Some(device.count) {
        fixes = fixes.or(Fix::set("tensorParallelSize", device.count).and(Fix::say("for speed")));
    }
    if !all {
        fixes = match in_copies(context) {
            Some(copies) => fixes.or(copies),
            None => fixes,
        };
    }
    let cheaper_type = cheaper.first().map(|name| Fix::set("instanceType", name.as_str()));
    fixes = fixes.or(cheaper_type);
    if fixes.0.is_empty() {
        let shared = Fix::set("inferenceComponent", true);
        fixes = shared.and(Fix::say("so that other models can use the rest")).into();
    }
    let finding = Finding::warning(
        "MCC-TP-003",
        format!("the model uses {} of the {} {}", plan.used_devices, device.count, device.name),
        fixes,
    );
    findings.push(context.merged.about("instanceType", finding.choices(cheaper)));
}
