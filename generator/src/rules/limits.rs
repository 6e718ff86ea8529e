//! Rules about the limits of the AWS APIs.

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::{self, Fix, Fixes};
use crate::resolve::Context;
use crate::spec::Spec;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-LIM-001",
        severity: Severity::Error,
        title: "the container's environment is over a limit",
        why: "CreateModel and CreateInferenceComponent bound the number and size of variables",
        source: "botocore 1.44.5, EnvironmentMap (catalogs/data/limits.json)",
        check: Some(environment),
    },
    Rule {
        id: "MCC-LIM-002",
        severity: Severity::Error,
        title: "batch requests are over a limit",
        why: "MaxConcurrentTransforms times MaxPayloadInMB may be at most 100",
        source: "SageMaker CreateTransformJob",
        check: Some(batch),
    },
    Rule {
        id: "MCC-LIM-003",
        severity: Severity::Error,
        title: "too many tags, or too long ones",
        why: "a resource has at most 50 tags; a value has at most 256 characters",
        source: "AWS tagging limits",
        check: Some(tags),
    },
];

fn environment(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let limits = context.catalogs.limits();
    let max = context.manifest(|m| m.environment_max).unwrap_or(limits.model_env.entries);
    let max = if spec.endpoint.inference_component {
        max.min(limits.inference_component.env_entries)
    } else {
        max
    };
    let env = &spec.server.env;
    let mut push = |message: String, fixes: Fixes| {
        let finding = Finding::error("MCC-LIM-001", message, fixes);
        findings.push(context.merged.about("modelEnv", finding));
    };
    if env.len() > max {
        push(
            format!("{} variables; this deployment takes {max}", env.len()),
            "leave some out of modelEnv".into(),
        );
    }
    let total: usize = env.iter().map(|(k, v)| k.len() + v.len()).sum();
    if total > limits.model_env.total_kb * 1024 {
        push(
            format!("{total} bytes in all; {} KiB is the limit", limits.model_env.total_kb),
            "shorten values of modelEnv".into(),
        );
    }
    for (name, value) in env {
        if value.chars().count() > limits.model_env.value_chars {
            push(
                format!("the value of {name} has over {} characters", limits.model_env.value_chars),
                Fix::unset(fix::entry("modelEnv", name))
                    .and(Fix::say("and put its value into a file of the image"))
                    .into(),
            );
        }
    }
}

fn batch(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let number = |key: &str| spec.inputs.get(key).and_then(serde_json::Value::as_u64);
    let (Some(concurrent), Some(payload)) =
        (number("batchMaxConcurrent"), number("batchMaxPayload"))
    else {
        return;
    };
    let limit = context.catalogs.limits().batch.payload_times_concurrency_mb;
    if concurrent.saturating_mul(payload) > limit {
        let finding = Finding::error(
            "MCC-LIM-002",
            format!(
                "batchMaxConcurrent {concurrent} times batchMaxPayload {payload} MB is over {limit} MB"
            ),
            Fix::set("batchMaxPayload", (limit / concurrent).max(1))
                .or(Fix::set("batchMaxConcurrent", (limit / payload).max(1))),
        );
        findings.push(context.merged.about("batchMaxConcurrent", finding));
    }
}

fn tags(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    let mut push = |message: String, fixes: Fixes| {
        let finding = Finding::error("MCC-LIM-003", message, fixes);
        findings.push(context.merged.about("tags", finding));
    };
    if spec.aws.tags.len() > 50 {
        let message = format!("{} tags; a resource has at most 50", spec.aws.tags.len());
        push(message, "leave some out of tags".into());
    }
    for tag in &spec.aws.tags {
        if tag.value.chars().count() > 256 || !tag.value.chars().all(allowed) {
            let message = format!(
                "the value of {} is over 256 characters or holds others than letters, digits, spaces and _.:/=+-@",
                tag.key
            );
            let key = fix::entry("tags", &tag.key);
            let value: String = tag.value.chars().filter(|c| allowed(*c)).take(256).collect();
            push(message, Fix::set(key.as_str(), value).or(Fix::unset(key)));
        }
    }
}
