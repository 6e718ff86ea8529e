//! Valid inputs, and the faults that are made in them: each is one mistake of a user, with the same dice every time.

use std::sync::LazyLock;

use mcc_catalogs::{Catalogs, Instance};
use mcc_generator::registry;
use serde_json::{Map, Value, json};

mod table;

pub(crate) use table::FAULTS;

type Inputs = Map<String, Value>;

/// Numbers that look like chance and are the same every time.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(round: u64, config: &str, target: &str, at: usize) -> Self {
        let mut state = 0xcbf2_9ce4_8422_2325 ^ (round << 32) ^ at as u64;
        for byte in config.bytes().chain(target.bytes()) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self(state | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// One of `all`; none of nothing.
    pub(crate) fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.next() % (all.len().max(1) as u64)).unwrap();
        all.get(at)
    }
}

/// A mistake.
pub(crate) struct Fault {
    /// How often it is made of each pair; 0 is for what is common: of one pair in three.
    pub(crate) rolls: u64,
    /// Makes it; none where there is no place for it.
    pub(crate) make: fn(&mut Inputs, &mut Dice) -> Option<()>,
}

fn catalogs() -> &'static Catalogs {
    Catalogs::embedded()
}

fn text<'a>(inputs: &'a Inputs, key: &str) -> &'a str {
    inputs.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Whether the inputs name a config and a target that there are.
pub(crate) fn has_deployment(inputs: &Inputs) -> bool {
    let config = registry().config(text(inputs, "deploymentConfig"));
    config.is_some()
        && registry().targets().iter().any(|name| name == text(inputs, "deploymentTarget"))
}

fn deployment(inputs: &Inputs) -> std::sync::Arc<mcc_fit::Deployment> {
    let config = registry().config(text(inputs, "deploymentConfig")).unwrap();
    mcc_generator::deployment(config, text(inputs, "deploymentTarget"), None).unwrap()
}

/// Whether the config takes inputs of a group.
fn takes(inputs: &Inputs, group: &str) -> bool {
    let config = registry().config(text(inputs, "deploymentConfig")).unwrap();
    let framework = inputs.get("framework").and_then(Value::as_str);
    let layers = registry().overlay(config, framework, text(inputs, "deploymentTarget"));
    layers.iter().any(|layer| layer.manifest.groups.iter().any(|own| own == group))
}

fn fetches(inputs: &Inputs) -> bool {
    deployment(inputs).hub
}

/// Adds what does no harm, and what a user may have fixed.
pub(crate) fn start(mut inputs: Inputs, dice: &mut Dice) -> Inputs {
    if dice.of(&[true, false]) == Some(&true) {
        inputs.insert("includeTesting".to_owned(), json!(false));
    }
    if dice.of(&[true, false, false]) == Some(&true) {
        inputs.insert("tags".to_owned(), json!({"team": "ml"}));
    }
    if !inputs.contains_key("region")
        && let Some(region) = dice.of(&[None, Some("us-east-1"), Some("us-west-2")]).unwrap()
    {
        inputs.insert("region".to_owned(), json!(region));
    }
    inputs
}

fn set(inputs: &mut Inputs, key: &str, value: Value) -> Option<()> {
    inputs.insert(key.to_owned(), value);
    Some(())
}

/// Gives one of `values`, each with its key.
fn one(inputs: &mut Inputs, dice: &mut Dice, values: &[(&str, Value)]) -> Option<()> {
    let (key, value) = dice.of(values)?;
    set(inputs, key, value.clone())
}

/// A word with two of its letters changed over.
fn misspelled(word: &str, dice: &mut Dice) -> Option<String> {
    let letters: Vec<char> = word.chars().collect();
    let swaps: Vec<usize> = (0..letters.len().saturating_sub(1))
        .filter(|at| letters[*at] != letters[at + 1])
        .filter(|at| letters[*at].is_ascii_alphabetic() && letters[at + 1].is_ascii_alphabetic())
        .collect();
    let at = *dice.of(&swaps)?;
    let mut swapped = letters;
    swapped.swap(at, at + 1);
    Some(swapped.into_iter().collect())
}

/// Instance types that are not too dear to make a choice among.
static TYPES: LazyLock<Vec<&'static Instance>> = LazyLock::new(|| {
    catalogs().instances().iter().filter(|row| !row.previous_generation).collect()
});
const MODELS: [&str; 8] = [
    "meta-llama/Llama-3.1-70B-Instruct",
    "Qwen/Qwen3-32B",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-0.6B",
    "deepseek-ai/DeepSeek-R1",
    "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "Qwen/Qwen3-30B-A3B-Instruct-2507-FP8",
    "openai/gpt-oss-20b",
];

fn kms(region: &str) -> Value {
    json!(format!("arn:aws:kms:{region}:123456789012:key/0f0f0f0f-1111-2222-3333-444444444444"))
}

/// A version of the family's images.
fn version(inputs: &Inputs, dice: &mut Dice) -> Option<String> {
    let of = deployment(inputs);
    let images = catalogs().images().of_family(of.images.as_deref()?);
    let versions: Vec<&str> = images.map(|row| row.version.as_str()).collect();
    dice.of(&versions).map(|version| (*version).to_owned())
}

/// Instance types that target and config take.
fn runs(inputs: &Inputs) -> Vec<&'static Instance> {
    let of = deployment(inputs);
    TYPES.iter().copied().filter(|row| of.takes(row) && of.runs_on(row)).collect()
}

/// A language model, where the config serves one.
fn model(inputs: &mut Inputs, dice: &mut Dice) -> Option<()> {
    let of = deployment(inputs);
    (of.hub && of.engine.is_some() && of.has_context()).then_some(())?;
    set(inputs, "modelName", json!(dice.of(&MODELS)?))
}

/// A model on an instance type with a context in tokens.
fn context(inputs: &mut Inputs, dice: &mut Dice, of: &[(&str, &str, u64)]) -> Option<()> {
    model(inputs, dice)?;
    let (model, kind, tokens) = dice.of(of)?;
    set(inputs, "modelName", json!(model))?;
    set(inputs, "instanceType", json!(kind))?;
    set(inputs, "maxModelLen", json!(tokens))
}

/// One that fits nearly everywhere.
fn small(inputs: &mut Inputs, dice: &mut Dice) -> Option<()> {
    model(inputs, dice)?;
    set(inputs, "modelName", json!(dice.of(&["Qwen/Qwen3-0.6B", "Qwen/Qwen3-1.7B"])?))
}

/// A release of Triton that cannot serve a model of the hub.
fn old_triton(inputs: &mut Inputs, dice: &mut Dice) -> Option<()> {
    model(inputs, dice)?;
    let of = deployment(inputs);
    (of.images.as_deref()? != "vllm" && text(inputs, "deploymentConfig").starts_with("triton"))
        .then_some(())?;
    let old: Vec<&str> = catalogs()
        .images()
        .of_family(of.images.as_deref()?)
        .map(|row| row.version.as_str())
        .filter(|version| version.starts_with("24.") || version.starts_with("23."))
        .collect();
    set(inputs, "modelName", json!("Qwen/Qwen3-0.6B"))?;
    set(inputs, "engineVersion", json!(dice.of(&old)?))
}

/// A volume that is too small for the model, on an instance type without a disk of its own.
fn volume(inputs: &mut Inputs, dice: &mut Dice) -> Option<()> {
    model(inputs, dice)?;
    takes(inputs, "endpoint").then_some(())?;
    set(
        inputs,
        "modelName",
        json!(dice.of(&["Qwen/Qwen3-0.6B", "Qwen/Qwen3-4B", "Qwen/Qwen3-8B"])?),
    )?;
    let rows: Vec<&Instance> = runs(inputs)
        .into_iter()
        .filter(|row| row.nvme_gb == 0 && row.accelerator().is_some_and(|a| a.memory_gib() > 15.0))
        .collect();
    set(inputs, "instanceType", json!(dice.of(&rows)?.name.as_str()))?;
    set(inputs, "endpointVolumeSize", json!(dice.of(&[1, 5, 12])?))
}

/// A degree that cuts blocks of weights which share a scale.
fn shared_scales(inputs: &mut Inputs, dice: &mut Dice) -> Option<()> {
    model(inputs, dice)?;
    set(inputs, "modelName", json!("Qwen/Qwen3-30B-A3B-Instruct-2507-FP8"))?;
    let types = ["ml.g6e.12xlarge", "ml.g6e.24xlarge", "ml.p4d.24xlarge", "ml.p5.48xlarge"];
    set(inputs, "instanceType", json!(dice.of(&types)?))?;
    set(inputs, "tensorParallelSize", json!(dice.of(&[4, 4, 8])?))
}

/// A release that is known to fail with a model.
fn known_pair(inputs: &mut Inputs, dice: &mut Dice) -> Option<()> {
    model(inputs, dice)?;
    (deployment(inputs).engine.as_deref() == Some("vllm")).then_some(())?;
    set(inputs, "modelName", json!("google/gemma-4-26B-A4B-it"))?;
    let types = [
        "ml.g7e.2xlarge",
        "ml.g6e.12xlarge",
        "ml.g6e.24xlarge",
        "ml.p5.48xlarge",
        "ml.p4de.24xlarge",
    ];
    set(inputs, "instanceType", json!(dice.of(&types)?))?;
    one(
        inputs,
        dice,
        &[
            ("engineVersion", json!("0.27.1")),
            ("baseImage", json!("vllm/vllm-openai:v0.27.0")),
            (
                "baseImage",
                json!("763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:0.27-gpu-py312"),
            ),
        ],
    )
}

/// A host image, where the target takes one.
fn host(inputs: &mut Inputs, dice: &mut Dice, names: &[&str]) -> Option<()> {
    let key = match deployment(inputs).ami? {
        mcc_fit::AmiKind::Inference => "inferenceAmiVersion",
        mcc_fit::AmiKind::Transform => "transformAmiVersion",
    };
    let rows: Vec<&Instance> =
        runs(inputs).into_iter().filter(|row| row.accelerator().is_some()).collect();
    if !inputs.contains_key("instanceType") {
        set(inputs, "instanceType", json!(dice.of(&rows)?.name.as_str()))?;
    }
    set(inputs, key, json!(dice.of(names)?))
}
