//! SageMaker's things without a life of their own: models, endpoint configurations, model
//! packages, tags, HyperPod clusters.

use serde_json::{Value, json};

use super::args::Call;
use super::artifacts::check_image;
use super::identity::check_role;
use super::storage;
use super::{find, not_implemented, resource};
use crate::outcome::{Answer, Failure};
use crate::world::World;

/// The kind of a model in the world.
pub(super) const MODEL: &str = "sagemaker.model";
/// The kind of an endpoint configuration in the world.
pub(super) const CONFIG: &str = "sagemaker.endpoint-config";
const GROUP: &str = "sagemaker.model-package-group";
const PACKAGE: &str = "sagemaker.model-package";

/// How SageMaker says that something is not there.
pub(super) fn missing(world: &World, what: &str, region: &str, rest: &str) -> Failure {
    Failure::validation(format!(
        "Could not find {what} \"{}\".",
        world.arn("sagemaker", region, rest)
    ))
}

/// How SageMaker says that something is there already.
pub(super) fn exists(world: &World, what: &str, region: &str, rest: &str) -> Failure {
    Failure::validation(format!(
        "Cannot create already existing {what} \"{}\".",
        world.arn("sagemaker", region, rest)
    ))
}

/// Names are letters, digits and single hyphens inside, at most 63.
pub(super) fn check_name(name: &str, most: usize) -> Result<(), Failure> {
    let good = !name.is_empty()
        && name.len() <= most
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if good {
        return Ok(());
    }
    Err(Failure::validation(format!(
        "1 validation error detected: Value '{name}' failed to satisfy constraint: Member must \
         satisfy regular expression pattern: ^[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?$"
    )))
}

/// Handles the plain SageMaker operations.
pub(super) fn act(world: &mut World, call: &Call) -> Answer {
    let region = call.region()?.to_owned();
    match call.operation.as_str() {
        "create-model" => create_model(world, call, &region),
        "describe-model" => {
            describe(world, MODEL, "model", "model", &region, call.text("ModelName"))
        }
        "delete-model" => remove(world, MODEL, "model", "model", &region, call.text("ModelName")),
        "list-models" => Ok(json!({"Models": named(world, MODEL, &region, call)})),
        "create-endpoint-config" => create_config(world, call, &region),
        "describe-endpoint-config" => {
            let name = call.text("EndpointConfigName");
            describe(world, CONFIG, "endpoint configuration", "endpoint-config", &region, name)
        }
        "delete-endpoint-config" => {
            let name = call.text("EndpointConfigName");
            remove(world, CONFIG, "endpoint configuration", "endpoint-config", &region, name)
        }
        "list-endpoint-configs" => {
            Ok(json!({"EndpointConfigs": named(world, CONFIG, &region, call)}))
        }
        "add-tags" => Ok(json!({"Tags": call.value("Tags")})),
        "list-tags" => list_tags(world, call, &region),
        "describe-cluster" => {
            let name = call.text("ClusterName");
            let gone = || {
                Failure::service("ResourceNotFound", format!("Cluster with name {name} not found"))
            };
            find(world, "sagemaker.cluster", &region, name, gone).cloned()
        }
        _ => packages(world, call, &region),
    }
}

fn describe(world: &World, kind: &str, what: &str, arn: &str, region: &str, name: &str) -> Answer {
    let gone = || missing(world, what, region, &format!("{arn}/{name}"));
    find(world, kind, region, name, gone).cloned()
}

fn remove(
    world: &mut World,
    kind: &str,
    what: &str,
    arn: &str,
    region: &str,
    name: &str,
) -> Answer {
    match world.remove(kind, region, name) {
        Some(_) => Ok(json!({})),
        None => Err(missing(world, what, region, &format!("{arn}/{name}"))),
    }
}

fn named(world: &World, kind: &str, region: &str, call: &Call) -> Vec<Value> {
    let contains = call.text("NameContains");
    let all = world.list(kind, region).into_iter();
    all.filter(|(id, _)| id.contains(contains)).map(|(_, v)| v).collect()
}

fn list_tags(world: &World, call: &Call, region: &str) -> Answer {
    let arn = call.text("ResourceArn");
    let kinds = ["model", "endpoint-config", "endpoint", "inference-component", "transform-job"];
    for kind in kinds {
        for (id, value) in world.list(&format!("sagemaker.{kind}"), region) {
            if world.arn("sagemaker", region, &format!("{kind}/{id}")) == arn {
                let tags = value.get("Tags").cloned().unwrap_or_else(|| json!([]));
                return Ok(json!({"Tags": tags}));
            }
        }
    }
    Err(Failure::validation(format!("Could not find resource \"{arn}\".")))
}

fn create_model(world: &mut World, call: &Call, region: &str) -> Answer {
    let name = call.text("ModelName");
    check_name(name, 63)?;
    if world.get(MODEL, region, name).is_some() {
        return Err(exists(world, "model", region, &format!("model/{name}")));
    }
    let mut containers = call.value("Containers").as_array().cloned().unwrap_or_default();
    containers.extend(call.input.get("PrimaryContainer").cloned());
    if containers.is_empty() {
        return Err(Failure::validation("Either PrimaryContainer or Containers is required"));
    }
    check_role(world, call.text("ExecutionRoleArn"))?;
    for container in &containers {
        if let Some(image) = container.get("Image").and_then(Value::as_str) {
            check_image(world, image)?;
        }
        let source = container.pointer("/ModelDataSource/S3DataSource/S3Uri");
        let data = container.get("ModelDataUrl").or(source).and_then(Value::as_str);
        if let Some((bucket, key)) = data.and_then(storage::split) {
            // Buckets of other accounts are not in this world and are taken on trust.
            let own = storage::check_bucket(world, bucket, false).is_ok();
            if own && storage::keys(world, bucket, key).is_empty() {
                return Err(Failure::validation(format!(
                    "Could not find model data at s3://{bucket}/{key}."
                )));
            }
        }
    }
    let arn = world.arn("sagemaker", region, &format!("model/{name}"));
    world.put(MODEL, region, name, resource(call, json!({"ModelArn": arn})));
    Ok(json!({"ModelArn": arn}))
}

fn create_config(world: &mut World, call: &Call, region: &str) -> Answer {
    if !call.value("ExecutionRoleArn").is_null() {
        check_role(world, call.text("ExecutionRoleArn"))?;
    }
    let name = call.text("EndpointConfigName");
    check_name(name, 63)?;
    if world.get(CONFIG, region, name).is_some() {
        let rest = format!("endpoint-config/{name}");
        return Err(exists(world, "endpoint configuration", region, &rest));
    }
    let variants = call.value("ProductionVariants");
    for variant in variants.as_array().into_iter().flatten() {
        match variant.get("ModelName").and_then(Value::as_str) {
            Some(model) => {
                let rest = format!("model/{model}");
                find(world, MODEL, region, model, || missing(world, "model", region, &rest))?;
            }
            // Without a model the variant is for inference components and needs a role.
            None if call.value("ExecutionRoleArn").is_null() => {
                return Err(Failure::validation(
                    "ExecutionRoleArn is required when a variant has no ModelName",
                ));
            }
            None => {}
        }
    }
    let arn = world.arn("sagemaker", region, &format!("endpoint-config/{name}"));
    world.put(CONFIG, region, name, resource(call, json!({"EndpointConfigArn": arn})));
    Ok(json!({"EndpointConfigArn": arn}))
}

fn packages(world: &mut World, call: &Call, region: &str) -> Answer {
    let group = call.text("ModelPackageGroupName").to_owned();
    let no_group = |world: &World| {
        let arn = world.arn("sagemaker", region, &format!("model-package-group/{group}"));
        Failure::validation(format!("ModelPackageGroup {arn} does not exist."))
    };
    match call.operation.as_str() {
        "create-model-package-group" => {
            check_name(&group, 63)?;
            if world.get(GROUP, region, &group).is_some() {
                return Err(Failure::validation(format!(
                    "Model Package Group already exists: {}",
                    world.arn("sagemaker", region, &format!("model-package-group/{group}"))
                )));
            }
            let arn = world.arn("sagemaker", region, &format!("model-package-group/{group}"));
            let value = resource(call, json!({"ModelPackageGroupArn": arn}));
            world.put(GROUP, region, &group, value);
            Ok(json!({"ModelPackageGroupArn": arn}))
        }
        "describe-model-package-group" => {
            find(world, GROUP, region, &group, || no_group(world)).cloned()
        }
        "delete-model-package-group" => {
            let prefix = format!("{group}/");
            let used = world.list(PACKAGE, region).iter().any(|(id, _)| id.starts_with(&prefix));
            if used {
                return Err(Failure::service(
                    "ConflictException",
                    "ModelPackageGroup cannot be deleted because it still contains ModelPackages",
                ));
            }
            world.remove(GROUP, region, &group).ok_or_else(|| no_group(world))?;
            Ok(json!({}))
        }
        "create-model-package" => {
            find(world, GROUP, region, &group, || no_group(world))?;
            let version = world.count("model_packages");
            let id = format!("{group}/{version}");
            let arn = world.arn("sagemaker", region, &format!("model-package/{id}"));
            let value = resource(
                call,
                json!({"ModelPackageArn": arn, "ModelPackageVersion": version,
                       "ModelPackageStatus": "Completed"}),
            );
            world.put(PACKAGE, region, &id, value);
            Ok(json!({"ModelPackageArn": arn}))
        }
        "list-model-packages" => {
            let prefix = format!("{group}/");
            let all = world.list(PACKAGE, region).into_iter();
            let list: Vec<Value> =
                all.filter(|(id, _)| id.starts_with(&prefix)).map(|(_, v)| v).collect();
            Ok(json!({"ModelPackageSummaryList": list}))
        }
        "describe-model-package" | "delete-model-package" => {
            let name = call.text("ModelPackageName");
            let id = name.split_once("model-package/").map_or(name, |(_, id)| id);
            let gone = || Failure::validation(format!("ModelPackage {name} does not exist."));
            if call.operation == "describe-model-package" {
                return find(world, PACKAGE, region, id, gone).cloned();
            }
            world.remove(PACKAGE, region, id).ok_or_else(gone)?;
            Ok(json!({}))
        }
        _ => not_implemented(call),
    }
}
