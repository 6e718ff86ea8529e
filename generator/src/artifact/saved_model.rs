//! `TensorFlow`'s `saved_model.pb`: the release that wrote it.

use std::io::{Read, Seek};

use super::bounded::{Bounded, Halt};
use super::protobuf::{Content, Messages};

/// The version of `TensorFlow` that wrote the file; `Wrong` or `Short` if it is no saved model.
pub(super) fn version<R: Read + Seek>(file: &mut Bounded<R>) -> Result<Option<String>, Halt> {
    let length = file.length();
    let mut graph = None;
    Messages::new(file).fields(0, length, &mut |_, number, content| match (number, content) {
        (1, Content::Number(_)) => Ok(()),
        (2, Content::Bytes { .. }) => {
            graph = graph.or(Some(content));
            Ok(())
        }
        _ => Err(Halt::Wrong),
    })?;
    let Some(graph) = graph else { return Ok(None) };
    let mut messages = Messages::new(file);
    // MetaGraphDef.meta_info_def.tensorflow_version
    let Some(about) = messages.find(graph, 1)? else { return Ok(None) };
    match messages.find(about, 5)? {
        Some(version) => messages.text(version).map(Some),
        None => Ok(None),
    }
}
