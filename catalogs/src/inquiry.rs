//! The look-ups of one answer: what is asked in which round, and what the answer tells of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::asks::{Ask, Found};
use crate::echo::cut;
use crate::rows::{Rows, ago};

/// How often something is looked up before an answer is made: what was found can lead to more that is asked.
const ROUNDS: usize = 3;
/// Most that is looked up for one answer.
const ASKS: usize = 32;
/// Most notes of look-ups that an answer tells, and how long each may be, in characters.
const NOTES: (usize, usize) = (8, 300);

/// The look-ups of one answer.
#[derive(Debug, Default)]
pub struct Inquiry {
    rounds: usize,
    asked: Vec<Ask>,
    live: Live,
}

impl Inquiry {
    /// What to look up next of what the answer stands on by now; empty where nothing is left to ask.
    pub fn next(&mut self, mut asks: Vec<Ask>) -> Vec<Ask> {
        if self.rounds == ROUNDS {
            return Vec::new();
        }
        self.rounds += 1;
        asks.sort_unstable();
        asks.dedup();
        asks.retain(|ask| !self.asked.contains(ask));
        asks.truncate(ASKS.saturating_sub(self.asked.len()));
        self.asked.extend(asks.iter().cloned());
        asks
    }

    /// Takes what was found: remembers what is to be told of it, and hands on its rows.
    pub fn found(&mut self, found: Found) -> Vec<Rows> {
        let Found { rows, looked, notes } = found;
        for one in looked {
            self.live.add(one.source, one.whom, one.age);
        }
        for note in notes {
            self.live.note(&note);
        }
        rows
    }

    /// Goes on after a person was asked: as many rounds again, and nothing twice.
    pub fn resume(&mut self) {
        self.rounds = 0;
    }

    /// What there is to tell.
    pub fn told(&self) -> &Live {
        &self.live
    }

    /// The same, when nothing more is asked.
    pub fn into_told(self) -> Live {
        self.live
    }
}

/// What was looked up for this answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Live {
    /// Who was asked.
    sources: Vec<LiveSource>,
    /// What did not go as it should, such as a source that did not answer.
    notes: Vec<String>,
}

/// One that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LiveSource {
    /// Such as `Hugging Face` or `AWS prices of us-west-2`.
    source: String,
    /// Through whose eyes, such as `account 123456789012`.
    #[serde(skip_serializing_if = "Option::is_none")]
    whom: Option<String>,
    /// How long ago, in seconds; more than 0 where a cache kept it.
    age_seconds: u64,
}

impl Live {
    /// Whether nothing was looked up.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.notes.is_empty()
    }

    /// A source that was asked for several things is told once, with the oldest of them.
    fn add(&mut self, source: String, whom: Option<String>, age: u64) {
        let same = |one: &&mut LiveSource| one.source == source && one.whom == whom;
        match self.sources.iter_mut().find(same) {
            Some(known) => known.age_seconds = known.age_seconds.max(age),
            None => self.sources.push(LiveSource { source, whom, age_seconds: age }),
        }
    }

    /// Notes may repeat what servers say, which is foreign text.
    fn note(&mut self, note: &str) {
        let note = cut(note, NOTES.1).into_owned();
        if self.notes.len() < NOTES.0 && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The same for a reader, a line each.
    ///
    /// ```
    /// # use mcc_catalogs::{Found, Inquiry, Looked};
    /// let looked = Looked { source: "Hugging Face".to_owned(), whom: None, age: 2 };
    /// let mut inquiry = Inquiry::default();
    /// inquiry.found(Found { looked: vec![looked], ..Found::default() });
    /// assert_eq!(inquiry.told().lines(), ["Live: Hugging Face, 2 s ago"]);
    /// ```
    pub fn lines(&self) -> Vec<String> {
        let sources = self.sources().map(|sources| format!("Live: {sources}"));
        sources.into_iter().chain(self.notes.iter().map(|note| format!("Note: {note}"))).collect()
    }

    /// What did not go as it should, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Who was asked, and how long ago; none where nobody was.
    pub fn sources(&self) -> Option<String> {
        // Those with an equal age are told together: there may be many of one look-up.
        let mut by_age: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for LiveSource { source, whom, age_seconds } in &self.sources {
            let whom = whom.as_ref().map(|whom| format!(" ({whom})")).unwrap_or_default();
            by_age.entry(*age_seconds).or_default().push(format!("{source}{whom}"));
        }
        let told = by_age.into_iter().map(|(age, who)| format!("{}, {}", who.join(", "), ago(age)));
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asks::Looked;

    fn looked(source: &str, whom: Option<&str>, age: u64) -> Looked {
        Looked { source: source.to_owned(), whom: whom.map(str::to_owned), age }
    }

    #[test]
    fn nothing_is_asked_twice_and_no_more_than_is_allowed() {
        let many = |from: usize| -> Vec<Ask> {
            (from..from + 20).map(|n| Ask::Models(format!("{n:02}"))).collect()
        };
        let mut inquiry = Inquiry::default();
        assert_eq!(inquiry.next([many(0), many(0)].concat()), many(0));
        let next = inquiry.next(many(10));
        assert_eq!(next.first(), Some(&Ask::Models("20".to_owned())));
        assert_eq!(next.len(), 10);
        assert_eq!(inquiry.next(many(40)).len(), 2);
        assert!(inquiry.next(many(80)).is_empty());
        inquiry.resume();
        assert!(inquiry.next(many(80)).is_empty());

        let mut inquiry = Inquiry::default();
        for round in 0..ROUNDS {
            assert_eq!(inquiry.next(vec![Ask::Models(round.to_string())]).len(), 1);
        }
        let more = vec![Ask::Models("more".to_owned())];
        assert!(inquiry.next(more.clone()).is_empty());
        inquiry.resume();
        assert_eq!(inquiry.next(more).len(), 1);
    }

    #[test]
    fn who_was_asked_is_told_once_and_how_long_ago() {
        let mut inquiry = Inquiry::default();
        assert!(inquiry.told().is_empty());
        let account = Some("account 123456789012");
        inquiry.found(Found {
            looked: vec![
                looked("Hugging Face", None, 0),
                looked("AWS prices of us-west-2", account, 40),
                looked("Hugging Face", None, 2),
                looked("AWS quotas of us-west-2", account, 40),
                looked("Docker Hub", None, 8000),
            ],
            notes: vec!["slow\u{1b}[2J".to_owned(), "x".repeat(5000)],
            ..Found::default()
        });
        let more = (0..20).map(|n| format!("note {n}")).collect();
        inquiry.found(Found { notes: more, ..Found::default() });
        let live = inquiry.into_told();
        let lines = live.lines();
        assert_eq!(
            lines.first().map(String::as_str),
            Some(
                "Live: Hugging Face, 2 s ago; AWS prices of us-west-2 (account 123456789012), \
                 AWS quotas of us-west-2 (account 123456789012), 40 s ago; Docker Hub, 2 h ago"
            )
        );
        assert_eq!(lines.get(1).map(String::as_str), Some("Note: slow\\u{1b}[2J"));
        assert_eq!(lines.len(), 1 + NOTES.0);
        assert!(lines.iter().all(|line| line.len() < 400), "{lines:?}");
        let json = serde_json::to_value(&live).unwrap();
        assert_eq!(
            json["sources"][0],
            serde_json::json!({"source": "Hugging Face", "ageSeconds": 2})
        );
        assert_eq!(json["sources"][1]["whom"], "account 123456789012");
        assert_eq!(json["notes"].as_array().unwrap().len(), NOTES.0);
    }
}
