//! A TensorRT-LLM engine that was built before, by the `config.json` beside its `rank0.engine`: what was decided when it
//! was built, and the checkpoint that it was built from.

use serde_json::{Map, Value};

use super::config_json::MAX_CONFIG_BYTES;

/// Largest number that is read from the file.
const MOST: u64 = 1 << 31;

/// What was decided when an engine was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledEngine {
    /// Release of TensorRT-LLM that built it, and that alone loads it.
    pub version: Option<String>,
    /// Devices that each layer is split over.
    pub tensor_parallel: u32,
    /// Groups of devices that the layers are divided over.
    pub pipeline_parallel: u32,
    /// Longest sequence, in tokens.
    pub max_seq_len: Option<u64>,
    /// Most sequences at once.
    pub max_batch_size: Option<u32>,
}

impl CompiledEngine {
    /// Devices that it was built for.
    pub fn devices(&self) -> u32 {
        self.tensor_parallel.saturating_mul(self.pipeline_parallel)
    }
}

/// The engine that `text` describes; none where it is the configuration of something else.
pub fn compiled_engine(text: &str) -> Option<CompiledEngine> {
    // Most configurations are of no engine, and need not be read for that.
    if text.len() > MAX_CONFIG_BYTES || !text.contains(BUILT[0]) {
        return None;
    }
    let root: Map<String, Value> = serde_json::from_str(text).ok()?;
    if !is_engine(&root) {
        return None;
    }
    let mapping = root.get(BUILT[0])?.get("mapping");
    let build = root.get(BUILT[1]);
    let number = |of: Option<&Value>, key: &str| {
        of?.get(key)?.as_u64().filter(|number| (1..=MOST).contains(number))
    };
    let small = |of, key| number(of, key).and_then(|n| u32::try_from(n).ok());
    let version = root.get("version").and_then(Value::as_str);
    Some(CompiledEngine {
        version: version.filter(|version| is_version(version)).map(str::to_owned),
        tensor_parallel: small(mapping, "tp_size").unwrap_or(1),
        pipeline_parallel: small(mapping, "pp_size").unwrap_or(1),
        max_seq_len: number(build, "max_seq_len"),
        max_batch_size: small(build, "max_batch_size"),
    })
}

/// The two parts of an engine's configuration.
const BUILT: [&str; 2] = ["pretrained_config", "build_config"];

fn is_engine(root: &Map<String, Value>) -> bool {
    BUILT.iter().all(|key| root.get(*key).is_some_and(Value::is_object))
}

/// Whether `text` can be a release.
fn is_version(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-'))
}

/// The configuration of an engine as that of the checkpoint that it was built from; others are left as they are.
pub(super) fn as_checkpoint(mut root: Map<String, Value>) -> Map<String, Value> {
    if !is_engine(&root) {
        return root;
    }
    let Some(Value::Object(mut built)) = root.remove(BUILT[0]) else { return root };
    for (own, usual) in [("head_size", "head_dim"), ("dtype", "torch_dtype")] {
        if let Some(value) = built.remove(own) {
            built.entry(usual).or_insert(value);
        }
    }
    if let Some(class) = built.remove("architecture") {
        built.insert("architectures".to_owned(), Value::Array(vec![class]));
    }
    let algorithm = built.get("quantization").and_then(|q| q.get("quant_algo"));
    if let Some(algorithm) = algorithm.and_then(Value::as_str) {
        let name = algorithm.to_ascii_lowercase();
        // Its own names of formats for what others name by the method.
        let name = match name.as_str() {
            "w4a16_awq" | "w4a8_awq" => "awq",
            "w4a16_gptq" => "gptq",
            "w8a8_sq_per_channel" | "w8a8_sq_per_tensor_plugin" => "w8a8",
            "fp8_block_scales" | "fp8_per_channel_per_token" => "fp8",
            other => other,
        };
        let config = Map::from_iter([("quant_method".to_owned(), Value::from(name))]);
        built.insert("quantization_config".to_owned(), Value::Object(config));
    }
    built
}

#[cfg(test)]
mod tests {
    use super::super::parse_config;
    use super::*;

    const ENGINE: &str = r#"{"version": "1.1.0", "pretrained_config": {"architecture": "LlamaForCausalLM",
        "dtype": "bfloat16", "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "hidden_size": 4096, "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 131072,
        "head_size": 128, "quantization": {"quant_algo": null},
        "mapping": {"world_size": 4, "tp_size": 2, "pp_size": 2}},
        "build_config": {"max_input_len": 1024, "max_seq_len": 4096, "max_batch_size": 8}}"#;

    #[test]
    fn an_engine_says_how_it_was_built() {
        let engine = compiled_engine(ENGINE).expect("an engine");
        assert_eq!(engine.version.as_deref(), Some("1.1.0"));
        assert_eq!((engine.devices(), engine.tensor_parallel), (4, 2));
        assert_eq!((engine.max_seq_len, engine.max_batch_size), (Some(4096), Some(8)));
        // What is missing or absurd is left out; what is no engine is none.
        let odd = r#"{"version": "../x", "pretrained_config": {"mapping": {"tp_size": -1}}, "build_config": {"max_seq_len": 1e99}}"#;
        let engine = compiled_engine(odd).expect("an engine");
        assert_eq!(
            (engine.version.as_deref(), engine.devices(), engine.max_seq_len),
            (None, 1, None)
        );
        for text in [
            r#"{"pretrained_config": 1, "build_config": {}}"#,
            r#"{"hidden_size": 1}"#,
            "pretrained_config",
            "",
        ] {
            assert_eq!(compiled_engine(text), None, "{text}");
        }
    }

    #[test]
    fn its_sizes_are_those_of_the_checkpoint() {
        let shape = parse_config(ENGINE).expect("a shape");
        assert_eq!(shape.architecture.as_deref(), Some("LlamaForCausalLM"));
        // Llama 3.1 8B has 8,030,261,248 parameters of two bytes.
        let off = super::super::real(shape.weight_bytes) / (8_030_261_248.0 * 2.0);
        assert!((off - 1.0).abs() < 0.01, "{off}");
        let quantized = |name: &str| {
            let text =
                ENGINE.replace("\"quant_algo\": null", &format!("\"quant_algo\": \"{name}\""));
            let shape = parse_config(&text).expect("a shape");
            (shape.quantization.map(|q| q.method), shape.weight_bytes)
        };
        for (name, method) in [("FP8", "fp8"), ("W4A16_AWQ", "awq"), ("NVFP4", "nvfp4")] {
            let (found, bytes) = quantized(name);
            assert_eq!(found.as_deref(), Some(method));
            assert!(bytes < shape.weight_bytes * 2 / 3, "{name}: {bytes}");
        }
    }
}
