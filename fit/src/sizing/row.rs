//! Rows of the catalogs as what sizing calculates with.

use mcc_catalogs::{AcceleratorKind, Basis, Instance, MemoryBasis, Model, ModelConfig};
use serde_json::Value;

use super::config_json::{ConfigError, parse_part};
use super::estimate::Device;
use super::loaded::Weights;
use super::shape::{Dtype, ModelShape, Origin, Quantization};
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

/// A model of the catalogs, read from its row's configuration as a user's is; totals of its files replace what would be
/// calculated. Of a row whose configuration says too little only the weights are known; `None` if not even those are.
pub fn shape_of(model: &Model) -> Option<ModelShape> {
    let config = model.config.as_ref();
    let read = config.and_then(|config| config.read(|text| parse_part(text).ok())?.clone());
    let origin = match model.basis {
        Basis::Verbatim => Origin::Own,
        Basis::Derived => {
            Origin::Derived { sibling: model.sibling.as_ref().map(ToString::to_string) }
        }
        Basis::Recalled => Origin::Recalled,
    };
    // Of what a look-up lists, and of files of llama.cpp, the class is not known.
    let architecture = Some(model.architecture.clone()).filter(|class| !class.is_empty());
    let Some(shape) = read else {
        return weights_only(model, architecture, origin);
    };
    if shape.vocab == 0 && (model.parameters.is_none() || model.weight_bytes.is_none()) {
        return None;
    }
    Some(ModelShape {
        architecture,
        parameters: model.parameters.unwrap_or(shape.parameters),
        parameters_computed: model.parameters.is_none(),
        weight_bytes: model.weight_bytes.unwrap_or(shape.weight_bytes),
        origin,
        custom_code: shape.custom_code || model.own_code,
        max_positions: longest_text(model, shape.max_positions),
        ..shape
    })
}

/// Why the configuration of a row cannot be used, where it has one that cannot.
pub fn unusable_config(model: &Model) -> Option<ConfigError> {
    parse_part(model.config.as_ref()?.text()).err()
}

/// The longest text of a model whose configuration says `positions`: of models that pool and have a table of positions
/// vLLM takes the limit of the tokenizer, where that is less (`get_and_verify_max_len` in `vllm/config/model.py`).
fn longest_text(model: &Model, positions: Option<u64>) -> Option<u64> {
    let Some(limit) = model.tokenizer_limit else { return positions };
    let writes = ["ForCausalLM", "LMHeadModel", "ForConditionalGeneration"];
    let pools = !writes.iter().any(|end| model.architecture.ends_with(end));
    let text = model.config.as_ref().map_or("", ModelConfig::text);
    let table = || {
        let config: Option<Value> = serde_json::from_str(text).ok();
        config
            .is_some_and(|config| config.get("position_embedding_type") == Some(&"absolute".into()))
    };
    positions.map(|positions| if pools && table() { positions.min(limit) } else { positions })
}

fn weights_only(model: &Model, architecture: Option<String>, origin: Origin) -> Option<ModelShape> {
    let (parameters, weight_bytes) = (model.parameters?, model.weight_bytes?);
    Some(ModelShape {
        architecture,
        parameters,
        parameters_computed: false,
        weight_bytes,
        embedding_parameters: 0,
        hidden: 0,
        heads: None,
        kv_heads: None,
        layers: 0,
        vocab: 0,
        max_positions: None,
        stretched: None,
        dtype: Dtype::Bfloat16,
        quantization: None,
        cache: None,
        custom_code: model.own_code,
        written_by: None,
        reads_images: false,
        weights: Weights::default(),
        origin,
        widths: Widths::default(),
        parts: None,
    })
}

/// The same model in another `precision`, such as `fp8` or `int4`; `None` if its size does not follow from that.
pub fn variant_shape(model: &Model, precision: &str) -> Option<ModelShape> {
    let mut base = shape_of(model)?;
    if base.origin == Origin::Own {
        base.origin = Origin::Variant { of: model.id.to_string() };
    }
    if let Some(dtype) =
        Dtype::parse(precision).or((precision == "bf16").then_some(Dtype::Bfloat16))
    {
        let weight_bytes = whole(real(base.parameters) * dtype.bytes());
        let weights = base.weights.stored_in(weight_bytes, base.weight_bytes);
        let base = ModelShape { weights, ..base };
        return Some(ModelShape { weight_bytes, dtype, quantization: None, ..base });
    }
    let quantization = Quantization::named(precision, None)?;
    let plain = ModelShape { quantization: None, ..base };
    let weight_bytes = whole(plain.loaded_bytes(plain.dtype, Some(&quantization)));
    let weights = plain.weights.stored_in(weight_bytes, plain.weight_bytes);
    let plain = ModelShape { weights, ..plain };
    Some(ModelShape { weight_bytes, quantization: Some(quantization), ..plain })
}

#[cfg(test)]
mod tests {
    use mcc_catalogs::Catalogs;

    use super::*;

    #[test]
    fn rows_of_the_catalogs_become_shapes() {
        let models = Catalogs::embedded().models();
        let sized = models.iter().filter(|m| shape_of(m).is_some()).count();
        assert!(sized * 100 > models.iter().count() * 98, "{sized} models can be sized");
        let llama = models
            .get("meta-llama/Llama-3.1-8B-Instruct")
            .and_then(shape_of)
            .expect("a known model");
        assert_eq!(llama.cache.expect("cache").token_bytes, 131_072);
    }

    #[test]
    fn a_tokenizer_limits_what_pools_by_a_table_of_positions() {
        let longest = |class: &str, kind: &str, limit: Option<u64>| {
            let config = format!(
                r#"{{"model_type": "bert", "architectures": ["{class}"], "hidden_size": 768, "num_hidden_layers": 12,
                    "num_attention_heads": 12, "intermediate_size": 3072, "vocab_size": 30522,
                    "max_position_embeddings": 8192, "position_embedding_type": "{kind}"}}"#
            );
            let row = Model {
                architecture: class.to_owned(),
                tokenizer_limit: limit,
                config: serde_json::from_str(&config).ok(),
                ..Catalogs::embedded().models().iter().next().expect("a model").clone()
            };
            shape_of(&row).expect("a shape").max_positions
        };
        assert_eq!(longest("BertModel", "absolute", Some(512)), Some(512));
        assert_eq!(longest("BertModel", "absolute", Some(100_000)), Some(8192));
        assert_eq!(longest("BertModel", "absolute", None), Some(8192));
        assert_eq!(longest("BertModel", "rope", Some(512)), Some(8192));
        assert_eq!(longest("BertLMHeadModel", "absolute", Some(512)), Some(8192));
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
