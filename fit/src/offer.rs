//! Which instance types are proposed: what a Region has, what a target takes, and what is as large as needed.

use mcc_catalogs::{Catalogs, Cluster, Instance, RegionRow};

use crate::deployment::{Deployment, InstancePool};
use crate::named::NamedSize;
use crate::order::{has_node, has_nodes};
use crate::sizing::GIB;

/// How much more memory than its weights a model of unknown shape is given: the rest is for cache and engine.
const ROOM: f64 = 1.25;

/// Whether a deployment finds `instance` in a Region; none where that is not known. EC2's offer is a hint: nodes that a
/// cluster has there and a price list without a price for hosting know better.
pub fn offered(
    catalogs: &Catalogs,
    deployment: Option<&Deployment>,
    region: &str,
    instance: &Instance,
) -> Option<bool> {
    if deployment.and_then(|of| of.pool) == Some(InstancePool::Hyperpod)
        && has_nodes(catalogs, region, instance)
    {
        return Some(true);
    }
    if is_not_hosted(catalogs, deployment, region, instance) {
        return Some(false);
    }
    catalogs.regions().offers(region, instance)
}

/// Whether the Region is known to lack `instance` for a deployment.
pub fn lacks(
    catalogs: &Catalogs,
    deployment: &Deployment,
    region: &str,
    instance: &Instance,
) -> bool {
    offered(catalogs, Some(deployment), region, instance) == Some(false)
}

/// Whether the Region's price list is known to have no price for hosting on `instance`, which says nothing of clusters.
pub fn is_not_hosted(
    catalogs: &Catalogs,
    deployment: Option<&Deployment>,
    region: &str,
    instance: &Instance,
) -> bool {
    let perhaps_a_node = match deployment.and_then(|of| of.pool) {
        Some(InstancePool::Hyperpod) => true,
        Some(InstancePool::Hosting | InstancePool::BatchTransform) => false,
        None => instance.hyperpod,
    };
    !perhaps_a_node && catalogs.regions().has_no_hosting_price(region, instance)
}

/// How many accelerated types EC2 offers in a Region; none where that is not known.
pub fn accelerated_types(region: &RegionRow) -> Option<usize> {
    region.ec2_accelerators.as_ref().map(Vec::len)
}

/// Whether `instance` is proposed to a user who did not name it: EC2 counts it as current or the cluster that the
/// deployment is for has such nodes, which nobody has to order any more, and the deployment runs there.
pub fn is_proposed(
    deployment: &Deployment,
    cluster: Option<&Cluster>,
    instance: &Instance,
) -> bool {
    let there = cluster.is_some_and(|cluster| has_node(cluster, instance) == Some(true));
    (there || is_current(instance)) && deployment.takes(instance) && deployment.runs_on(instance)
}

/// Whether EC2 counts the type as current.
pub fn is_current(instance: &Instance) -> bool {
    !instance.previous_generation
}

/// Whether its processors are lent in full only for as long as it has CPU credits: EC2's families t2, t3, t3a and t4g.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances.html>
pub fn is_burstable(instance: &Instance) -> bool {
    let generation = instance.family().strip_prefix('t');
    generation.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether the accelerators of `instance` have as much memory together as those of `than`.
pub fn as_large(instance: &Instance, than: &Instance) -> bool {
    instance.accelerator_memory_gib() >= than.accelerator_memory_gib()
}

/// Whether `instance` stands in for `than`: the same processor, as many of them, and as much memory, on accelerators of
/// the same kind and on the host.
pub fn stands_in(instance: &Instance, than: &Instance) -> bool {
    instance.arch == than.arch
        && instance.vcpus >= than.vcpus
        && instance.accelerator_kind() == than.accelerator_kind()
        && as_large(instance, than)
        && instance.memory_gib() >= than.memory_gib()
}

/// Whether weights of `least_bytes` are far too large for the accelerators: half of what is needed is no near miss.
pub fn far_too_small(instance: &Instance, least_bytes: f64) -> bool {
    instance.accelerator_memory_gib() * GIB * 2.0 <= least_bytes
}

/// Memory in GiB of all accelerators of `instance`, where weights of `weights_gib` are too large for it; none for types
/// without accelerators.
pub fn too_small(instance: &Instance, weights_gib: f64) -> Option<f64> {
    let there = instance.accelerator_memory_gib();
    (there > 0.0 && weights_gib >= there).then_some(there)
}

/// Whether weights of `weights_gib` leave room for a cache that nothing is known of.
pub fn has_room(instance: &Instance, weights_gib: f64) -> bool {
    instance.accelerator_memory_gib() > weights_gib * ROOM
}

/// The most GiB that the weights of a model of unknown size take on `instance`: as much as its name says, and no more than
/// the accelerators have.
pub fn most_weights_gib(instance: &Instance, named: Option<NamedSize>) -> f64 {
    let most = instance.accelerator_memory_gib();
    named.map(|size| size.weights_gib()).filter(|gib| *gib < most).unwrap_or(most)
}

/// What a host has less of than is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HostShort {
    /// Virtual processors.
    Vcpus {
        /// What is asked for.
        least: u32,
        /// What there is.
        has: u32,
    },
    /// Memory in GiB.
    Memory {
        /// What is asked for.
        least: f64,
        /// What there is.
        has: f64,
    },
}

/// What the host of `instance` has less of than is asked for.
pub fn host_short(
    instance: &Instance,
    vcpus: Option<u32>,
    memory_gib: Option<f64>,
) -> Option<HostShort> {
    if let Some(least) = vcpus.filter(|least| instance.vcpus < *least) {
        return Some(HostShort::Vcpus { least, has: instance.vcpus });
    }
    let has = instance.memory_gib();
    let least = memory_gib.filter(|least| has < *least)?;
    Some(HostShort::Memory { least, has })
}

/// GB of the local disk of `instance`, where it has one that is too small for `needs_gb`: what has none takes a volume.
pub fn local_disk_short(instance: &Instance, needs_gb: u64) -> Option<u32> {
    Some(instance.nvme_gb).filter(|gb| *gb > 0 && u64::from(*gb) < needs_gb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> &'static Instance {
        Catalogs::embedded().instances().get(name).expect(name)
    }

    #[test]
    fn what_stands_in_has_as_much_of_everything() {
        let (small, large) = (row("ml.g5.xlarge"), row("ml.g5.48xlarge"));
        assert!(stands_in(large, small) && !stands_in(small, large));
        assert!(!stands_in(row("ml.inf2.48xlarge"), small), "another kind of accelerator");
        let plain = row("ml.m5.xlarge");
        assert!(stands_in(row("ml.m7i.xlarge"), plain));
        assert!(!stands_in(row("ml.m7g.xlarge"), plain), "another processor");
        assert!(!stands_in(row("ml.r7i.large"), plain), "fewer processors");
        assert!(as_large(row("ml.g5.2xlarge"), small));
    }

    #[test]
    fn burstable_types_are_known_by_their_family() {
        for name in ["ml.t2.medium", "ml.t3.xlarge"] {
            assert!(is_burstable(row(name)), "{name}");
        }
        for name in ["ml.trn1.2xlarge", "ml.m5.xlarge", "ml.g4dn.xlarge"] {
            assert!(!is_burstable(row(name)), "{name}");
        }
    }

    #[test]
    fn memory_is_held_against_weights() {
        let row = row("ml.g5.xlarge");
        assert!(too_small(row, 60.0).is_some_and(|there| there > 20.0 && there < 24.0));
        assert_eq!(too_small(row, 10.0), None);
        assert!(has_room(row, 16.0) && !has_room(row, 20.0));
        assert!(far_too_small(row, 60.0 * GIB) && !far_too_small(row, 40.0 * GIB));
        let named = |billions| Some(NamedSize { billions, bytes: 2.0 });
        assert!(most_weights_gib(row, named(4.0)) < 8.0);
        assert!((most_weights_gib(row, named(70.0)) - most_weights_gib(row, None)).abs() < 1e-9);
    }

    #[test]
    fn a_host_is_held_against_what_is_asked_for() {
        let row = row("ml.g5.xlarge");
        let short = host_short(row, Some(8), None);
        assert_eq!(short, Some(HostShort::Vcpus { least: 8, has: 4 }));
        assert!(matches!(host_short(row, Some(4), Some(64.0)), Some(HostShort::Memory { .. })));
        assert_eq!(host_short(row, Some(4), Some(16.0)), None);
        assert_eq!(local_disk_short(row, 400), Some(250));
        assert_eq!(local_disk_short(row, 100), None);
    }
}
