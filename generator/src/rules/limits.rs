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
    Rule {
        id: "MCC-LIM-004",
        severity: Severity::Error,
        title: "a record of the model is larger than a request may be",
        why: "the service ends a request that is over its limit before the container sees it",
        source: "SageMaker InvokeEndpoint, InvokeEndpointAsync and CreateTransformJob (catalogs/data/limits.json)",
        check: Some(record),
    },
    Rule {
        id: "MCC-LIM-005",
        severity: Severity::Note,
        title: "the job sends one request at a time",
        why: "MaxConcurrentTransforms is 1 unless it is given, and an engine that batches works on many at once",
        source: "SageMaker CreateTransformJob, MaxConcurrentTransforms",
        check: Some(one_at_a_time),
    },
    Rule {
        id: "MCC-LIM-006",
        severity: Severity::Warning,
        title: "lines of CSV are records, and so is a line of column names",
        why: "with SplitType Line the first line of a file is a request like the others",
        source: "SageMaker CreateTransformJob, SplitType",
        check: Some(header),
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

/// Bytes of a value of a tensor's type; none for texts, which have any length.
fn value_bytes(data_type: &str) -> Option<u64> {
    Some(match data_type.trim_start_matches("TYPE_") {
        "FP64" | "INT64" | "UINT64" => 8,
        "FP32" | "INT32" | "UINT32" => 4,
        "FP16" | "BF16" | "INT16" | "UINT16" => 2,
        "INT8" | "UINT8" | "BOOL" => 1,
        _ => return None,
    })
}

/// Characters of a number in JSON, at least: a digit and a comma.
const LEAST_JSON: u64 = 2;
/// Characters of a number in JSON, as they are usual: a sign, a point and some digits.
const USUAL_JSON: u64 = 10;

fn record(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(tensors) = &spec.model.inputs else { return };
    // A dimension of any length is taken for one, and for none where it would refuse.
    let values = |dims: &[i64], open: u64| {
        let of = |dim: &i64| u64::try_from(*dim).ok().filter(|size| *size > 0).unwrap_or(open);
        dims.iter().fold(1_u64, |all, dim| all.saturating_mul(of(dim)))
    };
    let (mut binary, mut least, mut usual) = (0_u64, 0_u64, 0_u64);
    for tensor in tensors {
        let count = values(&tensor.dims, 0);
        let bytes = value_bytes(&tensor.data_type).unwrap_or(0);
        binary = binary.saturating_add(count.saturating_mul(bytes));
        least = least.saturating_add(count.saturating_mul(LEAST_JSON));
        usual = usual.saturating_add(values(&tensor.dims, 1).saturating_mul(USUAL_JSON));
    }
    let limit = u64::from(spec.server.max_body_mb).saturating_mul(1_000_000);
    let target = context.target;
    let other = "use async-inference, whose requests may have 1 GB";
    let is_async = context.takes("async");
    let finding = if binary.min(least) > limit {
        let message = format!(
            "one record has {} MB, and a request on {target} at most {} MB",
            binary.min(least) / 1_000_000,
            spec.server.max_body_mb
        );
        let fix =
            if is_async { "give the model smaller inputs, such as places in S3" } else { other };
        Finding::error("MCC-LIM-004", message, fix)
    } else if usual > limit {
        let message = format!(
            "one record has about {} MB as JSON, and a request on {target} at most {} MB",
            usual / 1_000_000,
            spec.server.max_body_mb
        );
        let binary = "send the binary form of the KServe v2 protocol";
        let fix = if is_async { binary.to_owned() } else { format!("{binary}, or {other}") };
        Finding::warning("MCC-LIM-004", message, fix)
    } else {
        return;
    };
    let key = if context.inputs.model_inputs.is_some() { "modelInputs" } else { "modelPath" };
    findings.push(context.merged.about(key, finding));
}

/// Requests at once that are worth asking for.
const AT_ONCE: u64 = 16;

fn one_at_a_time(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let batches = context.deployment.hub && !context.deployment.refuses.contains_key("maxNumSeqs");
    if !context.takes("batch") || !batches || context.inputs.batch_max_concurrent.unwrap_or(1) > 1 {
        return;
    }
    let limits = &context.catalogs.limits().batch;
    let payload = u64::from(spec.server.max_body_mb).max(1);
    let most = (limits.payload_times_concurrency_mb / payload).clamp(1, AT_ONCE);
    if most < 2 {
        return;
    }
    let finding = Finding::new(
        "MCC-LIM-005",
        Severity::Note,
        "the job sends one request at a time, though the engine works on many",
        format!("give batchMaxConcurrent {most}"),
    );
    findings.push(context.merged.about("batchMaxConcurrent", finding));
}

fn header(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let kind = spec.batch.content_type.to_lowercase();
    let lines = context.inputs.batch_split_type.as_deref() == Some("Line");
    if !context.takes("batch") || !kind.starts_with("text/csv") || !lines {
        return;
    }
    let finding = if kind.replace(' ', "").contains("header=present") {
        Finding::warning(
            "MCC-LIM-006",
            "each request begins with a line of its own, and the content type says that this is a header: no record is left \
             in it",
            "give batchSplitType None, or batchContentType text/csv and files without column names",
        )
    } else {
        Finding::new(
            "MCC-LIM-006",
            Severity::Note,
            "each line of the files is a record, the first too",
            "leave column names out of the files, or give batchSplitType None and batchContentType text/csv; header=present",
        )
    };
    findings.push(context.merged.about("batchSplitType", finding));
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
