//! The resources of this server: what can be deployed, inputs, rules, and the files of projects below the
//! server's folders.

use std::path::{Component, Path};

use mcc_files::{Folder, Kind, Reason};

use super::{core, failures};
use crate::common::values;
use crate::mcp::parameter::{Given, Parameter};
use crate::mcp::resource::{Content, JSON, MARKDOWN, MAX_BYTES, Missing, Resource};
use crate::mcp::server::Context;

/// The most projects, and the most files of one, that completion offers.
const MOST: usize = 1000;
/// Folders of a project that are not looked into.
const SKIPPED: [&str; 2] = ["node_modules", "__pycache__"];
/// Where a project keeps what it was generated from.
const KEPT: &str = ".mcc";
/// Nor is deeper looked than this.
const DEEPEST: usize = 16;

pub(crate) const RESOURCES: &[Resource] = &[
    Resource {
        uri: "mcc://deployments",
        name: "deployments",
        title: "Deployment configs and targets",
        description: "What serves a model and where it can run, with what each needs.",
        media_type: JSON,
        parameters: &[],
        read: |_, _| {
            let both = serde_json::json!({
                "deploymentConfigs": core::configs(),
                "deploymentTargets": core::targets(),
            });
            values::row(Some(both), &[])
        },
    },
    Resource {
        uri: "mcc://deployments/{deploymentConfig}",
        name: "deployment",
        title: "A deployment config",
        description: "One config with every input that it takes.",
        media_type: JSON,
        parameters: &[Parameter {
            name: "deploymentConfig",
            description: "The config.",
            required: true,
            values: Some(values::configs),
        }],
        read: |_, given| {
            let name = given.get("deploymentConfig").map(String::as_str).unwrap_or_default();
            let all = core::configs();
            let known = all.iter().map(|config| config.name.as_str());
            let near = mcc_catalogs::nearest(name, known, 5);
            let found = all.iter().find(|config| config.name == name).map(|config| {
                serde_json::json!({"deploymentConfig": config, "inputs": core::inputs(&[name], &[])})
            });
            values::row(found, &near)
        },
    },
    Resource {
        uri: "mcc://inputs",
        name: "inputs",
        title: "Inputs of a project",
        description: "Every input: its key, flag, variable, values and meaning.",
        media_type: MARKDOWN,
        parameters: &[],
        read: |_, _| Ok(Content::Facts(inputs())),
    },
    Resource {
        uri: "mcc://inputs/{key}",
        name: "input",
        title: "An input",
        description: "One input: its flag, variable, values and meaning.",
        media_type: MARKDOWN,
        parameters: &[Parameter {
            name: "key",
            description: "Key of the input.",
            required: true,
            values: Some(|_, _| {
                mcc_generator::fields().iter().map(|field| field.key.clone()).collect()
            }),
        }],
        read: |_, given| {
            let key = given.get("key").map(String::as_str).unwrap_or_default();
            match mcc_generator::field(key) {
                Some(field) => Ok(Content::Facts(input(field))),
                None => {
                    let known = mcc_generator::fields().iter().map(|field| field.key.as_str());
                    Err(values::missing(&mcc_catalogs::nearest(key, known, 5)))
                }
            }
        },
    },
    Resource {
        uri: "mcc://rules",
        name: "rules",
        title: "Rules",
        description: "What is checked of a project, and why.",
        media_type: JSON,
        parameters: &[],
        read: |_, _| values::lines(core::rules()),
    },
    Resource {
        uri: "mcc://rules/{rule}",
        name: "rule",
        title: "A rule",
        description: "What one rule checks, why it matters, and where that is known from.",
        media_type: JSON,
        parameters: &[Parameter {
            name: "rule",
            description: "Id of the rule.",
            required: true,
            values: Some(|_, _| mcc_generator::rules().map(|rule| rule.id.to_owned()).collect()),
        }],
        read: |_, given| {
            let id = given.get("rule").map(String::as_str).unwrap_or_default();
            let found = core::rules().into_iter().find(|rule| rule.rule.eq_ignore_ascii_case(id));
            let known = mcc_generator::rules().map(|rule| rule.id);
            values::row(found, &mcc_catalogs::nearest(id, known, 5))
        },
    },
    Resource {
        uri: "mcc://failures",
        name: "failures",
        title: "Ways in which endpoints fail",
        description: "What messages of failing endpoints mean, and what puts it right.",
        media_type: MARKDOWN,
        parameters: &[],
        read: |_, _| Ok(Content::Facts(failures::document())),
    },
    Resource {
        uri: "mcc://projects/{project}/{+path}",
        name: "project-file",
        title: "A file of a project",
        description: "A file of a generated project in one of the server's folders; up to 256 KiB.",
        media_type: None,
        parameters: &[
            Parameter {
                name: "project",
                description: "The project's folder.",
                required: true,
                values: Some(projects),
            },
            Parameter {
                name: "path",
                description: "Path of the file in it.",
                required: true,
                values: Some(files),
            },
        ],
        read: project_file,
    },
];

fn inputs() -> String {
    let mut text = String::from("# Inputs\n");
    for field in mcc_generator::fields() {
        text.push('\n');
        text.push_str(&input(field));
    }
    text
}

fn input(field: &mcc_generator::Field) -> String {
    let choices = field.kind.choices();
    let values = if choices.is_empty() {
        core::json_type(&field.key).to_owned()
    } else {
        choices.join(", ")
    };
    format!(
        "## {}\n\n{}\n\n- Flag: `--{}`\n- Variables: {}\n- Values: {values}\n",
        field.key,
        field.help,
        field.flag,
        field.env.join(", "),
    )
}

/// Names of the projects directly below the server's folders.
pub(super) fn projects(context: &Context, _given: &Given) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for root in context.roots.folders() {
        let entries = root.entries().unwrap_or_default().into_iter();
        let names = entries.filter_map(|(name, _)| name.into_string().ok()).take(MOST);
        all.extend(names.filter(|name| is_project(root, name)));
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn is_project(root: &Folder, name: &str) -> bool {
    matches!(root.kind(Path::new(name).join(mcc_generator::SAVED_INPUTS)), Ok(Kind::File))
}

/// The folder of a project: below the first of the server's folders that has one of the name.
fn folder(context: &Context, project: &str) -> Option<Folder> {
    if project.contains(['/', '\\']) || project.starts_with('.') {
        return None;
    }
    let root = context.roots.folders().iter().find(|root| is_project(root, project))?;
    root.folder(project).ok()
}

/// Paths of the files of a project.
fn files(context: &Context, given: &Given) -> Vec<String> {
    let Some(folder) = given.get("project").and_then(|project| folder(context, project)) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    collect(&folder, "", 0, &mut all);
    all.sort_unstable();
    all
}

/// Whether a part of a path is for others to see: what begins with a dot is settings and secrets of other programs,
/// but for what the generator itself keeps.
fn is_shown(part: &str, depth: usize) -> bool {
    !part.starts_with('.') || (depth == 0 && part == KEPT)
}

fn collect(folder: &Folder, inside: &str, depth: usize, all: &mut Vec<String>) {
    for (name, kind) in folder.entries().unwrap_or_default() {
        let Ok(name) = name.into_string() else { continue };
        if all.len() >= MOST || depth > DEEPEST {
            return;
        }
        if !is_shown(&name, depth) {
            continue;
        }
        let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
        match kind {
            Kind::File => all.push(path),
            Kind::Folder if !SKIPPED.contains(&name.as_str()) => {
                if let Ok(inner) = folder.folder(&name) {
                    collect(&inner, &path, depth + 1, all);
                }
            }
            // Links are not followed: they may lead out of the folder, or in circles.
            _ => {}
        }
    }
}

fn project_file(context: &Context, given: &Given) -> Result<Content, Missing> {
    let missing = |reason: &str| Missing(reason.to_owned());
    let (Some(project), Some(path)) = (given.get("project"), given.get("path")) else {
        return Err(missing("the address has a project and a path"));
    };
    if context.roots.is_empty() {
        return Err(missing("this server has no folder to read; start it with --root DIR"));
    }
    let folder = folder(context, project).ok_or_else(|| {
        let known = projects(context, given);
        let near = mcc_catalogs::nearest(project, known.iter().map(String::as_str), 5);
        Missing(match near.as_slice() {
            [] => "no project has that name".to_owned(),
            near => format!("no project has that name; there is {}", near.join(", ")),
        })
    })?;
    for (depth, part) in Path::new(path).components().enumerate() {
        let Component::Normal(part) = part else {
            return Err(missing("the path leads out of the project"));
        };
        if !is_shown(part.to_str().unwrap_or("."), depth) {
            return Err(missing("files whose names begin with a dot are not shown"));
        }
    }
    folder.read(path, MAX_BYTES as u64).map(Content::File).map_err(|error| match error.reason {
        Reason::Missing | Reason::NotAFolder => missing("the project has no such file"),
        Reason::Outside => missing("the path leads out of the project"),
        reason => Missing(reason.to_string()),
    })
}
