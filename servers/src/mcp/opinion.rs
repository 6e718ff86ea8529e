//! An opinion on what a tool recommends, where the server was given somebody who has one. It is a member of its own: the
//! tool's list and its order stay as the tool made them.

use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::Errand;
use mcc_catalogs::reason::{HEADING, PATIENCE, Question, Reasoner, Told, WISH, Weighed};
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
/// How much longer it is waited for: whoever has one has said by then why there is none.
const GRACE: Duration = Duration::from_secs(1);
/// How long an opinion takes at most.
pub(crate) const LONGEST: Duration = PATIENCE.saturating_add(GRACE);

/// A question to put when the tool has answered.
pub(crate) struct Asking {
    reasoner: Arc<dyn Reasoner>,
    tool: &'static str,
    /// The arguments, as JSON.
    asked: String,
    wish: Option<String>,
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
    for (schema, name, member) in
        [(input, ARGUMENT, offered), (output, MEMBER, Value::Object(schema::part::<Told>()))]
    {
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
        let left = call.answered.left.unwrap_or(Errand::REQUESTS);
        Some(Self {
            reasoner,
            tool: tool.name,
            asked: Value::Object(asked).to_string(),
            wish: call.wish.clone(),
            left,
            profile: call.profile.clone(),
        })
    }

    /// The answer with an opinion on its choices, if it has any. `timed` says whether there is a clock.
    pub(crate) async fn weigh(self, mut answer: Answer, timed: bool) -> Answer {
        let choices = std::mem::take(&mut answer.choices);
        if answer.failed {
            return answer;
        }
        let Some(question) = Question::about(self.tool, self.asked, self.wish, choices) else {
            return answer;
        };
        // The time is this question's own, and begins now.
        let errand = Errand::resumed(PATIENCE, self.left).with_profile(self.profile);
        let weighing = question.put(&*self.reasoner, &errand);
        let weighed = if timed {
            tokio::time::timeout(LONGEST, weighing).await.unwrap_or_else(|_| Weighed::late())
        } else {
            weighing.await
        };
        let opinion = Told::from(weighed);
        answer.text.push_str("\n\n");
        answer.text.push_str(HEADING);
        for line in opinion.lines() {
            answer.text.push_str("\n- ");
            answer.text.push_str(&told::line(&line));
        }
        answer.structured =
            Box::new(With { answer: answer.structured, name: MEMBER, member: opinion });
        answer
    }
}
