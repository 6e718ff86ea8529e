//! The rules: small named checks with stable ids, one file for each family.
//!
//! A rule whose facts are unknown says so as a warning and never refuses.

mod account;
mod capacity;
mod compiled;
mod deployment;
mod draft;
mod engine_options;
mod environment;
mod hyperpod;
mod image;
mod images;
mod inputs;
mod limits;
mod loading;
mod memory;
mod model;
mod model_accelerator;
mod network;
mod no_type;
mod pipeline;
mod quota;
mod registry;
mod state;
mod task;
mod tensor_parallel;
mod written_by;

use crate::finding::{Finding, Severity};
use crate::fix::Fix;
use crate::resolve::Context;
use crate::spec::Spec;

/// What a rule looks at.
pub(crate) type Check = fn(&Context<'_>, &Spec, &mut Vec<Finding>);

/// A rule, as `mcc explain` tells it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Stable id.
    pub id: &'static str,
    /// How much its findings weigh at most.
    pub severity: Severity,
    /// What it checks.
    pub title: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// Where that is known from.
    pub source: &'static str,
    /// The check; `None` for rules that are applied while inputs are read or resolved.
    pub(crate) check: Option<Check>,
}

const FAMILIES: [&[Rule]; 23] = [
    inputs::RULES,
    image::RULES,
    registry::RULES,
    deployment::RULES,
    quota::RULES,
    capacity::RULES,
    memory::RULES,
    model::RULES,
    account::RULES,
    state::RULES,
    draft::RULES,
    loading::RULES,
    images::RULES,
    tensor_parallel::RULES,
    model_accelerator::RULES,
    engine_options::RULES,
    compiled::RULES,
    written_by::RULES,
    environment::RULES,
    network::RULES,
    hyperpod::RULES,
    limits::RULES,
    task::RULES,
];

pub(crate) use inputs::{has_conditional, without_effect};
pub(crate) use no_type::no_type;

/// All rules, by family.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.into_iter().flatten()
}

/// The rules that speak of `topic`: those with all of its words in their title first.
pub fn rules_about(topic: &str) -> Vec<&'static Rule> {
    let words: Vec<String> = topic.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let has = |text: &str| {
        let text = text.to_lowercase();
        let own = || text.split(|c: char| !c.is_alphanumeric());
        words.iter().all(|word| {
            own().any(|own| own == word || (word.len() > 2 && own.starts_with(word.as_str())))
        })
    };
    if words.is_empty() {
        return Vec::new();
    }
    let (mut titles, mut others) = (Vec::new(), Vec::new());
    for rule in rules() {
        if has(rule.title) || has(rule.id) {
            titles.push(rule);
        } else if has(rule.why) {
            others.push(rule);
        }
    }
    titles.append(&mut others);
    titles
}

/// Applies every rule.
pub(crate) fn check(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    for check in rules().filter_map(|r| r.check) {
        check(context, spec, findings);
    }
}

/// `finding` with the instance types that would do, cheapest first: for a model those that hold it, and otherwise
/// what the config starts from.
fn with_types(context: &Context<'_>, spec: &Spec, finding: Finding) -> Finding {
    let found = context.candidates(&spec.aws);
    let mut names: Vec<String> =
        found.iter().take(3).map(|c| c.instance.name.to_string()).collect();
    let mut what = if names.is_empty() { "a usual one" } else { "the cheapest that does" };
    if names.is_empty() {
        let region = &spec.aws.region;
        let usual = mcc_fit::usual_type(
            context.catalogs,
            &context.deployment,
            Some(region),
            context.count(),
        );
        let here = usual.filter(|row| !context.lacks(region, row));
        names.extend(here.map(|row| row.name.to_string()));
    }
    if names.is_empty() {
        names.extend(as_large(context, spec));
        what = "the cheapest with as much memory that does";
    }
    match names.first() {
        Some(best) => {
            let remark = Fix::say(format!("{best} is {what}"));
            finding.or(Fix::choose("instanceType", names.clone()).and(remark)).choices(names)
        }
        None if finding.fixes.0.is_empty() => finding.fixed_by("choose another instance type"),
        None => finding,
    }
}

/// Instance types on which the config's image runs, with as much memory as that of the project has: for a model of which
/// nothing is known.
fn as_large(context: &Context<'_>, spec: &Spec) -> Vec<String> {
    let Some(own) = context.row_of(&spec.instance).filter(|_| context.advises) else {
        return Vec::new();
    };
    let (catalogs, asked) = (context.catalogs, context.asked());
    let choice = context.choice(context.inputs.engine_version.as_deref());
    let fits = |row: &&mcc_catalogs::Instance| {
        let image = choice.on(row.arch, Some(row));
        context.proposes(&spec.aws, row)
            && !context.lacks(&spec.aws.region, row)
            && mcc_fit::as_large(row, own)
            && image.is_some()
            && mcc_fit::image_runs(catalogs, &context.deployment, image, &asked, row).is_ok()
    };
    let rows = context.in_order(&spec.aws).filter(fits);
    rows.take(3).map(|row| row.name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_well_formed() {
        let mut seen = BTreeSet::new();
        for rule in rules() {
            assert!(seen.insert(rule.id), "{} is there twice", rule.id);
            let parts: Vec<&str> = rule.id.split('-').collect();
            let form = matches!(parts.as_slice(), ["MCC", family, number]
                if (2..=4).contains(&family.len()) && number.len() == 3);
            assert!(form, "{}", rule.id);
            assert!(!rule.title.is_empty() && !rule.why.is_empty() && !rule.source.is_empty());
        }
    }

    /// Every id in the sources can be explained.
    #[test]
    fn every_id_is_registered() {
        let known: BTreeSet<&str> = rules().map(|r| r.id).collect();
        let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("sources") {
                let path = entry.expect("entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("source");
                for found in text.split("\"MCC-").skip(1) {
                    let rest = found.split('"').next().unwrap_or_default();
                    // Other text may hold the prefix, as this test itself does.
                    if rest.len() <= 8 && rest.contains('-') {
                        let id = format!("MCC-{rest}");
                        assert!(known.contains(id.as_str()), "{id} in {}", path.display());
                    }
                }
            }
        }
    }
}
