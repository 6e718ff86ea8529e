//! What stands before the endpoint: a token, a limit on requests at once and in time, a health check,
//! metrics, and a log of requests without their content.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::metrics;

/// Requests that are worked on at once; the next ones are told to come back.
const AT_ONCE: usize = 256;
/// How long one request may take.
const TIME: Duration = Duration::from_secs(60);

/// Where it says that it is well: without a token, since load balancers have none.
pub(super) const HEALTH: &str = "/health";
/// Where the metrics are, in the text format of Prometheus.
pub(super) const METRICS: &str = "/metrics";

/// What every request passes.
#[derive(Debug)]
pub(super) struct Gate {
    /// What clients have to send as bearer token.
    token: Option<String>,
    room: Semaphore,
    /// Requests by hundred of their status: 2xx at index 2.
    statuses: [AtomicU64; 6],
}

impl Gate {
    pub(super) fn new(token: Option<String>) -> Self {
        let statuses = std::array::from_fn(|_| AtomicU64::new(0));
        Self { token, room: Semaphore::new(AT_ONCE), statuses }
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

    fn count(&self, status: StatusCode) {
        if let Some(count) = self.statuses.get(usize::from(status.as_u16() / 100)) {
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
        let busy = AT_ONCE - self.room.available_permits();
        text.push_str(&format!(
            "# HELP mcc_http_requests_active Requests that are worked on now.\n\
             # TYPE mcc_http_requests_active gauge\n\
             mcc_http_requests_active {busy}\n"
        ));
        text
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
        let response = self.answered(request, serve).await;
        self.count(response.status());
        if let Some((method, path)) = logged {
            // Neither headers nor bodies: both may hold what is nobody's business.
            tracing::info!(
                target: "access",
                %method,
                path,
                status = response.status().as_u16(),
                ms = since.elapsed().as_secs_f64() * 1e3,
            );
        }
        response
    }

    async fn answered<F: Future<Output = Response>>(
        &self,
        request: Request,
        serve: impl FnOnce(Request) -> F,
    ) -> Response {
        let is_get = request.method() == Method::GET;
        if is_get && request.uri().path() == HEALTH {
            return plain(StatusCode::OK, "ok\n".to_owned());
        }
        if !self.lets_in(request.headers()) {
            let mut response = plain(
                StatusCode::UNAUTHORIZED,
                "this server wants its token: Authorization: Bearer TOKEN\n".to_owned(),
            );
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return response;
        }
        if is_get && request.uri().path() == METRICS {
            return plain(StatusCode::OK, self.text() + &metrics::text());
        }
        let Ok(_room) = self.room.try_acquire() else {
            let mut response =
                plain(StatusCode::SERVICE_UNAVAILABLE, "busy: try again in a second\n".to_owned());
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return response;
        };
        match tokio::time::timeout(TIME, serve(request)).await {
            Ok(response) => response,
            Err(_) => plain(StatusCode::GATEWAY_TIMEOUT, "it took too long\n".to_owned()),
        }
    }
}

/// Compares in a time that tells nothing of where the two differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

fn plain(status: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
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

    #[test]
    fn only_the_token_opens() {
        let gate = Gate::new(Some("secret-token".to_owned()));
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
        assert!(Gate::new(None).lets_in(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn the_access_log_has_neither_query_nor_content() {
        let (mut log, writer) = std::io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(Arc::new(writer)).finish();
        let logging = tracing::subscriber::set_default(subscriber);
        let gate = Gate::new(None);
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/{}?secret=query", "p".repeat(200)))
            .header(AUTHORIZATION, "secret header")
            .body(Body::from("secret body"))
            .unwrap();
        let serve = |_| async { plain(StatusCode::IM_A_TEAPOT, "secret answer".to_owned()) };
        let response = gate.passed(request, serve).await;
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
        assert!(gate.text().contains("status=\"4xx\"} 1"), "{}", gate.text());
        drop(logging);
        let mut lines = String::new();
        log.read_to_string(&mut lines).unwrap();
        for said in ["POST", "418", "ms="] {
            assert!(lines.contains(said), "{said}: {lines}");
        }
        assert!(lines.contains(&"p".repeat(99)) && !lines.contains(&"p".repeat(100)), "{lines}");
        assert!(!lines.contains("secret"), "{lines}");
    }
}
