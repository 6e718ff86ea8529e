//! What the name of a model says of it, where nothing else is known: a habit of publishers, and never a fact.

use mcc_catalogs::Catalogs;

/// What a repository holds instead of a model that an engine loads by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Files in the GGUF format, of which an engine is given one, with the tokenizer of the original.
    Gguf,
    /// An adapter (`adapter_config.json`), which is loaded beside the model that it was trained on.
    Adapter,
}

/// Words at the end of the names of adapters.
const ADAPTERS: [&str; 6] = ["lora", "qlora", "dora", "adapter", "adapters", "peft"];
/// Words for weights of one byte, and of half a byte.
const BYTE: [&str; 6] = ["fp8", "int8", "8bit", "w8a8", "w8a16", "mxfp8"];
const HALF: [&str; 12] = [
    "awq",
    "gptq",
    "gguf",
    "int4",
    "4bit",
    "fp4",
    "nvfp4",
    "mxfp4",
    "w4a16",
    "bnb",
    "autoround",
    "w4a8",
];
/// Most billions of parameters that a name is believed; larger numbers are something else.
const MOST_BILLIONS: f64 = 5000.0;

/// What a repository or prefix holds by its name.
pub fn holds(name: &str) -> Option<Holds> {
    let words = words(name);
    if words.iter().any(|word| word == "gguf") {
        return Some(Holds::Gguf);
    }
    let last = words.last()?;
    ADAPTERS.contains(&last.as_str()).then_some(Holds::Adapter)
}

/// The quantization method that a word of a name says, of those that newer releases of engines do not have any more.
pub fn named_method(name: &str) -> Option<&'static str> {
    let words = words(name);
    let has = |word: &str| words.iter().any(|own| own == word);
    let found = [("gguf", "gguf"), ("bnb", "bitsandbytes"), ("bitsandbytes", "bitsandbytes")];
    found.into_iter().find(|(word, _)| has(word)).map(|(_, method)| method)
}

/// What the name says of the size of the weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NamedSize {
    /// Billions of parameters.
    pub billions: f64,
    /// Bytes of a parameter: of 16 bits unless the name says another format.
    pub bytes: f64,
}

impl NamedSize {
    /// GiB of the weights.
    pub fn weights_gib(&self) -> f64 {
        self.billions * 1e9 * self.bytes / (1024.0 * 1024.0 * 1024.0)
    }

    /// Bytes of the weights.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded above
    pub fn weight_bytes(&self) -> u64 {
        (self.billions * 1e9 * self.bytes) as u64
    }
}

/// The size of a model by a number such as `70B` or `8x7B` in its name.
pub fn named_size(name: &str) -> Option<NamedSize> {
    let words = words(name);
    let billions = words.iter().find_map(|word| billions(word))?;
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let bytes = if has(&HALF) {
        0.5
    } else if has(&BYTE) {
        1.0
    } else {
        2.0
    };
    Some(NamedSize { billions, bytes })
}

/// The number before a `b` that ends the word; experts that are counted apart share what is not theirs, which nobody
/// can tell from a name.
fn billions(word: &str) -> Option<f64> {
    let number = word.strip_suffix('b')?;
    let one = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        plain.then(|| text.parse::<f64>().ok()).flatten()
    };
    let found = match number.split_once('x') {
        Some((copies, each)) => one(copies)? * one(each)?,
        None => one(number)?,
    };
    (found > 0.0 && found <= MOST_BILLIONS).then_some(found)
}

/// Words at the end of the names of quantized variants.
const PRECISIONS: [&str; 17] = [
    "awq", "gptq", "gguf", "fp8", "fp4", "nvfp4", "mxfp4", "int8", "int4", "4bit", "8bit", "bnb",
    "w4a16", "w8a8", "w8a16", "dynamic", "marlin",
];

/// The model of the catalogs of which `name` is a quantized variant by its name, whoever published it.
pub fn original<'a>(catalogs: &'a Catalogs, name: &str) -> Option<&'a str> {
    let own = |id: &str| {
        let mut all = words(id);
        // Publishers of variants put the maker before the name.
        if all.first().is_some_and(|word| word == "meta") {
            all.remove(0);
        }
        all
    };
    let mut stem = own(name);
    let before = stem.len();
    while stem.last().is_some_and(|word| PRECISIONS.contains(&word.as_str())) {
        stem.pop();
    }
    if stem.len() == before {
        return None;
    }
    catalogs.models().ids().find(|id| own(id) == stem)
}

/// The words of the last part of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
    let last = last.trim_end_matches(".tar.gz");
    last.split(['-', '_', ' ', ':'])
        .map(str::to_lowercase)
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_repositories_say_what_they_hold() {
        for (name, found) in [
            ("Qwen/Qwen3-8B-GGUF", Some(Holds::Gguf)),
            ("bartowski/Llama-3.1-8B_gguf", Some(Holds::Gguf)),
            ("unsloth/Qwen3-8B-GGUF:Q4_K_M", Some(Holds::Gguf)),
            ("s3://models/mine-gguf/", Some(Holds::Gguf)),
            ("someone/chat-lora", Some(Holds::Adapter)),
            ("someone/chat_QLoRA", Some(Holds::Adapter)),
            ("s3://models/my-adapter/", Some(Holds::Adapter)),
            // What is merged, or only speaks of it.
            ("someone/chat-lora-merged", None),
            ("someone/ggufy-8B", None),
            ("someone/Flora", None),
            ("Qwen/Qwen3-8B", None),
            ("gguf/Qwen3-8B", None),
            ("", None),
            ("///", None),
        ] {
            assert_eq!(holds(name), found, "{name}");
        }
    }

    #[test]
    fn names_of_models_say_how_large_they_are() {
        for (name, billions, bytes) in [
            ("me/foo-70B", 70.0, 2.0),
            ("me/foo-70b-Instruct-AWQ", 70.0, 0.5),
            ("me/foo-0.6B-FP8", 0.6, 1.0),
            ("mistralai/Mixtral-8x7B-v0.1", 56.0, 2.0),
            // Of the whole, not of what is active.
            ("Qwen/Qwen3-235B-A22B", 235.0, 2.0),
        ] {
            let found = named_size(name).expect(name);
            assert!((found.billions - billions).abs() < 1e-9, "{name}: {found:?}");
            assert!((found.bytes - bytes).abs() < 1e-9, "{name}: {found:?}");
        }
        for name in [
            "me/foo",
            "me/70b/foo",
            "me/foo-A22B",
            "me/foo-99999999B",
            "me/b",
            "me/1.2.3b",
            "me/xb",
            "me/0B",
        ] {
            assert_eq!(named_size(name), None, "{name}");
        }
    }
}
