//! What a source is: somebody who can be asked, and what it says.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use mcc_catalogs::{Ask, Errand, Files};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A source under way.
pub(crate) type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Somebody who can be asked.
pub(crate) trait Source: Debug + Send + Sync {
    /// Whether it is who knows this. Several sources may know parts of it: each says its part.
    fn knows(&self, ask: &Ask) -> Option<Topic>;

    /// Through whose eyes it looks: the account, the endpoint. What one sees is never shown to another, and what is kept
    /// is kept for each. It may take a request to know.
    fn eyes<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>>;

    /// What keeps its facts apart in the cache from those of others that have the same words for them.
    fn kind(&self) -> &'static str {
        std::any::type_name::<Self>()
    }

    /// Asks it.
    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>>;
}

/// What a source is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    /// In the words of an answer, the subject of a sentence: `Hugging Face`, `AWS prices of us-west-2`.
    pub(crate) words: String,
    /// How long an answer to it is true for.
    pub(crate) holds: Duration,
}

/// Through whose eyes a source looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Eyes {
    /// What keeps it apart from others in the cache: endpoint and account, or endpoint and whether there is a token.
    /// Never a secret, and never made of one.
    pub(crate) apart: String,
    /// What an answer tells of it: `account 123456789012`.
    pub(crate) told: Option<String>,
}

/// What a source says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fact {
    /// As rows of catalogs. Those of things that are not there say so.
    pub(crate) files: Files,
    /// What the reader should know, a sentence each.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    /// Some of it could not be had: it is kept for half a minute only.
    #[serde(default)]
    pub(crate) partial: bool,
}
