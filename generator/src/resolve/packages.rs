//! The Python packages that a pickle needs beyond those of its framework.

use crate::artifact::{Artifact, packages::package_of};
use crate::finding::Finding;
use crate::framework::{Pins, Requirement, canonical};
use crate::manifest::{Framework, Manifest};

/// Adds the packages whose versions the file names, with the companions of that release.
pub(super) fn add(
    framework: &Framework,
    artifact: &Artifact,
    (python, arch): (&str, &str),
    pins: &Pins,
    known: &[&Framework],
    requirements: &mut Vec<Requirement>,
) {
    let pinned = |name: &str| pins.exact.iter().any(|p| canonical(&p.name) == canonical(name));
    for (package, version) in &artifact.versions {
        if framework.is_called(package) || !artifact.modules.iter().any(|m| brings(m, package)) {
            continue;
        }
        let Some(other) = known.iter().find(|f| f.is_called(package)) else { continue };
        // The user's own pin of it, under any of its names, wins.
        if pins.exact.iter().any(|p| other.is_called(&p.name)) {
            continue;
        }
        // The framework's package is itself only a companion of what the model was made with.
        let companion = other
            .nearest_release(version)
            .is_some_and(|r| r.companions.iter().any(|p| framework.is_called(&p.name)));
        for new in other.requirements(version, python, arch, &Manifest::default(), &[]) {
            match requirements.iter_mut().find(|r| canonical(&r.name) == canonical(&new.name)) {
                Some(old) if companion && !pinned(&new.name) => old.version = new.version,
                Some(_) => {}
                None => requirements.push(new),
            }
        }
    }
}

/// Whether `module` comes from `package`.
fn brings(module: &str, package: &str) -> bool {
    package_of(module).is_some_and(|known| canonical(known) == canonical(package))
}

/// What a pickle needs and does not get.
pub(super) fn judge(
    artifact: &Artifact,
    known: &[&Framework],
    requirements: &[Requirement],
) -> Vec<(&'static str, Finding)> {
    let there = |name: &str| {
        let also = known.iter().find(|f| f.is_called(name));
        requirements.iter().any(|r| {
            canonical(&r.name) == canonical(name) || also.is_some_and(|f| f.is_called(&r.name))
        })
    };
    let mut findings = Vec::new();
    let missing: Vec<&str> = artifact
        .modules
        .iter()
        .map(String::as_str)
        .filter(|module| !there(package_of(module).unwrap_or(module)))
        .collect();
    let packages: Vec<&str> = missing.iter().filter_map(|m| package_of(m)).collect();
    let own: Vec<&str> = missing.iter().filter(|m| package_of(m).is_none()).copied().collect();
    if !missing.is_empty() {
        let mut fixes = Vec::new();
        if !packages.is_empty() {
            let pins: Vec<String> = packages.iter().map(|p| format!("{p}==VERSION")).collect();
            fixes.push(format!(
                "give requirementsFile with {}, as in the training",
                shown(&pins.iter().map(String::as_str).collect::<Vec<_>>())
            ));
        }
        if !own.is_empty() {
            fixes.push(format!(
                "copy modules of your own ({}) beside the handler, or name the packages that bring them in requirementsFile",
                shown(&own)
            ));
        }
        let message = format!(
            "loading the model imports {}, which nothing in requirements.txt brings",
            shown(&missing)
        );
        findings.push(("modelPath", Finding::warning("MCC-FW-005", message, fixes.join("; "))));
    }
    if !artifact.main.is_empty() {
        let names: Vec<&str> = artifact.main.iter().map(String::as_str).collect();
        let message = format!(
            "the pickle takes {} from the script that wrote it (__main__), which the image does not have",
            shown(&names)
        );
        let fix = "move the code into a module of its own, pickle again and copy the module beside the handler; or \
            pickle with cloudpickle, and name cloudpickle in requirementsFile";
        findings.push(("modelPath", Finding::warning("MCC-FW-007", message, fix)));
    }
    findings
}

/// A short list of names out of a file of somebody else's.
fn shown(names: &[&str]) -> String {
    let first: Vec<String> = names.iter().take(8).map(|n| crate::finding::shorten(n)).collect();
    let more = names.len().saturating_sub(first.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", first.join(", "))
}
