//! Whether the hub knows a user's token.

use http::StatusCode;
use mcc_catalogs::Errand;

use super::Hub;
use super::client::Client;
use crate::failure::Failure;
use crate::web::Web;

/// Most bytes of what the hub says of a user; it is not looked at.
const MOST: usize = 256 << 10;

/// What the hub makes of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// There is none.
    None,
    /// There is one, which is not sent to this endpoint.
    Kept,
    /// The hub knows it.
    Accepted,
    /// The hub does not know it.
    Refused,
}

impl Hub {
    /// Asks whose the token is, and tells only whether it is somebody's.
    ///
    /// # Errors
    /// There was no answer, or one about something else.
    pub(crate) async fn token_state(
        &self,
        web: &Web,
        errand: &Errand,
    ) -> Result<TokenState, Failure> {
        if self.token().is_none() {
            return Ok(if self.token.is_some() { TokenState::Kept } else { TokenState::None });
        }
        let client = Client::new(self, web, errand);
        let said = client.get("/api/whoami-v2", MOST).await?;
        match said.status {
            _ if client.token_refused() => Ok(TokenState::Refused),
            StatusCode::OK => Ok(TokenState::Accepted),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(TokenState::Refused),
            _ => Err(said.failure()),
        }
    }
}
