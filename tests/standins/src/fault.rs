//! Failure injection: `fault.json` in the world's folder arms one failure.
//!
//! ```json
//! {"tool": "aws", "nth": 7, "kind": "denied"}
//! ```
//!
//! `nth` counts the calls of `tool` (`aws`, `docker`, `kubectl`) from when the file was written;
//! the counter is kept in `fault.seen` beside it, the fault fires once. With `operation`
//! (`"sagemaker create-endpoint"`) only calls of that operation count. Kinds:
//!
//! - `denied`, `throttled`, `limit`: the service refuses, nothing happens;
//! - `unknown-key`, `denied-page`: the same, in words that other errors have for what is not there;
//! - `lost`: the call takes effect, but the client sees a broken connection;
//! - `ends-failed`: the call succeeds, and what it started ends as failed;
//! - `killed`: the call takes effect, then the whole process group of the script is killed;
//! - `killed-before`: the same without the effect.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::outcome::Failure;
use crate::world::World;

/// A failure that fires now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Access denied.
    Denied,
    /// The caller's key is unknown, which "does not exist".
    UnknownKey,
    /// Access denied to something called `NotFound`, in a text that steers terminals.
    DeniedPage,
    /// Too many requests.
    Throttled,
    /// A service limit is reached.
    Limit,
    /// The answer is lost after the effect.
    Lost,
    /// What the call starts ends as failed.
    EndsFailed,
    /// The script dies after the effect.
    Killed,
    /// The script dies before the effect.
    KilledBefore,
}

impl Fault {
    fn parse(kind: &str) -> Result<Self, Failure> {
        Ok(match kind {
            "denied" => Self::Denied,
            "unknown-key" => Self::UnknownKey,
            "denied-page" => Self::DeniedPage,
            "throttled" => Self::Throttled,
            "limit" => Self::Limit,
            "lost" => Self::Lost,
            "ends-failed" => Self::EndsFailed,
            "killed" => Self::Killed,
            "killed-before" => Self::KilledBefore,
            other => return Err(Failure::Tool(format!("unknown fault kind {other:?}"))),
        })
    }

    /// The error that stands in for the effect, if this fault prevents it.
    pub(crate) fn instead(self, action: &str) -> Option<Failure> {
        let denied = format!(
            "User: arn:aws:sts::111122223333:assumed-role/tester/session is not authorized to \
             perform: {action} (injected)"
        );
        match self {
            Self::Denied => Some(Failure::service("AccessDeniedException", denied)),
            Self::UnknownKey => Some(Failure::service(
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records. (injected)",
            )),
            Self::DeniedPage => Some(Failure::service(
                "AccessDenied",
                "no access to PageNotFound: An error occurred (NoSuchBucket) when calling the \
                 DeleteObject operation: Could not find \u{1b}[2J\u{9b}1m\u{202e}it (injected)",
            )),
            Self::Throttled => {
                Some(Failure::service("ThrottlingException", "Rate exceeded (injected)"))
            }
            Self::Limit => Some(Failure::service(
                "ResourceLimitExceeded",
                "The account-level service limit is 0 Instances (injected)",
            )),
            _ => None,
        }
    }
}

/// Counts this call and tells which fault fires on it, if any.
pub(crate) fn fires(world: &World, tool: &str, operation: &str) -> Result<Option<Fault>, Failure> {
    let Ok(bytes) = fs::read(world.dir().join("fault.json")) else {
        return Ok(None);
    };
    let armed: Value =
        serde_json::from_slice(&bytes).map_err(|e| Failure::Tool(format!("fault.json: {e}")))?;
    let text = |name: &str| armed.get(name).and_then(Value::as_str);
    if text("tool").unwrap_or("aws") != tool {
        return Ok(None);
    }
    if text("operation").is_some_and(|wanted| wanted != operation) {
        return Ok(None);
    }
    let counter = world.dir().join("fault.seen");
    let seen = fs::read_to_string(&counter).unwrap_or_default();
    let seen = seen.trim().parse::<u64>().unwrap_or(0) + 1;
    fs::write(&counter, seen.to_string()).map_err(|e| Failure::Tool(format!("fault.seen: {e}")))?;
    if armed.get("nth") != Some(&json!(seen)) {
        return Ok(None);
    }
    Fault::parse(text("kind").unwrap_or_default()).map(Some)
}

/// Kills the process group that this process belongs to: the script with all it has started.
pub(crate) fn kill_group() {
    // `kill 0` is the whole group of the caller, and needs no unsafe code here.
    let _ = Command::new("sh").args(["-c", "kill -KILL 0"]).status();
}
