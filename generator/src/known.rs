//! Names that exist nowhere: an instance type or a Region that AWS's own models do not have is a mistake, and is
//! refused before anything is worked out from it.

use mcc_catalogs::Catalogs;

use crate::finding::Finding;
use crate::fix::{Fix, Fixes};
use crate::merge::Merged;

/// Adds an error for the instance type and for the Region if there are none of their names.
pub(crate) fn check(catalogs: &Catalogs, merged: &mut Merged) {
    let instances = catalogs.instances();
    let wrong = |name: &&str| instances.get(name).is_none() && !instances.has_other_uses(name);
    if let Some(name) = merged.text("instanceType").filter(wrong) {
        let finding = Finding::error(
            "MCC-INS-003",
            format!("SageMaker has no instance type of this name (as of {})", instances.as_of()),
            fixes("instanceType", &catalogs.types_meant(name)),
        )
        .choices(catalogs.types_meant(name));
        let finding = merged.about("instanceType", finding);
        merged.findings.push(finding);
    }
    let regions = catalogs.regions();
    if let Some(name) = merged.text("region").filter(|name| regions.get(name).is_none()) {
        let finding = Finding::error(
            "MCC-REG-002",
            format!("AWS has no Region of this name (as of {})", regions.as_of()),
            fixes("region", &catalogs.regions_meant(name)),
        )
        .choices(catalogs.regions_meant(name));
        let finding = merged.about("region", finding);
        merged.findings.push(finding);
    }
}

fn fixes(key: &str, near: &[&str]) -> Fixes {
    let newer = "a row in catalogs of your own (--catalogs) if it is newer than these";
    let meant = (!near.is_empty()).then(|| Fix::choose(key, near.iter().copied()));
    Fixes::from(meant).or(Fix::unset(key)).or(newer)
}
