//! What a call gives: the tool's own arguments, and the generator's inputs beside them.

use mcc_generator::{Finding, Source, Sources};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::core;
use crate::mcp::arguments;
use crate::mcp::error::{Problem, ToolError};
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::settle;

/// Reads the tool's own arguments, and the generator's inputs beside them, which only their types are known of.
///
/// # Errors
/// The tool's own arguments are wrong; what is wrong with the inputs is told with it.
pub(super) fn read<T: DeserializeOwned + 'static>(
    own: fn() -> JsonObject,
    arguments: JsonObject,
) -> Result<(T, JsonObject), ToolError> {
    let (mine, inputs) = split(&arguments::made::<T>(own), arguments);
    let inputs = settled(inputs)?;
    match arguments::read(own, mine) {
        Ok(own) => Ok((own, inputs)),
        Err(mut error) => {
            let merged = Sources::new().with(Source::Flag, inputs).merge();
            error
                .problems
                .extend(merged.findings.into_iter().filter(Finding::is_error).map(problem));
            Err(ToolError::all(&error.code, error.problems))
        }
    }
}

/// The generator's inputs, brought toward their types; what is left out is gone.
///
/// # Errors
/// What was read from JSON text is beyond the limits, or a secret.
pub(super) fn settled(inputs: JsonObject) -> Result<JsonObject, ToolError> {
    let schema = arguments::made::<mcc_generator::Inputs>(|| {
        schema::normalised(mcc_generator::inputs_schema())
    });
    settle::settled(&schema, &[], inputs)
}

/// Parts the arguments into the tool's own and the generator's inputs. What is neither goes where the name is that
/// it is most like.
fn split(own: &JsonObject, arguments: JsonObject) -> (JsonObject, JsonObject) {
    let empty = JsonObject::new();
    let names = own.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    arguments.into_iter().partition(|(name, _)| {
        names.contains_key(name)
            || mcc_generator::field(name).is_none() && {
                let own = names.keys().map(String::as_str);
                let inputs = mcc_generator::fields().iter().map(|field| field.key.as_str());
                let near = mcc_catalogs::nearest(name, own.chain(inputs), 1);
                near.first().is_some_and(|near| names.contains_key(*near))
            }
    })
}

/// A finding as a problem of a call that is not answered.
fn problem(finding: Finding) -> Problem {
    Problem {
        rule: Some(finding.id),
        field: finding.field,
        value: finding.value.map(Value::from),
        source: finding.source.map(core::source),
        message: finding.message,
        fix: Some(finding.fix),
        choices: finding.choices,
        ..Problem::default()
    }
}
