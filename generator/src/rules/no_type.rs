//! What is said where no instance type is recommended.

use mcc_catalogs::InstanceType;

use super::memory::NAMED;
use super::model::unknown_model;
use crate::finding::{Finding, shorten};
use crate::fix::{Fix, Fixes};
use crate::resolve::{Context, NoType};
use crate::spec::Aws;

/// What to say where no instance type is recommended.
pub(crate) fn no_type(context: &Context<'_>, why: NoType) -> Finding {
    match why {
        NoType::Unsized => unknown_model(context),
        NoType::Image(finding) => *finding,
        NoType::Nothing(elsewhere) => nothing_holds(context, elsewhere.as_ref()),
    }
}

/// What to say where no instance type holds a model.
fn nothing_holds(context: &Context<'_>, elsewhere: Option<&InstanceType>) -> Finding {
    if let (Some(name), Some(region)) = (elsewhere, &context.inputs.region) {
        let finding = Finding::warning(
            "MCC-MEM-003",
            format!(
                "no instance type that {region} is known to have holds this model with room to spare; {name} does, \
                 in other Regions"
            ),
            Fix::set("instanceType", name.as_str())
                .and(Fix::say(format!("if {region} has it by now")))
                .or("use another region"),
        );
        return context.merged.about("region", finding);
    }
    let less = if context.is_pipeline() {
        "choose a smaller pipeline, or give instanceType"
    } else {
        "choose a smaller or a quantized model, a shorter maxModelLen, or give instanceType"
    };
    let aws = context.aws("");
    if let Some((cluster, types)) = context.cluster_types(&aws) {
        return no_node_holds(context, &aws, cluster, &types).or(less);
    }
    let message = format!(
        "no instance type that {} takes holds this model with room to spare",
        context.target
    );
    context.merged.about("modelName", Finding::warning("MCC-MEM-003", message, less))
}

/// The same of the nodes of a cluster, which are all that was looked at.
fn no_node_holds(context: &Context<'_>, aws: &Aws, cluster: &str, types: &[&str]) -> Finding {
    let cluster = shorten(cluster);
    let reserved = context.with_reservations(aws, NAMED);
    if !reserved.is_empty() {
        let names: Vec<String> =
            reserved.iter().map(|found| found.instance.name.to_string()).collect();
        let message = format!(
            "no node of the cluster {cluster} runs this model without a reservation, so none is chosen; with one {} would",
            names.join(", ")
        );
        let why = Fix::say("the plan then says what the reservation is");
        let fix = Fix::choose("instanceType", names.clone()).and(why);
        let finding = Finding::warning("MCC-MEM-003", message, fix).choices(names);
        return context.merged.about("hyperpodCluster", finding);
    }
    let message = if types.is_empty() {
        format!("the cluster {cluster} has no nodes that run, so that none can hold this model")
    } else {
        format!(
            "no node of the cluster {cluster} holds this model with room to spare; its nodes are of {}",
            types.join(", ")
        )
    };
    let found = context.to_add(aws, NAMED);
    let names: Vec<&str> = found.iter().map(|found| found.instance.name.as_str()).collect();
    let more = (!names.is_empty())
        .then(|| Fix::say(format!("add nodes to the cluster: {} would hold it", names.join(", "))));
    let finding = Finding::warning("MCC-MEM-003", message, Fixes::default().or(more));
    context.merged.about("hyperpodCluster", finding)
}
