//! Why a source did not say what it was asked.

use std::time::Duration;

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
    /// It said so several times: for how many seconds it is to be left alone, where that is known.
    #[error("asked for fewer requests; try again in {}", in_words(*.0))]
    Throttled(Option<u64>),
    /// It is not to be asked like that: why, and what to do.
    #[error("could not be queried: {0}")]
    NotAsked(String),
    /// Who asks is not known yet: what is waited for.
    #[error("could not be queried: {0}")]
    Unfinished(String),
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
    #[error("denied `{0}`; allow it, or run `mcc policy smart{reasoning}` for all that smart mode uses", reasoning = reasoning(.0))]
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

/// What `mcc policy smart` is to be told to list an action of models that reason.
fn reasoning(action: &str) -> &'static str {
    if action.starts_with("bedrock:") { " --reasoning" } else { "" }
}

/// A time to wait, in words.
fn in_words(seconds: Option<u64>) -> String {
    match seconds {
        None => "a minute".to_owned(),
        Some(seconds @ 0..=90) => format!("{seconds} seconds"),
        Some(seconds @ 91..=7200) => format!("{} minutes", seconds.div_ceil(60)),
        Some(seconds @ 7201..=172_800) => format!("{} hours", seconds.div_ceil(3600)),
        Some(_) => "some days".to_owned(),
    }
}

impl Failure {
    /// Whoever was asked wants to be left alone, for this long if it said so. It is rounded up, so that what is told of
    /// several requests is told once.
    pub(crate) fn throttled(wait: Option<Duration>) -> Self {
        let round = |wait: Duration| {
            let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
            let step = if seconds <= 90 { 10 } else { 60 };
            seconds.div_ceil(step).saturating_mul(step)
        };
        Self::Throttled(wait.map(round))
    }

    /// Whether what was said before is as good as it was: who may not ask any more is told nothing.
    pub(crate) fn leaves_facts(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::Proxy
            | Self::Certificate
            | Self::TooSlow
            | Self::UsedUp
            | Self::Unfinished(_)
            | Self::Throttled(_)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_wait_is_the_one_that_is_known() {
        let told = |wait: Option<u64>| {
            let told = Failure::throttled(wait.map(Duration::from_secs)).to_string();
            told.replace("asked for fewer requests; try again in ", "")
        };
        assert_eq!(told(None), "a minute");
        assert_eq!(
            [0, 7, 60].map(|wait| told(Some(wait))),
            ["10 seconds", "10 seconds", "60 seconds"]
        );
        assert_eq!(
            [91, 300, 301].map(|wait| told(Some(wait))),
            ["2 minutes", "5 minutes", "6 minutes"]
        );
        assert_eq!([7201, u64::MAX].map(|wait| told(Some(wait))), ["3 hours", "some days"]);
        let nearly = |millis| Failure::throttled(Some(Duration::from_millis(millis)));
        assert_eq!(nearly(299_400), nearly(299_900));
    }

    #[test]
    fn a_denied_action_names_the_command_that_lists_it() {
        let told = |action: &str| Failure::Denied(action.to_owned()).to_string();
        assert!(told("pricing:GetProducts").contains("`mcc policy smart`"));
        assert!(told("bedrock:InvokeModel").contains("`mcc policy smart --reasoning`"));
    }
}
