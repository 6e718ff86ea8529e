//! One conversation with a registry: without credentials, with a token that anybody gets, and with few requests.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use mcc_catalogs::Errand;
use serde_json::Value;
use url::Url;

use super::challenge::{self, Token};
use super::place::{Place, Realm};
use crate::failure::Failure;
use crate::web::{Request, Response, Web, asked_to_wait};

/// Requests of one conversation at most: a token, a list of platforms, one of its images, the image's configuration, and
/// the redirect to where that is kept.
pub(super) const REQUESTS: usize = 5;
/// Redirects that one request follows.
const REDIRECTS: usize = 2;
/// Most bytes of the answer with a token.
const TOKEN_BYTES: usize = 64 * 1024;
/// Most registries of which it is remembered who gives out their tokens.
const REALMS: usize = 256;

/// Who gives out tokens for which registry, as those said: the next conversation need not ask.
#[derive(Debug, Default)]
pub(super) struct Realms(Mutex<HashMap<String, Realm>>);

impl Realms {
    fn get(&self, host: &str) -> Option<Realm> {
        self.0.lock().ok()?.get(host).cloned()
    }

    fn put(&self, host: &str, realm: &Realm) {
        if let Ok(mut known) = self.0.lock()
            && (known.len() < REALMS || known.contains_key(host))
        {
            known.insert(host.to_owned(), realm.clone());
        }
    }
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    web: &'a Web,
    errand: &'a Errand,
    pub(super) place: &'a Place,
    realms: &'a Realms,
    token: Option<Token>,
    /// Whether it was tried to get a token.
    tried: bool,
    /// Requests that are left.
    left: usize,
}

impl<'a> Visit<'a> {
    pub(super) fn new(
        web: &'a Web,
        errand: &'a Errand,
        place: &'a Place,
        realms: &'a Realms,
    ) -> Self {
        Self { web, errand, place, realms, token: None, tried: false, left: REQUESTS }
    }

    /// What the repository has under `what`: `manifests/latest`. The answer's status is 200 or 404.
    ///
    /// # Errors
    /// The registry refused, or nothing could be reached.
    pub(super) async fn get(
        &mut self,
        what: &str,
        accept: &'static str,
        most: usize,
    ) -> Result<Response, Failure> {
        self.fetch(self.place.url(what), accept, most).await
    }

    /// The same for an address, which is the registry's own.
    pub(super) async fn fetch(
        &mut self,
        url: Url,
        accept: &'static str,
        most: usize,
    ) -> Result<Response, Failure> {
        if !self.tried
            && let Some(realm) =
                self.place.realm.clone().or_else(|| self.realms.get(&self.place.host))
        {
            // Where that has changed, the registry says so below.
            self.token = self.ask_for_token(&realm).await?;
            self.tried = self.token.is_some();
        }
        let mut answer = self.follow(url.clone(), accept, most).await?;
        if answer.status == StatusCode::UNAUTHORIZED && !self.tried {
            self.tried = true;
            let realm = challenge::realm(&answer.headers, self.place)?;
            self.token = self.ask_for_token(&realm).await?;
            if self.token.is_none() {
                return Err(Failure::Login);
            }
            self.realms.put(&self.place.host, &realm);
            answer = self.follow(url, accept, most).await?;
        }
        let status = answer.status;
        if status == StatusCode::TOO_MANY_REQUESTS || code(&answer) == "TOOMANYREQUESTS" {
            return Err(Failure::throttled(asked_to_wait(&answer.headers)));
        }
        match status {
            StatusCode::OK | StatusCode::NOT_FOUND => Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Login),
            _ => Err(Failure::Refused(format!("HTTP {}", status.as_u16()))),
        }
    }

    /// A token for reading, as anybody gets it; none where the realm gives none.
    async fn ask_for_token(&mut self, realm: &Realm) -> Result<Option<Token>, Failure> {
        let url = challenge::address(realm, &self.place.repository);
        let answer = self.send(url, HeaderMap::new(), TOKEN_BYTES).await?;
        match answer.status {
            StatusCode::OK => Ok(Token::of(&answer.body)),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::throttled(asked_to_wait(&answer.headers)))
            }
            _ => Ok(None),
        }
    }

    /// Follows redirects, to where blobs are kept for one. No token goes along to another host.
    async fn follow(
        &mut self,
        url: Url,
        accept: &'static str,
        most: usize,
    ) -> Result<Response, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(token) = self.token.as_ref().filter(|_| self.place.has(&url)) {
            headers.insert(AUTHORIZATION, token.header());
        }
        let redirects = REDIRECTS.min(self.left.checked_sub(1).ok_or(Failure::UsedUp)?);
        let (request, place) = (get(url, headers, most), self.place);
        let may = |next: &Url| place.may_send_to(next);
        let followed = self.web.send_following_to(request, self.errand, redirects, may).await?;
        self.left = self.left.saturating_sub(followed.requests);
        let answer = followed.response;
        // One that says no place to go to.
        if answer.status.is_redirection() {
            return Err(Failure::Unreadable("a redirect to no address".to_owned()));
        }
        Ok(answer)
    }

    async fn send(
        &mut self,
        url: Url,
        headers: HeaderMap,
        most: usize,
    ) -> Result<Response, Failure> {
        self.left = self.left.checked_sub(1).ok_or(Failure::UsedUp)?;
        self.web.send(get(url, headers, most), self.errand).await
    }
}

fn get(url: Url, headers: HeaderMap, most: usize) -> Request {
    Request { method: Method::GET, url, headers, body: Bytes::new(), most }
}

/// The code of an error that a registry tells; empty where it tells none.
pub(super) fn code(answer: &Response) -> String {
    if answer.status.is_success() {
        return String::new();
    }
    let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let code = said.as_ref().and_then(|said| said.pointer("/errors/0/code"));
    code.and_then(Value::as_str).unwrap_or_default().to_owned()
}
