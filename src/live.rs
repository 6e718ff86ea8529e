//! What those who look facts up are told of the surroundings: the network, the cache, and who asks.

use std::sync::Arc;

use anyhow::Result;
use mcc_catalogs::reason::Reasoner;
use mcc_catalogs::{Catalogs, Lookup};

use crate::reasoning::Reasoning;

/// Somebody who looks things up, and somebody who has an opinion, if there is to be one.
pub(crate) type Smart = (Arc<dyn Lookup>, Option<Arc<dyn Reasoner>>);

#[cfg(feature = "live")]
pub(crate) use settings::cache;
#[cfg(feature = "live")]
pub(crate) use settings::settings;

#[cfg(feature = "live")]
#[path = "live/settings.rs"]
mod settings;

/// Somebody who looks up what `catalogs` do not know, for whom calls may name one of these AWS profiles; and somebody who
/// has an opinion, if there is to be one.
///
/// # Errors
/// The surroundings say what cannot be used, such as a proxy that is no address.
#[cfg(feature = "live")]
pub(crate) fn smart(
    catalogs: &Arc<Catalogs>,
    profiles: &[String],
    reasoning: Option<Reasoning>,
) -> Result<Smart> {
    use anyhow::Context as _;
    use mcc_live::ReasoningSettings;
    settings(Arc::clone(catalogs), profiles)
        .and_then(|settings| {
            let reasoning =
                reasoning.map(|Reasoning { model, region, tokens }| ReasoningSettings {
                    model,
                    region,
                    tokens: tokens.unwrap_or(ReasoningSettings::TOKENS),
                    folder: settings.cache.as_ref().map(|cache| cache.join("reasoning")),
                });
            Ok(mcc_live::smart(settings, reasoning)?)
        })
        .context("smart mode cannot start")
}

/// Nobody: [`crate::mode::of`] has refused smart mode before.
#[cfg(not(feature = "live"))]
pub(crate) fn smart(
    _catalogs: &Arc<Catalogs>,
    _profiles: &[String],
    _reasoning: Option<Reasoning>,
) -> Result<Smart> {
    anyhow::bail!("this build of mcc has no smart mode")
}
