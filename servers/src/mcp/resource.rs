//! Resources: what can be read without calling a tool. Some have an address of their own, others an
//! address with parameters, as a template.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rmcp::model::{
    CacheScope, ErrorData, ReadResourceResult, Resource as ListedResource, ResourceContents,
    ResourceTemplate,
};
use serde_json::json;

use crate::mcp::parameter::{Given, Parameter};
use crate::mcp::server::Context;

/// The longest resource, in bytes.
pub(crate) const MAX_BYTES: usize = 256 * 1024;
/// The longest address, in bytes.
const MAX_URI: usize = 4096;
/// How long what comes with the program may be kept, in milliseconds.
const TTL_MS: u64 = 60 * 60 * 1000;

/// What a resource holds.
pub(crate) enum Content {
    /// From the catalogs and the registry: the same for everybody, until the program is another.
    Facts(String),
    /// A file of the user's, which may change at any time.
    File(Vec<u8>),
}

/// Why there is nothing to read.
pub(crate) struct Missing(pub(crate) String);

/// One resource, or one template: its address has parameters then.
pub(crate) struct Resource {
    /// `mcc://rules`, or `mcc://rules/{rule}`. A last `{+name}` takes slashes too.
    pub(crate) uri: &'static str,
    /// Its name, for programs.
    pub(crate) name: &'static str,
    /// What a user interface shows.
    pub(crate) title: &'static str,
    /// What is in it.
    pub(crate) description: &'static str,
    /// Its media type; none where it differs from file to file.
    pub(crate) media_type: Option<&'static str>,
    /// The parameters of the address.
    pub(crate) parameters: &'static [Parameter],
    /// What is in it.
    pub(crate) read: fn(&Context, &Given) -> Result<Content, Missing>,
}

pub(crate) const JSON: Option<&str> = Some("application/json");
pub(crate) const MARKDOWN: Option<&str> = Some("text/markdown");

impl Resource {
    /// Whether its address has parameters.
    pub(crate) fn is_template(&self) -> bool {
        !self.parameters.is_empty()
    }

    /// As `resources/list` shows it.
    pub(crate) fn listed(&self) -> ListedResource {
        let mut listed = ListedResource::new(self.uri, self.name)
            .with_title(self.title)
            .with_description(self.description);
        listed.mime_type = self.media_type.map(str::to_owned);
        listed
    }

    /// As `resources/templates/list` shows it.
    pub(crate) fn listed_template(&self) -> ResourceTemplate {
        let mut listed = ResourceTemplate::new(self.uri, self.name)
            .with_title(self.title)
            .with_description(self.description);
        listed.mime_type = self.media_type.map(str::to_owned);
        listed
    }

    /// The parameters in `uri`, if it is an address of this resource.
    fn matches(&self, uri: &str) -> Option<Given> {
        let mut given = Given::new();
        let (mut pattern, mut rest) = (self.uri, uri);
        while let Some((literal, tail)) = pattern.split_once('{') {
            rest = rest.strip_prefix(literal)?;
            let (name, tail) = tail.split_once('}')?;
            let (name, end) = match name.strip_prefix('+') {
                Some(name) => (name, rest.len()),
                None => (name, rest.find('/').unwrap_or(rest.len())),
            };
            let (value, after) = rest.split_at_checked(end)?;
            let value = decoded(value)?;
            if value.is_empty() {
                return None;
            }
            given.insert(name.to_owned(), value);
            (pattern, rest) = (tail, after);
        }
        (pattern == rest).then_some(given)
    }
}

/// What is at `uri`, of `resources`.
///
/// # Errors
/// An address that is none of them, or where nothing is.
pub(crate) fn read<'a>(
    mut resources: impl Iterator<Item = &'a Resource>,
    context: &Context,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let missing = |reason: &str| {
        let shown = mcc_catalogs::echo(uri);
        Err(ErrorData::resource_not_found(
            format!("nothing to read at `{shown}`: {}", mcc_catalogs::cut(reason, 1000)),
            Some(json!({ "uri": shown })),
        ))
    };
    if uri.len() > MAX_URI {
        return missing("the address is too long");
    }
    let found = resources.find_map(|resource| resource.matches(uri).map(|given| (resource, given)));
    let Some((resource, given)) = found else {
        return missing("resources/list and resources/templates/list name what there is");
    };
    let content = match (resource.read)(context, &given) {
        Ok(content) => content,
        Err(Missing(reason)) => return missing(&reason),
    };
    let (contents, ttl, scope) = match content {
        Content::Facts(text) => {
            // A user's own rows are the user's own.
            let scope =
                if context.catalogs.is_some() { CacheScope::Private } else { CacheScope::Public };
            (ResourceContents::text(text, uri), TTL_MS, scope)
        }
        Content::File(bytes) => {
            let contents = match String::from_utf8(bytes) {
                Ok(text) => ResourceContents::text(text, uri),
                Err(error) => ResourceContents::blob(BASE64_STANDARD.encode(error.as_bytes()), uri)
                    .with_mime_type("application/octet-stream"),
            };
            (contents, 0, CacheScope::Private)
        }
    };
    let contents = match resource.media_type {
        Some(media_type) => contents.with_mime_type(media_type),
        None => contents,
    };
    Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(ttl).with_cache_scope(scope))
}

/// Text with `%` escapes resolved; none if they are not those of a text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETER: Parameter =
        Parameter { name: "a", description: "", required: true, values: None };
    const TEMPLATE: Resource = Resource {
        uri: "mcc://x/{a}/{+b}",
        name: "x",
        title: "X",
        description: "",
        media_type: None,
        parameters: &[PARAMETER],
        read: |_, _| Ok(Content::Facts(String::new())),
    };

    fn matched(uri: &str) -> String {
        TEMPLATE
            .matches(uri)
            .map_or_else(|| "none".to_owned(), |given| format!("{}|{}", given["a"], given["b"]))
    }

    #[test]
    fn addresses_are_told_apart() {
        assert_eq!(matched("mcc://x/one/two/three"), "one|two/three");
        assert_eq!(matched("mcc://x/o%20ne/two%2Fthree"), "o ne|two/three");
        for other in [
            "mcc://x/one",
            "mcc://x/one/",
            "mcc://y/one/two",
            "",
            "mcc://x//two",
            "mcc://x/%/b",
            "mcc://x/%zz/b",
            "mcc://x/%ff/b",
            "mcc://x/%+1/b",
        ] {
            assert_eq!(matched(other), "none", "{other}");
        }
    }
}
