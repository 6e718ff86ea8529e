use std::str::FromStr;

use super::{ParseIdError, stranger, text_id};

/// A container image: registry host (optional), repository, and tag or digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageUri {
    text: String,
    host_end: Option<usize>,
    repository_end: usize,
    tag_end: usize,
}

impl ImageUri {
    /// The whole reference, as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The registry host (`763104351884.dkr.ecr.us-east-1.amazonaws.com`, `public.ecr.aws`), if the reference names one.
    pub fn host(&self) -> Option<&str> {
        self.host_end.and_then(|end| self.text.get(..end))
    }

    /// The repository, without host, tag and digest.
    pub fn repository(&self) -> &str {
        let start = self.host_end.map_or(0, |end| end + 1);
        self.text.get(start..self.repository_end).unwrap_or_default()
    }

    /// The tag, if the reference has one.
    pub fn tag(&self) -> Option<&str> {
        self.text.get(self.repository_end + 1..self.tag_end).filter(|tag| !tag.is_empty())
    }

    /// The digest (`sha256:…`), if the reference has one.
    pub fn digest(&self) -> Option<&str> {
        self.text.get(self.tag_end + 1..).filter(|digest| !digest.is_empty())
    }

    /// Account and region, if the host is a private ECR registry.
    pub fn ecr(&self) -> Option<(&str, &str)> {
        let (account, rest) = self
            .host()?
            .split_once(".dkr.ecr.")
            .or_else(|| self.host()?.split_once(".dkr.ecr-fips."))?;
        let (region, _) = rest.split_once('.')?;
        Some((account, region))
    }
}

const WANTED: &str = "an image such as `public.ecr.aws/docker/library/python:3.12-slim`";

/// The SageMaker API's limit.
const MAX_CHARS: usize = 255;

impl FromStr for ImageUri {
    type Err = ParseIdError;

    /// The grammar of Docker references.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = |reason: String| Err(ParseIdError::new(text, WANTED, reason));
        if text.len() > MAX_CHARS {
            return error(format!("it has more than {MAX_CHARS} characters"));
        }
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        if let Some(digest) = digest
            && !digest.strip_prefix("sha256:").is_some_and(|hex| {
                hex.len() == 64 && stranger(hex, |c| matches!(c, '0'..='9' | 'a'..='f')).is_none()
            })
        {
            return error("a digest is `sha256:` and 64 hexadecimal digits".into());
        }
        let last_slash = named.rfind('/').map_or(0, |at| at + 1);
        let (path, tag) = match named.get(last_slash..).and_then(|last| last.find(':')) {
            Some(colon) => named.split_at(last_slash + colon),
            None => (named, ""),
        };
        let tag = tag.strip_prefix(':');
        if let Some(tag) = tag {
            if tag.is_empty() || tag.len() > 128 {
                return error("a tag has 1 to 128 characters".into());
            }
            if let Some(c) =
                stranger(tag, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
            {
                return error(format!("`{}` cannot be in a tag", c.escape_debug()));
            }
            if tag.starts_with(['.', '-']) {
                return error("a tag begins with a letter, digit or `_`".into());
            }
        }
        // As Docker tells a host from a first path part: a dot, a port, or `localhost`.
        let host = path
            .split_once('/')
            .map(|(host, _)| host)
            .filter(|host| host.contains(['.', ':']) || *host == "localhost");
        if let Some(host) = host {
            if let Some(c) =
                stranger(host, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'))
            {
                return error(format!("`{}` cannot be in a registry host", c.escape_debug()));
            }
            let (name, port) =
                host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
            if name.is_empty()
                || name.starts_with(['-', '.'])
                || name.ends_with(['-', '.'])
                || port.is_some_and(|port| {
                    port.is_empty() || stranger(port, |c| c.is_ascii_digit()).is_some()
                })
            {
                return error("the registry host is malformed".into());
            }
        }
        let repository = host.map_or(path, |host| path.get(host.len() + 1..).unwrap_or_default());
        for part in repository.split('/') {
            if part.is_empty() {
                return error("a part of the repository's name is empty".into());
            }
            if let Some(c) = stranger(part, |c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-')
            }) {
                return error(format!("`{}` cannot be in a repository's name", c.escape_debug()));
            }
            if part.starts_with(['.', '_', '-']) || part.ends_with(['.', '_', '-']) {
                return error(
                    "parts of a repository's name begin and end with a letter or digit".into(),
                );
            }
        }
        Ok(Self {
            text: text.into(),
            host_end: host.map(str::len),
            repository_end: path.len(),
            tag_end: named.len(),
        })
    }
}

text_id!(ImageUri, "Container image reference", "public.ecr.aws/docker/library/python:3.12-slim");
