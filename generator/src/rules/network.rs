//! Rules about what the container reaches: the hub, S3, and code of other repositories.

use serde_json::Value;

use super::Rule;
use crate::finding::{Finding, Severity, shorten};
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
];

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
    let text = context.merged.texts.get("modelConfig").and_then(|text| text.as_ref().ok());
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
