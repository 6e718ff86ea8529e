//! Foreign text as messages repeat it. What comes from a file, a client or an environment may hold terminal
//! commands, letters that nobody sees, or lines that look like somebody else's words; and be of any length.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Most characters of a foreign value that are repeated, not counting the note of its length.
pub const ECHOED: usize = 200;

/// A foreign value for a message: on one line, only of what can be seen, and cut.
///
/// ```
/// assert_eq!(mcc_catalogs::echo("Qwen/Qwen3-8B"), "Qwen/Qwen3-8B");
/// assert_eq!(mcc_catalogs::echo("a\n\u{1b}[2J"), "a\\n\\u{1b}[2J");
/// ```
pub fn echo(text: &str) -> String {
    cut(text, ECHOED).into_owned()
}

/// `text` on one line, only of what can be seen, and of at most `most` characters before a note of its length.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let short = text.len() <= most || text.chars().nth(most).is_none();
    if short && (is_plain(text) || !text.contains(is_hidden)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut room = most;
    for c in text.chars() {
        let before = out.len();
        push(&mut out, c);
        let added = out.get(before..).map_or(0, |new| new.chars().count());
        let Some(left) = room.checked_sub(added) else {
            out.truncate(before);
            // Writing to a string cannot fail.
            let _ = write!(out, "… ({} characters)", text.chars().count());
            break;
        };
        room = left;
    }
    Cow::Owned(out)
}

/// Whether `text` is of ASCII that can be seen and nothing else, as nearly all is.
pub fn is_plain(text: &str) -> bool {
    // Without a way out of the loop this looks at many letters at once, and answers are long.
    text.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'))
}

/// `text` with its lines and tabs as they are, and whatever else cannot be seen escaped.
pub fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| is_hidden(c) && !matches!(c, '\n' | '\t');
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if text.bytes().fold(true, |all, byte| all & plain(byte)) || !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) { push(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

fn push(out: &mut String, c: char) {
    if is_hidden(c) { out.extend(c.escape_default()) } else { out.push(c) }
}

/// Whether `c` cannot be seen, or changes how what stands around it is seen: controls, line and paragraph
/// separators, marks of direction, joiners and other letters without a width, tags.
pub fn is_hidden(c: char) -> bool {
    // Nearly all are of these, and all answers are looked through.
    if matches!(c, ' '..='~') {
        return false;
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_stays_and_nothing_else() {
        for text in ["", "a b", "模型/名前", "модель", "نموذج", "मॉडल", "é🦀", "\"'`$(x)"]
        {
            assert_eq!(echo(text), text);
            assert_eq!(visible(text), text);
        }
        for c in ('\0'..=char::MAX).filter(|c| is_hidden(*c)) {
            let text = format!("a{c}b");
            assert!(!echo(&text).contains(is_hidden), "{c:?}");
            assert_eq!(visible(&text).contains(c), matches!(c, '\n' | '\t'), "{c:?}");
        }
    }

    #[test]
    fn what_is_long_is_cut_and_says_how_long_it_was() {
        assert_eq!(echo(&"é".repeat(ECHOED)), "é".repeat(ECHOED));
        let long = echo(&"é".repeat(1_000_000));
        assert_eq!(long, format!("{}… (1000000 characters)", "é".repeat(ECHOED)));
        // Escapes count as what they take.
        let escapes = echo(&"\u{e0001}".repeat(1000));
        assert!(escapes.chars().count() <= ECHOED + 30, "{escapes}");
        assert!(escapes.ends_with("\\u{e0001}… (1000 characters)"), "{escapes}");
    }
}
