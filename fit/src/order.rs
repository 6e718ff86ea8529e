//! In which order instance types are proposed: what the account may start before what it may not, then by price.

use mcc_catalogs::{Catalogs, Cluster, Instance, QuotaRow, QuotaUse};

use crate::deployment::{Deployment, InstancePool};

/// The account's quota for instances of this type as the deployment uses them; none where it is not known, or where nothing
/// is started because a cluster has such nodes.
pub fn quota<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    region: Option<&str>,
    instance: &Instance,
) -> Option<&'a QuotaRow> {
    let region = region?;
    let used_for = match deployment.pool {
        Some(InstancePool::BatchTransform) => QuotaUse::Transform,
        Some(InstancePool::Hyperpod) if has_nodes(catalogs, region, instance) => return None,
        Some(InstancePool::Hyperpod) => QuotaUse::Cluster,
        Some(InstancePool::Hosting) | None => QuotaUse::Endpoint,
    };
    catalogs.quotas().get(region, used_for, instance.name.as_str())
}

/// That quota, where it is known to be less than `instances`. Instances in use do not count: they may be the project's own.
pub fn short_of_quota<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    region: Option<&str>,
    instance: &Instance,
    instances: u32,
) -> Option<&'a QuotaRow> {
    // Pods share nodes, so that their number says nothing of how many nodes there have to be.
    let needs = if deployment.pool == Some(InstancePool::Hyperpod) { 1 } else { instances };
    quota(catalogs, deployment, region, instance).filter(|row| row.limit < needs)
}

/// Whether the account is known to be allowed `instances` of it where the deployment runs; none where its quota is not
/// known.
pub fn quota_allows(
    catalogs: &Catalogs,
    deployment: &Deployment,
    region: Option<&str>,
    instance: &Instance,
    instances: u32,
) -> Option<bool> {
    quota(catalogs, deployment, region, instance)?;
    Some(short_of_quota(catalogs, deployment, region, instance, instances).is_none())
}

/// Whether a cluster has nodes of this type that run; none where that is not known.
pub fn has_node(cluster: &Cluster, instance: &Instance) -> Option<bool> {
    let groups = cluster.groups.as_ref()?;
    Some(groups.iter().any(|group| group.instance == instance.name && group.running() > 0))
}

/// Whether a cluster that was looked at has nodes of this type. Those that do not run are there too: the Region has the
/// type, and nothing more is started.
pub(crate) fn has_nodes(catalogs: &Catalogs, region: &str, instance: &Instance) -> bool {
    let mut groups =
        catalogs.clusters().of(region).flat_map(|cluster| cluster.groups.iter().flatten());
    groups
        .any(|group| group.instance == instance.name && (group.current > 0 || group.running() > 0))
}

/// All instance types as they are proposed for `instances` in `region`, with their prices there in US dollars per hour: the
/// cheapest first, and after all others those for which the account's quota is too small.
pub fn in_order<'a, 'b, 'c>(
    catalogs: &'a Catalogs,
    deployment: &'b Deployment,
    region: Option<&'c str>,
    instances: u32,
) -> impl Iterator<Item = (Option<f64>, &'a Instance)> + use<'a, 'b, 'c> {
    let short = move |instance: &Instance| {
        short_of_quota(catalogs, deployment, region, instance, instances).is_some()
    };
    let any = !catalogs.quotas().is_empty();
    let last = any.then(|| catalogs.by_price(region).filter(move |(_, row)| short(row)));
    catalogs
        .by_price(region)
        .filter(move |(_, row)| !any || !short(row))
        .chain(last.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mcc_catalogs::{ClusterGroup, ClustersFile, QuotasFile, Rows};

    use super::*;

    fn quotas(limits: &[(&str, QuotaUse, u32)]) -> Arc<Catalogs> {
        let row = |(name, used_for, limit): &(&str, QuotaUse, u32)| QuotaRow {
            region: "us-west-2".parse().expect("a Region"),
            used_for: *used_for,
            name: name.parse().expect("a type"),
            limit: *limit,
            in_use: None,
            at_least: false,
            code: None,
        };
        let rows: Vec<QuotaRow> = limits.iter().map(row).collect();
        let file =
            QuotasFile { as_of: "2031-01-02".into(), quotas: rows.into(), ..QuotasFile::default() };
        Arc::new(Catalogs::shared().with(Rows::live("AWS quotas").with(file)))
    }

    fn on(pool: InstancePool) -> Deployment {
        Deployment { pool: Some(pool), ..Deployment::default() }
    }

    #[test]
    fn what_cannot_be_started_comes_last() {
        let first = Catalogs::embedded().by_price(None).next().expect("a type").1.name.as_str();
        let catalogs = quotas(&[(first, QuotaUse::Endpoint, 1)]);
        let hosting = on(InstancePool::Hosting);
        let order = |of: &Deployment, region, instances| -> Vec<String> {
            let rows = in_order(&catalogs, of, Some(region), instances);
            rows.map(|(_, row)| row.name.to_string()).collect()
        };
        let usual: Vec<String> =
            catalogs.by_price(None).map(|(_, row)| row.name.to_string()).collect();
        assert_eq!(order(&hosting, "us-west-2", 1), usual);
        assert_eq!(order(&hosting, "us-east-1", 2), usual);
        assert_eq!(order(&on(InstancePool::BatchTransform), "us-west-2", 2), usual);
        let mut later = usual.clone();
        let moved = later.remove(0);
        later.push(moved);
        assert_eq!(order(&hosting, "us-west-2", 2), later);
    }

    #[test]
    fn nodes_that_are_there_need_no_quota() {
        let kind = "ml.g5.xlarge";
        let catalogs = quotas(&[(kind, QuotaUse::Cluster, 0)]);
        let instance = catalogs.instances().get(kind).expect("a row");
        let pods = on(InstancePool::Hyperpod);
        let region = Some("us-west-2");
        assert!(short_of_quota(&catalogs, &pods, region, instance, 3).is_some());
        assert!(
            short_of_quota(&catalogs, &on(InstancePool::Hosting), region, instance, 3).is_none()
        );
        let group = |current| ClusterGroup {
            name: "gpu".into(),
            instance: instance.name.clone(),
            current,
            target: 1,
            status: None,
            nodes_in_service: None,
        };
        let cluster = |current| Cluster {
            name: "c1".into(),
            region: "us-west-2".parse().expect("a Region"),
            arn: String::new(),
            status: "InService".into(),
            eks: None,
            kubernetes: None,
            operator: None,
            groups: Some(vec![group(current)]),
        };
        for (current, short) in [(0, true), (1, false)] {
            let file =
                ClustersFile { clusters: vec![cluster(current)].into(), ..Default::default() };
            let with = catalogs.with(Rows::live("AWS clusters").with(file));
            let found = short_of_quota(&with, &pods, region, instance, 1);
            assert_eq!(found.is_some(), short);
        }
    }
}
