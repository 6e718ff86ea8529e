//! What is no message, on every transport: what to answer to it, in JSON-RPC.

use std::fmt;
use std::marker::PhantomData;

use rmcp::model::{
    CallToolRequest, CallToolRequestMethod, CallToolRequestParams, ClientJsonRpcMessage,
    InputResponses, JsonObject, JsonRpcVersion2_0, RequestId, RequestMetaObject,
};
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A message as it came is not valid JSON.
const PARSE_ERROR: i32 = -32700;
/// It is, and no message.
pub(super) const INVALID_REQUEST: i32 = -32600;

/// The longest part of an unreadable message's id that is repeated.
const LONGEST_ID: usize = 256;

/// What is to be done with something that is not a message.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// It is answered with an error.
    Refused {
        /// The id of the message, if it has a usable one.
        id: Value,
        /// The code of JSON-RPC.
        code: i32,
        /// The reason.
        why: String,
    },
    /// It is a notification, or an answer to us: neither is ever answered.
    Unanswered(&'static str),
}

impl Fault {
    /// A refusal of what has no id.
    pub(super) fn new(code: i32, why: impl Into<String>) -> Self {
        Self::Refused { id: Value::Null, code, why: why.into() }
    }

    /// The answer, where one is due.
    pub(super) fn answer(&self) -> Option<Value> {
        let Self::Refused { id, code, why } = self else { return None };
        Some(json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": why}}))
    }
}

/// Reads a message.
///
/// # Errors
/// What it is instead.
pub(super) fn read(bytes: &[u8]) -> Result<ClientJsonRpcMessage, Fault> {
    match tool_call(bytes) {
        Some(call) => Ok(call.message()),
        None => serde_json::from_slice(bytes).map_err(|_| fault(bytes)),
    }
}

/// A call of a tool.
pub(super) struct ToolCall {
    pub(super) id: RequestId,
    pub(super) params: CallToolRequestParams,
    /// What is said about the request.
    pub(super) meta: Option<RequestMetaObject>,
}

impl ToolCall {
    fn message(self) -> ClientJsonRpcMessage {
        // As rmcp does: what is said about a request is kept beside it.
        let mut request = CallToolRequest::new(self.params);
        if let Some(meta) = self.meta {
            request.extensions.insert(meta);
        }
        ClientJsonRpcMessage::request(request.into(), self.id)
    }
}

/// A call of a tool with its usual members. To find out what a message is, rmcp tries all kinds one after the other,
/// which takes as long as many a call; so the usual kind is read at once, and anything else is left to rmcp.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "version and method are read to be checked")]
struct Written {
    jsonrpc: JsonRpcVersion2_0,
    id: RequestId,
    method: CallToolRequestMethod,
    params: Object<Params>,
}

/// All that rmcp knows of its parameters. What serde ignores it does not look at either, whether it is JSON or not: with
/// any other member a call is left to rmcp.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    #[serde(rename = "_meta")]
    meta: Option<RequestMetaObject>,
    name: String,
    arguments: Option<JsonObject>,
    input_responses: Option<InputResponses>,
    request_state: Option<String>,
}

pub(super) fn tool_call(bytes: &[u8]) -> Option<ToolCall> {
    let Object(Written { id, params: Object(read), .. }) = serde_json::from_slice(bytes).ok()?;
    let mut params = CallToolRequestParams::new(read.name);
    params.arguments = read.arguments;
    params.input_responses = read.input_responses;
    params.request_state = read.request_state;
    Some(ToolCall { id, params, meta: read.meta })
}

/// What is written as a JSON object, and not as a list of its members.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

/// What is wrong with `bytes`, which are no message.
pub(super) fn fault(bytes: &[u8]) -> Fault {
    // Nesting beyond serde's limit of 128 levels counts as not JSON.
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(bytes) {
        return Fault::new(PARSE_ERROR, format!("parse error: {error}"));
    }
    let members = match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => members,
        Ok(Value::Array(_)) => {
            let why = "batches are not part of MCP; send one message at a time";
            return Fault::new(INVALID_REQUEST, why);
        }
        Ok(_) => return Fault::new(INVALID_REQUEST, "a message is a JSON object"),
        // What can be skipped cannot always be kept, such as the number 1e400.
        Err(error) => return Fault::new(PARSE_ERROR, format!("parse error: {error}")),
    };
    let has = |name: &str| members.contains_key(name);
    if !has("method") && (has("result") || has("error")) {
        return Fault::Unanswered("this is no valid answer");
    }
    if !has("id") && members.get("method").is_some_and(Value::is_string) {
        return Fault::Unanswered("this is no valid notification");
    }
    let own = members.get("id").cloned().unwrap_or_default();
    // What rmcp takes: not each whole number fits, and 1.0 is one.
    let usable = serde_json::from_value::<RequestId>(own.clone()).is_ok();
    let id = match own {
        Value::String(text) if text.len() > LONGEST_ID => Value::Null,
        Value::Number(number) if number.is_u64() => number.into(),
        own if usable => own,
        _ => Value::Null,
    };
    // None is as good as null, both here and for rmcp.
    let no_object =
        |value: Option<&Value>| value.is_some_and(|value| !value.is_object() && !value.is_null());
    let params = members.get("params");
    let why = if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        "`jsonrpc` is \"2.0\""
    } else if !members.get("method").is_some_and(Value::is_string) {
        "`method` is a string"
    } else if !usable {
        "`id` is a string or a whole number from -2^63 to 2^63 - 1, and never null"
    } else if has("result") || has("error") {
        "a request has neither `result` nor `error`"
    } else if no_object(params) {
        "`params` is an object"
    } else if no_object(params.and_then(|params| params.get("_meta"))) {
        "`_meta` is an object"
    } else {
        "no member is there twice"
    };
    Fault::Refused { id, code: INVALID_REQUEST, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_told_apart() {
        let deep = "[".repeat(100_000);
        let long =
            format!("{{\"jsonrpc\":\"1\",\"id\":\"{}\",\"method\":\"ping\"}}", "x".repeat(999));
        for (text, code, id) in [
            (&b""[..], PARSE_ERROR, json!(null)),
            (b"nonsense", PARSE_ERROR, json!(null)),
            (b"{\"jsonrpc\":", PARSE_ERROR, json!(null)),
            (b"{\"a\":\"\xff\xfe\"}", PARSE_ERROR, json!(null)),
            (b"\xff\xfe{}", PARSE_ERROR, json!(null)),
            (b"{} {}", PARSE_ERROR, json!(null)),
            (deep.as_bytes(), PARSE_ERROR, json!(null)),
            (
                br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"b":1e400}}}"#,
                PARSE_ERROR,
                json!(null),
            ),
            (b"[]", INVALID_REQUEST, json!(null)),
            (br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, INVALID_REQUEST, json!(null)),
            (b"null", INVALID_REQUEST, json!(null)),
            (b"1", INVALID_REQUEST, json!(null)),
            (b"{}", INVALID_REQUEST, json!(null)),
            (br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, INVALID_REQUEST, json!(1)),
            (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST, json!(null)),
            (br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, INVALID_REQUEST, json!(null)),
            (br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, INVALID_REQUEST, json!(null)),
            (br#"{"jsonrpc":"2.0","id":"a","method":7}"#, INVALID_REQUEST, json!("a")),
            (br#"{"jsonrpc":"2.0","id":3,"method":"ping","method":"ping"}"#, INVALID_REQUEST, json!(3)),
            (br#"{"jsonrpc":"2.0","id":3,"method":"ping","result":{}}"#, INVALID_REQUEST, json!(3)),
            (long.as_bytes(), INVALID_REQUEST, json!(null)),
        ] {
            let shown = String::from_utf8_lossy(text.get(..text.len().min(90)).unwrap());
            let fault = read(text).expect_err(&shown);
            let answer = fault.answer().expect(&shown);
            assert_eq!(answer.pointer("/error/code"), Some(&json!(code)), "{shown}: {answer}");
            assert_eq!(answer.get("id"), Some(&id), "{shown}: {answer}");
        }
    }

    #[test]
    fn the_reason_is_the_right_one() {
        let long = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":\"{}\",\"method\":\"ping\",\"result\":1}}",
            "x".repeat(999)
        );
        for (text, id, word) in [
            (
                r#"{"jsonrpc":"2.0","id":9223372036854775808,"method":"ping"}"#,
                json!(1_u64 << 63),
                "`id`",
            ),
            (r#"{"jsonrpc":"2.0","id":1e30,"method":"ping"}"#, json!(null), "`id`"),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, json!(null), "`id`"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, json!(null), "`id`"),
            (r#"{"jsonrpc":"2.0","id":1.0,"method":"ping","result":1}"#, json!(1.0), "neither"),
            (&long, json!(null), "neither"),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":[]}}"#,
                json!(1),
                "`_meta`",
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":7}}"#,
                json!(1),
                "`_meta`",
            ),
            (r#"{"jsonrpc":"2.0","id":3,"method":"ping","method":"ping"}"#, json!(3), "twice"),
        ] {
            let fault = read(text.as_bytes()).expect_err(text);
            let Fault::Refused { id: own, why, .. } = &fault else { panic!("{text}: {fault:?}") };
            assert!(own == &id && why.contains(word), "{text}: {fault:?}");
        }
    }

    #[test]
    fn calls_are_read_as_rmcp_reads_them() {
        for (text, at_once) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#, true),
            (
                r#" {"params":{"_meta":{"progressToken":"x"},"arguments":{"b":[1,2.5,{"c":null}]},"name":"a"},"method":"tools/call","id":"y","jsonrpc":"2.0"} "#,
                true,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1.0,"method":"tools/call","params":{"name":"a","arguments":null,"requestState":"s","_meta":null}}"#,
                true,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"more":1}"#,
                false,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","more":1}}"#,
                false,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","more":"\ud800"}}"#,
                false,
            ),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, false),
            (r#"["2.0",1,"tools/call",{"name":"a"}]"#, false),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[null,"a",null,null,null]}"#,
                false,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"result":{}}"#,
                false,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"tools/call","params":{"name":"a"}}"#,
                false,
            ),
        ] {
            let found = tool_call(text.as_bytes()).map(ToolCall::message);
            assert_eq!(found.is_some(), at_once, "{text}");
            let whole = serde_json::from_str::<ClientJsonRpcMessage>(text);
            if let Some(found) = found {
                // The members that are written out include what is kept beside the request.
                let whole = whole.expect(text);
                assert_eq!(format!("{found:?}"), format!("{whole:?}"), "{text}");
                let json = |message| serde_json::to_value(message).expect(text);
                assert_eq!(json(&found), json(&whole), "{text}");
            }
        }
    }

    #[test]
    fn notifications_and_answers_are_not_answered() {
        for text in [
            r#"{"jsonrpc":"1.0","method":"notifications/initialized"}"#,
            r#"{"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":{},"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":7}"#,
        ] {
            let fault = read(text.as_bytes()).expect_err(text);
            assert!(fault.answer().is_none(), "{text}");
        }
    }
}
