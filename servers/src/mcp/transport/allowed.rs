//! Under which names and from which web pages the server may be called, and what browsers have to be told about it.
//! A page that lets its own name point to this machine is kept out by the names, one of another site by the origins.

use std::net::IpAddr;

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST,
    ORIGIN, VARY,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::HttpOptions;
use crate::mcp::error::ServeError;

/// What a page may send.
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, accept, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name, last-event-id",
);
/// What a page may read.
const READ: HeaderValue =
    HeaderValue::from_static("mcp-session-id, mcp-protocol-version, www-authenticate, retry-after");
/// GET and DELETE, so that a page is told that they are not there instead of that it may not ask.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
/// How long a browser may remember this: two hours is what some have at most.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");
/// Browsers ask whether a public page may call a private address.
const PRIVATE_ASKED: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_ALLOWED: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// A port, or any.
type Port = Option<u16>;

/// The `Host` and `Origin` values that are let in.
#[derive(Debug, PartialEq)]
pub(super) struct Allowed {
    hosts: Vec<(String, Port)>,
    /// Scheme, host and port.
    origins: Vec<(&'static str, String, Port)>,
}

impl Allowed {
    pub(super) fn new(http: &HttpOptions) -> Result<Self, ServeError> {
        let ip = http.address.ip();
        let mut allowed = Self { hosts: Vec::new(), origins: Vec::new() };
        if ip.is_loopback() {
            for name in ["localhost", "127.0.0.1", "::1"] {
                allowed.hosts.push((name.to_owned(), None));
                // A page from another site cannot have these origins, whatever its DNS says.
                allowed.origins.push(("http", name.to_owned(), None));
            }
        } else if http.allowed_hosts.is_empty() {
            return Err(ServeError::NoAllowedHost { address: http.address });
        } else if http.token.is_none() && !http.open {
            return Err(ServeError::NoToken { address: http.address });
        }
        // A machine is also reached under the address it listens on; "any" is not an address.
        if !ip.is_unspecified() {
            allowed.hosts.push((ip.to_string(), None));
        }
        for value in &http.allowed_hosts {
            let host = authority(value).ok_or_else(|| ServeError::Allowed {
                value: value.clone(),
                expected: "a host name such as `mcp.example.com` or `mcp.example.com:8080`",
            })?;
            allowed.hosts.push(host);
        }
        for value in &http.allowed_origins {
            let any_port = value.strip_suffix(":*");
            let (scheme, host, port) =
                origin(any_port.unwrap_or(value)).ok_or_else(|| ServeError::Allowed {
                    value: value.clone(),
                    expected: if value.ends_with('/') {
                        "an origin such as `https://app.example.com`, without a slash at its end"
                    } else {
                        "an origin such as `https://app.example.com`"
                    },
                })?;
            allowed.origins.push((scheme, host, any_port.is_none().then_some(port)));
        }
        Ok(allowed)
    }

    /// Whether a request may be answered at all, and how it has to be marked.
    ///
    /// # Errors
    /// The status and the reason of a refusal.
    pub(super) fn checked(&self, uri: &Uri, headers: &HeaderMap) -> Result<Page, Refused> {
        let mut named = headers.get_all(HOST).iter();
        let header = named.next().and_then(|value| value.to_str().ok()).and_then(authority);
        // Two of them may be one for a proxy and another one for us.
        let (Some(host), None) = (header, named.next()) else {
            return Err((StatusCode::BAD_REQUEST, "a request has one valid Host header\n"));
        };
        let in_uri = uri.authority().map(|name| authority(name.as_str()));
        let known = |(host, port): &(String, Port)| {
            self.hosts.iter().any(|(name, only)| name == host && (only.is_none() || only == port))
        };
        if !known(&host) || !in_uri.is_none_or(|name| name.as_ref().is_some_and(known)) {
            return Err((
                StatusCode::FORBIDDEN,
                "this Host is not allowed; `--allow-host NAME` allows it\n",
            ));
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(value) = origins.next() else {
            return Ok(Page { origin: None });
        };
        let given = value.to_str().ok().and_then(origin);
        let is_known = given.is_some_and(|(scheme, host, port)| {
            self.origins.iter().any(|(its, name, only)| {
                *its == scheme && *name == host && only.is_none_or(|only| only == port)
            })
        });
        if is_known && origins.next().is_none() {
            return Ok(Page { origin: Some(value.clone()) });
        }
        Err((
            StatusCode::FORBIDDEN,
            "this Origin is not allowed; `--allow-origin ORIGIN` allows it\n",
        ))
    }
}

/// Why a request is not answered.
pub(super) type Refused = (StatusCode, &'static str);

/// The web page that a request comes from, if it comes from one, which is allowed then.
#[derive(Debug)]
pub(super) struct Page {
    origin: Option<HeaderValue>,
}

impl Page {
    /// Whether a browser only asks whether the page may send something.
    pub(super) fn asks(&self, method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && self.origin.is_some()
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The answer to that.
    pub(super) fn may(headers: &HeaderMap, answer: &mut HeaderMap) {
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
        answer.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        if headers.contains_key(PRIVATE_ASKED) {
            answer.insert(PRIVATE_ALLOWED, HeaderValue::from_static("true"));
        }
    }

    /// Lets the page read an answer, and keeps caches from giving it to another one.
    pub(super) fn marks(self, answer: &mut HeaderMap) {
        answer.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.origin {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ);
        }
    }
}

/// A host, without the brackets of IPv6, and its port.
fn authority(text: &str) -> Option<(String, Port)> {
    // With a user it would be read differently by different readers.
    if text.contains(['@', '*', '/', ' ', ',']) {
        return None;
    }
    // An address of IPv6 needs no brackets where it stands alone.
    if let Ok(IpAddr::V6(address)) = text.parse() {
        return Some((address.to_string(), None));
    }
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let port = authority.as_str().strip_prefix(host)?;
    let port = match port.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    (!bare.is_empty()).then_some((bare, port))
}

/// Scheme, host and port of an origin.
fn origin(text: &str) -> Option<(&'static str, String, u16)> {
    let (scheme, rest) = text.split_once("://")?;
    let (scheme, usual) = match scheme {
        "https" => ("https", 443),
        "http" => ("http", 80),
        _ => return None,
    };
    let (host, port) = authority(rest)?;
    Some((scheme, host, port.unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(address: &str, hosts: &[&str], origins: &[&str]) -> HttpOptions {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        HttpOptions {
            address: address.parse().unwrap(),
            allowed_hosts: owned(hosts),
            allowed_origins: owned(origins),
            token: None,
            open: true,
            proxies: Vec::new(),
        }
    }

    fn allowed(address: &str, hosts: &[&str], origins: &[&str]) -> Result<Allowed, String> {
        Allowed::new(&options(address, hosts, origins)).map_err(|error| error.to_string())
    }

    #[test]
    fn beyond_loopback_a_host_has_to_be_named() {
        assert!(allowed("0.0.0.0:80", &[], &[]).unwrap_err().contains("--allow-host"));
        let open = allowed("0.0.0.0:80", &["mcp.example.com"], &[]).unwrap();
        assert_eq!(open.hosts, [("mcp.example.com".to_owned(), None)]);
        assert!(open.origins.is_empty());
        let one = allowed("10.0.0.7:80", &["mcp.example.com"], &[]).unwrap();
        assert_eq!(one.hosts, ["10.0.0.7", "mcp.example.com"].map(|name| (name.to_owned(), None)));
        let local = allowed("127.0.0.1:0", &[], &[]).unwrap();
        assert!(local.hosts.contains(&("localhost".to_owned(), None)));
    }

    #[test]
    fn beyond_loopback_a_token_has_to_be_asked_for() {
        let at = |address: &str, token: Option<&str>, open: bool| {
            let mut http = options(address, &["mcp.example.com"], &[]);
            http.token = token.map(str::to_owned);
            http.open = open;
            Allowed::new(&http).map(drop).map_err(|error| error.to_string())
        };
        assert!(at("0.0.0.0:80", None, false).unwrap_err().contains("--without-token"));
        assert!(at("0.0.0.0:80", None, true).is_ok());
        assert!(at("0.0.0.0:80", Some("a-long-enough-token"), false).is_ok());
        assert!(at("127.0.0.1:80", None, false).is_ok());
    }

    #[test]
    fn hosts_and_origins_have_to_look_like_it() {
        for host in ["", "https://x", "*", "a b", "x:y", "a@b"] {
            assert!(allowed("127.0.0.1:0", &[host], &[]).is_err(), "{host}");
        }
        for origin in ["", "x.example.com", "https://", "https://x/y", "null", "*", "ftp://x"] {
            assert!(allowed("127.0.0.1:0", &[], &[origin]).is_err(), "{origin}");
        }
        let error = allowed("127.0.0.1:0", &[], &["https://x.example.com/"]).unwrap_err();
        assert!(error.contains("without a slash"), "{error}");
        let origins = [
            "https://a.example",
            "http://b.example",
            "https://c.example:*",
            "https://d.example:8443",
        ];
        let given = allowed("0.0.0.0:0", &["h"], &origins).unwrap().origins;
        let expected = [
            ("https", "a.example", Some(443)),
            ("http", "b.example", Some(80)),
            ("https", "c.example", None),
            ("https", "d.example", Some(8443)),
        ];
        assert_eq!(given, expected.map(|(scheme, host, port)| (scheme, host.to_owned(), port)));
    }

    #[test]
    fn only_what_is_allowed_is_answered() {
        let local = allowed(
            "127.0.0.1:0",
            &["mcp.example.com", "with.example:8080"],
            &["https://app.example.com"],
        )
        .unwrap();
        let status = |uri: &str, lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let checked = local.checked(&uri.parse().unwrap(), &headers);
            checked.map_or_else(|(status, _)| status.as_u16(), |_| 200)
        };
        for (host, expected) in [
            ("localhost", 200),
            ("LOCALHOST:1", 200),
            ("127.0.0.1:8000", 200),
            ("[::1]:8000", 200),
            ("::1", 200),
            ("mcp.example.com:443", 200),
            ("with.example:8080", 200),
            ("with.example", 403),
            ("with.example:80", 403),
            ("evil.example", 403),
            ("localhost.evil.example", 403),
            ("localhost.", 403),
            ("127.0.0.1.evil.example", 403),
            ("0.0.0.0", 403),
            ("127.1", 403),
            ("2130706433", 403),
            ("[::ffff:127.0.0.1]", 403),
            ("localhost@evil.example", 400),
            ("localhost:99999", 400),
            ("localhost, evil.example", 400),
            ("", 400),
            ("h\u{f6}st", 400),
        ] {
            assert_eq!(status("/mcp", &[("host", host)]), expected, "{host}");
        }
        assert_eq!(status("/mcp", &[]), 400);
        assert_eq!(status("/mcp", &[("host", "localhost"), ("host", "localhost")]), 400);
        assert_eq!(status("http://localhost/mcp", &[("host", "localhost")]), 200);
        assert_eq!(status("http://evil.example/mcp", &[("host", "localhost")]), 403);
        for (origin, expected) in [
            ("https://app.example.com", 200),
            ("https://app.example.com:443", 200),
            ("http://localhost:3000", 200),
            ("http://[::1]:3000", 200),
            ("https://localhost:3000", 403),
            ("https://app.example.com:8443", 403),
            ("http://app.example.com", 403),
            ("https://app.example.com.evil.example", 403),
            ("https://evil.example", 403),
            ("http://localhost@evil.example", 403),
            ("file://", 403),
            ("null", 403),
            ("", 403),
        ] {
            let lines = [("host", "localhost"), ("origin", origin)];
            assert_eq!(status("/mcp", &lines), expected, "{origin}");
        }
        let twice = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "null")];
        assert_eq!(status("/mcp", &twice), 403);
    }
}
