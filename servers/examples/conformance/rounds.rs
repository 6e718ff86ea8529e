//! Tools and a prompt that answer with questions first, in one round or several.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, InputRequiredResult, InputResponses, RequestStateCodec,
};
use serde_json::{Map, Value, json};

use crate::{Context, complete, of, tools};

const PREFIX: &str = "test_input_required_result_";

pub(crate) fn has(name: &str) -> bool {
    name.starts_with(PREFIX)
}

fn form(message: &str, key: &str, kind: &str) -> Value {
    json!({"method": "elicitation/create", "params": {
        "mode": "form",
        "message": message,
        "requestedSchema": {
            "type": "object",
            "properties": {key: {"type": kind}},
            "required": [key],
        },
    }})
}

fn sampling(text: &str, tokens: u32) -> Value {
    json!({"method": "sampling/createMessage", "params": {
        "messages": [{"role": "user", "content": {"type": "text", "text": text}}],
        "maxTokens": tokens,
    }})
}

fn roots() -> Value {
    json!({"method": "roots/list", "params": {}})
}

fn ask(requests: Value, state: Option<String>) -> Result<InputRequiredResult, ErrorData> {
    let mut result = json!({"resultType": "input_required", "inputRequests": requests});
    if let (Some(state), Some(members)) = (state, result.as_object_mut()) {
        members.insert("requestState".to_owned(), json!(state));
    }
    of(result)
}

/// What was answered under `key`, if it has the member that makes it an answer of its kind.
fn answered<'a>(
    responses: Option<&'a InputResponses>,
    key: &str,
    member: &str,
) -> Option<&'a Value> {
    responses?.get(key)?.get(member)
}

/// What a form's field was filled in with.
fn filled<'a>(responses: Option<&'a InputResponses>, key: &str, field: &str) -> Option<&'a Value> {
    answered(responses, key, "content")?.get(field)
}

pub(crate) fn call(
    codec: &RequestStateCodec,
    request: CallToolRequestParams,
    context: &Context,
) -> Result<CallToolResponse, ErrorData> {
    let responses = request.input_responses.as_ref();
    // Whatever comes back is checked before anything else is looked at.
    let state = match &request.request_state {
        Some(sealed) => {
            let opened = codec.open(sealed).map_err(|_| {
                ErrorData::invalid_params("requestState is not what this server gave", None)
            })?;
            Some(String::from_utf8_lossy(&opened).into_owned())
        }
        None => None,
    };
    let seal = |text: &str| Some(codec.seal(text.as_bytes()));
    let name = request.name.strip_prefix(PREFIX).unwrap_or_default();
    let asked = match name {
        "elicitation" => match filled(responses, "user_name", "name") {
            Some(name) => {
                let name = name.as_str().unwrap_or_default();
                return Ok(tools::text(&format!("Hello, {name}!"))?.into());
            }
            None => ask(json!({"user_name": form("What is your name?", "name", "string")}), None),
        },
        "sampling" => match answered(responses, "capital_question", "content") {
            Some(said) => return Ok(tools::text(&said.to_string())?.into()),
            None => ask(
                json!({"capital_question": sampling("What is the capital of France?", 100)}),
                None,
            ),
        },
        "list_roots" => match answered(responses, "client_roots", "roots") {
            Some(roots) => return Ok(tools::text(&roots.to_string())?.into()),
            None => ask(json!({"client_roots": roots()}), None),
        },
        "request_state" | "tampered_state" => {
            if state.is_some() && filled(responses, "confirm", "ok").is_some() {
                return Ok(tools::text("state-ok")?.into());
            }
            ask(json!({"confirm": form("Please confirm", "ok", "boolean")}), seal("confirm"))
        }
        "multiple_inputs" => {
            let all = filled(responses, "user_name", "name").is_some()
                && answered(responses, "greeting", "content").is_some()
                && answered(responses, "client_roots", "roots").is_some();
            if all && state.is_some() {
                return Ok(tools::text("all are answered")?.into());
            }
            ask(
                json!({
                    "user_name": form("What is your name?", "name", "string"),
                    "greeting": sampling("Generate a greeting", 50),
                    "client_roots": roots(),
                }),
                seal("several"),
            )
        }
        "multi_round" => match state.as_deref() {
            Some("2") if filled(responses, "step2", "color").is_some() => {
                return Ok(tools::text("both steps are done")?.into());
            }
            Some("1") if filled(responses, "step1", "name").is_some() => ask(
                json!({"step2": form("Step 2: What is your favorite color?", "color", "string")}),
                seal("2"),
            ),
            _ => ask(
                json!({"step1": form("Step 1: What is your name?", "name", "string")}),
                seal("1"),
            ),
        },
        "capabilities" => return within_capabilities(context),
        _ => return Err(ErrorData::invalid_params("unknown tool", None)),
    };
    asked.map(Into::into)
}

/// Asks only for what the client has declared.
fn within_capabilities(context: &Context) -> Result<CallToolResponse, ErrorData> {
    let declared = context.client_capabilities().unwrap_or_default();
    let mut requests = Map::new();
    if declared.elicitation.is_some() {
        requests.insert("user_name".to_owned(), form("What is your name?", "name", "string"));
    }
    if declared.sampling.is_some() {
        requests.insert("greeting".to_owned(), sampling("Generate a greeting", 50));
    }
    if declared.roots.is_some() {
        requests.insert("client_roots".to_owned(), roots());
    }
    if requests.is_empty() {
        return Ok(tools::text("nothing can be asked")?.into());
    }
    ask(Value::Object(requests), None).map(Into::into)
}

pub(crate) fn prompt(request: GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    match filled(request.input_responses.as_ref(), "user_context", "context") {
        Some(context) => complete::<GetPromptResult>(json!({"messages": [
            {"role": "user", "content": {"type": "text", "text": format!("Context: {context}")}},
        ]}))
        .map(Into::into),
        None => {
            let question = form("What context should the prompt use?", "context", "string");
            ask(json!({"user_context": question}), None).map(Into::into)
        }
    }
}
