//! An opinion as answers tell it: the same members and lines over MCP and at a terminal.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Charge, Comment, Opinion, Used, Weighed};

/// What stands above the lines of an opinion.
pub const HEADING: &str =
    "Opinion of a language model on the recommendations above, which it does not change:";

/// A language model's opinion on the choices above, all of which the rules accept. It changes none of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// The model or inference profile of Amazon Bedrock that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Region that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// Where the request may have been answered, and how that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    geography: Option<String>,
    /// Tokens of the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    /// Tokens of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    /// What they cost by AWS's price list, in US dollars; left out where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    usd: Option<f64>,
    /// The prices that `usd` is calculated from, or `not known` and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    /// Choices of this answer, its favourite first.
    order: Vec<String>,
    /// Comments on individual choices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comments: Vec<ToldComment>,
    /// Remarks on all of them together.
    #[serde(skip_serializing_if = "Option::is_none")]
    remarks: Option<String>,
    /// How many of its statements were about something that is not a choice and were dropped.
    dropped: usize,
    /// Why there is no opinion, or only part of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A comment on one choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct ToldComment {
    /// The choice.
    id: String,
    /// The language model's words.
    comment: String,
}

impl From<Weighed> for Told {
    fn from(weighed: Weighed) -> Self {
        let mut this = Self { note: weighed.note, ..Self::default() };
        if let Some(used) = weighed.used {
            let (usd, price) = match used.charge() {
                Charge::Known { usd, basis } => (Some(usd), basis),
                Charge::Unknown(why) => (None, format!("not known: {why}")),
            };
            let Used { model, region, geography, input_tokens, output_tokens, .. } = used;
            (this.model, this.region, this.geography) =
                (Some(model), Some(region), Some(geography));
            (this.input_tokens, this.output_tokens) = (input_tokens, output_tokens);
            (this.usd, this.price) = (usd, Some(price));
        }
        if let Some(Opinion { order, comments, remarks, dropped }) = weighed.opinion {
            (this.order, this.remarks, this.dropped) = (order, remarks, dropped);
            let comment = |Comment { id, text }| ToldComment { id, comment: text };
            this.comments = comments.into_iter().map(comment).collect();
        }
        this
    }
}

impl Told {
    /// As lines below [`HEADING`]. What a language model says is foreign text.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.order.is_empty() {
            lines.push(format!("it prefers {}", self.order.join(", then ")));
        }
        lines.extend(self.comments.iter().map(|said| format!("{}: {}", said.id, said.comment)));
        lines.extend(self.remarks.clone());
        if self.dropped > 0 {
            lines.push(format!(
                "{} more statements are about something that is not a choice of this answer, and are dropped",
                self.dropped
            ));
        }
        lines.extend(self.note.as_ref().map(|note| format!("no opinion: {note}")));
        lines.extend(self.used());
        lines
    }

    /// Who was asked, and what that took.
    fn used(&self) -> Option<String> {
        let (model, region) = self.model.as_ref().zip(self.region.as_ref())?;
        let place = self.geography.as_deref().unwrap_or("an unknown place");
        let tokens = match (self.input_tokens, self.output_tokens) {
            (Some(input), Some(output)) => format!("{input} tokens in and {output} out"),
            _ => "an unknown number of tokens".to_owned(),
        };
        let price = self.price.as_deref().unwrap_or("not known");
        let cost = match self.usd {
            Some(usd) => format!("{usd} USD ({price})"),
            None => format!("price {price}"),
        };
        Some(format!(
            "asked: {model} of Amazon Bedrock in {region}, answered in {place}; {tokens}; {cost}"
        ))
    }
}
