//! The MCP servers of ML Container Creator.
//!
//! One registry of servers by name, one handler for all of them, two transports. A server is a
//! table of tools (`mcp::server::Server`) in a folder of its own; it knows nothing of stdio, HTTP or protocol
//! revisions, and `mcp/` knows nothing of what a tool does. All the facts and shapes come from `mcc-generator`, `mcc-fit`
//! and `mcc-catalogs`.
//!
//! Adding a server: one module with a `SERVER` table, and one line in `registry`.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod base_image;
mod common;
mod generate_project;
mod hyperpod;
mod instance;
mod mcp;
mod model;
mod region;
mod registry;
mod serve;

pub use mcp::error::ServeError;
pub use mcp::rounds::StateKey;
#[doc(hidden)]
pub use mcp::transport::listen_with_sessions;
pub use mcp::transport::{HttpOptions, Options};
pub use registry::{ServerInfo, all, call, call_on, servers, tool_schemas};
pub use serve::{run_http, run_stdio, serve_http, serve_stdio};
