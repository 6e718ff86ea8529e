//! What is to be done about a finding, done to inputs.

use serde_json::{Map, Value};

use crate::fix::{Remedy, parts};
use crate::{inputs, values};

impl Remedy {
    /// Does it to `inputs`, with the value at `choice` of a choice.
    pub fn apply(&self, inputs: &mut Map<String, Value>, choice: usize) {
        for (key, value) in self.changes(choice) {
            change(inputs, key, value);
        }
    }
}

/// Gives `key` the value, or leaves it out. What one entry of a map is taken from may be in any form that maps are taken in.
pub(crate) fn change(inputs: &mut Map<String, Value>, key: &str, value: Option<&Value>) {
    let (input, name) = parts(key);
    let Some(name) = name else {
        match value {
            Some(value) => inputs.insert(input.to_owned(), value.clone()),
            None => inputs.remove(input),
        };
        return;
    };
    let own = inputs.get(input).zip(inputs::find(input));
    let own = own.and_then(|(value, field)| values::normalise(field, value).ok());
    let mut entries = match own {
        Some(Value::Object(entries)) => entries,
        _ => Map::new(),
    };
    match value {
        Some(value) => entries.insert(name.to_owned(), value.clone()),
        None => entries.remove(name),
    };
    if entries.is_empty() {
        inputs.remove(input);
    } else {
        inputs.insert(input.to_owned(), Value::Object(entries));
    }
}
