//! The inputs and outputs of an ONNX model: the few fields of its protocol buffer that say so.
//! Anything that is not well formed reads as nothing at all.

/// The inputs and outputs of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    /// What it takes, less its own weights.
    pub inputs: Vec<Value>,
    /// What it gives.
    pub outputs: Vec<Value>,
}

/// A tensor at the edge of a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Value {
    /// Its name.
    pub name: String,
    /// Its type, by ONNX's number.
    pub element: u64,
    /// Its dimensions; -1 for one of any length.
    pub dims: Vec<i64>,
}

/// A field of a message.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Reads `bytes` as an ONNX model.
pub(super) fn read(bytes: &[u8]) -> Option<Graph> {
    let model = fields(bytes)?;
    model.iter().find(|(number, field)| *number == 1 && matches!(field, Field::Number(_)))?;
    let graph = fields(message(&model, 7)?)?;
    let mut found = Graph::default();
    let mut weights: Vec<&[u8]> = Vec::new();
    for (number, field) in &graph {
        let Field::Bytes(bytes) = field else { continue };
        match number {
            5 => weights.extend(message(&fields(bytes)?, 8)),
            11 => found.inputs.push(value(bytes)?),
            12 => found.outputs.push(value(bytes)?),
            _ => {}
        }
    }
    found.inputs.retain(|input| !weights.contains(&input.name.as_bytes()));
    (!found.inputs.is_empty() && !found.outputs.is_empty()).then_some(found)
}

/// `ValueInfoProto`: a name, and a type that holds a tensor's element type and shape.
fn value(bytes: &[u8]) -> Option<Value> {
    let info = fields(bytes)?;
    let name = std::str::from_utf8(message(&info, 1)?).ok()?.to_owned();
    let tensor = fields(message(&fields(message(&info, 2)?)?, 1)?)?;
    let element = number(&tensor, 1)?;
    let mut dims = Vec::new();
    if let Some(shape) = message(&tensor, 2) {
        for (_, field) in fields(shape)? {
            let Field::Bytes(dim) = field else { return None };
            let length = number(&fields(dim)?, 1).and_then(|n| i64::try_from(n).ok());
            dims.push(length.filter(|n| *n > 0).unwrap_or(-1));
        }
    }
    Some(Value { name, element, dims })
}

fn message<'a>(fields: &[(u64, Field<'a>)], wanted: u64) -> Option<&'a [u8]> {
    fields.iter().find_map(|(n, field)| match field {
        Field::Bytes(bytes) if *n == wanted => Some(*bytes),
        _ => None,
    })
}

fn number(fields: &[(u64, Field<'_>)], wanted: u64) -> Option<u64> {
    fields.iter().find_map(|(n, field)| match field {
        Field::Number(value) if *n == wanted => Some(*value),
        _ => None,
    })
}

/// All fields of a message, or nothing if it is not one.
fn fields(mut rest: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut rest)?),
            1 => Field::Bytes(take(&mut rest, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                Field::Bytes(take(&mut rest, length)?)
            }
            5 => Field::Bytes(take(&mut rest, 4)?),
            _ => return None,
        };
        all.push((key >> 3, field));
    }
    Some(all)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u8, content: &[u8]) -> Vec<u8> {
        let mut all = vec![number << 3 | 2, u8::try_from(content.len()).expect("short")];
        all.extend(content);
        all
    }

    /// A value of type float with the dimensions `batch` and 8.
    fn info(name: &str) -> Vec<u8> {
        let shape = [part(1, &part(2, b"batch")), part(1, &[8, 8])].concat();
        let tensor = [vec![8, 1], part(2, &shape)].concat();
        [part(1, name.as_bytes()), part(2, &part(1, &tensor))].concat()
    }

    #[test]
    fn inputs_and_outputs_are_read_without_weights() {
        let graph = [
            part(5, &part(8, b"w")),
            part(11, &info("x")),
            part(11, &info("w")),
            part(12, &info("y")),
        ];
        let model = [vec![8, 9], part(7, &graph.concat())].concat();
        let value = |name: &str| Value { name: name.to_owned(), element: 1, dims: vec![-1, 8] };
        let expected = Graph { inputs: vec![value("x")], outputs: vec![value("y")] };
        assert_eq!(read(&model), Some(expected));
        for end in 0..model.len() {
            let _ = read(&model[..end]);
        }
    }

    #[test]
    fn other_files_say_nothing() {
        for bytes in
            [&b"\x80\x04N."[..], b"{\"learner\":{}}", b"", b"\x08\x09\x3a\xff\xff\xff\xff\x0f"]
        {
            assert_eq!(read(bytes), None);
        }
    }
}
