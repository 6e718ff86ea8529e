//! Names in what a model says: instance types, Regions and models. Whatever it names has to be in what it was given.

use std::collections::HashSet;

use mcc_catalogs::Region;

/// The names that were given.
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// All names of a text.
    pub(crate) fn of(given: &str) -> Self {
        Self(named(given).collect())
    }

    /// Whether a text names nothing else.
    pub(crate) fn have(&self, said: &str) -> bool {
        named(said).all(|name| self.0.contains(&name))
    }
}

/// The names in a text, in one form each: `g5.xlarge` is `ml.g5.xlarge`, and capitals are small.
fn named(text: &str) -> impl Iterator<Item = String> {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let words = text.split(move |c: char| !part_of_name(c));
    words.flat_map(|word| {
        let word = word.trim_matches(['-', '_', '.', '/']).to_ascii_lowercase();
        let parts: Vec<String> = word.split('/').filter_map(short).collect();
        let model = is_model(&word).then_some(word);
        model.into_iter().chain(parts)
    })
}

/// An instance type or a Region.
fn short(word: &str) -> Option<String> {
    if let Some(kind) = word.strip_prefix("ml.") {
        return kind.contains('.').then(|| word.to_owned());
    }
    let size = word.split_once('.').map(|(_, size)| size);
    let is_size = |size: &str| {
        size.ends_with("large") || matches!(size, "medium" | "small" | "micro" | "nano" | "metal")
    };
    if size.is_some_and(is_size) {
        return Some(format!("ml.{word}"));
    }
    let is_region = || {
        let (rest, number) = word.rsplit_once('-')?;
        let (place, direction) = rest.split_once('-')?;
        let all = place.len() == 2 && !direction.is_empty() && number.len() == 1;
        let letters =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let digit = number.bytes().all(|byte| byte.is_ascii_digit());
        (all && digit && letters(rest) && word.parse::<Region>().is_ok()).then_some(())
    };
    is_region().map(|()| word.to_owned())
}

/// Whether a word is the id of a model rather than two words with a stroke between them, such as `fp8/int4`.
fn is_model(word: &str) -> bool {
    let Some((owner, name)) = word.split_once('/') else { return false };
    let has_number = name.bytes().any(|byte| byte.is_ascii_digit());
    !owner.is_empty()
        && has_number
        && name.contains('-')
        && !name.contains('/')
        && short(owner).is_none()
        && short(name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_has_to_be_given() {
        let given = r#"{"asked":"{\\"modelName\\":\\"Qwen/Qwen3-8B\\"}","choices":[{"id":"ml.g5.xlarge"},
            {"id":"ml.p4d.24xlarge","facts":["1.9 USD per hour in us-west-2"]}]}"#;
        let names = Names::of(given);
        for fits in [
            "",
            "Newer, and/or quicker: 2/3 of the tokens, fp8/int4, input/output, vllm-0.11.",
            "ml.g5.xlarge/ml.p4d.24xlarge in US-WEST-2.",
            "(g5.xlarge) suits Qwen/Qwen3-8B, c1 best-of-3 does not.",
        ] {
            assert!(names.have(fits), "{fits}: {:?}", named(fits).collect::<Vec<_>>());
        }
        for made_up in [
            "Take ml.p5.48xlarge.",
            "Take p5.48xlarge, it is quicker",
            "ml.g5.xlarge/ml.g6.xlarge",
            "cheaper in eu-west-1.",
            "us-gov-west-1",
            "try Qwen/Qwen3-80B",
            "**ml.g5.2xlarge**",
        ] {
            assert!(!names.have(made_up), "{made_up}");
        }
    }
}
