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
use super::service::{Partition, Service};
use crate::failure::Failure;
use crate::source::Eyes;

/// Credentials that are remembered at most.
const MOST: usize = 64;

/// Accounts by credentials. What is kept of credentials is a digest.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    known: Mutex<HashMap<Key, Account>>,
}

type Key = [u8; 32];

/// The account of some credentials.
#[derive(Debug, Default)]
struct Account {
    /// Its number, once a Region said it.
    number: Option<String>,
    /// Regions that are being asked, each by whoever came first: one that is slow keeps nobody from another.
    asked: HashMap<Region, Arc<OnceCell<String>>>,
}

impl Accounts {
    /// Whether these credentials were good somewhere.
    pub(super) fn has(&self, credentials: &Credentials) -> bool {
        self.number(&digest(credentials)).is_some()
    }

    fn number(&self, key: &Key) -> Option<String> {
        self.known.lock().ok()?.get(key)?.number.clone()
    }

    /// The place for what a Region says.
    fn asking(&self, key: Key, region: &Region) -> Option<Arc<OnceCell<String>>> {
        let mut known = self.known.lock().ok()?;
        if known.len() >= MOST && !known.contains_key(&key) {
            known.clear();
        }
        let asked = &mut known.entry(key).or_default().asked;
        Some(Arc::clone(asked.entry(region.clone()).or_default()))
    }

    fn keep(&self, key: Key, number: &str) {
        if let Ok(mut known) = self.known.lock() {
            let account = Account { number: Some(number.to_owned()), asked: HashMap::new() };
            known.insert(key, account);
        }
    }
}

fn digest(credentials: &Credentials) -> Key {
    let mut digest = Sha256::new();
    for part in [credentials.access_key_id(), credentials.secret_access_key()] {
        digest.update(part);
        digest.update([0]);
    }
    digest.update(credentials.session_token().unwrap_or_default());
    digest.finalize().into()
}

impl Aws {
    /// The account, asked in this Region unless another said it already, and once for everybody who asks the same Region
    /// at the same time.
    ///
    /// # Errors
    /// It cannot be known: then nothing else can be asked either.
    pub(crate) async fn account(
        &self,
        region: &Region,
        errand: &Errand,
    ) -> Result<String, Failure> {
        let known = self.known(errand).await?;
        let (accounts, key) = (&self.inner.accounts, digest(&known.credentials));
        if let Some(number) = accounts.number(&key) {
            return Ok(number);
        }
        let cell = accounts.asking(key, region).ok_or(Failure::NoCredentials)?;
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
        let number = cell.get_or_try_init(asking).await?;
        accounts.keep(key, number);
        Ok(number.clone())
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
        self.eyes_at(service, region, region, errand).await
    }

    /// The same of a service that has what is asked of `region` in another one, its `desk`.
    ///
    /// # Errors
    /// It cannot be known.
    pub(crate) async fn eyes_at(
        &self,
        service: Service,
        region: &Region,
        desk: &Region,
        errand: &Errand,
    ) -> Result<Eyes, Failure> {
        let account = match self.account(region, errand).await {
            // What the desk says does not need that Region.
            Err(Failure::NotThere(_)) if region != desk => self.account(desk, errand).await?,
            account => account?,
        };
        let place = self.place(service, desk, errand).await?;
        Ok(Eyes {
            apart: format!("{account} {desk} {place}"),
            told: Some(format!("account {account}")),
        })
    }
}

/// STS of a Region that the account has not enabled knows no keys of it, and neither does it know wrong ones. Regions that
/// no account has to enable know the keys of all.
fn in_region(refused: Refused, region: &Region) -> Failure {
    match refused.failure {
        Failure::BadCredentials if may_be_off(region) => Failure::NotThere(format!(
            "{region} rejected these credentials: they are wrong, or the account has not enabled the Region; \
             `aws account list-regions` lists those that it has"
        )),
        failure => failure,
    }
}

/// Regions of the commercial partition that every account has from the start.
/// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
const ALWAYS_ON: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Whether an account may not have this Region.
pub(super) fn may_be_off(region: &Region) -> bool {
    Partition::of(region).name == "aws" && !ALWAYS_ON.contains(&region.as_str())
}
