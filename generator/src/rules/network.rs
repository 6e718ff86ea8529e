//! Rules about what the container reaches: the hub, S3, and code of other repositories.

use serde_json::Value;

use super::Rule;
use crate::finding::{Finding, Severity, shorten};
use crate::fix::{Fix, Fixes};
use crate::resolve::Context;
use crate::spec::Spec;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-NET-001",
        severity: Severity::Warning,
        title: "the container fetches its model through the VPC",
        why: "a container in a VPC has the ways out that its subnets have: in a private subnet without any the download \
              waits until the endpoint's creation fails",
        source: "SageMaker, Give SageMaker AI hosted endpoints access to resources in your VPC",
        check: Some(hub),
    },
    Rule {
        id: "MCC-NET-002",
        severity: Severity::Note,
        title: "a model in S3 is fetched through the VPC",
        why: "without a way to S3 in the subnets' route tables the model does not arrive",
        source: "SageMaker, Give SageMaker AI hosted endpoints access to resources in your VPC: S3 gateway endpoint",
        check: Some(s3),
    },
    Rule {
        id: "MCC-NET-003",
        severity: Severity::Warning,
        title: "the model's code is in another repository, which the container does not ask",
        why: "what auto_map names with another repository in front is fetched from the hub, and a model that is in S3 is \
              loaded without the hub",
        source: "transformers, dynamic_module_utils: repository--module.Class; HF_HUB_OFFLINE",
        check: Some(foreign_code),
    },
    Rule {
        id: "MCC-REG-030",
        severity: Severity::Warning,
        title: "the name of a bucket says another Region",
        why: "SageMaker reads a model from a bucket of its own Region only, so that a deployment fails after the build; the \
              name of a bucket often says its Region, and proves nothing",
        source: "SageMaker CreateModel, S3ModelDataSource: the bucket is in the same Region as the model",
        check: Some(bucket),
    },
];

/// Inputs that may be addresses in S3, whose buckets are used in the Region of the project.
const IN_S3: [&str; 6] = [
    "modelName",
    "asyncS3OutputPath",
    "asyncS3FailurePath",
    "batchInputPath",
    "batchOutputPath",
    "endpointDataCapturePath",
];

fn bucket(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    for key in IN_S3 {
        let value = context.merged.get(key).and_then(Value::as_str);
        let Some(name) = value.and_then(|uri| uri.strip_prefix("s3://")?.split('/').next()) else {
            continue;
        };
        let regions = context.catalogs.regions().iter().map(|row| row.region.as_str());
        let Some(said) = regions.filter(|region| says(name, region)).max_by_key(|said| said.len())
        else {
            continue;
        };
        // A copy of it in the right Region may be named after both.
        if said != spec.aws.region && !says(name, &spec.aws.region) {
            let finding = Finding::warning(
                "MCC-REG-030",
                format!("the bucket's name says {said}, and the project is in {}", spec.aws.region),
                Fixes::from(format!("give a bucket in {}", spec.aws.region))
                    .or(Fix::set("region", said)),
            );
            findings.push(context.merged.about(key, finding));
        }
    }
}

/// Whether a bucket's name has the Region as a word of its own.
fn says(name: &str, region: &str) -> bool {
    name.match_indices(region).any(|(at, _)| {
        let apart = |end: Option<char>| end.is_none_or(|c| !c.is_ascii_alphanumeric());
        apart(name.get(..at).and_then(|before| before.chars().next_back()))
            && apart(name.get(at + region.len()..).and_then(|after| after.chars().next()))
    })
}

fn hub(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if spec.aws.vpc.is_none()
        || spec.model.source != "hub"
        || context.inputs.network_isolation == Some(true)
    {
        return;
    }
    let secret = context.inputs.hf_token_arn.is_some();
    let what = if secret {
        "the model from the hub and its token from Secrets Manager"
    } else {
        "the model from the hub"
    };
    let finding = Finding::warning(
        "MCC-NET-001",
        format!(
            "the container fetches {what} through vpcSubnets, and whether they have a way out is not known"
        ),
        "give subnets whose route table leads to a NAT gateway, or put the model's files into S3, with a gateway endpoint \
         for S3 in the VPC, and give modelName s3://…",
    );
    findings.push(context.merged.about("vpcSubnets", finding));
}

fn s3(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if spec.aws.vpc.is_none() || spec.model.source != "s3" {
        return;
    }
    let finding = Finding::new(
        "MCC-NET-002",
        Severity::Note,
        "the model comes from S3 through vpcSubnets",
        "see that their route tables have a gateway endpoint for S3, or another way there",
    );
    findings.push(context.merged.about("vpcSubnets", finding));
}

fn foreign_code(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    if spec.model.source != "s3"
        || context.facts.shape.as_ref().is_none_or(|shape| !shape.custom_code)
    {
        return;
    }
    let text = context.config_text().and_then(Result::ok);
    let config: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    let map = config.as_ref().and_then(|config| config.get("auto_map")?.as_object());
    let names = map.into_iter().flat_map(|map| map.values()).flat_map(|value| match value {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    });
    let other = names.filter_map(Value::as_str).find_map(|name| name.split_once("--"));
    let Some((repository, _)) = other else { return };
    let finding = Finding::warning(
        "MCC-NET-003",
        format!(
            "auto_map in the model's config.json names code of {}, which the container does not fetch for a model in S3",
            shorten(repository)
        ),
        "copy that repository's .py files beside config.json, and take its name and -- out of auto_map",
    );
    findings.push(finding.on("modelConfig"));
}
