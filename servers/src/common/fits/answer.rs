//! An instance type that a deployment runs on, as answers show it.

use std::fmt;

use mcc_catalogs::PriceBasis;
use mcc_catalogs::reason::Choice;
use mcc_fit::sizing::Verdict;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::judge::{Fit, Judge};
use super::rounded_price;
use crate::common::inputs::Inputs;
use crate::common::model::rounded;
use crate::common::number::Number;

/// Hours of a month, as AWS bills it.
const HOURS_OF_A_MONTH: f64 = 730.0;

/// Memory of one GPU or Neuron core, in GiB.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the unit is part of each name that clients see")]
pub(crate) struct MemoryAnswer {
    /// All of it, as frameworks see it.
    pub(super) device_gib: f64,
    /// What the engine may take.
    pub(super) budget_gib: f64,
    /// Weights.
    pub(super) weights_gib: f64,
    /// Activations, logits, graphs and buffers at their peak.
    pub(super) overhead_gib: f64,
    /// What is left for the key-value cache; absent for encoders, which keep none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kv_cache_gib: Option<f64>,
    /// Of that, one sequence of contextLength tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequence_gib: Option<f64>,
}

/// What it costs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PriceAnswer {
    /// US dollars per hour, on demand, for one instance.
    pub(crate) usd_per_hour: f64,
    /// US dollars for 730 hours.
    pub(super) usd_per_month: f64,
    /// Published or estimated, for which Region, as of when, and who was asked where it was looked up.
    pub(super) basis: String,
    /// The Region that it is of.
    #[serde(skip)]
    pub(crate) region: Option<String>,
}

/// An instance type that the deployment runs on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FitAnswer {
    /// The type.
    pub(crate) instance_type: String,
    /// How many accelerators of which kind; left out if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accelerators: Option<String>,
    /// Virtual CPUs.
    pub(crate) vcpus: u32,
    /// Host memory in GiB.
    pub(crate) host_memory_gib: f64,
    /// Processor architecture, which the image has to have.
    pub(crate) arch: String,
    /// What it costs, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) price: Option<PriceAnswer>,
    /// Accelerators that one copy of the model is split over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tensor_parallel_size: Option<u32>,
    /// Why it is split over that many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tensor_parallel_why: Option<String>,
    /// Accelerators that one copy leaves idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle_accelerators: Option<u32>,
    /// Memory of each accelerator in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<MemoryAnswer>,
    /// Tokens of context that it was sized for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context_length: Option<u64>,
    /// The longest context of which one sequence fits, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) longest_context: Option<u64>,
    /// Sequences of contextLength tokens that run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) concurrent_sequences: Option<f64>,
    /// Tokens in the cache, over all sequences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kv_cache_tokens: Option<u64>,
    /// No token of one sequence can take less time, in milliseconds: the weights are read once for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_floor_ms: Option<f64>,
    /// Host image whose driver runs the container's CUDA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ami_version: Option<String>,
    /// How it was worked out; only with detail `full`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<String>,
    /// What is worth knowing before choosing it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    /// Arguments for `plan_project` and `generate_project`.
    pub(crate) inputs: Inputs,
}

impl FitAnswer {
    pub(crate) fn new(fit: Fit<'_>, judge: &Judge<'_>, full: bool) -> Self {
        let instance = fit.instance;
        let mut this = Self {
            inputs: inputs(&fit, judge),
            instance_type: instance.name.to_string(),
            accelerators: instance
                .accelerator()
                .map(|accelerator| format!("{} x {}", instance.count, accelerator.name)),
            vcpus: instance.vcpus,
            host_memory_gib: rounded(instance.memory_gib()),
            arch: instance.arch.to_string(),
            price: fit.price.map(|price| PriceAnswer {
                usd_per_hour: rounded_price(price.usd),
                usd_per_month: rounded(price.usd * HOURS_OF_A_MONTH),
                basis: format!(
                    "{} price for {} as of {}{}",
                    match price.basis {
                        PriceBasis::Published => "published",
                        PriceBasis::Estimate => "estimated",
                    },
                    price.region.as_ref().map_or("an unnamed Region", |region| region.as_str()),
                    price.as_of,
                    price.origin.told().map_or_else(String::new, |told| format!(", {told}"))
                ),
                region: price.region.map(|region| region.to_string()),
            }),
            tensor_parallel_size: None,
            tensor_parallel_why: fit.split,
            idle_accelerators: None,
            memory: None,
            context_length: None,
            longest_context: None,
            concurrent_sequences: None,
            kv_cache_tokens: None,
            token_floor_ms: fit.token_floor_ms,
            ami_version: fit.ami,
            reasons: Vec::new(),
            warnings: fit.warnings,
        };
        if let Some(plan) = fit.plan {
            let sizing = &plan.sizing;
            let keeps = judge.model().is_none_or(|model| !model.shape.keeps_nothing());
            this.tensor_parallel_size = Some(plan.serving.tensor_parallel);
            this.idle_accelerators = (plan.idle_devices > 0).then_some(plan.idle_devices);
            this.memory = Some(MemoryAnswer {
                device_gib: rounded(sizing.budget_gib / plan.serving.memory_utilization),
                budget_gib: rounded(sizing.budget_gib),
                weights_gib: rounded(sizing.weights_gib),
                overhead_gib: rounded(sizing.overhead_gib),
                kv_cache_gib: keeps.then(|| rounded(sizing.kv_gib.max(0.0))),
                sequence_gib: sizing.sequence_gib.map(rounded),
            });
            let context = judge.deployment().has_context();
            this.context_length = (context && sizing.verdict != Verdict::WeightsFit)
                .then_some(plan.serving.max_model_len);
            this.longest_context = sizing.longest_context;
            this.concurrent_sequences = sizing.concurrent_sequences.map(rounded);
            this.kv_cache_tokens = sizing.kv_tokens;
            if full {
                this.reasons = judge.reasons(instance, &plan);
            }
        }
        this
    }
}

/// One line with what matters.
impl fmt::Display for FitAnswer {
    fn fmt(&self, line: &mut fmt::Formatter<'_>) -> fmt::Result {
        line.write_str(&self.instance_type)?;
        if let Some(accelerators) = &self.accelerators {
            write!(line, " ({accelerators})")?;
        }
        match &self.price {
            Some(price) => write!(
                line,
                ": {} USD per hour, {} per month ({})",
                Number(price.usd_per_hour),
                Number(price.usd_per_month),
                price.basis
            )?,
            None => line.write_str(": price not known")?,
        }
        if let Some(degree) = self.tensor_parallel_size {
            write!(line, "; tensor parallel {degree}")?;
            if let Some(why) = self.tensor_parallel_why.as_ref().filter(|_| degree > 1) {
                write!(line, " ({why})")?;
            }
        }
        if let Some(memory) = &self.memory {
            write!(
                line,
                "; of {} GiB per device: weights {}, overhead {}",
                Number(memory.budget_gib),
                Number(memory.weights_gib),
                Number(memory.overhead_gib)
            )?;
            match memory.kv_cache_gib {
                Some(cache) => write!(line, ", cache {}", Number(cache))?,
                None => line.write_str(", no cache: a text is read in one pass")?,
            }
        }
        if let (Some(context), Some(at_once)) = (self.context_length, self.concurrent_sequences) {
            write!(line, "; {} sequences of {context} tokens at once", Number(at_once))?;
        }
        if let Some(longest) = self.longest_context {
            write!(line, "; longest context {longest}")?;
        }
        if let Some(floor) = self.token_floor_ms {
            write!(line, "; at least {} ms for a token", Number(floor))?;
        }
        if let Some(ami) = &self.ami_version {
            write!(line, "; host image {ami}")?;
        }
        Ok(())
    }
}

impl FitAnswer {
    /// As one of several to choose from.
    pub(crate) fn choice(&self) -> Choice {
        let facts = self.reasons.iter().chain(&self.warnings).cloned();
        let facts = [self.to_string()].into_iter().chain(facts).collect();
        Choice { id: self.instance_type.clone(), facts }
    }

    /// Its lines in a text, the first of them after `before`.
    pub(crate) fn lines(&self, before: &str) -> Vec<String> {
        let notes = self.reasons.iter().chain(&self.warnings).cloned();
        let inputs = format!("inputs: {}", self.inputs);
        [format!("{before}{self}")].into_iter().chain(notes).chain([inputs]).collect()
    }
}

/// The arguments for a project with this choice.
fn inputs(fit: &Fit<'_>, judge: &Judge<'_>) -> Inputs {
    let (deployment, wish) = (judge.deployment(), judge.wish());
    let mut inputs = Inputs::default();
    let mut put = |key: &'static str, value: Value| {
        if !deployment.refuses.contains_key(key) {
            inputs.put(key, value);
        }
    };
    put("deploymentConfig", deployment.config.as_str().into());
    put("deploymentTarget", deployment.target.as_str().into());
    let named = judge.model().filter(|model| model.basis != "numbers");
    if let Some(name) = named.and_then(|model| model.given.as_deref()).filter(|n| n.contains('/')) {
        put("modelName", name.into());
    }
    if let Some(original) = judge.model().and_then(|model| model.copy_of.as_deref()) {
        put("modelConfig", original.into());
    }
    put("instanceType", fit.instance.name.as_str().into());
    if let Some(region) = &wish.region {
        put("region", region.as_str().into());
    }
    if let Some(version) = &wish.engine_version {
        put("engineVersion", version.as_str().into());
    }
    if let Some(plan) = &fit.plan {
        put("tensorParallelSize", plan.serving.tensor_parallel.into());
        // An encoder has one length, which the engine takes from the model's files, some of which say less than its
        // config.json.
        let encodes = judge.model().is_some_and(|model| model.shape.keeps_nothing());
        if plan.sizing.verdict != Verdict::WeightsFit && (!encodes || wish.context.is_some()) {
            put("maxModelLen", plan.serving.max_model_len.into());
        }
        if let Some(method) = &plan.serving.in_flight {
            put("quantization", method.method.as_str().into());
        }
        if let Some(dtype) = &plan.dtype_flag {
            put("dtype", dtype.as_str().into());
        } else if let Some(dtype) = wish.dtype {
            put("dtype", dtype.name().into());
        }
        if let Some(sequences) = wish.concurrency.filter(|_| deployment.compiles()) {
            put("maxNumSeqs", sequences.into());
        }
        // What it was sized with has to be what it is served with.
        if let Some(share) = wish.memory_utilization {
            put("gpuMemoryUtilization", share.into());
        }
        if let Some((option, value)) = judge.cache_option() {
            put("engineArgs", json!({ option: value }));
        }
    }
    inputs
}
