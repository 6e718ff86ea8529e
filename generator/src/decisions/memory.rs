//! How a model shares the memory of its accelerators, in words.

use schemars::JsonSchema;
use serde::Serialize;

use crate::spec::Spec;

/// How a language model shares the memory of one accelerator, in GiB; estimates.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemoryDecision {
    /// The accelerator, and how many of them one copy takes.
    pub accelerators: String,
    /// What the engine may take.
    pub budget_gib: f64,
    /// Weights.
    pub weights_gib: f64,
    /// Activations, graphs and buffers.
    pub overhead_gib: f64,
    /// Key-value cache, or what is left over for a pipeline; absent for encoders, which keep none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_gib: Option<f64>,
    /// Whether texts are read in one pass, and none is generated.
    pub one_pass: bool,
    /// Longest context, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// Sequences of that length at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequences: Option<f64>,
    /// Most sequences at once, where the engine is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_num_seqs: Option<u32>,
    /// Copies of the model, each with a cache of its own; left out for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copies: Option<u32>,
    /// Tensor-parallel degree.
    pub tensor_parallel: u32,
}

impl MemoryDecision {
    /// What was decided in `spec`; the files are given the same split, context and sequences.
    pub(super) fn of(spec: &Spec) -> Option<Self> {
        let (memory, model) = (spec.basis.memory.as_ref()?, &spec.model);
        Some(Self {
            accelerators: format!(
                "{} of {} {} with {} GiB each",
                memory.used, memory.devices, memory.device, memory.device_gib
            ),
            budget_gib: memory.budget_gib,
            weights_gib: memory.weights_gib,
            overhead_gib: memory.overhead_gib,
            cache_gib: memory.cache_gib,
            one_pass: memory.pools,
            context: memory.context.map(|own| model.max_model_len.unwrap_or(own)),
            sequences: memory.sequences,
            max_num_seqs: model.max_num_seqs,
            copies: Some(memory.copies).filter(|copies| *copies > 1),
            tensor_parallel: model.tensor_parallel.unwrap_or(1),
        })
    }

    /// It on one line.
    pub(super) fn line(&self) -> String {
        let room = self.room();
        format!(
            "{}, tensor parallel {}; of {} GiB each: weights {}, {room} (estimates)",
            self.accelerators, self.tensor_parallel, self.budget_gib, self.weights_gib,
        )
    }

    /// What there is beside the weights, and what for.
    fn room(&self) -> String {
        let overhead = self.overhead_gib;
        let Some(context) = self.context else {
            return format!(
                "a request {overhead}, left over {}",
                self.cache_gib.unwrap_or_default()
            );
        };
        let most = self.max_num_seqs.map(|n| format!("; at most {n} at once")).unwrap_or_default();
        let each = self.copies.map(|n| format!(", in each of {n} copies")).unwrap_or_default();
        let what = if self.one_pass { "texts" } else { "sequences" };
        let rest = match (self.cache_gib, self.sequences) {
            (None, _) => {
                format!("no key-value cache: a text of up to {context} tokens is read in one pass")
            }
            (Some(cache), Some(n)) => {
                format!("cache {cache}; room for {n} {what} of {context} tokens{most}{each}")
            }
            (Some(cache), None) => {
                format!("{cache} left; nothing is known of the cache, so contexts are not checked")
            }
        };
        format!("activations and graphs {overhead}, {rest}")
    }
}
