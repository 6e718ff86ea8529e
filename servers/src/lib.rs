//! The MCP servers of ML Container Creator.
//!
//! One registry of servers by name, one handler for all of them, two transports. A server is a
//! table of tools (`server::Server`); it knows nothing of stdio, HTTP or protocol revisions, and
//! the plumbing knows nothing of what a tool does. All the facts and shapes come from
//! `mcc-generator` and `mcc-catalogs`.
//!
//! Adding a server: one module with a `SERVER` table, and one line in `registry`.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod arguments;
mod base_image;
mod common;
mod error;
mod generate_project;
mod guard;
mod handler;
mod hyperpod;
mod instance;
mod logging;
mod metrics;
mod model;
mod parameter;
mod prompt;
mod region;
mod registry;
mod resource;
mod roots;
mod rounds;
mod schema;
mod server;
mod settle;
mod share;
mod slot;
#[cfg(test)]
mod testing;
mod told;
mod transport;

pub use error::ServeError;
pub use registry::{ServerInfo, all, call, servers, tool_schemas};
pub use rounds::StateKey;
#[doc(hidden)]
pub use transport::listen_with_sessions;
pub use transport::{HttpOptions, Options, run_http, run_stdio, serve_http, serve_stdio};
