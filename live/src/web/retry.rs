//! Trying again: what changes nothing there, after what may pass, and not before a server said.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, StatusCode};
use mcc_catalogs::Errand;

use crate::failure::Failure;
use crate::web::pace::WAITED;
use crate::web::{Request, Response, Web};

/// Requests after the first at most.
const MORE: u32 = 2;
/// The pause before the first of them, half of it by chance; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// Sends `request`, up to twice more where that is safe and may help.
///
/// # Errors
/// As those of [`Web::send`].
pub(crate) async fn send(
    web: &Web,
    request: Request,
    errand: &Errand,
    patience: Duration,
) -> Result<Response, Failure> {
    let again = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let mut tries = 0;
    loop {
        let outcome = web.send_once(request.clone(), errand, patience).await;
        let asked = outcome.as_ref().ok().and_then(|response| asked_to_wait(&response.headers));
        let pause = asked.unwrap_or_else(|| backing_off(tries));
        let may = again && tries < MORE && may_pass(&outcome) && errand.left() > 0;
        if !may || pause > WAITED || pause >= errand.remaining() {
            return match outcome {
                Ok(response) if response.status == StatusCode::TOO_MANY_REQUESTS => {
                    Err(Failure::throttled(asked))
                }
                outcome => outcome,
            };
        }
        tries += 1;
        tokio::time::sleep(pause).await;
    }
}

/// Whether it may be otherwise in a moment. What was too slow once has had its time, and a proxy that refuses goes on.
fn may_pass(outcome: &Result<Response, Failure>) -> bool {
    match outcome {
        Ok(response) => matches!(response.status.as_u16(), 429 | 500 | 502 | 503 | 504),
        Err(failure) => *failure == Failure::Unreachable,
    }
}

fn backing_off(tries: u32) -> Duration {
    let pause = PAUSE * 2_u32.saturating_pow(tries);
    let chance = RandomState::new().build_hasher().finish() % 1000;
    pause / 2 + pause * u32::try_from(chance).unwrap_or_default() / 2000
}

/// How long a server asks to wait: in seconds, or until a date.
pub(crate) fn asked_to_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = DateTime::from_str(text, Format::HttpDate).ok()?;
    let date = SystemTime::try_from(date).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn said(text: &str) -> Option<Duration> {
        let value = HeaderValue::from_bytes(text.as_bytes()).unwrap();
        asked_to_wait(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
    }

    #[test]
    fn servers_ask_for_seconds_or_until_a_date() {
        assert_eq!(said("0"), Some(Duration::ZERO));
        assert_eq!(said(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(said("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(said("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(said("Fri, 31 Dec 2100 23:59:59 GMT").unwrap() > Duration::from_secs(86_400));
        for nothing in ["", "soon", "-1", "1.5", "+1", "é"] {
            assert_eq!(said(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn pauses_grow_and_differ() {
        for tries in 0..2 {
            let least = PAUSE * 2_u32.pow(tries) / 2;
            let pauses: Vec<_> = (0..20).map(|_| backing_off(tries)).collect();
            assert!(pauses.iter().all(|pause| (least..=least * 2).contains(pause)), "{pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
