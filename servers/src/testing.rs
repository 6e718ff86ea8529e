//! A server for tests of the plumbing: tools that answer, ask, fail and panic.

use std::sync::OnceLock;

use rmcp::model::InputRequiredResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::ToolError;
use crate::schema::{self, JsonObject};
use crate::server::{Call, Effect, Reply, Running, Server, Tool};

pub(crate) static SERVER: Server = Server {
    name: "test",
    title: "Test",
    description: "Tools for tests.",
    instructions: "Nothing to say.",
    tools: &[
        tool_named("echo", echo),
        tool_named("panic", panicking),
        tool_named("ask", asking),
        tool_named("slow", slow),
    ],
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

#[derive(Serialize, JsonSchema)]
struct Echo {
    status: String,
    arguments: JsonObject,
    answered: JsonObject,
    declined: bool,
}

const fn tool_named(name: &'static str, run: fn(Call) -> Running) -> Tool {
    Tool {
        name,
        title: "A test tool",
        description: "Does what it is called.",
        effect: Effect::Reads,
        file_arguments: &["files"],
        input: schema::input::<Arguments>,
        output: schema::output::<Echo>,
        run,
    }
}

fn reply(call: Call) -> Result<Reply, ToolError> {
    let echo = Echo {
        status: "ok".to_owned(),
        arguments: call.arguments,
        answered: call.answered.values,
        declined: call.answered.declined,
    };
    Reply::answer(&echo, "echoed".to_owned())
}

fn echo(call: Call) -> Running {
    Box::pin(async move { reply(call) })
}

fn panicking(_call: Call) -> Running {
    Box::pin(async { panic!("a fault with hf_secret in it") })
}

/// Asks for `first`, then for `second`, and then echoes both.
fn asking(call: Call) -> Running {
    Box::pin(async move {
        let missing =
            ["first", "second"].into_iter().find(|name| !call.answered.values.contains_key(*name));
        match missing {
            Some(name) if call.can_ask && !call.answered.declined => {
                let form = json!({
                    "resultType": "input_required",
                    "requestState": Value::Object(call.answered.values).to_string(),
                    "inputRequests": {"inputs": {
                        "method": "elicitation/create",
                        "params": {"mode": "form", "message": name, "requestedSchema": {
                            "type": "object", "properties": {name: {"type": "string"}},
                        }},
                    }},
                });
                let form: InputRequiredResult = serde_json::from_value(form).expect("a form");
                Ok(Reply::Ask(Box::new(form)))
            }
            _ => reply(call),
        }
    })
}

fn slow(call: Call) -> Running {
    Box::pin(async move {
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        reply(call)
    })
}
