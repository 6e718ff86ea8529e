//! Questions as a form, for clients that can show one to their user in the middle of a call.

use serde_json::{Value, json};

use super::answers::QuestionAnswer;
use super::core;
use crate::mcp::error::ToolError;
use crate::mcp::schema::JsonObject;
use crate::mcp::server::{Call, Reply};

/// The form for `questions`, if the client shows forms, its user has not closed one already, and
/// all of the questions can be put in one.
///
/// Forms have fields of simple types only; a question about a list or map is left to the assistant.
pub(super) fn form(call: &Call, questions: &[QuestionAnswer]) -> Option<Result<Reply, ToolError>> {
    if !call.can_ask || call.answered.declined {
        return None;
    }
    let mut fields = JsonObject::new();
    for question in questions {
        // Asked and answered already: asking the same again would go on for ever.
        if call.answered.values.contains_key(&question.key) {
            return None;
        }
        fields.insert(question.key.clone(), field(question)?);
    }
    if fields.is_empty() {
        return None;
    }
    let message = match questions {
        [one] => one.question.clone(),
        many => format!("{} things are needed to generate the project", many.len()),
    };
    let required: Vec<&String> = fields.keys().collect();
    let schema = json!({"type": "object", "required": required, "properties": fields});
    Some(call.ask(&message, &schema))
}

/// One question as a form's field.
fn field(question: &QuestionAnswer) -> Option<Value> {
    let kind = core::json_type(&question.key);
    let description = if question.choices.is_empty() {
        format!("{} Expected: {}.", question.question, question.expected)
    } else {
        question.question.clone()
    };
    let mut schema = json!({"title": question.key, "description": description});
    let members = schema.as_object_mut()?;
    match kind {
        "string" if !question.choices.is_empty() => {
            members.insert("type".to_owned(), json!("string"));
            members.insert("enum".to_owned(), json!(question.choices));
        }
        "string" | "integer" | "number" | "boolean" => {
            members.insert("type".to_owned(), json!(kind));
        }
        _ => return None,
    }
    Some(schema)
}
