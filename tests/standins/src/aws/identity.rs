//! STS and IAM: who calls, and the roles that services take on.

use serde_json::{Value, json};

use super::args::Call;
use super::{not_implemented, resource};
use crate::outcome::{Answer, Failure};
use crate::world::World;

const ROLE: &str = "iam.role";
const INLINE: &str = "iam.inline-policy";
const ATTACHED: &str = "iam.attached-policy";

fn missing(name: &str) -> Failure {
    Failure::service("NoSuchEntity", format!("The role with name {name} cannot be found."))
}

/// IAM answers with documents as objects; what is sent must be JSON in a string.
fn document(call: &Call, member: &str) -> Result<Value, Failure> {
    serde_json::from_str(call.text(member)).map_err(|_| {
        Failure::service("MalformedPolicyDocument", "This policy contains invalid Json")
    })
}

/// Handles `sts` and `iam`.
pub(super) fn act(world: &mut World, call: &Call) -> Answer {
    if call.service == "sts" {
        let account = world.account();
        let partition = World::partition(call.region.as_deref().unwrap_or("us-east-1"));
        return Ok(json!({
            "UserId": "AROAEXAMPLE:tester",
            "Account": account,
            "Arn": format!("arn:{partition}:sts::{account}:assumed-role/tester/session"),
        }));
    }
    let role = call.text("RoleName");
    if call.operation == "create-role" {
        return create(world, call, role);
    }
    if world.get(ROLE, "-", role).is_none() {
        return Err(missing(role));
    }
    let inline_prefix = format!("{role}/");
    let inline = |world: &World| -> Vec<String> {
        let all = world.list(INLINE, "-").into_iter();
        all.filter_map(|(id, _)| Some(id.strip_prefix(&inline_prefix)?.to_owned())).collect()
    };
    let attached = |world: &World| -> Vec<String> {
        let all = world.list(ATTACHED, "-").into_iter();
        all.filter_map(|(id, _)| Some(id.strip_prefix(&inline_prefix)?.to_owned())).collect()
    };
    let policy_id = format!("{role}/{}", call.text("PolicyName"));
    let attached_id = format!("{role}/{}", call.text("PolicyArn"));
    let no_policy = || {
        Failure::service(
            "NoSuchEntity",
            format!("The role policy with name {} cannot be found.", call.text("PolicyName")),
        )
    };
    match call.operation.as_str() {
        "get-role" => Ok(json!({"Role": world.get(ROLE, "-", role)})),
        "delete-role" => {
            if !inline(world).is_empty() || !attached(world).is_empty() {
                return Err(Failure::service(
                    "DeleteConflict",
                    "Cannot delete entity, must delete policies first.",
                ));
            }
            world.remove(ROLE, "-", role);
            Ok(json!({}))
        }
        "put-role-policy" => {
            let document = document(call, "PolicyDocument")?;
            world.put(INLINE, "-", &policy_id, json!({"PolicyDocument": document}));
            Ok(json!({}))
        }
        "get-role-policy" => {
            let policy = world.get(INLINE, "-", &policy_id).ok_or_else(no_policy)?;
            Ok(json!({
                "RoleName": role,
                "PolicyName": call.text("PolicyName"),
                "PolicyDocument": policy.get("PolicyDocument"),
            }))
        }
        "delete-role-policy" => {
            world.remove(INLINE, "-", &policy_id).ok_or_else(no_policy)?;
            Ok(json!({}))
        }
        "list-role-policies" => Ok(json!({"PolicyNames": inline(world)})),
        "attach-role-policy" => {
            world.put(ATTACHED, "-", &attached_id, json!({"Role": role}));
            Ok(json!({}))
        }
        "detach-role-policy" => {
            world.remove(ATTACHED, "-", &attached_id).ok_or_else(no_policy)?;
            Ok(json!({}))
        }
        "list-attached-role-policies" => {
            let arns = attached(world);
            let list: Vec<Value> = arns.iter().map(|arn| json!({"PolicyArn": arn})).collect();
            Ok(json!({"AttachedPolicies": list}))
        }
        "update-assume-role-policy" => {
            let document = document(call, "PolicyDocument")?;
            if let Some(Value::Object(role)) = world.get_mut(ROLE, "-", role) {
                role.insert("AssumeRolePolicyDocument".to_owned(), document);
            }
            Ok(json!({}))
        }
        "tag-role" => Ok(json!({})),
        _ => not_implemented(call),
    }
}

fn create(world: &mut World, call: &Call, role: &str) -> Answer {
    if world.get(ROLE, "-", role).is_some() {
        return Err(Failure::service(
            "EntityAlreadyExists",
            format!("Role with name {role} already exists."),
        ));
    }
    let trust = document(call, "AssumeRolePolicyDocument")?;
    let partition = World::partition(call.region.as_deref().unwrap_or("us-east-1"));
    let arn = format!("arn:{partition}:iam::{}:role/{role}", world.account());
    let value = resource(
        call,
        json!({
            "Arn": arn,
            "AssumeRolePolicyDocument": trust,
            "Path": "/",
            "_fresh": world.setting("fresh_roles"),
        }),
    );
    world.put(ROLE, "-", role, value.clone());
    Ok(json!({"Role": value}))
}

/// Whether a service can take on this role: roles of other accounts are taken on trust, new
/// ones may need `fresh_roles` attempts until every service has heard of them.
pub(super) fn check_role(world: &mut World, arn: &str) -> Result<(), Failure> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let own = format!("::{}:role/", world.account());
    if !arn.starts_with("arn:") || !arn.contains(":role/") {
        return Err(Failure::validation(format!(
            "1 validation error detected: Value '{arn}' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: ^arn:aws[a-z\\-]*:iam::\\d{{12}}:role/.*$"
        )));
    }
    let mut usable = true;
    if arn.contains(&own) {
        usable = match world.get_mut(ROLE, "-", name) {
            Some(Value::Object(role)) => {
                let fresh = role.get("_fresh").and_then(Value::as_u64).unwrap_or(0);
                role.insert("_fresh".to_owned(), json!(fresh.saturating_sub(1)));
                fresh == 0
            }
            _ => false,
        };
    }
    if !usable {
        return Err(Failure::validation(format!(
            "Could not assume role {arn}. Please ensure that the role exists and allows principal \
             'sagemaker.amazonaws.com' to assume the role."
        )));
    }
    Ok(())
}
