//! The `hyperpod` server: what a HyperPod cluster on EKS needs and offers, and what fits its nodes.

mod clusters;
mod guide;
mod prompts;
mod resources;
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
    name: "hyperpod",
    title: "HyperPod",
    description: "Says what SageMaker HyperPod on EKS needs, and how many copies of a model fit the nodes of a cluster.",
    instructions: INSTRUCTIONS,
    tools: &[tools::ALL],
    prompts: &[PROMPTS],
    resources: &[RESOURCES],
    listing: OnceLock::new(),
};

/// The workflow. What a single tool does is in its description.
const INSTRUCTIONS: &str = "\
Plans models on Amazon SageMaker HyperPod clusters orchestrated by EKS.

Workflow:
1. describe_hyperpod for the steps that find the user's clusters and nodes, the permissions that they take, and the Regions \
and custom resources of the inference operator. This server looks at no AWS account: run the steps, or ask the user to.
2. fit_hyperpod with the model and the node groups that were found (instance type and number of nodes): how a copy is split, how many \
copies fit each group, and what a pod asks for.
3. Pass `inputs` of the chosen group and hyperpodCluster to plan_project of the generate-project server.

Nodes are shared: what other pods hold is not known here, so the numbers are of empty nodes.";
