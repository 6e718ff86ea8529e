//! Choosing what the user left open: the degree of tensor parallelism and the longest context.

use super::draft::Draft;
use super::estimate::{Device, Serving, Sizing, Verdict, batch, estimate};
use super::loaded::ExpertScales;
use super::parallel::{Degree, check_split, split_degrees};
use super::sampling::Sampling;
use super::shape::{Dtype, ModelShape, Quantization};
use super::state::StateRule;
use super::widths::Split;

/// What the user asked for; what is absent is chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Degree of tensor parallelism.
    pub tensor_parallel: Option<u32>,
    /// Groups of devices that the layers are divided over.
    pub pipeline_parallel: u32,
    /// Copies of the model in one server, each on devices of its own.
    pub copies: u32,
    /// Whether nothing else uses the devices: then a model that needs half of them gets all.
    pub alone: bool,
    /// Longest context, in tokens.
    pub max_model_len: Option<u64>,
    /// Share of device memory that the engine may take.
    pub memory_utilization: f64,
    /// Number format of unquantized weights.
    pub dtype: Option<Dtype>,
    /// Quantization while loading.
    pub in_flight: Option<Quantization>,
    /// Most sequences at once.
    pub max_num_seqs: Option<u32>,
    /// Most tokens in one step.
    pub max_num_batched_tokens: Option<u64>,
    /// Whether the key-value cache has 8 bits per value.
    pub eight_bit_cache: bool,
    /// `LoRA` adapters in one batch and their highest rank.
    pub lora: Option<(u32, u32)>,
    /// Whether CUDA graphs are off.
    pub eager: bool,
    /// How the engine divides a model.
    pub split: Split,
    /// How it keeps states of recurrent layers; `None` where it does not keep them in blocks, or is not known.
    pub states: Option<StateRule>,
    /// How it chooses the next tokens.
    pub sampling: Sampling,
    /// How it keeps the scales of experts in four bits.
    pub scales: ExpertScales,
    /// The model that drafts tokens for this one.
    pub draft: Option<Draft>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            tensor_parallel: None,
            pipeline_parallel: 1,
            copies: 1,
            alone: false,
            max_model_len: None,
            memory_utilization: 0.9,
            dtype: None,
            in_flight: None,
            max_num_seqs: None,
            max_num_batched_tokens: None,
            eight_bit_cache: false,
            lora: None,
            eager: false,
            split: Split::default(),
            states: None,
            sampling: Sampling::default(),
            scales: ExpertScales::default(),
            draft: None,
        }
    }
}

impl Wanted {
    /// Groups of devices that each hold all heads: stages of the pipeline, times copies.
    pub(crate) fn groups(&self) -> u32 {
        self.pipeline_parallel.max(1).saturating_mul(self.copies.max(1))
    }

    /// Whether `model` can be split over `degree` devices.
    pub fn check(&self, model: &ModelShape, degree: u32) -> Degree {
        check_split(model, degree, &self.split)
    }

    fn serving(&self, dtype: Dtype) -> Serving {
        Serving {
            tensor_parallel: 1,
            pipeline_parallel: self.pipeline_parallel.max(1),
            memory_utilization: self.memory_utilization,
            max_model_len: ASSUMED_CONTEXT,
            max_num_seqs: self.max_num_seqs,
            max_num_batched_tokens: self.max_num_batched_tokens,
            dtype,
            in_flight: self.in_flight.clone(),
            cache_value_bytes: if self.eight_bit_cache { 1.0 } else { 2.0 },
            lora: self.lora,
            eager: self.eager,
            states: self.states,
            sampling: self.sampling,
            scales: self.scales,
            draft: self.draft,
        }
    }
}

/// What was chosen, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The engine's settings, complete.
    pub serving: Serving,
    /// What they come to.
    pub sizing: Sizing,
    /// The longest context to tell the engine; `None` where its own default (the model's) is right.
    pub max_model_len: Option<u64>,
    /// Most sequences at once, to tell the engine; `None` where its own default is right.
    pub max_num_seqs: Option<u32>,
    /// Whether that is less than the model could.
    pub context_reduced: bool,
    /// Devices that it takes: tensor parallelism times stages times copies.
    pub used_devices: u32,
    /// Devices of the instance that this copy of the model leaves idle.
    pub idle_devices: u32,
    /// The number format to tell the engine, where its own choice would not run on the device.
    pub dtype_flag: Option<String>,
}

/// A context below this is not worth serving a language model for.
const LEAST_CONTEXT: u64 = 2048;
/// Chosen contexts are multiples of this.
const CONTEXT_STEP: u64 = 1024;
/// Context that is sized for when nobody says one.
const ASSUMED_CONTEXT: u64 = 8192;

/// The longest context that is compiled in where nobody says one: longer ones take longer to compile, and more
/// memory whether they come or not.
pub const COMPILED_CONTEXT: u64 = 4096;

/// Decides for `model` on `device` what `wanted` leaves open.
pub fn plan(model: &ModelShape, device: &Device, wanted: &Wanted) -> Plan {
    let dtype = wanted.dtype.unwrap_or_else(|| own_dtype(model, device));
    let serving = wanted.serving(dtype);
    let own = model.max_positions.unwrap_or(ASSUMED_CONTEXT);
    let open = if device.compiled { own.min(COMPILED_CONTEXT) } else { own };
    let target = wanted.max_model_len.unwrap_or(open);
    let degrees = match wanted.tensor_parallel {
        Some(degree) => vec![degree],
        None => degrees(model, device, wanted),
    };
    let at = |degree: u32, context: u64| {
        let serving =
            Serving { tensor_parallel: degree, max_model_len: context, ..serving.clone() };
        limited(model, device, serving)
    };
    let tried: Vec<(Serving, Sizing)> = degrees.iter().map(|d| at(*d, target)).collect();
    let roomy =
        tried.iter().find(|(_, s)| matches!(s.verdict, Verdict::Fits | Verdict::WeightsFit));
    if let Some(smallest) = roomy {
        let all = tried.last().filter(|(s, sizing)| {
            let degree = smallest.0.tensor_parallel;
            let uses_all = s.tensor_parallel * wanted.groups() == device.count;
            let half = degree > 1 && 2 * degree >= s.tensor_parallel;
            wanted.alone && uses_all && half && sizing.verdict == smallest.1.verdict
        });
        let (serving, sizing) = all.unwrap_or(smallest);
        return finish(model, device, wanted, serving.clone(), sizing.clone(), false);
    }
    let most = degrees.last().copied().unwrap_or(1);
    if wanted.max_model_len.is_some() {
        // The context is the user's: the smallest degree that may do, or the largest to show what is missing.
        let tight = tried.iter().find(|(_, s)| s.verdict == Verdict::Tight);
        let (serving, sizing) = tight.or(tried.last()).cloned().unwrap_or_else(|| at(most, target));
        return finish(model, device, wanted, serving, sizing, false);
    }
    let longest = tried.last().and_then(|(_, s)| s.longest_context).unwrap_or(0);
    let context = (longest / CONTEXT_STEP * CONTEXT_STEP).max(LEAST_CONTEXT).min(target);
    let (serving, sizing) = at(most, context);
    finish(model, device, wanted, serving, sizing, context < target)
}

/// `serving` with as many sequences at once as there are blocks for, where nobody says how many and the engine would not
/// start with its default.
fn limited(model: &ModelShape, device: &Device, serving: Serving) -> (Serving, Sizing) {
    let sizing = estimate(model, device, &serving);
    let rule = serving.states.filter(|rule| rule.refuses && !serving.eager && !device.compiled);
    let (Some(rule), None) = (rule, serving.max_num_seqs) else {
        return (serving, sizing);
    };
    let at = |sequences: u32| {
        let serving = Serving { max_num_seqs: Some(sequences), ..serving.clone() };
        let sizing = estimate(model, device, &serving);
        (serving, sizing)
    };
    match sizing.state_blocks {
        Some(blocks) if batch(device, &serving).1 > blocks.sure => {
            // Fewer sequences leave more for the cache: as many as there are blocks for with so many, and no more.
            let useful = |sizing: &Sizing| sizing.state_blocks.map_or(1, |blocks| blocks.useful());
            let most = useful(&at(1).1);
            at(most.min(useful(&at(most).1)))
        }
        None if model.cache.and_then(|cache| cache.states).is_none() => match rule.few() {
            Some(few) => at(few),
            None => (serving, sizing),
        },
        _ => (serving, sizing),
    }
}

/// Degrees of tensor parallelism to choose from, in each of the equal groups that the devices are divided into, smallest
/// first. Devices that come together are not parted if that can be; where models are compiled, heads that do
/// not divide are padded.
pub fn degrees(model: &ModelShape, device: &Device, wanted: &Wanted) -> Vec<u32> {
    // Of most pipelines it is not known whether they can be split.
    if model.parts.is_some_and(|parts| !parts.splits) {
        return vec![1];
    }
    let most = (device.count / wanted.groups()).max(1);
    let all = if device.compiled {
        let powers = (0..u32::BITS).map(|bits| 1 << bits).take_while(|degree| *degree <= most);
        powers.filter(|degree| device.works(*degree)).collect()
    } else {
        split_degrees(model, most, &wanted.split)
    };
    let whole: Vec<u32> =
        all.iter().copied().filter(|degree| degree.is_multiple_of(device.together)).collect();
    if whole.is_empty() { all } else { whole }
}

/// The format that an engine takes by itself (32-bit checkpoints are halved), or the one that runs instead.
fn own_dtype(model: &ModelShape, device: &Device) -> Dtype {
    match model.dtype {
        Dtype::Bfloat16 | Dtype::Float32 if device.bf16 => Dtype::Bfloat16,
        _ => Dtype::Float16,
    }
}

fn finish(
    model: &ModelShape,
    device: &Device,
    wanted: &Wanted,
    serving: Serving,
    sizing: Sizing,
    context_reduced: bool,
) -> Plan {
    let degree = serving.tensor_parallel;
    let used_devices = degree.saturating_mul(wanted.groups());
    let idle_devices = device.count.saturating_sub(used_devices);
    let changed =
        wanted.dtype.is_none() && model.dtype == Dtype::Bfloat16 && serving.dtype != model.dtype;
    Plan {
        max_model_len: wanted
            .max_model_len
            .or((context_reduced || device.compiled).then_some(serving.max_model_len))
            .or(model.max_positions),
        max_num_seqs: serving.max_num_seqs,
        context_reduced,
        used_devices,
        idle_devices,
        dtype_flag: changed.then(|| serving.dtype.name().to_owned()),
        serving,
        sizing,
    }
}

#[cfg(test)]
mod tests {
    use super::super::estimate::tests::{a10g, llama_8b};
    use super::*;

    fn choose(model: &ModelShape, device: &Device, wanted: Wanted) -> Plan {
        plan(model, device, &Wanted { memory_utilization: 0.92, ..wanted })
    }

    #[test]
    fn the_smallest_degree_that_holds_the_context() {
        let short =
            choose(&llama_8b(), &a10g(), Wanted { max_model_len: Some(8192), ..Wanted::default() });
        assert_eq!((short.serving.tensor_parallel, short.idle_devices), (1, 3));
        let long = choose(&llama_8b(), &a10g(), Wanted::default());
        assert_eq!(
            long.serving.tensor_parallel, 2,
            "128k tokens need a second device: {:?}",
            long.sizing
        );
        assert_eq!(long.max_model_len, Some(131_072));
        assert!(!long.context_reduced);
        let alone = choose(&llama_8b(), &a10g(), Wanted { alone: true, ..Wanted::default() });
        assert_eq!(alone.serving.tensor_parallel, 4, "devices that nothing else can use");
        let short = Wanted { alone: true, max_model_len: Some(8192), ..Wanted::default() };
        assert_eq!(choose(&llama_8b(), &a10g(), short).idle_devices, 3, "the wrong instance type");
    }

    #[test]
    fn a_context_that_does_not_fit_is_shortened_and_says_so() {
        let one = Device { count: 1, ..a10g() };
        let plan = choose(&llama_8b(), &one, Wanted::default());
        let notes = plan.notes(&llama_8b(), &one, &Wanted::default());
        assert!(plan.context_reduced && plan.sizing.verdict == Verdict::Fits, "{plan:?}");
        let context = plan.max_model_len.expect("a limit");
        assert_eq!(context % 1024, 0);
        assert!((16_384..40_000).contains(&context), "{context}");
        assert!(notes.iter().any(|r| r.contains(&context.to_string())), "{notes:?}");
    }

    #[test]
    fn a_context_that_was_asked_for_is_never_shortened() {
        let one = Device { count: 1, ..a10g() };
        let wanted = Wanted { max_model_len: Some(131_072), ..Wanted::default() };
        let plan = choose(&llama_8b(), &one, wanted);
        assert_eq!(plan.max_model_len, Some(131_072));
        assert_eq!(plan.sizing.verdict, Verdict::TooBig);
    }

    #[test]
    fn turing_gets_half_precision() {
        let t4 = Device {
            name: "T4".into(),
            memory_gib: 14.6,
            bf16: false,
            compute_capability: Some((7, 5)),
            ..a10g()
        };
        let plan =
            choose(&llama_8b(), &t4, Wanted { max_model_len: Some(4096), ..Wanted::default() });
        assert_eq!(plan.dtype_flag.as_deref(), Some("float16"));
        let own = Wanted { dtype: Some(Dtype::Bfloat16), ..Wanted::default() };
        assert_eq!(
            choose(&llama_8b(), &t4, own).dtype_flag,
            None,
            "a rule speaks about what was asked for"
        );
        assert_eq!(choose(&llama_8b(), &a10g(), Wanted::default()).dtype_flag, None);
    }

    #[test]
    fn weights_that_do_not_fit_are_too_big() {
        let big =
            ModelShape { weight_bytes: 141_107_412_992, parameters: 70_553_706_496, ..llama_8b() };
        let plan = choose(&big, &a10g(), Wanted::default());
        assert_eq!(plan.sizing.verdict, Verdict::TooBig);
        assert_eq!(plan.serving.tensor_parallel, 4, "shows the best that could be done");
    }
}
