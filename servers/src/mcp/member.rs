//! One more member at the end of an answer that a tool has made.

use std::fmt::Debug;
use std::io::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::mcp::server::Structured;

/// An answer with one more member.
#[derive(Debug)]
pub(crate) struct With<M> {
    pub(crate) answer: Box<dyn Structured>,
    pub(crate) name: &'static str,
    pub(crate) member: M,
}

impl<M: Serialize + Debug + Send> Structured for With<M> {
    fn value(&self) -> serde_json::Result<Value> {
        let mut value = self.answer.value()?;
        if let Value::Object(members) = &mut value {
            members.insert(self.name.to_owned(), serde_json::to_value(&self.member)?);
        }
        Ok(value)
    }

    fn json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = self.answer.json()?;
        // An answer is an object with a `status`.
        if json.pop() == Some(b'}') {
            write!(json, ",\"{}\":", self.name).map_err(serde_json::Error::io)?;
            serde_json::to_writer(&mut json, &self.member)?;
        }
        json.push(b'}');
        Ok(json)
    }
}
