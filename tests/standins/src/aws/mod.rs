//! The `aws` stand-in: a small, strict AWS.

mod args;
pub(crate) mod artifacts;
mod builds;
mod endpoints;
mod identity;
mod jobs;
mod logs;
mod models;
mod others;
mod output;
mod s3;
mod scaling;
pub(crate) mod storage;

use args::Call;
use serde_json::{Map, Value, json};

use crate::fault::{self, Fault};
use crate::outcome::{Answer, Failure, Outcome};
use crate::world::{World, public};

/// Runs `aws` with `words`.
pub(crate) fn run(words: &[String]) -> Outcome {
    if words.first().map(String::as_str) == Some("--version") {
        return Outcome::text("aws-cli/2.31.0 Python/3.13.7 Linux/6.1 exe/x86_64\n");
    }
    let call = parse(words);
    let operation = match &call {
        Ok(call) => format!("{} {}", call.service, call.operation),
        Err(_) => words.iter().take(2).cloned().collect::<Vec<_>>().join(" "),
    };
    let mut world = match World::open() {
        Ok(world) => world,
        Err(failure) => return failed(failure, ""),
    };
    let n = world.count("aws_calls");
    let fault = match fault::fires(&world, "aws", &operation) {
        Ok(fault) => fault,
        Err(failure) => return failed(failure, ""),
    };
    if fault == Some(Fault::KilledBefore) {
        let record = json!({
            "n": n, "tool": "aws", "operation": operation, "argv": words, "fault": "KilledBefore",
        });
        if let Err(failure) = world.record(&record) {
            return failed(failure, "");
        }
        fault::kill_group();
    }
    let answer = call.as_ref().map_err(copy).and_then(|call| act(&mut world, call, fault));
    let record = json!({
        "n": n,
        "tool": "aws",
        "operation": operation,
        "api": call.as_ref().map(Call::api_name).unwrap_or_default(),
        "region": call.as_ref().ok().and_then(|c| c.region.clone()),
        "input": call.as_ref().map(|c| c.input.clone()).unwrap_or_default(),
        "argv": words,
        "fault": fault.map(|f| format!("{f:?}")),
        "result": match &answer {
            Ok(_) => "ok".to_owned(),
            Err(Failure::Usage(text)) => format!("usage: {text}"),
            Err(Failure::Service(code, text)) => format!("{code}: {text}"),
            Err(Failure::Tool(text)) => format!("tool: {text}"),
        },
    });
    if let Err(failure) = world.save().and_then(|()| world.record(&record)) {
        return failed(failure, "");
    }
    if fault == Some(Fault::Killed) {
        fault::kill_group();
    }
    let api = call.as_ref().map(Call::api_name).unwrap_or_default();
    match (answer, call) {
        (Ok(value), Ok(call)) => {
            output::print(&public(&value), &call).unwrap_or_else(|failure| failed(failure, &api))
        }
        (Err(failure), _) | (_, Err(failure)) => failed(failure, &api),
    }
}

/// `aws s3` and `aws logs tail` have a grammar of their own; all else is in the table.
fn parse(words: &[String]) -> Result<Call, Failure> {
    let mut plain = words.iter().filter(|w| !w.starts_with("--"));
    let first = plain.next().map(String::as_str);
    if first == Some("s3") && words.first().map(String::as_str) == Some("s3") {
        return s3::parse(words);
    }
    if words.len() > 1 && words.iter().take(2).eq(["logs", "tail"]) {
        return logs::parse_tail(words);
    }
    args::parse(words)
}

fn copy(failure: &Failure) -> Failure {
    match failure {
        Failure::Usage(text) => Failure::Usage(text.clone()),
        Failure::Service(code, text) => Failure::Service(code.clone(), text.clone()),
        Failure::Tool(text) => Failure::Tool(text.clone()),
    }
}

/// Prints a failure as the CLI does, with its exit status.
fn failed(failure: Failure, api: &str) -> Outcome {
    match failure {
        Failure::Usage(text) => Outcome::failed(252, format!("\n{text}")),
        Failure::Service(code, text) => Outcome::failed(
            254,
            format!("\nAn error occurred ({code}) when calling the {api} operation: {text}"),
        ),
        Failure::Tool(text) => Outcome::failed(255, format!("\n{text}")),
    }
}

fn act(world: &mut World, call: &Call, fault: Option<Fault>) -> Answer {
    let action = format!("{}:{}", call.service, call.api_name());
    if let Some(failure) = fault.and_then(|f| f.instead(&action)) {
        return Err(failure);
    }
    let ends_failed = fault == Some(Fault::EndsFailed);
    let answer = match call.service.as_str() {
        "sts" | "iam" => identity::act(world, call),
        "ecr" => artifacts::act(world, call),
        "s3api" => storage::act(world, call),
        "s3" => s3::act(world, call),
        "sagemaker" => sagemaker(world, call, ends_failed),
        "sagemaker-runtime" => endpoints::invoke(world, call),
        "application-autoscaling" | "cloudwatch" => scaling::act(world, call),
        "codebuild" => builds::act(world, call, ends_failed),
        "logs" => logs::act(world, call),
        _ => others::act(world, call),
    }?;
    if fault == Some(Fault::Lost) {
        return Err(Failure::Tool(
            "Connection was closed before we received a valid response from endpoint URL \
             (injected)."
                .to_owned(),
        ));
    }
    Ok(answer)
}

fn sagemaker(world: &mut World, call: &Call, ends_failed: bool) -> Answer {
    let operation = call.operation.as_str();
    if operation.contains("transform-job") {
        jobs::act(world, call, ends_failed)
    } else if operation.ends_with("endpoint")
        || operation.ends_with("endpoints")
        || operation.contains("inference-component")
    {
        endpoints::act(world, call, ends_failed)
    } else {
        models::act(world, call)
    }
}

/// The operation is in the table but nothing implements it: a defect of the stand-in.
fn not_implemented(call: &Call) -> Answer {
    Err(Failure::usage(format!(
        "standin: {} {} is in the table but not implemented",
        call.service, call.operation
    )))
}

/// A new resource from the input of its create call.
fn resource(call: &Call, more: Value) -> Value {
    let mut map: Map<String, Value> = call.input.clone();
    map.insert("CreationTime".to_owned(), json!("2026-01-01T00:00:00+00:00"));
    if let Value::Object(more) = more {
        map.extend(more);
    }
    Value::Object(map)
}

/// Looks up `kind`, or the error that `missing` makes of it.
fn find<'w>(
    world: &'w World,
    kind: &str,
    region: &str,
    id: &str,
    missing: impl FnOnce() -> Failure,
) -> Result<&'w Value, Failure> {
    world.get(kind, region, id).ok_or_else(missing)
}
