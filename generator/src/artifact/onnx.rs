//! The inputs and outputs of an ONNX model: the few fields of its protocol buffer that say so. Weights are
//! skipped where they stand, or are in other files.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use super::bounded::{Bounded, Halt};
use super::protobuf::{Content, Messages};

/// The inputs and outputs of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    /// What it takes, less its own weights.
    pub inputs: Vec<Value>,
    /// What it gives.
    pub outputs: Vec<Value>,
}

/// A value at the edge of a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Value {
    /// Its name.
    pub name: String,
    /// Its type, by ONNX's number; 0 where that is not known.
    pub element: u64,
    /// Its dimensions, -1 for one of any length; nothing where even their number is open.
    pub dims: Option<Vec<i64>>,
    /// Whether it is no tensor but a sequence or a map.
    pub collection: bool,
}

/// Most values at an edge; more are not described.
const MAX_VALUES: usize = 4096;

/// Reads a file as an ONNX model; `Wrong` or `Short` if it is none.
pub(super) fn read<R: Read + Seek>(file: &mut Bounded<R>) -> Result<Graph, Halt> {
    let length = file.length();
    let mut found = Graph::default();
    let (mut version, mut graph) = (false, None);
    Messages::new(file).fields(0, length, &mut |_, number, content| {
        match (number, content) {
            (1, Content::Number(_)) => version = true,
            (7, Content::Bytes { .. }) => graph = graph.or(Some(content)),
            // Everything else that a model has is at most metadata; other files have other fields.
            (2..=6 | 8 | 14 | 20 | 25 | 26, _) => {}
            _ => return Err(Halt::Wrong),
        }
        Ok(())
    })?;
    let Some(Content::Bytes { at, length }) = graph.filter(|_| version) else {
        return Err(Halt::Wrong);
    };
    let mut weights = BTreeSet::new();
    Messages::new(file).fields(at, length, &mut |messages, number, content| {
        match number {
            5 if weights.len() < MAX_VALUES => {
                if let Some(name) = messages.find(content, 8)? {
                    weights.insert(messages.text(name)?);
                }
            }
            11 if found.inputs.len() < MAX_VALUES => found.inputs.push(value(messages, content)?),
            12 if found.outputs.len() < MAX_VALUES => found.outputs.push(value(messages, content)?),
            _ => {}
        }
        Ok(())
    })?;
    found.inputs.retain(|input| !weights.contains(&input.name));
    Ok(found)
}

/// `ValueInfoProto`: a name, and a type that holds a tensor's element type and shape.
fn value<R: Read + Seek>(messages: &mut Messages<'_, R>, content: Content) -> Result<Value, Halt> {
    let mut value = Value::default();
    if let Some(name) = messages.find(content, 1)? {
        value.name = messages.text(name)?;
    }
    let Some(kind) = messages.find(content, 2)? else { return Ok(value) };
    if messages.find(kind, 4)?.is_some() || messages.find(kind, 5)?.is_some() {
        value.collection = true;
        return Ok(value);
    }
    let Some(tensor) = messages.find(kind, 1)? else { return Ok(value) };
    if let Some(Content::Number(element)) = messages.find(tensor, 1)? {
        value.element = element;
    }
    if let Some(Content::Bytes { at, length }) = messages.find(tensor, 2)? {
        let mut dims = Vec::new();
        messages.fields(at, length, &mut |messages, _, dim| {
            let length = match messages.find(dim, 1)? {
                Some(Content::Number(n)) => i64::try_from(n).ok().filter(|n| *n > 0),
                _ => None,
            };
            dims.push(length.unwrap_or(-1));
            if dims.len() > 64 { Err(Halt::Wrong) } else { Ok(()) }
        })?;
        value.dims = Some(dims);
    }
    Ok(value)
}
