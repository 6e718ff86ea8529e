//! Why there was no answer: by the kinds of errors, and never by their words.

use std::error::Error;
use std::io;

use crate::failure::Failure;

/// What `error` is to the reader of an answer; `proxied` says whether a proxy was asked.
pub(crate) fn of(error: &reqwest::Error, proxied: bool) -> Failure {
    if causes(error).any(is_certificate) {
        Failure::Certificate
    } else if error.is_timeout() {
        Failure::TooSlow
    } else if error.is_builder() {
        Failure::Refused("its address cannot be queried".to_owned())
    } else if proxied && error.is_connect() {
        Failure::Proxy
    } else if error.is_connect() || causes(error).any(<dyn Error>::is::<io::Error>) {
        Failure::Unreachable
    } else if causes(error).any(is_unreadable) {
        Failure::Unreadable("not HTTP".to_owned())
    } else {
        Failure::Unreachable
    }
}

/// The text of what went wrong first.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

/// `error` and what caused it. Errors of the system have theirs inside, where [`Error::source`] does not lead.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| (*error).source())
    })
    .take(32)
}

fn is_certificate(error: &(dyn Error + 'static)) -> bool {
    matches!(
        error.downcast_ref::<rustls::Error>(),
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
    )
}

fn is_unreadable(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)
}
