//! HTTP: one client for everybody, that trusts what it is told to and takes what an errand has.

mod body;
mod failed;
mod following;
mod network;
mod pace;
mod proxies;
mod retry;
mod smithy;
mod trust;

#[cfg(test)]
pub(crate) mod played;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use mcc_catalogs::Errand;
use tokio::time::timeout;
use url::Url;

use crate::failure::Failure;
use crate::web::pace::Pace;
use crate::web::proxies::Proxies;

pub use network::{Network, NetworkError};
pub(crate) use retry::asked_to_wait;
pub(crate) use smithy::on_errand;

/// How long one request may take, where nobody says otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(3);
/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

/// What is sent.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Most bytes of an answer's body.
    pub(crate) most: usize,
}

/// Headers and addresses have tokens.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &host)
            .finish_non_exhaustive()
    }
}

/// What came back, whatever its status.
#[derive(Clone)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Answers of token services are tokens.
impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.body.len();
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

/// The client.
#[derive(Debug, Clone)]
pub struct Web {
    client: Arc<reqwest::Client>,
    proxies: Arc<Proxies>,
    pace: Arc<Pace>,
}

impl Web {
    /// A client for this network.
    ///
    /// # Errors
    /// What the network is said to be cannot be used.
    pub fn new(network: &Network) -> Result<Self, NetworkError> {
        let proxies = Arc::new(Proxies::of(network)?);
        let chosen = Arc::clone(&proxies);
        let client = reqwest::Client::builder()
            .no_proxy()
            .proxy(reqwest::Proxy::custom(move |url| chosen.of_url(url).cloned()))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECTING)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(pace::OF_HOST)
            .user_agent(concat!("mcc/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(trust::tls(network.authorities.as_deref())?)
            .build()
            .map_err(|error| NetworkError::Client(failed::innermost(&error)))?;
        Ok(Self { client: Arc::new(client), proxies, pace: Arc::default() })
    }

    /// Sends a request; where it changes nothing there and may be answered in a moment, up to twice more. Redirects are
    /// not followed: [`Self::send_following`] does.
    ///
    /// # Errors
    /// There was no answer, in time and of the size that was allowed, or that host takes no more requests for now. Any
    /// other status is no error.
    pub(crate) async fn send(
        &self,
        request: Request,
        errand: &Errand,
    ) -> Result<Response, Failure> {
        self.send_within(request, errand, PATIENCE).await
    }

    /// The same, where each request may take as long as `patience`.
    ///
    /// # Errors
    /// As those of [`Self::send`].
    pub(crate) async fn send_within(
        &self,
        request: Request,
        errand: &Errand,
        patience: Duration,
    ) -> Result<Response, Failure> {
        retry::send(self, request, errand, patience).await
    }

    /// Sends one request, and none after it.
    async fn send_once(
        &self,
        request: Request,
        errand: &Errand,
        patience: Duration,
    ) -> Result<Response, Failure> {
        let left = errand.remaining();
        if errand.left() == 0 {
            return Err(Failure::UsedUp);
        }
        if left.is_zero() {
            return Err(Failure::TooSlow);
        }
        let origin = request.url.origin().ascii_serialization();
        let turn = timeout(left, self.pace.turn(&origin)).await;
        let _turn = turn.map_err(|_| Failure::TooSlow)??;
        if !errand.take() {
            return Err(Failure::UsedUp);
        }
        let proxied = self.proxies.of_url(&request.url).is_some();
        let answered = timeout(patience.min(errand.remaining()), self.exchange(request, proxied));
        let response = answered.await.unwrap_or(Err(Failure::TooSlow))?;
        if proxied && response.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(Failure::Proxy);
        }
        if response.status == StatusCode::TOO_MANY_REQUESTS
            && let Some(pause) = retry::asked_to_wait(&response.headers)
        {
            self.pace.rest(&origin, Instant::now() + pause);
        }
        Ok(response)
    }

    async fn exchange(&self, request: Request, proxied: bool) -> Result<Response, Failure> {
        let Request { method, url, headers, body, most } = request;
        let sent = self.client.request(method, url).headers(headers).body(body).send().await;
        let answer = sent.map_err(|error| failed::of(&error, proxied))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = body::read(answer, &headers, most).await?;
        Ok(Response { status, headers, body })
    }
}
