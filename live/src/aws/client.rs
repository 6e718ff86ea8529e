//! One client for every service: a call is signed, sent, tried again and understood by the SDK's own runtime, without a
//! crate for each service.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use mcc_catalogs::{Errand, Region, echo};

use super::account::{Accounts, may_be_off};
use super::call::Call;
use super::operation;
use super::refusal::Refusal;
use super::session::{Known, Session, same};
use super::settings::AwsSettings;
use super::xml::Element;
use crate::failure::Failure;
use crate::web::Web;

/// AWS, through the eyes of the profiles that may be used.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    web: Web,
    settings: Arc<AwsSettings>,
    sessions: Mutex<HashMap<Option<String>, Arc<Session>>>,
    pub(super) accounts: Accounts,
    /// What the SDK learns of how wrong this machine's clock is.
    skew: SharedInterceptor,
}

/// What a service answered.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Its body as XML.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn xml(&self) -> Result<Element, Failure> {
        Element::parse(&self.body)
    }
}

// Some answers are secrets: a password of a registry.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a service did not answer. As a [`Failure`] where nothing more is to be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) failure: Failure,
    /// The service's own code, such as `ResourceNotFoundException`; empty where it said none.
    pub(crate) code: String,
    /// The status of its answer. None without one.
    pub(crate) status: Option<u16>,
    /// Where a bucket is, if the answer says that it is elsewhere.
    pub(crate) region: Option<String>,
    /// Its text says that there is nothing of that name.
    pub(crate) missing: bool,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        refused.failure
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, code: String::new(), status: None, region: None, missing: false }
    }
}

impl Refused {
    /// Whether it says that there is nothing of that name.
    pub(crate) fn is_missing(&self) -> bool {
        self.status == Some(404)
            || self.code.contains("NotFound")
            || matches!(self.code.as_str(), "NoSuchKey" | "NoSuchBucket")
            || (self.code == "ValidationException" && self.missing)
    }
}

impl Aws {
    /// AWS with these settings. Nothing is read or asked before the first question.
    pub fn new(web: Web, settings: AwsSettings) -> Self {
        Self {
            inner: Arc::new(Inner {
                web,
                settings: Arc::new(settings),
                sessions: Mutex::default(),
                accounts: Accounts::default(),
                skew: SharedInterceptor::new(ServiceClockSkewInterceptor::new()),
            }),
        }
    }

    /// The network, for what needs no signature.
    pub(super) fn web(&self) -> &Web {
        &self.inner.web
    }

    /// Makes a call.
    ///
    /// # Errors
    /// There is no answer, or it is a refusal: what it means, and the service's own code for who knows it.
    pub(crate) async fn call(&self, call: &Call, errand: &Errand) -> Result<Answer, Refused> {
        let session = self.session(errand)?;
        let known = session.known(&self.inner.web, errand).await?;
        let refused = match self.send(&session, &known, call, errand).await {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        match refused.failure {
            // Somebody may have renewed them since.
            Failure::Expired(_) => {
                session.forget(&known.credentials).await;
                let renewed = session.known(&self.inner.web, errand).await?;
                if same(&renewed.credentials, &known.credentials) {
                    return Err(refused);
                }
                self.send(&session, &renewed, call, errand).await
            }
            Failure::BadCredentials => {
                let failure = self.keys_or_region(call, &known.credentials);
                if failure == Failure::BadCredentials {
                    session.forget(&known.credentials).await;
                }
                Err(Refused { failure, ..refused })
            }
            _ => Err(refused),
        }
    }

    /// The Region that the profile is configured with: for what has none of its own.
    ///
    /// # Errors
    /// There are no credentials, and so nothing can be asked.
    pub(crate) async fn home(&self, errand: &Errand) -> Result<Option<Region>, Failure> {
        let known = self.session(errand)?.known(&self.inner.web, errand).await?;
        Ok(known.config.region().and_then(|region| region.as_ref().parse().ok()))
    }

    /// Where a service is asked, as it stands in answers and keeps caches apart: its address.
    ///
    /// # Errors
    /// There are no credentials, and so nothing can be asked.
    pub(crate) async fn place(
        &self,
        service: super::service::Service,
        region: &Region,
        errand: &Errand,
    ) -> Result<String, Failure> {
        let known = self.session(errand)?.known(&self.inner.web, errand).await?;
        Ok(operation::endpoint(&known.config, service, region))
    }

    /// Who asks, by the errand's profile.
    pub(super) fn session(&self, errand: &Errand) -> Result<Arc<Session>, Failure> {
        let named = errand.profile();
        if let Some(name) = named
            && !self.inner.settings.profiles.contains(name)
        {
            let name = echo(name);
            return Err(Failure::NotAsked(format!(
                "calls may not use the AWS profile `{name}`; start the server with `--allow-profile {name}`"
            )));
        }
        let mut sessions = self.inner.sessions.lock().map_err(|_| Failure::NoCredentials)?;
        let session = sessions.entry(named.map(str::to_owned)).or_insert_with(|| {
            Arc::new(Session::new(named.map(str::to_owned), Arc::clone(&self.inner.settings)))
        });
        Ok(Arc::clone(session))
    }

    /// The same as settings of the SDK, for one of its own clients.
    ///
    /// # Errors
    /// There are no credentials, and so nothing can be asked.
    pub(crate) async fn config(&self, errand: &Errand) -> Result<aws_types::SdkConfig, Failure> {
        let Known { config, credentials, .. } = self.known(errand).await?;
        let provider = SharedCredentialsProvider::new(credentials);
        Ok(config.into_builder().credentials_provider(provider).build())
    }

    /// Settings and credentials by the errand's profile.
    pub(super) async fn known(&self, errand: &Errand) -> Result<Known, Failure> {
        self.session(errand)?.known(&self.inner.web, errand).await
    }

    /// Sends a call with these credentials.
    async fn send(
        &self,
        session: &Session,
        known: &Known,
        call: &Call,
        errand: &Errand,
    ) -> Result<Answer, Refused> {
        let sent = operation::send(&self.inner.web, &self.inner.skew, known, call, errand).await;
        sent.map_err(|why| match why {
            operation::Why::Failed(failure) => failure.into(),
            operation::Why::Refused(refusal) => told(&refusal, call, session),
        })
    }

    /// Whether keys that a Region does not know are wrong: those that another has taken are not, and the account has
    /// not enabled that Region.
    fn keys_or_region(&self, call: &Call, credentials: &Credentials) -> Failure {
        if !may_be_off(&call.region) || !self.inner.accounts.has(credentials) {
            return Failure::BadCredentials;
        }
        Failure::NotThere(format!(
            "{} rejected these credentials, though others accept them; the account may not have enabled that Region",
            call.region
        ))
    }
}

fn told(refusal: &Refusal, call: &Call, session: &Session) -> Refused {
    Refused {
        failure: refusal.meaning(&call.action, session.profile()),
        code: refusal.code().to_owned(),
        status: Some(refusal.status),
        region: refusal.region.clone(),
        missing: refusal.missing,
    }
}
