//! AWS profiles that a call may name, so that it is looked up with their credentials: those that the server was started
//! with, and no others.

use serde_json::{Value, json};

use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::JsonObject;
use crate::mcp::server::{Context, Tool};

/// The argument that names one.
const ARGUMENT: &str = "awsProfile";

/// Offers them to a client, in the schema of a tool's arguments.
pub(crate) fn offer(profiles: &[String], schema: &mut JsonObject) {
    if profiles.is_empty() {
        return;
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let about = "AWS profile whose account is read for prices, quotas, clusters and images. Left out: the \
                     server's own credentials.";
        let offered = json!({"type": "string", "enum": profiles, "description": about});
        properties.insert(ARGUMENT.to_owned(), offered);
    }
}

/// Takes the one that a call names from its arguments, where the tool looks anything up.
///
/// # Errors
/// The server was not started with it.
pub(crate) fn take(
    context: &Context,
    tool: &Tool,
    arguments: &mut JsonObject,
) -> Result<Option<String>, ToolError> {
    if context.lookup.is_none() || tool.asks.is_none() {
        // It is an argument like any other that does not exist.
        return Ok(None);
    }
    match arguments.remove(ARGUMENT) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if name.trim().is_empty() => Ok(None),
        Some(Value::String(name)) if context.profiles.contains(&name) => Ok(Some(name)),
        Some(_) => {
            let problem = Problem::of(ARGUMENT, "calls may not use this profile here");
            let problem = if context.profiles.is_empty() {
                problem.fix("remove it; start the server with `mcc serve --allow-profile NAME` to allow a profile")
            } else {
                problem.choices(context.profiles.to_vec()).fix("use one of these or remove it")
            };
            Err(ToolError::of("invalid_arguments", problem))
        }
    }
}
