//! Whose eyes: the account of credentials, asked once for each.

use std::collections::HashMap;
use std::sync::Arc;

use aws_credential_types::Credentials;
use mcc_catalogs::{Errand, Region};
use sha2::{Digest, Sha256};
use std::sync::Mutex;
use tokio::sync::OnceCell;

use super::actions::GET_CALLER_IDENTITY;
use super::call::Call;
use super::client::{Aws, Refused};
use super::service::Service;
use crate::failure::Failure;
use crate::source::Eyes;

/// Credentials that are remembered at most.
const MOST: usize = 64;

/// Accounts by credentials. What is kept of credentials is a digest.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    known: Mutex<HashMap<[u8; 32], Arc<OnceCell<String>>>>,
}

impl Accounts {
    /// Whether these credentials were good somewhere.
    pub(super) fn has(&self, credentials: &Credentials) -> bool {
        self.known.lock().is_ok_and(|known| {
            known.get(&digest(credentials)).is_some_and(|account| account.initialized())
        })
    }

    fn of(&self, credentials: &Credentials) -> Option<Arc<OnceCell<String>>> {
        let mut known = self.known.lock().ok()?;
        if known.len() >= MOST {
            known.clear();
        }
        Some(Arc::clone(known.entry(digest(credentials)).or_default()))
    }
}

fn digest(credentials: &Credentials) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [credentials.access_key_id(), credentials.secret_access_key()] {
        digest.update(part);
        digest.update([0]);
    }
    digest.update(credentials.session_token().unwrap_or_default());
    digest.finalize().into()
}

impl Aws {
    /// The account, asked in this Region, and once for everybody who wants to know it at the same time.
    ///
    /// # Errors
    /// It cannot be known: then nothing else can be asked either.
    pub(crate) async fn account(
        &self,
        region: &Region,
        errand: &Errand,
    ) -> Result<String, Failure> {
        let known = self.known(errand).await?;
        let cell = self.inner.accounts.of(&known.credentials).ok_or(Failure::NoCredentials)?;
        let asking = async || {
            let call = Call::form(GET_CALLER_IDENTITY, region, &[]);
            let answer =
                self.call(&call, errand).await.map_err(|refused| in_region(refused, region))?;
            let root = answer.xml()?;
            let account = root.find("Account").map(|found| found.text.trim()).unwrap_or_default();
            if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
                return Ok(account.to_owned());
            }
            Err(Failure::Unreadable("no account".to_owned()))
        };
        cell.get_or_try_init(asking).await.cloned()
    }

    /// Through whose eyes a service is seen in a Region.
    ///
    /// # Errors
    /// It cannot be known.
    pub(crate) async fn eyes(
        &self,
        service: Service,
        region: &Region,
        errand: &Errand,
    ) -> Result<Eyes, Failure> {
        let account = self.account(region, errand).await?;
        let place = self.place(service, region, errand).await?;
        Ok(Eyes {
            apart: format!("{account} {region} {place}"),
            told: Some(format!("account {account}")),
        })
    }
}

/// STS of a Region that the account has not enabled knows no keys of it, and neither does it know wrong ones.
fn in_region(refused: Refused, region: &Region) -> Failure {
    match refused.failure {
        Failure::BadCredentials => Failure::NotThere(format!(
            "{region} rejected these credentials: they are wrong, or the account has not enabled the Region; \
             `aws account list-regions` lists those that it has"
        )),
        failure => failure,
    }
}
