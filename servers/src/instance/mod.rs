//! The `instance` server: which instance type runs a model, at what cost, and why not the others.

mod answers;
mod prompts;
mod resources;
mod shortlist;
#[cfg(test)]
mod tests;
mod tools;

use std::sync::OnceLock;

use crate::mcp::server::Server;

pub(crate) use prompts::PROMPTS;
pub(crate) use resources::RESOURCES;
pub(crate) use tools::ALL as TOOLS;

/// The server.
pub(crate) static SERVER: Server = Server {
    name: "instance",
    title: "Instance types",
    description: "Recommends and compares Amazon SageMaker instance types for a model, with memory worked out and prices.",
    instructions: INSTRUCTIONS,
    tools: &[tools::ALL],
    prompts: &[PROMPTS],
    resources: &[RESOURCES],
    listing: OnceLock::new(),
};

/// The workflow. What a single tool does is in its description.
const INSTRUCTIONS: &str = "\
Sizes models on SageMaker instance types: memory per GPU by component, tensor parallelism, longest context, sequences \
at once, price.

Workflow:
1. recommend_instance with the model (modelName, or modelConfig with the text of its config.json) and what the user \
has said about context, concurrency, budget and Region.
2. Tell the user the first recommendation with its cost, the assumptions, and the nearest misses if they were hoped for.
3. Pass `inputs` of the chosen recommendation, unchanged, to plan_project of the generate-project server.
compare_instances answers \"does X run on Y\" and \"which of these\" for up to 5 models and 20 types.

A model that the catalog does not know is never guessed: the error says what to supply. Prices are on-demand for one \
instance in the Region that the answer names, published or estimated as it says; memory is an estimate, within some \
10 % for common models, and what is `tight` is not recommended. Availability is that of EC2, a hint: SageMaker quotas are the \
account's own.";
