//! Tools that answer in one go, on the way sending or asking what the suite wants.

use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, CreateMessageRequestParams,
    ElicitRequestParams, ErrorData, LoggingMessageNotificationParam, ProgressNotificationParam,
};
use rmcp::service::ServiceError;
use serde_json::{Value, json};

use crate::catalog::{AUDIO, IMAGE};
use crate::{Context, complete, of};

const PAUSE: Duration = Duration::from_millis(50);

pub(crate) fn text(text: &str) -> Result<CallToolResult, ErrorData> {
    contents(json!([{"type": "text", "text": text}]))
}

fn contents(content: Value) -> Result<CallToolResult, ErrorData> {
    complete(json!({"content": content, "isError": false}))
}

fn resource(uri: &str, media_type: &str, text: &str) -> Value {
    json!({"type": "resource", "resource": {"uri": uri, "mimeType": media_type, "text": text}})
}

pub(crate) async fn call(
    request: CallToolRequestParams,
    context: Context,
) -> Result<CallToolResult, ErrorData> {
    let argument = |name: &str| {
        let given = request.arguments.as_ref().and_then(|arguments| arguments.get(name));
        given.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let image = json!({"type": "image", "data": IMAGE, "mimeType": "image/png"});
    match request.name.as_ref() {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => contents(json!([image])),
        "test_audio_content" => {
            contents(json!([{"type": "audio", "data": AUDIO, "mimeType": "audio/wav"}]))
        }
        "test_embedded_resource" => contents(json!([resource(
            "test://embedded-resource",
            "text/plain",
            "This is an embedded resource content."
        )])),
        "test_multiple_content_types" => contents(json!([
            {"type": "text", "text": "Multiple content types test:"},
            image,
            resource(
                "test://mixed-content-resource",
                "application/json",
                "{\"test\":\"data\",\"value\":123}"
            ),
        ])),
        "test_error_handling" => complete(json!({
            "content": [{"type": "text", "text": "This tool intentionally returns an error for testing"}],
            "isError": true,
        })),
        "test_tool_with_logging" => {
            for said in
                ["Tool execution started", "Tool processing data", "Tool execution completed"]
            {
                let message = of::<LoggingMessageNotificationParam>(
                    json!({"level": "info", "logger": "fixture", "data": said}),
                )?;
                let _ = context.peer.notify_logging_message(message).await;
                tokio::time::sleep(PAUSE).await;
            }
            text("Logging test completed")
        }
        "test_tool_with_progress" => {
            let token = context.meta.get_progress_token();
            for progress in [0.0, 50.0, 100.0] {
                if let Some(token) = token.clone() {
                    let step = ProgressNotificationParam::new(token, progress).with_total(100.0);
                    let _ = context.peer.notify_progress(step).await;
                }
                tokio::time::sleep(PAUSE).await;
            }
            text("Progress test completed")
        }
        "test_sampling" => {
            let asked = of::<CreateMessageRequestParams>(json!({
                "messages": [{"role": "user", "content": {"type": "text", "text": argument("prompt")}}],
                "maxTokens": 100,
            }))?;
            let said = context.peer.create_message(asked).await.map_err(refused)?;
            text(&format!("LLM response: {}", json!(said)))
        }
        "test_elicitation" => {
            let schema = json!({
                "type": "object",
                "properties": {
                    "username": {"type": "string", "description": "User's response"},
                    "email": {"type": "string", "description": "User's email address"},
                },
                "required": ["username", "email"],
            });
            elicited(&context, &argument("message"), schema).await
        }
        "test_elicitation_sep1034_defaults" => elicited(&context, "Defaults", defaults()).await,
        "test_elicitation_sep1330_enums" => elicited(&context, "Choices", enums()).await,
        // Both would have something to send, and send nothing: nobody has asked for it.
        "test_logging_tool" | "test_streaming_elicitation" | "test_reconnection" => text("done"),
        "test_missing_capability" => {
            let declared = context.client_capabilities().is_some_and(|all| all.sampling.is_some());
            if declared {
                return text("sampling is declared");
            }
            let required = of::<ClientCapabilities>(json!({"sampling": {}}))?;
            Err(ErrorData::missing_required_client_capability(required))
        }
        _ => Err(ErrorData::invalid_params("unknown tool", None)),
    }
}

async fn elicited(
    context: &Context,
    message: &str,
    schema: Value,
) -> Result<CallToolResult, ErrorData> {
    let asked = of::<ElicitRequestParams>(
        json!({"mode": "form", "message": message, "requestedSchema": schema}),
    )?;
    let answer = context.peer.create_elicitation(asked).await.map_err(refused)?;
    text(&format!("Elicitation completed: {}", json!(answer)))
}

fn refused(error: ServiceError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

fn defaults() -> Value {
    json!({"type": "object", "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": true},
    }})
}

fn enums() -> Value {
    let titled = |key: &str| {
        let all: Vec<Value> = ["First", "Second", "Third"]
            .iter()
            .zip(1..)
            .map(|(title, number)| {
                json!({"const": format!("value{number}"), "title": format!("{title} {key}")})
            })
            .collect();
        json!(all)
    };
    let options = json!(["option1", "option2", "option3"]);
    json!({"type": "object", "properties": {
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled("Option")},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
    }})
}
