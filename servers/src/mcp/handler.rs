//! The one MCP handler behind every server and transport.
//!
//! Protocol revisions are left to rmcp: it serves all of them at once, and nothing here takes part
//! in their negotiation. A server without prompts or resources does not declare them, and rmcp
//! answers their methods as ones that do not exist.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcc_catalogs::{Live, Standing, echo};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams,
    CompleteResult, ContentBlock, CustomRequest, CustomResult, ErrorCode, ErrorData,
    GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    PromptsCapability, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, Reference,
    ResourcesCapability, ServerCapabilities, ServerConfig, Tool as ListedTool, ToolsCapability,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};

use crate::mcp::error::ToolError;
use crate::mcp::guard;
use crate::mcp::metrics;
use crate::mcp::opinion::{self, Asking};
use crate::mcp::parameter;
use crate::mcp::profiles;
use crate::mcp::prompt::Prompt;
use crate::mcp::resource::{self, Resource};
use crate::mcp::schema::JsonObject;
use crate::mcp::server::{self, Answered, Call, Context, Reply, Server, Tool};
use crate::mcp::slot::Slot;
use crate::mcp::standing::{self, Stood};
use crate::mcp::told;

/// The method that reads resources.
const READ: &str = "resources/read";
/// How long a client may keep the tool list, in milliseconds: it changes only with the program.
const LIST_TTL_MS: u64 = 60 * 60 * 1000;

/// Serves one [`Server`]. Cloning is cheap, since HTTP makes one per request.
#[derive(Clone)]
pub(crate) struct Handler {
    server: &'static Server,
    context: Arc<Context>,
}

impl Handler {
    pub(crate) fn new(server: &'static Server, context: Arc<Context>) -> Self {
        Self { server, context }
    }

    fn listing(&self) -> &[ListedTool] {
        self.server.listing_in(&self.context)
    }

    fn prompt(&self, name: &str) -> Result<&'static Prompt, ErrorData> {
        self.server.prompts().find(|prompt| prompt.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.server.prompts().map(|prompt| prompt.name).collect();
            ErrorData::invalid_params(
                format!("unknown prompt; there is {}", known.join(", ")),
                None,
            )
        })
    }

    /// Answers a call of a tool, whose structured content is kept in the slot where there is one.
    ///
    /// # Errors
    /// There is no such tool.
    pub(crate) async fn called(
        &self,
        request: CallToolRequestParams,
        can_ask: bool,
        slot: Option<&Slot>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.server.tool(&request.name) else {
            let known: Vec<&str> = self.server.tools().map(|tool| tool.name).collect();
            return Err(ErrorData::invalid_params(
                format!("unknown tool; there is {}", known.join(", ")),
                None,
            ));
        };
        let answering = async {
            let mut arguments = request.arguments.unwrap_or_default();
            let state = request.request_state.as_deref();
            let call = profiles::take(&self.context, tool, &mut arguments).and_then(|profile| {
                let rounds = &self.context.rounds;
                let wish = opinion::take(&self.context, tool, &mut arguments)?;
                let answered = rounds.answered(tool, &arguments, state, request.input_responses)?;
                Ok(Call {
                    context: Arc::clone(&self.context),
                    tool: tool.name,
                    can_ask,
                    answered,
                    profile,
                    wish,
                    arguments,
                    standing: Standing::default(),
                })
            });
            self.answer(tool, call, slot).await
        };
        // rmcp and its runtime move what they wait for from place to place, some kilobytes if it were not boxed.
        // Where nothing of rmcp is in between, a panic would end the connection.
        let answered = guard::caught_while(tool.name, Box::pin(answering)).await;
        Ok(answered.unwrap_or_else(|error| failed(&error, &Live::default()).into()))
    }

    async fn answer(
        &self,
        tool: &'static Tool,
        call: Result<Call, ToolError>,
        slot: Option<&Slot>,
    ) -> CallToolResponse {
        let (outcome, live) = run(tool, call, Some(TIME)).await;
        match outcome {
            Ok(Reply::Answer(answer)) => {
                let answer = standing::tell(answer, live);
                let text = told::text(answer.text);
                let structured = match slot {
                    Some(slot) => {
                        answer.structured.json().and_then(told::json).map(|json| slot.keep(json))
                    }
                    None => answer.structured.value().map(told::value),
                };
                let Ok(structured) = structured else {
                    return failed(&not_json(tool), &Live::default()).into();
                };
                let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
                result.structured_content = Some(structured);
                result.is_error = Some(answer.failed);
                result.into()
            }
            Ok(Reply::Ask(ask)) => (*ask).into(),
            Err(error) => failed(&error, &live).into(),
        }
    }
}

fn no_method(name: &str) -> ErrorData {
    let message = format!("there is no method `{}` here", echo(name));
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None)
}

/// How long a tool may take: less than the transport gives, so that the model is told why there is no answer.
const TIME: Duration = Duration::from_secs(50);

/// How long looking facts up for a call may take, beside the tool itself: together less than the transport gives.
const LOOKING: Duration = Duration::from_secs(8);

/// Runs a tool within the limits, and with a net under it. Its reply, and what was looked up for it.
async fn run(
    tool: &'static Tool,
    call: Result<Call, ToolError>,
    most: Option<Duration>,
) -> (Result<Reply, ToolError>, Live) {
    // Dropped early where the client left, whose call counts as well.
    let mut counted = Counted { tool: tool.name, since: Instant::now(), failed: true };
    let mut told = Live::default();
    let mut asking = None;
    let outcome = async {
        let call = call?;
        guard::within_limits(tool, &call.arguments)?;
        guard::within_limits(tool, &call.answered.values)?;
        let Stood { call, live } = standing::stand(tool, call, most.map(|_| LOOKING)).await?;
        told = live;
        asking = Asking::of(tool, &call);
        // An opinion is waited for within the same time.
        let most = most.map(|most| match &asking {
            Some(_) => most.saturating_sub(opinion::LONGEST),
            None => most,
        });
        let waits = (tool.waits)(&call);
        // A panicking handler would never reply, and the client would wait for ever.
        let work = move || guard::caught(tool.name, || (tool.run)(call));
        if !waits {
            return work();
        }
        let done = server::aside(tool.name, work);
        let done = match most {
            Some(most) => tokio::time::timeout(most, done).await.map_err(|_| given_up())?,
            None => done.await,
        };
        done.unwrap_or_else(|| {
            let why = "too many calls of this tool have not ended; try again later";
            Err(ToolError::new("busy", why))
        })
    };
    let outcome = match (outcome.await, asking) {
        (Ok(Reply::Answer(answer)), Some(asking)) => {
            Ok(Reply::Answer(asking.weigh(answer, most.is_some()).await))
        }
        (outcome, _) => outcome,
    };
    counted.failed = match &outcome {
        Ok(Reply::Answer(answer)) => answer.failed,
        Ok(Reply::Ask(_)) => false,
        Err(_) => true,
    };
    drop(counted);
    (outcome.map_err(ToolError::told), told)
}

/// A call that is counted when it ends, however it does.
struct Counted {
    tool: &'static str,
    since: Instant,
    failed: bool,
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::count(self.tool, self.failed, self.since.elapsed());
    }
}

/// One call outside a session: the structured answer. How long it may take is up to the caller, whose runtime may have
/// no timers.
pub(crate) async fn call(
    context: Arc<Context>,
    tool: &'static Tool,
    arguments: JsonObject,
) -> Value {
    let call = Call {
        context,
        tool: tool.name,
        arguments,
        can_ask: false,
        answered: Answered::default(),
        profile: None,
        wish: None,
        standing: Standing::default(),
    };
    // Nobody looks anything up for it.
    match run(tool, Ok(call), None).await.0 {
        Ok(Reply::Answer(answer)) => {
            answer.structured.value().map_or_else(|_| structured(&not_json(tool)), told::value)
        }
        // Nobody was offered a form.
        Ok(Reply::Ask(_)) => Value::Null,
        Err(error) => structured(&error),
    }
}

/// A tool that does not end. What it does to files goes on, for nothing can stop it.
fn given_up() -> ToolError {
    let seconds = TIME.as_secs();
    let message = format!(
        "the tool did not end within {seconds} seconds, and its answer is not waited for any more; \
         what it writes may still come"
    );
    ToolError::new("took_too_long", message)
}

/// What a tool answered cannot be written.
fn not_json(tool: &Tool) -> ToolError {
    tracing::error!(tool = tool.name, "its answer is not JSON");
    ToolError::internal("the tool failed unexpectedly")
}

/// A failed call as a result that the model sees: a source that did not answer may be why.
fn failed(error: &ToolError, live: &Live) -> CallToolResult {
    let (mut text, mut structured) = (error.text(), structured(error));
    standing::add(&mut text, live);
    // What cannot be written is in the text.
    let _ = standing::put(&mut structured, live);
    let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
    result.structured_content = Some(structured);
    result
}

fn structured(error: &ToolError) -> Value {
    json!({"status": "error", "error": error})
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let about = Implementation::new(self.server.name, env!("CARGO_PKG_VERSION"))
            .with_title(self.server.title)
            .with_description(self.server.description);
        let mut capabilities = ServerCapabilities::default();
        capabilities.tools = Some(ToolsCapability::default());
        let prompts = self.server.prompts().next().is_some();
        let resources = self.server.resources().next().is_some();
        capabilities.prompts = prompts.then(PromptsCapability::default);
        capabilities.resources = resources.then(ResourcesCapability::default);
        capabilities.completions = (prompts || resources).then(JsonObject::new);
        ServerConfig::new(capabilities)
            .with_server_info(about)
            .with_instructions(self.server.instructions)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut result = ListToolsResult::with_all_items(self.listing().to_vec());
        result.ttl_ms = Some(LIST_TTL_MS);
        result.cache_scope = Some(CacheScope::Public);
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<ListedTool> {
        self.listing().iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let slot = Slot::of(&context.extensions).cloned();
        self.called(request, can_ask(&context), slot.as_ref()).await
    }

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let all: Vec<_> = self.server.prompts().map(Prompt::listed).collect();
        if all.is_empty() {
            return Err(no_method("prompts/list"));
        }
        Ok(ListPromptsResult::with_all_items(all)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let prompt = self.prompt(&request.name)?;
        let arguments = request.arguments.unwrap_or_default();
        guard::caught_here(prompt.name, || prompt.get(&self.context, arguments)).map(Into::into)
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let mut all = self.server.resources().peekable();
        if all.peek().is_none() {
            return Err(no_method("resources/list"));
        }
        let listed = all.filter(|one| !one.is_template()).map(Resource::listed).collect();
        Ok(ListResourcesResult::with_all_items(listed)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let mut all = self.server.resources().peekable();
        if all.peek().is_none() {
            return Err(no_method("resources/templates/list"));
        }
        let listed = all.filter(|one| one.is_template()).map(Resource::listed_template).collect();
        Ok(ListResourceTemplatesResult::with_all_items(listed)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let (server, context) = (self.server, Arc::clone(&self.context));
        // Files are read, and a file may be on a disk that does not answer.
        let reading = server::aside(READ, move || {
            guard::caught_here(READ, || resource::read(server.resources(), &context, &request.uri))
        });
        let read = tokio::time::timeout(TIME, reading).await;
        let read = read.ok().flatten().unwrap_or_else(|| {
            Err(ErrorData::internal_error("reading takes too long; try again later", None))
        });
        read.map(Into::into)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let parameters = match &request.r#ref {
            Reference::Prompt(prompt) => self.prompt(&prompt.name)?.arguments,
            Reference::Resource(template) => self
                .server
                .resources()
                .find(|resource| resource.uri == template.uri)
                .map(|resource| resource.parameters)
                .ok_or_else(|| {
                    ErrorData::invalid_params(
                        "no resource template has this address; resources/templates/list names them",
                        None,
                    )
                })?,
            _ => return Err(ErrorData::invalid_params("`ref` is of an unknown type", None)),
        };
        let typed = request.argument;
        let Some(parameter) = parameters.iter().find(|one| one.name == typed.name) else {
            let known: Vec<&str> = parameters.iter().map(|one| one.name).collect();
            return Err(ErrorData::invalid_params(
                format!("there is no such argument; there is {}", known.join(", ")),
                None,
            ));
        };
        let Some(values) = parameter.values else {
            return Ok(CompleteResult::default());
        };
        let earlier = request.context.and_then(|context| context.arguments).unwrap_or_default();
        guard::caught_here(parameter.name, || {
            let given = earlier.into_iter().collect();
            Ok(parameter::complete(values(&self.context, &given), &typed.value))
        })
    }

    /// rmcp also brings here what is known by name but whose parameters it cannot read, and would
    /// answer it as a method that does not exist.
    #[expect(deprecated, reason = "older clients call it")]
    async fn set_level(
        &self,
        _request: rmcp::model::SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Err(no_method("logging/setLevel"))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let expected = match request.method.as_str() {
            "tools/call" => "`name`, a string, and `arguments`, an object",
            "tools/list" => "`cursor`, a string, or nothing",
            // Gone from the current revision, whatever its parameters.
            "initialize" if speaks_current(&context) => return Err(no_method("initialize")),
            "initialize" => "`protocolVersion`, `capabilities` and `clientInfo`",
            "prompts/get" => "`name`, a string, and `arguments`, an object",
            "prompts/list" | "resources/list" | "resources/templates/list" => {
                "`cursor`, a string, or nothing"
            }
            "resources/read" => "`uri`, a string",
            "completion/complete" => {
                "`ref` (ref/prompt with `name`, or ref/resource with `uri`) and `argument` with \
                 `name` and `value`"
            }
            method => return Err(no_method(method)),
        };
        Err(ErrorData::invalid_params(
            format!("the parameters of {} are {expected}", request.method),
            None,
        ))
    }
}

/// Whether this client takes a form in place of an answer.
fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    // A bare `elicitation: {}` means forms: it is older than the split into form and url.
    let shows_forms = context
        .client_capabilities()
        .and_then(|capabilities| capabilities.elicitation)
        .is_some_and(|elicitation| elicitation.form.is_some() || elicitation.url.is_none());
    speaks_current(context) && shows_forms
}

/// Whether the request is of the revision without sessions, or a later one.
fn speaks_current(context: &RequestContext<RoleServer>) -> bool {
    context
        .protocol_version()
        .is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}
