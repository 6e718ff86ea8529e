//! Rules about the image, the GPU driver of the host, and the GPU.

use mcc_catalogs::DriverFit;
use mcc_fit::AmiKind;

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::framework::version_key;
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
        title: "nothing is known of the image that was given",
        why: "driver, CUDA and engine version of a base image of one's own cannot be checked",
        source: "this generator's own contract",
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
        why: "TransformAmiVersion goes up to driver 535; images with a newer CUDA lean on forward-compatibility libraries, which only data-centre GPUs have",
        source: "SageMaker TransformAmiVersion (botocore 1.44.5)",
        check: Some(driver),
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
            format!("use {oldest} or a later one"),
        );
        findings.push(context.merged.about("engineVersion", finding));
    }
}

fn own_image(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if context.inputs.base_image.is_some() && spec.instance.accelerators > 0 {
        let finding = Finding::warning(
            "MCC-IMG-003",
            "the CUDA and engine versions of this image are not known, so the GPU driver is not chosen for it",
            "give inferenceAmiVersion if the image needs a newer driver than the instance's default",
        );
        findings.push(context.merged.about("baseImage", finding));
    }
}

/// Both driver rules: an endpoint can be given a newer driver, a batch job cannot.
fn driver(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(cuda) =
        spec.image.cuda.as_deref().filter(|_| spec.instance.accelerator_kind == "cuda")
    else {
        return;
    };
    let amis = context.catalogs.amis();
    let Some(kind) = context.deployment.ami else {
        return;
    };
    let ami = spec.endpoint.ami.as_deref();
    let chosen =
        ami.and_then(|a| amis.get(a).or_else(|| amis.get_transform(a))).and_then(|a| a.driver);
    let needed = amis.min_driver(cuda).unwrap_or("a newer one");
    let (id, key) = match kind {
        AmiKind::Inference => ("MCC-DRV-001", "inferenceAmiVersion"),
        AmiKind::Transform => ("MCC-DRV-002", "transformAmiVersion"),
    };
    // Each rule's check is this function; the target decides which of the two speaks, once.
    if findings.iter().any(|f| f.id == id) {
        return;
    }
    match (chosen, kind) {
        (Some(driver), _) if amis.fit(driver, cuda) != Some(DriverFit::TooOld) => {}
        (Some(driver), AmiKind::Transform) => {
            let finding = Finding::warning(
                id,
                format!(
                    "the image has CUDA {cuda}, which needs driver {needed}; batch transform has \
                     {driver}, so the image must bring forward-compatibility libraries"
                ),
                "use async-inference, which takes a newer driver, or an engineVersion with CUDA 12",
            );
            findings.push(context.merged.about(key, finding));
        }
        (Some(driver), AmiKind::Inference) => {
            let best = amis.for_cuda(cuda, &spec.instance.family).map(|c| c.ami);
            let fix = best.map_or_else(
                || "use an engineVersion with an older CUDA".to_owned(),
                |a| format!("use {}", a.ami),
            );
            let finding = Finding::error(
                id,
                format!("the image has CUDA {cuda}, which needs driver {needed}; this host image has {driver}"),
                fix,
            )
            .choices(best.map(|a| a.ami.clone()));
            findings.push(context.merged.about(key, finding));
        }
        (None, _) => {}
    }
}

fn ami(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let (Some(name), Some(kind)) = (&spec.endpoint.ami, context.deployment.ami) else {
        return;
    };
    let amis = context.catalogs.amis();
    let (key, known): (&str, Vec<&mcc_catalogs::Ami>) = match kind {
        AmiKind::Inference => ("inferenceAmiVersion", amis.inference().collect()),
        AmiKind::Transform => ("transformAmiVersion", amis.transform().collect()),
    };
    let names: Vec<&str> = known.iter().map(|a| a.ami.as_str()).collect();
    if !names.contains(&name.as_str()) {
        let finding = Finding::error(
            "MCC-AMI-001",
            "the SageMaker API has no such host image",
            format!("use one of {}", names.join(", ")),
        )
        .choices(names);
        findings.push(context.merged.about(key, finding));
    } else if let Some(row) = known.iter().find(|a| a.ami == *name).filter(|row| {
        spec.instance.accelerators > 0 && row.kind.as_str() != spec.instance.accelerator_kind
    }) {
        let finding = Finding::error(
            "MCC-AMI-001",
            format!(
                "the host image has a driver for {}; the instance has {}",
                row.kind,
                spec.instance.accelerator.as_deref().unwrap_or_default()
            ),
            format!("leave {key} out, and the right one is chosen"),
        );
        findings.push(context.merged.about(key, finding));
    }
}
