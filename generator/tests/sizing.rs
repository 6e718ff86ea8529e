//! Sizing held against measured deployments, against configurations that are known to run, against numbers
//! worked out by hand from published configurations, and against itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "tests"
)]

mod support;

use mcc_catalogs::{Accelerator, Catalogs, Measurement, MemoryBasis};
use mcc_fit::sizing::{
    Cache, Device, Dtype, ExpertScales, GIB, ModelShape, Origin, Sampling, Serving, Sizing,
    StateRule, Verdict, Wanted, Weights, Widths, allowed_degrees, check_degree, device_of,
    estimate, plan, shape_of, variant_shape,
};
use mcc_generator::registry;
use proptest::prelude::*;
use serde_json::json;
use support::{object, plan_of};

/// The model of a measurement in the precision that it had; `None` if the catalogs cannot describe it.
fn shape(point: &Measurement) -> Option<ModelShape> {
    let base = Catalogs::embedded().models().get(point.base.as_ref()?.as_str())?;
    let quantization = point.quantization.as_deref().unwrap_or("bf16");
    if quantization.ends_with("(native)") {
        return shape_of(base);
    }
    let precision = match quantization.split(' ').next().unwrap() {
        // What the checkpoint has anyway.
        "bf16" | "mxfp4" => return shape_of(base),
        "bitsandbytes" | "4bit" => "bitsandbytes",
        other => other,
    };
    variant_shape(base, precision)
}

/// Tokens of a step of an engine that reads whole prompts: vLLM's first, whose default is as many as the context has.
fn whole_prompts(point: &Measurement) -> Option<u64> {
    let first = point.engine.ends_with("V0");
    // From 32K on it reads them in parts as well.
    point.max_model_len.filter(|tokens| first && *tokens <= 32_768).map(|tokens| tokens.max(2048))
}

/// Name and release of the engine, as far as they are known. The first engine and what came before a release are as old
/// as any.
fn engine(point: &Measurement) -> Option<(&str, &str)> {
    let (engine, rest) = point.engine.split_once(' ')?;
    let old = rest.starts_with('V') || rest.starts_with("before ");
    let release = if old { "0" } else { rest.split([' ', '/']).next()? };
    Some((engine, release))
}

/// A measured device and the settings that the engine was started with.
fn situation(point: &Measurement, memory_gib: f64) -> (Device, Serving) {
    let newer = point
        .gpu
        .as_deref()
        .is_some_and(|g| ["H100", "H200", "L40S", "RTX PRO", "GB10"].iter().any(|n| g.contains(n)));
    let device = Device {
        name: point.gpu.clone().unwrap_or_default(),
        memory_gib,
        count: point.tp,
        together: 1,
        groups: Vec::new(),
        compiled: false,
        compute_capability: Some(if newer { (8, 9) } else { (8, 0) }),
        bf16: true,
        fp8: newer,
        fp4: false,
    };
    let serving = Serving {
        tensor_parallel: point.tp,
        memory_utilization: point.gpu_memory_utilization.unwrap_or(0.9),
        max_model_len: point.max_model_len.unwrap_or(8192),
        max_num_seqs: point.max_num_seqs,
        max_num_batched_tokens: point.max_num_batched_tokens.or_else(|| whole_prompts(point)),
        cache_value_bytes: if point.kv_dtype.as_deref() == Some("fp8") { 1.0 } else { 2.0 },
        eager: point.enforce_eager == Some(true),
        states: StateRule::of(Catalogs::embedded(), engine(point), None),
        sampling: Sampling::of(Catalogs::embedded(), engine(point)),
        ..serving(point.tp, 8192)
    };
    (device, serving)
}

/// Memory of one device in GiB, as the log has it or as the catalogs know the card; `None` where the engine counts its
/// share in a way that is not estimated.
fn memory(point: &Measurement) -> Option<f64> {
    if !point.engine.starts_with("vllm") {
        return None;
    }
    let card = match point.gpu.as_deref().unwrap_or_default() {
        "H100 80GB" => "H100",
        "H200 141GB" => "H200",
        "A100 40GB" => "A100-40GB",
        "A100 80GB" => "A100-80GB",
        "T4 16GB" => "T4",
        other => other,
    };
    let known = Catalogs::embedded().accelerators().get(card);
    let measured = known.filter(|row| row.memory_basis == MemoryBasis::Measured);
    point.gpu_total_gib.or(measured.map(Accelerator::memory_gib))
}

fn serving(tensor_parallel: u32, max_model_len: u64) -> Serving {
    Serving {
        tensor_parallel,
        pipeline_parallel: 1,
        memory_utilization: 0.9,
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn points() -> Vec<&'static Measurement> {
    Catalogs::embedded().evidence().measured().collect()
}

/// Marks a point that constants are not set by.
fn held(point: &Measurement) -> &'static str {
    if point.is_held_out() { " (held out)" } else { "" }
}

/// Deployments whose weights are not those of the model that they are listed under.
fn other_weights(point: &Measurement) -> bool {
    // A speech encoder beside the language model; releases up to 0.11 that padded the experts by some 5 GiB.
    point.model.contains("Whisper") || ["vram-11", "vram-12"].contains(&point.id.as_str())
}

#[test]
fn weights_are_those_that_were_measured() {
    let mut errors = Vec::new();
    for point in points().into_iter().filter(|p| !other_weights(p)) {
        let (Some(shape), Some(measured)) = (shape(point), point.weights_gib_per_gpu) else {
            continue;
        };
        let weights = shape.weight_bytes as f64 / f64::from(point.tp) / GIB;
        let error = weights / measured - 1.0;
        println!(
            "{}{}: {weights:.2} for {measured:.2} GiB, {:+.1} %",
            point.id,
            held(point),
            error * 100.0
        );
        errors.push(error.abs());
    }
    assert!(errors.len() >= 90, "{} deployments", errors.len());
    let median = median(errors);
    assert!(median < 0.02, "off by {median} in the median");
}

/// Tokens of which the engine said that they fit. Where layers differ, its own count of tokens is of one
/// group of layers only; what it says of whole sequences is of all.
fn measured_tokens(point: &Measurement) -> Option<f64> {
    let sequences = point.max_concurrency.zip(point.max_model_len);
    sequences.map(|(n, len)| n * len as f64).or(point.kv_tokens.map(|n| n as f64))
}

#[test]
fn a_cache_of_known_size_holds_the_tokens_that_were_measured() {
    let (mut errors, mut promised) = (Vec::new(), Vec::new());
    for point in points() {
        let (Some(shape), Some(measured), Some(gib)) =
            (shape(point), measured_tokens(point), point.kv_cache_gib_per_gpu)
        else {
            continue;
        };
        let (device, serving) = situation(point, 80.0);
        // Nothing is known of how some models keep their context.
        let Some(sequence) = estimate(&shape, &device, &serving).sequence_gib else {
            continue;
        };
        let error = gib / sequence * serving.max_model_len as f64 / measured - 1.0;
        println!("{}{}: {:+.1} % tokens", point.id, held(point), error * 100.0);
        if error >= 0.15 {
            promised.push(point.id.as_str());
        }
        let cache = shape.cache.unwrap();
        if cache.windowed_token_bytes + cache.state_bytes == 0 {
            errors.push(error.abs());
        }
    }
    assert!(promised.is_empty(), "more than 15 % too much: {promised:?}");
    assert!(errors.len() >= 50, "{} deployments of plain attention", errors.len());
    assert!(median(errors) < 0.01, "what a token costs is exact");
}

#[test]
fn tokens_that_fit_are_those_that_were_measured() {
    let (mut errors, mut promised) = (Vec::new(), Vec::new());
    for point in points() {
        let (Some(total), Some(shape), Some(measured)) =
            (memory(point), shape(point), measured_tokens(point))
        else {
            continue;
        };
        let (device, serving) = situation(point, total);
        let sizing = estimate(&shape, &device, &serving);
        let error = sizing.kv_tokens.unwrap() as f64 / measured - 1.0;
        println!(
            "{}{}: {:+.1} % tokens, {:.1} GiB beside",
            point.id,
            held(point),
            error * 100.0,
            sizing.overhead_gib
        );
        if error >= 0.15 {
            promised.push(point.id.as_str());
        }
        errors.push(error.abs());
    }
    assert!(promised.is_empty(), "more than 15 % too much: {promised:?}");
    assert!(errors.len() >= 20, "{} deployments", errors.len());
    let median = median(errors);
    assert!(median < 0.08, "off by {median} in the median");
}

#[test]
fn what_was_seen_to_fail_is_not_promised() {
    let failed: Vec<_> =
        points().into_iter().filter(|p| p.fits == Some(false) && !other_weights(p)).collect();
    assert!(!failed.is_empty());
    for point in failed {
        let (device, serving) = situation(point, memory(point).unwrap_or(44.4));
        let sizing = estimate(&shape(point).unwrap(), &device, &serving);
        assert_ne!(sizing.verdict, Verdict::Fits, "{}: {sizing:#?}", point.id);
    }
}

#[test]
fn configurations_that_aws_serves_in_its_tests_are_accepted() {
    let mut planned = 0;
    for fit in Catalogs::embedded().evidence().known_fits() {
        let Some(config) = registry().configs().iter().find(|c| {
            registry()
                .layer(&format!("layers/{}/backend/{}", c.architecture, c.backend))
                .is_some_and(|layer| layer.manifest.engine.as_deref() == Some(fit.engine.as_str()))
        }) else {
            continue;
        };
        let name =
            fit.id.as_ref().map_or_else(|| format!("some/{}", fit.model), ToString::to_string);
        let mut inputs = object(json!({
            "projectName": "known",
            "deploymentConfig": config.name,
            "deploymentTarget": "managed-inference",
            "modelName": name,
            "instanceType": fit.instance.to_string(),
        }));
        let dtype = fit.dtype.as_deref().map(|d| if d == "half" { "float16" } else { d });
        for (key, value) in [
            ("tensorParallelSize", json!(fit.tensor_parallel)),
            ("maxModelLen", json!(fit.max_model_len)),
            ("dtype", json!(dtype)),
            ("gpuMemoryUtilization", json!(fit.gpu_memory_utilization)),
        ] {
            if !value.is_null() {
                inputs.insert(key.to_owned(), value);
            }
        }
        let plan = plan_of(&inputs);
        assert!(plan.is_ready(), "{fit:?}: {:#?}", plan.findings);
        planned += 1;
    }
    assert!(planned >= 8, "{planned} configurations");
}

/// Any plausible model: heads in groups, some of the layers windowed or with a state.
fn any_model() -> impl Strategy<Value = ModelShape> {
    let heads = prop::sample::select(vec![8_u32, 12, 16, 28, 32, 40, 64, 71, 128]);
    let groups = prop::sample::select(vec![1_u32, 2, 4, 8]);
    (heads, groups, 1_u32..100, 1_000_000_000_u64..100_000_000_000, 0_u64..4096, prop::bool::ANY)
        .prop_map(|(heads, group, layers, parameters, window, latent)| {
            let kv_heads = if heads % group == 0 { heads / group } else { heads };
            let token = u64::from(kv_heads) * 128 * 4 * u64::from(layers);
            ModelShape {
                architecture: None,
                parameters,
                parameters_computed: false,
                weight_bytes: 2 * parameters,
                embedding_parameters: 0,
                hidden: u64::from(heads) * 128,
                heads: Some(heads),
                kv_heads: Some(kv_heads),
                layers,
                vocab: 128_256,
                max_positions: Some(131_072),
                dtype: Dtype::Bfloat16,
                quantization: None,
                cache: Some(Cache {
                    token_bytes: token,
                    windowed_token_bytes: if window > 0 { token / 2 } else { 0 },
                    window,
                    state_bytes: window * 1000,
                    replicated: latent,
                    states: None,
                }),
                custom_code: false,
                written_by: None,
                reads_images: false,
                weights: Weights::default(),
                stretched: None,
                origin: Origin::Own,
                widths: Widths::default(),
                parts: None,
            }
        })
}

fn a100(memory_gib: f64, count: u32) -> Device {
    Device {
        name: "some GPU".to_owned(),
        memory_gib,
        count,
        together: 1,
        groups: Vec::new(),
        compiled: false,
        compute_capability: Some((8, 0)),
        bf16: true,
        fp8: false,
        fp4: false,
    }
}

proptest! {
    #[test]
    fn more_memory_never_fits_fewer(model in any_model(), memory in 8.0..150.0_f64, more in 0.0..100.0_f64, tp in 1_u32..9, len in 1_u64..131_072) {
        // Engines work on more at once where there is more memory; here that is fixed.
        let serving = Serving { max_num_seqs: Some(256), max_num_batched_tokens: Some(2048), ..serving(tp, len) };
        let small = estimate(&model, &a100(memory, 8), &serving);
        let large = estimate(&model, &a100(memory + more, 8), &serving);
        prop_assert!(rank(&large) >= rank(&small), "{small:?}\n{large:?}");
        prop_assert!(large.kv_tokens >= small.kv_tokens);
        prop_assert!(large.longest_context >= small.longest_context);
    }

    #[test]
    fn a_longer_context_never_costs_less(model in any_model(), len in 1_u64..131_072, more in 0_u64..131_072, tp in 1_u32..9) {
        let at = |len| estimate(&model, &a100(80.0, 8), &serving(tp, len));
        prop_assert!(at(len + more).sequence_gib >= at(len).sequence_gib);
        prop_assert!(rank(&at(len + more)) <= rank(&at(len)));
    }

    #[test]
    fn a_chosen_degree_divides_and_is_there(model in any_model(), memory in 8.0..150.0_f64, count in 1_u32..9) {
        let plan = plan(&model, &a100(memory, count), &Wanted::default());
        let degree = plan.serving.tensor_parallel;
        prop_assert!(degree <= count && check_degree(&model, degree).allowed());
        prop_assert_eq!(model.heads.unwrap() % degree, 0);
        prop_assert_eq!(plan.used_devices + plan.idle_devices, count);
        prop_assert!(allowed_degrees(&model, count).contains(&degree));
    }

    #[test]
    fn a_context_that_is_chosen_fits(model in any_model(), memory in 8.0..150.0_f64, count in 1_u32..9) {
        let plan = plan(&model, &a100(memory, count), &Wanted::default());
        // Where nothing useful fits the verdict says so; nothing is promised quietly.
        if plan.context_reduced && plan.max_model_len > Some(2048) {
            prop_assert_eq!(plan.sizing.verdict, Verdict::Fits);
        }
    }
}

fn rank(sizing: &Sizing) -> u8 {
    match sizing.verdict {
        Verdict::TooBig => 0,
        Verdict::Tight => 1,
        Verdict::WeightsFit | Verdict::Fits => 2,
    }
}

/// Of real devices too, with what engines choose on each.
#[test]
fn what_fits_a_smaller_gpu_fits_a_larger_one() {
    let catalogs = Catalogs::embedded();
    let mut devices: Vec<Device> = catalogs
        .instances()
        .iter()
        .filter(|i| i.gpus() > 0)
        .filter_map(device_of)
        .map(|d| Device { count: 1, ..d })
        .filter(|d| d.bf16)
        .collect();
    devices.sort_by(|a, b| a.memory_gib.total_cmp(&b.memory_gib));
    devices.dedup_by(|a, b| a.name == b.name);
    assert!(devices.len() >= 8);
    for row in catalogs.models().iter() {
        let Some(shape) = shape_of(row) else { continue };
        let ranks: Vec<u8> = devices
            .iter()
            .map(|device| rank(&plan(&shape, device, &Wanted::default()).sizing))
            .collect();
        for (larger, better) in devices.iter().zip(&ranks) {
            // Engines work on more at once on newer devices, so that one of the same size holds less.
            let smaller =
                devices.iter().zip(&ranks).filter(|(d, _)| d.memory_gib < 0.9 * larger.memory_gib);
            for (device, worse) in smaller {
                assert!(better >= worse, "{}: {} and {}", row.id, device.name, larger.name);
            }
        }
    }
}
