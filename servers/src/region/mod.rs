//! The `region` server: which AWS Region is near, has what is needed, and keeps data where it has to stay.

mod prompts;
mod rank;
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
    name: "region",
    title: "Regions",
    description: "Recommends AWS Regions by place, services, instance types and where data has to stay.",
    instructions: INSTRUCTIONS,
    tools: &[tools::ALL],
    prompts: &[PROMPTS],
    resources: &[RESOURCES],
    listing: OnceLock::new(),
};

/// The workflow. What a single tool does is in its description.
const INSTRUCTIONS: &str = "\
Chooses an AWS Region.

Workflow:
1. recommend_region with whatever the user has said: a place (\"near Vienna\", \"Europe\", \"Japan\", a Region code), where data \
has to stay, the instance types and the deployment target that are meant. Each Region of the answer says what it has, what it \
lacks and what is not known.
2. Pass `region` of the chosen one to recommend_instance of the instance server and plan_project of the generate-project \
server. Prices and instance types depend on it.

What a Region offers is known from EC2's lists and AWS's endpoints of a date: a hint for SageMaker, not a promise of quota. \
`unknown` means what it says. Where data has to stay is a legal question: the answer sorts by country and group of countries, \
nothing more.";
