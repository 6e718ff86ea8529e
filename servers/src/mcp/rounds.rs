//! Calls of several rounds: a tool asks with a form, the client calls again with what was filled in,
//! and with the state that it was given, which holds the answers of earlier rounds.
//!
//! Nothing is kept here between rounds, so the state is all there is, and the client could change it.
//! It is therefore authenticated: HMAC-SHA256 over the answers, the time until which they are good,
//! the tool and its arguments. It is not encrypted, and answers that look like secrets are refused
//! before they get there. The same state may come twice: the same call with the same answers does
//! nothing that the caller could not do with arguments.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use rmcp::model::{InputRequiredResult, InputResponses, RequestStateCodec, SealOptions};
use serde_json::{Value, json};

use crate::mcp::error::{Problem, ServeError, ToolError};
use crate::mcp::guard;
use crate::mcp::schema::JsonObject;
use crate::mcp::server::{Answered, Call, Reply, Tool};

/// The name of the one form in an answer that asks for input.
const FORM: &str = "inputs";
/// How long a user may take to fill in a form.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The longest state, in bytes.
const MAX_STATE: usize = 64 * 1024;
/// What a state holds: the values that were filled in, and how many requests look-ups left.
const VALUES: &str = "values";
const LEFT: &str = "left";
/// The longest key, in bytes: a file that is longer is not one.
const MAX_KEY: usize = 4096;

/// The key for what clients carry from one round of a call to the next. Processes that serve the
/// same clients need the same one; without one, each process makes its own.
#[derive(Debug, Clone)]
pub struct StateKey(RequestStateCodec);

impl StateKey {
    /// Takes a key without the line end that it may have.
    ///
    /// # Errors
    /// It is too short or too long.
    pub fn new(key: &[u8]) -> Result<Self, ServeError> {
        let key = key.strip_suffix(b"\n").unwrap_or(key);
        let key = key.strip_suffix(b"\r").unwrap_or(key);
        let (length, least) = (key.len(), RequestStateCodec::MIN_KEY_LENGTH);
        let refused = || ServeError::StateKeyLength { length, least, most: MAX_KEY };
        if length > MAX_KEY {
            return Err(refused());
        }
        RequestStateCodec::try_new(key).map(Self).map_err(|_| refused())
    }

    /// Reads a key from a file.
    ///
    /// # Errors
    /// The file cannot be read, or the key in it is too short or too long.
    pub fn read(path: &Path) -> Result<Self, ServeError> {
        // With the line end that the longest may have.
        match mcc_files::read(path, u64::try_from(MAX_KEY + 2).unwrap_or(u64::MAX)) {
            Ok(key) => Self::new(&key),
            Err(error) => Err(ServeError::StateKey { path: path.to_owned(), source: error.reason }),
        }
    }
}

/// Seals and opens the state of calls.
#[derive(Debug)]
pub(crate) struct Rounds {
    /// Made when it is first needed if no key was given: most servers never ask.
    codec: OnceLock<RequestStateCodec>,
    lifetime: Duration,
}

impl Default for Rounds {
    fn default() -> Self {
        Self { codec: OnceLock::new(), lifetime: LIFETIME }
    }
}

impl From<StateKey> for Rounds {
    fn from(key: StateKey) -> Self {
        Self { codec: OnceLock::from(key.0), ..Self::default() }
    }
}

impl Rounds {
    fn codec(&self) -> Result<&RequestStateCodec, ToolError> {
        if let Some(codec) = self.codec.get() {
            return Ok(codec);
        }
        let mut key = [0; RequestStateCodec::MIN_KEY_LENGTH];
        getrandom::fill(&mut key)
            .map_err(|_| ToolError::internal("the system gives no random numbers"))?;
        let codec = RequestStateCodec::try_new(key)
            .map_err(|_| ToolError::internal("the key for forms is too short"))?;
        Ok(self.codec.get_or_init(|| codec))
    }

    fn seal(
        &self,
        tool: &str,
        arguments: &JsonObject,
        answered: &Answered,
    ) -> Result<String, ToolError> {
        let bound = bound_to(tool, arguments);
        let options = SealOptions::new().associated_data(bound.as_bytes()).ttl(self.lifetime);
        let payload = json!({VALUES: answered.values, LEFT: answered.left}).to_string();
        let state = self.codec()?.seal_with(payload.as_bytes(), &options);
        if state.len() > MAX_STATE {
            // Rather than a form whose answer would be refused.
            let message = "the answers to forms are too long to be carried on";
            return Err(ToolError::of(
                "too_long",
                Problem { message: message.to_owned(), ..Problem::default() }
                    .fix("give them as arguments"),
            ));
        }
        Ok(state)
    }

    fn open(&self, tool: &str, arguments: &JsonObject, state: &str) -> Result<Answered, ToolError> {
        if state.len() > MAX_STATE {
            return Err(refused());
        }
        let opened = self.codec()?.open_with(state, bound_to(tool, arguments).as_bytes());
        let payload = opened.map_err(|error| {
            // Which of the reasons it is would help nobody but a forger.
            tracing::debug!(tool, %error, "a requestState is refused");
            refused()
        })?;
        let mut carried: JsonObject = serde_json::from_slice(&payload).map_err(|_| refused())?;
        let Some(Value::Object(values)) = carried.remove(VALUES) else { return Err(refused()) };
        let left = carried.get(LEFT).and_then(Value::as_u64);
        let left = left.and_then(|left| usize::try_from(left).ok());
        Ok(Answered { values, left, ..Answered::default() })
    }

    /// Collects what the user filled in: earlier rounds come back in the state, the last one in the
    /// responses.
    ///
    /// # Errors
    /// `invalid_state` if the state is not one that was given for this call, or no longer good.
    pub(crate) fn answered(
        &self,
        tool: &Tool,
        arguments: &JsonObject,
        state: Option<&str>,
        responses: Option<InputResponses>,
    ) -> Result<Answered, ToolError> {
        let mut answered = Answered::default();
        if let Some(state) = state {
            // Arguments of any size are not worth the work of comparing them.
            guard::within_limits(tool, arguments)?;
            answered = self.open(tool.name, arguments, state)?;
        }
        if let Some(mut response) = responses.and_then(|mut responses| responses.remove(FORM)) {
            let content = response.get_mut("content").map(Value::take);
            match (response.get("action").and_then(Value::as_str), content) {
                (Some("accept"), Some(Value::Object(content))) => answered.values.extend(content),
                (Some("accept"), _) => {}
                _ => answered.declined = true,
            }
        }
        Ok(answered)
    }
}

/// What a state is good for: one tool with the same arguments, in whatever order.
fn bound_to(tool: &str, arguments: &JsonObject) -> String {
    let mut call = json!([tool, arguments]);
    call.sort_all_objects();
    call.to_string()
}

fn refused() -> ToolError {
    let problem = Problem {
        why: Some(
            "it is good for an hour, for the same tool with the same arguments, and for servers \
             with the same key; and it has to come back unchanged"
                .to_owned(),
        ),
        ..Problem::of(
            "requestState",
            "it is not one that this server gave for this call, or too old",
        )
    };
    ToolError::of(
        "invalid_state",
        problem.fix("call the tool again without requestState and inputResponses"),
    )
}

impl Call {
    /// Asks the user with a form whose fields `schema` describes; the client calls again with what is
    /// filled in, and with what was filled in before.
    pub(crate) fn ask(&self, message: &str, schema: &Value) -> Result<Reply, ToolError> {
        let rounds = &self.context.rounds;
        let form = json!({
            "resultType": "input_required",
            "requestState": rounds.seal(self.tool, &self.arguments, &self.answered)?,
            "inputRequests": {FORM: {
                "method": "elicitation/create",
                "params": {"mode": "form", "message": message, "requestedSchema": schema},
            }},
        });
        serde_json::from_value::<InputRequiredResult>(form)
            .map(|form| Reply::Ask(Box::new(form)))
            .map_err(|error| ToolError::internal(&format!("the form is not one: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"a key of thirty-two bytes or more";

    fn object(value: Value) -> JsonObject {
        let Value::Object(object) = value else { panic!("an object") };
        object
    }

    fn with(key: &[u8]) -> Rounds {
        StateKey::new(key).unwrap().into()
    }

    fn sealed(rounds: &Rounds) -> String {
        rounds.seal("ask", &object(json!({"a": 1, "b": {"c": 2, "d": 3}})), &values()).unwrap()
    }

    fn values() -> Answered {
        let values = object(json!({"first": "one", "second": [2]}));
        Answered { values, left: Some(7), ..Answered::default() }
    }

    fn opened(rounds: &Rounds, tool: &str, arguments: Value, state: &str) -> Option<Answered> {
        match rounds.open(tool, &object(arguments), state) {
            Ok(values) => Some(values),
            Err(error) => {
                assert_eq!(error, refused());
                None
            }
        }
    }

    #[test]
    fn a_state_is_good_for_its_call_and_no_other() {
        let same = || json!({"b": {"d": 3, "c": 2}, "a": 1});
        for rounds in [Rounds::default(), with(KEY)] {
            let state = sealed(&rounds);
            assert_eq!(opened(&rounds, "ask", same(), &state), Some(values()));
            assert_eq!(opened(&rounds, "echo", same(), &state), None);
            for other in [json!({}), json!({"a": 1}), json!({"a": 2, "b": {"c": 2, "d": 3}})] {
                assert_eq!(opened(&rounds, "ask", other, &state), None);
            }
            // Another process: with its own key, with another, with the same.
            assert_eq!(opened(&Rounds::default(), "ask", same(), &state), None);
            let other = with(b"another key of thirty-two bytes..");
            assert_eq!(opened(&other, "ask", same(), &state), None);
        }
        let state = sealed(&with(KEY));
        assert_eq!(opened(&with(KEY), "ask", same(), &state), Some(values()));
    }

    #[test]
    fn a_state_that_is_changed_forged_or_old_is_refused() {
        let rounds = with(KEY);
        let arguments = || json!({"a": 1, "b": {"c": 2, "d": 3}});
        let state = sealed(&rounds);
        for at in 0..state.len() {
            for flip in [1, 2, 32] {
                let mut changed = state.clone().into_bytes();
                changed[at] ^= flip;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(opened(&rounds, "ask", arguments(), &changed), None, "{at}: {changed}");
            }
            assert_eq!(opened(&rounds, "ask", arguments(), &state[..at]), None, "{at}");
        }
        let unsigned = Value::Object(values().values).to_string();
        let long = "x".repeat(MAX_STATE + 1);
        for forged in
            ["", ".", "..", "rs1", "rs1..", "rs2....", "rs1.é.é", "{}", "\0", &unsigned, &long]
        {
            assert_eq!(opened(&rounds, "ask", arguments(), forged), None, "{forged:.20}");
        }
        assert_eq!(opened(&rounds, "ask", arguments(), &format!("{state}.")), None);
        assert_eq!(opened(&rounds, "ask", arguments(), &format!("{state} ")), None);

        let short = Rounds { lifetime: Duration::from_millis(1), ..with(KEY) };
        let state = sealed(&short);
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(opened(&short, "ask", arguments(), &state), None);
    }

    #[test]
    fn what_would_be_refused_is_not_given() {
        let nothing = JsonObject::new();
        let of = |length: usize| Answered {
            values: object(json!({"first": "x".repeat(length)})),
            ..Answered::default()
        };
        let long = of(MAX_STATE);
        let error = Rounds::default().seal("ask", &nothing, &long).unwrap_err();
        assert_eq!(error.code, "too_long");
        let fits = of(32 * 1024);
        let rounds = Rounds::default();
        let state = rounds.seal("ask", &nothing, &fits).unwrap();
        assert_eq!(rounds.open("ask", &nothing, &state).unwrap(), fits);
    }

    #[test]
    fn a_key_has_a_length_and_is_never_shown() {
        // The line end is not part of the key.
        let ended = [&KEY[..31], b"\n"].concat();
        for bad in [vec![], KEY[..31].to_vec(), ended, vec![b'x'; MAX_KEY + 1]] {
            let error = StateKey::new(&bad).unwrap_err().to_string();
            assert!(error.contains("at least 32"), "{error}");
        }
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("key");
        std::fs::write(&file, [KEY, b"\r\n"].concat()).unwrap();
        let state = sealed(&StateKey::read(&file).unwrap().into());
        assert!(
            opened(&with(KEY), "ask", json!({"a": 1, "b": {"c": 2, "d": 3}}), &state).is_some()
        );
        std::fs::write(&file, vec![b'x'; 1024 * 1024]).unwrap();
        assert!(StateKey::read(&file).is_err());
        let none = StateKey::read(&place.path().join("none")).unwrap_err();
        assert!(none.to_string().contains("none"), "{none}");
        let shown = format!("{:?}", with(KEY));
        assert!(!shown.contains("thirty") && !shown.contains("97, 32, 107"), "{shown}");
    }
}
