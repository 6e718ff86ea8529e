//! What a registry asks of those who come without a token, and the token.

use std::fmt;

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

use super::place::{Place, Realm};
use crate::failure::Failure;

/// Longest challenge that is read, in bytes.
const LONGEST: usize = 4096;
/// Longest token, in bytes: those of Docker Hub and ECR have 3,000.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Who gives out tokens, as the registry says in its refusal.
///
/// # Errors
/// It wants a login and takes no tokens, or names a place that is not its own.
pub(super) fn realm(headers: &HeaderMap, place: &Place) -> Result<Realm, Failure> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    for text in texts.filter(|text| text.len() <= LONGEST) {
        let challenges = http_auth::parse_challenges(text)
            .map_err(|_| Failure::Unreadable("its challenge".to_owned()))?;
        for challenge in challenges {
            if !challenge.scheme.eq_ignore_ascii_case("bearer") {
                continue;
            }
            let of = |key: &str| {
                let found = challenge.params.iter().find(|(own, _)| own.eq_ignore_ascii_case(key));
                found.map(|(_, value)| value.to_unescaped())
            };
            let url: Option<Url> = of("realm").and_then(|realm| realm.parse().ok());
            let Some(url) = url.filter(|url| place.may_ask_for_tokens(url)) else {
                let why = "it sends token requests to a host that is not its own";
                return Err(Failure::Refused(why.to_owned()));
            };
            return Ok(Realm { url, service: of("service") });
        }
    }
    Err(Failure::Login)
}

/// The address at which a token is asked for that is good for reading the repository, and for nothing else, whatever the
/// registry's challenge wants.
pub(super) fn address(realm: &Realm, repository: &str) -> Url {
    let mut url = realm.url.clone();
    // What the realm itself has as parameters stays.
    let mut query = url.query_pairs_mut();
    if let Some(service) = &realm.service {
        query.append_pair("service", service);
    }
    query.append_pair("scope", &format!("repository:{repository}:pull"));
    drop(query);
    url
}

/// A token for a registry. Anybody can have it, and yet it is shown to nobody.
#[derive(Clone)]
pub(super) struct Token(HeaderValue);

impl Token {
    /// The token in the answer of a realm. None where there is none.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Said {
            token: Option<String>,
            access_token: Option<String>,
        }
        let said: Said = serde_json::from_slice(body).ok()?;
        let token = said.token.or(said.access_token)?;
        let sound = (1..=LONGEST_TOKEN).contains(&token.len())
            && token.bytes().all(|byte| byte.is_ascii_graphic());
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| sound)?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// The value of the header `Authorization`.
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(challenge: &str) -> Result<Realm, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, challenge.parse().unwrap());
        realm(&headers, &Place::new("registry.example.com", "a/b").unwrap())
    }

    #[test]
    fn challenges_are_read_and_held_to_the_registry() {
        let found = said(
            r#"Bearer realm="https://auth.example.com/token?x=1",service="reg \"1\"",scope="repository:a/b:pull,push""#,
        )
        .unwrap();
        assert_eq!(found.service.as_deref(), Some("reg \"1\""));
        assert_eq!(
            address(&found, "a/b").as_str(),
            "https://auth.example.com/token?x=1&service=reg+%221%22&scope=repository%3Aa%2Fb%3Apull"
        );
        let both = said(r#"Basic realm="x", Bearer realm="https://registry.example.com/t""#);
        assert_eq!(both.unwrap().service, None);
        assert_eq!(said(r#"Basic realm="x""#), Err(Failure::Login));
        assert_eq!(said("Negotiate"), Err(Failure::Login));
        for foreign in [
            r#"Bearer realm="https://evil.example.org/t""#,
            r#"Bearer realm="http://auth.example.com/t""#,
            r#"Bearer realm="not an address""#,
            r#"Bearer service="s""#,
        ] {
            assert!(matches!(said(foreign), Err(Failure::Refused(_))), "{foreign}");
        }
        assert!(matches!(said(r#"Bearer realm="https"#), Err(Failure::Unreadable(_))));
        assert_eq!(said(&format!("Bearer realm=\"{}\"", "x".repeat(5000))), Err(Failure::Login));
    }

    #[test]
    fn tokens_are_plain_short_and_hidden() {
        let token = Token::of(br#"{"token":"s3cret","expires_in":300}"#).unwrap();
        assert_eq!(token.header().to_str().unwrap(), "Bearer s3cret");
        let shown = format!("{token:?} {:?}", token.header());
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(Token::of(br#"{"access_token":"a.b-c"}"#).is_some());
        let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(LONGEST_TOKEN + 1));
        for bad in
            ["", "[]", "{}", r#"{"token":""}"#, r#"{"token":"a b"}"#, "{\"token\":\"a\\n\"}", &long]
        {
            assert!(Token::of(bad.as_bytes()).is_none(), "{bad:.40}");
        }
    }
}
