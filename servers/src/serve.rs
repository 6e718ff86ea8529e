//! Serving a server by its name, on each transport.

use crate::mcp::error::ServeError;
use crate::mcp::transport::{self, HttpOptions, Options};
use crate::registry::find;

/// Serves `name` on stdin and stdout until stdin ends, on a runtime of its own.
///
/// # Errors
/// An unknown name, an unusable root, or a session that failed. A client that goes away, also before it has said
/// anything, is not an error.
pub fn run_stdio(name: &str, options: &Options) -> Result<(), ServeError> {
    transport::run_stdio(find(name)?, options)
}

/// Serves `name` on stdin and stdout until stdin ends, or nobody reads stdout any more.
///
/// # Errors
/// As [`run_stdio`].
pub async fn serve_stdio(name: &str, options: &Options) -> Result<(), ServeError> {
    transport::serve_stdio(find(name)?, options).await
}

/// Serves `name` on HTTP until SIGTERM or SIGINT, on a runtime of its own.
///
/// # Errors
/// As [`serve_http`].
pub fn run_http(name: &str, http: &HttpOptions, options: &Options) -> Result<(), ServeError> {
    transport::run_http(find(name)?, http, options)
}

/// Serves `name` on HTTP until SIGTERM or SIGINT; then takes no more calls and finishes those under way.
///
/// # Errors
/// An unknown name, an unusable root, an address that is taken or that needs an allowed host, or an allowed host or
/// origin that is not one.
pub async fn serve_http(
    name: &str,
    http: &HttpOptions,
    options: &Options,
) -> Result<(), ServeError> {
    transport::serve_http(find(name)?, http, options).await
}
