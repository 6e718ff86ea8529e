//! What a model file says of the version that it was trained with. Nothing is executed or unpickled:
//! the bytes are searched.

/// What was read from a model file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// Version of the framework, where the file says.
    pub version: Option<String>,
    /// Whether the file is XGBoost's old binary form, which XGBoost 3.1 and later cannot read.
    pub old_binary: bool,
}

/// Longest version that is believed.
const MAX_VERSION: usize = 32;

/// Reads what `bytes`, a model file, say of themselves.
pub(crate) fn inspect(bytes: &[u8]) -> Artifact {
    let version = after(bytes, b"_sklearn_version")
        .and_then(pickled_text)
        .or_else(|| after(bytes, b"\"version\":[").and_then(json_numbers));
    Artifact { version, old_binary: bytes.starts_with(b"binf") }
}

/// The bytes after the last occurrence of `needle`.
fn after<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    let at = bytes.windows(needle.len()).rposition(|w| w == needle)?;
    bytes.get(at + needle.len()..)
}

/// The text that a pickle holds next: `BINUNICODE` (`X`, four length bytes) or `SHORT_BINUNICODE`
/// (0x8c, one), after at most one memo instruction.
fn pickled_text(bytes: &[u8]) -> Option<String> {
    let bytes = match bytes {
        [0x94, rest @ ..] | [b'q', _, rest @ ..] | [b'r', _, _, _, _, rest @ ..] => rest,
        other => other,
    };
    let (length, rest) = match bytes {
        [0x8c, n, rest @ ..] => (usize::from(*n), rest),
        [b'X', n, 0, 0, 0, rest @ ..] => (usize::from(*n), rest),
        _ => return None,
    };
    believable(std::str::from_utf8(rest.get(..length)?).ok()?)
}

fn json_numbers(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().take(MAX_VERSION).position(|b| *b == b']')?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    believable(&text.replace(',', ".").replace(' ', ""))
}

fn believable(version: &str) -> Option<String> {
    let plain = version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    let starts = version.starts_with(|c: char| c.is_ascii_digit());
    (plain && starts && version.len() <= MAX_VERSION).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found() {
        let pickle = b"\x80\x04\x8c\x10_sklearn_version\x94\x8c\x051.4.2\x94sb.";
        assert_eq!(inspect(pickle).version.as_deref(), Some("1.4.2"));
        let old = b"\x80\x03X\x10\0\0\0_sklearn_versionq\x05X\x06\0\0\x000.24.1q\x06sb.";
        assert_eq!(inspect(old).version.as_deref(), Some("0.24.1"));
        assert_eq!(
            inspect(b"{\"learner\":{},\"version\":[3,2,0]}").version.as_deref(),
            Some("3.2.0")
        );
    }

    #[test]
    fn hostile_files_say_nothing() {
        assert_eq!(inspect(b"_sklearn_version\x94\x8c\xff1.4").version, None);
        assert_eq!(inspect(b"_sklearn_version\x94\x8c\x05$(id)").version, None);
        assert_eq!(inspect(b"").version, None);
    }
}
