//! What somebody thinks of choices that are accepted already: the seam between those who answer and a language model that
//! is asked for its opinion. It orders and comments; what may be chosen is decided before it is asked, and stays so.

use std::fmt::Debug;
use std::pin::Pin;

use crate::Errand;
use crate::echo::is_hidden;

/// Most choices of a question.
pub const CHOICES: usize = 20;
/// Most characters of a wish in words.
pub const WISH: usize = 1000;
/// Most characters of a comment on one choice.
const COMMENT: usize = 300;
/// Most characters of what is said of all choices together.
const REMARKS: usize = 600;

/// Which of these suits best?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// The tool whose choices they are.
    pub tool: String,
    /// What the tool was asked, as JSON; foreign text.
    pub asked: String,
    /// What the user wishes, in words; foreign text.
    pub wish: Option<String>,
    /// What there is to choose from, in the order of the rules. At most [`CHOICES`] are put.
    pub shortlist: Vec<Choice>,
}

/// One of the choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Its name; no other choice has it.
    pub id: String,
    /// What is known of it, a short text each; some may be foreign.
    pub facts: Vec<String>,
}

/// What came of a question.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weighed {
    /// What it took, where somebody was asked.
    pub used: Option<Used>,
    /// What was said. None where nothing was that can be used.
    pub opinion: Option<Opinion>,
    /// Why there is no opinion, or only part of one.
    pub note: Option<String>,
}

/// Who was asked, and what that took.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// The model, or the inference profile, by its id.
    pub model: String,
    /// The Region that was called.
    pub region: String,
    /// Where the request may be answered, in words: `Regions of the United States and Canada`.
    pub geography: String,
    /// Tokens of the question. None where it is not known whether it was read.
    pub input_tokens: Option<u64>,
    /// Tokens of the answer, likewise.
    pub output_tokens: Option<u64>,
    /// What they cost in US dollars, where the price list was read.
    pub usd: Option<f64>,
}

/// An opinion on choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinion {
    /// Ids of choices, the one that suits best first; not all need be there.
    pub order: Vec<String>,
    /// What is said of a choice, at most once each.
    pub comments: Vec<Comment>,
    /// What is said of all of them.
    pub remarks: Option<String>,
    /// Ids and comments that were dropped: they name no choice, or one for the second time.
    pub dropped: usize,
}

/// A comment on one choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The choice.
    pub id: String,
    /// The text.
    pub text: String,
}

/// A question that is being weighed.
pub type Weighing<'a> = Pin<Box<dyn Future<Output = Weighed> + Send + 'a>>;

/// Somebody who is asked for an opinion. That there is none is a note and never an error.
pub trait Reasoner: Debug + Send + Sync {
    /// Asks, within what `errand` has left. What is answered is foreign: [`Question::put`] keeps of it what is about the
    /// choices.
    fn weigh<'a>(&'a self, question: &'a Question, errand: &'a Errand) -> Weighing<'a>;
}

impl Question {
    /// Puts the question. Whatever is answered, the opinion is about choices of this question.
    pub async fn put(&self, reasoner: &dyn Reasoner, errand: &Errand) -> Weighed {
        let mut weighed = reasoner.weigh(self, errand).await;
        if let Some(opinion) = weighed.opinion.take() {
            let opinion = self.kept(opinion);
            if opinion.is_empty() {
                weighed.note.get_or_insert_with(|| {
                    format!(
                        "nothing that was answered is about the choices ({} dropped)",
                        opinion.dropped
                    )
                });
            }
            weighed.opinion = Some(opinion);
        }
        weighed
    }

    /// What of an opinion is about the choices, once each, in texts that are cleaned and cut.
    pub fn kept(&self, said: Opinion) -> Opinion {
        let mut kept = Opinion { dropped: said.dropped, ..Opinion::default() };
        let is_choice = |id: &str| self.shortlist.iter().any(|choice| choice.id == id);
        for id in said.order {
            if is_choice(&id) && !kept.order.contains(&id) {
                kept.order.push(id);
            } else {
                kept.dropped += 1;
            }
        }
        for Comment { id, text } in said.comments {
            let text = clean(&text, COMMENT);
            if text.is_empty() {
                continue;
            }
            if is_choice(&id) && !kept.comments.iter().any(|known| known.id == id) {
                kept.comments.push(Comment { id, text });
            } else {
                kept.dropped += 1;
            }
        }
        kept.remarks = said
            .remarks
            .map(|remarks| clean(&remarks, REMARKS))
            .filter(|remarks| !remarks.is_empty());
        kept
    }
}

impl Opinion {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty() && self.comments.is_empty() && self.remarks.is_none()
    }
}

/// Foreign text as one line of what can be seen, of at most `most` characters: blanks and line ends are one blank, and
/// what cannot be seen is left out.
pub fn clean(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() {
            blank = !out.is_empty();
            continue;
        }
        if is_hidden(c) {
            continue;
        }
        let added = 1 + usize::from(blank);
        if length + added > most {
            // The mark takes the place of the last letter.
            if length == most {
                out.pop();
            }
            out.push('…');
            break;
        }
        if blank {
            out.push(' ');
            blank = false;
        }
        out.push(c);
        length += added;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn question(ids: &[&str]) -> Question {
        let choice = |id: &&str| Choice { id: (*id).to_owned(), facts: Vec::new() };
        Question { shortlist: ids.iter().map(choice).collect(), ..Question::default() }
    }

    fn comment(id: &str, text: &str) -> Comment {
        Comment { id: id.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_is_about_no_choice_is_dropped_and_counted() {
        let said = Opinion {
            order: ["b", "x", "a", "b", ""].map(str::to_owned).to_vec(),
            comments: vec![
                comment("a", "one\ntwo\u{1b}[2J\u{202e}"),
                comment("a", "again"),
                comment("x", "no"),
                comment("b", " \n"),
            ],
            remarks: Some("\n\t".to_owned()),
            dropped: 2,
        };
        let kept = question(&["a", "b"]).kept(said);
        assert_eq!(kept.order, ["b", "a"]);
        assert_eq!(kept.comments, [comment("a", "one two[2J")]);
        assert_eq!((kept.remarks, kept.dropped), (None, 2 + 3 + 2));
    }

    #[test]
    fn texts_are_cut_at_their_length() {
        assert_eq!(clean("a  b\n\nc ", 5), "a b c");
        assert_eq!(clean("a b cd", 5), "a b …");
        assert_eq!(clean(&"é".repeat(10), 10), "é".repeat(10));
        assert_eq!(clean(&"é".repeat(11), 10), format!("{}…", "é".repeat(9)));
        assert_eq!(clean("\u{200b}\0", 10), "");
    }

    proptest! {
        #[test]
        fn an_order_is_of_choices_once_each_and_texts_are_bounded(
            order in proptest::collection::vec("[a-e]{0,2}", 0..20),
            comments in proptest::collection::vec(("[a-e]{0,2}", "\\PC{0,400}|.{0,400}"), 0..10),
            remarks in proptest::option::of(".{0,900}"),
        ) {
            let question = question(&["a", "b", "cc"]);
            let said = order.len();
            let opinion = Opinion {
                order,
                comments: comments.iter().map(|(id, text)| comment(id, text)).collect(),
                remarks,
                dropped: 0,
            };
            let kept = question.kept(opinion);
            let mut ids = kept.order.clone();
            ids.sort();
            ids.dedup();
            prop_assert_eq!(ids.len(), kept.order.len());
            prop_assert!(kept.order.iter().all(|id| question.shortlist.iter().any(|choice| choice.id == *id)));
            prop_assert!(kept.order.len() + kept.dropped >= said);
            for text in kept.comments.iter().map(|comment| &comment.text).chain(&kept.remarks) {
                prop_assert!(!text.contains(is_hidden) && text.chars().count() <= REMARKS);
            }
            prop_assert!(kept.comments.iter().all(|comment| comment.text.chars().count() <= COMMENT));
        }
    }
}
