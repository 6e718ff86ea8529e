//! Arguments that nobody thought of, for every tool, for some seconds: each call is answered, soon, and in
//! the form that the tool promises.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// How long it goes on; the calls are always the same, and how many there is time for is not.
const BOX: Duration = Duration::from_secs(8);
/// How long one call may take in a debug build on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// Numbers that are always the same (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        usize::try_from(mixed % u64::try_from(sides).unwrap()).unwrap()
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }
}

/// Texts that mean something to some argument.
const MEANINGFUL: [&str; 22] = [
    "Qwen/Qwen3-8B",
    "meta-llama/Llama-3.3-70B-Instruct",
    "deepseek-ai/DeepSeek-V3",
    "s3://bucket/prefix/",
    "s3://bucket/model.tar.gz",
    "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1",
    "./model",
    "ml.g5.xlarge",
    "ml.p5.48xlarge",
    "ml.inf2.8xlarge",
    "g6e.xlarge",
    "us-east-1",
    "cn-north-1",
    "Tokyo",
    "EU",
    "fp8",
    "0.11",
    "13.0",
    "churn",
    "MCC-MEM-001",
    "{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":4096,\"num_hidden_layers\":32,\"num_attention_heads\":32}",
    "{\"num_hidden_layers\":18446744073709551615,\"hidden_size\":4294967295,\"num_attention_heads\":1,\"vocab_size\":1}",
];

fn anything(dice: &mut Dice) -> Value {
    match dice.roll(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1e308),
        5 => json!(""),
        6 => json!("\u{0}\u{202e}'\"$(id)`\n../../\u{1f600}"),
        7 => json!("x".repeat(dice.roll(70_000))),
        8 => json!([]),
        9 => json!([[{}], null, "ml.g5.xlarge"]),
        10 => json!({"": {"a": [1.5]}}),
        _ => (0..dice.roll(40)).fold(json!(0), |inner, _| json!([inner])),
    }
}

/// A value for `schema`: mostly a valid one, and often enough anything.
fn value(dice: &mut Dice, schema: &Value) -> Value {
    if dice.roll(8) == 0 {
        return anything(dice);
    }
    if let Some(allowed) = schema["enum"].as_array() {
        return dice.one_of(allowed).clone();
    }
    match schema["type"].as_str().unwrap_or_default() {
        "string" => json!(dice.one_of(&MEANINGFUL)),
        "integer" => {
            let low = schema["minimum"].as_u64().unwrap_or(0);
            let high = schema["maximum"].as_u64().unwrap_or(u64::from(u32::MAX));
            let steps = [low, low + 1, high / 1000 + low, high / 2, high, high.saturating_add(1)];
            json!(dice.one_of(&steps))
        }
        "number" => json!(dice.one_of(&[0.0, 0.1, 0.5, 0.99, 1.0, 24.0, 1e6])),
        "boolean" => json!(dice.roll(2) == 0),
        "array" => {
            let items = (0..dice.roll(4)).map(|_| value(dice, &schema["items"]));
            Value::Array(items.collect())
        }
        "object" => {
            let members = schema["properties"].as_object().cloned().unwrap_or_default();
            Value::Object(arguments(dice, &members))
        }
        _ => anything(dice),
    }
}

/// Some of the properties; with many, few of them at a time.
fn arguments(dice: &mut Dice, properties: &Map<String, Value>) -> Map<String, Value> {
    let share = 1 + properties.len() / 6;
    let mut all = Map::new();
    for (name, schema) in properties {
        if dice.roll(share + 1) == 0 {
            all.insert(name.clone(), value(dice, schema));
        }
    }
    if dice.roll(20) == 0 {
        all.insert("surprise".to_owned(), anything(dice));
    }
    all
}

#[test]
fn whatever_it_is_called_with_a_tool_answers_in_its_form() {
    struct Tool {
        name: String,
        properties: Map<String, Value>,
        answers: jsonschema::Validator,
    }
    let listed = mcc_servers::tool_schemas(mcc_servers::all().name).unwrap();
    let tools: Vec<Tool> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| Tool {
            name: tool["name"].as_str().unwrap().to_owned(),
            properties: tool["inputSchema"]["properties"].as_object().unwrap().clone(),
            answers: jsonschema::validator_for(&tool["outputSchema"]).unwrap(),
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut dice = Dice(20_260_728);
    let (begin, mut calls, mut answered) = (Instant::now(), 0_u32, 0_u32);
    while begin.elapsed() < BOX {
        for Tool { name, properties, answers } in &tools {
            let arguments = arguments(&mut dice, properties);
            let shown: String = json!(arguments).to_string().chars().take(2000).collect();
            let since = Instant::now();
            let answer = runtime.block_on(mcc_servers::call(name, arguments)).unwrap();
            assert!(since.elapsed() < SOON, "{name} took {:?}: {shown}", since.elapsed());
            assert_ne!(answer["error"]["code"], "internal_error", "{name}: {shown}\n{answer:#}");
            if let Err(fault) = answers.validate(&answer) {
                panic!("{name}: {shown}\n{fault} at {}\n{answer:#}", fault.instance_path());
            }
            let bytes = answer.to_string().len();
            assert!(bytes < 2_000_000, "{name}: {shown}\n{bytes} bytes");
            calls += 1;
            answered += u32::from(answer["status"] != "error");
        }
    }
    assert!(calls > 200, "{calls} calls");
    // If all were refused, nothing behind the checks of arguments would have been looked at.
    assert!(answered > calls / 10, "{answered} of {calls} answered");
}
