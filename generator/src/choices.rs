//! What a plan could run on, for somebody who has an opinion on it: the plan as it stands, and the other instance types
//! that it would choose among. Nothing of it changes the plan.

use mcc_catalogs::reason::Choice;
use mcc_catalogs::{Catalogs, Instance, Price};

use crate::decisions::Decisions;
use crate::finding::Severity;
use crate::merge::Merged;
use crate::plan::{Plan, in_context};
use crate::resolve::Candidate;

/// Most choices of a plan, the plan itself among them.
const MOST: usize = 8;

/// The instance types that `plan`, which was made of `merged`, could run on, its own first. Empty for a plan that is not
/// ready: what is wrong or missing comes before any opinion.
pub fn choices(catalogs: &Catalogs, merged: &Merged, plan: &Plan) -> Vec<Choice> {
    let chosen = plan.inputs.iter().find(|input| input.key == "instanceType");
    let Some(own) = chosen.and_then(|input| input.value.as_str()).filter(|_| plan.is_ready())
    else {
        return Vec::new();
    };
    let others = in_context(catalogs, merged, |context, spec, _| {
        let candidates = context.candidates(&spec.aws);
        let others = candidates.iter().filter(|one| one.instance.name.as_str() != own);
        others.map(other).take(MOST - 1).collect::<Vec<_>>()
    });
    let mut choices = vec![as_planned(plan, own, catalogs.instances().get(own))];
    choices.extend(others.unwrap_or_default());
    choices
}

/// The plan as it stands: what was decided, and what is risky.
fn as_planned(plan: &Plan, own: &str, row: Option<&Instance>) -> Choice {
    let mut facts = vec!["this is the plan as it stands".to_owned()];
    facts.extend(row.map(hardware));
    let risks = plan.findings.iter().filter(|finding| finding.severity == Severity::Warning);
    facts.extend(risks.map(|finding| format!("{}: {}", finding.id, finding.message)));
    let decided = plan.decisions.iter().flat_map(Decisions::lines);
    facts.extend(decided.map(|(name, text)| format!("{name}: {text}")));
    Choice { id: own.to_owned(), facts }
}

fn other(candidate: &Candidate<'_>) -> Choice {
    let Candidate { instance, price, plan } = candidate;
    let sizing = &plan.sizing;
    let mut fits = format!(
        "holds the model: tensor parallel {}, weights {:.1} of {:.1} GiB of each device, context {}",
        plan.serving.tensor_parallel,
        sizing.weights_gib,
        sizing.budget_gib,
        plan.serving.max_model_len
    );
    if let Some(sequences) = sizing.concurrent_sequences {
        fits.push_str(&format!(", about {sequences:.1} sequences of it at once"));
    }
    let facts = vec![hardware(instance), cost(price.as_ref()), fits];
    Choice { id: instance.name.to_string(), facts }
}

fn hardware(instance: &Instance) -> String {
    let accelerators = instance.accelerator().map_or_else(
        || "no accelerator".to_owned(),
        |accelerator| format!("{} x {}", instance.count, accelerator.name),
    );
    format!(
        "{accelerators}, {} vCPUs, {:.0} GiB of host memory",
        instance.vcpus,
        instance.memory_gib()
    )
}

fn cost(price: Option<&Price>) -> String {
    let Some(price) = price else { return "price not known".to_owned() };
    let region = price.region.as_ref().map_or("an unnamed Region", |region| region.as_str());
    format!("{:.2} USD per hour in {region} as of {}", price.usd, price.as_of)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::{Source, Sources};

    fn planned(inputs: serde_json::Value) -> (Vec<Choice>, Plan) {
        let inputs: Map<_, _> = inputs.as_object().unwrap().clone();
        let merged = Sources::new().with(Source::Flag, inputs).merge();
        let catalogs = Catalogs::embedded();
        let plan = crate::plan(catalogs, &merged);
        let before = serde_json::to_value(&plan).unwrap();
        let choices = choices(catalogs, &merged, &plan);
        assert_eq!(serde_json::to_value(&plan).unwrap(), before);
        assert_eq!(serde_json::to_value(crate::plan(catalogs, &merged)).unwrap(), before);
        (choices, plan)
    }

    #[test]
    fn choices_are_the_plan_and_the_types_that_it_would_choose_among() {
        let model =
            json!({"projectName": "chat", "modelName": "Qwen/Qwen3-8B", "region": "us-west-2"});
        let (choices, plan) = planned(model.clone());
        let own = plan.inputs.iter().find(|input| input.key == "instanceType").unwrap();
        assert_eq!(choices[0].id, own.value.as_str().unwrap());
        assert_eq!(choices.len(), MOST);
        assert!(choices.iter().all(|choice| choice.facts.len() > 1));
        // Each of them is a plan that is ready.
        for choice in &choices {
            let mut asked = model.clone();
            asked["instanceType"] = json!(choice.id);
            let (named, plan) = planned(asked);
            assert!(plan.is_ready(), "{}: {:?}", choice.id, plan.findings);
            // A type that is named comes first, whatever is cheaper.
            assert_eq!(named[0].id, choice.id);
            assert_eq!(named.len(), choices.len());
        }
    }

    #[test]
    fn a_plan_that_is_not_ready_has_none() {
        let wrong = json!({"projectName": "chat", "modelName": "Qwen/Qwen3-8B", "instanceType": "ml.t3.medium"});
        for inputs in [json!({}), json!({"modelName": "no/such"}), wrong] {
            let (choices, plan) = planned(inputs);
            assert!(choices.is_empty() && !plan.is_ready(), "{choices:?}");
        }
        // What is packed fits on its own type, and there is nothing to size.
        let (choices, _) = planned(
            json!({"projectName": "scorer", "deploymentConfig": "http-flask", "framework": "sklearn"}),
        );
        assert_eq!(choices.len(), 1);
    }
}
