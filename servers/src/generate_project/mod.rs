//! The `generate-project` server: what can be deployed, what a project would be, the project itself,
//! and whether an existing one is still sound.

mod answers;
mod ask;
mod core;
mod failures;
mod given;
mod prompts;
mod resources;
#[cfg(test)]
mod tests;
mod text;
mod tools;

use std::sync::OnceLock;

use crate::mcp::server::Server;

pub(crate) use prompts::PROMPTS;
pub(crate) use resources::RESOURCES;
pub(crate) use tools::ALL as TOOLS;

/// The server.
pub(crate) static SERVER: Server = Server {
    name: "generate-project",
    title: "ML project generator",
    description: "Generates projects that build, test, deploy and clean up a model on Amazon SageMaker.",
    instructions: INSTRUCTIONS,
    tools: &[tools::ALL],
    prompts: &[PROMPTS],
    resources: &[RESOURCES],
    listing: OnceLock::new(),
};

/// The workflow. What a single tool does is in its description.
const INSTRUCTIONS: &str = "\
Turns \"deploy this model on SageMaker\" into a project folder that builds, tests, deploys and cleans up after itself.

Workflow:
1. plan_project with everything the user has said, the model first: a Hugging Face id or s3:// prefix as modelName, a \
file as modelPath. It writes nothing; call it as often as needed.
2. list_deployments only where the user wants to choose what serves the model or where it runs.
3. If the answer has `questions`, put them to the user with their choices and call plan_project again with the \
answers added. Do not guess them: names, ARNs, buckets and instance types are the user's.
4. Tell the user the plan: what it costs, the warnings among `findings`, the `decisions` that matter, and the inputs \
that have a `source`: nobody said those (Region, instance type, what was derived from the model).
5. generate_project with the same arguments, once the user agrees.
6. Follow `nextSteps`. The project's scripts under do/ need only bash, docker, jq and the AWS CLI, and run from the \
project's folder. do/deploy creates resources that cost money, so ask before running it; do/clean removes them.

Every finding has a `fix`, and `fixes` say the same as data: each is one way, to be done as a whole, of arguments to \
`set`, to `choose` from the listed values and to leave out (`unset`); `engineArgs.seed` is the entry seed of engineArgs. \
An error means that nothing is generated until one of its fixes is followed. Values are checked against dated catalogs of instance types, images, \
models and limits; an instance type or model that is newer than those is a warning, never a refusal.

Later changes: call generate_project again with onExisting `update`; files that were edited by hand are not \
overwritten unless it is `force`, which keeps them as <name>.orig. check_project says what was edited.

Never pass secrets such as Hugging Face tokens or AWS keys: they are refused. Store a token in AWS Secrets Manager \
and pass its ARN as hfTokenArn.";
