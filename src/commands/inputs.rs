//! `mcc inputs`: the reference of all inputs, as a table or as a JSON schema.

use anyhow::Result;
use clap::{ArgMatches, Command};
use mcc_generator::{Kind, fields};

use super::{format_arg, is_json};
use crate::{Exit, output};

pub(super) fn command() -> Command {
    Command::new("inputs")
        .about(
            "Print the reference of all inputs: Markdown, or with --format json their JSON schema",
        )
        .arg(format_arg())
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    if is_json(matches) {
        output::json(&mcc_generator::inputs_schema());
        return Ok(Exit::Done);
    }
    output::line("# Inputs\n");
    output::line(
        "Written by `mcc inputs`. Every input has a key (configuration files, tools), a flag and an environment variable.\n",
    );
    output::line("| key | flag | environment | values | meaning |");
    output::line("|---|---|---|---|---|");
    for field in fields() {
        output::line(&format!(
            "| `{}` | `--{}` | `{}` | {} | {} |",
            field.key,
            field.flag,
            field.env.join("`, `"),
            values(field.kind),
            field.help
        ));
    }
    Ok(Exit::Done)
}

fn values(kind: Kind) -> String {
    match kind {
        Kind::Text(format) => format.expected().replace('|', "or"),
        Kind::Integer(min, max) => format!("{min} to {max}"),
        Kind::Number(min, max) => format!("{min} to {max}"),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Choice(_) | Kind::Named(_) => kind.choices().join(", "),
        Kind::List(format) => format!("list of: {}", format.expected()),
        Kind::Map(format, _) => format!("name=value; names are {}", format.expected()),
    }
}
