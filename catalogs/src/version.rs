//! Ordering of release numbers such as `0.27.1`, `26.05`, `0.5.10`, `0.21.0rc1` and `560.28.03`.

use std::cmp::Ordering;

/// Compares two release numbers part by part, numbers as numbers; missing parts count as zero, and
/// a pre-release (`1.0rc1`) comes before its release. What follows `+` is ignored.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (mut a, mut b) = (Numbers::of(a), Numbers::of(b));
    loop {
        let (next_a, next_b) = (a.next(), b.next());
        if next_a.is_none() && next_b.is_none() {
            break;
        }
        let order = next_a.unwrap_or_default().cmp(&next_b.unwrap_or_default());
        if order != Ordering::Equal {
            return order;
        }
    }
    let (a, b) = (marker(a.rest), marker(b.rest));
    match (a.is_empty(), b.is_empty()) {
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => a.cmp(b),
    }
}

/// Whether `version` is `prefix` or one of its releases: `0.27` matches `0.27.1`, not `0.270`.
pub fn starts_with(version: &str, prefix: &str) -> bool {
    version
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+', '-']))
}

/// The numbers of a release, one after the other, and what is left behind them. Nothing is allocated or looked at
/// twice: orders are asked for by the hundred.
struct Numbers<'a> {
    rest: &'a [u8],
}

impl<'a> Numbers<'a> {
    fn of(version: &'a str) -> Self {
        Self { rest: version.strip_prefix('v').unwrap_or(version).as_bytes() }
    }
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    /// The next one; one that is too large counts as the largest.
    fn next(&mut self) -> Option<u64> {
        while let Some((b'.', after)) = self.rest.split_first() {
            self.rest = after;
        }
        let mut number: Option<u64> = None;
        while let Some((digit @ b'0'..=b'9', after)) = self.rest.split_first() {
            let before = number.unwrap_or_default();
            number = Some(before.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
            self.rest = after;
        }
        number
    }
}

/// The marker of a pre-release, if what is left of a release is one.
fn marker(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|byte| *byte == b'+').unwrap_or(rest.len());
    let rest = rest.get(..end).unwrap_or_default();
    let marked = ["rc", "a", "b", "dev"].iter().any(|marker| rest.starts_with(marker.as_bytes()));
    if marked { rest } else { &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order() {
        for (a, b) in [
            ("0.9.1", "0.10.0"),
            ("0.21.0rc1", "0.21.0"),
            ("0.20", "0.20.1"),
            ("24.09", "25.04"),
            ("560.28.03", "570.86"),
            ("1.0.dev3", "1.0"),
            ("1.0a1", "1.0b1"),
            ("1", "99999999999999999999999"),
        ] {
            assert_eq!(compare(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(compare(b, a), Ordering::Greater, "{b} {a}");
        }
        assert_eq!(compare("0.27", "0.27.0"), Ordering::Equal);
        assert_eq!(compare("0.19.1+amzn2023", "v0.19.1"), Ordering::Equal);
        assert_eq!(compare("1.0-trtllm", "1.0"), Ordering::Equal);
        assert_eq!(compare("", "0.0"), Ordering::Equal);
    }

    #[test]
    fn prefixes() {
        assert!(starts_with("0.27.1", "0.27") && starts_with("0.27.1", "0.27.1"));
        assert!(!starts_with("0.270.1", "0.27") && !starts_with("0.27", "0.27.1"));
    }
}
