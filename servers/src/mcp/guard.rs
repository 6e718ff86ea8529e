//! What stands between a client and a tool: limits on the arguments, a refusal of secrets, and a
//! net under the tool in case it panics.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;

use mcc_catalogs::secret_in;
use rmcp::model::ErrorData;
use serde_json::Value;

use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::JsonObject;
use crate::mcp::server::Tool;

/// The longest text of an ordinary argument, in bytes.
const MAX_TEXT: usize = 32 * 1024;
/// The longest text of an argument that carries files, in bytes.
const MAX_FILE: usize = 1024 * 1024;
/// The most values in one call.
const MAX_VALUES: usize = 10_000;
/// The deepest nesting of one argument.
const MAX_DEPTH: usize = 32;

/// Checks the size of the arguments, and that none of them looks like a secret.
///
/// # Errors
/// Names the argument; never repeats its value.
pub(crate) fn within_limits(tool: &Tool, arguments: &JsonObject) -> Result<(), ToolError> {
    checked(tool.file_arguments, arguments)
}

/// The same for what carries no files: arguments of prompts and completions.
pub(crate) fn texts(arguments: &JsonObject) -> Result<(), ToolError> {
    checked(&[], arguments)
}

/// The same for one argument that was read from JSON text, whose escapes hid it before.
pub(crate) fn argument(name: &str, value: &Value, carries_files: bool) -> Result<(), ToolError> {
    let files: &[&str] = if carries_files { &[name] } else { &[] };
    let one = JsonObject::from_iter([(name.to_owned(), value.clone())]);
    checked(files, &one)
}

fn checked(file_arguments: &[&str], arguments: &JsonObject) -> Result<(), ToolError> {
    let mut budget = MAX_VALUES;
    for (name, value) in arguments {
        let carries_files = file_arguments.contains(&name.as_str());
        let limits = Limits {
            text: if carries_files { MAX_FILE } else { MAX_TEXT },
            secrets: carries_files,
        };
        if let Err(problem) = check(name, MAX_TEXT, &limits)
            .and_then(|()| check_value(value, &limits, MAX_DEPTH, &mut budget))
        {
            return Err(problem.into_error(name));
        }
    }
    Ok(())
}

struct Limits {
    /// The longest text in bytes.
    text: usize,
    /// Secrets are not looked for: the contents of files are never repeated in an answer.
    secrets: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Excess {
    Text { bytes: usize, limit: usize },
    Values,
    Depth,
    Secret(&'static str),
}

fn check_value(
    value: &Value,
    limits: &Limits,
    depth: usize,
    budget: &mut usize,
) -> Result<(), Excess> {
    *budget = budget.checked_sub(1).ok_or(Excess::Values)?;
    let depth = depth.checked_sub(1).ok_or(Excess::Depth)?;
    match value {
        Value::String(text) => check(text, limits.text, limits),
        Value::Array(items) => {
            items.iter().try_for_each(|item| check_value(item, limits, depth, budget))
        }
        Value::Object(members) => members.iter().try_for_each(|(key, member)| {
            check(key, MAX_TEXT, limits)?;
            check_value(member, limits, depth, budget)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn check(text: &str, limit: usize, limits: &Limits) -> Result<(), Excess> {
    if text.len() > limit {
        return Err(Excess::Text { bytes: text.len(), limit });
    }
    if limits.secrets {
        return Ok(());
    }
    secret_in(text).map_or(Ok(()), |kind| Err(Excess::Secret(kind)))
}

impl Excess {
    fn into_error(self, field: &str) -> ToolError {
        match self {
            Self::Text { bytes, limit } => ToolError::of(
                "too_long",
                Problem::of(field, format!("{bytes} bytes of text, and {limit} are allowed"))
                    .fix("shorten it"),
            ),
            Self::Values => ToolError::of(
                "too_many",
                Problem::of(field, format!("the call has more than {MAX_VALUES} values"))
                    .fix("send fewer at a time"),
            ),
            Self::Depth => ToolError::of(
                "too_deep",
                Problem::of(field, format!("nested more than {MAX_DEPTH} levels deep"))
                    .fix("flatten it"),
            ),
            Self::Secret(kind) => ToolError::of(
                "secret_refused",
                Problem {
                    why: Some(
                        "arguments are kept in transcripts and in the project's .mcc/inputs.json"
                            .to_owned(),
                    ),
                    // The name itself may be where the secret was put.
                    field: secret_in(field).is_none().then(|| field.to_owned()),
                    message: format!("this looks like {kind}, and secrets are not accepted"),
                    ..Problem::default()
                }
                .fix(
                    "keep it in AWS Secrets Manager and give its ARN (hfTokenArn for a Hugging \
                     Face token), or set it in the environment of the scripts; and revoke it, \
                     since it has been sent in clear text",
                ),
            ),
        }
    }
}

/// Does something that may panic, for prompts and resources, and turns a panic into an error.
pub(crate) fn caught_here<T>(
    name: &str,
    work: impl FnOnce() -> Result<T, ErrorData>,
) -> Result<T, ErrorData> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!(name, "it panicked");
        Err(ErrorData::internal_error("this failed unexpectedly", None))
    })
}

/// Runs what belongs to a tool and turns a panic into an answer. The message of the panic goes to the log only.
pub(crate) fn caught<T>(
    name: &str,
    work: impl FnOnce() -> Result<T, ToolError>,
) -> Result<T, ToolError> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!(tool = name, "the tool panicked");
        Err(ToolError::internal("the tool failed unexpectedly"))
    })
}

/// The same of what waits in between.
pub(crate) async fn caught_while<T>(
    name: &str,
    work: impl Future<Output = T>,
) -> Result<T, ToolError> {
    let mut work = pin!(work);
    poll_fn(|context| match caught(name, || Ok(work.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(error) => Poll::Ready(Err(error)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mcp::testing;

    fn refused(arguments: Value) -> String {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        match within_limits(testing::tool("echo"), &arguments) {
            Ok(()) => "accepted".to_owned(),
            Err(error) => {
                let all = serde_json::to_string(&error).unwrap();
                assert!(!all.contains("hf_abcdefghij"), "{all}");
                error.code
            }
        }
    }

    #[test]
    fn limits_are_kept() {
        assert_eq!(refused(json!({"text": "x".repeat(MAX_TEXT)})), "accepted");
        assert_eq!(refused(json!({"text": "x".repeat(MAX_TEXT + 1)})), "too_long");
        assert_eq!(refused(json!({"text": {"k".repeat(MAX_TEXT + 1): 1}})), "too_long");
        assert_eq!(refused(json!({"text": ["x".repeat(MAX_TEXT + 1)]})), "too_long");
        assert_eq!(refused(json!({"files": {"a": "x".repeat(MAX_FILE)}})), "accepted");
        assert_eq!(refused(json!({"files": {"a": "x".repeat(MAX_FILE + 1)}})), "too_long");
        assert_eq!(refused(json!({"text": vec![0; MAX_VALUES - 1]})), "accepted");
        assert_eq!(refused(json!({"text": vec![0; MAX_VALUES]})), "too_many");
        let deep = (0..MAX_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(refused(json!({ "text": deep })), "too_deep");
    }

    #[test]
    fn secrets_are_refused_and_never_repeated() {
        let token = "hf_abcdefghijklmnopqrstuvwxyzabcdefgh";
        for arguments in [
            json!({ "text": token }),
            json!({"text": format!("HF_TOKEN={token}")}),
            json!({"text": {"HF_TOKEN": token}}),
            json!({"text": {token: 1}}),
            json!({token: 1}),
            json!({"text": ["AKIAIOSFODNN7EXAMPLE"]}),
            json!({"text": "-----BEGIN RSA PRIVATE KEY-----"}),
        ] {
            assert_eq!(refused(arguments), "secret_refused");
        }
        for harmless in [
            "hf_token",
            "org/hf_model-7b",
            "task-xyz",
            "sk-learn",
            "/my/shf_aaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(refused(json!({ "text": harmless })), "accepted", "{harmless}");
        }
        assert_eq!(refused(json!({"files": {"a": token}})), "accepted");
    }
}
