//! SageMaker endpoints and inference components, with their phases, and calls to them.

use std::fs;

use serde_json::{Value, json};

use super::args::Call;
use super::models::{CONFIG, MODEL, check_name, exists, missing};
use super::{find, not_implemented, resource, storage};
use crate::docker::CANNED;
use crate::outcome::{Answer, Failure};
use crate::world::{World, set};

const ENDPOINT: &str = "sagemaker.endpoint";
const COMPONENT: &str = "sagemaker.inference-component";
const STATUS: &str = "EndpointStatus";
const COMPONENT_STATUS: &str = "InferenceComponentStatus";
const REASON: &str = "The primary container for production variant AllTraffic did not pass the \
                      ping health check. Please check CloudWatch logs for this endpoint. (injected)";

fn settled(value: &Value, field: &str) -> bool {
    matches!(value.get(field).and_then(Value::as_str), Some("InService" | "Failed"))
}

fn status<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Handles endpoints and inference components.
pub(super) fn act(world: &mut World, call: &Call, ends_failed: bool) -> Answer {
    let region = call.region()?.to_owned();
    match call.operation.as_str() {
        "create-endpoint" => create(world, call, &region, ends_failed),
        "update-endpoint" => update(world, call, &region, ends_failed),
        "describe-endpoint" => {
            let name = call.text("EndpointName");
            world.look(ENDPOINT, &region, name, STATUS);
            find(world, ENDPOINT, &region, name, || no_endpoint(world, &region, name)).cloned()
        }
        "delete-endpoint" => delete(world, call, &region),
        "list-endpoints" => {
            let list: Vec<Value> = world
                .list(ENDPOINT, &region)
                .into_iter()
                .filter(|(id, _)| id.contains(call.text("NameContains")))
                .map(|(_, v)| v)
                .collect();
            Ok(json!({"Endpoints": list}))
        }
        _ => component(world, call, &region, ends_failed),
    }
}

fn no_endpoint(world: &World, region: &str, name: &str) -> Failure {
    missing(world, "endpoint", region, &format!("endpoint/{name}"))
}

/// The variants of an endpoint as `describe-endpoint` shows them, or why they cannot start.
fn variants(world: &World, call: &Call, region: &str) -> Result<Vec<Value>, Failure> {
    let name = call.text("EndpointConfigName");
    let gone = || {
        let rest = format!("endpoint-config/{name}");
        missing(world, "endpoint configuration", region, &rest)
    };
    let config = find(world, CONFIG, region, name, gone)?;
    let variants = config.get("ProductionVariants").and_then(Value::as_array);
    let variants = variants.into_iter().flatten().map(|variant| {
        if let Some(model) = variant.get("ModelName").and_then(Value::as_str) {
            let rest = format!("model/{model}");
            find(world, MODEL, region, model, || missing(world, "model", region, &rest))?;
        }
        let count = variant.get("InitialInstanceCount");
        Ok(json!({
            "VariantName": variant.get("VariantName"),
            "CurrentWeight": 1.0, "DesiredWeight": 1.0,
            "CurrentInstanceCount": count, "DesiredInstanceCount": count,
            "InstanceType": variant.get("InstanceType"),
        }))
    });
    variants.collect()
}

fn create(world: &mut World, call: &Call, region: &str, ends_failed: bool) -> Answer {
    let name = call.text("EndpointName");
    check_name(name, 63)?;
    if world.get(ENDPOINT, region, name).is_some() {
        return Err(exists(world, "endpoint", region, &format!("endpoint/{name}")));
    }
    let variants = variants(world, call, region)?;
    let arn = world.arn("sagemaker", region, &format!("endpoint/{name}"));
    let mut value = resource(call, json!({"EndpointArn": arn, "ProductionVariants": variants}));
    let then = if ends_failed { "Failed" } else { "InService" };
    World::start(&mut value, STATUS, "Creating", then, world.steps());
    if ends_failed {
        set(&mut value, "FailureReason", json!(REASON));
    }
    world.put(ENDPOINT, region, name, value);
    // The service makes this log group; nobody else records it.
    world.put(
        "logs.group",
        region,
        &format!("/aws/sagemaker/Endpoints/{name}"),
        json!({"_by": "service"}),
    );
    Ok(json!({"EndpointArn": arn}))
}

/// An update that fails rolls back: the endpoint serves its old configuration again.
fn update(world: &mut World, call: &Call, region: &str, ends_failed: bool) -> Answer {
    let name = call.text("EndpointName");
    let current = find(world, ENDPOINT, region, name, || no_endpoint(world, region, name))?;
    if !settled(current, STATUS) {
        return Err(Failure::validation(format!(
            "Cannot update in-progress endpoint \"{}\".",
            world.arn("sagemaker", region, &format!("endpoint/{name}"))
        )));
    }
    if status(current, STATUS) == "Failed" {
        return Err(Failure::validation(
            "Cannot update an endpoint in Failed status: it can only be deleted.",
        ));
    }
    let mut value = current.clone();
    let variants = variants(world, call, region)?;
    let steps = world.steps();
    World::start(&mut value, STATUS, "Updating", "InService", steps);
    if ends_failed {
        set(&mut value, "FailureReason", json!(REASON));
        set(&mut value, "LastDeploymentConfig", call.value("DeploymentConfig"));
    } else {
        set(&mut value, "EndpointConfigName", json!(call.text("EndpointConfigName")));
        set(&mut value, "ProductionVariants", json!(variants));
        if let Value::Object(map) = &mut value {
            map.remove("FailureReason");
        }
    }
    world.put(ENDPOINT, region, name, value.clone());
    Ok(json!({"EndpointArn": value.get("EndpointArn")}))
}

fn delete(world: &mut World, call: &Call, region: &str) -> Answer {
    let name = call.text("EndpointName");
    let current = find(world, ENDPOINT, region, name, || no_endpoint(world, region, name))?;
    if !settled(current, STATUS) {
        return Err(Failure::validation(format!(
            "Cannot update in-progress endpoint \"{}\".",
            world.arn("sagemaker", region, &format!("endpoint/{name}"))
        )));
    }
    let hosted = world.list(COMPONENT, region);
    if hosted.iter().any(|(_, c)| c.get("EndpointName") == Some(&json!(name))) {
        return Err(Failure::validation(
            "Cannot delete endpoint: delete its inference components first.",
        ));
    }
    let mut value = current.clone();
    World::start(&mut value, STATUS, "Deleting", "gone", 1);
    world.put(ENDPOINT, region, name, value);
    Ok(json!({}))
}

fn component(world: &mut World, call: &Call, region: &str, ends_failed: bool) -> Answer {
    let name = call.text("InferenceComponentName").to_owned();
    let gone = |world: &World| {
        missing(world, "inference component", region, &format!("inference-component/{name}"))
    };
    match call.operation.as_str() {
        "create-inference-component" => {
            return create_component(world, call, region, ends_failed);
        }
        "list-inference-components" => {
            let endpoint = call.text("EndpointNameEquals");
            let all = world.list(COMPONENT, region).into_iter().map(|(_, v)| v);
            let list: Vec<Value> = all
                .filter(|v| endpoint.is_empty() || status(v, "EndpointName") == endpoint)
                .collect();
            return Ok(json!({"InferenceComponents": list}));
        }
        "describe-inference-component" => {
            world.look(COMPONENT, region, &name, COMPONENT_STATUS);
            return find(world, COMPONENT, region, &name, || gone(world)).cloned();
        }
        _ => {}
    }
    let current = find(world, COMPONENT, region, &name, || gone(world))?;
    let arn = current.get("InferenceComponentArn").cloned();
    if !settled(current, COMPONENT_STATUS) {
        return Err(Failure::validation(format!(
            "Cannot change inference component \"{name}\" in status {}.",
            status(current, COMPONENT_STATUS)
        )));
    }
    let mut value = current.clone();
    match call.operation.as_str() {
        "update-inference-component" => {
            if let Some(model) = call.value("Specification").get("ModelName") {
                let model = model.as_str().unwrap_or_default();
                let rest = format!("model/{model}");
                find(world, MODEL, region, model, || missing(world, "model", region, &rest))?;
            }
            let then = if ends_failed { "Failed" } else { "InService" };
            for member in ["Specification", "RuntimeConfig"] {
                if let Some(new) = call.input.get(member) {
                    set(&mut value, member, new.clone());
                }
            }
            if ends_failed {
                set(&mut value, "FailureReason", json!(REASON));
            }
            World::start(&mut value, COMPONENT_STATUS, "Updating", then, world.steps());
        }
        "update-inference-component-runtime-config" => {
            set(&mut value, "RuntimeConfig", call.value("DesiredRuntimeConfig"));
            World::start(&mut value, COMPONENT_STATUS, "Updating", "InService", world.steps());
        }
        "delete-inference-component" => {
            World::start(&mut value, COMPONENT_STATUS, "Deleting", "gone", 1);
        }
        _ => return not_implemented(call),
    }
    world.put(COMPONENT, region, &name, value);
    Ok(json!({"InferenceComponentArn": arn}))
}

fn create_component(world: &mut World, call: &Call, region: &str, ends_failed: bool) -> Answer {
    let name = call.text("InferenceComponentName");
    check_name(name, 63)?;
    if world.get(COMPONENT, region, name).is_some() {
        let rest = format!("inference-component/{name}");
        return Err(exists(world, "inference component", region, &rest));
    }
    let endpoint = call.text("EndpointName");
    let host = find(world, ENDPOINT, region, endpoint, || no_endpoint(world, region, endpoint))?;
    if status(host, STATUS) != "InService" {
        return Err(Failure::validation(format!(
            "Endpoint {endpoint} is not in InService status: {}.",
            status(host, STATUS)
        )));
    }
    let model = call.value("Specification");
    if let Some(model) = model.get("ModelName").and_then(Value::as_str) {
        let rest = format!("model/{model}");
        find(world, MODEL, region, model, || missing(world, "model", region, &rest))?;
    }
    let arn = world.arn("sagemaker", region, &format!("inference-component/{name}"));
    let mut value = resource(call, json!({"InferenceComponentArn": arn}));
    let then = if ends_failed { "Failed" } else { "InService" };
    if ends_failed {
        set(&mut value, "FailureReason", json!(REASON));
    }
    World::start(&mut value, COMPONENT_STATUS, "Creating", then, world.steps());
    world.put(COMPONENT, region, name, value);
    let group = format!("/aws/sagemaker/InferenceComponents/{name}");
    world.put("logs.group", region, &group, json!({"_by": "service"}));
    Ok(json!({"InferenceComponentArn": arn}))
}

/// Handles `sagemaker-runtime`: canned answers, but only from what is in service.
pub(super) fn invoke(world: &mut World, call: &Call) -> Answer {
    let region = call.region()?.to_owned();
    let name = call.text("EndpointName");
    let gone = || {
        Failure::validation(format!("Endpoint {name} of account {} not found.", world.account()))
    };
    let endpoint = find(world, ENDPOINT, &region, name, gone)?;
    if !matches!(status(endpoint, STATUS), "InService" | "Updating") {
        return Err(gone());
    }
    let config = status(endpoint, "EndpointConfigName");
    let config = world.get(CONFIG, &region, config).cloned().unwrap_or_default();
    let component = call.text("InferenceComponentName");
    if !component.is_empty() {
        let found = world.get(COMPONENT, &region, component);
        if found.map(|c| status(c, COMPONENT_STATUS)) != Some("InService") {
            return Err(Failure::validation(format!(
                "Inference Component Name {component} is not found or not in service."
            )));
        }
    }
    let answer = CANNED.as_bytes();
    if call.operation == "invoke-endpoint" {
        if config.get("AsyncInferenceConfig").is_some() {
            return Err(Failure::validation(format!(
                "Endpoint {name} is of type ASYNC: InvokeEndpoint is not supported."
            )));
        }
        let outfile = call.outfile.as_deref().unwrap_or_default();
        fs::write(outfile, answer).map_err(|e| Failure::usage(format!("{outfile}: {e}")))?;
        return Ok(
            json!({"ContentType": "application/json", "InvokedProductionVariant": "AllTraffic"}),
        );
    }
    let output = config.pointer("/AsyncInferenceConfig/OutputConfig/S3OutputPath");
    let Some((to, prefix)) = output.and_then(Value::as_str).and_then(storage::split) else {
        return Err(Failure::validation(format!("Endpoint {name} is not an async endpoint.")));
    };
    let input = storage::split(call.text("InputLocation"));
    let input = input.ok_or_else(|| Failure::validation("InputLocation is not an S3 URI"))?;
    if storage::read(world, input.0, input.1).is_none() {
        return Err(Failure::validation(format!(
            "The input s3://{}/{} does not exist.",
            input.0, input.1
        )));
    }
    let id = format!("{:08}", world.count("invocations"));
    let key = format!("{}/{id}.out", prefix.trim_end_matches('/'));
    let key = key.trim_start_matches('/').to_owned();
    let (to, location) = (to.to_owned(), format!("s3://{to}/{key}"));
    if !world.is_set("async_never_answers") {
        storage::write(world, &to, &key, answer)?;
    }
    Ok(json!({"InferenceId": id, "OutputLocation": location}))
}
