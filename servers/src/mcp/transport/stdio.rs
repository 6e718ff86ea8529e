//! The stdio transport: one client, one thread, stdout for the protocol and nothing else.

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::io::stdio_pipes;

use super::lines::Lines;
use super::{Options, handler};
use crate::mcp::error::ServeError;
use crate::mcp::logging;
use crate::mcp::server::Server;

/// Serves `server` on stdin and stdout until stdin ends, on a runtime of its own.
///
/// # Errors
/// An unusable root, or a session that failed. A client that goes away, also before it has said anything, is not an
/// error.
pub(crate) fn run_stdio(server: &'static Server, options: &Options) -> Result<(), ServeError> {
    // One thread for the protocol: there is one client, and it starts faster and stays smaller.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ServeError::System { what: "cannot start the runtime", source })?;
    let outcome = runtime.block_on(serve_stdio(server, options));
    // Neither a tool that never ends nor a read that is under way keeps the process.
    runtime.shutdown_background();
    outcome
}

/// Serves `server` on stdin and stdout until stdin ends, or nobody reads stdout any more.
///
/// # Errors
/// As [`run_stdio`].
pub(crate) async fn serve_stdio(
    server: &'static Server,
    options: &Options,
) -> Result<(), ServeError> {
    logging::start(options.log.as_deref());
    keep_stdin().map_err(|source| ServeError::System { what: "cannot keep stdin", source })?;
    let (read, write) = stdio_pipes();
    let lines = Lines::new(read, write);
    let broken = lines.broken();
    let session = match handler(server, options)?.serve(lines).await {
        Ok(session) => session,
        // The client closed stdin before a session began, as one does to see that we start.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(_) if broken.is_cancelled() => return Ok(()),
        Err(error) => return Err(ServeError::Session(error.to_string())),
    };
    let ended = tokio::select! {
        ended = session.waiting() => ended,
        // Nothing that is still worked on can be told to anybody.
        () = broken.cancelled() => return Ok(()),
    };
    ended.map(|_reason| ()).map_err(|error| ServeError::Session(error.to_string()))
}

/// What a client says is not for programs that are started without a stdin of their own, as the SDK of AWS starts a
/// `credential_process`: they have none.
///
/// # Errors
/// stdin is closed.
#[cfg(unix)]
fn keep_stdin() -> std::io::Result<()> {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};

    fcntl(std::io::stdin(), FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(())
}

/// Programs that are started read stdin here, if they do.
#[cfg(not(unix))]
fn keep_stdin() -> std::io::Result<()> {
    Ok(())
}
