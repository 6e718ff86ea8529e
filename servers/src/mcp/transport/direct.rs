//! Calls of tools over HTTP, answered at once. For each request rmcp finds out what the message is by trying every kind,
//! and sets up a service with a task and two channels, which takes longer than most tools. A usual call of a client of
//! one of the revisions with `initialize` needs none of it; every other request is left to rmcp.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use rmcp::model::{ProtocolVersion, RequestMetaObject, ServerJsonRpcMessage, ServerResult};

use super::message::{self, ToolCall};
use crate::mcp::handler::Handler;
use crate::mcp::slot::Slot;

/// The revision that a client speaks.
const REVISION: &str = "mcp-protocol-version";
/// What is said about many calls and means nothing here, where none reports progress.
const PROGRESS: &str = "progressToken";
/// What rmcp wants to see in `Accept`, and what it is set to where a client takes JSON.
pub(super) const BOTH: &str = "application/json, text/event-stream";

/// The call in `body`, where rmcp has nothing to find out about it.
pub(super) fn call(headers: &HeaderMap, body: &[u8]) -> Option<ToolCall> {
    let accepts = headers.get_all(ACCEPT).iter().eq([BOTH]);
    let mut revisions = headers.get_all(REVISION).iter();
    let earlier = match (revisions.next(), revisions.next()) {
        (None, _) => true,
        (Some(one), None) => ProtocolVersion::KNOWN_VERSIONS.iter().any(|known| {
            one == known.as_str() && known.as_str() < ProtocolVersion::STANDARD_HEADERS.as_str()
        }),
        _ => false,
    };
    if !accepts || !earlier {
        return None;
    }
    // What is said about a request beside its parameters may be about its revision.
    let plain = |meta: &RequestMetaObject| meta.0.0.keys().all(|key| key == PROGRESS);
    message::tool_call(body).filter(|call| call.meta.as_ref().is_none_or(plain))
}

/// What rmcp would answer to it.
pub(super) async fn answer(handler: &Handler, ToolCall { id, params, .. }: ToolCall) -> Response {
    let slot = Slot::default();
    let message = match handler.called(params, false, Some(&slot)).await.map(ServerResult::from) {
        Ok(mut result) => {
            result.strip_result_type_for_legacy_peer();
            ServerJsonRpcMessage::response(result, id)
        }
        Err(error) => ServerJsonRpcMessage::error(error, Some(id)),
    };
    let written = serde_json::to_vec(&message).ok().and_then(|message| slot.inserted(message));
    let Some(body) = written else {
        tracing::error!("an answer that cannot be written");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
