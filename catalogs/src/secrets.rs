//! What looks like a secret: beginnings of well-known tokens, and names of variables that hold one.

/// The beginning of a token, how many letters and digits follow it at least, and what it is. `_` and `-` count where
/// the tokens have them. Lengths are those of the issuers' own tokens or below.
const BEGINNINGS: [(&str, usize, &str); 24] = [
    ("hf_", 16, "a Hugging Face token"),
    ("AKIA", 16, "an AWS access key id"),
    ("ASIA", 16, "an AWS access key id"),
    ("ghp_", 30, "a GitHub token"),
    ("gho_", 30, "a GitHub token"),
    ("ghu_", 30, "a GitHub token"),
    ("ghs_", 30, "a GitHub token"),
    ("ghr_", 30, "a GitHub token"),
    ("github_pat_", 30, "a GitHub token"),
    ("glpat-", 20, "a GitLab token"),
    ("nvapi-", 20, "an NVIDIA API key"),
    ("sk-ant-", 20, "an API key"),
    ("sk-proj-", 20, "an API key"),
    ("sk-", 32, "an API key"),
    ("AIza", 30, "a Google API key"),
    ("xoxb-", 20, "a Slack token"),
    ("xoxa-", 20, "a Slack token"),
    ("xoxp-", 20, "a Slack token"),
    ("xapp-", 20, "a Slack token"),
    ("dckr_pat_", 20, "a Docker token"),
    ("pypi-", 40, "a PyPI token"),
    ("npm_", 36, "an npm token"),
    ("wandb_v1_", 20, "a Weights & Biases key"),
    ("-----BEGIN ", 0, "a private key or certificate"),
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
    let mut possible =
        BEGINNINGS.iter().filter(|(start, length, _)| text.len() >= start.len() + length);
    let begun = possible.find_map(|(start, length, kind)| {
        text.match_indices(start).any(|(at, _)| begins(text, at, start, *length)).then_some(*kind)
    });
    begun.or_else(|| is_aws_key(text).then_some("an AWS secret access key")).or_else(|| {
        let signed = text.len() >= 40 && text.contains("eyJ") && words(text).any(is_web_token);
        signed.then_some("a signed web token (JWT)")
    })
}

/// Whether a variable of this name holds a secret: `HF_TOKEN`, `db-password`.
pub fn names_a_secret(name: &str) -> bool {
    let upper = name.to_uppercase().replace('-', "_");
    NAMES.iter().any(|end| upper.ends_with(end))
}

fn begins(text: &str, at: usize, start: &str, least: usize) -> bool {
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let begins_a_word = before.is_none_or(|character| !character.is_ascii_alphanumeric());
    // Only these have more than letters and digits in what follows.
    let joined = [
        "sk-ant-",
        "sk-proj-",
        "nvapi-",
        "AIza",
        "xox",
        "xapp-",
        "pypi-",
        "github_pat_",
        "glpat-",
        "dckr_pat_",
    ]
    .iter()
    .any(|one| start.starts_with(one));
    let follows = text.get(at + start.len()..).map_or(0, |rest| {
        let of_it = |byte: &u8| byte.is_ascii_alphanumeric() || (joined && b"-_".contains(byte));
        rest.bytes().take_while(of_it).count()
    });
    begins_a_word && follows >= least
}

/// The whole of `text` is what AWS makes: 40 letters of base64. A commit has digits and the first letters of one case.
fn is_aws_key(text: &str) -> bool {
    let text = text.trim();
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    text.len() == 40
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+".contains(&byte))
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
}

/// Header, claims and signature, of which the first two are JSON in base64.
fn is_web_token(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return false };
    header.starts_with("eyJ") && claims.starts_with("eyJ") && signature.len() >= 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_known_wherever_they_stand() {
        let long = "aB3".repeat(14);
        for (token, kind) in [
            ("hf_abcdefghijklmnopqrstuvwxyz".to_owned(), "a Hugging Face token"),
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
        assert_eq!(secret_in(&format!(" {key}\n")), Some("an AWS secret access key"));
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
        ] {
            assert_eq!(secret_in(harmless), None, "{harmless}");
        }
        // Every model of the catalog can be named.
        for model in crate::Catalogs::embedded().models().iter() {
            assert_eq!(secret_in(model.id.as_str()), None, "{}", model.id);
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
