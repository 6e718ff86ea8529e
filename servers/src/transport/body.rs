//! What rmcp leaves plain: bodies that are no request are answered in JSON-RPC with the reason, and
//! a client that accepts anything is served.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use serde::de::IgnoredAny;
use serde_json::json;

/// The longest body in bytes: a project's files fit several times.
pub(super) const MAX_BODY: usize = 4 * 1024 * 1024;
/// How long a client may take to send it.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Reads the body and hands the rest on.
///
/// # Errors
/// The answer to what is not one JSON object.
pub(super) async fn checked(request: Request) -> Result<Request, Response> {
    if request.method() != Method::POST {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let bytes = match tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            return Err(refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                -32600,
                &format!("the body could not be read, or has more than {MAX_BODY} bytes"),
            ));
        }
        Err(_) => {
            return Err(refusal(StatusCode::REQUEST_TIMEOUT, -32600, "the body took too long"));
        }
    };
    if let Some(refused) = not_one_message(&bytes) {
        return Err(refused);
    }
    accept_both(&mut parts.headers);
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// The refusal of a body that is not JSON, or not one object. Nesting beyond serde's limit of 128
/// levels counts as not JSON.
fn not_one_message(bytes: &Bytes) -> Option<Response> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(bytes) {
        let why = format!("parse error: {error}");
        return Some(refusal(StatusCode::BAD_REQUEST, -32700, &why));
    }
    match first {
        Some(b'{') => None,
        Some(b'[') => Some(refusal(
            StatusCode::BAD_REQUEST,
            -32600,
            "batches are not part of MCP; send one message per request",
        )),
        _ => Some(refusal(StatusCode::BAD_REQUEST, -32600, "a message is a JSON object")),
    }
}

fn refusal(status: StatusCode, code: i32, message: &str) -> Response {
    let body = json!({
        "jsonrpc": "2.0",
        "id": null,
        "error": {"code": code, "message": message},
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// MCP clients name both of its media types. Plain HTTP clients say `*/*` or nothing, which means
/// the same, and which rmcp would refuse.
fn accept_both(headers: &mut HeaderMap) {
    let anything = headers.get_all(ACCEPT).iter().all(|value| {
        value.to_str().is_ok_and(|text| text.split(',').any(|part| part.trim() == "*/*"))
    });
    if anything {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    }
}
