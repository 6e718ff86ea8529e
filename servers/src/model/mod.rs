//! The `model` server: finds models, and says what each is, what serves it and what has to be set.

mod answers;
mod find;
mod place;
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
    name: "model",
    title: "Models",
    description: "Finds language models and describes them: sizes, memory, licence, what serves them, what has to be set.",
    instructions: INSTRUCTIONS,
    tools: &[tools::ALL],
    prompts: &[PROMPTS],
    resources: &[RESOURCES],
    listing: OnceLock::new(),
};

/// The workflow. What a single tool does is in its description.
const INSTRUCTIONS: &str = "\
Finds a model and says what is known of it.

Workflow:
1. search_models when the user names a model loosely (\"llama 3.1 8b\") or asks for a kind of model. Ids are those of \
Hugging Face.
2. describe_model for the one that is meant: sizes, memory, licence, which deployment configs serve it, and what has to be set \
(a token for gated models, trust in code that comes with it). It also recognises s3:// addresses, paths and ARNs.
3. recommend_instance of the instance server with the same modelName.

The catalog holds some 190 models, so a model that it lacks may well exist: describe_model then takes modelConfig, the text \
of the model's config.json, and answers from that. Nothing is guessed. Whether a model is gated is inferred from its publisher \
where `gatedInferred` says so; the model's page on Hugging Face decides.";
