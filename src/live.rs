//! What those who look facts up are told of the surroundings: the network, the cache, and who asks.

use std::sync::Arc;

use anyhow::Result;
use mcc_catalogs::{Catalogs, Lookup};

#[cfg(feature = "live")]
use settings::settings;

#[cfg(feature = "live")]
#[path = "live/settings.rs"]
mod settings;

/// Somebody who looks up what `catalogs` do not know, for whom calls may name one of these AWS profiles.
///
/// # Errors
/// The surroundings say what cannot be used, such as a proxy that is no address.
#[cfg(feature = "live")]
pub(crate) fn lookup(catalogs: &Arc<Catalogs>, profiles: &[String]) -> Result<Arc<dyn Lookup>> {
    use anyhow::Context as _;
    settings(Arc::clone(catalogs), profiles)
        .and_then(|settings| Ok(mcc_live::lookup(settings)?))
        .context("smart mode cannot start")
}

/// Nobody: [`crate::mode::of`] has refused smart mode before.
#[cfg(not(feature = "live"))]
pub(crate) fn lookup(_catalogs: &Arc<Catalogs>, _profiles: &[String]) -> Result<Arc<dyn Lookup>> {
    anyhow::bail!("this build of mcc has no smart mode")
}
