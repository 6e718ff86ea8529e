//! Serving a server: on stdio for a client that starts it, on HTTP for several at once.

mod allowed;
mod body;
mod client;
mod crowd;
mod descriptors;
mod direct;
mod gate;
mod http;
mod lines;
mod message;
mod stdio;
mod streams;
#[cfg(test)]
mod tests;
mod token;
mod turns;
mod workers;

use std::path::PathBuf;
use std::sync::Arc;

pub use http::HttpOptions;
#[doc(hidden)]
pub use http::listen_with_sessions;
pub(crate) use http::{run_http, serve_http};
pub(crate) use stdio::{run_stdio, serve_stdio};

use mcc_catalogs::reason::Reasoner;
use mcc_catalogs::{Catalogs, Lookup};

use crate::mcp::error::ServeError;
use crate::mcp::handler::Handler;
use crate::mcp::roots::Roots;
use crate::mcp::rounds::{Rounds, StateKey};
use crate::mcp::server::{Context, Server};

/// What every transport needs to know.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folders below which files may be read and written. Empty: nothing is read or written,
    /// and projects travel in arguments and answers.
    pub roots: Vec<PathBuf>,
    /// Whether there would be a root, had the server been started in a folder for projects: then what needs one is
    /// refused, rather than sent in answers.
    pub unsettled: bool,
    /// A folder with rows of your own, which are added to the catalogs or replace rows of theirs.
    pub catalogs: Option<PathBuf>,
    /// Who looks up what catalogs do not know. `None`: nobody, and nothing but the catalogs is asked.
    pub lookup: Option<Arc<dyn Lookup>>,
    /// Who has an opinion on what tools recommend, which is asked where facts are looked up. `None`: nobody.
    pub reasoner: Option<Arc<dyn Reasoner>>,
    /// AWS profiles that calls may name, so that facts are looked up with their credentials.
    pub profiles: Vec<String>,
    /// The key for what clients carry from one round of a call to the next. `None`: one that this
    /// process makes up, so that no other process can go on with its calls.
    pub state_key: Option<StateKey>,
    /// Which log lines go to stderr, as `target=level,…`. `None`: errors, and the HTTP address.
    pub log: Option<String>,
}

/// The handler for `server`, with its roots resolved.
fn handler(server: &'static Server, options: &Options) -> Result<Handler, ServeError> {
    let context = Context {
        roots: if options.unsettled { Roots::unsettled() } else { Roots::new(&options.roots)? }
            .into(),
        catalogs: options
            .catalogs
            .as_deref()
            .map(Catalogs::with_overlay)
            .transpose()?
            .map(Arc::new),
        lookup: options.lookup.clone(),
        reasoner: options.reasoner.clone().filter(|_| options.lookup.is_some()),
        profiles: options.profiles.clone().into(),
        listing: Arc::default(),
        rounds: options.state_key.clone().map(Rounds::from).unwrap_or_default().into(),
    };
    Ok(Handler::new(server, Arc::new(context)))
}
