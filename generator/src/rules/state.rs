//! Rules about the states of recurrent layers, which some engines keep in blocks of their cache.

use super::Rule;
use crate::finding::{Finding, Severity};
use crate::fix::Fix;
use crate::resolve::Context;
use crate::spec::Spec;
use mcc_fit::sizing::{self, StateRule, Wanted};

const SOURCE: &str = "the engine's own check by release (states in catalogs/data/engine_limits.json), and its rules for blocks, \
                      by which the numbers of public logs follow exactly";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "MCC-MEM-008",
        severity: Severity::Error,
        title: "more sequences at once than there are blocks for their states",
        why: "each sequence of a model with recurrent layers takes blocks of the cache whatever its length, and the engine \
              does not start with more sequences than blocks",
        source: SOURCE,
        check: Some(blocks),
    },
    Rule {
        id: "MCC-MEM-009",
        severity: Severity::Warning,
        title: "how large the states of the model's recurrent layers are is not known",
        why: "the engine does not start with more sequences than it has blocks for states, and its default is hundreds",
        source: SOURCE,
        check: Some(unknown),
    },
];

/// The engine's rule, where it refuses to start: without graphs it does not look.
fn refusing(wanted: &Wanted) -> Option<StateRule> {
    wanted.states.filter(|rule| rule.refuses && !wanted.eager)
}

/// Options that can turn the graphs off, for which alone the engine refuses.
const GRAPHS: [&str; 3] = ["compilation-config", "optimization-level", "cudagraph-capture-sizes"];

fn blocks(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let facts = &context.facts;
    let (Some(shape), Some(device), Some(plan)) = (&facts.shape, &facts.device, &facts.plan) else {
        return;
    };
    let (Some(given), Some(found)) = (facts.wanted.max_num_seqs, plan.sizing.state_blocks) else {
        return;
    };
    if refusing(&facts.wanted).is_none() || u64::from(given) <= found.usual || !plan.sizing.fits() {
        return;
    }
    // Sequences take memory themselves: how many would do follows from as few as that.
    let open = Wanted {
        tensor_parallel: Some(plan.serving.tensor_parallel),
        max_model_len: Some(plan.serving.max_model_len),
        max_num_seqs: None,
        ..facts.wanted.clone()
    };
    let open = sizing::plan(shape, device, &open);
    let useful = open.sizing.state_blocks.map_or(1, |blocks| blocks.useful());
    let useful = open.max_num_seqs.unwrap_or(useful);
    let message = format!(
        "at most {given} sequences at once; the engine has about {} blocks for the states of this model's layers, and does \
         not start with more sequences than blocks",
        found.usual
    );
    let fix = Fix::set("maxNumSeqs", useful)
        .and(Fix::say("as many as can run at once"))
        .or(Fix::unset("maxNumSeqs"));
    let options = spec.model.engine_options.as_ref();
    let graphs = options
        .into_iter()
        .flat_map(|options| options.keys())
        .any(|name| GRAPHS.contains(&name.split('.').next().unwrap_or_default()));
    let certain = u64::from(given) > found.most
        && !graphs
        && context.unsized_options(options).is_empty()
        && shape.origin == sizing::Origin::Own;
    let severity = if certain { Severity::Error } else { Severity::Warning };
    let finding = Finding::new("MCC-MEM-008", severity, message, fix);
    findings.push(context.merged.about("maxNumSeqs", finding.choices([useful.to_string()])));
}

fn unknown(context: &Context<'_>, spec: &Spec, findings: &mut Vec<Finding>) {
    let facts = &context.facts;
    let Some(few) = refusing(&facts.wanted).and_then(StateRule::few) else { return };
    let known = facts.plan.as_ref().is_some_and(|plan| plan.sizing.state_blocks.is_some());
    if known || facts.wanted.max_num_seqs.is_some() || spec.model.max_num_seqs != Some(few) {
        return;
    }
    let finding = Finding::warning(
        "MCC-MEM-009",
        format!(
            "layers of this model keep a state, whose size is not known; the project lets {few} sequences run at once, \
             which is a guess"
        ),
        "give the model's config.json as modelConfig, or maxNumSeqs",
    );
    findings.push(context.merged.about("modelName", finding));
}
