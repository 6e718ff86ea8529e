//! What the layers of a config and a target say of hardware and images, for `mcc_fit` to judge by.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use mcc_catalogs::AcceleratorKind;
use mcc_fit::Deployment;
use serde_json::Value;

use crate::manifest::{SizingRole, Weights};
use crate::registry::{Config, KINDS, Layer, registry};

/// Deployments by config, target and kind of accelerator.
type Made = BTreeMap<(&'static str, &'static str, &'static str), Arc<Deployment>>;

/// `config` on `target`, with the layer that it has for `kind`, if it has one; none if the registry has no such target.
pub fn deployment(
    config: &Config,
    target: &str,
    kind: Option<AcceleratorKind>,
) -> Option<Arc<Deployment>> {
    let config = registry().config(&config.name)?;
    let target = registry().targets().iter().find(|known| *known == target)?;
    let kind = kind.filter(|kind| registry().on(config, kind.as_str()).is_some());
    Some(made(config, target, kind.map_or("", AcceleratorKind::as_str)))
}

/// What `of` becomes on the kinds of accelerator for which its config has a layer of its own.
pub fn elsewhere(of: &Deployment) -> Vec<Arc<Deployment>> {
    KINDS.into_iter().filter_map(|kind| on(of, kind)).collect()
}

/// What `of` becomes on a kind of accelerator for which its config has a layer of its own; none if it has none.
pub fn on(of: &Deployment, kind: AcceleratorKind) -> Option<Arc<Deployment>> {
    let config = registry().config(&of.config)?;
    registry().on(config, kind.as_str())?;
    deployment(config, &of.target, Some(kind))
}

fn made(config: &'static Config, target: &'static str, on: &'static str) -> Arc<Deployment> {
    /// As many as there are configs, targets and kinds at most: the registry does not change.
    static MADE: RwLock<Made> = RwLock::new(BTreeMap::new());
    let key = (config.name.as_str(), target, on);
    if let Some(made) = MADE.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Arc::clone(made);
    }
    let layers = registry().overlay_on(config, None, target, on);
    let made = Arc::new(of(config, target, &layers));
    MADE.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&made));
    made
}

/// The last layer that says anything wins.
fn of(config: &Config, target: &str, layers: &[&Layer]) -> Deployment {
    let mut this = Deployment {
        config: config.name.clone(),
        target: target.to_owned(),
        backend: config.backend.clone(),
        ..Deployment::default()
    };
    for manifest in layers.iter().map(|layer| &layer.manifest) {
        if !manifest.accelerators.is_empty() {
            this.accelerators.clone_from(&manifest.accelerators);
        }
        if !manifest.devices.is_empty() {
            this.devices.clone_from(&manifest.devices);
        }
        if !manifest.services.is_empty() {
            this.services.clone_from(&manifest.services);
        }
        this.images = manifest.images.clone().or(this.images);
        this.engine = manifest.engine.clone().or(this.engine);
        let usual = manifest.defaults.get("instanceType").and_then(Value::as_str);
        this.usual_type = usual.map(str::to_owned).or(this.usual_type);
        this.pool = manifest.instances.or(this.pool);
        this.ami = manifest.ami.or(this.ami);
        if !manifest.tasks.is_empty() {
            this.tasks.clone_from(&manifest.tasks);
            this.task_images.clone_from(&manifest.task_images);
        }
        this.refuses.extend(manifest.ignores.clone());
        this.refuses.extend(manifest.refuses.clone());
        this.advice = manifest.advice.get(target).cloned().or(this.advice);
        let sequences = manifest.defaults.get("maxNumSeqs").and_then(Value::as_u64);
        this.sequences = sequences.and_then(|n| u32::try_from(n).ok()).or(this.sequences);
        let mut roles = manifest.options.sizing.iter();
        let format = roles.find(|(_, role)| **role == SizingRole::CacheFormat);
        this.cache_option = format
            .map(|(name, _)| name.clone())
            .or(this.cache_option)
            .filter(|name| !manifest.options.refused.contains_key(name));
        if let Some(weights) = manifest.weights {
            this.hub = weights == Weights::Hub;
        }
    }
    this
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_framework_changes_nothing_of_it() {
        for config in registry().configs() {
            for target in registry().targets() {
                let without = of(config, target, &registry().overlay(config, None, target));
                for framework in &config.frameworks {
                    let layers = registry().overlay(config, Some(framework), target);
                    let mut with = of(config, target, &layers);
                    // What a framework does not take says nothing of hardware.
                    with.refuses.clone_from(&without.refuses);
                    assert_eq!(with, without, "{} {framework}", config.name);
                }
            }
        }
    }
}
