//! "Did you mean": the candidates that look most like what was typed.

/// The up to `n` candidates closest to `needle`, best first, case ignored. Candidates that have
/// little in common with it are left out, so that a suggestion is always worth printing.
pub fn nearest<'a>(
    needle: &str,
    haystack: impl IntoIterator<Item = &'a str>,
    n: usize,
) -> Vec<&'a str> {
    let needle: Vec<char> = needle.to_lowercase().chars().take(MAX_CHARS).collect();
    if needle.is_empty() {
        return Vec::new();
    }
    let mut scored: Vec<(usize, &str)> = haystack
        .into_iter()
        .filter_map(|candidate| {
            let chars: Vec<char> = candidate.to_lowercase().chars().take(MAX_CHARS).collect();
            let distance = distance(&needle, &chars);
            let longest = needle.len().max(chars.len());
            // What is typed in part ("llama-3.1-8b" for "meta-llama/Llama-3.1-8B") is close, whatever its length.
            let contained = needle.len() >= 3 && contains(&chars, &needle);
            let score = if contained { distance.min(2) } else { distance };
            (contained || distance * 5 <= longest * 2).then_some((score, candidate))
        })
        .collect();
    scored.sort_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| a.1.len().cmp(&b.1.len())).then_with(|| a.1.cmp(b.1))
    });
    scored.dedup();
    scored.into_iter().take(n).map(|(_, candidate)| candidate).collect()
}

/// Longer strings are compared by their start only: the distance is quadratic in the length.
const MAX_CHARS: usize = 200;

fn contains(haystack: &[char], needle: &[char]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Optimal string alignment: edits, and swaps of neighbours, which are the commonest typing error.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous_a = None;
    for (i, &ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        let mut previous_b = None;
        for (j, &cb) in b.iter().enumerate() {
            let at =
                |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut cost = (at(&last, j) + usize::from(ca != cb))
                .min(at(&last, j + 1) + 1)
                .min(at(&row, j) + 1);
            if previous_a == Some(cb) && previous_b == Some(ca) && j > 0 {
                cost = cost.min(at(&before_last, j - 1) + 1);
            }
            row.push(cost);
            previous_b = Some(cb);
        }
        before_last = std::mem::replace(&mut last, row);
        previous_a = Some(ca);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_word() {
        let types = ["ml.g5.xlarge", "ml.g5.2xlarge", "ml.p5.48xlarge", "ml.m5.large"];
        assert_eq!(nearest("ml.g5.xlrage", types, 1), ["ml.g5.xlarge"]);
        assert_eq!(nearest("g5.xlarge", types, 1), ["ml.g5.xlarge"]);
        assert_eq!(nearest("ML.P5.48XLARGE", types, 1), ["ml.p5.48xlarge"]);
    }

    #[test]
    fn nothing_alike_suggests_nothing() {
        assert!(nearest("zzzzzzzz", ["ml.g5.xlarge"], 3).is_empty());
        assert!(nearest("", ["a"], 3).is_empty());
    }

    #[test]
    fn a_part_finds_the_whole() {
        assert_eq!(
            nearest("llama-3.1-8b", ["Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B-Instruct"], 1),
            ["meta-llama/Llama-3.1-8B-Instruct"]
        );
    }

    #[test]
    fn distances() {
        let d = |a: &str, b: &str| {
            distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
        };
        assert_eq!(
            (d("", ""), d("a", ""), d("", "abc"), d("ab", "ba"), d("kitten", "sitting")),
            (0, 1, 3, 1, 3)
        );
    }
}
