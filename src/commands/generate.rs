//! `mcc generate`: from inputs to a project folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{ArgMatches, Command};
use mcc_catalogs::Live;
use mcc_catalogs::reason::{Question, Told};
use mcc_generator::{
    Difference, FileAccess, Kind, Merged, Plan, Project, Severity, Source, Sources, WriteError,
    fields, registry,
};
use serde_json::{Map, Value, json};

use super::{is_json, shared_catalogs, with_live, with_opinion};
use crate::lookups::Lookups;
use crate::{Exit, output, prompt, reasoning, surroundings};

mod arguments;

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
        .defer(arguments::arguments)
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let catalogs = match matches.get_one::<PathBuf>("from") {
        // What was looked up for that project holds for one that is made like it.
        Some(dir) => mcc_generator::with_kept_of(&shared_catalogs(matches)?, dir)
            .map_err(anyhow::Error::msg)?,
        None => shared_catalogs(matches)?,
    };
    let mut lookups = Lookups::weighing(matches, catalogs)?;
    let cwd = surroundings::here().context("the working directory cannot be read")?;
    let interactive =
        !is_json(matches) && !matches.get_flag("skip-prompts") && prompt::is_possible();
    let mut answers = Map::new();
    let (merged, (plan, project)) = loop {
        let merged = sources(matches, &cwd)?.with(Source::Prompt, answers.clone()).merge();
        lookups.look_up(|catalogs| mcc_generator::asks(catalogs, &merged));
        match mcc_generator::generate(lookups.catalogs(), &merged) {
            Ok(done) => break (merged, done),
            Err(plan) if interactive && asks(&plan) => answers.extend(prompt::ask(&plan)?),
            Err(plan) => {
                let long = matches.get_flag("long");
                return Ok(refused(&plan, is_json(matches), long, lookups.told()));
            }
        }
    };
    let dir = matches
        .get_one::<PathBuf>("project-dir")
        .cloned()
        .or_else(|| surroundings::variable(PROJECT_DIR).map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from(&plan.project_name));
    if matches.get_flag("diff") {
        return Ok(match project.diff(&dir) {
            Ok(differences) => diff(&differences, &dir, is_json(matches), lookups.told()),
            Err(error) => failed(&error.to_string(), error.fix(), is_json(matches)),
        });
    }
    let told = if matches.get_flag("dry-run") {
        dry_run(&plan, &dir, matches, lookups.told())
    } else {
        match write(matches, &plan, &project, &dir, lookups.told()) {
            Ok(told) => told,
            Err(error) => return Ok(failed(&error.to_string(), error.hint(), is_json(matches))),
        }
    };
    // All that was asked for is done: an opinion can change nothing of it.
    let opinion = weighed(&mut lookups, &merged, &plan, reasoning::wish(matches));
    match told {
        Some(document) => output::json(&with_opinion(with_live(document, lookups.told()), opinion)),
        None => opinion.iter().for_each(output::opinion),
    }
    Ok(Exit::Done)
}

/// What a language model thinks of what the plan could run on, where one is to be asked.
fn weighed(
    lookups: &mut Lookups,
    merged: &Merged,
    plan: &Plan,
    wish: Option<String>,
) -> Option<Told> {
    lookups.weigh(|catalogs| {
        let told = plan.inputs.iter().filter(|input| input.telling);
        let asked: Map<String, Value> =
            told.map(|input| (input.key.clone(), input.value.clone())).collect();
        let choices = mcc_generator::choices(catalogs, merged, plan);
        Question::about("generate", Value::Object(asked).to_string(), wish, choices)
    })
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

/// Tells a plan. At a terminal that is done at once; otherwise it is a document.
fn dry_run(plan: &Plan, dir: &Path, matches: &ArgMatches, live: &Live) -> Option<Value> {
    if is_json(matches) {
        return Some(json!({"status": "planned", "folder": dir, "plan": plan}));
    }
    let long = matches.get_flag("long");
    output::findings(&plan.findings);
    output::line(&format!("would write {} files to {}:", plan.files.len(), dir.display()));
    for file in plan.files.iter().filter(|_| long) {
        output::line(&format!("  {:>7}  {}", file.bytes, file.path));
    }
    output::plan(plan, dir, long, live);
    None
}

/// Writes the project, and tells of it likewise.
fn write(
    matches: &ArgMatches,
    plan: &Plan,
    project: &Project,
    dir: &Path,
    live: &Live,
) -> Result<Option<Value>, WriteError> {
    let done = if matches.get_flag("update") {
        let done = project.update(dir, matches.get_flag("force"))?;
        json!({"written": done.written, "removed": done.removed, "kept": done.kept})
    } else {
        project.write(dir)?;
        json!({"written": plan.files.len()})
    };
    if is_json(matches) {
        return Ok(Some(
            json!({"status": "written", "folder": dir, "changes": done, "plan": plan}),
        ));
    }
    output::findings(&plan.findings);
    let changed = done.get("written").and_then(Value::as_array).map(Vec::len);
    let text = match changed {
        Some(1) => format!("updated {}: 1 file", dir.display()),
        Some(n) => format!("updated {}: {n} files", dir.display()),
        None => format!("wrote {} files to {}", plan.files.len(), dir.display()),
    };
    output::line(&text);
    output::plan(plan, dir, matches.get_flag("long"), live);
    Ok(None)
}

fn failed(error: &str, hint: &str, as_json: bool) -> Exit {
    if as_json {
        output::json(&json!({"status": "failed", "error": error, "hint": hint}));
    } else {
        output::failure(error, Some(hint));
    }
    Exit::Failed
}
