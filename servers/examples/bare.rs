//! The smallest server that rmcp makes: two tools, nothing checked, nothing served. The benchmark
//! measures ours beside it, so that what is compared is this project and not the machine.
//!
//! `bare` speaks on stdio; `bare 127.0.0.1:0` on HTTP, and prints the address to stderr.
#![allow(missing_docs, clippy::print_stderr, clippy::unused_self, reason = "an example")]

use std::sync::Arc;

use axum::Router;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::transport::io::stdio_pipes;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{Json, ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone)]
struct Bare;

#[derive(Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Echoed {
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[tool_router]
impl Bare {
    #[tool(description = "Returns its text")]
    fn echo(&self, Parameters(Echo { text }): Parameters<Echo>) -> Json<Echoed> {
        Json(Echoed { text })
    }

    #[tool(description = "Adds two numbers")]
    fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> Json<Sum> {
        Json(Sum { sum: a.wrapping_add(b) })
    }
}

static TOOLS: std::sync::LazyLock<rmcp::handler::server::router::tool::ToolRouter<Bare>> =
    std::sync::LazyLock::new(Bare::tool_router);

#[tool_handler(router = TOOLS)]
impl ServerHandler for Bare {}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    match std::env::args().nth(1) {
        Some(address) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(http(&address))
        }
        None => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                Bare.serve(stdio_pipes()).await?.waiting().await?;
                Ok(())
            })
        }
    }
}

async fn http(address: &str) -> Outcome {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let service =
        StreamableHttpService::new(|| Ok(Bare), Arc::new(NeverSessionManager::default()), config);
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listening on http://{}/mcp", listener.local_addr()?);
    axum::serve(listener, Router::new().route_service("/mcp", service)).await?;
    Ok(())
}
