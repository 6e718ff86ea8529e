//! The token of a user of the hub.

use std::fmt;
use std::path::Path;

use http::HeaderValue;

/// Longest token that is taken, in characters; those of the hub have 37, those of OAuth some hundred.
const LONGEST: usize = 4096;
/// Most bytes of a file that is looked at for one.
const MOST: u64 = 16 << 10;

/// A token. It is sent in a header and shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Token {
    /// The token that `text` is, without the space around it. None for what can be no token: nothing, or anything but
    /// ASCII that can be seen.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        ((1..=LONGEST).contains(&text.len()) && plain).then(|| Self(text.to_owned()))
    }

    /// The token in the first of `files` that can be read and has one: the file where the hub's own tools keep it.
    pub fn of_files<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Option<Self> {
        let read = |path: P| mcc_files::read_text(path.as_ref(), MOST).ok();
        files.into_iter().filter_map(read).find_map(|text| Self::new(&text))
    }

    /// The header that it is sent in.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_plain_and_shown_nowhere() {
        let token = Token::new(" hf_abcdefghij\n").unwrap();
        assert_eq!(format!("{token:?}"), "Token(hidden)");
        let header = token.header().unwrap();
        assert_eq!(header, "Bearer hf_abcdefghij");
        assert!(!format!("{header:?}").contains("hf_"));
        for none in ["", " \n", "a b", "hf_\u{e9}", "hf_\u{0}", "a\nb", &"a".repeat(LONGEST + 1)] {
            assert_eq!(Token::new(none), None, "{none:?}");
        }
    }

    #[test]
    fn the_first_file_with_a_token_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("empty"), "\n").unwrap();
        std::fs::write(at("large"), "a".repeat(20 << 10)).unwrap();
        std::fs::write(at("token"), "hf_first\n").unwrap();
        std::fs::write(at("other"), "hf_second").unwrap();
        let files = ["missing", "", "empty", "large", "token", "other"].map(at);
        assert_eq!(Token::of_files(&files), Token::new("hf_first"));
        assert_eq!(Token::of_files(&files[..4]), None);
    }
}
