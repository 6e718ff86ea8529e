//! Ordering of release numbers such as `0.27.1`, `26.05`, `0.5.10`, `0.21.0rc1` and `560.28.03`.

use std::cmp::Ordering;

/// Compares two release numbers part by part, numbers as numbers; missing parts count as zero, and
/// a pre-release (`1.0rc1`) comes before its release. What follows `+` is ignored.
pub fn compare(a: &str, b: &str) -> Ordering {
    let ((a, a_marker), (b, b_marker)) = (split(a), split(b));
    let (mut a, mut b) = (numbers(a), numbers(b));
    loop {
        let (a, b) = (a.next(), b.next());
        if a.is_none() && b.is_none() {
            break;
        }
        let order = a.unwrap_or_default().cmp(&b.unwrap_or_default());
        if order != Ordering::Equal {
            return order;
        }
    }
    match (a_marker.is_empty(), b_marker.is_empty()) {
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => a_marker.cmp(b_marker),
    }
}

/// Whether `version` is `prefix` or one of its releases: `0.27` matches `0.27.1`, not `0.270`.
pub fn starts_with(version: &str, prefix: &str) -> bool {
    version
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+', '-']))
}

/// The part of a release with its numbers, and its pre-release marker if it has one.
fn split(version: &str) -> (&str, &str) {
    let version = version.strip_prefix('v').unwrap_or(version);
    let end = version
        .bytes()
        .position(|byte| !byte.is_ascii_digit() && byte != b'.')
        .unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    // Most have only numbers, and are compared by the hundred.
    if rest.is_empty() {
        return (numbers, "");
    }
    let rest = rest.split_once('+').map_or(rest, |(before, _)| before);
    let marked = ["rc", "a", "b", "dev"].iter().any(|marker| rest.starts_with(marker));
    (numbers, if marked { rest } else { "" })
}

/// Its numbers; one that is too large counts as the largest. Nothing is allocated: orders are asked
/// for by the hundred.
fn numbers(text: &str) -> impl Iterator<Item = u64> {
    text.as_bytes().split(|byte| *byte == b'.').filter(|part| !part.is_empty()).map(|part| {
        part.iter().fold(0, |number: u64, digit| {
            number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        })
    })
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
        ] {
            assert_eq!(compare(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(compare(b, a), Ordering::Greater, "{b} {a}");
        }
        assert_eq!(compare("0.27", "0.27.0"), Ordering::Equal);
        assert_eq!(compare("0.19.1+amzn2023", "v0.19.1"), Ordering::Equal);
    }

    #[test]
    fn prefixes() {
        assert!(starts_with("0.27.1", "0.27") && starts_with("0.27.1", "0.27.1"));
        assert!(!starts_with("0.270.1", "0.27") && !starts_with("0.27", "0.27.1"));
    }
}
