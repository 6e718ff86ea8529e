//! Prompts: what a user picks from a menu, filled in and handed to the model.

use mcc_catalogs::echo;
use rmcp::model::{
    ErrorData, GetPromptResult, Prompt as ListedPrompt, PromptArgument, PromptMessage, Role,
};

use crate::mcp::parameter::{self, Given, Parameter};
use crate::mcp::schema::JsonObject;
use crate::mcp::server::Context;

/// One prompt: what a client is shown, and the function that writes it.
pub(crate) struct Prompt {
    /// `snake_case`, at most 32 characters.
    pub(crate) name: &'static str,
    /// What a user interface shows.
    pub(crate) title: &'static str,
    /// What it is for, for people.
    pub(crate) description: &'static str,
    /// What it takes.
    pub(crate) arguments: &'static [Parameter],
    /// The message to the model, in the user's name.
    pub(crate) write: fn(&Context, &Given) -> String,
}

impl Prompt {
    /// As `prompts/list` shows it.
    pub(crate) fn listed(&self) -> ListedPrompt {
        let arguments = self.arguments.iter().map(|argument| {
            PromptArgument::new(argument.name)
                .with_description(argument.description)
                .with_required(argument.required)
        });
        // Some frameworks list prompts among their functions, where nothing else tells them from tools.
        let description = format!("Prompt: {}", self.description);
        ListedPrompt::new(self.name, Some(description), Some(arguments.collect()))
            .with_title(self.title)
    }

    /// The prompt with its arguments.
    ///
    /// # Errors
    /// Names the argument that is wrong.
    pub(crate) fn get(
        &self,
        context: &Context,
        arguments: JsonObject,
    ) -> Result<GetPromptResult, ErrorData> {
        let given = parameter::read(self.arguments, arguments)?;
        // The message speaks in the user's name, and these are not words of the user's that it may go on with.
        let given = given.into_iter().map(|(name, value)| (name, echo(&value))).collect();
        let text = (self.write)(context, &given);
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)])
            .with_description(self.description))
    }
}

/// What was said of something, as a line of a list; nothing where nothing was said.
pub(crate) fn said(given: &Given, name: &str, what: &str) -> String {
    given.get(name).map_or_else(String::new, |value| format!("- {what}: {value}\n"))
}
