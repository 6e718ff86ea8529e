//! Arguments that one tool hands to the next.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::mcp::schema::JsonObject;
use crate::mcp::told;

/// Arguments for `plan_project` and `generate_project`, in the order in which they are to be read.
// A list and no map: it is made for every answer and never looked up.
#[derive(Debug, Default)]
pub(crate) struct Inputs(Vec<(&'static str, Value)>);

impl Inputs {
    /// Adds one that is not there yet.
    pub(crate) fn put(&mut self, key: &'static str, value: impl Into<Value>) {
        self.0.push((key, value.into()));
    }
}

impl Serialize for Inputs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl fmt::Display for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&told::escaped(&serde_json::to_string(self).map_err(|_| fmt::Error)?))
    }
}

impl JsonSchema for Inputs {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        JsonObject::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        JsonObject::json_schema(generator)
    }
}
