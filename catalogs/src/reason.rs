//! What somebody thinks of choices that are accepted already: the seam between those who answer and a language model that
//! is asked for its opinion. It orders and comments; what may be chosen is decided before it is asked, and stays so.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use crate::Errand;
use crate::echo::is_hidden;
use crate::secrets::secret_in;

mod told;

pub use told::{HEADING, Told};

/// How long an opinion is waited for.
pub const PATIENCE: Duration = Duration::from_secs(10);
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
    /// What tokens cost, or why that is not known.
    pub rates: Result<Rates, String>,
}

/// What tokens cost by a price list.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// US dollars for a million tokens of questions.
    pub input: f64,
    /// US dollars for a million tokens of answers.
    pub output: f64,
    /// The list, in words: `AWS's price list for eu-west-1`.
    pub list: String,
}

/// What a question cost.
#[derive(Debug, Clone, PartialEq)]
pub enum Charge {
    /// This much, by these prices in words.
    Known {
        /// US dollars.
        usd: f64,
        /// How that is known.
        basis: String,
    },
    /// It is not known, for this reason.
    Unknown(String),
}

impl Used {
    /// What it cost: only where tokens and prices are both known.
    pub fn charge(&self) -> Charge {
        let Rates { input, output, list } = match &self.rates {
            Ok(rates) => rates,
            Err(why) => return Charge::Unknown(why.clone()),
        };
        let (Some(asked), Some(answered)) = (self.input_tokens, self.output_tokens) else {
            return Charge::Unknown("the tokens are not known".to_owned());
        };
        #[expect(clippy::cast_precision_loss, reason = "tokens of one question are far below 2^52")]
        let usd = (asked as f64 * input + answered as f64 * output) / 1e6;
        // Dollars have six decimals here: less is below a hundredth of a cent.
        let usd = (usd * 1e6).round() / 1e6;
        let basis = format!("{input} USD in and {output} USD out for a million tokens, by {list}");
        Charge::Known { usd, basis }
    }
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

impl Weighed {
    /// Nothing came in time. Whoever counts tokens counts all that the question may have taken.
    pub fn late() -> Self {
        let note =
            "Bedrock did not answer in time; all tokens that the question may take count as used";
        Self { note: Some(note.to_owned()), ..Self::default() }
    }
}

impl Question {
    /// What is asked about `choices`, one of each id. None if there is nothing to choose from. What was asked is left out
    /// where it holds what looks like a secret.
    pub fn about(
        tool: &str,
        asked: String,
        wish: Option<String>,
        choices: Vec<Choice>,
    ) -> Option<Self> {
        let mut shortlist: Vec<Choice> = Vec::new();
        for choice in choices {
            if !shortlist.iter().any(|known| known.id == choice.id) {
                shortlist.push(choice);
            }
        }
        let asked = if secret_in(&asked).is_some() { String::new() } else { asked };
        (!shortlist.is_empty()).then(|| Self { tool: tool.to_owned(), asked, wish, shortlist })
    }

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
    fn a_cost_is_of_tokens_and_prices_that_are_both_known() {
        let rates = Rates { input: 1.1, output: 5.5, list: "a list".to_owned() };
        let used = |rates, tokens: Option<(u64, u64)>| Used {
            model: "m".to_owned(),
            region: "eu-west-1".to_owned(),
            geography: "there".to_owned(),
            input_tokens: tokens.map(|(input, _)| input),
            output_tokens: tokens.map(|(_, output)| output),
            rates,
        };
        let told = |used: Used| Told::from(Weighed { used: Some(used), ..Weighed::default() });
        let known = told(used(Ok(rates.clone()), Some((900, 60))));
        let line = known.lines().pop().unwrap();
        assert!(line.ends_with(
            "900 tokens in and 60 out; 0.00132 USD (1.1 USD in and 5.5 USD out for a million tokens, by a list)"
        ), "{line}");
        for used in [used(Err("nobody said".to_owned()), Some((900, 60))), used(Ok(rates), None)] {
            let told = told(used);
            let json = serde_json::to_value(&told).unwrap();
            assert!(json.get("usd").is_none(), "{json}");
            assert!(json["price"].as_str().unwrap().starts_with("not known: "), "{json}");
            assert!(told.lines().pop().unwrap().contains("; price not known: "));
        }
    }

    #[test]
    fn a_question_has_each_choice_once_and_at_least_one() {
        let choice = |id: &str| Choice { id: id.to_owned(), facts: Vec::new() };
        let about = |ids: &[&str]| {
            let choices = ids.iter().map(|id| choice(id)).collect();
            Question::about("t", String::new(), None, choices)
        };
        assert_eq!(about(&[]), None);
        assert_eq!(about(&["a", "b", "a"]).unwrap().shortlist.len(), 2);
        let asked = |text: &str| {
            Question::about("t", text.to_owned(), None, vec![choice("a")]).unwrap().asked
        };
        assert_eq!(asked("{\"modelName\":\"a/b\"}"), "{\"modelName\":\"a/b\"}");
        assert_eq!(asked("{\"env\":\"hf_abcdefghijklmnopqrstuvwxyzabcdefgh\"}"), "");
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
