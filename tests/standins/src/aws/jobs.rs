//! SageMaker batch transform jobs.

use serde_json::{Value, json};

use super::args::Call;
use super::models::{MODEL, check_name, missing};
use super::{find, not_implemented, resource, storage};
use crate::docker::CANNED;
use crate::outcome::{Answer, Failure};
use crate::world::World;

const JOB: &str = "sagemaker.transform-job";
const STATUS: &str = "TransformJobStatus";

/// Handles transform jobs.
pub(super) fn act(world: &mut World, call: &Call, ends_failed: bool) -> Answer {
    let region = call.region()?.to_owned();
    let name = call.text("TransformJobName").to_owned();
    let gone = || Failure::validation(format!("Could not find requested job with name: {name}"));
    match call.operation.as_str() {
        "create-transform-job" => create(world, call, &region, ends_failed),
        "describe-transform-job" => {
            if world.look(JOB, &region, &name, STATUS) {
                finish(world, &region, &name)?;
            }
            find(world, JOB, &region, &name, gone).cloned()
        }
        "stop-transform-job" => {
            let mut job = find(world, JOB, &region, &name, gone)?.clone();
            if job.get(STATUS) != Some(&json!("InProgress")) {
                return Err(Failure::validation(format!(
                    "The request was rejected because the transform job {name} is in status {}.",
                    job.get(STATUS).and_then(Value::as_str).unwrap_or_default()
                )));
            }
            World::start(&mut job, STATUS, "Stopping", "Stopped", 1);
            world.put(JOB, &region, &name, job);
            Ok(json!({}))
        }
        "list-transform-jobs" => {
            let contains = call.text("NameContains");
            let all = world.list(JOB, &region).into_iter();
            let list: Vec<Value> =
                all.filter(|(id, _)| id.contains(contains)).map(|(_, v)| v).collect();
            Ok(json!({"TransformJobSummaries": list}))
        }
        _ => not_implemented(call),
    }
}

fn create(world: &mut World, call: &Call, region: &str, ends_failed: bool) -> Answer {
    let name = call.text("TransformJobName");
    check_name(name, 63)?;
    if world.get(JOB, region, name).is_some() {
        return Err(Failure::service(
            "ResourceInUse",
            format!(
                "Job name must be unique within an AWS account and region, and a job with this \
                     name already exists ({name})"
            ),
        ));
    }
    let model = call.text("ModelName");
    let rest = format!("model/{model}");
    find(world, MODEL, region, model, || missing(world, "model", region, &rest))?;
    let number = |member: &str| call.value(member).as_u64();
    let (concurrent, payload) = (number("MaxConcurrentTransforms"), number("MaxPayloadInMB"));
    if concurrent.unwrap_or(1) * payload.unwrap_or(6) > 100 {
        return Err(Failure::validation(
            "The product of MaxConcurrentTransforms and MaxPayloadInMB must not exceed 100 MB",
        ));
    }
    let arn = world.arn("sagemaker", region, &format!("transform-job/{name}"));
    let mut job = resource(call, json!({"TransformJobArn": arn}));
    // Missing input is found out by the job, not by the call that starts it.
    let failed = ends_failed || inputs(world, &job).is_empty();
    let then = if failed { "Failed" } else { "Completed" };
    if let (true, Value::Object(map)) = (failed, &mut job) {
        let reason = if ends_failed {
            "ClientError: see the job logs (injected)"
        } else {
            "ClientError: no input was found under the given S3 prefix"
        };
        map.insert("FailureReason".to_owned(), json!(reason));
    }
    World::start(&mut job, STATUS, "InProgress", then, world.steps());
    world.put(JOB, region, name, job);
    world.put("logs.group", region, "/aws/sagemaker/TransformJobs", json!({"_by": "service"}));
    Ok(json!({"TransformJobArn": arn}))
}

/// The bucket and keys that a job reads.
fn inputs(world: &World, job: &Value) -> Vec<(String, String)> {
    let uri = job.pointer("/TransformInput/DataSource/S3DataSource/S3Uri");
    let Some((bucket, prefix)) = uri.and_then(Value::as_str).and_then(storage::split) else {
        return Vec::new();
    };
    let keys = storage::keys(world, bucket, prefix).into_iter();
    keys.map(|(key, _)| (bucket.to_owned(), key)).collect()
}

/// A job that has completed leaves one `.out` for each input.
fn finish(world: &mut World, region: &str, name: &str) -> Result<(), Failure> {
    let job = world.get(JOB, region, name).cloned().unwrap_or_default();
    if job.get(STATUS) != Some(&json!("Completed")) {
        return Ok(());
    }
    let output = job.pointer("/TransformOutput/S3OutputPath").and_then(Value::as_str);
    let Some((bucket, prefix)) = output.and_then(storage::split) else {
        return Ok(());
    };
    storage::check_bucket(world, bucket, false)?;
    for (_, key) in inputs(world, &job) {
        let file = key.rsplit('/').next().unwrap_or_default();
        let prefix = prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let out = format!("{prefix}{slash}{file}.out");
        storage::write(world, bucket, &out, CANNED.as_bytes())?;
    }
    Ok(())
}
