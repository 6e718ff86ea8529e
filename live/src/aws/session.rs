//! Who asks: the credentials and settings of a profile, found when they are needed first, and looked for again where
//! they could not be had.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use mcc_catalogs::Errand;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::refusal::of_credentials;
use super::settings::AwsSettings;
use super::wire::through;
use crate::failure::Failure;
use crate::web::Web;

/// How long a failure is told before credentials are looked for again.
const AGAIN: Duration = Duration::from_secs(10);
/// How long credentials are used before it is looked whether the files with profiles changed.
const UNCHANGED: Duration = Duration::from_secs(5);
/// Credentials that end within this are had anew.
const SOON: Duration = Duration::from_secs(120);
/// How long looking for credentials may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Largest answer on the way to credentials, and largest file of profiles.
const MOST: usize = 1024 * 1024;

/// Who asks, by one profile.
#[derive(Debug)]
pub(crate) struct Session {
    /// The profile. None for that of the process.
    profile: Option<String>,
    settings: Arc<AwsSettings>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Known>,
    failed: Option<Failed>,
    /// A search that nobody waited for to its end.
    searching: Option<Search>,
}

type Search = JoinHandle<(SdkConfig, Result<Credentials, CredentialsError>)>;

/// Settings with credentials.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) config: SdkConfig,
    pub(crate) credentials: Credentials,
    stamp: Stamp,
    looked: Instant,
}

// The SDK shows the id of a key, and the environment that it was told.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("looked", &self.looked).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Failed {
    at: Instant,
    stamp: Stamp,
    failure: Failure,
}

/// What the files with profiles are, to see that they changed.
type Stamp = Vec<Option<[u8; 32]>>;

impl Session {
    pub(crate) fn new(profile: Option<String>, settings: Arc<AwsSettings>) -> Self {
        Self { profile, settings, state: Mutex::default() }
    }

    /// The profile that is told in answers. None for that of the process, where none is named.
    pub(crate) fn profile(&self) -> Option<&str> {
        let variable = self.settings.variables.get("AWS_PROFILE").filter(|name| !name.is_empty());
        self.profile.as_deref().or(variable.map(String::as_str))
    }

    /// Settings and credentials, found if they are not known yet or not good any more.
    ///
    /// # Errors
    /// There are none. They are looked for again in a while, or as soon as a file with profiles changed.
    pub(crate) async fn known(&self, web: &Web, errand: &Errand) -> Result<Known, Failure> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        if let Some(known) = state.known.as_mut().filter(|known| good(&known.credentials)) {
            if now.duration_since(known.looked) < UNCHANGED {
                return Ok(known.clone());
            }
            if stamp(self.settings.files()).await == known.stamp {
                known.looked = now;
                return Ok(known.clone());
            }
        }
        let stamp = stamp(self.settings.files()).await;
        if let Some(failed) = &state.failed
            && now.duration_since(failed.at) < AGAIN
            && failed.stamp == stamp
        {
            return Err(failed.failure.clone());
        }
        match self.search(&mut state, web, errand).await {
            Ok((config, credentials)) => {
                let known = Known { config, credentials, stamp, looked: Instant::now() };
                state.known = Some(known.clone());
                state.failed = None;
                Ok(known)
            }
            // Those are about this errand.
            Err(failure @ (Failure::UsedUp | Failure::TooSlow)) => Err(failure),
            Err(failure) => {
                let (at, told) = (Instant::now(), failure.clone());
                state.failed = Some(Failed { at, stamp, failure: told });
                Err(failure)
            }
        }
    }

    /// Forgets credentials that a service did not take.
    pub(crate) async fn forget(&self, credentials: &Credentials) {
        let mut state = self.state.lock().await;
        if state.known.as_ref().is_some_and(|known| same(&known.credentials, credentials)) {
            state.known = None;
        }
    }

    /// Has the SDK look for credentials: away from the threads that serve, since it reads files and runs programs.
    async fn search(
        &self,
        state: &mut State,
        web: &Web,
        errand: &Errand,
    ) -> Result<(SdkConfig, Credentials), Failure> {
        let (found, trouble) = through(web, errand, MOST, async |client| {
            // Of what an earlier errand left behind nothing is used: its network was that errand's.
            if let Some(left) = state.searching.as_ref().filter(|left| !left.is_finished()) {
                left.abort();
                return Err(Failure::TooSlow);
            }
            let variables = self.settings.environment(self.profile.as_deref());
            let looking = load(variables, self.profile.clone(), client);
            let runtime = tokio::runtime::Handle::current();
            let mut search = spawn_blocking(move || runtime.block_on(looking));
            let patience = PATIENCE.min(errand.remaining());
            match tokio::time::timeout(patience, &mut search).await {
                Ok(Ok(found)) => Ok(found),
                Ok(Err(_)) => {
                    Err(Failure::NotAsked("the credentials could not be read".to_owned()))
                }
                Err(_) => {
                    state.searching = Some(search);
                    Err(Failure::TooSlow)
                }
            }
        })
        .await;
        let (config, credentials) = found?;
        match (credentials, trouble) {
            (Ok(credentials), _) => Ok((config, credentials)),
            (Err(_), Some(trouble)) => Err(trouble),
            (Err(error), None) => Err(of_credentials(&error, self.profile())),
        }
    }
}

/// What the SDK finds in this environment.
async fn load(
    variables: std::collections::HashMap<String, String>,
    profile: Option<String>,
    client: SharedHttpClient,
) -> (SdkConfig, Result<Credentials, CredentialsError>) {
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).env(variables.into()).http_client(client);
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    let credentials = match config.credentials_provider() {
        Some(provider) => provider.provide_credentials().await,
        None => Err(CredentialsError::not_loaded_no_source()),
    };
    (config, credentials)
}

/// Whether credentials are not about to end.
fn good(credentials: &Credentials) -> bool {
    credentials.expiry().is_none_or(|end| end > SystemTime::now() + SOON)
}

/// Whether they are the same.
pub(crate) fn same(one: &Credentials, other: &Credentials) -> bool {
    one.access_key_id() == other.access_key_id()
        && one.secret_access_key() == other.secret_access_key()
        && one.session_token() == other.session_token()
}

async fn stamp(files: Vec<PathBuf>) -> Stamp {
    let reading = spawn_blocking(move || {
        let digest = |file: &PathBuf| {
            let content = mcc_files::read(file, MOST as u64).ok()?;
            Some(Sha256::digest(content).into())
        };
        files.iter().map(digest).collect()
    });
    reading.await.unwrap_or_default()
}
