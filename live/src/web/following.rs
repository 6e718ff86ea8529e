//! Redirects: a few, never to less than TLS, and nobody learns what was meant for another.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use mcc_catalogs::Errand;
use url::Url;

use crate::failure::Failure;
use crate::web::proxies::is_loopback;
use crate::web::{Request, Response, Web};

/// Redirects at most.
const MOST: usize = 5;

/// Parts of names of headers that are for one origin only: authorizations, cookies, tokens, keys, signatures.
const SECRET: &[&str] = &["token", "auth", "key", "secret", "signature", "credential", "cookie"];

/// An answer that is no redirect, and how many requests it took.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) response: Response,
    pub(crate) requests: usize,
}

impl Web {
    /// Sends a request and those that its redirects lead to, five at most. Each is a request of the errand. Credentials
    /// go to the origin of the request only.
    ///
    /// # Errors
    /// As those of [`Web::send`]; there are more redirects, one leads to http or to no address, or in a circle.
    pub(crate) async fn send_following(
        &self,
        request: Request,
        errand: &Errand,
    ) -> Result<Followed, Failure> {
        self.send_following_to(request, errand, MOST, |_| true).await
    }

    /// The same, where no more than `most` redirects are followed, and only to where `may` allows.
    ///
    /// # Errors
    /// As those of [`Web::send_following`]; one leads to where nobody may be sent.
    pub(crate) async fn send_following_to(
        &self,
        mut request: Request,
        errand: &Errand,
        most: usize,
        may: impl Fn(&Url) -> bool,
    ) -> Result<Followed, Failure> {
        let mut been = vec![request.url.clone()];
        loop {
            let response = self.send(request.clone(), errand).await?;
            let Some(next) = led(&response, &request.url)? else {
                return Ok(Followed { response, requests: been.len() });
            };
            let same = next.origin() == request.url.origin();
            if been.contains(&next) {
                return Err(Failure::Unreadable("redirects in a circle".to_owned()));
            }
            if been.len() > most {
                return Err(Failure::Unreadable(format!("more than {most} redirects")));
            }
            if !may(&next) {
                return Err(refused("where nobody may be sent"));
            }
            been.push(next.clone());
            changed(&mut request, response.status);
            if !same {
                request.headers = without_secrets(request.headers);
            }
            request.url = next;
        }
    }
}

/// Where `response` to a request of `from` leads: nowhere, where it is no redirect or does not say.
fn led(response: &Response, from: &Url) -> Result<Option<Url>, Failure> {
    if !matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(place) = response.headers.get(LOCATION) else { return Ok(None) };
    let place = std::str::from_utf8(place.as_bytes()).map_err(|_| refused("no address"))?;
    let mut next = from.join(place).map_err(|_| refused("no address"))?;
    next.set_fragment(None);
    if !next.username().is_empty() || next.password().is_some() {
        return Err(refused("an address with a password"));
    }
    // Whoever was asked without TLS may say where else it is to be asked; servers of this machine have nobody between.
    let near = next.origin() == from.origin() || (is_loopback(from) && is_loopback(&next));
    match next.scheme() {
        "https" => Ok(Some(next)),
        "http" if from.scheme() == "http" && near => Ok(Some(next)),
        "http" => Err(refused("http")),
        _ => Err(refused("an address that is not https")),
    }
}

fn refused(where_to: &str) -> Failure {
    Failure::Unreadable(format!("a redirect to {where_to}"))
}

/// What a redirect of this status makes of a request.
fn changed(request: &mut Request, status: StatusCode) {
    let reads = matches!(request.method, Method::GET | Method::HEAD);
    let kept = matches!(status.as_u16(), 307 | 308);
    if !reads && !kept {
        request.method = Method::GET;
        request.body = bytes::Bytes::new();
        request.headers.remove(CONTENT_LENGTH);
        request.headers.remove(CONTENT_TYPE);
    }
}

fn without_secrets(headers: HeaderMap) -> HeaderMap {
    let mut last = None;
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        last = name.or(last);
        if let Some(name) = last.as_ref().filter(|name| !is_secret(name) && !value.is_sensitive()) {
            kept.append(name, value);
        }
    }
    kept
}

fn is_secret(name: &HeaderName) -> bool {
    SECRET.iter().any(|part| name.as_str().contains(part))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn leads(from: &str, to: &str) -> Result<Option<String>, Failure> {
        let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(to).unwrap())]);
        let response = Response { status: StatusCode::FOUND, headers, body: bytes::Bytes::new() };
        led(&response, &from.parse().unwrap()).map(|url| url.map(|url| url.to_string()))
    }

    #[test]
    fn redirects_lead_to_https_and_to_http_on_this_machine_alone() {
        assert_eq!(leads("https://a/b/c", "../d#x"), Ok(Some("https://a/d".to_owned())));
        assert_eq!(leads("https://a/", "//b/"), Ok(Some("https://b/".to_owned())));
        assert_eq!(leads("http://127.0.0.1:1/", "/x"), Ok(Some("http://127.0.0.1:1/x".to_owned())));
        assert_eq!(leads("http://a/", "/x"), Ok(Some("http://a/x".to_owned())));
        assert!(leads("http://localhost/", "http://[::1]:2/").is_ok());
        assert!(leads("http://127.0.0.1:1/", "https://b/").is_ok());
        for (from, to) in [
            ("https://a/", "http://a/"),
            ("https://a/", "http://127.0.0.1/"),
            ("http://127.0.0.1/", "http://169.254.169.254/"),
            ("http://a/", "http://b/x"),
            ("http://a/", "http://a:81/x"),
            ("https://a/", "file:///etc/passwd"),
            ("https://a/", "https://u:p@b/"),
            ("https://a/", "https://"),
            ("https://a/", "javascript:1"),
        ] {
            assert!(leads(from, to).is_err(), "{from} {to}");
        }
    }

    #[test]
    fn secrets_stay_with_the_origin_that_they_are_for() {
        let mut headers = HeaderMap::new();
        for name in
            ["authorization", "cookie", "x-amz-security-token", "x-api-key", "proxy-authorization"]
        {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("s3cret"));
        }
        let mut sensitive = HeaderValue::from_static("s3cret");
        sensitive.set_sensitive(true);
        headers.append("x-other", sensitive);
        headers.append("accept", HeaderValue::from_static("a"));
        headers.append("accept", HeaderValue::from_static("b"));
        let kept = without_secrets(headers);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept.get_all("accept").iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
