//! An opinion on what a tool recommends, where the server was given somebody who has one. It is a member of its own: the
//! tool's list and its order stay as the tool made them.

use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::Errand;
use mcc_catalogs::reason::{Choice, Comment, Opinion, Question, Reasoner, Used, WISH, Weighed};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::mcp::error::{Problem, ToolError};
use crate::mcp::guard;
use crate::mcp::member::With;
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::server::{Answer, Call, Context, Tool};
use crate::mcp::told;

/// The argument with the user's wish in words.
const ARGUMENT: &str = "wish";
/// The member of an answer that is an opinion.
const MEMBER: &str = "opinion";
/// How long an opinion is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A language model's opinion on the choices above, all of which the rules accept. It changes none of them.
#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OpinionAnswer {
    /// The model or inference profile of Amazon Bedrock that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Region that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// Where the request may have been answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    geography: Option<String>,
    /// Tokens of the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    /// Tokens of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    /// What the tokens cost by AWS's price list, in US dollars; left out where that was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    usd: Option<f64>,
    /// Choices of this answer, its favourite first.
    order: Vec<String>,
    /// Comments on individual choices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comments: Vec<CommentAnswer>,
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
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct CommentAnswer {
    /// The choice.
    id: String,
    /// The language model's words.
    comment: String,
}

/// A question to put when the tool has answered.
pub(crate) struct Asking {
    reasoner: Arc<dyn Reasoner>,
    question: Question,
    /// Requests that look-ups left.
    left: usize,
    profile: Option<String>,
}

/// Takes the wish from the arguments of a call, where the tool's choices are weighed.
///
/// # Errors
/// It is no text, too long, or a secret.
pub(crate) fn take(
    context: &Context,
    tool: &Tool,
    arguments: &mut JsonObject,
) -> Result<Option<String>, ToolError> {
    if context.reasoner.is_none() || !tool.weighs {
        // It is an argument like any other that does not exist.
        return Ok(None);
    }
    let wrong = |problem: Problem| Err(ToolError::of("invalid_arguments", problem));
    match arguments.remove(ARGUMENT) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(wish)) if wish.trim().is_empty() => Ok(None),
        Some(Value::String(wish)) if wish.chars().count() > WISH => wrong(
            Problem::of(ARGUMENT, format!("it has more than {WISH} characters")).fix("shorten it"),
        ),
        Some(wish) => {
            guard::argument(ARGUMENT, &wish, false)?;
            match wish {
                Value::String(wish) => Ok(Some(wish)),
                _ => wrong(
                    Problem::of(ARGUMENT, "it has to be a string").fix("write it as one text"),
                ),
            }
        }
    }
}

/// Offers the argument and tells of the member, in the schemas of a tool whose choices are weighed.
pub(crate) fn offer(input: &mut JsonObject, output: &mut JsonObject) {
    let about = "What matters to the user, in their own words, for the opinion that a language model adds. It never \
                 changes what is recommended.";
    let offered = json!({"type": "string", "maxLength": WISH, "description": about});
    for (schema, name, member) in [
        (input, ARGUMENT, offered),
        (output, MEMBER, Value::Object(schema::part::<OpinionAnswer>())),
    ] {
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert(name.to_owned(), member);
        }
    }
}

impl Asking {
    /// What is to be asked about the choices of this call. None where nobody has an opinion on them.
    pub(crate) fn of(tool: &Tool, call: &Call) -> Option<Self> {
        let reasoner = call.context.reasoner.clone().filter(|_| tool.weighs)?;
        let mut asked = call.arguments.clone();
        asked.retain(|name, _| !tool.file_arguments.contains(&name.as_str()));
        let question = Question {
            tool: tool.name.to_owned(),
            asked: Value::Object(asked).to_string(),
            wish: call.wish.clone(),
            shortlist: Vec::new(),
        };
        let left = call.answered.left.unwrap_or(Errand::REQUESTS);
        Some(Self { reasoner, question, left, profile: call.profile.clone() })
    }

    /// The answer with an opinion on its choices, if it has any. `timed` says whether there is a clock.
    pub(crate) async fn weigh(mut self, mut answer: Answer, timed: bool) -> Answer {
        let choices = std::mem::take(&mut answer.choices);
        if choices.is_empty() || answer.failed {
            return answer;
        }
        self.question.shortlist = unique(choices);
        // The time is this question's own, and begins now.
        let errand = Errand::resumed(PATIENCE, self.left).with_profile(self.profile);
        let weighing = self.question.put(&*self.reasoner, &errand);
        let weighed = if timed {
            let late = || Weighed {
                note: Some("Bedrock did not answer in time".to_owned()),
                ..Weighed::default()
            };
            tokio::time::timeout(PATIENCE + Duration::from_secs(1), weighing)
                .await
                .unwrap_or_else(|_| late())
        } else {
            weighing.await
        };
        let opinion = OpinionAnswer::from(weighed);
        answer.text.push_str(&opinion.text());
        answer.structured =
            Box::new(With { answer: answer.structured, name: MEMBER, member: opinion });
        answer
    }
}

/// One choice of each id.
fn unique(choices: Vec<Choice>) -> Vec<Choice> {
    let mut all: Vec<Choice> = Vec::new();
    for choice in choices {
        if !all.iter().any(|known| known.id == choice.id) {
            all.push(choice);
        }
    }
    all
}

impl From<Weighed> for OpinionAnswer {
    fn from(weighed: Weighed) -> Self {
        let mut this = Self { note: weighed.note, ..Self::default() };
        if let Some(used) = weighed.used {
            let Used { model, region, geography, input_tokens, output_tokens, usd } = used;
            (this.model, this.region, this.geography) =
                (Some(model), Some(region), Some(geography));
            (this.input_tokens, this.output_tokens, this.usd) = (input_tokens, output_tokens, usd);
        }
        if let Some(Opinion { order, comments, remarks, dropped }) = weighed.opinion {
            (this.order, this.remarks, this.dropped) = (order, remarks, dropped);
            let comment = |Comment { id, text }| CommentAnswer { id, comment: text };
            this.comments = comments.into_iter().map(comment).collect();
        }
        this
    }
}

impl OpinionAnswer {
    /// As lines at the end of a text. What a language model says is foreign text.
    fn text(&self) -> String {
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
        let heading = "\n\nOpinion of a language model on the recommendations above, which it does not change:";
        let mut text = heading.to_owned();
        for line in lines {
            text.push_str("\n- ");
            text.push_str(&told::line(&line));
        }
        text
    }

    /// Who was asked, and what that took.
    fn used(&self) -> Option<String> {
        let (model, region) = self.model.as_ref().zip(self.region.as_ref())?;
        let place = self.geography.as_deref().unwrap_or("an unknown place");
        let tokens = match (self.input_tokens, self.output_tokens) {
            (Some(input), Some(output)) => format!("{input} tokens in and {output} out"),
            _ => "an unknown number of tokens".to_owned(),
        };
        let usd = self.usd.map(|usd| format!(", {usd} USD")).unwrap_or_default();
        Some(format!(
            "asked: {model} of Amazon Bedrock in {region}, answered in {place}; {tokens}{usd}"
        ))
    }
}
