//! What an answer says of sources that said nothing.

use mcc_catalogs::cut;

use crate::failure::Failure;

/// Most characters of a source's words, and of why it said nothing: more than the longest of our own sentences has, so that
/// what to do is never cut off.
const WORDS: (usize, usize) = (80, 500);
/// Most sources of one note that are named.
const NAMED: usize = 5;

/// Sources that said nothing for the same reason.
#[derive(Debug)]
pub(crate) struct Silence {
    subjects: Vec<String>,
    failure: Failure,
    /// How long ago it was said what is used instead.
    age: Option<String>,
}

impl Silence {
    /// Adds `subject`, which said nothing because of `failure`; what it said `age` seconds ago is used.
    pub(crate) fn add(all: &mut Vec<Self>, subject: &str, failure: Failure, age: Option<u64>) {
        let subject = cut(subject, WORDS.0).into_owned();
        let age = age.map(in_words);
        match all.iter_mut().find(|one| one.failure == failure && one.age == age) {
            Some(same) if same.subjects.contains(&subject) => {}
            Some(same) => same.subjects.push(subject),
            None => all.push(Self { subjects: vec![subject], failure, age }),
        }
    }

    /// A note of it.
    pub(crate) fn told(&self) -> String {
        let failure = self.failure.to_string();
        let (first, others) = self
            .subjects
            .split_first()
            .map_or(("", &[][..]), |(first, others)| (first.as_str(), others));
        let mut text = format!("{first} {}.", cut(&failure, WORDS.1));
        if !others.is_empty() {
            text.push_str(&format!(" The same holds for {}.", listed(others)));
        }
        match &self.age {
            Some(age) if others.is_empty() => {
                text.push_str(&format!(" The answer of {age} ago is used instead."));
            }
            Some(age) => text.push_str(&format!(" Their answers of {age} ago are used instead.")),
            // Whether the catalogs have an answer is theirs to say.
            None => text.push_str(" The catalogs are used instead."),
        }
        text
    }
}

fn listed(subjects: &[String]) -> String {
    let named: Vec<&str> = subjects.iter().take(NAMED).map(String::as_str).collect();
    let more = subjects.len().saturating_sub(NAMED);
    match named.split_last() {
        _ if more > 0 => format!("{} and {more} more", named.join(", ")),
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => named.concat(),
    }
}

/// A time in the largest unit that it has one of.
fn in_words(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(all: &[(&str, Failure, Option<u64>)]) -> Vec<String> {
        let mut silences = Vec::new();
        for (subject, failure, age) in all {
            Silence::add(&mut silences, subject, failure.clone(), *age);
        }
        silences.iter().map(Silence::told).collect()
    }

    #[test]
    fn one_reason_is_one_note() {
        let none = Failure::NoCredentials;
        let all = [
            ("AWS prices of us-west-2", none.clone(), None),
            ("Hugging Face", Failure::TooSlow, Some(3 * 3600 + 5)),
            ("AWS quotas of us-west-2", none.clone(), None),
            ("AWS offers of us-west-2", none.clone(), None),
            ("AWS offers of us-west-2", none, None),
        ];
        assert_eq!(
            told(&all),
            [
                "AWS prices of us-west-2 could not be queried: there are no credentials; run `mcc doctor`. The same holds for AWS \
                 quotas of us-west-2 and AWS offers of us-west-2. The catalogs are used instead.",
                "Hugging Face did not answer in time. The answer of 3 hours ago is used instead.",
            ]
        );
    }

    #[test]
    fn notes_are_short_and_of_what_can_be_seen() {
        let foreign = format!("x\n\u{1b}[2J{}", "y".repeat(10_000));
        let subjects: Vec<String> = (0..50).map(|number| format!("{number}{foreign}")).collect();
        let all: Vec<_> = subjects
            .iter()
            .map(|one| (one.as_str(), Failure::Denied(foreign.clone()), None))
            .collect();
        let notes = told(&all);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].len() < 1500 && notes[0].contains("and 44 more"), "{}", notes[0]);
        assert!(!notes[0].contains(mcc_catalogs::is_hidden));
    }

    #[test]
    fn what_to_do_is_never_cut_off() {
        let name = "a-profile-with-a-name-of-sixty-characters-as-companies-have";
        let why = format!(
            "the AWS profile `{name}` signs in with `aws login`; use a profile with `credential_process = aws configure \
             export-credentials --profile {name} --format process`"
        );
        let notes = told(&[("AWS quotas of us-west-2", Failure::NotAsked(why), None)]);
        assert!(
            notes[0].ends_with("--format process`. The catalogs are used instead."),
            "{notes:?}"
        );
    }

    #[test]
    fn times_are_told_in_their_largest_unit() {
        let told = [0, 1, 59, 60, 3599, 3600, 86_399, 86_400, 6 * 86_400].map(in_words);
        let words = [
            "0 seconds",
            "1 second",
            "59 seconds",
            "1 minute",
            "59 minutes",
            "1 hour",
            "23 hours",
            "1 day",
            "6 days",
        ];
        assert_eq!(told, words);
    }
}
