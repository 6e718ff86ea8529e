//! Hugging Face: models as rows of the catalogs.
//!
//! A model takes at most five requests: what the hub says of the repository, its `config.json` at the commit that was
//! said (which is behind a redirect), and two small files more at most. What the hub does not say of a model that the catalogs
//! know, such as the engines that serve it, stays as they have it.

mod beside;
mod client;
mod info;
mod json;
mod model;
mod search;
mod token;
mod weights;
mod whoami;

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::{Ask, Catalogs, Errand, ModelId, Origin};
use url::{Position, Url};

use self::client::Client;
pub use self::token::Token;
pub use self::whoami::TokenState;
use crate::cache::Cache;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::source::{Eyes, Fact, Source, Topic, Waiting};
use crate::web::Web;

/// How long what the hub says of a model is kept. A commit never changes, and a model is seldom given another.
const MODEL_HOLDS: Duration = Duration::from_secs(60 * 60);
/// How long a list is.
const LIST_HOLDS: Duration = Duration::from_secs(10 * 60);

/// How the hub is reached, and as whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Hub {
    endpoint: Url,
    token: Option<Token>,
    send_token_to_endpoint: bool,
}

/// An address that is no hub's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// It is no address.
    #[error("HF_ENDPOINT is not an http:// or https:// address")]
    NoAddress,
    /// It has a name or a password in it, which would be sent and shown.
    #[error("HF_ENDPOINT has a user name or a password in it; give a token in HF_TOKEN instead")]
    Password,
}

impl Hub {
    /// The address of Hugging Face.
    pub const ENDPOINT: &str = "https://huggingface.co";

    /// The hub at `endpoint`, without a token.
    ///
    /// # Errors
    /// It is no address.
    pub fn at(endpoint: &str) -> Result<Self, HubError> {
        let mut endpoint = Url::parse(endpoint.trim()).map_err(|_| HubError::NoAddress)?;
        if !matches!(endpoint.scheme(), "http" | "https") || endpoint.host_str().is_none() {
            return Err(HubError::NoAddress);
        }
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            return Err(HubError::Password);
        }
        endpoint.set_query(None);
        endpoint.set_fragment(None);
        Ok(Self { endpoint, token: None, send_token_to_endpoint: false })
    }

    /// With a user's token, which goes to <https://huggingface.co> and nowhere else.
    #[must_use]
    pub fn with_token(self, token: Option<Token>) -> Self {
        Self { token, ..self }
    }

    /// Sends the token to the endpoint, whatever that is. Only where the user said so: a mirror learns it.
    #[must_use]
    pub fn send_token_to_endpoint(self, send: bool) -> Self {
        Self { send_token_to_endpoint: send, ..self }
    }

    /// A desk with this hub alone, on which `base` is laid out.
    pub fn desk(self, web: Web, base: Arc<Catalogs>, cache: Arc<Cache>) -> Desk {
        Desk::new(vec![Box::new(HubSource::new(self, web, base))], cache)
    }

    pub(crate) fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// The token that requests to the endpoint have.
    fn token(&self) -> Option<&Token> {
        self.token.as_ref().filter(|_| self.is_hugging_face() || self.send_token_to_endpoint)
    }

    fn is_hugging_face(&self) -> bool {
        self.endpoint.origin().ascii_serialization() == Self::ENDPOINT
    }

    /// Who it is, as the subject of a sentence.
    pub(crate) fn words(&self) -> String {
        if self.is_hugging_face() {
            "Hugging Face".to_owned()
        } else {
            format!("Hugging Face ({})", self.host())
        }
    }

    /// Its host, with the port where it is not the usual one.
    fn host(&self) -> String {
        let host = &self.endpoint[Position::BeforeHost..Position::AfterPort];
        mcc_catalogs::echo(host)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("endpoint", &self.endpoint.as_str())
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// The hub as somebody who can be asked.
pub(crate) struct HubSource {
    hub: Hub,
    web: Web,
    base: Arc<Catalogs>,
    apart: String,
}

impl HubSource {
    /// The hub, whose rows are laid on `base`: what it does not say is taken from there, and a user's own rows are not
    /// asked about.
    pub(crate) fn new(hub: Hub, web: Web, base: Arc<Catalogs>) -> Self {
        // What one user may see is kept for this process alone: a number that nobody can guess, and that is made of
        // nothing, keeps it from other users of the cache without telling anything of the token.
        let apart = match hub.token() {
            Some(_) => format!("{} {:016x}", hub.endpoint(), RandomState::new().hash_one(0)),
            None => format!("{} without a token", hub.endpoint()),
        };
        Self { hub, web, base, apart }
    }

    /// Whether a user gave the row of a model, under whatever name it is asked for.
    fn own(&self, id: &ModelId) -> bool {
        let id = self.base.of_jumpstart(id.as_str()).unwrap_or(id.as_str());
        let models = self.base.models();
        matches!(models.origin(id), Some(Origin::Own { .. }))
    }
}

impl fmt::Debug for HubSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSource").field("hub", &self.hub).finish_non_exhaustive()
    }
}

impl Source for HubSource {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let holds = match ask {
            Ask::Model(id) | Ask::Revision(id, _) if !self.own(id) => MODEL_HOLDS,
            Ask::Models(words) if !words.trim().is_empty() => LIST_HOLDS,
            _ => return None,
        };
        Some(Topic { words: self.hub.words(), holds })
    }

    fn eyes<'a>(&'a self, _: &'a Ask, _: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        let told = self.hub.token().map(|_| "with a token".to_owned());
        Box::pin(std::future::ready(Ok(Eyes { apart: self.apart.clone(), told })))
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            let client = Client::new(&self.hub, &self.web, errand);
            match ask {
                Ask::Model(id) => model::find(self, &client, id, None).await,
                Ask::Revision(id, at) => model::find(self, &client, id, Some(at)).await,
                Ask::Models(words) => search::find(self, &client, words).await,
                _ => Ok(Fact::default()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_hugging_face_unless_told() {
        let token = || Token::new("hf_abc");
        let sends = |endpoint: &str, told| {
            let hub = Hub::at(endpoint).unwrap().with_token(token());
            hub.send_token_to_endpoint(told).token().is_some()
        };
        assert!(sends("https://huggingface.co", false));
        assert!(sends("https://huggingface.co/", false));
        for other in [
            "http://huggingface.co",
            "https://huggingface.co:8443",
            "https://huggingface.co.example.com",
            "https://www.huggingface.co",
            "https://hf-mirror.example/huggingface.co",
        ] {
            assert!(!sends(other, false), "{other}");
            assert!(sends(other, true), "{other}");
        }
    }

    #[test]
    fn endpoints_are_addresses_without_secrets() {
        for none in ["", "huggingface.co", "file:///etc", "ftp://a", "mailto:a@b"] {
            assert_eq!(Hub::at(none), Err(HubError::NoAddress), "{none}");
        }
        assert_eq!(Hub::at("https://me:secret@hub.example"), Err(HubError::Password));
        assert_eq!(Hub::at("https://me@hub.example"), Err(HubError::Password));
        let hub = Hub::at(" https://hub.example:444/hf/?a=b#c ").unwrap();
        assert_eq!(hub.endpoint().as_str(), "https://hub.example:444/hf/");
        assert_eq!(hub.words(), "Hugging Face (hub.example:444)");
        assert_eq!(Hub::at(Hub::ENDPOINT).unwrap().words(), "Hugging Face");
    }

    #[test]
    fn with_a_token_nothing_is_shared_and_nothing_told() {
        let source = |token| {
            let hub = Hub::at(Hub::ENDPOINT).unwrap().with_token(token);
            let web = Web::new(&crate::Network::default()).unwrap();
            HubSource::new(hub, web, Arc::clone(Catalogs::shared()))
        };
        let (one, other) = (source(Token::new("hf_secret")), source(Token::new("hf_secret")));
        assert_ne!(one.apart, other.apart);
        assert_eq!(source(None).apart, source(None).apart);
        for text in [format!("{one:?}"), format!("{:?}", one.hub), one.apart] {
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
