use std::str::FromStr;

use super::{ParseIdError, stranger, text_id};

/// A model on the Hugging Face hub: `meta-llama/Llama-3.1-8B-Instruct`, or `gpt2` for the few without an owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(String);

impl ModelId {
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The user or organisation, if the id has one.
    pub fn owner(&self) -> Option<&str> {
        self.0.split_once('/').map(|(owner, _)| owner)
    }

    /// The repository's name, without the owner.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(self.as_str(), |(_, name)| name)
    }
}

const WANTED: &str = "a hub model id such as `Qwen/Qwen3-8B`";
/// The hub's own limit on a whole repository id.
const MAX_CHARS: usize = 96;

impl FromStr for ModelId {
    type Err = ParseIdError;

    /// The rules of the hub: owner and name of letters, digits, `-`, `_`, `.`; no `--` or `..`;
    /// neither begins or ends with `-` or `.`; the name does not end in `.git`.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = |reason: String| Err(ParseIdError::new(text, WANTED, reason));
        if text.len() > MAX_CHARS {
            return error(format!("it has more than {MAX_CHARS} characters"));
        }
        let parts: Vec<&str> = text.split('/').collect();
        if parts.len() > 2 {
            return error("it has more than one `/`".into());
        }
        for part in parts {
            if part.is_empty() {
                return error("owner or name is empty".into());
            }
            if let Some(c) =
                stranger(part, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            {
                return error(format!("`{}` cannot be in it", c.escape_debug()));
            }
            if part.contains("--") || part.contains("..") {
                return error("`--` and `..` cannot be in it".into());
            }
            if part.starts_with(['-', '.']) || part.ends_with(['-', '.']) {
                return error("`-` and `.` cannot be first or last".into());
            }
        }
        if text.to_ascii_lowercase().ends_with(".git") {
            return error("it ends in `.git`".into());
        }
        Ok(Self(text.into()))
    }
}

text_id!(ModelId, "Hugging Face model id", "Qwen/Qwen3-8B");
