//! Ordering of release numbers such as `0.27.1`, `26.05`, `0.5.10`, `0.21.0rc1` and `560.28.03`.

use std::cmp::Ordering;

/// Compares two release numbers part by part, numbers as numbers; missing parts count as zero, and
/// a pre-release (`1.0rc1`) comes before its release. What follows `+` is ignored.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (split(a), split(b));
    for i in 0..a.0.len().max(b.0.len()) {
        let part = |v: &[u64]| v.get(i).copied().unwrap_or_default();
        let order = part(&a.0).cmp(&part(&b.0));
        if order != Ordering::Equal {
            return order;
        }
    }
    match (a.1.is_empty(), b.1.is_empty()) {
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => a.1.cmp(b.1),
    }
}

/// Whether `version` is `prefix` or one of its releases: `0.27` matches `0.27.1`, not `0.270`.
pub fn starts_with(version: &str, prefix: &str) -> bool {
    version
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '+', '-']))
}

/// The numbers of a release, and its pre-release marker if it has one.
fn split(version: &str) -> (Vec<u64>, &str) {
    let version = version.split('+').next().unwrap_or_default();
    let version = version.strip_prefix('v').unwrap_or(version);
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    let marker = if rest.starts_with("rc")
        || rest.starts_with('a')
        || rest.starts_with('b')
        || rest.starts_with("dev")
    {
        rest
    } else {
        ""
    };
    (
        numbers
            .split('.')
            .filter(|p| !p.is_empty())
            .map(|p| p.parse().unwrap_or(u64::MAX))
            .collect(),
        marker,
    )
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
