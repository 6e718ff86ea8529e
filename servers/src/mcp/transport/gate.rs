//! What stands before the endpoint: names and origins that are known, a token, fair shares of calls at once and of
//! memory, a limit in time, a health check, metrics, and a log of requests without their content.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use super::allowed::{Allowed, Page};
use super::crowd::Crowd;
use super::turns::Turn;
use crate::mcp::metrics;
use crate::mcp::share::Shares;

/// Calls that are worked on at once; the next ones are told to come back.
const AT_ONCE: usize = 512;
/// Bytes of all bodies that are read or worked on at once.
const BODIES: usize = 128 * 1024 * 1024;
/// Of both, one address gets no more than what is left divided by this: a fifth if it is the only one, and after eight
/// that took all they could get there is a sixth left.
const PART: usize = 4;
/// How long one call may take. Tools have less, and answer themselves that it was not enough.
const TIME: Duration = Duration::from_secs(60);

/// After how long a call gives its turn to the next one.
const TURN: Duration = Duration::from_secs(1);

/// Where the endpoint is.
pub(super) const PATH: &str = "/mcp";
/// Where it says that it is well: without a token or a known name, since load balancers have none.
const HEALTH: &str = "/health";
/// Where the metrics are, in the text format of Prometheus.
const METRICS: &str = "/metrics";

/// What every request passes.
#[derive(Debug)]
pub(super) struct Gate {
    /// What clients have to send as bearer token.
    token: Option<String>,
    allowed: Allowed,
    crowd: Arc<Crowd>,
    calls: Arc<Shares<IpAddr>>,
    /// Memory for bodies, in bytes.
    pub(super) bodies: Arc<Shares<IpAddr>>,
    /// Requests by hundred of their status: 2xx at index 2.
    statuses: [AtomicU64; 6],
}

impl Gate {
    pub(super) fn new(token: Option<String>, allowed: Allowed, crowd: Arc<Crowd>) -> Self {
        let statuses = std::array::from_fn(|_| AtomicU64::new(0));
        let (calls, bodies) = (Shares::of(AT_ONCE, PART), Shares::of(BODIES, PART));
        Self { token, allowed, crowd, calls, bodies, statuses }
    }

    /// Whether the request carries the token, if there is one.
    fn lets_in(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        // The scheme's name may be of any case.
        let given = given.and_then(|value| {
            let (scheme, given) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| given.trim())
        });
        given.is_some_and(|given| same(given.as_bytes(), token.as_bytes()))
    }

    fn count(&self, status: u16) {
        if let Some(count) = self.statuses.get(usize::from(status / 100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn text(&self) -> String {
        let mut text = String::from(
            "# HELP mcc_http_requests_total Requests by class of their status.\n\
             # TYPE mcc_http_requests_total counter\n",
        );
        for (hundred, count) in self.statuses.iter().enumerate().skip(2) {
            let count = count.load(Ordering::Relaxed);
            text.push_str(&format!("mcc_http_requests_total{{status=\"{hundred}xx\"}} {count}\n"));
        }
        let busy = self.calls.held();
        text.push_str(&format!(
            "# HELP mcc_http_requests_active Requests that are worked on now.\n\
             # TYPE mcc_http_requests_active gauge\n\
             mcc_http_requests_active {busy}\n"
        ));
        text + &self.crowd.text() + &metrics::text()
    }

    /// Lets a request through to `serve`, or answers it.
    pub(super) async fn passed<F: Future<Output = Response>>(
        &self,
        request: Request,
        serve: impl FnOnce(Request) -> F,
    ) -> Response {
        let since = Instant::now();
        // Most servers log no requests, and what would be logged is not copied for nothing.
        let logged = tracing::enabled!(target: "access", tracing::Level::INFO).then(|| {
            let path = mcc_catalogs::cut(request.uri().path(), 100).into_owned();
            (request.method().clone(), path)
        });
        let mut passing = Passing { gate: self, logged, since, status: LEFT };
        let response = self.answered(request, serve).await;
        passing.status = response.status().as_u16();
        response
    }

    async fn answered<F: Future<Output = Response>>(
        &self,
        request: Request,
        serve: impl FnOnce(Request) -> F,
    ) -> Response {
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        if reads && request.uri().path() == HEALTH {
            return plain(StatusCode::OK, "ok\n");
        }
        let page = match self.allowed.checked(request.uri(), request.headers()) {
            Ok(page) => page,
            Err((status, why)) => return plain(status, why),
        };
        let mut response = self.known(request, &page, reads, serve).await;
        page.marks(response.headers_mut());
        response
    }

    /// The answer to who may ask.
    async fn known<F: Future<Output = Response>>(
        &self,
        request: Request,
        page: &Page,
        reads: bool,
        serve: impl FnOnce(Request) -> F,
    ) -> Response {
        let path = request.uri().path();
        let metrics = path == METRICS;
        // Before the token: clients look for addresses of OAuth, and a refusal would tell them that they are there.
        if !metrics && path.strip_suffix('/').unwrap_or(path) != PATH {
            return plain(StatusCode::NOT_FOUND, "there is nothing here; the endpoint is /mcp\n");
        }
        if page.asks(request.method(), request.headers()) {
            let mut response = empty(StatusCode::NO_CONTENT);
            Page::may(request.headers(), response.headers_mut());
            return response;
        }
        if !self.lets_in(request.headers()) {
            let why = "this server wants its token: Authorization: Bearer TOKEN\n";
            let mut response = plain(StatusCode::UNAUTHORIZED, why);
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return response;
        }
        match (metrics, reads) {
            (false, _) => serve(request).await,
            (true, true) => plain(StatusCode::OK, self.text()),
            (true, false) => {
                let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
                response
            }
        }
    }

    /// Works on a call of `client`, once it has come as a whole.
    pub(super) async fn called(
        &self,
        client: IpAddr,
        work: impl Future<Output = Response>,
    ) -> Response {
        let Some(_room) = self.calls.one(client) else {
            return busy();
        };
        let since = Instant::now();
        let late = || plain(StatusCode::GATEWAY_TIMEOUT, "it took too long\n");
        // Each timer costs as much as a small tool: most turns come at once, and most calls end in theirs.
        let Ok(turn) = tokio::time::timeout(TIME, Turn::of(client)).await else { return late() };
        let mut work = pin!(work);
        if let Ok(response) = tokio::time::timeout(TURN, work.as_mut()).await {
            return response;
        }
        // It waits for something that is not this thread.
        drop(turn);
        let left = TIME.saturating_sub(since.elapsed());
        tokio::time::timeout(left, work).await.unwrap_or_else(|_| late())
    }
}

/// The status of a request whose client left before there was an answer, as nginx counts and logs them.
const LEFT: u16 = 499;

/// A request that is counted and logged when it ends, with an answer or because its client left.
struct Passing<'a> {
    gate: &'a Gate,
    /// Its method and path, where requests are logged.
    logged: Option<(Method, String)>,
    since: Instant,
    status: u16,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.gate.count(self.status);
        if let Some((method, path)) = &self.logged {
            // Neither headers nor bodies: both may hold what is nobody's business.
            tracing::info!(
                target: "access",
                %method,
                path,
                status = self.status,
                ms = self.since.elapsed().as_secs_f64() * 1e3,
            );
        }
    }
}

/// Where there is no room, neither for this nor for what was sent behind it on the same connection.
pub(super) fn busy() -> Response {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "busy: try again in a second\n");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Compares in a time that tells nothing of where the two differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn plain(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use super::*;
    use crate::HttpOptions;

    fn gate(token: Option<&str>) -> Gate {
        let http = HttpOptions {
            address: ([127, 0, 0, 1], 0).into(),
            allowed_hosts: Vec::new(),
            allowed_origins: vec!["https://app.example.com".to_owned()],
            token: None,
            open: false,
            proxies: Vec::new(),
        };
        Gate::new(token.map(str::to_owned), Allowed::new(&http).unwrap(), Crowd::of(8))
    }

    #[test]
    fn only_the_token_opens() {
        let gate = gate(Some("secret-token"));
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            gate.lets_in(&headers)
        };
        assert!(with("Bearer secret-token") && with("bearer secret-token"));
        for wrong in [
            "Bearer secret-toke",
            "Bearer secret-tokem",
            "Basic secret-token",
            "secret-token",
            "Bearer ",
        ] {
            assert!(!with(wrong), "{wrong}");
        }
        assert!(!gate.lets_in(&HeaderMap::new()));
        assert!(super::tests::gate(None).lets_in(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn the_access_log_has_neither_query_nor_content() {
        let (mut log, writer) = std::io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(Arc::new(writer)).finish();
        let logging = tracing::subscriber::set_default(subscriber);
        let gate = gate(None);
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/{}?secret=query", "p".repeat(200)))
            .header("host", "localhost")
            .header(AUTHORIZATION, "secret header")
            .body(Body::from("secret body"))
            .unwrap();
        let serve = |_| async { plain(StatusCode::IM_A_TEAPOT, "secret answer") };
        let response = gate.passed(request, serve).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(gate.text().contains("status=\"4xx\"} 1"), "{}", gate.text());
        drop(logging);
        let mut lines = String::new();
        log.read_to_string(&mut lines).unwrap();
        for said in ["POST", "404", "ms="] {
            assert!(lines.contains(said), "{said}: {lines}");
        }
        assert!(lines.contains(&"p".repeat(99)) && !lines.contains(&"p".repeat(100)), "{lines}");
        assert!(!lines.contains("secret"), "{lines}");
    }
}
