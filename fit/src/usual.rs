//! Which instance type is proposed for a model of which nothing says how large it is.

use mcc_catalogs::{AcceleratorKind, Arch, Catalogs, Instance};

use crate::deployment::Deployment;
use crate::offer::{is_burstable, is_proposed, lacks, offered, stands_in};
use crate::order::{in_order, short_of_quota};

/// The least host that a server of such a model starts on.
pub const LEAST_HOST: Host = Host { vcpus: 2, memory_gib: 4.0 };

/// What a host has at least.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Host {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in GiB.
    pub memory_gib: f64,
}

/// What a user says of the instance type.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostAsked {
    /// Least number of virtual processors.
    pub vcpus: Option<u32>,
    /// Least memory in GiB.
    pub memory_gib: Option<f64>,
    /// Most US dollars per hour.
    pub usd_per_hour: Option<f64>,
    /// Only this processor.
    pub arch: Option<Arch>,
    /// Only this kind of accelerator.
    pub kind: Option<AcceleratorKind>,
    /// The cheapest is wanted, not the usual.
    pub cheapest: bool,
}

/// What is proposed for what was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposed<'a> {
    /// The type that comes before all others; none where the cheapest of those with `host` does.
    pub first: Option<&'a Instance>,
    /// What the others have at least.
    pub host: Host,
    /// Whether types whose processors are lent for a while only are among the others.
    pub burstable: bool,
}

/// The instance type that a project of this deployment is on where neither the user nor the model's size decides it: the
/// config's own, or where the target or the Region is known not to have that one, or the account's quota is too small for
/// `instances` of it, the cheapest that stands in for it.
pub fn usual_type<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    region: Option<&str>,
    instances: u32,
) -> Option<&'a Instance> {
    let own = catalogs.instances().get(deployment.usual_type.as_deref()?)?;
    let had = deployment.takes(own)
        && !region.is_some_and(|region| lacks(catalogs, deployment, region, own));
    let short =
        |row: &Instance| short_of_quota(catalogs, deployment, region, row, instances).is_some();
    if had && !short(own) {
        return Some(own);
    }
    let there = |row: &Instance| {
        row.accelerator().is_none()
            || region
                .is_none_or(|region| offered(catalogs, Some(deployment), region, row) == Some(true))
    };
    let mut rows = in_order(catalogs, deployment, region, instances).map(|(_, row)| row);
    let instead = rows.find(|row| {
        stands_in(row, own)
            && is_proposed(deployment, None, row)
            && !is_burstable(row)
            && there(row)
            // Of types that cannot be started the usual one is no worse than others.
            && !(had && short(row))
    });
    instead.or(Some(own))
}

/// What is proposed: the usual type where it is as asked for. Which processor or accelerator it is to have says nothing
/// of the model's size, so that others are as large as the usual one; memory, processors and money do say something.
pub fn proposed<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    region: Option<&str>,
    asked: &HostAsked,
) -> Proposed<'a> {
    let least = Host {
        vcpus: asked.vcpus.unwrap_or(LEAST_HOST.vcpus),
        memory_gib: asked.memory_gib.unwrap_or(LEAST_HOST.memory_gib),
    };
    let money = Proposed { first: None, host: least, burstable: true };
    let Some(usual) = usual_type(catalogs, deployment, region, 1) else {
        return Proposed { burstable: asked.cheapest, ..money };
    };
    let usd = catalogs.prices().usd(usual.name.as_str(), region);
    let dear = asked.usd_per_hour.is_some_and(|most| usd.is_none_or(|usd| usd > most));
    if asked.cheapest || dear {
        return money;
    }
    if asked.vcpus.is_some() || asked.memory_gib.is_some() {
        return Proposed { burstable: false, ..money };
    }
    let as_asked = asked.arch.is_none_or(|arch| usual.arch == arch)
        && asked.kind.is_none_or(|kind| usual.accelerator_kind() == kind);
    let host = Host { vcpus: usual.vcpus, memory_gib: usual.memory_gib() };
    Proposed { first: as_asked.then_some(usual), host, burstable: false }
}

/// Whether an instance type has this processor and this kind of accelerator, where one of them is asked for.
pub fn is_of(instance: &Instance, arch: Option<Arch>, kind: Option<AcceleratorKind>) -> bool {
    arch.is_none_or(|arch| instance.arch == arch)
        && kind.is_none_or(|kind| instance.accelerator_kind() == kind)
}

/// GiB of host memory that an instance type has, and that another one has, where it has less.
pub fn less_memory(instance: &Instance, than: &Instance) -> Option<(f64, f64)> {
    let (has, other) = (instance.memory_gib(), than.memory_gib());
    (has < other).then_some((has, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(usual: &str) -> Deployment {
        Deployment { usual_type: Some(usual.to_owned()), ..Deployment::default() }
    }

    fn of(asked: HostAsked) -> Proposed<'static> {
        proposed(Catalogs::embedded(), &packed("ml.m5.xlarge"), Some("us-east-1"), &asked)
    }

    fn first(found: &Proposed<'_>) -> Option<String> {
        found.first.map(|row| row.name.to_string())
    }

    #[test]
    fn the_usual_type_stays_until_something_else_is_asked_for() {
        let usual = Host { vcpus: 4, memory_gib: 16.0 };
        let found = of(HostAsked::default());
        assert_eq!((first(&found).as_deref(), found.host), (Some("ml.m5.xlarge"), usual));
        for same in [
            HostAsked { arch: Some(Arch::X86_64), ..HostAsked::default() },
            HostAsked { kind: Some(AcceleratorKind::Cpu), ..HostAsked::default() },
            HostAsked { usd_per_hour: Some(1.0), ..HostAsked::default() },
        ] {
            assert_eq!(of(same), found, "{same:?}");
        }
        for other in [
            HostAsked { arch: Some(Arch::Arm64), ..HostAsked::default() },
            HostAsked { kind: Some(AcceleratorKind::Cuda), ..HostAsked::default() },
        ] {
            let found = of(other);
            assert_eq!((first(&found), found.host), (None, usual), "{other:?}");
        }
    }

    #[test]
    fn size_and_money_lead_to_the_cheapest() {
        let found = of(HostAsked { memory_gib: Some(64.0), ..HostAsked::default() });
        let host = Host { vcpus: LEAST_HOST.vcpus, memory_gib: 64.0 };
        assert_eq!(found, Proposed { first: None, host, burstable: false });
        for money in [
            HostAsked { usd_per_hour: Some(0.1), ..HostAsked::default() },
            HostAsked { cheapest: true, ..HostAsked::default() },
        ] {
            let least = Proposed { first: None, host: LEAST_HOST, burstable: true };
            assert_eq!(of(money), least, "{money:?}");
        }
    }

    #[test]
    fn what_a_region_lacks_has_a_stand_in_there() {
        let catalogs = Catalogs::embedded();
        let own = catalogs.instances().get("ml.g6.2xlarge").expect("row");
        let deployment = packed("ml.g6.2xlarge");
        let (mut has, mut lack) = (0, 0);
        for row in catalogs.regions().iter() {
            let region = row.region.as_str();
            let found = usual_type(catalogs, &deployment, Some(region), 1).expect("one");
            if !lacks(catalogs, &deployment, region, own) {
                has += 1;
                assert_eq!(found.name, own.name, "{region}");
            } else if found.name != own.name {
                lack += 1;
                assert!(stands_in(found, own), "{region}: {}", found.name);
                assert_eq!(offered(catalogs, None, region, found), Some(true), "{region}");
            }
        }
        assert!(has > 3 && lack > 3, "{has} {lack}");
    }

    #[test]
    fn what_a_target_does_not_take_has_a_stand_in() {
        let catalogs = Catalogs::embedded();
        let pool = Some(crate::InstancePool::BatchTransform);
        let deployment = Deployment { pool, ..packed("ml.t2.xlarge") };
        let found = usual_type(catalogs, &deployment, None, 1).expect("one");
        assert!(deployment.takes(found) && found.memory_gib() >= 16.0, "{}", found.name);
    }
}
