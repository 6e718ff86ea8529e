//! Application Auto Scaling and CloudWatch alarms.

use serde_json::{Value, json};

use super::args::Call;
use super::not_implemented;
use crate::outcome::{Answer, Failure};
use crate::world::World;

const TARGET: &str = "application-autoscaling.target";
const POLICY: &str = "application-autoscaling.policy";
const ALARM: &str = "cloudwatch.alarm";

/// Handles `application-autoscaling` and `cloudwatch`.
pub(super) fn act(world: &mut World, call: &Call) -> Answer {
    let region = call.region()?.to_owned();
    if call.service == "cloudwatch" {
        return alarms(world, call, &region);
    }
    let id = call.text("ResourceId").to_owned();
    let policy = format!("{id}/{}", call.text("PolicyName"));
    let no_target = || {
        Failure::service(
            "ObjectNotFoundException",
            format!("No scalable target found for service namespace: sagemaker, resource ID: {id}"),
        )
    };
    match call.operation.as_str() {
        "register-scalable-target" => {
            check_resource(world, &region, &id)?;
            world.put(TARGET, &region, &id, Value::Object(call.input.clone()));
            Ok(json!({}))
        }
        "deregister-scalable-target" => {
            world.remove(TARGET, &region, &id).ok_or_else(no_target)?;
            let prefix = format!("{id}/");
            let policies = world.list(POLICY, &region).into_iter();
            for policy in policies.map(|(p, _)| p).filter(|p| p.starts_with(&prefix)) {
                world.remove(POLICY, &region, &policy);
            }
            Ok(json!({}))
        }
        "describe-scalable-targets" => {
            let wanted = call.texts("ResourceIds");
            let all = world.list(TARGET, &region).into_iter();
            let list: Vec<Value> = all
                .filter(|(id, _)| wanted.is_empty() || wanted.contains(id))
                .map(|(_, v)| v)
                .collect();
            Ok(json!({"ScalableTargets": list}))
        }
        "put-scaling-policy" => {
            world.get(TARGET, &region, &id).ok_or_else(no_target)?;
            world.put(POLICY, &region, &policy, Value::Object(call.input.clone()));
            let arn = world.arn("autoscaling", &region, &format!("scalingPolicy:1:{policy}"));
            Ok(json!({"PolicyARN": arn, "Alarms": []}))
        }
        "delete-scaling-policy" => {
            world.remove(POLICY, &region, &policy).ok_or_else(|| {
                Failure::service("ObjectNotFoundException", "No scaling policy found (NotFound)")
            })?;
            Ok(json!({}))
        }
        "describe-scaling-policies" => {
            let prefix = format!("{id}/");
            let all = world.list(POLICY, &region).into_iter();
            let list: Vec<Value> =
                all.filter(|(p, _)| p.starts_with(&prefix)).map(|(_, v)| v).collect();
            Ok(json!({"ScalingPolicies": list}))
        }
        _ => not_implemented(call),
    }
}

/// `endpoint/NAME/variant/VARIANT` or `inference-component/NAME`, of something that is in service.
fn check_resource(world: &World, region: &str, id: &str) -> Result<(), Failure> {
    let parts: Vec<&str> = id.split('/').collect();
    let (kind, field, name) = match parts.as_slice() {
        ["endpoint", name, "variant", _] => ("sagemaker.endpoint", "EndpointStatus", *name),
        ["inference-component", name] => {
            ("sagemaker.inference-component", "InferenceComponentStatus", *name)
        }
        _ => return Err(Failure::validation(format!("Unsupported resource ID: {id}"))),
    };
    let status = world.get(kind, region, name).and_then(|v| v.get(field));
    if status == Some(&json!("InService")) {
        return Ok(());
    }
    Err(Failure::validation(format!("ECS/SageMaker resource does not exist or is not ready: {id}")))
}

fn alarms(world: &mut World, call: &Call, region: &str) -> Answer {
    match call.operation.as_str() {
        "put-metric-alarm" => {
            let name = call.text("AlarmName");
            let mut alarm = Value::Object(call.input.clone());
            if let Value::Object(map) = &mut alarm {
                map.insert("StateValue".to_owned(), json!("OK"));
            }
            world.put(ALARM, region, name, alarm);
            Ok(json!({}))
        }
        "delete-alarms" => {
            let names = call.texts("AlarmNames");
            if let Some(name) = names.iter().find(|n| world.get(ALARM, region, n).is_none()) {
                return Err(Failure::service(
                    "ResourceNotFound",
                    format!("Could not find alarm {name}"),
                ));
            }
            for name in &names {
                world.remove(ALARM, region, name);
            }
            Ok(json!({}))
        }
        "list-tags-for-resource" => {
            let arn = call.text("ResourceARN");
            let name = arn.rsplit(':').next().unwrap_or_default();
            let gone = || Failure::service("ResourceNotFoundException", format!("no {arn}"));
            let alarm = world.get(ALARM, region, name).ok_or_else(gone)?;
            Ok(json!({"Tags": alarm.get("Tags").cloned().unwrap_or_else(|| json!([]))}))
        }
        "describe-alarms" => {
            let wanted = call.texts("AlarmNames");
            let prefix = call.text("AlarmNamePrefix");
            let all = world.list(ALARM, region).into_iter();
            let list: Vec<Value> = all
                .filter(|(id, _)| wanted.is_empty() || wanted.contains(id))
                .filter(|(id, _)| id.starts_with(prefix))
                .map(|(_, v)| v)
                .collect();
            Ok(json!({"MetricAlarms": list, "CompositeAlarms": []}))
        }
        _ => not_implemented(call),
    }
}
