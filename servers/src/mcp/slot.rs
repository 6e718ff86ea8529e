//! Structured content. rmcp takes it as a tree of values, and to build that tree, write it and drop it takes longer
//! than most tools take for their answers. So what a tool answers is written as text at once and kept in a slot of its
//! request, rmcp is given an empty object in its place, and the text is put there when the response goes out.

use std::sync::{Arc, OnceLock};

use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use rmcp::model::Extensions;
use serde_json::Value;

use crate::mcp::schema::JsonObject;

/// How rmcp writes the empty object. No text of a client or a tool looks like it: inside of a text the
/// quotes are escaped.
const PLACE: &[u8] = br#""structuredContent":{}"#;
/// Of that, what stays.
const KEPT: usize = PLACE.len() - 2;

/// Where the structured content of one request's answer is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot(Arc<OnceLock<Vec<u8>>>);

impl Slot {
    /// The slot of the request that a handler was called for; none on transports without.
    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get().or_else(|| extensions.get::<Parts>()?.extensions.get())
    }

    /// Keeps `json`, which is an object, and returns what to give rmcp instead.
    pub(crate) fn keep(&self, json: Vec<u8>) -> Value {
        // One request has one answer.
        let _ = self.0.set(json);
        Value::Object(JsonObject::new())
    }

    /// The message `text` with what was kept, if anything was; none where it has no place for it.
    pub(crate) fn filled(&self, text: String) -> Option<String> {
        String::from_utf8(self.inserted(text.into_bytes())?).ok()
    }

    /// The same in bytes.
    pub(crate) fn inserted(&self, message: Vec<u8>) -> Option<Vec<u8>> {
        match self.0.get() {
            None => Some(message),
            Some(json) => inserted(&message, json),
        }
    }

    /// The response with what was kept, if anything was.
    pub(crate) async fn put(&self, response: Response) -> Response {
        let Some(json) = self.0.get() else {
            return response;
        };
        let (mut parts, body) = response.into_parts();
        let whole = match to_bytes(body, usize::MAX).await {
            Ok(bytes) => inserted(&bytes, json),
            Err(_) => None,
        };
        match whole {
            Some(whole) => {
                parts.headers.remove(CONTENT_LENGTH);
                Response::from_parts(parts, Body::from(whole))
            }
            None => {
                tracing::error!("an answer without a place for its structured content");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// `body` with `json` in place of the empty object.
fn inserted(body: &[u8], json: &[u8]) -> Option<Vec<u8>> {
    // It is near the end, behind the text.
    let at = body.windows(PLACE.len()).rposition(|window| window == PLACE)?;
    let mut whole = Vec::with_capacity(body.len() + json.len());
    whole.extend_from_slice(body.get(..at + KEPT)?);
    whole.extend_from_slice(json);
    whole.extend_from_slice(body.get(at + PLACE.len()..)?);
    Some(whole)
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, ContentBlock};
    use serde_json::json;

    use super::*;

    /// What rmcp writes for an answer whose text is `text`.
    fn written(slot: &Slot, text: &str, structured: &Value) -> Response {
        let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
        result.structured_content = Some(slot.keep(structured.to_string().into_bytes()));
        let message = json!({"jsonrpc": "2.0", "id": text, "result": result});
        Response::new(Body::from(message.to_string()))
    }

    #[tokio::test]
    async fn it_is_put_where_the_empty_object_was_whatever_the_text_says() {
        for text in ["plain", r#""structuredContent":{}"#, r#"\"structuredContent":{}"#, "\\"] {
            let structured = json!({"status": "ok", "said": text, "none": {}});
            let slot = Slot::default();
            let response = slot.put(written(&slot, text, &structured)).await;
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let message: Value = serde_json::from_slice(&body).unwrap();
            let result = message.get("result").unwrap();
            assert_eq!(result.get("structuredContent"), Some(&structured));
            assert_eq!(result.pointer("/content/0/text"), Some(&json!(text)));
            assert_eq!(message.get("id"), Some(&json!(text)));
        }
    }

    #[tokio::test]
    async fn nothing_is_lost_silently() {
        let slot = Slot::default();
        assert_eq!(slot.put(Response::new(Body::from("as it was"))).await.status(), StatusCode::OK);
        slot.keep(b"{}".to_vec());
        let response = slot.put(Response::new(Body::from("no place"))).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
