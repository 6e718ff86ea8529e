use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::{ParseIdError, stranger, text_id};

/// A SageMaker instance type: `ml.g5.xlarge`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceType {
    text: String,
    family_end: usize,
}

// Its text says all, so that maps by type are looked into with a text that nobody parses.
impl Hash for InstanceType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Borrow<str> for InstanceType {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl InstanceType {
    /// The whole name, with `ml.`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The family without `ml.` and size: `g5`, `p6-b200`.
    pub fn family(&self) -> &str {
        self.text.get(PREFIX.len()..self.family_end).unwrap_or_default()
    }

    /// The size: `xlarge`, `48xlarge`.
    pub fn size(&self) -> &str {
        self.text.get(self.family_end + 1..).unwrap_or_default()
    }

    /// The name that EC2 has for it: `g5.xlarge`.
    pub fn ec2_name(&self) -> &str {
        self.text.get(PREFIX.len()..).unwrap_or_default()
    }
}

const PREFIX: &str = "ml.";
const WANTED: &str = "an instance type such as `ml.g5.xlarge`";

/// Longer than any family and size; the longest are below 24.
const MAX_CHARS: usize = 60;

impl FromStr for InstanceType {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = |reason: &str| Err(ParseIdError::new(text, WANTED, reason));
        let Some(rest) = text.strip_prefix(PREFIX) else {
            return error("it does not start with `ml.`");
        };
        if rest.len() > MAX_CHARS {
            return error("it is longer than any");
        }
        let Some((family, size)) = rest.split_once('.') else {
            return error("it has no size after the family");
        };
        if family.is_empty() || size.is_empty() {
            return error("family or size is empty");
        }
        if let Some(c) =
            stranger(family, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        {
            return error(&format!("`{}` cannot be in the family", c.escape_debug()));
        }
        if !family.starts_with(|c: char| c.is_ascii_lowercase()) {
            return error("the family does not start with a letter");
        }
        if let Some(c) = stranger(size, |c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            return error(&format!("`{}` cannot be in the size", c.escape_debug()));
        }
        Ok(Self { text: text.into(), family_end: PREFIX.len() + family.len() })
    }
}

text_id!(InstanceType, "SageMaker instance type", "ml.g5.xlarge");
