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

/// Whether `text` can be a branch, tag or commit on the hub.
pub fn is_revision(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("..")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
}

/// A page of a model on the hub, as people copy it from a browser, or a model with its revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubAddress {
    /// The model.
    pub model: ModelId,
    /// The branch, tag or commit that is named, if it is not `main`.
    pub revision: Option<String>,
}

/// Hosts of the hub.
const HOSTS: [&str; 4] = ["huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co"];

impl HubAddress {
    /// Reads `https://huggingface.co/owner/name`, the pages below it, and `owner/name@revision`.
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((model, revision)) = text.split_once('@') {
            let named = model.parse().ok().filter(|_| is_revision(revision));
            if let Some(model) = named {
                return Some(Self { model, revision: other_than_main(revision) });
            }
        }
        let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = rest.unwrap_or(text).split(['?', '#']).next()?;
        let (host, path) = rest.split_once('/')?;
        if !HOSTS.iter().any(|known| known.eq_ignore_ascii_case(host)) {
            return None;
        }
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let (owner, name) = (parts.next()?, parts.next()?);
        // These have ids of the same form and are no models.
        if ["datasets", "spaces", "collections", "papers", "docs"].contains(&owner) {
            return None;
        }
        let model = format!("{owner}/{name}").parse().ok()?;
        let revision = match parts.next() {
            Some("tree" | "blob" | "raw" | "resolve" | "commit") => match parts.next() {
                // Pull requests are at `refs/pr/7`; other names with a slash are written with `%2F`.
                Some("refs") => Some(format!("refs/{}/{}", parts.next()?, parts.next()?)),
                named => named.map(|named| named.replace("%2F", "/").replace("%2f", "/")),
            },
            _ => None,
        };
        if revision.as_deref().is_some_and(|named| !is_revision(named)) {
            return None;
        }
        Some(Self { model, revision: revision.as_deref().and_then(other_than_main) })
    }
}

fn other_than_main(revision: &str) -> Option<String> {
    (revision != "main").then(|| revision.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_the_hub_name_their_model() {
        let read = |text: &str| {
            let found = HubAddress::of(text)?;
            Some((found.model.to_string(), found.revision))
        };
        let qwen = |revision: Option<&str>| {
            Some(("Qwen/Qwen3-8B".to_owned(), revision.map(str::to_owned)))
        };
        assert_eq!(read("https://huggingface.co/Qwen/Qwen3-8B"), qwen(None));
        assert_eq!(read(" http://hf.co/Qwen/Qwen3-8B/ "), qwen(None));
        assert_eq!(read("huggingface.co/Qwen/Qwen3-8B/tree/main?x=1"), qwen(None));
        assert_eq!(
            read("https://huggingface.co/Qwen/Qwen3-8B/blob/v1/config.json"),
            qwen(Some("v1"))
        );
        assert_eq!(read("Qwen/Qwen3-8B@v1.0"), qwen(Some("v1.0")));
        assert_eq!(read("Qwen/Qwen3-8B@main"), qwen(None));
        for pull in ["refs%2Fpr%2F7", "refs/pr/7"] {
            let page = format!("https://huggingface.co/Qwen/Qwen3-8B/tree/{pull}");
            assert_eq!(read(&page), qwen(Some("refs/pr/7")), "{page}");
        }
        for other in [
            "https://huggingface.co/datasets/a/b",
            "https://huggingface.co/Qwen",
            "https://example.com/Qwen/Qwen3-8B",
            "https://huggingface.co/Qwen/Qwen3-8B/tree/a%20b",
            "https://huggingface.co/Qwen/Qwen3-8B/tree/..",
            "https://huggingface.co/Qwen/Qwen3-8B/tree/refs",
            "Qwen/Qwen3-8B",
            "Qwen/Qwen3-8B@",
            "Qwen/Qwen3-8B@a b",
            "Qwen/Qwen3-8B@a@b",
            "me@example.com/x?@",
            "",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
