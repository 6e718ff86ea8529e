//! Rules about where it runs: instance type, Region, target.

use super::{Rule, with_types};
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes};
use crate::registry::{Config, registry};
use crate::resolve::Context;
use crate::spec::Spec;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-INS-001",
        severity: Severity::Error,
        title: "the target does not take this instance type",
        why: "each SageMaker API has its own enumeration of instance types",
        source: "botocore 1.44.5: 277 hosting, 116 transform, 209 HyperPod types",
        check: Some(pool),
    },
    Rule {
        id: "MCC-INS-002",
        severity: Severity::Warning,
        title: "the catalogs know nothing of this instance type but its name",
        why: "SageMaker has it for other uses; whether endpoints take it now cannot be checked, and that is no reason to refuse it",
        source: "catalogs/data/instances.json",
        check: Some(known),
    },
    Rule {
        id: "MCC-INS-003",
        severity: Severity::Error,
        title: "there is no such instance type",
        why: "a name that none of SageMaker's enumerations has is a typing error, and the API would refuse it",
        source: "botocore 1.44.5: all instance type enumerations of SageMaker (catalogs/data/instances.json)",
        check: None,
    },
    Rule {
        id: "MCC-ACC-001",
        severity: Severity::Error,
        title: "the backend does not run on this kind of accelerator",
        why: "an image built for CUDA needs a GPU; on another instance it fails when it starts",
        source: "the layers' manifests",
        check: Some(accelerator),
    },
    Rule {
        id: "MCC-ACC-002",
        severity: Severity::Warning,
        title: "the instance has an accelerator that nothing uses",
        why: "it costs several times as much as an instance without one",
        source: "the layers' manifests; catalogs/data/prices.json",
        check: Some(accelerator),
    },
    Rule {
        id: "MCC-REG-001",
        severity: Severity::Error,
        title: "the Region lacks a service that the target needs",
        why: "the endpoint of a service that a Region does not have cannot be called",
        source: "botocore endpoints, November 2026 (catalogs/data/regions.json)",
        check: Some(region),
    },
    Rule {
        id: "MCC-REG-002",
        severity: Severity::Error,
        title: "there is no such Region",
        why: "nothing can be called in a Region that does not exist; a typing error is found before it is deployed",
        source: "botocore 1.44.5, partitions (catalogs/data/regions.json)",
        check: None,
    },
    Rule {
        id: "MCC-REG-003",
        severity: Severity::Warning,
        title: "the environment names no Region",
        why: "AWS_REGION and AWS_DEFAULT_REGION say the Region where no input does; a value that is none is not taken",
        source: "AWS SDKs and Tools Reference Guide, AWS Region",
        check: None,
    },
    Rule {
        id: "MCC-REG-004",
        severity: Severity::Error,
        title: "two inputs are in different Regions",
        why: "keys, topics, secrets, reservations and clusters are used in the Region of the project",
        source: "ARN format, AWS General Reference",
        check: None,
    },
    Rule {
        id: "MCC-REG-005",
        severity: Severity::Warning,
        title: "the Region is not known to offer this instance type",
        why: "where EC2 lacks a type, SageMaker has no capacity for it either, and the deployment fails after the build; the list may be older than the offer",
        source: "EC2's offers of accelerated types by Region (catalogs/data/regions.json); a hint for SageMaker, no proof",
        check: Some(offered),
    },
    Rule {
        id: "MCC-S3-001",
        severity: Severity::Error,
        title: "this target cannot take a model as an S3 prefix",
        why: "uncompressed model artifacts (ModelDataSource) are not usable with batch transform",
        source: "SageMaker CreateModel, ModelDataSource",
        check: Some(model_source),
    },
    Rule {
        id: "MCC-ASG-001",
        severity: Severity::Error,
        title: "this endpoint cannot scale to zero instances",
        why: "a real-time variant keeps at least one instance; async endpoints and inference components go to zero",
        source: "Application Auto Scaling for SageMaker",
        check: Some(to_zero),
    },
    Rule {
        id: "MCC-ASG-002",
        severity: Severity::Note,
        title: "an inference component is made with one copy",
        why: "it is reported that the service refuses to make one without; scaling takes the copy away",
        source: "SageMaker CreateInferenceComponent, RuntimeConfig.CopyCount; reports of users",
        check: Some(first_copy),
    },
    Rule {
        id: "MCC-TGT-001",
        severity: Severity::Warning,
        title: "another target suits this kind of model better",
        why: "each target has a limit on the time to answer, and some models are slow",
        source: "the layers' manifests",
        check: Some(advice),
    },
];

fn pool(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(row) = spec.instance.kind.as_deref().and_then(|t| context.catalogs.instances().get(t))
    else {
        return;
    };
    if context.deployment.takes(row) {
        return;
    }
    let all = context.catalogs.instances();
    let (image, asked) = (context.base(&spec.instance), context.asked());
    // What is proposed has to pass the other rules too.
    let same = |r: &&mcc_catalogs::Instance| {
        context.deployment.takes(r)
            && r.accelerator_kind() == row.accelerator_kind()
            && r.arch == row.arch
            && !context.lacks(&spec.aws.region, r)
            && context.deployment.runs_on_device(r)
            && mcc_fit::image_runs(context.catalogs, &context.deployment, image, &asked, r).is_ok()
    };
    let mut others: Vec<_> = all.iter().filter(same).collect();
    others.sort_by_key(|r| {
        (
            r.accelerator_name != row.accelerator_name,
            r.count.abs_diff(row.count),
            r.vcpus.abs_diff(row.vcpus),
        )
    });
    let holding = context.candidates(&spec.aws);
    let mut names: Vec<String> =
        holding.iter().take(4).map(|held| held.instance.name.to_string()).collect();
    if names.is_empty() {
        names.extend(others.iter().take(4).map(|r| r.name.to_string()));
    }
    let takes = |target: &&String| {
        let of = crate::deployment::deployment(context.config, target, None);
        of.is_some_and(|of| of.takes(row))
    };
    // Another target is another way of working: only where no type does.
    let fixes: Fixes = if names.is_empty() {
        Fix::choose("deploymentTarget", registry().targets().iter().filter(takes).cloned()).into()
    } else {
        Fix::choose("instanceType", names.clone()).into()
    };
    let finding = Finding::error(
        "MCC-INS-001",
        format!("{} does not run on this instance type", context.target),
        fixes,
    )
    .choices(names);
    findings.push(context.merged.about("instanceType", finding));
}

fn known(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if let Some(name) = spec.instance.kind.as_deref().filter(|_| !spec.instance.known) {
        let finding = Finding::warning(
            "MCC-INS-002",
            "nothing is known of this instance type but its name, so neither memory nor drivers nor price were checked",
            "check the name, or add its row with --catalogs",
        )
        .choices(context.catalogs.types_meant(name));
        findings.push(context.merged.about("instanceType", finding));
    }
}

fn accelerator(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let (allowed, devices) = (&context.deployment.accelerators, &context.deployment.devices);
    if !spec.instance.known || allowed.is_empty() {
        return;
    }
    let kind = &spec.instance.accelerator_kind;
    let own = spec.instance.accelerator.as_ref();
    let taken = devices.is_empty() || own.is_some_and(|name| devices.contains(name));
    if !allowed.iter().any(|one| one.as_str() == kind) || !taken {
        let idles =
            context.row_of(&spec.instance).is_some_and(|row| context.deployment.idles_on(row));
        let (id, severity) = if idles {
            ("MCC-ACC-002", Severity::Warning)
        } else {
            ("MCC-ACC-001", Severity::Error)
        };
        if findings.iter().any(|f| f.id == id) {
            return;
        }
        let finding = Finding::new(
            id,
            severity,
            format!(
                "{} runs on {}; this instance has {}",
                spec.project.config,
                if devices.is_empty() {
                    allowed.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(" or ")
                } else {
                    devices.join(" or ")
                },
                own.map_or("no accelerator", String::as_str),
            ),
            right_accelerator(context, kind),
        );
        let finding = with_types(context, spec, finding);
        let finding = if finding.fixes.0.is_empty() {
            finding.fixed_by("choose an instance type with the right accelerator")
        } else {
            finding
        };
        findings.push(context.merged.about("instanceType", finding));
    }
}

/// What to do about an accelerator that the config does not run on; other configs may.
fn right_accelerator(context: &Context<'_>, kind: &str) -> Fixes {
    let registry = registry();
    let same = |config: &&Config| {
        config.architecture == context.config.architecture && registry.on(config, kind).is_some()
    };
    let others: Vec<&str> =
        registry.configs().iter().filter(same).map(|config| config.name.as_str()).collect();
    if others.is_empty() || others.contains(&context.config.name.as_str()) {
        return Fixes::default();
    }
    let remark = Fix::say(format!("which can run on {kind}"));
    Fix::choose("deploymentConfig", others).and(remark).into()
}

fn region(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let regions = context.catalogs.regions();
    let Some(row) = regions.get(&spec.aws.region) else {
        return;
    };
    let needs = context.manifest(|m| (!m.services.is_empty()).then(|| m.services.clone()));
    let mut needs = needs.unwrap_or_default();
    if spec.project.codebuild {
        needs.push("codebuild".to_owned());
    }
    let lacking: Vec<String> = needs.into_iter().filter(|s| !row.has(s)).collect();
    if !lacking.is_empty() && !findings.iter().any(|f| f.id == "MCC-REG-001") {
        let fix = if lacking == ["codebuild"] {
            Fix::set("buildTarget", "local").into()
        } else {
            with_services(context, spec, &lacking)
        };
        let finding = Finding::error(
            "MCC-REG-001",
            format!("{} has no {}", spec.aws.region, lacking.join(", ")),
            fix,
        );
        findings.push(context.merged.about("region", finding));
    }
}

/// Regions nearby that have all of `services`, and the instance type.
fn with_services(context: &Context<'_>, spec: &Spec, services: &[String]) -> Fixes {
    let own = spec.aws.region.as_str();
    let instance = context.row_of(&spec.instance);
    let has = |row: &&mcc_catalogs::RegionRow| {
        services.iter().all(|service| row.has(service))
            && instance.is_none_or(|instance| !context.lacks(row.region.as_str(), instance))
    };
    let found = context.catalogs.regions().iter().filter(has);
    let mut names: Vec<&str> = found.map(|row| row.region.as_str()).collect();
    // Names of Regions begin with the part of the world that they are in.
    let same = |name: &str| name.chars().zip(own.chars()).take_while(|(a, b)| a == b).count();
    let partition = |name: &str| {
        context.catalogs.regions().get(name).is_none_or(|row| row.partition != spec.aws.partition)
    };
    names.sort_by_key(|name| (partition(name), std::cmp::Reverse(same(name))));
    names.truncate(4);
    if names.is_empty() {
        return "choose another Region".into();
    }
    Fix::choose("region", names).into()
}

fn offered(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let region = &spec.aws.region;
    let Some(row) = spec.instance.kind.as_deref().and_then(|t| context.catalogs.instances().get(t))
    else {
        return;
    };
    if !context.lacks(region, row) {
        return;
    }
    let rows = context.catalogs.regions();
    let mut there = rows.offering(&row.name);
    there.retain(|other| other.as_str() != region);
    let there: Vec<&str> = there.into_iter().map(mcc_catalogs::Region::as_str).collect();
    let (shown, more) = there.split_at(there.len().min(4));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    let shown = shown.join(", ");
    let message =
        if mcc_fit::is_not_hosted(context.catalogs, Some(&context.deployment), region, row) {
            let elsewhere = if shown.is_empty() {
                String::new()
            } else {
                format!("; EC2 lists it in {shown}{more}")
            };
            format!("AWS's price list has no hosting price for it in {region}{elsewhere}")
        } else {
            format!(
                "EC2 does not list it in {region} (as of {}); it does in {shown}{more}",
                rows.as_of()
            )
        };
    let finding = Finding::warning(
        "MCC-REG-005",
        message,
        "choose another instanceType, or one of these Regions",
    );
    let finding = with_types(context, spec, finding);
    findings.push(context.merged.about("instanceType", finding));
}

fn model_source(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let prefixes = context.manifest(|m| m.s3_prefix_models).unwrap_or(true);
    if spec.model.s3_prefix.is_some() && !prefixes {
        let finding = Finding::error(
            "MCC-S3-001",
            format!("{} takes models from S3 only as one .tar.gz archive", context.target),
            Fix::say("give modelName s3://…/model.tar.gz, an archive of the files")
                .or(Fix::choose("deploymentTarget", targets_for_prefixes(context))),
        );
        findings.push(context.merged.about("modelName", finding));
    }
}

/// The targets of the same config that take a prefix.
fn targets_for_prefixes(context: &Context<'_>) -> Vec<String> {
    let takes = |target: &&String| {
        let layers = registry().overlay(context.config, None, target);
        layers.iter().rev().find_map(|layer| layer.manifest.s3_prefix_models).unwrap_or(true)
    };
    registry().targets().iter().filter(takes).cloned().collect()
}

fn to_zero(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let zero = context.manifest(|m| m.scales_to_zero).unwrap_or(false);
    if spec.endpoint.autoscaling.as_ref().is_some_and(|a| a.to_zero)
        && !zero
        && !spec.endpoint.inference_component
    {
        let finding = Finding::error(
            "MCC-ASG-001",
            "a real-time variant keeps at least one instance",
            Fix::set("inferenceComponent", true)
                .or(Fix::choose("deploymentTarget", targets_to_zero(context)))
                .or(Fix::set("autoscalingMin", 1)),
        );
        findings.push(context.merged.about("autoscalingMin", finding));
    }
}

/// The targets of the same config that scale to no instances at all.
fn targets_to_zero(context: &Context<'_>) -> Vec<String> {
    let zero = |target: &&String| {
        let layers = registry().overlay(context.config, None, target);
        layers.iter().rev().find_map(|layer| layer.manifest.scales_to_zero) == Some(true)
    };
    registry().targets().iter().filter(zero).cloned().collect()
}

fn first_copy(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if context.inputs.ic_copy_count == Some(0) && spec.endpoint.inference_component {
        let to_zero = spec.endpoint.autoscaling.as_ref().is_some_and(|a| a.to_zero);
        let fix = if to_zero {
            "leave it as it is: scaling takes the copy away when nothing is asked of it"
        } else {
            "give autoscalingMin 0 and autoscalingMax, so that it can scale to none"
        };
        let message =
            "the component is made with 1 copy, since the service is reported to refuse 0";
        let finding = Finding::new("MCC-ASG-002", Severity::Note, message, fix);
        findings.push(context.merged.about("icCopyCount", finding));
    }
}

fn advice(context: &Context<'_>, _: &Spec, findings: &mut Vec<Finding>) {
    if let Some(text) = context.manifest(|m| m.advice.get(context.target).cloned()) {
        let fix = "choose the other deploymentTarget, or make sure that answers are quick enough";
        let finding = Finding::warning("MCC-TGT-001", text, fix);
        findings.push(context.merged.about("deploymentTarget", finding));
    }
}
