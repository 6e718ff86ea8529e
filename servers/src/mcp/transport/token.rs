//! The token of a server that may read and write files: on loopback, too, every user of the machine could else call it.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::HttpOptions;
use crate::mcp::error::ServeError;

/// Random bytes in a token.
const BYTES: usize = 24;

/// The options with a token where one is needed: where files may be read and written, and it was not said that
/// somebody else checks who calls. Beyond loopback one has to be given, and is asked for elsewhere.
///
/// # Errors
/// A system without random numbers.
pub(super) fn completed(http: &HttpOptions, files: bool) -> Result<HttpOptions, ServeError> {
    let mut http = http.clone();
    if files && http.token.is_none() && !http.open && http.address.ip().is_loopback() {
        let token = random()?;
        // Not a line of the log, which may be switched off or kept.
        let _ = writeln!(
            std::io::stderr(),
            "The server may read and write files below its roots, so clients have to send this token:\n\
             \n    Authorization: Bearer {token}\n\n\
             It is another one with each start; MCC_SERVE_TOKEN sets a lasting one, and --without-token \
             lets every user of this machine in."
        );
        http.token = Some(token);
    }
    Ok(http)
}

fn random() -> Result<String, ServeError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| ServeError::System {
        what: "the system gives no random numbers for a token",
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_behind_a_token() {
        let token = |address: &str, given: Option<&str>, open: bool, files: bool| {
            let http = HttpOptions {
                address: address.parse().unwrap(),
                allowed_hosts: Vec::new(),
                allowed_origins: Vec::new(),
                token: given.map(str::to_owned),
                open,
                proxies: Vec::new(),
            };
            completed(&http, files).unwrap().token
        };
        let made = token("127.0.0.1:0", None, false, true).unwrap();
        assert_eq!(made.len(), 32);
        assert_ne!(token("[::1]:0", None, false, true), Some(made));
        assert_eq!(token("127.0.0.1:0", Some("given"), false, true), Some("given".to_owned()));
        assert_eq!(token("127.0.0.1:0", None, true, true), None);
        assert_eq!(token("127.0.0.1:0", None, false, false), None);
        assert_eq!(token("0.0.0.0:0", None, false, true), None);
    }
}
