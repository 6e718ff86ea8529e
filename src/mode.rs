//! Static mode answers from the catalogs alone; smart mode also looks facts up. Static is what everything is unless
//! somebody says otherwise.

use std::fmt;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::surroundings;

/// The variable that turns smart mode on or off where no flag does.
const VARIABLE: &str = "MCC_MODE";

/// Whether facts are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// No: the catalogs say everything, and no network is used.
    Static,
    /// Yes.
    Smart,
}

/// What was asked for cannot be, and how to ask instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misuse {
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misuse {}

/// `command` with the flags that choose.
pub(crate) fn args(command: Command) -> Command {
    command
        .arg(
            Arg::new("mode")
                .long("mode")
                .value_name("MODE")
                .value_parser(["static", "smart"])
                .help(
                    "Answer from the catalogs alone (static), or look facts up as well (smart): on \
                     Hugging Face, AWS and container registries; also MCC_MODE [default: static]",
                ),
        )
        .arg(
            Arg::new("offline")
                .long("offline")
                .action(ArgAction::SetTrue)
                .help("Use no network, whatever MCC_MODE says"),
        )
}

/// The mode that flags and environment choose.
///
/// # Errors
/// They contradict each other, name no mode, or choose one that this build does not have.
pub(crate) fn of(matches: &ArgMatches) -> Result<Mode> {
    let flag = |name: &str| matches.try_get_one::<bool>(name).ok().flatten() == Some(&true);
    let mode = matches.get_one::<String>("mode").map(String::as_str);
    let variable = surroundings::variable(VARIABLE);
    let variable = variable.as_ref().map(|value| value.to_string_lossy());
    let mode = chosen(mode, flag("offline"), flag("live"), variable.as_deref())?;
    if mode == Mode::Smart && !cfg!(feature = "live") {
        let message = "this build of mcc has no smart mode".to_owned();
        let hint = "build mcc without --no-default-features, or with --features live".to_owned();
        return Err(Misuse { message, hint }.into());
    }
    Ok(mode)
}

/// The mode of a command that is given no flag.
///
/// # Errors
/// `MCC_MODE` names no mode.
pub(crate) fn usual() -> Result<Mode> {
    let variable = surroundings::variable(VARIABLE);
    let variable = variable.as_ref().map(|value| value.to_string_lossy());
    Ok(chosen(None, false, false, variable.as_deref())?)
}

fn chosen(
    mode: Option<&str>,
    offline: bool,
    live: bool,
    variable: Option<&str>,
) -> Result<Mode, Misuse> {
    let both = |one: &str, other: &str| {
        let message = format!("{one} and {other} contradict each other");
        Err(Misuse { message, hint: "remove one of them".to_owned() })
    };
    match (mode, offline, live) {
        (Some("smart"), true, _) => both("--mode smart", "--offline"),
        (_, true, true) => both("--live", "--offline"),
        (Some("static"), _, true) => both("--live", "--mode static"),
        (Some("smart"), ..) | (_, _, true) => Ok(Mode::Smart),
        (Some(_), ..) | (None, true, _) => Ok(Mode::Static),
        (None, false, false) => match variable {
            None | Some("static") => Ok(Mode::Static),
            Some("smart") => Ok(Mode::Smart),
            Some(other) => Err(Misuse {
                message: format!("{VARIABLE} is `{other}`, which is not a mode"),
                hint: format!("set {VARIABLE} to static or smart, or unset it"),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_is_the_mode_unless_something_says_smart() {
        for (mode, offline, live, variable, expected) in [
            (None, false, false, None, Mode::Static),
            (None, false, false, Some("static"), Mode::Static),
            (None, false, false, Some("smart"), Mode::Smart),
            (None, true, false, Some("smart"), Mode::Static),
            (Some("static"), false, false, Some("smart"), Mode::Static),
            (Some("static"), true, false, Some("smart"), Mode::Static),
            (Some("smart"), false, false, Some("static"), Mode::Smart),
            (None, false, true, Some("static"), Mode::Smart),
            (Some("smart"), false, true, None, Mode::Smart),
        ] {
            assert_eq!(
                chosen(mode, offline, live, variable),
                Ok(expected),
                "{mode:?} {variable:?}"
            );
        }
    }

    #[test]
    fn contradictions_and_unknown_modes_are_refused_by_name() {
        for (mode, offline, live, variable, named) in [
            (Some("smart"), true, false, None, "--mode smart and --offline"),
            (None, true, true, None, "--live and --offline"),
            (Some("static"), false, true, None, "--live and --mode static"),
            (None, false, false, Some("Smart"), "MCC_MODE is `Smart`"),
        ] {
            let refused = chosen(mode, offline, live, variable).unwrap_err();
            assert!(refused.message.contains(named), "{refused:?}");
        }
    }
}
