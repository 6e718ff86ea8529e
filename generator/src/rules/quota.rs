//! Rules about how many instances the account may have.

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
        let message = format!("{}: {start} are started", reasons::quota(row, start));
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
    let types = startable(context, spec, start);
    let mut fixes: Fixes = more.into();
    if !types.is_empty() && row.limit < start {
        fixes = fixes.or(Fix::choose("instanceType", types.clone()));
    }
    let finding = Finding::warning("MCC-QTA-001", format!("{message}{unknown}"), fixes);
    let types = if row.limit < start { types } else { Vec::new() };
    findings.push(context.merged.about("instanceType", finding.choices(types)));
}

/// Types that do and that the quota is known to allow, or that no quota is known of.
fn startable(context: &Context<'_>, spec: &Spec, instances: u32) -> Vec<String> {
    let region = Some(spec.aws.region.as_str());
    let starts = |row: &mcc_catalogs::Instance| {
        let of = &context.deployment;
        mcc_fit::short_of_quota(context.catalogs, of, region, row, instances).is_none()
    };
    let found = context.candidates(&spec.aws);
    let mut names: Vec<String> = found
        .iter()
        .filter(|found| starts(found.instance))
        .take(NAMED)
        .map(|found| found.instance.name.to_string())
        .collect();
    if names.is_empty() {
        let usual = mcc_fit::usual_type(context.catalogs, &context.deployment, region, instances);
        names.extend(usual.filter(|row| starts(row)).map(|row| row.name.to_string()));
    }
    names
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
