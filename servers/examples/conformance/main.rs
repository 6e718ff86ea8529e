//! What the MCP conformance suite asks a server to have, on the transport of the product: names, texts and
//! behaviour of everything here are those of the suite's scenarios. For tests only.
//!
//! It prints `listening on URL` on stderr, and serves until it is killed.
#![allow(clippy::print_stderr, clippy::expect_used, reason = "a tool for tests")]
#![expect(
    deprecated,
    reason = "the suite for 2025-11-25 covers logging, sampling and subscriptions"
)]

mod catalog;
mod rounds;
mod tools;

use std::sync::Arc;

use mcc_servers::{HttpOptions, listen_with_sessions};
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
    ErrorData, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult,
    RequestStateCodec, ServerConfig, SetLevelRequestParams, SubscribeRequestParams,
    SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::broadcast;

/// How long lists may be kept, in milliseconds.
const TTL_MS: u64 = 60_000;

#[derive(Clone)]
struct Fixture {
    state: RequestStateCodec,
    /// Which list has changed.
    changes: broadcast::Sender<Change>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Tools,
    Prompts,
}

/// A value of the protocol from its JSON.
fn of<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// The same of a result, which the current revision wants marked as complete.
fn complete<T: DeserializeOwned>(mut value: Value) -> Result<T, ErrorData> {
    if let Some(members) = value.as_object_mut() {
        members.insert("resultType".to_owned(), json!("complete"));
    }
    of(value)
}

type Context = RequestContext<RoleServer>;

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = of(json!({
            "tools": {"listChanged": true},
            "prompts": {"listChanged": true},
            "resources": {"subscribe": true},
            "completions": {},
            "logging": {},
        }));
        ServerConfig::new(capabilities.unwrap_or_default())
            .with_server_info(Implementation::new("conformance", env!("CARGO_PKG_VERSION")))
            .with_instructions("Fixtures of the conformance suite.")
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let all = of(catalog::tools())?;
        Ok(ListToolsResult::with_all_items(all)
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        match request.name.as_ref() {
            "test_trigger_tool_change" => {
                let _ = self.changes.send(Change::Tools);
                Ok(tools::text("changed")?.into())
            }
            "test_trigger_prompt_change" => {
                let _ = self.changes.send(Change::Prompts);
                Ok(tools::text("changed")?.into())
            }
            name if rounds::has(name) => rounds::call(&self.state, request, &context),
            _ => tools::call(request, context).await.map(Into::into),
        }
    }

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        let all = of(catalog::prompts())?;
        Ok(ListPromptsResult::with_all_items(all)
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name == "test_input_required_result_prompt" {
            return rounds::prompt(request);
        }
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let messages = catalog::messages(&request.name, &arguments)
            .ok_or_else(|| ErrorData::invalid_params("unknown prompt", None))?;
        complete::<GetPromptResult>(json!({ "messages": messages })).map(Into::into)
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        let all = of(catalog::resources())?;
        Ok(ListResourcesResult::with_all_items(all)
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let all = of(catalog::templates())?;
        Ok(ListResourceTemplatesResult::with_all_items(all)
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let content = catalog::content(&request.uri).ok_or_else(|| {
            ErrorData::resource_not_found("no such resource", Some(json!({"uri": request.uri})))
        })?;
        let result: ReadResourceResult = complete(json!({ "contents": [content] }))?;
        Ok(result.with_ttl_ms(TTL_MS).with_cache_scope(CacheScope::Public).into())
    }

    async fn complete(
        &self,
        _request: CompleteRequestParams,
        _context: Context,
    ) -> Result<CompleteResult, ErrorData> {
        complete(
            json!({"completion": {"values": ["test1", "test2"], "total": 2, "hasMore": false}}),
        )
    }

    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        _context: Context,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(
        &self,
        _request: SubscribeRequestParams,
        _context: Context,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _request: UnsubscribeRequestParams,
        _context: Context,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.subscribe();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                change = changes.recv() => {
                    // A filter that does not take the change is not an error here.
                    let _ = match change {
                        Ok(Change::Tools) => context.sink().notify_tool_list_changed().await,
                        Ok(Change::Prompts) => context.sink().notify_prompt_list_changed().await,
                        Err(_) => return Ok(()),
                    };
                }
            }
        }
    }
}

#[tokio::main]
async fn main() {
    let http = HttpOptions {
        address: ([127, 0, 0, 1], 0).into(),
        allowed_hosts: Vec::new(),
        allowed_origins: Vec::new(),
        token: None,
        open: false,
        proxies: Vec::new(),
    };
    let key = Arc::<[u8]>::from(*b"a key that signs nothing of value");
    let fixture = Fixture {
        state: RequestStateCodec::try_new(key.to_vec()).expect("the key is long enough"),
        changes: broadcast::channel(16).0,
    };
    let (address, serving) = listen_with_sessions(fixture, &http).expect("a free port");
    eprintln!("listening on http://{address}/mcp");
    serving.await.expect("it is served");
}
