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

use super::program::{self, Gave, Program};
use super::refusal::{of_credentials, of_program, of_program_late};
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
/// How long one question waits for a program, so that what it says of it comes before the question's own time is over.
const WAITED: Duration = Duration::from_secs(5);
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
    /// A program that prints credentials, under way for all questions.
    printing: Option<Printing>,
}

type Printing = JoinHandle<Result<Credentials, Gave>>;
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
            Err(failure @ (Failure::UsedUp | Failure::TooSlow | Failure::Unfinished(_))) => {
                Err(failure)
            }
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

    /// Runs the profile's program, or has the SDK look for credentials: away from the threads that serve, since it reads
    /// files.
    async fn search(
        &self,
        state: &mut State,
        web: &Web,
        errand: &Errand,
    ) -> Result<(SdkConfig, Credentials), Failure> {
        let variables = self.settings.environment(self.profile.as_deref());
        let program = Program::of(variables.clone(), self.profile.clone()).await;
        let printed = match program {
            Some(program) => {
                let credentials = self.printed(&mut state.printing, &program, errand).await?;
                Some((program, credentials))
            }
            None => None,
        };
        let (found, trouble) = through(web, errand, MOST, async |client| {
            let patience = PATIENCE.min(errand.remaining());
            // Of what an earlier errand left behind nothing is used: its network was that errand's, and so it ends soon.
            if let Some(left) = &mut state.searching {
                let _ended = tokio::time::timeout(patience / 2, left).await;
                if state.searching.take_if(|left| left.is_finished()).is_none() {
                    return Err(Failure::TooSlow);
                }
            }
            let looking = load(variables, self.profile.clone(), client, printed);
            let runtime = tokio::runtime::Handle::current();
            // It is kept before it is waited for: whoever gives up leaves it to the next, and not beside the next.
            let search = state.searching.insert(spawn_blocking(move || runtime.block_on(looking)));
            let found = tokio::time::timeout(patience, search).await;
            let found = found.map_err(|_| Failure::TooSlow)?;
            state.searching = None;
            found.map_err(|_| Failure::NotAsked("the credentials could not be read".to_owned()))
        })
        .await;
        let (config, credentials) = found?;
        match (credentials, trouble) {
            (Ok(credentials), _) => Ok((config, credentials)),
            (Err(_), Some(trouble)) => Err(trouble),
            (Err(error), None) => Err(of_credentials(&error, self.profile())),
        }
    }

    /// What a program prints. It is started once for all who ask meanwhile, and ended when its time is over.
    async fn printed(
        &self,
        printing: &mut Option<Printing>,
        program: &Program,
        errand: &Errand,
    ) -> Result<Credentials, Failure> {
        let run = {
            let program = program.clone();
            async move { program.run(program::PATIENCE).await }
        };
        let under_way = printing.get_or_insert_with(|| tokio::spawn(run));
        // Some of the time is left to say that there was too little.
        let patience = WAITED.min(errand.remaining().mul_f32(0.8));
        let gave = match tokio::time::timeout(patience, under_way).await {
            Ok(gave) => {
                *printing = None;
                gave.unwrap_or(Err(Gave::Nothing))
            }
            Err(_) => Err(Gave::Late),
        };
        gave.map_err(|why| match why {
            Gave::Nothing => of_program(self.profile()),
            Gave::Late => Failure::Unfinished(of_program_late(self.profile(), printing.is_some())),
        })
    }
}

/// What the SDK finds in this environment.
async fn load(
    variables: std::collections::HashMap<String, String>,
    profile: Option<String>,
    client: SharedHttpClient,
    printed: Option<(Program, Credentials)>,
) -> (SdkConfig, Result<Credentials, CredentialsError>) {
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).env(variables.into()).http_client(client);
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some((program, credentials)) = printed {
        let config = loader.credentials_provider(credentials.clone()).load().await;
        let credentials = program.assumed(credentials, &config).await;
        return (config, credentials);
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
