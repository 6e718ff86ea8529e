//! AWS CodeBuild: projects, and builds that push an image when they succeed.

use serde_json::{Map, Value, json};

use super::args::Call;
use super::identity::check_role;
use super::{artifacts, find, not_implemented, resource, storage};
use crate::outcome::{Answer, Failure};
use crate::world::World;

const PROJECT: &str = "codebuild.project";
const BUILD: &str = "codebuild.build";
const STATUS: &str = "buildStatus";

fn bad(message: impl Into<String>) -> Failure {
    Failure::service("InvalidInputException", message)
}

/// Handles `codebuild`.
pub(super) fn act(world: &mut World, call: &Call, ends_failed: bool) -> Answer {
    let region = call.region()?.to_owned();
    let name = call.text("name").to_owned();
    match call.operation.as_str() {
        "create-project" | "update-project" => save_project(world, call, &region, &name),
        "batch-get-projects" => {
            let (found, missing) = split(world, PROJECT, &region, &call.texts("names"));
            Ok(json!({"projects": found, "projectsNotFound": missing}))
        }
        "delete-project" => {
            // As the real one: deleting what is not there is no error. The builds go with it.
            world.remove(PROJECT, &region, &name);
            let prefix = format!("{name}:");
            for (id, _) in world.list(BUILD, &region) {
                if id.starts_with(&prefix) {
                    world.remove(BUILD, &region, &id);
                }
            }
            Ok(json!({}))
        }
        "start-build" => start(world, call, &region, ends_failed),
        "batch-get-builds" => {
            let ids = call.texts("ids");
            for id in &ids {
                if world.look(BUILD, &region, id, STATUS) {
                    finish(world, &region, id);
                }
            }
            let (found, missing) = split(world, BUILD, &region, &ids);
            Ok(json!({"builds": found, "buildsNotFound": missing}))
        }
        "stop-build" => {
            let id = call.text("id");
            let gone = || Failure::service("ResourceNotFoundException", format!("no build {id}"));
            let mut build = find(world, BUILD, &region, id, gone)?.clone();
            if let Value::Object(map) = &mut build {
                map.insert(STATUS.to_owned(), json!("STOPPED"));
                map.remove("_pending");
            }
            world.put(BUILD, &region, id, build.clone());
            Ok(json!({"build": build}))
        }
        _ => not_implemented(call),
    }
}

fn split(world: &World, kind: &str, region: &str, ids: &[String]) -> (Vec<Value>, Vec<String>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        match world.get(kind, region, id) {
            Some(value) => found.push(value.clone()),
            None => missing.push(id.clone()),
        }
    }
    (found, missing)
}

fn save_project(world: &mut World, call: &Call, region: &str, name: &str) -> Answer {
    let creates = call.operation == "create-project";
    let there = world.get(PROJECT, region, name).cloned();
    if creates && there.is_some() {
        let arn = world.arn("codebuild", region, &format!("project/{name}"));
        return Err(Failure::service(
            "ResourceAlreadyExistsException",
            format!("Project already exists: {arn}"),
        ));
    }
    if !creates && there.is_none() {
        let arn = world.arn("codebuild", region, &format!("project/{name}"));
        return Err(Failure::service(
            "ResourceNotFoundException",
            format!("Project cannot be found: {arn}"),
        ));
    }
    let role = call.text("serviceRole").to_owned();
    if !role.is_empty() && check_role(world, &role).is_err() {
        return Err(bad(format!(
            "CodeBuild is not authorized to perform: sts:AssumeRole on {role}"
        )));
    }
    let arn = world.arn("codebuild", region, &format!("project/{name}"));
    let mut value = there.unwrap_or_else(|| json!({}));
    if let (Value::Object(old), Value::Object(new)) =
        (&mut value, resource(call, json!({"arn": arn})))
    {
        old.extend(new);
    }
    world.put(PROJECT, region, name, value.clone());
    Ok(json!({"project": value}))
}

fn start(world: &mut World, call: &Call, region: &str, ends_failed: bool) -> Answer {
    let name = call.text("projectName");
    let gone = || {
        Failure::service("ResourceNotFoundException", format!("Project cannot be found: {name}"))
    };
    let project = find(world, PROJECT, region, name, gone)?.clone();
    let given = call.text("sourceLocationOverride");
    let source = project.pointer("/source/location").and_then(Value::as_str);
    let source = if given.is_empty() { source.unwrap_or_default() } else { given };
    let (bucket, key) = source.split_once('/').unwrap_or((source, ""));
    let there = storage::read(world, bucket, key).is_some()
        || (key.ends_with('/') && !storage::keys(world, bucket, key).is_empty());
    if !there {
        return Err(bad(format!("Source does not exist: {source}")));
    }
    let mut variables = Map::new();
    let of_project = project.pointer("/environment/environmentVariables").cloned();
    let of_build = call.value("environmentVariablesOverride");
    for list in [of_project.unwrap_or_default(), of_build] {
        for item in list.as_array().into_iter().flatten() {
            if let Some(key) = item.get("name").and_then(Value::as_str) {
                variables.insert(key.to_owned(), item.get("value").cloned().unwrap_or_default());
            }
        }
    }
    let id = format!("{name}:{:08}", world.count("builds"));
    let group = format!("/aws/codebuild/{name}");
    world.put("logs.group", region, &group, json!({"_by": "service"}));
    let mut build = json!({
        "id": id,
        "arn": world.arn("codebuild", region, &format!("build/{id}")),
        "projectName": name,
        "currentPhase": "BUILD",
        "logs": {"groupName": group, "streamName": id.rsplit(':').next()},
        "phases": [{"phaseType": "BUILD", "phaseStatus": if ends_failed { "FAILED" } else { "SUCCEEDED" },
                    "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "exit status 1 (injected)"}]}],
        "_variables": variables,
    });
    let then = if ends_failed { "FAILED" } else { "SUCCEEDED" };
    World::start(&mut build, STATUS, "IN_PROGRESS", then, world.steps());
    world.put(BUILD, region, &id, build.clone());
    Ok(json!({"build": build}))
}

/// A build that succeeded has pushed its image.
fn finish(world: &mut World, region: &str, id: &str) {
    let Some(build) = world.get(BUILD, region, id).cloned() else { return };
    if build.get(STATUS) != Some(&json!("SUCCEEDED")) {
        return;
    }
    let variables = build.get("_variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let text = |name: &str| variables.get(name).and_then(Value::as_str).map(str::to_owned);
    let host = artifacts::registry_host(&world.account(), region);
    let uri = variables.values().filter_map(Value::as_str).find_map(|v| {
        let (repository, tag) = v.strip_prefix(&host)?.strip_prefix('/')?.split_once(':')?;
        Some((repository.to_owned(), tag.to_owned()))
    });
    // Without a name of its own the repository is called as the project is.
    let project = build.get("projectName").and_then(Value::as_str).unwrap_or_default();
    let (repository, tag) = uri.unwrap_or_else(|| {
        let repository = text("ECR_REPOSITORY").unwrap_or_else(|| project.to_owned());
        (repository, text("IMAGE_TAG").unwrap_or_else(|| "latest".to_owned()))
    });
    artifacts::push(world, region, &repository, &tag);
}
