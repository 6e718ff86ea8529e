//! A server for tests of the plumbing, with tools that answer, ask, fail and panic; and a client that
//! holds every answer of a real one against its schema and its text.

use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;

use mcc_catalogs::Lookup;
use mcc_catalogs::reason::Reasoner;
use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::mcp::error::ToolError;
use crate::mcp::handler::Handler;
use crate::mcp::roots::Roots;
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{Call, Context, Effect, Reply, Server, Tool};
use crate::mcp::settle;

pub(crate) static SERVER: Server = Server {
    name: "test",
    title: "Test",
    description: "Tools for tests.",
    instructions: "Nothing to say.",
    tools: &[&[
        tool_named("echo", echo),
        tool_named("panic", panicking),
        tool_named("ask", asking),
        tool_named("slow", slow),
        tool_named("begins", begins),
        tool_named("left", left),
        tool_named("balks", echo),
    ]],
    prompts: &[],
    resources: &[],
    listing: OnceLock::new(),
};

pub(crate) fn tool(name: &str) -> &'static Tool {
    SERVER.tool(name).expect("a tool of the test server")
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Arguments {
    text: Option<Value>,
    files: Option<JsonObject>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Echo {
    status: String,
    arguments: JsonObject,
    answered: JsonObject,
    declined: bool,
}

const fn tool_named(name: &'static str, run: fn(Call) -> Result<Reply, ToolError>) -> Tool {
    Tool {
        name,
        title: "A test tool",
        description: "Does what it is called.",
        effect: Effect::Reads,
        file_arguments: &["files"],
        input: schema::input::<Arguments>,
        output: schema::output::<Echo>,
        asks: None,
        waits: |call| {
            assert_ne!(call.tool, "balks", "a fault with hf_secret in it, outside of what is run");
            ["slow", "begins", "left"].contains(&call.tool)
        },
        weighs: false,
        run,
    }
}

fn echo(call: Call) -> Result<Reply, ToolError> {
    let echo = Echo {
        status: "ok".to_owned(),
        arguments: call.arguments,
        answered: call.answered.values,
        declined: call.answered.declined,
    };
    Ok(Reply::answer(echo, "echoed".to_owned()))
}

fn panicking(_call: Call) -> Result<Reply, ToolError> {
    panic!("a fault with hf_secret in it")
}

/// Asks for `first`, then for `second`, and then echoes both.
fn asking(call: Call) -> Result<Reply, ToolError> {
    let missing =
        ["first", "second"].into_iter().find(|name| !call.answered.values.contains_key(*name));
    match missing {
        Some(name) if call.can_ask && !call.answered.declined => {
            let fields = json!({name: {"type": "string"}});
            call.ask(name, &json!({"type": "object", "properties": fields}))
        }
        _ => echo(call),
    }
}

/// Told when a call of `begins`, which one test calls, has begun.
pub(crate) static BEGUN: tokio::sync::Notify = tokio::sync::Notify::const_new();

fn begins(call: Call) -> Result<Reply, ToolError> {
    BEGUN.notify_one();
    slow(call)
}

/// Told when a call of `left`, which one test calls, has begun.
pub(crate) static LEFT: tokio::sync::Notify = tokio::sync::Notify::const_new();

fn left(call: Call) -> Result<Reply, ToolError> {
    LEFT.notify_one();
    slow(call)
}

fn slow(call: Call) -> Result<Reply, ToolError> {
    std::thread::sleep(std::time::Duration::from_millis(400));
    echo(call)
}

/// A client and the server it speaks to, which may use the folders in `roots`.
pub(crate) struct Peer {
    client: rmcp::service::RunningService<rmcp::RoleClient, ()>,
    server: &'static Server,
    context: Arc<Context>,
}

impl Peer {
    pub(crate) async fn new(server: &'static Server, roots: &[&Path]) -> Self {
        Self::with(server, roots, None, &[], None).await
    }

    /// The same, where `lookup` looks things up.
    pub(crate) async fn looking(server: &'static Server, lookup: Arc<dyn Lookup>) -> Self {
        Self::with(server, &[], Some(lookup), &[], None).await
    }

    /// The same, for calls that may name one of `profiles`.
    pub(crate) async fn allowing(
        server: &'static Server,
        lookup: Arc<dyn Lookup>,
        profiles: &[&str],
    ) -> Self {
        Self::with(server, &[], Some(lookup), profiles, None).await
    }

    /// The same, where `reasoner` has an opinion.
    pub(crate) async fn weighing(
        server: &'static Server,
        lookup: Arc<dyn Lookup>,
        reasoner: Arc<dyn Reasoner>,
    ) -> Self {
        Self::with(server, &[], Some(lookup), &[], Some(reasoner)).await
    }

    async fn with(
        server: &'static Server,
        roots: &[&Path],
        lookup: Option<Arc<dyn Lookup>>,
        profiles: &[&str],
        reasoner: Option<Arc<dyn Reasoner>>,
    ) -> Self {
        let folders: Vec<_> = roots.iter().map(|&root| root.to_owned()).collect();
        let roots = Arc::new(Roots::new(&folders).unwrap());
        let profiles = profiles.iter().map(|&profile| profile.to_owned()).collect();
        let context = Context { roots, lookup, reasoner, profiles, ..Context::default() };
        let context = Arc::new(context);
        let shared = Arc::clone(&context);
        let (ours, theirs) = tokio::io::duplex(1024 * 1024);
        tokio::spawn(async move {
            let handler = Handler::new(server, context);
            handler.serve(ours).await.unwrap().waiting().await.unwrap();
        });
        Self { client: ().serve(theirs).await.unwrap(), server, context: shared }
    }

    /// The structured answer, and whether it is an error.
    pub(crate) async fn call(&self, name: &'static str, arguments: Value) -> (Value, bool) {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let result = self
            .client
            .call_tool(CallToolRequestParams::new(name).with_arguments(arguments.clone()))
            .await
            .unwrap();
        let failed = result.is_error == Some(true);
        let answer = result.structured_content.expect("a structured answer");
        let text = result.content[0].as_text().expect("a text").text.clone();
        self.holds(name, &answer);
        says_the_same(&answer, &text);
        if !failed && answer["status"] != "refused" {
            self.takes(name, arguments);
        }
        (answer, failed)
    }

    /// The text of the answer and its structure, whatever they are.
    pub(crate) async fn said(&self, name: &'static str, arguments: JsonObject) -> (String, Value) {
        let call = CallToolRequestParams::new(name).with_arguments(arguments);
        let result = self.client.call_tool(call).await.unwrap();
        let text = result.content[0].as_text().expect("a text").text.clone();
        (text, result.structured_content.expect("a structured answer"))
    }

    /// What comes of a request that the client makes itself.
    pub(crate) fn client(&self) -> &rmcp::service::RunningService<rmcp::RoleClient, ()> {
        &self.client
    }

    pub(crate) async fn succeeds(&self, name: &'static str, arguments: Value) -> Value {
        let (answer, failed) = self.call(name, arguments).await;
        assert!(!failed, "{answer:#}");
        answer
    }

    /// The code of the error.
    pub(crate) async fn fails(&self, name: &'static str, arguments: Value) -> String {
        let (answer, failed) = self.call(name, arguments).await;
        assert!(failed, "{answer:#}");
        answer["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    fn schema(&self, name: &str, which: &str) -> Value {
        let tool =
            self.server.listing_in(&self.context).iter().find(|tool| tool.name == name).unwrap();
        serde_json::to_value(tool).unwrap()[which].clone()
    }

    /// The answer is of the form that the tool promises.
    fn holds(&self, name: &str, answer: &Value) {
        let validator = jsonschema::validator_for(&self.schema(name, "outputSchema")).unwrap();
        let faults: Vec<String> = validator
            .iter_errors(answer)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{name}: {faults:?}\n{answer:#}");
    }

    /// What is accepted is, in its right form, also valid by the schema that clients check against.
    fn takes(&self, name: &str, arguments: JsonObject) {
        let schema = self.schema(name, "inputSchema");
        let validator = jsonschema::validator_for(&schema).unwrap();
        let arguments = settle::settled(schema.as_object().unwrap(), &["files"], arguments);
        let arguments = Value::Object(arguments.unwrap());
        if let Err(error) = validator.validate(&arguments) {
            panic!("{name} took {arguments}: {error}");
        }
    }
}

/// Members that name things which a reader of the text needs too.
const SAID: [&str; 17] = [
    "rule",
    "field",
    "key",
    "message",
    "fix",
    "choices",
    "nextSteps",
    "summary",
    "directory",
    "nextCursor",
    "path",
    "name",
    "question",
    "code",
    "needs",
    "reason",
    "instanceType",
];

/// Some clients show a model only the text.
fn says_the_same(answer: &Value, text: &str) {
    match answer {
        Value::Object(members) => {
            for (key, member) in members {
                // Details of files are there to be looked up, not to be read.
                if ["fileDetails", "archive", "accelerators"].contains(&key.as_str()) {
                    continue;
                }
                if SAID.contains(&key.as_str())
                    || ["files", "removed", "kept"].contains(&key.as_str())
                {
                    let words = match member {
                        Value::Array(items) => items.clone(),
                        one => vec![one.clone()],
                    };
                    for word in words.iter().filter_map(Value::as_str) {
                        let word = word.trim_end_matches('.');
                        assert!(text.contains(word), "{key} `{word}` is not in the text:\n{text}");
                    }
                }
                says_the_same(member, text);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| says_the_same(item, text)),
        _ => {}
    }
}
