use std::str::FromStr;

use super::{ParseIdError, stranger, text_id};

/// An AWS region: `us-east-1`, `us-gov-west-1`, `eu-isoe-west-1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(String);

impl Region {
    /// The region's code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const WANTED: &str = "a region such as `us-east-1`";

/// The longest Region has 14.
const MAX_CHARS: usize = 32;

impl FromStr for Region {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = |reason: String| Err(ParseIdError::new(text, WANTED, reason));
        if text.len() > MAX_CHARS {
            return error("it is longer than any".into());
        }
        if let Some(c) =
            stranger(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        {
            return error(format!("`{}` cannot be in it", c.escape_debug()));
        }
        let parts: Vec<&str> = text.split('-').collect();
        let number = parts.last().copied().unwrap_or_default();
        if !(3..=4).contains(&parts.len())
            || number.is_empty()
            || number.len() > 2
            || stranger(number, |c| c.is_ascii_digit()).is_some()
        {
            return error("it is not words and a number, joined by `-`".into());
        }
        let words = parts.len() - 1;
        if parts
            .iter()
            .take(words)
            .any(|word| word.len() < 2 || stranger(word, |c| c.is_ascii_lowercase()).is_some())
        {
            return error("each word is two or more letters".into());
        }
        Ok(Self(text.into()))
    }
}

text_id!(Region, "AWS region", "us-east-1");
