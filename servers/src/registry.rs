//! Every server, by name. Adding one is one line in [`SERVERS`] and one in [`ALL`].

use std::sync::{Arc, OnceLock};

use mcc_catalogs::Catalogs;

use crate::mcp::error::ServeError;
use crate::mcp::handler;
use crate::mcp::server::{Context, Server};
use crate::{base_image, generate_project, hyperpod, instance, model, region};

static SERVERS: &[&Server] = &[
    &model::SERVER,
    &region::SERVER,
    &instance::SERVER,
    &base_image::SERVER,
    &hyperpod::SERVER,
    &generate_project::SERVER,
];

/// The tools of all servers in one, for those who prefer one registration.
pub(crate) static ALL: Server = Server {
    name: "all",
    title: "ML Container Creator",
    description: "All servers in one: chooses models, images, Regions and instance types, and generates the project.",
    instructions: INSTRUCTIONS,
    tools: &[
        model::TOOLS,
        region::TOOLS,
        instance::TOOLS,
        base_image::TOOLS,
        hyperpod::TOOLS,
        generate_project::TOOLS,
    ],
    prompts: &[
        generate_project::PROMPTS,
        model::PROMPTS,
        region::PROMPTS,
        instance::PROMPTS,
        base_image::PROMPTS,
        hyperpod::PROMPTS,
    ],
    resources: &[
        generate_project::RESOURCES,
        model::RESOURCES,
        region::RESOURCES,
        instance::RESOURCES,
        base_image::RESOURCES,
        hyperpod::RESOURCES,
    ],
    listing: OnceLock::new(),
};

/// The workflow across the servers.
const INSTRUCTIONS: &str = "\
Turns \"deploy this model on SageMaker\" into a project folder that builds, tests, deploys and cleans up after itself.

Workflow:
1. search_models and describe_model, if the model is named loosely or little is known of it.
2. recommend_instance for the model and what the user has said about context, concurrency, budget and Region.
3. plan_project with `inputs` of the chosen recommendation and everything else the user has said. It writes nothing. \
If the answer has `questions`, put them to the user with their choices; do not guess names, ARNs and buckets.
4. Tell the user the plan: cost per hour, warnings among `findings`, defaults that matter.
5. generate_project with the same arguments, once the user agrees, and then its `nextSteps`. do/deploy creates \
resources that cost money, so ask before running it; do/clean removes them.

Errors say what would be right: follow `fix` and `choices`. What the catalogs do not know is a warning or a request for \
facts, never a guess. Never pass secrets: store a token in AWS Secrets Manager and pass its ARN as hfTokenArn.";

/// A server as it is shown in help texts and client configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerInfo {
    /// The name in `mcc serve NAME` and in `mcp.json`.
    pub name: &'static str,
    /// What it is called in a client's user interface.
    pub title: &'static str,
    /// One sentence: what it does.
    pub description: &'static str,
}

impl From<&Server> for ServerInfo {
    fn from(server: &Server) -> Self {
        Self { name: server.name, title: server.title, description: server.description }
    }
}

/// All servers, in a fixed order.
pub fn servers() -> Vec<ServerInfo> {
    SERVERS.iter().copied().map(ServerInfo::from).collect()
}

/// The server that has the tools of all others.
pub fn all() -> ServerInfo {
    ServerInfo::from(&ALL)
}

/// The `tools/list` answer of a server as JSON: what reference documents and snapshots are made of.
///
/// # Errors
/// [`ServeError::UnknownServer`] when no server has that name.
pub fn tool_schemas(name: &str) -> Result<serde_json::Value, ServeError> {
    let tools = find(name)?.listing();
    Ok(serde_json::to_value(tools).unwrap_or_default())
}

/// Calls a tool as a client would, without any access to files: what tests and other programs use.
///
/// The structured answer; a failed call has `status` `error`. `None` if no server has such a tool.
pub async fn call(
    tool: &str,
    arguments: serde_json::Map<String, serde_json::Value>,
) -> Option<serde_json::Value> {
    let tool = ALL.tool(tool)?;
    Some(handler::call(Arc::default(), tool, arguments).await)
}

/// The same with other facts than those of the build alone: a user's own, or what was looked up.
pub async fn call_on(
    catalogs: &Arc<Catalogs>,
    tool: &str,
    arguments: serde_json::Map<String, serde_json::Value>,
) -> Option<serde_json::Value> {
    let tool = ALL.tool(tool)?;
    let context = Context { catalogs: Some(Arc::clone(catalogs)), ..Context::default() };
    Some(handler::call(Arc::new(context), tool, arguments).await)
}

/// The server called `name`.
pub(crate) fn find(name: &str) -> Result<&'static Server, ServeError> {
    let known = || SERVERS.iter().copied().chain([&ALL]);
    known().find(|server| server.name == name).ok_or_else(|| ServeError::UnknownServer {
        name: name.to_owned(),
        known: known().map(|server| server.name).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::parameter::Given;
    use crate::mcp::resource;

    #[test]
    fn all_has_every_tool_once_and_every_server_teaches_briefly() {
        let mut names: Vec<&str> =
            SERVERS.iter().flat_map(|server| server.tools()).map(|tool| tool.name).collect();
        let mut joined: Vec<&str> = ALL.tools().map(|tool| tool.name).collect();
        names.sort_unstable();
        joined.sort_unstable();
        assert_eq!(names, joined);
        names.dedup();
        assert_eq!(names.len(), joined.len(), "two tools of one name");
        for server in SERVERS.iter().copied().chain([&ALL]) {
            let length = server.instructions.len();
            assert!((200..2048).contains(&length), "{}: {length}", server.name);
        }
    }

    #[test]
    fn prompts_and_resources_are_named_described_and_bounded() {
        let context = Context::default();
        let mut seen = std::collections::BTreeSet::new();
        for server in SERVERS {
            assert!(server.prompts().next().is_some() && server.resources().next().is_some());
            for prompt in server.prompts() {
                assert!(seen.insert(prompt.name), "{} twice", prompt.name);
                let snake = |c: char| c.is_ascii_lowercase() || c == '_';
                assert!(
                    prompt.name.len() <= 32 && prompt.name.chars().all(snake),
                    "{}",
                    prompt.name
                );
                assert!((20..200).contains(&prompt.description.len()), "{}", prompt.name);
                let mut given = Given::new();
                for argument in prompt.arguments {
                    assert!(
                        argument.description.ends_with('.'),
                        "{} {}",
                        prompt.name,
                        argument.name
                    );
                    if let Some(values) = argument.values {
                        let same = values(&context, &given) == values(&context, &given);
                        assert!(same, "{} {}", prompt.name, argument.name);
                    }
                    given.insert(argument.name.to_owned(), format!("the {}", argument.name));
                }
                let text = (prompt.write)(&context, &given);
                assert!((300..4000).contains(&text.len()), "{}: {}", prompt.name, text.len());
                for value in given.values() {
                    assert!(text.contains(value), "{}: {value}\n{text}", prompt.name);
                }
                // Every tool that it names is one.
                for word in text.split(|c: char| !c.is_ascii_lowercase() && c != '_') {
                    assert!(
                        !word.contains('_') || ALL.tool(word).is_some(),
                        "{}: {word}",
                        prompt.name
                    );
                }
            }
            for one in server.resources() {
                assert!(seen.insert(one.uri), "{} twice", one.uri);
                assert!((20..200).contains(&one.description.len()), "{}", one.uri);
                assert_eq!(one.is_template(), one.uri.contains('{'), "{}", one.uri);
                if !one.is_template() {
                    let read = || resource::read(server.resources(), &context, one.uri);
                    let text = serde_json::to_string(&read().unwrap()).unwrap();
                    assert!((100..resource::MAX_BYTES).contains(&text.len()), "{}", one.uri);
                    assert_eq!(text, serde_json::to_string(&read().unwrap()).unwrap());
                }
            }
        }
        assert_eq!(seen.len(), ALL.prompts().count() + ALL.resources().count());
    }
}
