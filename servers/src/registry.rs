//! Every server, by name. Adding one is one line in [`SERVERS`].

use crate::error::ServeError;
use crate::generate_project;
use crate::server::Server;

static SERVERS: &[&Server] = &[&generate_project::SERVER];

/// A server as it is shown in help texts and client configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerInfo {
    /// The name in `mcc serve NAME` and in `mcp.json`.
    pub name: &'static str,
    /// What it is called in a client's user interface.
    pub title: &'static str,
    /// One sentence: what it does.
    pub description: &'static str,
}

/// All servers, in a fixed order.
pub fn servers() -> Vec<ServerInfo> {
    SERVERS
        .iter()
        .map(|server| ServerInfo {
            name: server.name,
            title: server.title,
            description: server.description,
        })
        .collect()
}

/// The `tools/list` answer of a server as JSON: what reference documents and snapshots are made of.
///
/// # Errors
/// [`ServeError::UnknownServer`] when no server has that name.
pub fn tool_schemas(name: &str) -> Result<serde_json::Value, ServeError> {
    let tools = find(name)?.listing();
    Ok(serde_json::to_value(tools).unwrap_or_default())
}

/// The server called `name`.
pub(crate) fn find(name: &str) -> Result<&'static Server, ServeError> {
    SERVERS.iter().copied().find(|server| server.name == name).ok_or_else(|| {
        ServeError::UnknownServer {
            name: name.to_owned(),
            known: SERVERS.iter().map(|server| server.name).collect::<Vec<_>>().join(", "),
        }
    })
}
