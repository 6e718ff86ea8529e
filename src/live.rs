//! What those who look facts up are told of the surroundings: the network, the cache, and who asks.

use std::sync::Arc;

use anyhow::Result;
use mcc_catalogs::Lookup;

#[cfg(feature = "live")]
pub(crate) use settings::settings;

#[cfg(feature = "live")]
#[path = "live/settings.rs"]
mod settings;

/// Somebody who looks things up, and calls of whom may name these AWS profiles.
///
/// # Errors
/// The surroundings say what cannot be used, such as a proxy that is no address.
#[cfg(feature = "live")]
pub(crate) fn lookup(profiles: &[String]) -> Result<Arc<dyn Lookup>> {
    use anyhow::Context as _;
    mcc_live::lookup(settings(profiles)).context("smart mode cannot start")
}

/// Nobody: [`crate::mode::of`] has refused smart mode before.
#[cfg(not(feature = "live"))]
pub(crate) fn lookup(_profiles: &[String]) -> Result<Arc<dyn Lookup>> {
    anyhow::bail!("this build of mcc has no smart mode")
}
