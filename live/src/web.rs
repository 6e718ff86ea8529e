//! HTTP: one client for everybody, that trusts what it is told to and takes what an errand has.

mod smithy;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use mcc_catalogs::Errand;
use url::Url;

use crate::failure::Failure;

pub(crate) use smithy::on_errand;

/// How long one request may take, where nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the network is reached: what the environment says of it.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Proxy for https addresses, from `HTTPS_PROXY` or `ALL_PROXY`.
    pub https_proxy: Option<String>,
    /// Proxy for http addresses, from `HTTP_PROXY` or `ALL_PROXY`.
    pub http_proxy: Option<String>,
    /// Hosts that no proxy is used for, from `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// File of certificates of authorities, in PEM, that are trusted as those of the system are: from `AWS_CA_BUNDLE`,
    /// `SSL_CERT_FILE` or `REQUESTS_CA_BUNDLE`.
    pub authorities: Option<PathBuf>,
}

/// The network cannot be used as it was described.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The proxy is no address.
    #[error("the proxy in HTTPS_PROXY or HTTP_PROXY is no address")]
    Proxy,
    /// The file of authorities cannot be read, or has none.
    #[error("{} has no certificates in PEM that can be read", .0.display())]
    Authorities(PathBuf),
    /// The client cannot be made.
    #[error("no TLS client can be made: {0}")]
    Client(String),
}

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Most bytes of an answer's body.
    pub(crate) most: usize,
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The client.
#[derive(Debug, Clone)]
pub struct Web {
    client: Arc<reqwest::Client>,
}

impl Web {
    /// A client for this network.
    ///
    /// # Errors
    /// What the network is said to be cannot be used.
    pub fn new(_network: &Network) -> Result<Self, NetworkError> {
        let provider = rustls::crypto::ring::default_provider();
        let _already = provider.install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .user_agent(concat!("mcc/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| NetworkError::Client(error.to_string()))?;
        Ok(Self { client: Arc::new(client) })
    }

    /// Sends one request, and none after it: redirects are the caller's to follow.
    ///
    /// # Errors
    /// There was no answer, in time and of the size that was allowed; its status is no error.
    pub(crate) async fn send(
        &self,
        request: Request,
        errand: &Errand,
    ) -> Result<Response, Failure> {
        self.send_once(request, errand, PATIENCE).await
    }

    async fn send_once(
        &self,
        request: Request,
        errand: &Errand,
        patience: Duration,
    ) -> Result<Response, Failure> {
        if !errand.take() {
            return Err(Failure::UsedUp);
        }
        let sending = async {
            let mut answer = self
                .client
                .request(request.method, request.url)
                .headers(request.headers)
                .body(request.body)
                .send()
                .await
                .map_err(|_| Failure::Unreachable)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut body = BytesMut::new();
            while let Some(chunk) = answer.chunk().await.map_err(|_| Failure::Unreachable)? {
                if body.len() + chunk.len() > request.most {
                    let most = request.most;
                    return Err(Failure::Unreadable(format!("more than {most} bytes")));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Response { status, headers, body: body.freeze() })
        };
        tokio::time::timeout(patience.min(errand.remaining()), sending)
            .await
            .unwrap_or(Err(Failure::TooSlow))
    }
}
