//! The tensors of a packed model, for servers that must be told them: given, read from the model's file,
//! or those of the sample.

use serde_json::{Map, Value, json};

use super::Context;
use crate::artifact::{Artifact, onnx};
use crate::finding::{Finding, shorten};
use crate::fix::{Fix, Fixes};
use crate::manifest::Tensors;
use crate::spec::{Model, Reshape, Tensor};

/// Types by ONNX's number: our name for each.
const ELEMENTS: [(u64, &str); 14] = [
    (1, "FP32"),
    (2, "UINT8"),
    (3, "INT8"),
    (4, "UINT16"),
    (5, "INT16"),
    (6, "INT32"),
    (7, "INT64"),
    (8, "STRING"),
    (9, "BOOL"),
    (10, "FP16"),
    (11, "FP64"),
    (12, "UINT32"),
    (13, "UINT64"),
    (16, "BF16"),
];

/// What was found out about a model.
struct Found {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    batched: bool,
}

impl Context<'_> {
    pub(super) fn tensors(&mut self, artifact: Option<&Artifact>, model: &mut Model) {
        let Some(known) = self.manifest(|m| m.tensors.clone()) else {
            return;
        };
        let sample = self.inputs.include_sample == Some(true);
        let classes = artifact.and_then(|a| a.forest.as_ref()?.classes);
        model.classifier = classes.is_some_and(|n| n > 0);
        let found = if sample {
            all(&known.inputs).zip(all(&known.outputs)).map(batched)
        } else if self.inputs.model_inputs.is_some() || self.inputs.model_outputs.is_some() {
            let (inputs, outputs) = (self.given("modelInputs"), self.given("modelOutputs"));
            let found = inputs.zip(outputs).map(batched);
            if let Some(found) = &found {
                self.compare(found, &known, artifact);
            }
            found
        } else {
            artifact.and_then(|a| from_file(a, &known))
        };
        let Some(found) = found else {
            if !known.completed && !self.findings.iter().any(|f| f.id == "MCC-TEN-001") {
                // Names that this server takes.
                let example = |map: &Map<String, Value>| {
                    let one =
                        map.iter().next().map(|(name, value)| (name.as_str(), value.as_str()));
                    let (name, value) = one.unwrap_or(("features", Some("FP32[8]")));
                    format!("{name}={}", value.unwrap_or_default())
                };
                let finding = Finding::error(
                    "MCC-TEN-001",
                    "nothing says which inputs and outputs the model has",
                    self.sample_instead().or(format!(
                        "give modelInputs and modelOutputs, such as {} and {}",
                        example(&known.inputs),
                        example(&known.outputs)
                    )),
                );
                self.findings.push(self.merged.about("modelInputs", finding));
            }
            return;
        };
        model.request = if sample { Some(known.request) } else { request(&found) };
        model.max_batch_size = Some(if found.batched { known.max_batch_size } else { 0 });
        model.inputs = Some(found.inputs);
        model.outputs = Some(found.outputs);
    }

    /// Holds tensors that were given against those that the server asks for, and those of the model's own file.
    fn compare(&mut self, given: &Found, known: &Tensors, artifact: Option<&Artifact>) {
        let graph = artifact.and_then(|artifact| artifact.graph.as_ref());
        let inputs = ("modelInputs", &given.inputs, &known.inputs, graph.map(|g| &g.inputs));
        let outputs = ("modelOutputs", &given.outputs, &known.outputs, graph.map(|g| &g.outputs));
        for (key, given, own, edge) in [inputs, outputs] {
            let own = all(own).filter(|_| known.fixed).unwrap_or_default();
            let missing = own.iter().any(|own| !given.iter().any(|one| same(one, own)));
            // It may give more than it is asked for, and takes nothing else.
            let more = key == "modelInputs" && !own.is_empty() && given.len() > own.len();
            if missing || more {
                let fix = match (own.as_slice(), given.as_slice()) {
                    ([own], [one]) => {
                        let right = Tensor { dims: one.dims.clone(), ..own.clone() };
                        let value = Map::from_iter([(right.name.clone(), text(&right))]);
                        Fixes::from(Fix::set(key, Value::Object(value)))
                    }
                    _ => format!("name them as the server does: {}", list(&own)).into(),
                };
                let finding = Finding::error(
                    "MCC-TEN-030",
                    format!("the server has {}, and {key} has {}", list(&own), list(given)),
                    fix,
                );
                self.findings.push(self.merged.about(key, finding));
            }
            let Some(edge) = edge else { continue };
            // What cannot be told as tensors cannot be compared.
            let Some(edge) = edge.iter().map(|v| described(v, false)).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            let foreign = given.iter().any(|one| !edge.iter().any(|known| same(one, known)));
            // Every input is asked for; outputs may be left out.
            let fewer = key == "modelInputs" && given.len() < edge.len();
            if foreign || fewer {
                let finding = Finding::error(
                    "MCC-TEN-031",
                    format!("the model file has {}, and {key} has {}", list(&edge), list(given)),
                    Fix::unset("modelInputs")
                        .and(Fix::unset("modelOutputs"))
                        .and(Fix::say("they are read from the file")),
                );
                self.findings.push(self.merged.about(key, finding));
            }
        }
    }

    /// The sample, whose tensors are known, where there is no model of the user's own.
    fn sample_instead(&self) -> Fixes {
        let sample = self.inputs.model_path.is_none() && self.merged.is_given("includeSample");
        Fixes::from(sample.then(|| Fix::unset("includeSample")))
    }

    /// The tensors that an input describes.
    fn given(&mut self, key: &str) -> Option<Vec<Tensor>> {
        let map = match key {
            "modelInputs" => self.inputs.model_inputs.clone(),
            _ => self.inputs.model_outputs.clone(),
        }?;
        let mut tensors = Vec::new();
        for (name, value) in &map {
            let Some(tensor) = tensor(name, value) else {
                let types: Vec<&str> = ELEMENTS.iter().map(|(_, name)| *name).collect();
                let finding = Finding::error(
                    "MCC-TEN-001",
                    "a tensor is written as its type and its dimensions, such as FP32[8] or INT64[-1,3]",
                    format!(
                        "use one of {}, and -1 for a dimension of any length",
                        types.join(", ")
                    ),
                );
                self.findings.push(self.merged.about(key, finding));
                return None;
            };
            tensors.push(tensor);
        }
        (!tensors.is_empty()).then_some(tensors)
    }
}

/// Whether both are one tensor, whatever their dimensions.
fn same(one: &Tensor, other: &Tensor) -> bool {
    one.name == other.name && one.data_type == other.data_type
}

fn kind(tensor: &Tensor) -> &str {
    tensor.data_type.trim_start_matches("TYPE_")
}

/// As `modelInputs` takes it.
fn text(tensor: &Tensor) -> Value {
    let dims: Vec<String> = tensor.dims.iter().map(ToString::to_string).collect();
    Value::String(format!("{}[{}]", kind(tensor), dims.join(",")))
}

/// Most tensors that a message names.
const NAMED: usize = 4;

fn list(tensors: &[Tensor]) -> String {
    let names = tensors.iter().take(NAMED);
    let mut names: Vec<String> =
        names.map(|one| format!("{} as {}", shorten(&one.name), kind(one))).collect();
    if tensors.len() > NAMED {
        names.push(format!("{} more", tensors.len() - NAMED));
    }
    names.join(", ")
}

fn batched((inputs, outputs): (Vec<Tensor>, Vec<Tensor>)) -> Found {
    Found { inputs, outputs, batched: true }
}

fn all(map: &Map<String, Value>) -> Option<Vec<Tensor>> {
    map.iter().map(|(name, value)| tensor(name, value)).collect()
}

/// `FP32[8]` as a tensor.
fn tensor(name: &str, value: &Value) -> Option<Tensor> {
    let (kind, rest) = value.as_str()?.split_once('[')?;
    let kind = kind.trim().trim_start_matches("TYPE_").to_ascii_uppercase();
    let kind = if kind == "BYTES" { "STRING" } else { kind.as_str() };
    ELEMENTS.iter().find(|(_, known)| *known == kind)?;
    let dims = rest.strip_suffix(']')?.split(',');
    let dims: Option<Vec<i64>> = dims.map(|d| d.trim().parse().ok()).collect();
    let dims = dims.filter(|d| d.len() <= 8 && d.iter().all(|n| *n > 0 || *n == -1))?;
    Some(Tensor { name: name.to_owned(), data_type: format!("TYPE_{kind}"), dims, reshape: None })
}

/// What the model's file says.
fn from_file(artifact: &Artifact, known: &Tensors) -> Option<Found> {
    if let Some(graph) = &artifact.graph {
        let edges = || graph.inputs.iter().chain(&graph.outputs);
        let batched = edges().all(|v| v.dims.as_ref().and_then(|d| d.first()) == Some(&-1));
        let side = |values: &[onnx::Value]| -> Option<Vec<Tensor>> {
            let tensors: Option<Vec<Tensor>> =
                values.iter().map(|v| described(v, batched)).collect();
            tensors.filter(|t| !t.is_empty())
        };
        return Some(Found {
            inputs: side(&graph.inputs)?,
            outputs: side(&graph.outputs)?,
            batched,
        });
    }
    // A forest of trees: the server's own names, and the widths that the file tells.
    let forest = artifact.forest.as_ref()?;
    let features = artifact.features?;
    let mut found = all(&known.inputs).zip(all(&known.outputs)).map(batched)?;
    found.inputs.iter_mut().for_each(|t| t.dims = vec![features]);
    // Of two classes both probabilities are given, though the file has one number for them.
    let width = match forest.classes {
        Some(1) => 2,
        classes => classes.unwrap_or(0).max(1),
    };
    found.outputs.iter_mut().for_each(|t| t.dims = vec![width]);
    Some(found)
}

fn described(value: &onnx::Value, batched: bool) -> Option<Tensor> {
    let (_, kind) = ELEMENTS.iter().find(|(number, _)| *number == value.element)?;
    let known = value.dims.as_ref().filter(|_| !value.name.is_empty())?;
    let mut dims: Vec<i64> = known.iter().skip(usize::from(batched)).copied().collect();
    // A request has at least one dimension beside the batch's.
    let reshape = dims.is_empty().then(|| Reshape { shape: Vec::new() });
    if reshape.is_some() {
        dims.push(1);
    }
    Some(Tensor { name: value.name.clone(), data_type: format!("TYPE_{kind}"), dims, reshape })
}

/// Most values of a request that is made up: more would be a file of megabytes.
const MAX_EXAMPLE: i64 = 4096;

/// The inputs of a request with zeros (or empty texts) of the right shape; nothing where that would be too long.
fn request(found: &Found) -> Option<Value> {
    let mut left = MAX_EXAMPLE;
    let mut one = |tensor: &Tensor| {
        let kind = tensor.data_type.trim_start_matches("TYPE_");
        let mut shape: Vec<i64> = if found.batched { vec![1] } else { Vec::new() };
        shape.extend(tensor.dims.iter().map(|n| (*n).max(1)));
        let length = shape.iter().try_fold(1i64, |a, b| a.checked_mul(*b))?;
        left = left.checked_sub(length).filter(|n| *n >= 0)?;
        let (kind, zero) = match kind {
            "STRING" => ("BYTES", json!("")),
            "BOOL" => ("BOOL", json!(false)),
            "FP16" | "FP32" | "FP64" | "BF16" => (kind, json!(0.0)),
            _ => (kind, json!(0)),
        };
        let data = vec![zero; usize::try_from(length).ok()?];
        Some(json!({"name": tensor.name, "shape": shape, "datatype": kind, "data": data}))
    };
    found.inputs.iter().map(&mut one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_are_read_or_refused() {
        let read = |text: &str| tensor("x", &json!(text)).map(|t| (t.data_type, t.dims));
        assert_eq!(read("FP32[8]"), Some(("TYPE_FP32".to_owned(), vec![8])));
        assert_eq!(read("bytes[-1, 3]"), Some(("TYPE_STRING".to_owned(), vec![-1, 3])));
        for wrong in ["FP32", "FP32[]", "FP32[0]", "FP32[8", "FLOAT[8]", "FP32[8]]", "FP32[a]", ""]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_request_has_the_shape_of_its_tensors() {
        let tensor = |name: &str, kind: &str, dims: &[i64]| Tensor {
            name: name.to_owned(),
            data_type: kind.to_owned(),
            dims: dims.to_vec(),
            reshape: None,
        };
        let inputs = vec![tensor("a", "TYPE_FP32", &[2]), tensor("b", "TYPE_STRING", &[-1])];
        let found = Found { inputs, outputs: Vec::new(), batched: true };
        assert_eq!(
            request(&found),
            Some(json!([{"name": "a", "shape": [1, 2], "datatype": "FP32", "data": [0.0, 0.0]},
                {"name": "b", "shape": [1, 1], "datatype": "BYTES", "data": [""]}]))
        );
        // A picture is too long for a file that people read, and never has other data than its shape.
        for dims in [&[3, 640, 640][..], &[i64::MAX, 2]] {
            let inputs = vec![tensor("a", "TYPE_FP32", dims)];
            assert_eq!(request(&Found { inputs, outputs: Vec::new(), batched: true }), None);
        }
    }
}
