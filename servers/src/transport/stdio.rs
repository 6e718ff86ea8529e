//! The stdio transport: one client, one thread, stdout for the protocol and nothing else.

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::io::stdio_pipes;

use super::{Options, handler};
use crate::error::ServeError;
use crate::server::Server;
use crate::{logging, registry};

/// Serves `name` on stdin and stdout until stdin ends, on a runtime of its own.
///
/// # Errors
/// An unknown name, an unusable root, or a session that failed. A client that goes away, also
/// before it has said anything, is not an error.
pub fn run_stdio(name: &str, options: &Options) -> Result<(), ServeError> {
    // One thread: there is one client, and it starts faster and stays smaller.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ServeError::System { what: "cannot start the runtime", source })?
        .block_on(serve_stdio(name, options))
}

/// Serves `name` on stdin and stdout until stdin ends.
///
/// # Errors
/// As [`run_stdio`].
pub async fn serve_stdio(name: &str, options: &Options) -> Result<(), ServeError> {
    logging::start(options.log.as_deref());
    serve(registry::find(name)?, options).await
}

async fn serve(server: &'static Server, options: &Options) -> Result<(), ServeError> {
    let session = match handler(server, options, true)?.serve(stdio_pipes()).await {
        Ok(session) => session,
        // The client closed stdin before a session began, as one does to see that we start.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(ServeError::Session(error.to_string())),
    };
    session
        .waiting()
        .await
        .map(|_reason| ())
        .map_err(|error| ServeError::Session(error.to_string()))
}
