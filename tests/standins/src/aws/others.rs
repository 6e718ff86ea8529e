//! Services of which the scripts need only a question or two: EKS, FSx, Secrets Manager, SNS.

use std::fs;

use serde_json::{Value, json};

use super::args::Call;
use super::{find, not_implemented};
use crate::outcome::{Answer, Failure};
use crate::world::World;

/// Handles the rest of the table.
pub(super) fn act(world: &mut World, call: &Call) -> Answer {
    let region = call.region()?.to_owned();
    match call.service.as_str() {
        "eks" => eks(world, call, &region),
        "fsx" => file_systems(world, call, &region),
        "secretsmanager" => secret(world, call, &region),
        "sns" => sns(world, call, &region),
        _ => not_implemented(call),
    }
}

fn eks(world: &World, call: &Call, region: &str) -> Answer {
    let name = call.text("name");
    let cluster = find(world, "eks.cluster", region, name, || {
        Failure::service("ResourceNotFoundException", format!("No cluster found for name: {name}."))
    })?;
    if call.operation == "describe-cluster" {
        return Ok(json!({"cluster": cluster}));
    }
    let arn = world.arn("eks", region, &format!("cluster/{name}"));
    let file = match call.text("kubeconfig") {
        "" => {
            return Err(Failure::usage(
                "standin: update-kubeconfig without --kubeconfig would change the user's own file",
            ));
        }
        file => file,
    };
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": arn, "preferences": {},
        "clusters": [{"name": arn, "cluster": {"server": "https://standin"}}],
        "contexts": [{"name": arn, "context": {"cluster": arn, "user": arn}}],
        "users": [{"name": arn, "user": {}}],
    });
    fs::write(file, config.to_string()).map_err(|e| Failure::usage(format!("{file}: {e}")))?;
    Ok(json!(format!("Added new context {arn} to {file}\n")))
}

/// File systems exist from the start: a test puts them into the world.
fn file_systems(world: &World, call: &Call, region: &str) -> Answer {
    let one = |id: &String| {
        let gone = || {
            Failure::service("FileSystemNotFound", format!("File system '{id}' does not exist."))
        };
        find(world, "fsx.file-system", region, id, gone).cloned()
    };
    let found: Result<Vec<Value>, Failure> = call.texts("FileSystemIds").iter().map(one).collect();
    Ok(json!({"FileSystems": found?}))
}

fn secret(world: &World, call: &Call, region: &str) -> Answer {
    let id = call.text("SecretId");
    let gone = || {
        Failure::service(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
        )
    };
    let secret = find(world, "secretsmanager.secret", region, id, gone)?;
    match call.operation.as_str() {
        "describe-secret" => Ok(json!({"ARN": id, "Name": id})),
        "get-secret-value" => {
            Ok(json!({"ARN": id, "Name": id, "SecretString": secret.get("SecretString")}))
        }
        _ => not_implemented(call),
    }
}

fn sns(world: &mut World, call: &Call, region: &str) -> Answer {
    match call.operation.as_str() {
        "create-topic" => {
            let name = call.text("Name");
            let arn = world.arn("sns", region, name);
            world.put("sns.topic", region, &arn, Value::Object(call.input.clone()));
            Ok(json!({"TopicArn": arn}))
        }
        "get-topic-attributes" => {
            let arn = call.text("TopicArn");
            let gone = || Failure::service("NotFound", "Topic does not exist");
            find(world, "sns.topic", region, arn, gone)?;
            Ok(json!({"Attributes": {"TopicArn": arn}}))
        }
        "delete-topic" => {
            world.remove("sns.topic", region, call.text("TopicArn"));
            Ok(json!({}))
        }
        _ => not_implemented(call),
    }
}
