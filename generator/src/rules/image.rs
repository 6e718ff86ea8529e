//! Rules about the image, the GPU driver of the host, and the GPU.

use mcc_catalogs::{AcceleratorKind, DriverFit};
use mcc_fit::{AmiKind, HostDriver, HostFault, HostImage, OwnImage};

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes, Remedy};
use crate::release::version_key;
use crate::resolve::Context;
use crate::spec::Spec;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-IMG-001",
        severity: Severity::Error,
        title: "there is no such image",
        why: "FROM must name an image that the Region's registry holds",
        source: "catalogs/data/images.json and registries.json",
        check: None,
    },
    Rule {
        id: "MCC-IMG-002",
        severity: Severity::Note,
        title: "the image's tag is composed, not listed",
        why: "the tag follows its family's pattern, but no list of published tags that was read has it",
        source: "catalogs/data/images.json",
        check: Some(composed),
    },
    Rule {
        id: "MCC-IMG-003",
        severity: Severity::Warning,
        title: "not everything is known of the image that was given",
        why: "an address that the catalog lists, or whose public name says it, tells CUDA and engine; of any other they cannot be checked",
        source: "catalogs/data/images.json, images and names",
        check: Some(own_image),
    },
    Rule {
        id: "MCC-IMG-004",
        severity: Severity::Error,
        title: "the image is older than what the project asks of it",
        why: "the entry point uses a feature of the server that older releases lack",
        source: "the layers' manifests; for Triton: generate in its SageMaker mode, triton-inference-server/server pull request 8047",
        check: Some(too_old),
    },
    Rule {
        id: "MCC-FW-008",
        severity: Severity::Error,
        title: "the image's release does not read files of this version",
        why: "the server's own reader is older than the form of the file, and the model fails when it is loaded",
        source: "Treelite pull request 638; Triton's FIL backend, whose releases from 26.01 on hold Treelite 4.6.1",
        check: Some(reads),
    },
    Rule {
        id: "MCC-DRV-001",
        severity: Severity::Error,
        title: "the host's GPU driver is too old for the image's CUDA",
        why: "a container whose CUDA needs a newer driver fails on its first call to the GPU",
        source: "NVIDIA CUDA minor-version compatibility; SageMaker InferenceAmiVersion",
        check: Some(driver),
    },
    Rule {
        id: "MCC-DRV-002",
        severity: Severity::Warning,
        title: "batch transform has old GPU drivers only",
        why: "TransformAmiVersion goes up to driver 535, and a job without it gets 470; images with a newer CUDA lean on forward-compatibility libraries, which only data-centre GPUs have",
        source: "SageMaker TransformAmiVersion (botocore 1.44.5)",
        check: Some(batch_driver),
    },
    Rule {
        id: "MCC-DRV-003",
        severity: Severity::Note,
        title: "the driver starts the image's CUDA by minor-version compatibility",
        why: "the driver is older than the one that came with the CUDA; what is compiled at run time may fail",
        source: "NVIDIA CUDA minor-version compatibility (catalogs/data/amis.json)",
        check: Some(minor_version),
    },
    Rule {
        id: "MCC-IMG-005",
        severity: Severity::Error,
        title: "the Triton image lacks the project's backend",
        why: "each flavour of Triton has some of the backends; a model whose backend is missing is not loaded",
        source: "catalogs/data/images.json, backends of families and names",
        check: Some(flavour),
    },
    Rule {
        id: "MCC-IMG-006",
        severity: Severity::Warning,
        title: "the image that was given is for something else",
        why: "the project starts its own engine, which an image of another one may not have, and a GPU is paid for that an image without CUDA does not use",
        source: "catalogs/data/images.json, images and names",
        check: Some(other_engine),
    },
    Rule {
        id: "MCC-AMI-001",
        severity: Severity::Error,
        title: "there is no such host image, or it is for another accelerator",
        why: "the API refuses values that its enumeration does not have",
        source: "botocore 1.44.5, ProductionVariantInferenceAmiVersion and TransformAmiVersion",
        check: Some(ami),
    },
];

fn reads(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let (Some(least), Some(has)) = (&context.facts.least_image, &spec.image.engine_version) else {
        return;
    };
    if version_key(has) >= version_key(least) {
        return;
    }
    let key = if context.inputs.base_image.is_some() { "baseImage" } else { "engineVersion" };
    let written = spec.model.framework_version.as_deref().unwrap_or_default();
    let finding = Finding::error(
        "MCC-FW-008",
        format!(
            "the image has release {has}, and files of version {written} are read from {least} on"
        ),
        another_release(context, spec, |has| version_key(has) >= version_key(least)),
    );
    findings.push(context.merged.about(key, finding));
}

fn composed(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if !spec.image.listed {
        let finding = Finding::new(
            "MCC-IMG-002",
            Severity::Note,
            format!(
                "the tag of {} is composed by its family's pattern and not seen in a list",
                spec.image.base
            ),
            "pull it once to see, or choose a listed engineVersion",
        );
        findings.push(context.merged.about("engineVersion", finding));
    }
}

fn too_old(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let oldest = context.manifest(|m| m.oldest_image.clone());
    let (Some(oldest), Some(version)) = (oldest, &spec.image.engine_version) else {
        return;
    };
    if version_key(version) < version_key(&oldest) {
        let finding = Finding::error(
            "MCC-IMG-004",
            format!("release {version} of the image lacks what {} needs", spec.project.config),
            another_release(context, spec, |has| version_key(has) >= version_key(&oldest)),
        );
        findings.push(context.merged.about("engineVersion", finding));
    }
}

/// Most versions that a fix names.
const NAMED: usize = 4;

/// Another release of the image, of those that `suits` takes: the one that is chosen where nobody says one, or another one.
fn another_release(context: &Context<'_>, spec: &Spec, suits: impl Fn(&str) -> bool) -> Fixes {
    if !context.advises {
        return Fixes::default();
    }
    let own = context.merged.is_given("baseImage");
    let mut versions: Vec<String> = Vec::new();
    for image in context.choice(None).ranked(context.row_of(&spec.instance)) {
        if suits(&image.version) && !versions.contains(&image.version) {
            versions.push(image.version.clone());
        }
    }
    versions.truncate(NAMED);
    let chosen = if own { Fix::unset("baseImage") } else { Fix::unset("engineVersion") };
    let fixes = Fixes::from(chosen);
    match (versions.is_empty(), own) {
        (true, _) => fixes,
        (false, false) => Fixes::from(Fix::choose("engineVersion", versions)).or(fixes),
        (false, true) => {
            fixes.or(Fix::unset("baseImage").and(Fix::choose("engineVersion", versions)))
        }
    }
}

/// What `mcc_fit` has to say of an image of the user's own.
fn of_own_image(context: &Context<'_>, spec: &Spec) -> Vec<OwnImage> {
    if context.inputs.base_image.is_none() {
        return Vec::new();
    }
    let given = context.facts.given.as_ref().map(|given| &given.image);
    mcc_fit::own_image(&context.deployment, given, context.row_of(&spec.instance))
}

/// What is not known of an image of the user's own.
fn own_image(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let words = |found| match found {
        OwnImage::NoCuda => Some("its CUDA, so that no host image is chosen for it"),
        OwnImage::NoRelease => Some(
            "the release of its engine, so that neither model nor options were checked against it",
        ),
        OwnImage::Engine { .. } | OwnImage::Idle => None,
    };
    let unknown: Vec<&str> = of_own_image(context, spec).into_iter().filter_map(words).collect();
    if unknown.is_empty() {
        return;
    }
    let fix = match context.deployment.ami {
        Some(AmiKind::Transform) => {
            "give transformAmiVersion if the image needs more than driver 470, on which jobs start otherwise"
        }
        Some(AmiKind::Inference) => {
            "give inferenceAmiVersion if the image needs a newer driver than the instance's default"
        }
        None => "make sure that the nodes' driver suits the image",
    };
    let message = format!("of this image is not known: {}", unknown.join("; "));
    let finding = Finding::warning("MCC-IMG-003", message, fix);
    findings.push(context.merged.about("baseImage", finding));
}

/// Whether a Triton image of the user's own has the backend.
fn flavour(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    let images = context.catalogs.images();
    let family = context.deployment.images.as_deref().and_then(|family| images.family(family));
    let (Some(given), Some(_)) =
        (&context.facts.given, family.filter(|family| !family.backends.is_empty()))
    else {
        return;
    };
    // Which backends an image has, its registry does not say.
    if !given.named {
        return;
    }
    let backend = &context.deployment.backend;
    let has = given.backends.as_deref().unwrap_or_default();
    if has.contains(backend) {
        return;
    }
    let what = match (has, &given.backends) {
        (_, None) => "no Triton server".to_owned(),
        ([], _) => "no backends".to_owned(),
        (has, _) => format!("the backends {} only", has.join(", ")),
    };
    let finding = Finding::error(
        "MCC-IMG-005",
        format!("the project needs Triton's backend {backend}, and this image has {what}"),
        Fix::unset("baseImage").or("take a flavour of Triton that has the backend"),
    );
    findings.push(context.merged.about("baseImage", finding));
}

/// An image of the user's own with another engine, or without CUDA.
fn other_engine(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let words = |found| match found {
        OwnImage::Engine { has, needs } => {
            Some(format!("the project starts {needs}, and this image is one of {has}"))
        }
        OwnImage::Idle => Some(
            "this image is made for processors, so the accelerator of the instance stays idle"
                .to_owned(),
        ),
        OwnImage::NoCuda | OwnImage::NoRelease => None,
    };
    // That it lacks the backend is an error already.
    let told = findings.iter().any(|found| found.id == "MCC-IMG-005");
    let of_triton = context.facts.given.as_ref().filter(|given| {
        !told
            && given.image.engine.is_none()
            && given.backends.as_ref().is_some_and(|has| !has.is_empty())
    });
    let without = of_triton.and(context.deployment.engine.as_ref()).map(|needs| {
        format!("the project starts {needs}, and this image is a Triton server without it")
    });
    let known = || of_own_image(context, spec).into_iter().find_map(words);
    let Some(message) = without.or_else(known) else {
        return;
    };
    let fix =
        Fix::unset("baseImage").or("choose an image and a deploymentConfig that belong together");
    let finding = Finding::warning("MCC-IMG-006", message, fix);
    findings.push(context.merged.about("baseImage", finding));
}

/// The driver of the host image, the image's CUDA, and how they suit each other.
fn host<'a>(
    context: &'a Context<'_>,
    spec: &'a Spec,
) -> Option<(AmiKind, HostDriver<'a>, &'a str, DriverFit)> {
    if spec.instance.gpus == 0 {
        return None;
    }
    let (api, name) = context.deployment.ami.zip(spec.endpoint.ami.as_deref())?;
    let cuda = spec.image.cuda.as_deref()?;
    let host = mcc_fit::host_driver(context.catalogs, api, name, Some(cuda))?;
    let fit = host.fit?;
    Some((api, host, cuda, fit))
}

/// The host image that would be chosen.
fn better<'a>(context: &'a Context<'_>, spec: &Spec, api: AmiKind) -> Option<HostImage<'a>> {
    let cuda = spec.image.cuda.as_deref();
    let family = &spec.instance.family;
    mcc_fit::host_image(context.catalogs, api, AcceleratorKind::Cuda, cuda, family)
}

fn driver(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some((AmiKind::Inference, host, cuda, DriverFit::TooOld)) = host(context, spec) else {
        return;
    };
    let best = match better(context, spec, AmiKind::Inference) {
        Some(HostImage::Driver(best)) => Some(best),
        _ => None,
    };
    let instead = best.as_ref().map(|best| {
        let driver = best.ami.driver.unwrap_or_default();
        let partly = if best.fit == DriverFit::Full { "" } else { ", on which it starts" };
        Fix::set("inferenceAmiVersion", best.ami.ami.clone())
            .and(Fix::say(format!("which has driver {driver}{partly}")))
    });
    let fixes = Fixes::from(instead)
        .or(older_cuda(context, spec, &host))
        .or(Fix::unset("inferenceAmiVersion"));
    let finding = Finding::error("MCC-DRV-001", too_old_driver(cuda, &host), fixes);
    let finding = finding.choices(best.map(|best| best.ami.ami.clone()));
    findings.push(context.merged.about("inferenceAmiVersion", finding));
}

/// The versions whose CUDA starts on the driver of the host image, the best first.
fn older_cuda(context: &Context<'_>, spec: &Spec, host: &HostDriver<'_>) -> Option<Remedy> {
    if !context.advises {
        return None;
    }
    let arch = context.arch(&spec.instance);
    let mut versions: Vec<String> = Vec::new();
    for image in context.choice(None).ranked(context.row_of(&spec.instance)) {
        let starts = mcc_fit::starts_on(context.catalogs, image, host.branch);
        if starts && image.arch.contains(&arch) && !versions.contains(&image.version) {
            versions.push(image.version.clone());
        }
    }
    if versions.is_empty() {
        return None;
    }
    versions.truncate(NAMED);
    let release = Remedy::from(Fix::choose("engineVersion", versions));
    let own = context.merged.is_given("baseImage").then(|| Fix::unset("baseImage"));
    Some(own.into_iter().fold(release, Remedy::and))
}

fn batch_driver(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some((AmiKind::Transform, host, cuda, DriverFit::TooOld)) = host(context, spec) else {
        return;
    };
    let newest = mcc_fit::newest_transform_driver(context.catalogs).unwrap_or_default();
    let fix = match better(context, spec, AmiKind::Transform) {
        Some(HostImage::Driver(better)) => Fix::unset("transformAmiVersion")
            .and(Fix::say(format!("then {} is chosen", better.ami.ami)))
            .into(),
        _ => Fixes::from(older_cuda(context, spec, &host))
            .or("use async-inference, which takes a newer driver"),
    };
    let finding = Finding::warning(
        "MCC-DRV-002",
        format!(
            "{}, and no host image of batch transform has more than {newest}: without forward-compatibility libraries \
             in the image it does not start",
            too_old_driver(cuda, &host)
        ),
        fix,
    );
    findings.push(context.merged.about("transformAmiVersion", finding));
}

/// What the CUDA starts on, and what the host image has.
fn too_old_driver(cuda: &str, host: &HostDriver<'_>) -> String {
    format!(
        "the image has CUDA {cuda}, which starts on driver {} and later; {} has {}",
        host.starts.unwrap_or("a newer one"),
        host.ami,
        host.branch
    )
}

fn minor_version(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some((kind, host, cuda, DriverFit::MinorVersion)) = host(context, spec) else {
        return;
    };
    let finding = Finding::new(
        "MCC-DRV-003",
        Severity::Note,
        format!(
            "the image's CUDA {cuda} starts on driver {} of the host image by minor-version compatibility; all of it \
             needs {}",
            host.branch,
            host.full.unwrap_or("a newer one")
        ),
        "if a kernel that is compiled at run time fails, choose an engineVersion with an older CUDA",
    );
    let key = match kind {
        AmiKind::Inference => "inferenceAmiVersion",
        AmiKind::Transform => "transformAmiVersion",
    };
    findings.push(context.merged.about(key, finding));
}

/// The host images that are spelled most alike, and otherwise the first.
fn nearest<'a>(name: &str, names: &[&'a str]) -> Vec<&'a str> {
    let near = mcc_catalogs::nearest(name, names.iter().copied(), NAMED);
    if near.is_empty() { names.iter().copied().take(NAMED).collect() } else { near }
}

fn ami(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let (Some(name), Some(kind)) = (&spec.endpoint.ami, context.deployment.ami) else {
        return;
    };
    let key = match kind {
        AmiKind::Inference => "inferenceAmiVersion",
        AmiKind::Transform => "transformAmiVersion",
    };
    let row = context.row_of(&spec.instance);
    let finding = match mcc_fit::host_fault(context.catalogs, kind, name, row) {
        None => return,
        Some(HostFault::Unknown(names)) => Finding::error(
            "MCC-AMI-001",
            "the SageMaker API has no such host image",
            Fix::choose(key, nearest(name, &names)).or(Fix::unset(key)),
        )
        .choices(names),
        Some(HostFault::Kind(of)) => Finding::error(
            "MCC-AMI-001",
            format!(
                "the host image has a driver for {of}; the instance has {}",
                spec.instance.accelerator.as_deref().unwrap_or_default()
            ),
            Fix::unset(key).and(Fix::say("the right one is chosen")),
        ),
    };
    findings.push(context.merged.about(key, finding));
}
