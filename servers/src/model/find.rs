//! Finding models by what a person remembers of their name. Pure.

use mcc_catalogs::{Model, Models};
use mcc_fit::sizing;

/// What a search is narrowed to.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) task: Option<String>,
    pub(super) license: Option<String>,
    pub(super) gated: Option<bool>,
    pub(super) min_parameters: Option<u64>,
    pub(super) max_parameters: Option<u64>,
    pub(super) min_context: Option<u64>,
}

impl Filter {
    /// Whether a model is within it. What is not known of a model does not exclude it, except where a
    /// number was asked for that it lacks.
    fn takes(&self, model: &Model) -> bool {
        let text = |wanted: &Option<String>, has: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| {
                let wanted = wanted.to_lowercase();
                let any = || wanted.split(',').map(str::trim).filter(|one| !one.is_empty());
                any().next().is_none()
                    || has.as_ref().is_some_and(|has| {
                        let has = has.to_lowercase();
                        any().any(|one| has.contains(one))
                    })
            })
        };
        let at_least = |least: Option<u64>, has: Option<u64>| {
            least.is_none_or(|least| has.is_some_and(|has| has >= least))
        };
        text(&self.task, &model.task)
            && text(&self.license, &model.license)
            && self.gated.is_none_or(|gated| model.gated.is_none_or(|has| has == gated))
            && at_least(self.min_parameters, model.parameters)
            && self.min_context.is_none_or(|least| {
                // The only filter for which the configuration is read.
                sizing::shape_of(model).and_then(|shape| shape.max_positions) >= Some(least)
            })
            && self
                .max_parameters
                .is_none_or(|most| model.parameters.is_some_and(|has| has <= most))
    }
}

/// How well what was found matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Match {
    /// Names have all the words.
    All,
    /// The best have most of the words, without these.
    Some(Vec<String>),
    /// Names only look like it.
    Like,
}

/// What a search found, the best first.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) models: Vec<&'a Model>,
    pub(super) kind: Match,
}

/// The models that match; those with most of the words where none has all, and those that look like it where none has
/// any.
pub(super) fn search<'a>(models: &'a Models, query: &str, filter: &Filter) -> Found<'a> {
    let words = words(query);
    let all = with(models, &words, filter);
    if !all.is_empty() || words.is_empty() {
        return Found { models: all, kind: Match::All };
    }
    let telling = most(models, &words, filter);
    if !telling.is_empty() {
        let missing = words.iter().filter(|word| !telling.contains(word)).cloned().collect();
        return Found { models: with(models, &telling, filter), kind: Match::Some(missing) };
    }
    let ids = models.iter().filter(|model| filter.takes(model)).map(|model| model.id.as_str());
    let near = mcc_catalogs::nearest(query, ids, 10);
    let rows = near.into_iter().filter_map(|id| models.get(id)).collect();
    Found { models: rows, kind: Match::Like }
}

/// The models whose names have all of `words`, the best first.
fn with<'a>(models: &'a Models, words: &[String], filter: &Filter) -> Vec<&'a Model> {
    let mut found: Vec<(usize, &Model)> =
        models.of_ids(|id| score(words, id)).filter(|(_, model)| filter.takes(model)).collect();
    // The newest of what matches equally well; the id makes the order certain.
    found.sort_by(|(a_score, a), (b_score, b)| {
        a_score
            .cmp(b_score)
            .then_with(|| b.released.cmp(&a.released))
            .then_with(|| a.id.as_str().cmp(b.id.as_str()))
    });
    found.into_iter().map(|(_, model)| model).collect()
}

/// Words that people put beside a name, and that are in some names by chance.
const BESIDE: [&str; 12] = [
    "model", "models", "llm", "the", "for", "with", "and", "small", "large", "best", "good", "new",
];

/// The most of `words` that one name has; of as many, those that say more: a single letter says little.
fn most(models: &Models, words: &[String], filter: &Filter) -> Vec<String> {
    let has = |id: &str| -> Option<Vec<&String>> {
        // A part of a word is found in too many names to tell anything.
        let has: Vec<&String> = words
            .iter()
            .filter(|word| word.len() > 1 && !BESIDE.contains(&word.as_str()) && begins(id, word))
            .collect();
        (!has.is_empty()).then_some(has)
    };
    let counted = models
        .of_ids(has)
        .filter(|(_, model)| filter.takes(model))
        .map(|(has, _)| has)
        .max_by_key(|has| (has.len(), has.iter().map(|word| word.len()).sum::<usize>()));
    counted.unwrap_or_default().into_iter().cloned().collect()
}

/// Whether a word of an id begins with `word`.
fn begins(id: &str, word: &str) -> bool {
    parts(id).any(|own| own.starts_with(word))
}

/// `Llama-3.1 8B` as `llama`, `3`, `1`, `8b`.
fn words(text: &str) -> Vec<String> {
    parts(&text.to_lowercase()).map(str::to_owned).collect()
}

fn parts(lower: &str) -> impl Iterator<Item = &str> {
    lower
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(20)
}

/// How far an id in lower case is from the query; none if it lacks a word. Whole words count more than
/// parts.
fn score(wanted: &[String], id: &str) -> Option<usize> {
    if !wanted.iter().all(|word| across(id, word)) {
        return None;
    }
    let mut score = 0;
    for word in wanted {
        if parts(id).any(|own| own == word) {
            continue;
        }
        score += if begins(id, word) { 1 } else { 2 };
    }
    // An id with fewer other words is closer.
    Some(score * 100 + parts(id).count().saturating_sub(wanted.len()))
}

/// Whether a word stands in an id, also across the words of the id: "llama3" for "llama-3". All ids are
/// looked through, so nothing is allocated, and most of them are left at the first letter, whose first byte begins no other.
fn across(id: &str, word: &str) -> bool {
    let begins = |at| {
        let mut own = id.get(at..).unwrap_or_default().chars().filter(|own| own.is_alphanumeric());
        word.chars().all(|wanted| own.next() == Some(wanted))
    };
    let first = word.bytes().next().unwrap_or_default();
    memchr::memchr_iter(first, id.as_bytes()).any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loose_names_find_their_model() {
        let score = |words: &[String], id: &str| score(words, &id.to_lowercase());
        assert!(score(&words("llama 3.1 8b"), "meta-llama/Llama-3.1-8B-Instruct").is_some());
        assert!(score(&words("llama3"), "meta-llama/Llama-3.1-8B").is_some());
        assert!(score(&words("llama318"), "meta-llama/Llama-3.1-8B").is_some());
        assert!(score(&words("llama 70b"), "meta-llama/Llama-3.1-8B").is_none());
        assert!(score(&words("8b9"), "meta-llama/Llama-3.1-8B").is_none());
        assert!(score(&words("lama"), "meta-llama/Llama-3.1-8B").is_some());
        let exact = score(&words("Qwen/Qwen3-8B"), "Qwen/Qwen3-8B");
        let longer = score(&words("Qwen/Qwen3-8B"), "Qwen/Qwen3-8B-Base");
        assert!(exact < longer);
        assert_eq!(score(&[], "a/b"), Some(2));
    }

    #[test]
    fn most_of_the_words_are_better_than_none() {
        let models = mcc_catalogs::Catalogs::embedded().models();
        for (query, has, lacks) in [
            ("qwen 8b chat", "8b", "chat"),
            ("small qwen model", "qwen", "small"),
            ("llama 3.1 8b for summaries", "llama", "summaries"),
        ] {
            let found = search(models, query, &Filter::default());
            let Match::Some(missing) = &found.kind else { panic!("{query}: {:?}", found.kind) };
            assert!(missing.iter().any(|word| word == lacks), "{query}: {missing:?}");
            let first = found.models[0].id.as_str().to_lowercase();
            assert!(first.contains(has), "{query}: {first}");
        }
        assert!(!search(models, "small chat model", &Filter::default()).models.is_empty());
        assert_eq!(search(models, "qwen 8b", &Filter::default()).kind, Match::All);
        assert_eq!(search(models, "qwne3", &Filter::default()).kind, Match::Like);
        assert!(search(models, "zzzzzzzzzzzz", &Filter::default()).models.is_empty());
    }
}
