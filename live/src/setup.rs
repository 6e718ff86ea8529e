//! From what is known of the surroundings to somebody who looks things up.

use std::path::PathBuf;
use std::sync::Arc;

use mcc_catalogs::Lookup;

use crate::aws::{self, Aws, AwsSettings};
use crate::cache::Cache;
use crate::desk::Desk;
use crate::source::Source;
use crate::web::{Network, NetworkError, Web};

/// What sources are told of the surroundings.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How the network is reached.
    pub network: Network,
    /// What the SDK of AWS reads, and whose eyes calls may look through.
    pub aws: AwsSettings,
    /// The folder for what was looked up. None: it is kept in memory alone.
    pub cache: Option<PathBuf>,
}

/// The surroundings say what cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Of the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Somebody who looks things up. Nothing is asked yet.
///
/// # Errors
/// The settings say what cannot be used.
pub fn lookup(settings: Settings) -> Result<Arc<dyn Lookup>, SetupError> {
    let web = Web::new(&settings.network)?;
    let asked = Aws::new(web, settings.aws);
    let mut sources: Vec<Box<dyn Source>> = aws::of_regions(&asked);
    sources.extend(aws::of_accounts(&asked));
    Ok(Arc::new(Desk::new(sources, Arc::new(Cache::default()))))
}
