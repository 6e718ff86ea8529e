//! Rules about models that draft tokens for another.

use super::Rule;
use crate::finding::{Finding, shorten};
use crate::resolve::{Context, Drafting};
use crate::spec::Spec;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "MCC-MEM-010",
    severity: crate::finding::Severity::Warning,
    title: "the draft model's memory is not counted",
    why: "a draft model is loaded beside the model, and keeps a cache of its own for every sequence",
    source: "vLLM 0.33.0 (vllm/v1/worker/gpu_model_runner.py: the drafter is loaded before memory is measured), read \
             2026-11-29",
    check: Some(unknown),
}];

fn unknown(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let Drafting::Unknown(model) = context.drafting(spec.model.engine_options.as_ref()) else {
        return;
    };
    if context.facts.plan.is_none() {
        return;
    }
    let mut finding = context.merged.about(
        "engineArgs",
        Finding::warning(
            "MCC-MEM-010",
            format!(
                "nothing is known of the draft model {}: neither its weights nor its cache are counted",
                shorten(&model)
            ),
            "use an instance type with as much more memory as its files at 16 bits take and a tenth, or look at do/logs \
             after the first start",
        ),
    );
    finding.value = None;
    findings.push(finding);
}
