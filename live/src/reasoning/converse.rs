//! One request of Bedrock's Converse, and what its answer is worth.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Builder, StalledStreamProtectionConfig};
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, InferenceConfiguration, Message, SpecificToolChoice,
    SystemContentBlock, Tool, ToolChoice, ToolConfiguration, ToolInputSchema, ToolSpecification,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::operation::BuildError;
use aws_smithy_types::{Document, Number};
use aws_types::SdkConfig;
use mcc_catalogs::Region;
use serde_json::Value;

use super::profiles::Called;
use super::prompt::{Prompt, TOOL};
use super::read::Answer;
use crate::failure::Failure;
use crate::web::Web;

/// The action of IAM that allows a model to be asked.
pub const ALLOWS: &str = "bedrock:InvokeModel";

/// Tokens that a question took, as the service counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// As the predicate of a sentence.
    pub(crate) why: String,
    /// Whether it is certain that no tokens were used: it was not sent, or refused.
    pub(crate) unused: bool,
}

/// The client for one question: it asks once, since an answer that comes late may have been paid for.
pub(crate) fn client(config: &SdkConfig, region: &Region, web: &Web, patience: Duration) -> Client {
    let config = Builder::from(config)
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(aws_sdk_bedrockruntime::config::Region::new(region.to_string()))
        .http_client(web.for_sdk())
        .retry_config(RetryConfig::disabled())
        // A model that thinks sends nothing for longer than the SDK lets a stream stall; `patience` is the limit here.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(TimeoutConfig::builder().read_timeout(patience).build())
        .build();
    Client::from_conf(config)
}

/// Asks.
pub(crate) async fn ask(
    client: &Client,
    called: &Called,
    prompt: &Prompt,
) -> Result<(Answer, Option<Tokens>), Failed> {
    let (message, tools) = request(prompt).map_err(|_| Failed {
        why: "was not asked: the question cannot be written".to_owned(),
        unused: true,
    })?;
    let most = i32::try_from(prompt.most).unwrap_or(i32::MAX);
    let sent = client
        .converse()
        .model_id(&called.id)
        .system(SystemContentBlock::Text(prompt.system.to_owned()))
        .messages(message)
        .inference_config(InferenceConfiguration::builder().max_tokens(most).build())
        .tool_config(tools)
        .send()
        .await;
    match sent {
        Ok(output) => Ok(read(output)),
        Err(error) => Err(failed(&error)),
    }
}

/// The message, and the one tool that has to be called.
fn request(prompt: &Prompt) -> Result<(Message, ToolConfiguration), BuildError> {
    let tool = ToolSpecification::builder()
        .name(TOOL)
        .description("Takes the choices in the order in which they suit the user, with comments.")
        .input_schema(ToolInputSchema::Json(document(prompt.schema())))
        .build()?;
    let choice = ToolChoice::Tool(SpecificToolChoice::builder().name(TOOL).build()?);
    let tools =
        ToolConfiguration::builder().tools(Tool::ToolSpec(tool)).tool_choice(choice).build()?;
    let message = Message::builder()
        .role(ConversationRole::User)
        .content(ContentBlock::Text(prompt.user.clone()))
        .build()?;
    Ok((message, tools))
}

fn read(output: ConverseOutput) -> (Answer, Option<Tokens>) {
    let tokens = output.usage.as_ref().and_then(|usage| {
        // What an answer lacks the SDK makes up as 0, and no question has no tokens.
        let input = u64::try_from(usage.input_tokens).ok().filter(|tokens| *tokens > 0)?;
        Some(Tokens { input, output: u64::try_from(usage.output_tokens).ok()? })
    });
    let mut answer =
        Answer { stop: output.stop_reason.as_str().to_owned(), calls: Vec::new(), text: false };
    let message = output.output.as_ref().and_then(|output| output.as_message().ok());
    for block in message.map(Message::content).unwrap_or_default() {
        match block {
            ContentBlock::ToolUse(call) => {
                answer.calls.push((call.name.clone(), value(call.input.clone())));
            }
            ContentBlock::Text(_) => answer.text = true,
            _ => {}
        }
    }
    (answer, tokens)
}

/// What a failure means. Of what the service says only its code is told.
fn failed(error: &SdkError<ConverseError>) -> Failed {
    let why = |failure: &Failure| failure.to_string();
    let Some(service) = error.as_service_error() else {
        let unsent = matches!(error, SdkError::ConstructionFailure(_));
        let failure = causes(error).find_map(|cause| cause.downcast_ref::<Failure>());
        return match failure {
            Some(failure) => Failed { why: why(failure), unused: never_sent(failure) },
            None if is_late(error) => Failed { why: why(&Failure::TooSlow), unused: false },
            None if unsent => Failed { why: why(&Failure::NoCredentials), unused: true },
            None => Failed {
                why: why(&Failure::Unreadable("it is not an answer of Converse".to_owned())),
                unused: false,
            },
        };
    };
    // The message is looked at, and never told.
    let says = |words: &str| service.message().is_some_and(|text| text.contains(words));
    let code = service.code().unwrap_or_default();
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let told = match code {
        "AccessDeniedException" if says("not authorized to perform") => {
            why(&Failure::Denied(ALLOWS.to_owned()))
        }
        "AccessDeniedException" => format!(
            "refused the model: the account has no access to it; ask for access in Bedrock's model catalog, name another \
             with --reasoning-model, or allow `{ALLOWS}`"
        ),
        "ThrottlingException" | "ServiceQuotaExceededException" | "TooManyRequestsException" => {
            let asks = |response: &HttpResponse| response.headers().get("retry-after")?.parse().ok();
            why(&Failure::throttled(error.raw_response().and_then(asks).map(Duration::from_secs)))
        }
        "ExpiredTokenException" | "ExpiredToken" => why(&Failure::Expired("sign in again".to_owned())),
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidSignatureException" => {
            why(&Failure::BadCredentials)
        }
        "ResourceNotFoundException" => {
            "does not offer the model in that Region; name another with --reasoning-model or --reasoning-region".to_owned()
        }
        "ValidationException" => {
            "rejected the question for this model; name another with --reasoning-model".to_owned()
        }
        "ModelNotReadyException" | "ServiceUnavailableException" => {
            "is not ready; try again in a minute".to_owned()
        }
        "ModelTimeoutException" => why(&Failure::TooSlow),
        code if is_word(code) => why(&Failure::Refused(code.to_owned())),
        // It accepted, and what it sent is no answer.
        _ if (200..300).contains(&status) => {
            why(&Failure::Unreadable("it is not an answer of Converse".to_owned()))
        }
        _ => why(&Failure::Refused(format!("HTTP {status}"))),
    };
    // A model that failed or took too long may have read the question.
    let processed = matches!(code, "ModelTimeoutException" | "ModelErrorException");
    Failed { why: told, unused: (400..500).contains(&status) && !processed }
}

/// Whether the time was over, by the SDK's clock or by that of its connection.
fn is_late(error: &SdkError<ConverseError>) -> bool {
    match error {
        SdkError::TimeoutError(_) => true,
        SdkError::DispatchFailure(failed) => failed.is_timeout(),
        _ => false,
    }
}

/// Whether nothing can have been sent.
fn never_sent(failure: &Failure) -> bool {
    !matches!(
        failure,
        Failure::Unreachable | Failure::TooSlow | Failure::Unreadable(_) | Failure::Refused(_)
    )
}

fn causes(error: &SdkError<ConverseError>) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(Some(error as &(dyn StdError + 'static)), |error| (*error).source())
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// JSON as the SDK has it.
fn document(value: Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(value) => Document::Bool(value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Document::Number(Number::PosInt(number)),
            (None, Some(number)) => Document::Number(Number::NegInt(number)),
            (None, None) => Document::Number(Number::Float(number.as_f64().unwrap_or_default())),
        },
        Value::String(text) => Document::String(text),
        Value::Array(items) => Document::Array(items.into_iter().map(document).collect()),
        Value::Object(members) => Document::Object(
            members.into_iter().map(|(name, member)| (name, document(member))).collect(),
        ),
    }
}

/// And back.
fn value(document: Document) -> Value {
    match document {
        Document::Null => Value::Null,
        Document::Bool(value) => Value::Bool(value),
        Document::Number(Number::PosInt(number)) => Value::from(number),
        Document::Number(Number::NegInt(number)) => Value::from(number),
        Document::Number(Number::Float(number)) => Value::from(number),
        Document::String(text) => Value::String(text),
        Document::Array(items) => Value::Array(items.into_iter().map(value).collect()),
        Document::Object(members) => {
            let members: HashMap<String, Document> = members;
            Value::Object(members.into_iter().map(|(name, member)| (name, value(member))).collect())
        }
    }
}
