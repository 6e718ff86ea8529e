//! Instance types, as callers name them.

use mcc_catalogs::{Catalogs, Instance};

use crate::mcp::error::{Problem, ToolError};

/// The rows of the types, each once.
///
/// # Errors
/// All that are not known at once, with those like them.
pub(crate) fn named<'a>(
    catalogs: &'a Catalogs,
    names: &[String],
) -> Result<Vec<&'a Instance>, ToolError> {
    let mut known: Vec<&Instance> = Vec::new();
    let mut problems = Vec::new();
    for name in names {
        match one(catalogs, "instanceTypes", name) {
            Ok(row) if !known.contains(&row) => known.push(row),
            Ok(_) => {}
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() {
        Ok(known)
    } else {
        Err(ToolError::all("unknown_instance_type", problems))
    }
}

/// The row of one type, which `field` named.
///
/// # Errors
/// One that is not known, with those like it.
pub(crate) fn one<'a>(
    catalogs: &'a Catalogs,
    field: &str,
    name: &str,
) -> Result<&'a Instance, Box<Problem>> {
    // People leave the prefix out.
    let full = if name.starts_with("ml.") { name.to_owned() } else { format!("ml.{name}") };
    let all = catalogs.instances();
    all.get(&full).ok_or_else(|| {
        let message = if all.has_other_uses(&full) {
            "SageMaker has this type for other uses, and nothing more is known of it here"
        } else {
            "SageMaker has no instance type of this name"
        };
        let meant = catalogs.types_meant(name);
        let fix = match meant.first() {
            Some(best) => format!("did you mean `{best}`?"),
            None => "name a type such as ml.g5.xlarge, or leave it out".to_owned(),
        };
        let problem = Problem::of(field, message)
            .value(&name.into())
            .fix(fix)
            .choices(meant.into_iter().map(str::to_owned).collect());
        Box::new(problem)
    })
}
