//! Rules about how many instances the account may have.

use mcc_catalogs::Instance;

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::{Fix, Fixes};
use crate::reasons;
use crate::resolve::Context;
use crate::spec::{RunsAs, Spec};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-QTA-001",
        severity: Severity::Warning,
        title: "the account's quota is too small for the instances",
        why: "AWS refuses to create them (ResourceLimitExceeded), after the image is built",
        source: "Service Quotas of the account, looked up; without a look-up nothing is said",
        check: Some(quota),
    },
    Rule {
        id: "MCC-QTA-002",
        severity: Severity::Note,
        title: "the account's quota has no room for an update",
        why: "a blue/green update runs the old and the new instances beside each other until traffic has moved",
        source: "SageMaker, BlueGreenUpdatePolicy; Service Quotas of the account, looked up",
        check: Some(update),
    },
];

/// Types that are named.
const NAMED: usize = 3;

/// Instances at the start and at most.
pub(super) fn instances(context: &Context<'_>, spec: &Spec) -> (u32, u32) {
    let start = context.count();
    let endpoint = &spec.endpoint;
    let scaled = endpoint.autoscaling.as_ref().map_or(start, |scaling| scaling.max);
    let most = match spec.basis.runs_as {
        RunsAs::Job | RunsAs::Pods => start,
        RunsAs::Endpoint if endpoint.inference_component => start,
        RunsAs::Endpoint => scaled.max(start),
    };
    (start, most)
}

fn quota(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Some(instance) = context.row_of(&spec.instance) else { return };
    let (catalogs, of, region) = (context.catalogs, &context.deployment, &spec.aws.region);
    let Some(row) = mcc_fit::quota(catalogs, of, Some(region), instance) else { return };
    let (start, most) = instances(context, spec);
    let pods = spec.basis.runs_as == RunsAs::Pods;
    let (start, most) = if pods { (1, 1) } else { (start, most) };
    let own = "if those are this project's own, there is nothing to do";
    let used = row.in_use.unwrap_or(0);
    let (message, asked, remark) = if row.limit < start {
        (reasons::quota(row, start), start, None)
    } else if row.limit < most {
        let message =
            format!("{}: autoscaling stops before its maximum", reasons::quota(row, most));
        (message, most, None)
    } else if row.free().is_some_and(|free| free < start) {
        let message = format!("{}: {}", reasons::quota(row, start), more_started(start));
        (message, start.saturating_add(used), Some(own))
    } else {
        return;
    };
    let unknown = if row.in_use.is_none() && row.limit > 0 {
        "; how many are in use is not known"
    } else {
        ""
    };
    let more = Fix::say(reasons::more_quota(row, asked.max(most)));
    let more = match remark {
        Some(own) => more.and(Fix::say(own)),
        None => more.into(),
    };
    let (types, unknown_of) = startable(context, spec, start);
    let mut fixes: Fixes = more.into();
    if !types.is_empty() && row.limit < start {
        let others = Fix::choose("instanceType", types.clone());
        fixes = fixes.or(others.and(Fix::say(allowed(types.len(), &unknown_of))));
    }
    let finding = Finding::warning("MCC-QTA-001", format!("{message}{unknown}"), fixes);
    let types = if row.limit < start { types } else { Vec::new() };
    findings.push(context.merged.about("instanceType", finding.choices(types)));
}

/// That `count` are started beside those that are in use.
fn more_started(count: u32) -> String {
    match count {
        1 => "this project starts 1 more".to_owned(),
        many => format!("this project starts {many} more"),
    }
}

/// What is known of the quotas of other types that are named, of `all` of which those of `unknown` are not known.
fn allowed(all: usize, unknown: &[String]) -> String {
    match (all, unknown.len()) {
        (1, 0) => "the account's quota allows it".to_owned(),
        (_, 0) => "the account's quotas allow each of them".to_owned(),
        (1, _) => "the account's quota of it is not known".to_owned(),
        (all, none) if all == none => "the account's quotas of them are not known".to_owned(),
        _ => format!(
            "the account's quota of {} is not known, those of the others allow it",
            unknown.join(" and of ")
        ),
    }
}

/// Types that do and that the quota is known to allow, or that no quota is known of; then those of no known quota alone.
fn startable(context: &Context<'_>, spec: &Spec, instances: u32) -> (Vec<String>, Vec<String>) {
    let region = Some(spec.aws.region.as_str());
    let allows = |row: &Instance| {
        mcc_fit::quota_allows(context.catalogs, &context.deployment, region, row, instances)
    };
    let found = context.candidates(&spec.aws);
    let starts = |row: &&Instance| allows(row) != Some(false);
    let mut types: Vec<&Instance> =
        found.iter().map(|found| found.instance).filter(starts).take(NAMED).collect();
    if types.is_empty() {
        let usual = mcc_fit::usual_type(context.catalogs, &context.deployment, region, instances);
        types.extend(usual.filter(starts));
    }
    let unknown = types.iter().filter(|row| allows(row).is_none());
    let unknown = unknown.map(|row| row.name.to_string()).collect();
    (types.iter().map(|row| row.name.to_string()).collect(), unknown)
}

fn update(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let endpoint = spec.basis.runs_as == RunsAs::Endpoint && !spec.endpoint.inference_component;
    let Some(instance) = context.row_of(&spec.instance).filter(|_| endpoint) else { return };
    let region = Some(spec.aws.region.as_str());
    let Some(row) = mcc_fit::quota(context.catalogs, &context.deployment, region, instance) else {
        return;
    };
    let (start, most) = instances(context, spec);
    let both = most.saturating_mul(2);
    // What cannot even be started is told already.
    if row.limit < start || row.limit >= both {
        return;
    }
    let message = format!(
        "the account may use {} of it for endpoints in {}, and an update of the endpoint runs up to {both} for a while",
        row.limit, row.region
    );
    let fix = Fix::say(reasons::more_quota(row, both));
    let finding = Finding::new("MCC-QTA-002", Severity::Note, message, fix);
    findings.push(context.merged.about("instanceType", finding));
}
