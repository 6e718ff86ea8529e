//! The flags of `mcc generate`: its own, and one for each input.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, Command, value_parser};
use mcc_generator::{Kind, fields};

use crate::commands::{catalogs_arg, format_arg};
use crate::{mode, reasoning};

pub(super) fn arguments(command: Command) -> Command {
    let mut command = command
        .arg(
            Arg::new("NAME")
                .help("Name of the project (the same as --project-name)")
                .value_parser(no_value_of_a_switch),
        )
        .arg(path_arg("config", "FILE", "JSON file of inputs"))
        .arg(path_arg(
            "project-dir",
            "DIR",
            "Folder to write; also ML_PROJECT_DIR [default: ./<project-name>]",
        ))
        .arg(path_arg(
            "from",
            "DIR",
            "Take the inputs of the project in DIR; other sources win over them",
        ))
        .arg(path_arg(
            "mcp-answers",
            "FILE",
            "JSON file of answers of MCP servers: {\"server\": {inputs}}",
        ))
        .arg(switch("update", "Update the generated project that is in the folder"))
        .arg(switch(
            "force",
            "With --update: replace edited files too, keeping each as <name>.orig",
        ))
        .arg(switch(
            "skip-prompts",
            "Never ask; without a terminal, or with --format json, nothing is asked anyway",
        ))
        .arg(switch("dry-run", "Say what would be written, and write nothing"))
        .arg(switch("long", "Also print how memory was estimated, and with --dry-run every file"))
        .arg(
            switch("diff", "Print the differences to what is in the folder, and write nothing")
                .conflicts_with_all(["reasoning", "wish"]),
        )
        .arg(format_arg())
        .arg(catalogs_arg());
    command = reasoning::args(mode::args(command));
    command = reasoning::wish_arg(command);
    for field in fields() {
        let mut arg = Arg::new(field.key.as_str())
            .long(field.flag.as_str())
            .help(field.help)
            .help_heading(heading(field.group));
        arg = match field.kind {
            Kind::Boolean => arg.num_args(0..=1).default_missing_value("true").require_equals(true),
            Kind::List(_) | Kind::Map(..) => arg.action(ArgAction::Append),
            _ => arg.value_parser(Offered(field.kind.choices())),
        };
        let value = match field.kind {
            Kind::Integer(..) | Kind::Number(..) => "N",
            Kind::Boolean => "BOOL",
            Kind::Map(..) => "NAME=VALUE",
            _ => "VALUE",
        };
        command = command.arg(arg.value_name(value).allow_hyphen_values(true));
    }
    command
}

/// The name of a project. `--include-sample false` would make one of the value.
fn no_value_of_a_switch(text: &str) -> Result<String, &'static str> {
    match text {
        "true" | "false" => Err("join a switch and its value with =, as in --include-sample=false"),
        name => Ok(name.to_owned()),
    }
}

/// Any text, with words that help and completions offer: what is wrong with others is the generator's to say.
#[derive(Clone)]
struct Offered(Vec<String>);

impl TypedValueParser for Offered {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let words = self.0.iter().map(PossibleValue::new);
        (!self.0.is_empty()).then(|| Box::new(words) as Box<dyn Iterator<Item = PossibleValue>>)
    }
}

fn path_arg(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).value_parser(value_parser!(PathBuf)).help(help)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn heading(group: &'static str) -> &'static str {
    match group {
        "project" => "Project",
        "sagemaker" => "SageMaker",
        "packed" => "Packed models",
        "tensors" => "Tensors",
        "engine" => "Serving engine",
        "llm" => "Language models",
        "endpoint" => "Endpoints",
        "ic" => "Inference components",
        "async" => "Async inference",
        "batch" => "Batch transform",
        "hyperpod" => "HyperPod EKS",
        other => other,
    }
}
