//! From what is known of the surroundings to somebody who looks things up.

use std::path::PathBuf;
use std::sync::Arc;

use mcc_catalogs::reason::Reasoner;
use mcc_catalogs::{Catalogs, Lookup};

use crate::aws::{self, Aws, AwsSettings};
use crate::cache::Cache;
use crate::desk::Desk;
use crate::hub::{Hub, HubSource};
use crate::reasoning::{Bedrock, ReasoningSettings};
use crate::registries::Registries;
use crate::source::Source;
use crate::web::{Network, NetworkError, Web};

/// What sources are told of the surroundings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the network is reached.
    pub network: Network,
    /// The folder for what was looked up. None: it is kept in memory alone.
    pub cache: Option<PathBuf>,
    /// What is known already: what a source does not say of a row stays as it is there.
    pub catalogs: Arc<Catalogs>,
    /// Where models are.
    pub hub: Hub,
    /// Who asks AWS.
    pub aws: AwsSettings,
}

/// The surroundings say what cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Of the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Somebody who looks things up, and somebody who has an opinion, if there is to be one.
pub type Smart = (Arc<dyn Lookup>, Option<Arc<dyn Reasoner>>);

/// Somebody who looks things up, and somebody who has an opinion, if there is to be one: of the same credentials. Nothing
/// is asked yet.
///
/// # Errors
/// The settings say what cannot be used.
pub fn smart(
    settings: Settings,
    reasoning: Option<ReasoningSettings>,
) -> Result<Smart, SetupError> {
    let web = Web::new(&settings.network)?;
    let cache = settings.cache.map_or_else(Cache::default, Cache::on_disk);
    let asked = Aws::new(web.clone(), settings.aws);
    let reasoner = reasoning.map(|reasoning| -> Arc<dyn Reasoner> {
        Arc::new(Bedrock::new(reasoning, asked.clone(), web.clone()))
    });
    let catalogs = settings.catalogs;
    let mut sources: Vec<Box<dyn Source>> = vec![
        Box::new(HubSource::new(settings.hub, web.clone(), Arc::clone(&catalogs))),
        Box::new(Registries::new(web, catalogs)),
    ];
    sources.extend(aws::of_regions(&asked));
    sources.extend(aws::of_accounts(&asked));
    Ok((Arc::new(Desk::new(sources, Arc::new(cache))), reasoner))
}

#[cfg(test)]
mod tests;
