//! How the parts of a checkpoint are stored, read from its `quantization_config`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::config_json::Reader;
use super::loaded::Weights;
use super::parameters::Count;
use super::shape::{Dtype, Quantization};
use super::sizes::Sizes;
use super::{real, whole};

/// Bytes by parameter of each part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Formats {
    attention: f64,
    state: f64,
    dense: f64,
    shared: f64,
    experts: f64,
    /// Embeddings, towers, routers and norms.
    rest: f64,
}

/// The parts, with words by which names of their modules are known. Of several that fit a name the first is meant.
const PARTS: [(Part, &[&str]); 5] = [
    (Part::Shared, &["shared_expert", "shared_mlp"]),
    (Part::Experts, &["experts", "block_sparse_moe"]),
    (Part::State, &["linear_attn", "mamba", "mixer.in_proj", "mixer.out_proj", "conv"]),
    (Part::Attention, &["attn", "attention", "q_proj", "k_proj", "v_proj", "o_proj", "qkv"]),
    (Part::Dense, &["mlp", "feed_forward", "gate_proj", "up_proj", "down_proj"]),
];

/// Names with these words are of none of them.
const OUTSIDE: [&str; 14] = [
    "lm_head",
    "embed",
    "vision",
    "visual",
    "projector",
    "router",
    "mtp",
    "audio",
    "tower",
    "norm",
    "gate_up_proj_bias",
    "sinks",
    "mlp.gate",
    "indexer",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Attention,
    State,
    Dense,
    Shared,
    Experts,
}

impl Part {
    fn of(name: &str) -> Option<Self> {
        // `mlp.gate` is the router; `mlp.gate_proj` and `mlp.(gate|up…)` are the block.
        let outside = OUTSIDE.iter().any(|word| match *word {
            "mlp.gate" => name.ends_with("mlp.gate"),
            word => name.contains(word),
        });
        if outside {
            return None;
        }
        PARTS
            .iter()
            .find(|(_, words)| words.iter().any(|w| name.contains(w)))
            .map(|(part, _)| *part)
    }
}

impl Formats {
    pub(super) fn of(r: &Reader, dtype: Dtype, sizes: &Sizes) -> Self {
        let plain = dtype.bytes();
        let all = |bytes| Self {
            attention: bytes,
            state: bytes,
            dense: bytes,
            shared: bytes,
            experts: bytes,
            rest: plain,
        };
        let (Some(method), Some(config)) = (method(r), config(r)) else {
            return all(plain);
        };
        let stored = method.bytes_per_weight;
        let mut formats = all(stored);
        if method.experts_only && sizes.experts > 0 {
            formats = Self { experts: stored, ..all(plain) };
        }
        if r.text("expert_dtype").is_some_and(|name| name.contains("fp4")) {
            formats.experts = MXFP4;
        }
        for (name, bytes) in targeted(config) {
            if let Some(part) = Part::of(name) {
                *formats.part(part) = bytes;
            }
        }
        for (name, algorithm) in listed(config, r) {
            let bytes = match algorithm {
                Some(algorithm) => Quantization::named(algorithm, None).map(|q| q.bytes_per_weight),
                None => Some(plain),
            };
            if let (Some(part), Some(bytes)) = (Part::of(&name), bytes) {
                *formats.part(part) = bytes;
            }
        }
        formats
    }

    fn part(&mut self, part: Part) -> &mut f64 {
        match part {
            Part::Attention => &mut self.attention,
            Part::State => &mut self.state,
            Part::Dense => &mut self.dense,
            Part::Shared => &mut self.shared,
            Part::Experts => &mut self.experts,
        }
    }

    /// What of it a device holds beyond its share.
    pub(super) fn weights(&self, r: &Reader, sizes: &Sizes, count: &Count) -> Weights {
        let number = |n: u128| u64::try_from(n).unwrap_or(u64::MAX);
        let four_bit = r.text("expert_dtype").is_some_and(|name| name.contains("fp4"));
        Weights {
            experts: sizes.experts > 0,
            copied_bytes: whole(real(number(count.copied)) * self.attention),
            four_bit_experts: if four_bit { number(count.experts) } else { 0 },
        }
    }

    /// Bytes that the checkpoint has.
    pub(super) fn bytes(&self, count: &Count) -> u64 {
        let number = |n: u128| real(u64::try_from(n).unwrap_or(u64::MAX));
        whole(
            number(count.attention) * self.attention
                + number(count.state) * self.state
                + number(count.dense) * self.dense
                + number(count.shared) * self.shared
                + number(count.experts) * self.experts
                + number(count.embeddings + count.towers + count.rest) * self.rest,
        )
    }
}

/// Four bits and one scale of eight for 32 weights.
const MXFP4: f64 = 0.5 + 1.0 / 32.0;

/// The configuration of the quantization: in the file itself, or in the one that its tool writes beside it.
fn config<'a>(r: &Reader<'a>) -> Option<&'a Map<String, Value>> {
    ["quantization_config", "compression_config", "hf_quant_config"]
        .iter()
        .find_map(|key| r.object(key))
}

/// Names of modules that are stored otherwise than the rest, with the algorithm; none for those that are not quantized.
/// A layer's number is a `*`; names that are of a few layers only are left out.
fn listed<'a>(config: &'a Map<String, Value>, r: &Reader<'a>) -> Vec<(String, Option<&'a str>)> {
    let beside = r.object("hf_quant_config").filter(|_| config.get("quantized_layers").is_none());
    let configs = [Some(config), beside];
    let mut names: Vec<(String, Option<&str>)> = Vec::new();
    for config in configs.into_iter().flatten() {
        let plain = ["ignore", "modules_to_not_convert", "exclude_modules"]
            .iter()
            .filter_map(|key| config.get(*key)?.as_array())
            .flatten()
            .filter_map(|name| Some((name.as_str()?, None)));
        let mixed = config.get("quantized_layers").and_then(Value::as_object);
        let mixed = mixed
            .into_iter()
            .flatten()
            .map(|(name, layer)| (name.as_str(), layer.get("quant_algo").and_then(Value::as_str)));
        for (name, algorithm) in mixed.chain(plain) {
            names.push((name.to_owned(), algorithm));
        }
    }
    let layers = r.get("num_hidden_layers").and_then(Value::as_u64).unwrap_or(1);
    whole_layers(names, layers)
}

/// One entry for each kind of module that is of most layers, without the layer's number.
fn whole_layers(names: Vec<(String, Option<&str>)>, layers: u64) -> Vec<(String, Option<&str>)> {
    let mut kinds: BTreeMap<(String, Option<&str>), u64> = BTreeMap::new();
    for (name, algorithm) in names {
        let mut numbered = false;
        let parts: Vec<&str> = name
            .split('.')
            .map(|part| {
                let number = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
                numbered |= number;
                if number { "*" } else { part }
            })
            .collect();
        let count = kinds.entry((parts.join("."), algorithm)).or_default();
        // A pattern is of all layers.
        *count = count.saturating_add(if numbered { 1 } else { u64::MAX });
    }
    let most = layers.div_ceil(2);
    kinds.into_iter().filter(|(_, count)| *count >= most).map(|(kind, _)| kind).collect()
}

/// The method of `quantization_config`, with what a weight takes.
pub(super) fn method(r: &Reader) -> Option<Quantization> {
    let config = config(r)?;
    let c = Reader::part(config);
    let bits = ["bits", "w_bit", "weight_bits", "num_bits"].iter().find_map(|k| c.get(k)?.as_u64());
    let bits = bits.and_then(|b| u32::try_from(b).ok());
    let method = c.text("quant_method").unwrap_or_default();
    let group = ["group_size", "q_group_size"].iter().find_map(|key| c.get(key)?.as_u64());
    match method {
        "bitsandbytes" => {
            let eight = c.truthy("load_in_8bit") || c.truthy("_load_in_8bit");
            Quantization::named(method, Some(if eight { 8 } else { 4 }))
        }
        "compressed-tensors" => compressed(&c),
        "modelopt" | "modelopt_fp4" | "modelopt_mixed" | "" => {
            let algorithm = c.text("quant_algo").or_else(|| c.text("quant_type"));
            let beside = r.object("hf_quant_config").and_then(|c| c.get("quant_algo")?.as_str());
            let algorithm = algorithm.or(beside).unwrap_or_default();
            // Of a mixture the part with most weights is named by each of its modules.
            let algorithm = if algorithm == "MIXED_PRECISION" { "nvfp4" } else { algorithm };
            Quantization::named(algorithm, bits).or_else(|| Quantization::named(method, bits))
        }
        _ => Quantization::named(method, bits).map(|q| grouped(q, group, bits)),
    }
}

/// Methods that keep a scale of 16 bits, and a zero point, for each group of weights.
fn grouped(q: Quantization, group: Option<u64>, bits: Option<u32>) -> Quantization {
    let scaled =
        q.method.starts_with("awq") || q.method.starts_with("gptq") || q.method.starts_with("auto");
    match group.filter(|n| scaled && (1..=65_536).contains(n)) {
        Some(group) => {
            let bits = f64::from(bits.unwrap_or(4));
            Quantization { bytes_per_weight: bits / 8.0 + (2.0 + bits / 8.0) / real(group), ..q }
        }
        None => q,
    }
}

/// Modules that a group of a compressed-tensors checkpoint names, with the bytes of a weight there.
fn targeted(config: &Map<String, Value>) -> Vec<(&str, f64)> {
    let groups = config.get("config_groups").and_then(Value::as_object);
    let groups = groups.into_iter().flat_map(Map::values);
    groups
        .filter_map(|value| Some((value.get("targets")?.as_array()?, group(value)?)))
        .flat_map(|(targets, q)| {
            targets.iter().filter_map(move |name| Some((name.as_str()?, q.bytes_per_weight)))
        })
        .collect()
}

/// The group of a compressed-tensors checkpoint with the fewest bits names it; others take their own part.
fn compressed(c: &Reader) -> Option<Quantization> {
    let groups = c.object("config_groups")?.values();
    let found =
        groups.filter_map(group).min_by(|a, b| a.bytes_per_weight.total_cmp(&b.bytes_per_weight));
    found.map(|q| Quantization { method: "compressed-tensors".to_owned(), ..q })
}

fn group(group: &Value) -> Option<Quantization> {
    let weights = group.get("weights")?;
    let bits = weights.get("num_bits")?.as_u64()?;
    let float = weights.get("type").and_then(Value::as_str) == Some("float");
    let weight_only = group.get("input_activations").is_none_or(Value::is_null);
    let size = weights.get("group_size").and_then(Value::as_u64).filter(|n| *n > 0);
    let name = match (bits, float, weight_only) {
        (8, true, _) => "fp8",
        (8, false, true) => "w8a16",
        (8, false, false) => "w8a8",
        (4, true, _) => {
            if size == Some(32) {
                "mxfp4"
            } else {
                "nvfp4"
            }
        }
        (4, false, _) => "w4a16",
        _ => return None,
    };
    let q = Quantization { experts_only: false, ..Quantization::named(name, None)? };
    Some(match size.filter(|_| bits == 4 && !float) {
        // Symmetric: a scale and no zero point.
        Some(size) => Quantization { bytes_per_weight: 0.5 + 2.0 / real(size), ..q },
        None => q,
    })
}
