//! Requests to the hub: where the token goes, which redirects are followed, and how many there are of both.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use mcc_catalogs::Errand;
use url::Url;

use super::Hub;
use crate::failure::Failure;
use crate::web::{Request, Response, Web};

/// Most requests for one question, redirects and a second try without the token among them.
pub(super) const REQUESTS: usize = 5;

/// What the hub says when it knows no such token.
const BAD_TOKEN: &str = "Invalid credentials in Authorization header";

/// Who asks one question.
pub(super) struct Client<'a> {
    hub: &'a Hub,
    web: &'a Web,
    errand: &'a Errand,
    left: AtomicUsize,
    refused: AtomicBool,
}

/// What the hub answered to a path, after its redirects.
pub(super) struct Said {
    pub(super) status: StatusCode,
    /// Why it is refused, as the hub says it in a header: `GatedRepo`, `RepoNotFound`.
    code: Option<String>,
    pub(super) body: Bytes,
}

impl<'a> Client<'a> {
    pub(super) fn new(hub: &'a Hub, web: &'a Web, errand: &'a Errand) -> Self {
        let (left, refused) = (AtomicUsize::new(REQUESTS), AtomicBool::new(false));
        Self { hub, web, errand, left, refused }
    }

    /// Requests that are left for the question.
    pub(super) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether the hub did not know the token that it was sent.
    pub(super) fn token_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether requests have a token.
    pub(super) fn has_token(&self) -> bool {
        self.hub.token().is_some() && !self.token_refused()
    }

    /// Whether there is a token that is not sent, since nobody said that this endpoint may have it.
    pub(super) fn keeps_token(&self) -> bool {
        self.hub.token.is_some() && self.hub.token().is_none()
    }

    /// What is at `path` of the hub, which begins with `/`, if it is at most `most` bytes.
    ///
    /// # Errors
    /// There was no answer. Whatever its status, an answer is none.
    pub(super) async fn get(&self, path: &str, most: usize) -> Result<Said, Failure> {
        let base = self.hub.endpoint().as_str().trim_end_matches('/');
        let first = Url::parse(&format!("{base}{path}"))
            .map_err(|_| Failure::Unreadable("a malformed address".to_owned()))?;
        let answer = self.in_time(first.clone(), most).await?;
        let refused = answer.status == StatusCode::UNAUTHORIZED
            && header(&answer, "x-error-message").is_some_and(|said| said == BAD_TOKEN);
        if !refused || !self.has_token() {
            return Ok(said(answer));
        }
        // What everybody may see is seen without it too.
        self.refused.store(true, Ordering::Relaxed);
        Ok(said(self.in_time(first, most).await?))
    }

    /// Some of the time is left for what is said without it.
    async fn in_time(&self, url: Url, most: usize) -> Result<Response, Failure> {
        let time = self.errand.remaining().mul_f32(0.9);
        tokio::time::timeout(time, self.follow(url, most)).await.unwrap_or(Err(Failure::TooSlow))
    }

    async fn follow(&self, url: Url, most: usize) -> Result<Response, Failure> {
        let spent = || Failure::Unreadable("too many redirects".to_owned());
        if self.left() == 0 {
            return Err(spent());
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
        // To another origin, such as that of the hub's files, it does not go along.
        if !self.token_refused()
            && let Some(value) = self.hub.token().and_then(super::Token::header)
        {
            headers.insert(AUTHORIZATION, value);
        }
        let request = Request { method: Method::GET, url, headers, body: Bytes::new(), most };
        let followed = self.web.send_following(request, self.errand).await?;
        let took = |left: usize| Some(left.saturating_sub(followed.requests));
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, took);
        Ok(followed.response)
    }
}

impl Said {
    /// It is there.
    pub(super) fn ok(&self) -> bool {
        self.status == StatusCode::OK
    }

    /// It is there, and this user may not have it.
    pub(super) fn gated(&self) -> bool {
        let refused = matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        refused && self.code.as_deref() == Some("GatedRepo")
    }

    /// There is nothing, or nothing that is shown to this user. Without a token the hub says 401 of both.
    pub(super) fn missing(&self) -> bool {
        let gone = matches!(self.status, StatusCode::NOT_FOUND | StatusCode::GONE);
        gone || (self.status == StatusCode::UNAUTHORIZED
            && self.code.as_deref().is_none_or(|code| code == "RepoNotFound"))
    }

    /// There is the model, and no such branch, tag or commit of it.
    pub(super) fn lacks_revision(&self) -> bool {
        self.code.as_deref() == Some("RevisionNotFound")
    }

    /// Why it was not answered.
    pub(super) fn failure(&self) -> Failure {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => Failure::throttled(None),
            status => Failure::Refused(format!("HTTP {}", status.as_u16())),
        }
    }
}

fn said(answer: Response) -> Said {
    let code = header(&answer, "x-error-code").map(str::to_owned);
    Said { status: answer.status, code, body: answer.body }
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok()
}
