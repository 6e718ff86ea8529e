//! Bodies of requests: read within limits of time and memory, and what rmcp leaves plain: bodies that are no message
//! are answered in JSON-RPC with the reason, and a client that takes JSON is served.

use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use std::future::poll_fn;

use super::direct::BOTH;
use super::gate::busy;
use super::message::{self, Fault, INVALID_REQUEST};
use crate::mcp::share::Share;

/// The longest body in bytes: a project's files fit several times.
pub(super) const MAX_BODY: usize = 4 * 1024 * 1024;
/// How long a client may take to send it.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A request whose body has come.
pub(super) struct Whole {
    /// The request, ready for rmcp.
    pub(super) request: Request,
    /// Its body.
    pub(super) body: Bytes,
    /// The memory that it takes.
    pub(super) memory: Share<IpAddr>,
}

/// Reads the body of a POST into what `memory` there is.
///
/// # Errors
/// The answer to what is not JSON by its header, too long, or too slow.
pub(super) async fn read(request: Request, mut memory: Share<IpAddr>) -> Result<Whole, Response> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        let why = "the body is JSON, and Content-Type has to be application/json";
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, &Fault::new(INVALID_REQUEST, why)));
    }
    let reading = tokio::time::timeout(BODY_TIME, collected(body, &mut memory));
    let Ok(body) = reading.await else {
        let fault = Fault::new(INVALID_REQUEST, "the body took too long");
        return Err(refusal(StatusCode::REQUEST_TIMEOUT, &fault));
    };
    let body = body?;
    let request = Request::from_parts(parts, Body::from(body.clone()));
    Ok(Whole { request, body, memory })
}

async fn collected(mut body: Body, memory: &mut Share<IpAddr>) -> Result<Bytes, Response> {
    let too_long = || {
        let why = format!("the body has more than {MAX_BODY} bytes");
        refusal(StatusCode::PAYLOAD_TOO_LARGE, &Fault::new(INVALID_REQUEST, why))
    };
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_long());
    }
    // Most bodies come in one piece, which is not copied.
    let mut first = Bytes::new();
    let mut whole: Vec<u8> = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else {
            let fault = Fault::new(INVALID_REQUEST, "the body could not be read");
            return Err(refusal(StatusCode::BAD_REQUEST, &fault));
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len().max(whole.len()) + data.len() > MAX_BODY {
            return Err(too_long());
        }
        if !memory.take(data.len()) {
            return Err(busy());
        }
        if first.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| {
        let essence = value.split_once(';').map_or(value, |(essence, _)| essence);
        essence.trim().eq_ignore_ascii_case("application/json")
    })
}

/// What rmcp answered, or what it should have: it says of a body that it cannot read that its type is not supported.
pub(super) fn mended(response: Response, body: &[u8]) -> Response {
    if response.status() != StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return response;
    }
    let fault = match message::fault(body) {
        Fault::Unanswered(why) => Fault::new(INVALID_REQUEST, why),
        refused @ Fault::Refused { .. } => refused,
    };
    refusal(StatusCode::BAD_REQUEST, &fault)
}

fn refusal(status: StatusCode, fault: &Fault) -> Response {
    let body = fault.answer().map_or_else(Body::empty, |answer| Body::from(answer.to_string()));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// MCP clients name both of its media types, and rmcp insists on both. Others name JSON alone, anything, or nothing;
/// JSON is what they get.
pub(super) fn accept_both(headers: &mut HeaderMap) {
    let taken = headers
        .get_all(ACCEPT)
        .iter()
        .all(|value| value.to_str().is_ok_and(|text| text.split(',').any(takes_json)));
    if taken {
        headers.insert(ACCEPT, HeaderValue::from_static(BOTH));
    }
}

/// Whether JSON is in one media range of an `Accept` header, and not excluded by its weight.
fn takes_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    ["application/json", "application/*", "*/*"].iter().any(|one| essence.eq_ignore_ascii_case(one))
        && !parts.any(|part| {
            part.split_once('=').is_some_and(|(name, weight)| {
                name.eq_ignore_ascii_case("q")
                    && weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_json_is_served() {
        for (accept, served) in [
            (&[][..], true),
            (&["*/*"], true),
            (&["application/json"], true),
            (&["Application/JSON; charset=utf-8"], true),
            (&["application/*"], true),
            (&["text/html, */*;q=0.8"], true),
            (&["text/html"], false),
            (&["text/event-stream"], false),
            (&["application/json;q=0"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, value.parse().unwrap());
            }
            accept_both(&mut headers);
            let both = headers.get(ACCEPT).is_some_and(|value| value == BOTH);
            assert_eq!(both, served, "{accept:?}");
        }
    }
}
