//! What `mcc doctor` looks at: whether what smart mode and generated projects stand on is there. It changes nothing, and
//! says of secrets only whether they are taken.

#[cfg(feature = "live")]
mod network;
mod programs;
mod registrations;

use serde::Serialize;

use crate::mode::{self, Misuse, Mode};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    /// It is as it should be.
    #[serde(rename = "ok")]
    Ok,
    /// Something works less well for it, or not at all.
    #[serde(rename = "warning")]
    Warning,
    /// It is wrong.
    #[serde(rename = "failed")]
    Failed,
    /// Nobody looked.
    #[serde(rename = "not checked")]
    NotChecked,
}

impl State {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::NotChecked => "not checked",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What was looked at.
    pub(crate) name: String,
    pub(crate) state: State,
    /// What was seen.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

impl Check {
    fn new(name: &str, state: State, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), state, message: message.into(), fix: None }
    }

    fn ok(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, State::Ok, message)
    }

    fn warning(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, State::Warning, message)
    }

    fn failed(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, State::Failed, message)
    }

    fn not_checked(name: &str, message: impl Into<String>) -> Self {
        Self::new(name, State::NotChecked, message)
    }

    fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }
}

/// Looks at everything; `offline` only at what is on this machine.
pub(crate) fn checks(offline: bool) -> Vec<Check> {
    let mut all = vec![mode()];
    std::thread::scope(|scope| {
        let programs = scope.spawn(move || programs::checks(offline));
        all.extend(network_checks(offline));
        // Nothing there panics; if it did, that would be told as what it is.
        all.extend(
            programs.join().unwrap_or_else(|_| {
                vec![Check::not_checked("programs", "the check did not finish")]
            }),
        );
    });
    all.extend(registrations::checks());
    all
}

/// The mode of commands that have no flag for it.
fn mode() -> Check {
    match mode::usual() {
        Ok(Mode::Static) => {
            Check::ok("mode", "static: the catalogs answer unless you give --mode smart")
        }
        Ok(Mode::Smart) => Check::ok("mode", "smart, set by MCC_MODE"),
        Err(error) => match error.downcast::<Misuse>() {
            Ok(misuse) => Check::failed("mode", misuse.message).with_fix(misuse.hint),
            Err(error) => Check::failed("mode", error.to_string()),
        },
    }
}

#[cfg(feature = "live")]
use network::checks as network_checks;

/// What the network has, for a build that has none.
#[cfg(not(feature = "live"))]
fn network_checks(_offline: bool) -> Vec<Check> {
    let why = "this build of mcc has no smart mode";
    let names =
        ["settings", "cache", "AWS Region", "reachability", "AWS account", "AWS permissions"];
    let more = ["Hugging Face token"];
    names.iter().chain(&more).map(|name| Check::not_checked(name, why)).collect()
}
