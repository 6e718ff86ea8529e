//! What a server is: a name, instructions and a table of tools. Nothing here knows a transport.

use std::fmt::Debug;
use std::sync::{Arc, LazyLock, OnceLock};

use mcc_catalogs::reason::{Choice, Reasoner};
use mcc_catalogs::{Ask, Catalogs, Lookup, Standing};
use mcc_generator::FileAccess;
use rmcp::model::{InputRequiredResult, Tool as ListedTool, ToolAnnotations};
use serde::Serialize;
use serde_json::Value;

use crate::mcp::error::ToolError;
use crate::mcp::opinion;
use crate::mcp::profiles;
use crate::mcp::prompt::Prompt;
use crate::mcp::resource::Resource;
use crate::mcp::roots::Roots;
use crate::mcp::rounds::Rounds;
use crate::mcp::schema::{self, JsonObject};
use crate::mcp::share::Shares;

/// One MCP server.
pub(crate) struct Server {
    /// The name in `mcc serve NAME`.
    pub(crate) name: &'static str,
    /// What a user interface shows.
    pub(crate) title: &'static str,
    /// One sentence about what it does.
    pub(crate) description: &'static str,
    /// The workflow across its tools; under 2,048 characters, and nothing that the tools say.
    pub(crate) instructions: &'static str,
    /// Its tools, in the order in which they are listed; several groups where servers are joined.
    pub(crate) tools: &'static [&'static [Tool]],
    /// Its prompts.
    pub(crate) prompts: &'static [&'static [Prompt]],
    /// Its resources and resource templates.
    pub(crate) resources: &'static [&'static [Resource]],
    /// The listing, made when it is first asked for: a server that only starts needs no schemas.
    pub(crate) listing: OnceLock<Vec<ListedTool>>,
}

/// What a tool does to the world. The names and meanings are those of the MCP annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes nothing.
    Reads,
    /// It writes files; what is there already is kept unless the call says otherwise.
    Writes,
}

/// One tool: what a client is shown, and the function behind it.
pub(crate) struct Tool {
    /// `snake_case`, at most 32 characters.
    pub(crate) name: &'static str,
    /// What a user interface shows.
    pub(crate) title: &'static str,
    /// What it is for and when to use it, for the model.
    pub(crate) description: &'static str,
    /// What it does to the world.
    pub(crate) effect: Effect,
    /// Arguments that carry whole files and may therefore be long.
    pub(crate) file_arguments: &'static [&'static str],
    /// The schema of its arguments.
    pub(crate) input: fn() -> JsonObject,
    /// The schema of its answer.
    pub(crate) output: fn() -> JsonObject,
    /// What its answer stands on, and could be looked up: from the arguments as they came, and what was found already.
    /// `None` for one whose answers stand on nothing that can be.
    pub(crate) asks: Option<fn(&Call) -> Vec<Ask>>,
    /// Whether a call may wait for a disk: such a call has a thread of its own, and others are answered at once.
    pub(crate) waits: fn(&Call) -> bool,
    /// Whether its answers have choices that somebody may have an opinion on.
    pub(crate) weighs: bool,
    /// What it does: from arguments to an answer, and nothing of it is asynchronous.
    pub(crate) run: fn(Call) -> Result<Reply, ToolError>,
}

/// For tools that answer from what is in memory.
pub(crate) fn never(_call: &Call) -> bool {
    false
}

/// One call of a tool.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// What the server as a whole has.
    pub(crate) context: Arc<Context>,
    /// The tool called.
    pub(crate) tool: &'static str,
    /// The arguments, within the limits of [`crate::mcp::guard`]; nothing else is known of them.
    pub(crate) arguments: JsonObject,
    /// Whether the client can ask its user with a form (2026-07-28 and the capability declared).
    pub(crate) can_ask: bool,
    /// What the user answered to the forms of this call so far; nothing more is known of it.
    pub(crate) answered: Answered,
    /// The AWS profile that it named, of those that it may.
    pub(crate) profile: Option<String>,
    /// What its user wishes, in words, where that is weighed.
    pub(crate) wish: Option<String>,
    /// What the facts are worth that the answer stands on.
    pub(crate) standing: Standing,
}

/// What came back from forms.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answered {
    /// Values by input.
    pub(crate) values: JsonObject,
    /// The user closed a form without answering.
    pub(crate) declined: bool,
    /// Requests that look-ups of earlier rounds left to this one, where there were any.
    pub(crate) left: Option<usize>,
}

/// What all calls of one running server share; a call for which something was looked up has one of its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    /// The folders below which files may be read and written. Empty: none.
    pub(crate) roots: Arc<Roots>,
    /// The facts, if they are not only those that come with the program.
    pub(crate) catalogs: Option<Arc<Catalogs>>,
    /// Who looks facts up. `None`: nobody, and all are those of the catalogs.
    pub(crate) lookup: Option<Arc<dyn Lookup>>,
    /// Who has an opinion on what is recommended. `None`: nobody.
    pub(crate) reasoner: Option<Arc<dyn Reasoner>>,
    /// AWS profiles that calls may name.
    pub(crate) profiles: Arc<[String]>,
    /// The listing of a server that looks things up.
    pub(crate) listing: Arc<OnceLock<Vec<ListedTool>>>,
    /// What keeps the state of calls of several rounds from being changed by clients.
    pub(crate) rounds: Arc<Rounds>,
}

impl Context {
    /// The facts. Those that come with the program are parsed when they are first needed: a server
    /// that only starts needs none.
    pub(crate) fn catalogs(&self) -> &Catalogs {
        self.catalogs.as_deref().unwrap_or_else(|| Catalogs::embedded())
    }

    /// The same, to lay rows on.
    pub(crate) fn shared(&self) -> &Arc<Catalogs> {
        self.catalogs.as_ref().unwrap_or_else(|| Catalogs::shared())
    }

    /// Choices for somebody who has an opinion on them; nothing is made for nobody.
    pub(crate) fn choices(&self, choices: impl FnOnce() -> Vec<Choice>) -> Vec<Choice> {
        if self.reasoner.is_some() { choices() } else { Vec::new() }
    }

    /// The files that arguments may name: those below the roots.
    pub(crate) fn files(&self) -> FileAccess {
        if self.roots.is_empty() {
            FileAccess::Nothing
        } else {
            FileAccess::Below(self.roots.files())
        }
    }
}

/// What a tool replies.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The answer.
    Answer(Answer),
    /// A form for the user; the client calls again with what was filled in.
    Ask(Box<InputRequiredResult>),
}

/// A tool's answer, twice: some clients give a model only the structure, others only the text.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Complete by itself; an object with a `status`.
    pub(crate) structured: Box<dyn Structured>,
    /// The same, for reading.
    pub(crate) text: String,
    /// What was asked for was not done, for a reason that the caller can put right.
    pub(crate) failed: bool,
    /// What it recommends, all of it accepted, for an opinion on it. Empty where nobody has one.
    pub(crate) choices: Vec<Choice>,
}

/// Bytes that most answers have at most as JSON.
const USUAL: usize = 4096;

/// What is written as a JSON object, in the form that a transport wants.
pub(crate) trait Structured: Debug + Send {
    /// As a tree.
    fn value(&self) -> serde_json::Result<Value>;
    /// As text, which costs less than the tree, and nothing more to write or drop.
    fn json(&self) -> serde_json::Result<Vec<u8>>;
}

impl<T: Serialize + Debug + Send> Structured for T {
    fn value(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }

    fn json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = Vec::with_capacity(USUAL);
        serde_json::to_writer(&mut json, self)?;
        Ok(json)
    }
}

impl Reply {
    /// A successful answer.
    pub(crate) fn answer(answer: impl Structured + 'static, text: String) -> Self {
        Self::new(answer, text, false)
    }

    /// An answer that says why what was asked for was not done.
    pub(crate) fn refusal(answer: impl Structured + 'static, text: String) -> Self {
        Self::new(answer, text, true)
    }

    fn new(answer: impl Structured + 'static, text: String, failed: bool) -> Self {
        Self::Answer(Answer { structured: Box::new(answer), text, failed, choices: Vec::new() })
    }

    /// With what it recommends.
    #[must_use]
    pub(crate) fn among(mut self, choices: Vec<Choice>) -> Self {
        if let Self::Answer(answer) = &mut self {
            answer.choices = choices;
        }
        self
    }
}

impl Server {
    /// Its tools, in the order in which they are listed.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &'static Tool> + use<> {
        self.tools.iter().copied().flatten()
    }

    /// What `tools/list` answers where nothing is looked up.
    pub(crate) fn listing(&self) -> &[ListedTool] {
        self.listing.get_or_init(|| self.tools().map(Tool::listed).collect())
    }

    /// What it answers in `context`.
    pub(crate) fn listing_in<'a>(&'a self, context: &'a Context) -> &'a [ListedTool] {
        if context.lookup.is_none() {
            return self.listing();
        }
        let listed = |tool: &'static Tool| tool.listed_smart(context);
        context.listing.get_or_init(|| self.tools().map(listed).collect())
    }

    /// Its prompts, in the order in which they are listed.
    pub(crate) fn prompts(&self) -> impl Iterator<Item = &'static Prompt> + use<> {
        self.prompts.iter().copied().flatten()
    }

    /// Its resources and templates, in the order in which they are listed.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &'static Resource> + use<> {
        self.resources.iter().copied().flatten()
    }

    /// The tool called `name`.
    pub(crate) fn tool(&self, name: &str) -> Option<&'static Tool> {
        self.tools().find(|tool| tool.name == name)
    }
}

impl Tool {
    fn listed(&self) -> ListedTool {
        self.listed_with((self.input)(), (self.output)(), false)
    }

    /// The same where facts are looked up.
    fn listed_smart(&self, context: &Context) -> ListedTool {
        let (mut input, mut output) = ((self.input)(), (self.output)());
        if self.asks.is_some() {
            profiles::offer(&context.profiles, &mut input);
            schema::tell_live(&mut output);
        }
        if self.weighs && context.reasoner.is_some() {
            opinion::offer(&mut input, &mut output);
        }
        self.listed_with(input, output, self.asks.is_some())
    }

    fn listed_with(&self, input: JsonObject, output: JsonObject, open: bool) -> ListedTool {
        let hints = ToolAnnotations::with_title(self.title)
            .read_only(self.effect == Effect::Reads)
            .destructive(false)
            .idempotent(true)
            .open_world(open);
        ListedTool::new(self.name, self.description, Arc::new(input))
            .with_title(self.title)
            .with_raw_output_schema(Arc::new(output))
            .with_annotations(hints)
    }
}

/// Threads for what blocks: twice as many as calls at once, so that one tool without end leaves half of them to others.
const THREADS: usize = 1024;

static ASIDE: LazyLock<Arc<Shares<&'static str>>> = LazyLock::new(|| Shares::of(THREADS, 1));

/// Does `work` that blocks on a thread of its own, so that it holds up no other call; `None` where `what` it belongs to
/// blocks so many of them already that none is left for it. It goes on where nobody waits for it any more.
pub(crate) async fn aside<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let thread = ASIDE.one(what)?;
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(thread);
        done
    });
    match done.await {
        Ok(done) => Some(done),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The process is about to end, and nobody waits for this any more.
            Err(_) => std::future::pending().await,
        },
    }
}
