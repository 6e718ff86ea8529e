//! `mcc generate`: from inputs to a project folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use mcc_catalogs::Live;
use mcc_generator::{
    Difference, FileAccess, Kind, Plan, Project, Severity, Source, Sources, WriteError, fields,
    registry,
};
use serde_json::{Map, Value, json};

use super::{catalogs_arg, format_arg, is_json, shared_catalogs, with_live};
use crate::lookups::Lookups;
use crate::{Exit, mode, output, prompt, surroundings};

/// Names the folder to write, as `--project-dir` does.
const PROJECT_DIR: &str = "ML_PROJECT_DIR";
/// The largest file of answers.
const MAX_ANSWERS: u64 = 4 * 1024 * 1024;

pub(super) fn command() -> Command {
    Command::new("generate")
        .about("Generate a project")
        .long_about(
            "Generate a project.\n\nInputs come from eight sources; the first that gives a value wins: \
             flags, the argument, ML_* environment variables, --config, config/mcp.json, the section \
             ml-container-creator of package.json (or [tool.ml-container-creator] of pyproject.toml), \
             MCP answers, defaults. What is missing then is asked for, if there is a terminal. Where none of \
             them says a Region, an ARN among the inputs does, then AWS_REGION, then AWS_DEFAULT_REGION.",
        )
        // A hundred flags, and for some of them the layers: of no use to who starts a server.
        .defer(arguments)
}

fn arguments(command: Command) -> Command {
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
        .arg(switch("diff", "Print the differences to what is in the folder, and write nothing"))
        .arg(format_arg())
        .arg(catalogs_arg());
    command = mode::args(command);
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

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let catalogs = match matches.get_one::<PathBuf>("from") {
        // What was looked up for that project holds for one that is made like it.
        Some(dir) => mcc_generator::with_kept_of(&shared_catalogs(matches)?, dir)
            .map_err(anyhow::Error::msg)?,
        None => shared_catalogs(matches)?,
    };
    let mut lookups = Lookups::of(matches, catalogs)?;
    let cwd = surroundings::here().context("the working directory cannot be read")?;
    let interactive =
        !is_json(matches) && !matches.get_flag("skip-prompts") && prompt::is_possible();
    let mut answers = Map::new();
    let (plan, project) = loop {
        let merged = sources(matches, &cwd)?.with(Source::Prompt, answers.clone()).merge();
        lookups.look_up(|catalogs| mcc_generator::asks(catalogs, &merged));
        match mcc_generator::generate(lookups.catalogs(), &merged) {
            Ok(done) => break done,
            Err(plan) if interactive && asks(&plan) => answers.extend(prompt::ask(&plan)?),
            Err(plan) => {
                let long = matches.get_flag("long");
                return Ok(refused(&plan, is_json(matches), long, lookups.told()));
            }
        }
    };
    let live = lookups.told();
    let dir = matches
        .get_one::<PathBuf>("project-dir")
        .cloned()
        .or_else(|| surroundings::variable(PROJECT_DIR).map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from(&plan.project_name));
    if matches.get_flag("diff") {
        return Ok(match project.diff(&dir) {
            Ok(differences) => diff(&differences, &dir, is_json(matches), live),
            Err(error) => failed(&error.to_string(), error.fix(), is_json(matches)),
        });
    }
    if matches.get_flag("dry-run") {
        return Ok(dry_run(&plan, &dir, is_json(matches), matches.get_flag("long"), live));
    }
    write(matches, &plan, &project, &dir, live)
}

/// Whether all that stands in the way is something that the user can be asked for.
fn asks(plan: &Plan) -> bool {
    !plan.questions.is_empty() && !plan.findings.iter().any(|f| f.severity == Severity::Error)
}

/// The eight sources, and the saved inputs of `--from`, which rank as a configuration file does.
fn sources(matches: &ArgMatches, cwd: &Path) -> Result<Sources> {
    let mut flags = Map::new();
    for field in fields() {
        let Some(values) = matches.get_many::<String>(&field.key) else { continue };
        let values: Vec<&String> = values.collect();
        let value = match field.kind {
            Kind::List(_) | Kind::Map(..) => match values.as_slice() {
                // One text may be JSON.
                [one] => json!(one),
                _ => json!(values),
            },
            _ => json!(values.last()),
        };
        flags.insert(field.key.clone(), value);
    }
    let mut argument = Map::new();
    if let Some(name) = matches.get_one::<String>("NAME") {
        argument.insert("projectName".to_owned(), json!(name));
    }
    let section = |value: Value| value.get("ml-container-creator").cloned();
    let tool = |value: Value| value.get("tool")?.get("ml-container-creator").cloned();
    // The same file may register MCP servers; those are no inputs.
    let own = |value: Value| match value {
        Value::Object(mut map) => {
            map.remove("mcpServers");
            Some(Value::Object(map))
        }
        other => Some(other),
    };
    let path = |name: &str| PathBuf::from(name);
    let mut sources = Sources::new()
        .files(FileAccess::Anywhere(cwd.to_owned()))
        .with(Source::Flag, flags)
        .with(Source::Argument, argument)
        .environment(environment())
        .surroundings(surroundings::text)
        .json_file(
            &path("config/mcp.json"),
            false,
            own,
            Source::CustomConfig(path("config/mcp.json")),
        )
        .json_file(&path("package.json"), false, section, Source::Manifest(path("package.json")))
        .toml_file(&path("pyproject.toml"), tool, Source::Manifest(path("pyproject.toml")));
    if let Some(file) = matches.get_one::<PathBuf>("config") {
        sources = sources.json_file(file, true, Some, Source::ConfigFile(file.clone()));
    }
    if let Some(dir) = matches.get_one::<PathBuf>("from") {
        let saved = mcc_generator::saved_inputs(dir).map_err(anyhow::Error::msg)?;
        sources = sources.saved(Source::ConfigFile(dir.join(mcc_generator::SAVED_INPUTS)), saved);
    }
    if let Some(file) = matches.get_one::<PathBuf>("mcp-answers") {
        let text = mcc_files::read_text_or_drain(file, MAX_ANSWERS)
            .map_err(|error| anyhow::anyhow!("{error}; {}", error.fix()))?;
        let answers: std::collections::BTreeMap<String, Map<String, Value>> =
            serde_json::from_str(&text)
                .with_context(|| format!("{} cannot be parsed", file.display()))?;
        for (server, values) in answers {
            sources = sources.with(Source::Mcp(server), values);
        }
    }
    Ok(sources)
}

/// The environment, less the variables that are not UTF-8, which no input can be.
fn environment() -> impl Iterator<Item = (String, String)> {
    surroundings::variables()
        .filter(|(name, _)| name != PROJECT_DIR)
        .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)))
}

fn refused(plan: &Plan, as_json: bool, long: bool, live: &Live) -> Exit {
    if as_json {
        output::json(&with_live(json!({"status": "refused", "plan": plan}), live));
    } else {
        output::findings(&plan.findings);
        output::questions(plan);
        output::decisions(plan, long);
        output::live(live);
        if plan.deployment_config.is_empty() && plan.questions.iter().any(|q| q.key == "modelName")
        {
            // A config with frameworks has a sample model, so it needs nothing of the user's.
            let with_sample =
                registry().configs().iter().find_map(|c| Some((c, c.frameworks.first()?)));
            let hint = with_sample.map(|(config, framework)| {
                format!(
                    "mcc generate my-model --deployment-config {} --framework {framework}",
                    config.name
                )
            });
            output::failure("nothing was written", hint.as_deref());
        } else {
            output::failure("nothing was written", None);
        }
    }
    Exit::Refused
}

fn diff(differences: &[Difference], dir: &Path, as_json: bool, live: &Live) -> Exit {
    if as_json {
        let document = json!({"status": "diff", "folder": dir, "differences": differences});
        output::json(&with_live(document, live));
    } else {
        // A difference is for other programs too.
        output::live_notes(live);
        for difference in differences {
            output::line(difference.diff.trim_end());
        }
        if differences.is_empty() {
            output::line(&format!("{} is what would be generated", dir.display()));
        }
    }
    Exit::Done
}

fn dry_run(plan: &Plan, dir: &Path, as_json: bool, long: bool, live: &Live) -> Exit {
    if as_json {
        let document = json!({"status": "planned", "folder": dir, "plan": plan});
        output::json(&with_live(document, live));
        return Exit::Done;
    }
    output::findings(&plan.findings);
    output::line(&format!("would write {} files to {}:", plan.files.len(), dir.display()));
    for file in plan.files.iter().filter(|_| long) {
        output::line(&format!("  {:>7}  {}", file.bytes, file.path));
    }
    output::plan(plan, dir, long, live);
    Exit::Done
}

fn write(
    matches: &ArgMatches,
    plan: &Plan,
    project: &Project,
    dir: &Path,
    live: &Live,
) -> Result<Exit> {
    let as_json = is_json(matches);
    let outcome: Result<Value, WriteError> = if matches.get_flag("update") {
        project
            .update(dir, matches.get_flag("force"))
            .map(|u| json!({"written": u.written, "removed": u.removed, "kept": u.kept}))
    } else {
        project.write(dir).map(|()| json!({"written": plan.files.len()}))
    };
    match outcome {
        Ok(done) if as_json => {
            let document =
                json!({"status": "written", "folder": dir, "changes": done, "plan": plan});
            output::json(&with_live(document, live));
        }
        Ok(done) => {
            output::findings(&plan.findings);
            let changed = done.get("written").and_then(Value::as_array).map(Vec::len);
            let text = match changed {
                Some(1) => format!("updated {}: 1 file", dir.display()),
                Some(n) => format!("updated {}: {n} files", dir.display()),
                None => format!("wrote {} files to {}", plan.files.len(), dir.display()),
            };
            output::line(&text);
            output::plan(plan, dir, matches.get_flag("long"), live);
        }
        Err(error) => {
            return Ok(failed(&error.to_string(), error.hint(), as_json));
        }
    }
    Ok(Exit::Done)
}

fn failed(error: &str, hint: &str, as_json: bool) -> Exit {
    if as_json {
        output::json(&json!({"status": "failed", "error": error, "hint": hint}));
    } else {
        output::failure(error, Some(hint));
    }
    Exit::Failed
}
