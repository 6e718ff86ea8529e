//! What was decided and estimated, as sentences.

use super::choose::{Plan, Wanted};
use super::estimate::{Device, Serving, Sizing, batch};
use super::parallel::Degree;
use super::shape::ModelShape;
use super::{GIB, real};

impl Plan {
    /// What was decided and why, and the arithmetic of it, as sentences: for the arguments that it was made of.
    // Many plans are made for each one that is told of.
    pub fn notes(&self, model: &ModelShape, device: &Device, wanted: &Wanted) -> Vec<String> {
        let mut notes = reasons(model, device, &self.serving, &self.sizing);
        if wanted.tensor_parallel.is_none() {
            let degree = self.serving.tensor_parallel;
            let whole = wanted.check(model, device.count);
            notes.push(degree_reason(model, device, degree, self.idle_devices, &whole));
        }
        if self.context_reduced {
            notes.push(format!(
                "the context is limited to {} of the model's {} tokens, which is what fits beside the weights",
                self.serving.max_model_len,
                model.max_positions.unwrap_or_default(),
            ));
        }
        if let Some(draft) = self.serving.draft {
            notes.push(format!(
                "the draft model is counted: {:.1} GiB of the weights of each {} are its own, and what it keeps of a \
                 sequence is part of the cache",
                draft.bytes(self.serving.tensor_parallel) / GIB,
                device.name,
            ));
        }
        if wanted.copies > 1 {
            notes.push(format!(
                "{} copies of the model, each with its own {} of the {} {}, its own cache and its own limit of sequences: \
                 all numbers are those of one copy",
                wanted.copies, self.serving.tensor_parallel, device.count, device.name,
            ));
        }
        if let (None, Some(sequences)) = (wanted.max_num_seqs, self.max_num_seqs) {
            notes.push(match self.sizing.state_blocks {
                Some(blocks) => format!(
                    "at most {sequences} sequences at once: the engine keeps the states of this model's layers in about {} \
                     blocks, of which a sequence takes at least one in each of {} groups of layers, and does not start \
                     with more sequences than blocks",
                    blocks.usual, blocks.groups
                ),
                None => format!(
                    "at most {sequences} sequences at once, a guess: the engine keeps the states of this model's layers in \
                     blocks and does not start with more sequences than blocks, and their size is not known"
                ),
            });
        }
        if let Some(name) = &self.dtype_flag {
            notes.push(format!(
                "{name} instead of the model's bfloat16, which {} does not have",
                device.name
            ));
        }
        notes
    }
}

/// `whole` says whether it can be split over all devices.
fn degree_reason(
    model: &ModelShape,
    device: &Device,
    degree: u32,
    idle: u32,
    whole: &Degree,
) -> String {
    if device.count == 1 {
        return format!("tensor parallel 1: the instance has one {}", device.name);
    }
    if idle == 0 {
        return format!(
            "tensor parallel {degree}: the model is split over all {} {}",
            device.count, device.name
        );
    }
    // Where models are compiled, heads that do not divide are padded.
    if let (Degree::Cut(cut), false) = (whole, device.compiled) {
        return format!(
            "tensor parallel {degree}: over all {} {} the {} of a layer would be divided by {}, and {} of them share a \
             scale",
            device.count, device.name, cut.width, cut.over, cut.whole,
        );
    }
    if device.compiled || whole.allowed() {
        format!(
            "tensor parallel {degree}: the model fits {degree} of the {} {}",
            device.count, device.name
        )
    } else {
        format!(
            "tensor parallel {degree}: {} attention and {} key-value heads do not divide over all {} {}",
            model.heads.unwrap_or_default(),
            model.kv_heads.unwrap_or_default(),
            device.count,
            device.name,
        )
    }
}

/// The arithmetic of an estimate, as sentences.
fn reasons(model: &ModelShape, device: &Device, serving: &Serving, sizing: &Sizing) -> Vec<String> {
    let (weights_gib, budget_gib) = (sizing.weights_gib, sizing.budget_gib);
    let mut reasons = vec![
        format!(
            "weights take {weights_gib:.1} GiB of each {} ({:.1} GiB, of which {budget_gib:.1} GiB at a memory \
             utilization of {}): {} parameters{}, {}, tensor parallel {}{}",
            device.name,
            device.memory_gib,
            serving.memory_utilization,
            billions(model.parameters),
            if model.parameters_computed { " (calculated from the layer sizes)" } else { "" },
            format_of(model, serving),
            serving.tensor_parallel,
            match serving.pipeline_parallel {
                0 | 1 => String::new(),
                stages => format!(", pipeline parallel {stages}"),
            },
        ),
        if model.parts.is_some() {
            format!(
                "all parts of the pipeline are on the device; a request of the usual size takes about {:.1} GiB beside them, \
                 and {:.1} GiB are left for larger ones",
                sizing.overhead_gib,
                sizing.kv_gib.max(0.0),
            )
        } else {
            format!(
                "activations, logits, graphs and buffers take about {:.1} GiB, so {:.1} GiB are left{}",
                sizing.overhead_gib,
                sizing.kv_gib.max(0.0),
                if model.keeps_nothing() { "" } else { " for the cache" },
            )
        },
    ];
    match (sizing.sequence_gib, sizing.concurrent_sequences) {
        (Some(sequence_gib), Some(_)) if device.compiled => {
            let sequences = batch(device, serving).1;
            reasons.push(format!(
                "compiled in are sequences of {} tokens, {sequences} at once, which take {:.2} GiB of it; longer ones, \
                 or more at once, have to be compiled in too",
                serving.max_model_len,
                sequence_gib * real(sequences),
            ));
        }
        (Some(sequence_gib), Some(concurrent)) => reasons.push(format!(
            "one sequence of {} tokens takes {sequence_gib:.2} GiB of it: {concurrent:.1} such sequences at once",
            serving.max_model_len,
        )),
        (Some(_), None) if model.keeps_nothing() => reasons.push(format!(
            "a text of up to {} tokens is read in one pass, and nothing is kept of it: there is no key-value cache",
            serving.max_model_len,
        )),
        (Some(_), None) => {}
        (None, _) => reasons.push(
            "nothing is known of this model's key-value cache, so contexts are not checked"
                .to_owned(),
        ),
    }
    reasons
}

fn billions(parameters: u64) -> String {
    format!("{:.2} billion", real(parameters) / 1e9)
}

fn format_of(model: &ModelShape, serving: &Serving) -> String {
    match (&model.quantization, &serving.in_flight) {
        (Some(q), _) => format!("quantized with {}", q.method),
        (None, Some(q)) => format!("quantized with {} while loading", q.method),
        (None, None) => serving.dtype.name().to_owned(),
    }
}
