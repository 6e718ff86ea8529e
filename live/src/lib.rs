//! The only network: AWS, Hugging Face and container registries behind one look-up.
//!
//! [`Desk`] takes what an answer stands on ([`mcc_catalogs::Ask`]) to the sources that know it, all at once, and lays
//! down what they said as rows of the catalogs. What a source said is kept ([`Cache`]); what it did not say is a note.
//! Nothing here decides anything: a row is a fact, and `fit` reads it like any other.
//!
//! The environment is not read here: [`Network`] and the settings of each source say what is to be known.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod aws;
mod cache;
mod clock;
mod desk;
mod failure;
mod hub;
mod probe;
mod reasoning;
mod registries;
mod setup;
mod source;
mod web;

pub use aws::{ACTIONS, Action, Aws, AwsSettings};
pub use cache::{Cache, Cleared, Report};
pub use desk::Desk;
pub use failure::Failure;
pub use hub::{Hub, HubError, Token, TokenState};
pub use probe::{Answered, Probe};
pub use reasoning::{REASONING_ALLOWS, ReasoningSettings};
pub use registries::Registries;
pub use setup::{Settings, SetupError, Smart, smart};
pub use web::{Network, NetworkError, Web};
