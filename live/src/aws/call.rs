//! A call: what is asked, of which service, where.

use mcc_catalogs::Region;
use serde_json::Value;

use super::actions::Action;

/// Largest answer, unless a call says otherwise: ten times the longest page of quotas.
const MOST: usize = 4 * 1024 * 1024;

/// A call.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) action: Action,
    pub(crate) region: Region,
    pub(crate) input: Input,
    /// Most bytes of the answer.
    pub(crate) most: usize,
}

/// What a call asks.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// The members of the operation's input.
    Json(Value),
    /// The members as a form has them.
    Form(Vec<(String, String)>),
    /// Method, path and query. The path begins with `/` and is escaped.
    Rest { method: &'static str, bucket: Option<String>, path: String, query: String },
}

impl Call {
    /// A call of a service of JSON: SageMaker, ECR, Secrets Manager, prices, quotas.
    pub(crate) fn json(action: Action, region: &Region, members: Value) -> Self {
        Self::new(action, region, Input::Json(members))
    }

    /// A call of a service of forms: STS, EC2. Members of lists are `Filter.1.Name`.
    pub(crate) fn form(action: Action, region: &Region, members: &[(&str, &str)]) -> Self {
        let members = members.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self::new(action, region, Input::Form(members.collect()))
    }

    /// A `GET` of a service of paths: EKS. `path` is unescaped, a segment each.
    pub(crate) fn get(
        action: Action,
        region: &Region,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Self {
        let path = path.iter().flat_map(|part| ["/".to_owned(), escaped(part, false)]).collect();
        Self::new(
            action,
            region,
            Input::Rest { method: "GET", bucket: None, path, query: form(query) },
        )
    }

    /// A `GET` or `HEAD` of S3. An empty key is the bucket's own. None for a key that no address can have: it has `.`
    /// or `..` between slashes.
    pub(crate) fn s3(
        action: Action,
        region: &Region,
        method: &'static str,
        bucket: &str,
        key: &str,
        query: &[(&str, &str)],
    ) -> Option<Self> {
        if key.split('/').any(|part| matches!(part, "." | "..")) {
            return None;
        }
        let (bucket, path) = (Some(bucket.to_owned()), format!("/{}", escaped(key, true)));
        let input = Input::Rest { method, bucket, path, query: form(query) };
        Some(Self::new(action, region, input))
    }

    /// The same with an answer of at most `most` bytes.
    #[must_use]
    pub(crate) fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    fn new(action: Action, region: &Region, input: Input) -> Self {
        Self { action, region: region.clone(), input, most: MOST }
    }
}

/// Names and values as queries and forms have them.
pub(super) fn form<N: AsRef<str>, V: AsRef<str>>(members: &[(N, V)]) -> String {
    let members = members.iter().map(|(name, value)| {
        format!("{}={}", escaped(name.as_ref(), false), escaped(value.as_ref(), false))
    });
    members.collect::<Vec<_>>().join("&")
}

/// Escaped as signatures have it: all but letters, digits and `-._~`.
fn escaped(text: &str, slashes: bool) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if slashes => out.push('/'),
            _ => {
                let _infallible = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_paths_are_escaped() {
        assert_eq!(form(&[("a b", "c&d=é")]), "a%20b=c%26d%3D%C3%A9");
        assert_eq!(escaped("models/a b+c", true), "models/a%20b%2Bc");
        assert_eq!(escaped("a/b", false), "a%2Fb");
    }
}
