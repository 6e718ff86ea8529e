//! Ordering of release numbers such as `0.27.1`, `26.05`, `0.5.10`, `0.21.0rc1` and `560.28.03`.

use std::cmp::Ordering;

/// Compares two release numbers part by part, numbers as numbers; missing parts count as zero, and
/// a pre-release (`1.0rc1`) comes before its release. What follows `+` is ignored.
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (a, b) = unlike(a, b).unwrap_or_else(|| (Numbers::of(a), Numbers::of(b)));
    after(a, b)
}

/// The order of what is left of two releases.
fn after(mut a: Numbers<'_>, mut b: Numbers<'_>) -> Ordering {
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

/// Both from the first number on in which they can differ; none where something else than numbers comes before it.
fn unlike<'a>(a: &'a str, b: &'a str) -> Option<(Numbers<'a>, Numbers<'a>)> {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut from = 0;
    for (at, (own, other)) in a.iter().zip(b).enumerate() {
        if own != other {
            break;
        }
        match own {
            b'.' => from = at,
            b'0'..=b'9' => {}
            _ => return None,
        }
    }
    // What stands before the first number is read there.
    if from == 0 {
        return None;
    }
    Some((Numbers { rest: a.get(from..)? }, Numbers { rest: b.get(from..)? }))
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

    /// Nothing depends on where they begin to be compared.
    #[test]
    fn from_the_beginning() {
        let parts = [
            "0",
            "1",
            "9",
            "10",
            "27",
            "007",
            "",
            "v1",
            "rc1",
            "1rc1",
            "+1",
            "1+amzn2023",
            "1-trtllm",
        ];
        let all: Vec<String> = parts
            .iter()
            .flat_map(|first| parts.iter().map(move |second| format!("{first}.{second}")))
            .flat_map(|two| parts.iter().map(move |third| format!("{two}.{third}")))
            .chain(parts.iter().map(|part| (*part).to_owned()))
            .collect();
        for (at, a) in all.iter().enumerate().step_by(7) {
            for b in all.iter().skip(at % 3).step_by(3) {
                let whole = after(Numbers::of(a), Numbers::of(b));
                assert!(a == b || compare(a, b) == whole, "{a} {b}");
            }
        }
    }

    #[test]
    fn prefixes() {
        assert!(starts_with("0.27.1", "0.27") && starts_with("0.27.1", "0.27.1"));
        assert!(!starts_with("0.270.1", "0.27") && !starts_with("0.27", "0.27.1"));
    }
}
