//! Where inputs come from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::inputs::Field;

/// Where a value came from, in the order of precedence (first wins).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A flag of the command line, or an argument of the tool call.
    Flag,
    /// The positional argument of the command line.
    Argument,
    /// An environment variable.
    Environment,
    /// The file given with `--config`, or the inputs saved in a project.
    ConfigFile(PathBuf),
    /// `config/mcp.json` below the working directory.
    CustomConfig(PathBuf),
    /// `package.json` or `pyproject.toml`.
    Manifest(PathBuf),
    /// An MCP server's answer.
    Mcp(String),
    /// An answer at the terminal's prompt, which is asked only for what no other source gave.
    Prompt,
    /// What was chosen by what was looked up: an answer as an MCP server's is, and with the same rank.
    LookedUp(LookedUp),
    /// What follows from another input.
    Derived(Derived),
    /// A variable that AWS's own tools read, such as `AWS_REGION`: a person's own surroundings, never a server's.
    Surroundings(String),
    /// What the catalogs recommend, where it depends on other inputs.
    Recommended,
    /// A layer's default.
    Default(String),
}

/// Which input a value follows from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Derived {
    /// Key of that input.
    pub from: String,
    /// Other values that would do as well.
    pub others: Vec<String>,
}

/// What was looked up, and for which project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LookedUp {
    /// Who was asked, in the words of an answer: `AWS prices of us-west-2`.
    pub source: String,
    /// The date of that, as `2026-11-30`.
    pub as_of: String,
    /// The inputs that it was looked up for, as they were. With others it says nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, String>,
}

/// Inputs that decide what is looked up.
const ASKED_FOR: [&str; 4] = ["modelName", "deploymentConfig", "deploymentTarget", "region"];

impl LookedUp {
    /// What `source` said on a day, for the values that are kept with a project.
    pub(crate) fn of(
        (source, as_of): (String, String),
        values: &BTreeMap<String, Sourced>,
    ) -> Self {
        let kept = |key: &&&str| values.get(**key).is_some_and(|own| own.source.is_kept());
        let value = |key: &str| Some((key.to_owned(), values.get(key)?.value.as_str()?.to_owned()));
        let with = ASKED_FOR.iter().filter(kept).filter_map(|key| value(key)).collect();
        Self { source, as_of, with }
    }

    /// Whether it was looked up for these values.
    pub(crate) fn holds(&self, values: &BTreeMap<String, Sourced>) -> bool {
        let text = |key: &str| values.get(key).and_then(|own| own.value.as_str());
        ASKED_FOR.iter().all(|key| self.with.get(*key).map(String::as_str) == text(key))
    }
}

impl Source {
    /// How a message names this source of the input `field`.
    pub fn label(&self, field: &Field) -> String {
        match self {
            Self::Flag => format!("--{}", field.flag),
            Self::Argument => "the argument".to_owned(),
            Self::Prompt => "the prompt".to_owned(),
            Self::Surroundings(name) => format!("the environment variable {name}"),
            Self::Recommended => "recommended by the catalogs".to_owned(),
            Self::Environment => format!("the environment variable {}", field.env.join(" or ")),
            Self::Mcp(server) => format!("the MCP server {server}"),
            Self::Default(layer) => format!("the default of {layer}"),
            Self::ConfigFile(_)
            | Self::CustomConfig(_)
            | Self::Manifest(_)
            | Self::LookedUp(_)
            | Self::Derived(_) => self.to_string(),
        }
    }
}

impl Source {
    /// Whether somebody gave the value.
    pub(crate) fn is_somebody(&self) -> bool {
        !matches!(
            self,
            Self::LookedUp(_)
                | Self::Derived(_)
                | Self::Surroundings(_)
                | Self::Recommended
                | Self::Default(_)
        )
    }

    /// Whether the value is kept with the project: what makes the project the one that it is, wherever it is generated
    /// again. Recommendations and defaults are not, so that they can improve.
    pub(crate) fn is_kept(&self) -> bool {
        !matches!(self, Self::Recommended | Self::Default(_))
    }

    /// Whether the value came with the call itself.
    pub fn is_call(&self) -> bool {
        matches!(self, Self::Flag | Self::Argument | Self::Prompt)
    }

    /// Whether the value is a layer's default or the catalogs' recommendation.
    pub fn is_chosen(&self) -> bool {
        matches!(self, Self::Recommended | Self::Default(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Argument => f.write_str("argument"),
            Self::Environment => f.write_str("environment"),
            Self::ConfigFile(path) | Self::CustomConfig(path) | Self::Manifest(path) => {
                write!(f, "{}", path.display())
            }
            Self::Prompt => f.write_str("prompt"),
            Self::Derived(Derived { from, others }) if others.is_empty() => {
                write!(f, "derived from {from}")
            }
            Self::Derived(Derived { from, others }) => {
                write!(f, "derived from {from}; {} would do", others.join(", "))
            }
            Self::LookedUp(LookedUp { source, as_of, .. }) => {
                write!(f, "looked up: {}, {as_of}", mcc_catalogs::echo(source))
            }
            Self::Surroundings(name) => f.write_str(name),
            Self::Recommended => f.write_str("recommended"),
            Self::Mcp(server) => write!(f, "MCP server {server}"),
            Self::Default(layer) => write!(f, "default of {layer}"),
        }
    }
}

/// A checked value and its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced {
    /// The value, in the one form that its kind has.
    pub value: Value,
    /// Where it came from.
    pub source: Source,
}

/// Which files inputs may name: a person at a terminal may name any, a tool call only those below roots.
#[derive(Debug, Clone, Default)]
pub enum FileAccess {
    /// None at all.
    #[default]
    Nothing,
    /// Any file, relative ones below this folder.
    Anywhere(PathBuf),
    /// Only files below one of these folders, relative ones below the first.
    Below(mcc_files::Roots),
    /// Only what is in this project, which comes from elsewhere: links in its folders are not followed.
    Project(mcc_files::Roots),
}

/// The inputs that a project was made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Saved {
    /// All of them.
    pub inputs: Map<String, Value>,
    /// Those of them that were looked up.
    pub looked_up: BTreeMap<String, LookedUp>,
}
