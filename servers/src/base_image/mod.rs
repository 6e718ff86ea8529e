//! The `base-image` server: which image a project starts from, and the host image that it needs.

mod judge;
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
    name: "base-image",
    title: "Base images",
    description: "Finds base images of model servers and the newest that works for a model, instance type and Region.",
    instructions: INSTRUCTIONS,
    tools: &[tools::ALL],
    prompts: &[PROMPTS],
    resources: &[RESOURCES],
    listing: OnceLock::new(),
};

/// The workflow. What a single tool does is in its description.
const INSTRUCTIONS: &str = "\
Chooses the image that a project's Dockerfile starts from.

Workflow:
1. recommend_image with deploymentConfig, and as much as is known of modelName, instanceType, region and deploymentTarget. It \
answers with the image that works for all of them, the host image (AMI) whose driver runs its CUDA, and why newer ones were \
passed over.
2. Pass its `inputs` to plan_project of the generate-project server. Without a recommendation plan_project takes the same default.
search_images lists what there is by engine version, CUDA, accelerator and processor.

Addresses are for one Region: AWS keeps its images in accounts of their own in each. `listed` tags stand in the publisher's \
list of a date; others are composed from what AWS's SDK knows, and should be pulled once to see. Newer tags than the catalog's \
may exist; give them to plan_project as baseImage.";
