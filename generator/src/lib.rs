//! The generator: eight sources of inputs are merged, resolved to a complete description, judged by
//! rules, and rendered through an overlay of layers into a project in memory.
//!
//! It is synchronous and pure until [`Project::write`] writes a folder: no network, no AWS, no MCP.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod applied;
mod archive;
mod artifact;
mod asks;
#[cfg(debug_assertions)]
mod beside;
mod built;
mod caution;
mod check;
mod choices;
mod decisions;
mod deployment;
mod derive;
mod diff;
mod facts;
mod finding;
mod fix;
mod format;
mod framework;
mod inputs;
mod kept;
mod known;
pub mod lenient;
mod manifest;
mod matrix;
pub mod meaning;
mod merge;
mod named;
mod next;
mod package;
mod plan;
mod project;
mod prove;
mod questions;
pub mod reasons;
mod refused;
mod registry;
mod release;
mod render;
mod repeated;
mod resolve;
mod rules;
mod saved;
mod schema;
mod source;
mod spec;
mod values;
mod write;
mod written;

pub use asks::asks;
pub use caution::caution;
pub use check::{CheckReport, check, check_asks, check_files, check_folder};
pub use choices::choices;
pub use decisions::{Decisions, MemoryDecision};
pub use deployment::{deployment, elsewhere, on};
pub use diff::{Change, Difference};
pub use facts::with_kept_of;
pub use finding::{Finding, Severity, first_of_many};
pub use fix::{Fix, Fixes, Remedy, Written as WrittenFix};
pub use format::Format;
pub use inputs::{Field, Inputs, Kind, Registered, fields, find as field};
pub use kept::{ModelConfig, model_config};
pub use manifest::{Fetched, Manifest, ModelSort, SizingRole, Weights};
pub use matrix::{Cell, Support, matrix};
pub use merge::{Merged, ResolvedInput, Sources};
pub use plan::{Cost, Plan, generate, plan, spec};
pub use project::{File, PlannedFile, Project};
pub use questions::Question;
pub use registry::{Config, Layer, Registry, registry};
pub use render::Language;
pub use rules::{Rule, rules, rules_about};
pub use saved::{
    parse_inputs as saved_inputs_of, read_inputs as saved_inputs, read_inputs_in as saved_inputs_in,
};
pub use schema::schema as inputs_schema;
pub use source::{Derived, FileAccess, LookedUp, Saved, Source, Sourced};
pub use spec::{LiveValue, Spec};
pub use values::accepts;
pub use write::{Updated, WriteError};
pub use written::INPUTS as SAVED_INPUTS;
