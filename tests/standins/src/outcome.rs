//! What a call prints and how it exits.

use serde_json::Value;

/// The visible result of one call of a stand-in.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Bytes for standard output.
    pub(crate) stdout: Vec<u8>,
    /// Text for standard error.
    pub(crate) stderr: String,
    /// Exit status.
    pub(crate) status: u8,
}

impl Outcome {
    /// Success that prints `text` as it is.
    pub(crate) fn text(text: impl Into<Vec<u8>>) -> Self {
        Self { stdout: text.into(), ..Self::default() }
    }

    /// A failure: `message` on standard error.
    pub(crate) fn failed(status: u8, message: impl Into<String>) -> Self {
        let mut stderr: String = message.into();
        if !stderr.ends_with('\n') {
            stderr.push('\n');
        }
        Self { stderr, status, ..Self::default() }
    }

    /// Success that prints a JSON document the way the AWS CLI and kubectl do.
    pub(crate) fn json(value: &Value) -> Self {
        let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
        text.push('\n');
        Self::text(text)
    }
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong: nothing was sent.
    Usage(String),
    /// The service refused: error code and message.
    Service(String, String),
    /// The tool itself failed.
    Tool(String),
}

impl Failure {
    /// An error answered by the service.
    pub(crate) fn service(code: &str, message: impl Into<String>) -> Self {
        Self::Service(code.to_owned(), message.into())
    }

    /// Amazon SageMaker's answer to nearly everything that is wrong with a request.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::service("ValidationException", message)
    }

    /// A wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }
}

/// Result of handling one call.
pub(crate) type Answer = Result<Value, Failure>;
