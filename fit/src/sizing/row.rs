//! Rows of the catalogs as what sizing calculates with.

use mcc_catalogs::{
    AcceleratorKind, Attention, AttentionKind, Confidence, Instance, MemoryBasis, Model,
    StoredQuantization,
};

use super::cache::Cache;
use super::estimate::Device;
use super::shape::{Dtype, ModelShape, Quantization};
use super::widths::Widths;
use super::{real, whole};

/// Share of the reported memory that a framework sees where nobody measured it: on every measured device
/// it is 98.2 % or more.
const SEEN_OF_REPORTED: f64 = 0.98;

/// The accelerators of an instance, or their cores where a model is split over those; `None` without any.
pub fn device_of(instance: &Instance) -> Option<Device> {
    let accelerator = instance.accelerator().filter(|_| instance.count > 0)?;
    let together = accelerator.cores.unwrap_or(1).max(1);
    let compiled = accelerator.kind == AcceleratorKind::Neuron;
    let seen = match accelerator.memory_basis {
        MemoryBasis::Measured => 1.0,
        MemoryBasis::Reported | MemoryBasis::Marketing => SEEN_OF_REPORTED,
    };
    Some(Device {
        name: if compiled { accelerator.architecture.clone() } else { accelerator.name.clone() },
        memory_gib: accelerator.memory_gib() * seen / f64::from(together),
        count: instance.count * together,
        together,
        groups: accelerator.core_groups.clone(),
        compiled,
        compute_capability: accelerator
            .compute_capability
            .map(|c| (u32::from(c.major), u32::from(c.minor))),
        bf16: accelerator.bf16.unwrap_or(true),
        fp8: accelerator.fp8.unwrap_or(false),
        fp4: accelerator.fp4.unwrap_or(false),
    })
}

/// A model of the catalogs; `None` if its row has too little to size it by.
pub fn shape_of(model: &Model) -> Option<ModelShape> {
    let parameters = model.parameters?;
    let vocab = u64::from(model.vocab.unwrap_or_default());
    let hidden = u64::from(model.hidden?);
    Some(ModelShape {
        architecture: Some(model.architecture.clone()),
        parameters,
        parameters_computed: false,
        weight_bytes: model.weight_bytes?,
        embedding_parameters: (2 * vocab * hidden).min(parameters / 2),
        hidden,
        heads: model.heads,
        kv_heads: model.kv_heads,
        layers: model.layers.unwrap_or_default(),
        vocab,
        max_positions: model.max_positions,
        dtype: Dtype::parse(&model.dtype).unwrap_or(Dtype::Bfloat16),
        quantization: model.quantization.and_then(stored),
        cache: cache(model),
        custom_code: false,
        widths: Widths::default(),
    })
}

/// The same model in another `precision`, such as `fp8` or `int4`; `None` if its size does not follow from that.
pub fn variant_shape(model: &Model, precision: &str) -> Option<ModelShape> {
    let base = shape_of(model)?;
    if let Some(dtype) =
        Dtype::parse(precision).or((precision == "bf16").then_some(Dtype::Bfloat16))
    {
        let weight_bytes = whole(real(base.parameters) * dtype.bytes());
        return Some(ModelShape { weight_bytes, dtype, quantization: None, ..base });
    }
    let quantization = Quantization::named(precision, None)?;
    let plain = ModelShape { quantization: None, ..base };
    let weight_bytes = whole(plain.loaded_bytes(plain.dtype, Some(&quantization)));
    Some(ModelShape { weight_bytes, quantization: Some(quantization), ..plain })
}

fn stored(quantization: StoredQuantization) -> Option<Quantization> {
    let name = match quantization {
        StoredQuantization::Fp8 => "fp8",
        StoredQuantization::Mxfp4 => "mxfp4",
        StoredQuantization::Int4 => "int4",
        StoredQuantization::Fp4Experts => "fp4-experts",
    };
    Quantization::named(name, None)
}

fn cache(model: &Model) -> Option<Cache> {
    let Attention { kind, kv_bytes_per_token, .. } = model.attention;
    // A hub scrape that found no key-value heads falls back to one for each attention head. Where nothing
    // confirms it, that is more often wrong than right, by a factor of 8 to 40.
    if kind == AttentionKind::Mha && model.confidence != Confidence::High {
        return None;
    }
    Some(Cache {
        token_bytes: kv_bytes_per_token?,
        windowed_token_bytes: model.attention.windowed_kv_bytes_per_token.unwrap_or_default(),
        window: model.attention.window.unwrap_or_default(),
        state_bytes: model.attention.state_bytes_per_sequence.unwrap_or_default(),
        replicated: model.attention.replicated,
    })
}

#[cfg(test)]
mod tests {
    use mcc_catalogs::Catalogs;

    use super::*;

    #[test]
    fn rows_of_the_catalogs_become_shapes() {
        let models = Catalogs::embedded().models();
        let sized = models.iter().filter(|m| shape_of(m).is_some()).count();
        assert!(sized * 10 > models.iter().count() * 8, "{sized} models can be sized");
        let llama = models
            .get("meta-llama/Llama-3.1-8B-Instruct")
            .and_then(shape_of)
            .expect("a known model");
        assert_eq!(llama.cache.expect("cache").token_bytes, 131_072);
    }

    #[test]
    fn variants_are_smaller() {
        let models = Catalogs::embedded().models();
        let base = models.get("Qwen/Qwen3-32B").expect("a known model");
        let whole = shape_of(base).expect("a shape");
        let fp8 = variant_shape(base, "fp8").expect("a variant");
        let int4 = variant_shape(base, "int4").expect("a variant");
        assert!(
            fp8.weight_bytes < whole.weight_bytes * 6 / 10
                && int4.weight_bytes < fp8.weight_bytes * 7 / 10
        );
        assert_eq!(variant_shape(base, "gguf"), None);
    }

    #[test]
    fn every_accelerated_instance_has_a_device() {
        for instance in Catalogs::embedded().instances().iter() {
            assert_eq!(device_of(instance).is_some(), instance.count > 0, "{}", instance.name);
        }
    }
}
