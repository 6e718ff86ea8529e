use std::str::FromStr;

use super::{ParseIdError, stranger, text_id};

/// An object or prefix in S3: `s3://bucket/models/llama/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct S3Uri {
    text: String,
    bucket_end: usize,
}

impl S3Uri {
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        self.text.get(SCHEME.len()..self.bucket_end).unwrap_or_default()
    }

    /// What follows the bucket, without the slash between them; empty for the whole bucket.
    pub fn key(&self) -> &str {
        self.text.get(self.bucket_end + 1..).unwrap_or_default()
    }

    /// Whether it names a prefix (a "folder"): it ends in a slash or has no key.
    pub fn is_prefix(&self) -> bool {
        self.key().is_empty() || self.text.ends_with('/')
    }
}

const SCHEME: &str = "s3://";
const WANTED: &str = "an S3 address such as `s3://bucket/prefix/`";
/// The SageMaker API's limit on an S3 address; S3's own limit on a key is the same.
const MAX_BYTES: usize = 1024;

impl FromStr for S3Uri {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = |reason: String| Err(ParseIdError::new(text, WANTED, reason));
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return error("it does not start with `s3://`".into());
        };
        if text.len() > MAX_BYTES {
            return error(format!("it has more than {MAX_BYTES} bytes"));
        }
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if !(3..=63).contains(&bucket.len()) {
            return error("a bucket name has 3 to 63 characters".into());
        }
        if let Some(c) = stranger(bucket, |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.')
        }) {
            return error(format!("`{}` cannot be in a bucket name", c.escape_debug()));
        }
        if bucket.starts_with(['-', '.']) || bucket.ends_with(['-', '.']) || bucket.contains("..") {
            return error(
                "a bucket name begins and ends with a letter or digit and has no `..`".into(),
            );
        }
        // S3 allows more. These need no escaping in an address, a shell or a policy.
        if let Some(c) = stranger(key, |c| c.is_ascii_alphanumeric() || "._-/=+".contains(c)) {
            return error(format!("`{}` cannot be in it", c.escape_debug()));
        }
        if key.split('/').any(|part| part == "..") {
            return error("`..` cannot be a part of it".into());
        }
        Ok(Self { text: text.into(), bucket_end: SCHEME.len() + bucket.len() })
    }
}

text_id!(S3Uri, "S3 address", "s3://bucket/prefix/");
