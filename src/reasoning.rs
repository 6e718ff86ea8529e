//! Whether a language model is asked for an opinion on what is recommended: never, unless somebody says so.

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, value_parser};
use mcc_catalogs::reason::WISH;
use mcc_catalogs::{Region, secret_in};

use crate::mode::{Misuse, Mode};
use crate::surroundings;

/// The variable that turns it on or off where no flag does.
const VARIABLE: &str = "MCC_REASONING";

/// Flags that say how it is asked.
const HOW: [&str; 4] = ["reasoning-model", "reasoning-region", "reasoning-tokens", "wish"];

/// How it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reasoning {
    /// The model or inference profile. None: a small one of the geography.
    pub(crate) model: Option<String>,
    /// The Region that is called. None: the one that is configured for AWS.
    pub(crate) region: Option<Region>,
    /// Tokens of a day at most. None: the usual number.
    pub(crate) tokens: Option<u64>,
}

/// `command` with the flags that choose.
pub(crate) fn args(command: Command) -> Command {
    command
        .arg(Arg::new("reasoning").long("reasoning").value_name("SERVICE").value_parser(["bedrock", "off"]).help(
            "Ask a language model of Amazon Bedrock for an opinion on what is recommended, in smart mode. It changes \
             no recommendation, and costs tokens; also MCC_REASONING [default: off]",
        ))
        .arg(Arg::new("reasoning-model").long("reasoning-model").value_name("ID").value_parser(model).help(
            "Model, inference profile or ARN for --reasoning [default: the profile of Claude Haiku 4.5 in the \
             Region's geography]",
        ))
        .arg(Arg::new("reasoning-region").long("reasoning-region").value_name("REGION").value_parser(region).help(
            "Region in which --reasoning calls Bedrock [default: the one that is configured for AWS]",
        ))
        .arg(
            Arg::new("reasoning-tokens")
                .long("reasoning-tokens")
                .value_name("N")
                .value_parser(value_parser!(u64))
                .help("Tokens that --reasoning may use in a day, over all servers and commands of this user [default: 200000]"),
        )
}

/// `command` with the flag that says what matters, for a command that nobody calls with arguments of its own.
pub(crate) fn wish_arg(command: Command) -> Command {
    command.arg(Arg::new("wish").long("wish").value_name("TEXT").value_parser(wished).help(
        "What matters to you, in your own words, for the opinion of --reasoning; it changes nothing that is planned",
    ))
}

/// What matters to the user.
pub(crate) fn wish(matches: &ArgMatches) -> Option<String> {
    matches.get_one::<String>("wish").filter(|wish| !wish.trim().is_empty()).cloned()
}

fn wished(text: &str) -> Result<String, String> {
    if text.chars().count() > WISH {
        return Err(format!("it has more than {WISH} characters"));
    }
    match secret_in(text) {
        Some(secret) => Err(format!("it contains {secret}, and is sent to a language model")),
        None => Ok(text.to_owned()),
    }
}

/// An id as Bedrock's API has them: letters, digits and `._:/-`.
fn model(text: &str) -> Result<String, &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && text.len() <= 2048 && text.chars().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("it is not the ID of a model or inference profile, and not an ARN")
    }
}

fn region(text: &str) -> Result<Region, String> {
    text.parse().map_err(|error: mcc_catalogs::ParseIdError| error.to_string())
}

/// What flags and environment choose. None: nobody is asked.
///
/// # Errors
/// They choose a service that there is not, or one in static mode; or they say how to ask where nobody is asked.
pub(crate) fn of(matches: &ArgMatches, mode: Mode) -> Result<Option<Reasoning>> {
    let flag = matches.get_one::<String>("reasoning").map(String::as_str);
    let variable = surroundings::variable(VARIABLE);
    let variable = variable.as_ref().map(|value| value.to_string_lossy());
    if !chosen(flag, variable.as_deref(), mode)? {
        let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let known = |name: &&str| matches.try_contains_id(name).is_ok();
        return match HOW.into_iter().filter(known).find(given) {
            Some(name) => Err(Misuse {
                message: format!("--{name} is for --reasoning bedrock, and nobody is asked"),
                hint: format!("add --reasoning bedrock and --mode smart, or leave --{name} out"),
            }
            .into()),
            None => Ok(None),
        };
    }
    Ok(Some(Reasoning {
        model: matches.get_one::<String>("reasoning-model").cloned(),
        region: matches.get_one::<Region>("reasoning-region").cloned(),
        tokens: matches.get_one::<u64>("reasoning-tokens").copied(),
    }))
}

/// Whether somebody is asked.
fn chosen(flag: Option<&str>, variable: Option<&str>, mode: Mode) -> Result<bool, Misuse> {
    let misuse = |message: String, hint: String| Err(Misuse { message, hint });
    match (flag, variable) {
        (Some("off"), _) | (None, None | Some("off")) => Ok(false),
        (Some(_), _) if mode == Mode::Static => misuse(
            "--reasoning needs smart mode".to_owned(),
            "add --mode smart, or remove --reasoning".to_owned(),
        ),
        (Some(_), _) => Ok(true),
        // A variable is for many runs, and some of them are static.
        (None, Some("bedrock")) => Ok(mode == Mode::Smart),
        (None, Some(other)) => misuse(
            format!("{VARIABLE} is `{other}`, which is not a service that mcc knows"),
            format!("set {VARIABLE} to bedrock or off, or unset it"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_unless_somebody_says_so_in_smart_mode() {
        for (flag, variable, mode, expected) in [
            (None, None, Mode::Smart, false),
            (None, Some("off"), Mode::Smart, false),
            (None, Some("bedrock"), Mode::Smart, true),
            (None, Some("bedrock"), Mode::Static, false),
            (Some("off"), Some("bedrock"), Mode::Smart, false),
            (Some("off"), None, Mode::Static, false),
            (Some("bedrock"), Some("off"), Mode::Smart, true),
        ] {
            assert_eq!(chosen(flag, variable, mode), Ok(expected), "{flag:?} {variable:?}");
        }
        let refused = chosen(Some("bedrock"), None, Mode::Static).unwrap_err();
        assert_eq!(refused.message, "--reasoning needs smart mode");
        assert!(
            chosen(None, Some("openai"), Mode::Smart).unwrap_err().message.contains("`openai`")
        );
    }

    #[test]
    fn ids_are_those_that_bedrock_has() {
        assert!(model("us.anthropic.claude-haiku-4-5-20251001-v1:0").is_ok());
        assert!(model("").is_err() && model("a b").is_err() && model("-a").is_err());
        assert!(region("eu-west-1").is_ok() && region("Frankfurt").is_err());
    }
}
