//! The protocol: transports, what a server and a tool are, arguments and answers, limits, roots, rounds. It knows no
//! facts and no domain.

pub(crate) mod arguments;
pub(crate) mod error;
pub(crate) mod guard;
pub(crate) mod handler;
pub(crate) mod logging;
mod member;
pub(crate) mod metrics;
mod opinion;
pub(crate) mod parameter;
mod profiles;
pub(crate) mod prompt;
pub(crate) mod resource;
pub(crate) mod roots;
pub(crate) mod rounds;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod settle;
pub(crate) mod share;
pub(crate) mod slot;
pub(crate) mod standing;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod told;
pub(crate) mod transport;
