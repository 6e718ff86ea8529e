//! Judging a project that exists: its inputs against today's rules, its files against what they would
//! be if it were generated now.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mcc_catalogs::{Ask, Catalogs};
use mcc_files::{Folder, Roots};
use schemars::JsonSchema;
use serde::Serialize;

use crate::asks::asks;
use crate::diff::Difference;
use crate::finding::Finding;
use crate::merge::{Merged, Sources};
use crate::plan::{self, Plan};
use crate::project::{File, Project};
use crate::source::{FileAccess, Source};
use crate::written::{FACTS, INPUTS};
use crate::{facts, kept, saved};

/// What a check found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckReport {
    /// Name of the project.
    pub project_name: String,
    /// Deployment config.
    pub deployment_config: String,
    /// Deployment target.
    pub deployment_target: String,
    /// What the rules say of the saved inputs.
    pub findings: Vec<Finding>,
    /// Files that differ from what would be generated now.
    pub differences: Vec<Difference>,
}

/// Checks the project in `dir`.
///
/// # Errors
/// A finding when `dir` holds no generated project, or something in it that cannot be read.
pub fn check(catalogs: &Arc<Catalogs>, dir: &Path) -> Result<CheckReport, Box<Finding>> {
    let roots = Roots::open(&[dir]).map_err(|error| unreadable(&error))?;
    check_in(catalogs, roots)
}

/// Checks the project in `folder`, whose path is its real one.
///
/// # Errors
/// As for [`check`].
pub fn check_folder(catalogs: &Arc<Catalogs>, folder: Folder) -> Result<CheckReport, Box<Finding>> {
    check_in(catalogs, Roots::of(folder))
}

fn check_in(catalogs: &Arc<Catalogs>, roots: Roots) -> Result<CheckReport, Box<Finding>> {
    let folder = roots.folders().first().ok_or_else(|| not_a_project("no folder".into()))?;
    let catalogs = &facts::with_kept_in(catalogs, folder).map_err(not_a_project)?;
    let merged = merged(catalogs, roots.clone())?;
    Ok(match plan::generate(catalogs, &merged) {
        Ok((plan, project)) => {
            report(plan, project.diff_folder(folder).map_err(|error| unreadable(&error))?)
        }
        Err(plan) => report(*plan, Vec::new()),
    })
}

/// What could be looked up for a check of the project in `dir`: nothing, where there is none.
pub fn check_asks(catalogs: &Catalogs, dir: &Path) -> Vec<Ask> {
    let roots = Roots::open(&[dir]).ok();
    let merged = roots.and_then(|roots| merged(catalogs, roots).ok());
    merged.map(|merged| asks(catalogs, &merged)).unwrap_or_default()
}

/// The saved inputs of the project in a folder.
fn merged(catalogs: &Catalogs, roots: Roots) -> Result<Merged, Box<Finding>> {
    let of_project = roots.clone();
    let folder = of_project.folders().first().ok_or_else(|| not_a_project("no folder".into()))?;
    let mut saved = saved::read_inputs_in(folder).map_err(not_a_project)?;
    let exists = |path: &str| folder.kind(path).is_ok();
    saved.inputs = own_files(catalogs, saved.inputs, exists);
    Ok(Sources::new()
        .files(FileAccess::Project(roots))
        .saved(Source::ConfigFile(INPUTS.into()), saved)
        .merge())
}

/// Checks a project given as a map of paths to texts, as clients without a shared disk send it.
///
/// # Errors
/// A finding when the files hold no generated project.
pub fn check_files(
    catalogs: &Arc<Catalogs>,
    files: &BTreeMap<String, String>,
) -> Result<CheckReport, Box<Finding>> {
    let text = files
        .get(INPUTS)
        .ok_or_else(|| not_a_project(format!("{INPUTS} is not among the files")))?;
    let mut saved = saved::parse_inputs(text).map_err(not_a_project)?;
    let facts = files.get(FACTS).map(String::as_str);
    let catalogs = &facts::with_kept(catalogs, facts).map_err(not_a_project)?;
    // A model is no text, and what it decided is in the files that were sent.
    let copied = saved.inputs.remove("modelPath").is_some();
    if copied {
        saved.inputs.entry("includeSample").or_insert_with(|| false.into());
    }
    let mut merged = Sources::new().saved(Source::ConfigFile(INPUTS.into()), saved).merge();
    kept::given(&mut merged, files);
    Ok(match plan::generate(catalogs, &merged) {
        Ok((plan, mut project)) => {
            let mut given = Project::default();
            for (path, text) in files {
                given.insert(path, File::new(text.as_bytes().to_vec(), ""));
            }
            if copied && let Some(own) = given.get(INPUTS) {
                project.insert(INPUTS, own.clone());
            }
            report(plan, project.differences(&given))
        }
        Err(plan) => report(*plan, Vec::new()),
    })
}

/// Files that an older version left outside the project may be gone.
fn own_files(
    catalogs: &Catalogs,
    mut inputs: serde_json::Map<String, serde_json::Value>,
    exists: impl Fn(&str) -> bool,
) -> serde_json::Map<String, serde_json::Value> {
    for key in ["modelPath", "requirementsFile", "modelConfig"] {
        let path = inputs.get(key).and_then(|v| v.as_str()).unwrap_or_default();
        // The id of a model that the catalogs know looks like a path.
        let models = catalogs.models();
        let is_id =
            key == "modelConfig" && (models.get(path).is_some() || models.variant(path).is_some());
        if !path.is_empty() && !path.trim_start().starts_with('{') && !is_id && !exists(path) {
            inputs.remove(key);
        }
    }
    inputs
}

fn report(plan: Plan, differences: Vec<Difference>) -> CheckReport {
    CheckReport {
        project_name: plan.project_name,
        deployment_config: plan.deployment_config,
        deployment_target: plan.deployment_target,
        findings: plan.findings,
        differences,
    }
}

fn unreadable(error: &mcc_files::Error) -> Box<Finding> {
    Box::new(Finding::error("MCC-INP-004", error.to_string(), error.fix()))
}

fn not_a_project(reason: String) -> Box<Finding> {
    Box::new(Finding::error("MCC-INP-004", reason, "name the folder of a generated project"))
}
