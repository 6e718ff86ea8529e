//! The options of model servers' command lines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::nearest::nearest;
use crate::rows::Table;

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OptionKind {
    /// Nothing: `--name`, or `--no-name` to turn it off.
    Flag,
    /// Nothing: `--name` turns it on, and nothing turns it off.
    Switch,
    /// A whole number.
    Int,
    /// A whole number, which may have a suffix: `32k` is 32000, `32K` is 32768. A context length can also be `auto`.
    Size,
    /// A number.
    Float,
    /// Text.
    String,
    /// A JSON document.
    Json,
    /// One of the row's choices.
    Choice,
    /// Several values.
    List,
}

/// An option of an engine's command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineOption {
    /// Name of the engine.
    pub engine: String,
    /// Name without the leading dashes: `max-model-len`.
    pub name: String,
    /// What it takes.
    pub kind: OptionKind,
    /// What it can be, of choices; an empty list means that the engine works them out at run time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// The command line's default, as written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// Where a list of options was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionSource {
    /// Name of the engine.
    pub engine: String,
    /// The release that was read.
    pub version: String,
    /// The files that were read.
    pub read_from: String,
}

/// `engine_options.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineOptionsFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By engine.
    #[serde(default)]
    pub sources: Table<OptionSource>,
    /// By engine and name.
    #[serde(default)]
    pub options: Table<EngineOption>,
}

catalog_file!(
    EngineOptionsFile, "engine_options.json",
    rows { sources by |row| row.engine.clone(), options by |row| (row.engine.clone(), row.name.clone()) }
);

/// The options of an engine and where they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions<'a> {
    /// The engine that was read.
    pub engine: &'a str,
    /// The release that was read.
    pub version: &'a str,
    /// The options.
    pub options: Vec<&'a EngineOption>,
}

impl<'a> EngineOptions<'a> {
    /// By name, dashes or underscores, with or without leading dashes; `no-` finds the flag that it turns off.
    pub fn get(&self, name: &str) -> Option<&'a EngineOption> {
        let name = name.trim_start_matches('-').replace('_', "-");
        let find = |name: &str| self.options.iter().find(|option| option.name == name).copied();
        find(&name).or_else(|| {
            find(name.strip_prefix("no-")?).filter(|option| option.kind == OptionKind::Flag)
        })
    }

    /// The names most like `name`.
    pub fn nearest(&self, name: &str) -> Vec<&'a str> {
        let name = name.trim_start_matches('-').replace('_', "-");
        nearest(&name, self.options.iter().map(|option| option.name.as_str()), 3)
    }
}
