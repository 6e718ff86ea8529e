//! Rules about the reserved capacity that an endpoint is to run in.

use mcc_catalogs::{Arn, Capacity, CapacityKind};

use super::Rule;
use super::quota::instances;
use crate::finding::{Finding, Severity, shorten};
use crate::fix::{Fix, Fixes};
use crate::resolve::Context;
use crate::spec::{RunsAs, Spec};

const INPUT: &str = "capacityReservationArn";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-CAP-001",
        severity: Severity::Warning,
        title: "the training plan was not found in the Region",
        why: "SageMaker starts instances in the reserved capacity alone, and refuses an endpoint without it",
        source: "SageMaker ListTrainingPlans, looked up; without a look-up nothing is said",
        check: Some(reserved),
    },
    Rule {
        id: "MCC-CAP-002",
        severity: Severity::Warning,
        title: "the reserved capacity is of another instance type",
        why: "reserved capacity has instances of one type, and an endpoint takes no others from it",
        source: "SageMaker ListTrainingPlans, looked up; without a look-up nothing is said",
        check: None,
    },
    Rule {
        id: "MCC-CAP-003",
        severity: Severity::Warning,
        title: "the reserved capacity cannot be used by an endpoint now",
        why: "a training plan has to have begun, and is for the kind of resource that it was bought for",
        source: "SageMaker ListTrainingPlans (Status, TargetResources), looked up; without a look-up nothing is said",
        check: None,
    },
    Rule {
        id: "MCC-CAP-004",
        severity: Severity::Warning,
        title: "the reserved capacity has fewer instances than are started",
        why: "SageMaker starts instances in the reserved capacity alone: there is no fallback to those on demand",
        source: "SageMaker, CapacityReservationPreference: capacity-reservations-only; ListTrainingPlans, looked up",
        check: None,
    },
    Rule {
        id: "MCC-CAP-005",
        severity: Severity::Note,
        title: "what the reserved capacity has is only known in part",
        why: "ML reservations are in no list that is looked up, the zones of subnets are not read, and capacity ends",
        source: "SageMaker ListTrainingPlans, looked up; without a look-up nothing is said",
        check: None,
    },
];

/// Types that are named.
const NAMED: usize = 3;

fn reserved(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let named = context.inputs.capacity_reservation_arn.as_deref();
    let Some(arn) = named.filter(|_| spec.basis.runs_as == RunsAs::Endpoint) else { return };
    let rows = context.catalogs.clusters();
    let Some(row) = rows.reserved(&spec.aws.region, arn) else {
        findings.extend(not_found(context, &spec.aws.region, arn));
        return;
    };
    if row.kind == CapacityKind::TrainingPlan {
        findings.extend(compared(context, spec, row));
    }
}

/// What is said where no row has it: nothing if nobody looked.
fn not_found(context: &Context<'_>, region: &str, arn: &str) -> Option<Finding> {
    let listed = context.catalogs.clusters().listed(region)?;
    let kind = arn.parse::<Arn>().ok()?.resource().split('/').next().unwrap_or_default().to_owned();
    if kind != "training-plan" {
        let message = format!(
            "its instance type, dates and free instances are not known: no list has reservations of the kind {}",
            shorten(&kind)
        );
        return Some(note(
            context,
            message,
            "see in SageMaker that it has what the endpoint needs",
        ));
    }
    let plans = context.catalogs.clusters().capacity(region);
    let plans = plans.filter(|row| row.kind == CapacityKind::TrainingPlan);
    if !listed.capacity {
        let message = format!(
            "it is not among the training plans of {region} that were read, and not all were"
        );
        return Some(note(
            context,
            message,
            "see in SageMaker that it has what the endpoint needs",
        ));
    }
    let near: Vec<String> = plans.take(NAMED).map(|row| row.id.clone()).collect();
    let message = format!(
        "no training plan of {region} that can be used has this ARN: it has ended, failed or is not there"
    );
    let gone = Fix::unset(INPUT);
    let fix: Fixes =
        if near.is_empty() { gone.into() } else { Fix::choose(INPUT, near.clone()).or(gone) };
    let finding = Finding::warning("MCC-CAP-001", message, fix).choices(near);
    Some(context.merged.about(INPUT, finding))
}

fn note(context: &Context<'_>, message: String, fix: &str) -> Finding {
    context.merged.about(INPUT, Finding::new("MCC-CAP-005", Severity::Note, message, fix))
}

/// A training plan that is known, beside the endpoint that is to run in it.
fn compared(context: &Context<'_>, spec: &Spec, row: &Capacity) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tell = |id: &str, message: String, fix: Fixes| {
        findings.push(context.merged.about(INPUT, Finding::warning(id, message, fix)));
    };
    let without = || Fix::unset(INPUT);
    let time = |time: &Option<String>| time.as_deref().map(mcc_catalogs::echo);
    if let Some(kind) = spec.instance.kind.as_deref().filter(|kind| *kind != row.instance.as_str())
    {
        let message = format!("it has instances of {}, and instanceType is {kind}", row.instance);
        tell("MCC-CAP-002", message, Fix::set("instanceType", row.instance.as_str()).or(without()));
    }
    if row.status != "Active" {
        let begins =
            time(&row.starts).map_or_else(String::new, |time| format!("; it begins at {time}"));
        let message = format!("it is {}, not Active{begins}", shorten(&row.status));
        tell("MCC-CAP-003", message, Fix::say("deploy when it is Active").or(without()));
    }
    if !row.targets.is_empty() && row.targets.iter().all(|target| target != "endpoint") {
        let targets: Vec<String> = row.targets.iter().map(|one| shorten(one)).collect();
        let message = format!("it was bought for {}, not for endpoints", targets.join(" and "));
        tell("MCC-CAP-003", message, Fix::say("name a training plan for endpoints").or(without()));
    }
    let (start, most) = instances(context, spec);
    let (needed, what) = if row.total < most { (most, "at most") } else { (start, "at the start") };
    if row.total < needed || row.free < needed {
        let message = format!(
            "{} of its {} instances are free, and the endpoint runs {needed} {what}",
            row.free, row.total
        );
        let own = "if this project's own endpoint runs on the others, there is nothing to do";
        let fewer = Fix::say(format!("run at most {} instances", row.free));
        let fewer: Fixes = if row.total < needed { fewer.into() } else { fewer.or(Fix::say(own)) };
        tell("MCC-CAP-004", message, fewer.or(without()));
    }
    let end = time(&row.ends);
    let zone = row.zone.as_deref().map(shorten).filter(|_| context.inputs.vpc_subnets.is_some());
    if let Some(end) = end {
        let message = format!("it ends at {end}, and the endpoint's instances with it");
        findings.push(note(context, message, "move the endpoint to other capacity before"));
    }
    if let Some(zone) = zone {
        let message = format!("it is in {zone}; where the subnets are is not read");
        findings.push(note(context, message, "see that one of vpcSubnets is in that zone"));
    }
    findings
}
