//! Identifiers that parse: a value of one of these types has the form that AWS or the Hugging Face hub accepts.
//! Whether the thing exists is another question, which the catalogs answer as far as they know.

mod arn;
mod image_uri;
mod instance_type;
mod model_id;
mod region;
mod s3_uri;

pub use arn::{Arn, ArnKind};
pub use image_uri::ImageUri;
pub use instance_type::InstanceType;
pub use model_id::{HubAddress, ModelId, is_revision};
pub use region::Region;
pub use s3_uri::S3Uri;

/// Why a text is not an identifier of the kind wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {wanted}: {reason}")]
pub struct ParseIdError {
    /// What was given, cut short if it is very long.
    pub value: String,
    /// What it should be, with an example.
    pub wanted: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl ParseIdError {
    fn new(value: &str, wanted: &'static str, reason: impl Into<String>) -> Self {
        let mut escaped = value.escape_debug();
        let mut value: String = escaped.by_ref().take(120).collect();
        if escaped.next().is_some() {
            value.push('…');
        }
        Self { value, wanted, reason: reason.into() }
    }
}

/// What all identifiers share: text that is kept as given, compared, shown, and read through its parser.
macro_rules! text_id {
    ($type:ident, $schema:literal, $example:literal) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl TryFrom<&str> for $type {
            type Error = $crate::ids::ParseIdError;
            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
        impl TryFrom<String> for $type {
            type Error = $crate::ids::ParseIdError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $schema, "examples": [$example] })
            }
        }
    };
}
use text_id;

/// The first character that `allowed` does not take, for messages.
fn stranger(text: &str, allowed: impl Fn(char) -> bool) -> Option<char> {
    text.chars().find(|&c| !allowed(c))
}
