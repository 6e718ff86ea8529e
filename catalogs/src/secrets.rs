//! What looks like a secret: beginnings of well-known tokens, and names of variables that hold one.

/// How a token begins, how many characters follow at least, whether `-` and `_` are among those, and what it is. Lengths
/// are those of the issuers' own tokens or somewhat below, so that names which begin alike are none.
const BEGINNINGS: [(&str, usize, bool, &str); 26] = [
    ("hf_", 30, false, "a Hugging Face token"),
    ("api_org_", 30, false, "a Hugging Face token"),
    ("ghp_", 30, false, "a GitHub token"),
    ("gho_", 30, false, "a GitHub token"),
    ("ghu_", 30, false, "a GitHub token"),
    ("ghs_", 30, false, "a GitHub token"),
    ("ghr_", 30, false, "a GitHub token"),
    ("github_pat_", 30, true, "a GitHub token"),
    ("glpat-", 20, true, "a GitLab token"),
    ("nvapi-", 40, true, "an NVIDIA API key"),
    ("sk-ant-", 30, true, "an API key"),
    ("sk-proj-", 30, true, "an API key"),
    ("sk-or-", 30, true, "an API key"),
    ("sk-svcacct-", 30, true, "an API key"),
    ("sk-admin-", 30, true, "an API key"),
    ("sk-", 32, false, "an API key"),
    ("AIza", 30, true, "a Google API key"),
    ("xoxb-", 20, true, "a Slack token"),
    ("xoxa-", 20, true, "a Slack token"),
    ("xoxp-", 20, true, "a Slack token"),
    ("xapp-1-", 20, true, "a Slack token"),
    ("dckr_pat_", 20, true, "a Docker token"),
    ("pypi-AgE", 40, true, "a PyPI token"),
    ("npm_", 36, false, "an npm token"),
    ("wandb_v1_", 20, true, "a Weights & Biases key"),
    ("-----BEGIN ", 0, false, "a private key or certificate"),
];

/// How names of variables end that hold a secret.
const NAMES: [&str; 10] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "CREDENTIALS",
];

/// What kind of secret `text` contains, if it looks like one.
///
/// ```
/// assert_eq!(mcc_catalogs::secret_in("KEY=AKIAIOSFODNN7EXAMPLE"), Some("an AWS access key id"));
/// assert_eq!(mcc_catalogs::secret_in("sk-learn"), None);
/// ```
pub fn secret_in(text: &str) -> Option<&'static str> {
    // Most texts are too short for most tokens.
    let possible = BEGINNINGS.iter().filter(|(start, least, ..)| text.len() >= start.len() + least);
    let begun = possible.filter(|(start, least, joined, _)| {
        text.match_indices(start).any(|(at, _)| begins(text, at, start.len(), *least, *joined))
    });
    let begun = begun.map(|(.., kind)| *kind).next();
    begun
        .or_else(|| is_key_id(text).then_some("an AWS access key id"))
        .or_else(|| is_aws_key(text).then_some("an AWS secret access key"))
        .or_else(|| {
            let signed = text.len() >= 40 && text.contains("eyJ") && words(text).any(is_web_token);
            signed.then_some("a signed web token (JWT)")
        })
}

/// Whether a variable of this name holds a secret: `HF_TOKEN`, `db-password`.
pub fn names_a_secret(name: &str) -> bool {
    let upper = name.to_uppercase().replace('-', "_");
    NAMES.iter().any(|end| upper.ends_with(end))
}

fn begins(text: &str, at: usize, length: usize, least: usize, joined: bool) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    if before.is_some_and(|character| character.is_ascii_alphanumeric()) {
        return false;
    }
    let of_it = |byte: &u8| byte.is_ascii_alphanumeric() || (joined && b"-_".contains(byte));
    // No more than needed is looked at: a long text has many beginnings.
    let follows = text.get(at + length..).unwrap_or_default().bytes();
    follows.take(least).take_while(of_it).count() == least
}

/// A word of four letters and 16 capitals or digits, both of them.
fn is_key_id(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(|word| word.strip_prefix("AKIA").or_else(|| word.strip_prefix("ASIA"))).any(
        |rest| {
            let right = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            rest.len() == 16 && rest.bytes().all(right) && rest.bytes().any(|b| b.is_ascii_digit())
        },
    )
}

/// The whole of `text`, or what follows its last `=`, is what AWS makes: 40 letters of base64 that are no path, no
/// commit and no name of words, in which the kinds of letters change far less often.
fn is_aws_key(text: &str) -> bool {
    let text = text.trim().trim_matches(['"', '\'']);
    let key = if text.len() == 40 { text } else { text.rsplit('=').next().unwrap_or_default() };
    let kind = |byte: u8| match byte {
        b'A'..=b'Z' => 0,
        b'a'..=b'z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let all = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+".contains(&byte));
    if key.len() != 40 || !all || key.starts_with('/') {
        return false;
    }
    let changes = key.as_bytes().windows(2).filter(|two| match two {
        [a, b] => kind(*a) != kind(*b),
        _ => false,
    });
    let has = |wanted: u8| key.bytes().any(|byte| kind(byte) == wanted);
    changes.count() >= 14 && has(0) && has(1) && has(2)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
}

/// Header, claims and signature, of which the first two are JSON in base64.
fn is_web_token(word: &str) -> bool {
    let mut parts = word.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    header.starts_with("eyJ") && claims.starts_with("eyJ") && signature.len() >= 16
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Texts;

    impl crate::Visitor for Texts {
        fn file<F>(&mut self, name: &'static str, text: &'static str) {
            for word in text.split('"') {
                assert_eq!(secret_in(word), None, "{name}: {word}");
            }
        }
    }

    #[test]
    fn tokens_are_known_wherever_they_stand() {
        let long = "aB3".repeat(14);
        for (token, kind) in [
            (format!("hf_{long}"), "a Hugging Face token"),
            (format!("api_org_{long}"), "a Hugging Face token"),
            (format!("sk-or-v1-{long}"), "an API key"),
            (format!("sk-svcacct-{long}"), "an API key"),
            ("AKIAIOSFODNN7EXAMPLE".to_owned(), "an AWS access key id"),
            (format!("gho_{long}"), "a GitHub token"),
            (format!("xoxp-1234-{long}"), "a Slack token"),
            (format!("AIza{long}"), "a Google API key"),
            (format!("sk-ant-api03-{long}"), "an API key"),
            (format!("nvapi-{long}"), "an NVIDIA API key"),
            (format!("wandb_v1_{long}"), "a Weights & Biases key"),
            (
                format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.{long}"),
                "a signed web token (JWT)",
            ),
            ("-----BEGIN RSA PRIVATE KEY-----".to_owned(), "a private key or certificate"),
        ] {
            for text in [token.clone(), format!("KEY={token}"), format!("'{token}'\n")] {
                assert_eq!(secret_in(&text), Some(kind), "{text}");
            }
        }
        let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        for text in [format!(" {key}\n"), format!("AWS_SECRET_ACCESS_KEY={key}")] {
            assert_eq!(secret_in(&text), Some("an AWS secret access key"), "{text}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_taken() {
        for harmless in [
            "hf_token",
            "org/hf_model-7b",
            "task-xyz",
            "sk-learn",
            "npm_config_cache",
            "/my/shf_aaaaaaaaaaaaaaaaaaaaaaaa",
            "0123456789abcdef0123456789abcdef01234567",
            "0123456789ABCDEF0123456789ABCDEF01234567",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-AbCdEf",
            "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
            "eyJ.is.short",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf_huggingfacetoken-AbCdEf",
            "s3://bucket/hf_checkpointsllama3final/",
            "s3://xapp-inference-models-prod/m/",
            "ASIAPACIFICPRODUCTION",
            "/opt/ml/model/Templates/Llama3/chatTempl",
            "BailingMM2NativeForConditionalGeneration",
            "IndexTTS25TalkerForConditionalGeneration",
            "pypi-proxy-for-machine-learning-team-production-v2",
        ] {
            assert_eq!(secret_in(harmless), None, "{harmless}");
        }
        // Nothing that the catalogs have is one.
        crate::visit(&mut Texts);
    }

    #[test]
    fn long_texts_with_many_beginnings_are_read_once() {
        for piece in ["aAKIA", "axoxb-", "-sk-", "eyJ.", "pypi-AgE."] {
            assert_eq!(secret_in(&piece.repeat(1_000_000 / piece.len())), None, "{piece}");
        }
    }

    #[test]
    fn names_say_what_they_hold() {
        for name in ["HF_TOKEN", "db-password", "AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY"] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in ["HF_HOME", "TOKENIZER", "KEY_ID", "MAX_TOKENS"] {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}
