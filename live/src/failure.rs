//! Why a source did not say what it was asked.

/// Why a source did not say what it was asked, in words for the reader of an answer. None of them has a secret: what
/// servers said is only ever their code, and never their text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing could be reached.
    #[error("could not be reached; check the network, or the proxy in HTTPS_PROXY")]
    Unreachable,
    /// A proxy refused or was not there.
    #[error("could not be reached through the proxy; check HTTPS_PROXY and NO_PROXY")]
    Proxy,
    /// The certificate is of an authority that is not known here.
    #[error(
        "showed a certificate that is not trusted here; where a company's proxy opens connections, name its \
         authority's file in SSL_CERT_FILE or AWS_CA_BUNDLE"
    )]
    Certificate,
    /// It did not answer in time.
    #[error("did not answer in time")]
    TooSlow,
    /// The requests of this answer were used up before.
    #[error("could not be queried: this answer has used up its requests")]
    UsedUp,
    /// It said so several times.
    #[error("asked for fewer requests; try again in a minute")]
    Throttled,
    /// It is not to be asked like that: why, and what to do.
    #[error("could not be queried: {0}")]
    NotAsked(String),
    /// Nobody said who asks.
    #[error("could not be queried: there are no credentials; run `mcc doctor`")]
    NoCredentials,
    /// It shows that to those who have logged in, and is asked without credentials.
    #[error("required a login, and smart mode sends it no credentials")]
    Login,
    /// Who asks was known, and is not any more.
    #[error("rejected these credentials: they have expired; {0}")]
    Expired(String),
    /// The credentials are wrong.
    #[error("rejected these credentials; run `mcc doctor`")]
    BadCredentials,
    /// The clock of this machine is wrong by more than signatures allow.
    #[error("rejected the signature because this machine's clock is wrong; set the clock")]
    ClockSkew,
    /// Who asks may not do that.
    #[error("denied `{0}`; allow it, or run `mcc policy` for all that smart mode uses")]
    Denied(String),
    /// The service is not in that Region, or the account has not enabled the Region.
    #[error("could not be found: {0}")]
    NotThere(String),
    /// It sent an answer that cannot be read, or too much of it.
    #[error("sent an answer that cannot be read: {0}")]
    Unreadable(String),
    /// It refused for another reason: its status or code.
    #[error("refused: {0}")]
    Refused(String),
}

impl Failure {
    /// Whether what was said before is as good as it was: who may not ask any more is told nothing.
    pub(crate) fn leaves_facts(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::Proxy
            | Self::Certificate
            | Self::TooSlow
            | Self::UsedUp
            | Self::Throttled
            | Self::ClockSkew
            | Self::Unreadable(_)
            | Self::Refused(_) => true,
            Self::NoCredentials
            | Self::NotAsked(_)
            | Self::Login
            | Self::Expired(_)
            | Self::BadCredentials
            | Self::Denied(_)
            | Self::NotThere(_) => false,
        }
    }
}
