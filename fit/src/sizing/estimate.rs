//! Memory of one device: budget, weights, the peak of a forward pass, and what is left for the cache.

use super::cache::{Cache, Kept};
use super::draft::Draft;
use super::loaded::ExpertScales;
use super::pipeline::Parts;
use super::sampling::Sampling;
use super::shape::{Dtype, ModelShape, Quantization};
use super::state::{StateBlocks, StateRule};
use super::{GIB, real, whole};

/// One kind of accelerator device, with as much of it as an instance has. Of Neuron accelerators it is the
/// cores that a model is split over, each with its share of the accelerator's memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its name, for messages.
    pub name: String,
    /// Memory of one device as a framework sees it, in GiB.
    pub memory_gib: f64,
    /// Devices on the instance.
    pub count: u32,
    /// Devices that come together, as the cores of one Neuron accelerator do; 1 for GPUs.
    pub together: u32,
    /// The only numbers of them that work together; empty for any.
    pub groups: Vec<u32>,
    /// Whether models are compiled for it ahead of their requests: the number of sequences and their longest
    /// context are built in, and so is the cache of them all.
    pub compiled: bool,
    /// CUDA compute capability, such as `(8, 6)`; `None` for other accelerators.
    pub compute_capability: Option<(u32, u32)>,
    /// Whether it calculates in bfloat16.
    pub bf16: bool,
    /// Whether it calculates in 8-bit floating point.
    pub fp8: bool,
    /// Whether it calculates in 4-bit floating point.
    pub fp4: bool,
}

impl Device {
    /// Whether so many of them work together.
    pub fn works(&self, count: u32) -> bool {
        self.groups.is_empty() || self.groups.contains(&count)
    }
}

/// How the engine is started, as far as memory is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Serving {
    /// Devices that every layer is split over.
    pub tensor_parallel: u32,
    /// Groups of such devices, each with its share of the layers.
    pub pipeline_parallel: u32,
    /// Share of device memory that the engine may take.
    pub memory_utilization: f64,
    /// Longest context, in tokens.
    pub max_model_len: u64,
    /// Most sequences at once; `None` for the engine's default.
    pub max_num_seqs: Option<u32>,
    /// Most tokens in one step; `None` for the engine's default.
    pub max_num_batched_tokens: Option<u64>,
    /// Format of unquantized weights and activations.
    pub dtype: Dtype,
    /// Quantization while loading, for a checkpoint that is not quantized.
    pub in_flight: Option<Quantization>,
    /// Bytes per value of the cache: 2, or 1 for an 8-bit cache.
    pub cache_value_bytes: f64,
    /// `LoRA` adapters in one batch and their highest rank.
    pub lora: Option<(u32, u32)>,
    /// Whether CUDA graphs are off.
    pub eager: bool,
    /// How the engine keeps states of recurrent layers; `None` where it does not keep them in blocks.
    pub states: Option<StateRule>,
    /// How the engine chooses the next tokens.
    pub sampling: Sampling,
    /// How the engine keeps the scales of experts in four bits.
    pub scales: ExpertScales,
    /// The model that drafts tokens for this one.
    pub draft: Option<Draft>,
}

/// Whether it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// With room to spare.
    Fits,
    /// Within the error of the estimate.
    Tight,
    /// Not even by the most favourable estimate.
    TooBig,
    /// The weights fit; nothing is known of the cache.
    WeightsFit,
}

/// The estimate, per device.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizing {
    /// Memory that the engine may take.
    pub budget_gib: f64,
    /// Weights.
    pub weights_gib: f64,
    /// Peak activations, logits, communication buffers, CUDA graphs and adapters.
    pub overhead_gib: f64,
    /// What is left for the key-value cache; negative if nothing is.
    pub kv_gib: f64,
    /// Cache of one sequence of `max_model_len` tokens; `None` if unknown.
    pub sequence_gib: Option<f64>,
    /// Tokens in the cache, over all sequences of that length; `None` if unknown.
    pub kv_tokens: Option<u64>,
    /// Sequences of `max_model_len` tokens that run at once; `None` if unknown.
    pub concurrent_sequences: Option<f64>,
    /// The longest context of which one sequence fits, at most the model's; `None` if unknown.
    pub longest_context: Option<u64>,
    /// Blocks that states of recurrent layers share with the cache, where the engine keeps them so.
    pub state_blocks: Option<StateBlocks>,
    /// Whether it runs.
    pub verdict: Verdict,
}

impl Sizing {
    /// Whether to go on: everything but [`Verdict::TooBig`].
    pub fn fits(&self) -> bool {
        self.verdict != Verdict::TooBig
    }
}

/// Share of the cache that an estimate must leave over before it promises anything.
const CAUTION: f64 = 0.1;

/// Sequences at once where they are compiled in and nobody says how many.
pub const COMPILED_SEQUENCES: u32 = 4;

/// Peak memory beside weights and cache, in GiB.
struct Overhead {
    /// The least that any configuration needs.
    least: f64,
    /// What current releases were measured to take.
    usual: f64,
}

/// Will `model`, started as `serving` says, run on `device`?
pub fn estimate(model: &ModelShape, device: &Device, serving: &Serving) -> Sizing {
    let parallel = f64::from(serving.tensor_parallel.max(1));
    let stages = f64::from(serving.pipeline_parallel.max(1));
    let budget_gib = device.memory_gib * serving.memory_utilization;
    let loaded = model.loaded_bytes(serving.dtype, serving.in_flight.as_ref());
    // The parts of a pipeline beside what denoises are on every device.
    let kept_whole = model.parts.map_or(0.0, |parts| parts.whole_bytes(serving.dtype)).min(loaded);
    let draft = serving.draft.map_or(0.0, |draft| draft.bytes(serving.tensor_parallel));
    let scales = serving.scales.bytes(model.weights, device.compute_capability);
    let share = model.weights.on_one(loaded - kept_whole, model.weight_bytes, parallel, stages);
    let weights_gib = (share + scales / parallel / stages + kept_whole + draft) / GIB;
    let (batched_tokens, sequences) = batch(device, serving);
    let overhead = overhead(model, device, serving, batched_tokens, sequences);
    let kv_gib = budget_gib - weights_gib - overhead.usual;
    let most_kv_gib = budget_gib - weights_gib - overhead.least;

    let mut sizing = Sizing {
        budget_gib,
        weights_gib,
        overhead_gib: overhead.usual,
        kv_gib,
        sequence_gib: None,
        kv_tokens: None,
        concurrent_sequences: None,
        longest_context: None,
        state_blocks: None,
        verdict: verdict(0.0, kv_gib, most_kv_gib),
    };
    let Some(cache) = model.cache else {
        if sizing.verdict != Verdict::TooBig {
            sizing.verdict = Verdict::WeightsFit;
        }
        return sizing;
    };
    let at_once = if device.compiled { real(sequences) } else { 1.0 };
    let rule = serving.states.filter(|_| !device.compiled);
    let paged = cache.states.filter(|states| states.layers > 0).zip(rule).map(|(states, rule)| {
        let (degree, stages) = (serving.tensor_parallel, serving.pipeline_parallel);
        states.paged(degree, stages, serving.cache_value_bytes, rule)
    });
    sizing.state_blocks = paged
        .map(|paged| paged.blocks(kv_gib * (1.0 - CAUTION) * GIB, kv_gib * GIB, most_kv_gib * GIB));
    let kept = Kept {
        paged,
        draft: serving.draft.map(|draft| (draft.cache, draft.shards(serving.tensor_parallel))),
        shards: shards(model, cache, device, serving.tensor_parallel) * stages,
        state_shards: parallel * stages,
        value_bytes: serving.cache_value_bytes,
        batched_tokens,
    };
    let sequence_gib = cache.sequence_bytes(serving.max_model_len, kept) / GIB;
    sizing.verdict = verdict(sequence_gib * at_once, kv_gib, most_kv_gib);
    sizing.sequence_gib = Some(sequence_gib);
    let limit = model.max_positions.unwrap_or(serving.max_model_len).max(serving.max_model_len);
    // A pipeline has no context.
    sizing.longest_context = model
        .parts
        .is_none()
        .then(|| cache.longest(kv_gib / at_once * (1.0 - CAUTION) * GIB, limit, kept));
    if sequence_gib > 0.0 {
        let room = (kv_gib / sequence_gib).max(0.0);
        let concurrent = if device.compiled { room.min(at_once) } else { room };
        sizing.concurrent_sequences = Some(concurrent);
        sizing.kv_tokens = Some(whole(concurrent * real(serving.max_model_len)));
    }
    sizing
}

/// Devices over which the cache is divided. Compilers pad attention heads that do not divide; key-value heads are then
/// copied, one to each core, or where that does not come out even one to each attention head
/// (`get_shardable_head_counts` of optimum-neuron 0.4.5).
fn shards(model: &ModelShape, cache: Cache, device: &Device, degree: u32) -> f64 {
    let degree = degree.max(1);
    match (model.heads, model.kv_heads) {
        (Some(heads), Some(kv)) if device.compiled && !cache.replicated && kv > 0 => {
            let padded = heads.div_ceil(degree) * degree;
            let kept = if heads == kv {
                padded
            } else if kv % degree == 0 {
                kv
            } else if degree.is_multiple_of(kv) {
                degree
            } else {
                padded
            };
            f64::from(degree) * f64::from(kv) / f64::from(kept)
        }
        _ => cache.shards(model.kv_heads, degree),
    }
}

fn verdict(sequence_gib: f64, kv_gib: f64, most_kv_gib: f64) -> Verdict {
    if sequence_gib > most_kv_gib || most_kv_gib <= 0.0 {
        Verdict::TooBig
    } else if sequence_gib > kv_gib * (1.0 - CAUTION) || kv_gib <= 0.0 {
        Verdict::Tight
    } else {
        Verdict::Fits
    }
}

/// Tokens and sequences of one step, as engines choose them by the size of the device.
pub(super) fn batch(device: &Device, serving: &Serving) -> (u64, u64) {
    if device.compiled {
        // A prompt is read whole, one at a time.
        let sequences = serving.max_num_seqs.unwrap_or(COMPILED_SEQUENCES);
        return (serving.max_model_len, u64::from(sequences));
    }
    let newer = device.compute_capability.is_none_or(|c| c >= (8, 9));
    let (tokens, sequences) = match device.memory_gib {
        m if m >= 160.0 => (16_384, 1024),
        m if m >= 70.0 && newer => (8192, 1024),
        _ => (2048, 256),
    };
    let tokens = serving.max_num_batched_tokens.unwrap_or(tokens);
    // A default is no more than the tokens of a step.
    (tokens, serving.max_num_seqs.map_or(sequences.min(tokens.max(1)), u64::from))
}

fn overhead(
    model: &ModelShape,
    device: &Device,
    serving: &Serving,
    tokens: u64,
    sequences: u64,
) -> Overhead {
    let step_tokens = real(tokens.min(serving.max_model_len.saturating_mul(sequences)));
    // Hidden states, projections and the feed-forward's inner width: some 16 times the hidden width.
    let activations = step_tokens * real(model.hidden) * 16.0 * 2.0;
    // One row of logits per sequence, at 32 bits; sampling keeps about three copies.
    let rows = sequences.min(tokens);
    let logits = real(rows) * real(model.vocab) * 4.0;
    // Sorting starts when the forward pass has given everything back but its hidden states: the larger of the two counts.
    let sorting = serving.sampling.sorting(rows, model.vocab).filter(|_| !device.compiled);
    let peak = sorting.map_or(activations + 3.0 * logits, |bytes| {
        activations.max(bytes + step_tokens * real(model.hidden) * 2.0)
    });
    let working = model.parts.map_or(0.0, Parts::working_bytes);
    let split = serving.tensor_parallel > 1 || serving.pipeline_parallel > 1;
    let communication = if split { 0.6 } else { 0.1 };
    let graphs = if serving.eager { 0.0 } else { 0.015 * f64::from(model.layers) };
    let adapters = serving.lora.map_or(0.0, |(count, rank)| {
        // Widths in and out of a layer's projections add up to some 18 times the hidden width.
        f64::from(count)
            * f64::from(rank)
            * 18.0
            * real(model.hidden)
            * f64::from(model.layers)
            * 2.0
    });
    Overhead {
        least: ((activations + working + adapters) / 2.0 + logits) / GIB,
        usual: (peak + working + adapters) / GIB + communication + graphs,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::cache::Cache;
    use super::*;

    /// Llama 3.1 8B, by its public configuration.
    pub(crate) fn llama_8b() -> ModelShape {
        ModelShape {
            architecture: Some("LlamaForCausalLM".into()),
            parameters: 8_030_261_248,
            parameters_computed: false,
            weight_bytes: 16_060_522_496,
            embedding_parameters: 2 * 128_256 * 4096,
            hidden: 4096,
            heads: Some(32),
            kv_heads: Some(8),
            layers: 32,
            vocab: 128_256,
            max_positions: Some(131_072),
            stretched: None,
            dtype: Dtype::Bfloat16,
            quantization: None,
            cache: Some(Cache { token_bytes: 131_072, ..Cache::default() }),
            custom_code: false,
            written_by: None,
            reads_images: false,
            weights: super::super::loaded::Weights::default(),
            origin: super::super::shape::Origin::Own,
            widths: super::super::widths::Widths::default(),
            parts: None,
        }
    }

    /// Four A10G, as on ml.g5.12xlarge.
    pub(crate) fn a10g() -> Device {
        Device {
            name: "A10G".into(),
            memory_gib: 22.07,
            count: 4,
            together: 1,
            groups: Vec::new(),
            compiled: false,
            compute_capability: Some((8, 6)),
            bf16: true,
            fp8: false,
            fp4: false,
        }
    }

    pub(crate) fn serving(tensor_parallel: u32, max_model_len: u64) -> Serving {
        Serving {
            tensor_parallel,
            pipeline_parallel: 1,
            memory_utilization: 0.92,
            max_model_len,
            max_num_seqs: None,
            max_num_batched_tokens: None,
            dtype: Dtype::Bfloat16,
            in_flight: None,
            cache_value_bytes: 2.0,
            lora: None,
            eager: false,
            states: None,
            sampling: Sampling::default(),
            scales: ExpertScales::default(),
            draft: None,
        }
    }

    #[test]
    fn eight_billion_fit_one_a10g_with_a_short_context() {
        let short = estimate(&llama_8b(), &a10g(), &serving(1, 8192));
        assert_eq!(short.verdict, Verdict::Fits, "{short:?}");
        let long = estimate(&llama_8b(), &a10g(), &serving(1, 131_072));
        assert_eq!(
            long.verdict,
            Verdict::TooBig,
            "16 GiB of cache beside 15 GiB of weights: {long:?}"
        );
        let longest = long.longest_context.expect("known");
        assert!((20_000..40_000).contains(&longest), "{longest}");
    }

    #[test]
    fn an_eight_bit_cache_doubles_the_tokens() {
        let wide = estimate(&llama_8b(), &a10g(), &serving(1, 8192));
        let narrow =
            estimate(&llama_8b(), &a10g(), &Serving { cache_value_bytes: 1.0, ..serving(1, 8192) });
        let ratio =
            narrow.concurrent_sequences.expect("known") / wide.concurrent_sequences.expect("known");
        assert!((ratio - 2.0).abs() < 1e-9);
    }

    #[test]
    fn an_unknown_cache_is_never_a_refusal_when_weights_fit() {
        let model = ModelShape { cache: None, ..llama_8b() };
        assert_eq!(estimate(&model, &a10g(), &serving(1, 131_072)).verdict, Verdict::WeightsFit);
        let small = Device { memory_gib: 12.0, ..a10g() };
        assert_eq!(estimate(&model, &small, &serving(1, 4096)).verdict, Verdict::TooBig);
    }

    #[test]
    fn quantizing_while_loading_shrinks_everything_but_embeddings() {
        let fp8 = Serving { in_flight: Quantization::named("fp8", None), ..serving(1, 8192) };
        let sizing = estimate(&llama_8b(), &a10g(), &fp8);
        let expected = (1_050_673_152.0 * 2.0 + 6_979_588_096.0 * 1.002) / GIB;
        assert!((sizing.weights_gib - expected).abs() < 1e-6, "{}", sizing.weights_gib);
    }

    #[test]
    fn adapters_take_memory() {
        let without = estimate(&llama_8b(), &a10g(), &serving(1, 8192));
        let with =
            estimate(&llama_8b(), &a10g(), &Serving { lora: Some((8, 64)), ..serving(1, 8192) });
        assert!(with.kv_gib < without.kv_gib - 1.0, "{} {}", with.kv_gib, without.kv_gib);
    }
}
