//! Which number formats and quantizations a device can calculate with.

use mcc_catalogs::version;

use super::choose::Plan;
use super::estimate::Device;
use super::shape::{Dtype, ModelShape, Quantization};

/// How well a device supports a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// In hardware.
    Native,
    /// It runs, with the stated drawback.
    Emulated(String),
    /// It does not run, for the stated reason.
    Missing(String),
    /// Nothing is known of the device or the method.
    Unknown,
}

/// Whether a key-value cache of eight bits is known not to work on `device`: compute capability 8.0 is the least.
pub fn lacks_eight_bit_cache(device: &Device) -> bool {
    device.compute_capability.is_some_and(|has| has < (8, 0))
}

/// Whether `device` calculates in `dtype` with weights quantized as `quantization` says.
///
/// `minimum_capability` is the engine's own requirement for the method, where its facts say one.
pub fn precision_support(
    device: &Device,
    dtype: Dtype,
    quantization: Option<&Quantization>,
    minimum_capability: Option<(u32, u32)>,
) -> Support {
    if dtype == Dtype::Bfloat16 && !device.bf16 {
        return Support::Missing(format!(
            "{} has no bfloat16: it needs compute capability 8.0",
            device.name
        ));
    }
    let Some(quantization) = quantization else {
        return Support::Native;
    };
    if device.compiled {
        return Support::Missing(format!(
            "{} runs checkpoints that are not quantized; this one is, with {}",
            device.name, quantization.method
        ));
    }
    let Some(capability) = device.compute_capability else {
        return Support::Unknown;
    };
    if let Some(minimum) = minimum_capability.filter(|m| capability < *m) {
        return Support::Missing(format!(
            "{} needs compute capability {}.{}; {} has {}.{}",
            quantization.method, minimum.0, minimum.1, device.name, capability.0, capability.1,
        ));
    }
    match quantization.activation_bits {
        8 if !device.fp8 && quantization.method.contains("fp8") => Support::Emulated(format!(
            "{} has no 8-bit floating point: weights stay at 8 bits, but are calculated with at 16, without the \
             speed-up",
            device.name,
        )),
        4 if !device.fp4 => Support::Emulated(format!(
            "{} has no 4-bit floating point: weights stay at 4 bits, but are calculated with at 16",
            device.name,
        )),
        _ => Support::Native,
    }
}

/// Whether a release of an engine that quantizes while loading does so layer by layer, so that the whole model is never
/// there at 16 bits: vLLM's documentation says it from 0.20.0 on, and the contrary from 0.5.5 to 0.10. None if nobody has
/// read it.
pub fn loads_by_layer(engine: &str, release: Option<&str>) -> Option<bool> {
    let release = release.filter(|_| engine == "vllm")?;
    let from = |least| version::compare(release, least).is_ge();
    if from("0.20.0") { Some(true) } else { (from("0.5.5") && !from("0.11.0")).then_some(false) }
}

/// GiB that the weights take of each device before `method` quantizes them, and GiB that it has, where it cannot hold them
/// and holds what stays of them.
pub fn too_much_while_loading(
    model: &ModelShape,
    plan: &Plan,
    device: &Device,
    method: &Quantization,
) -> Option<(f64, f64)> {
    let loaded = |method| model.loaded_bytes(plan.serving.dtype, method);
    let whole = plan.sizing.weights_gib * loaded(None) / loaded(Some(method));
    let stays = plan.sizing.weights_gib <= plan.sizing.budget_gib;
    (whole > device.memory_gib && stays).then_some((whole, device.memory_gib))
}

#[cfg(test)]
mod tests {
    use super::super::estimate::tests::a10g;
    use super::*;

    fn t4() -> Device {
        Device { name: "T4".into(), compute_capability: Some((7, 5)), bf16: false, ..a10g() }
    }

    #[test]
    fn turing_has_no_bfloat16() {
        assert!(matches!(
            precision_support(&t4(), Dtype::Bfloat16, None, None),
            Support::Missing(_)
        ));
        assert_eq!(precision_support(&t4(), Dtype::Float16, None, None), Support::Native);
    }

    #[test]
    fn fp8_is_weight_only_on_ampere_and_native_on_ada() {
        let fp8 = Quantization::named("fp8", None);
        let ampere = precision_support(&a10g(), Dtype::Bfloat16, fp8.as_ref(), Some((7, 5)));
        assert!(matches!(ampere, Support::Emulated(_)), "{ampere:?}");
        let ada =
            Device { name: "L4".into(), compute_capability: Some((8, 9)), fp8: true, ..a10g() };
        assert_eq!(
            precision_support(&ada, Dtype::Bfloat16, fp8.as_ref(), Some((7, 5))),
            Support::Native
        );
    }

    #[test]
    fn an_engine_minimum_is_a_refusal() {
        let mxfp4 = Quantization::named("mxfp4", None);
        let support = precision_support(&t4(), Dtype::Float16, mxfp4.as_ref(), Some((8, 0)));
        assert!(
            matches!(support, Support::Missing(why) if why.contains("8.0") && why.contains("7.5"))
        );
    }
}
