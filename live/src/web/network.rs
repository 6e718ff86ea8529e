//! How the network is reached, as the environment says it.

use std::fmt;
use std::path::PathBuf;

/// How the network is reached: what the environment says of it.
#[derive(Clone, Default)]
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

/// Addresses of proxies have passwords.
impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |proxy: &Option<String>| proxy.as_ref().map(|_| "…");
        f.debug_struct("Network")
            .field("https_proxy", &hidden(&self.https_proxy))
            .field("http_proxy", &hidden(&self.http_proxy))
            .field("no_proxy", &self.no_proxy)
            .field("authorities", &self.authorities)
            .finish()
    }
}

/// The network cannot be used as it was described.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The proxy is no address, or of a kind that is not spoken.
    #[error("the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is not an http or https address")]
    Proxy,
    /// The file of authorities cannot be read, or has none.
    #[error("{} has no readable certificates in PEM format", mcc_files::shown(.0))]
    Authorities(PathBuf),
    /// The client cannot be made.
    #[error("the TLS client cannot be created: {0}")]
    Client(String),
}
