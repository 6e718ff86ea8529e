//! HyperPod clusters of a Region, and capacity that is reserved there.
//!
//! Each part fails apart from the others: where EKS may not be asked, a cluster is told without its Kubernetes, and a
//! note says which action is denied.

use std::collections::BTreeMap;

use mcc_catalogs::{Ask, Cluster, ClustersFile, ClustersListed, Errand, Files, Region};
use serde_json::json;

use super::actions::{
    DESCRIBE_ADDON, DESCRIBE_CAPACITY_RESERVATIONS, DESCRIBE_CLUSTER, DESCRIBE_EKS_CLUSTER,
    LIST_CLUSTER_NODES, LIST_CLUSTERS, LIST_TRAINING_PLANS,
};
use super::call::Call;
use super::capacity::{self, Plans, Reservations};
use super::client::Aws;
use super::cluster_rows::{
    Addon, Clusters as Listed, Description, EksDescription, Nodes, OPERATOR, Running, Summary,
    eks_name,
};
use super::owned::whole;
use super::service::Service;
use super::share::{Pages, Share, Turn};
use crate::clock;
use crate::desk::{minutes, together};
use crate::failure::Failure;
use crate::source::{Eyes, Fact, Source, Topic, Waiting};

/// Requests of an answer that all of this takes at most.
const SHARE: usize = 18;
/// Requests that are left to others before nodes are counted.
const SPARED: usize = 8;
/// Clusters that are described.
const DESCRIBED: usize = 8;
/// Pages of a list: a hundred clusters, plans, reservations or nodes each.
const PAGES: usize = 3;
/// Nodes of a cluster up to which they are counted.
const COUNTED: u32 = 300;

/// HyperPod of a Region.
#[derive(Debug)]
pub(crate) struct Clusters {
    aws: Aws,
}

/// What came of one part.
#[derive(Debug)]
struct Part<T> {
    rows: Vec<T>,
    /// They are all.
    complete: bool,
    notes: Vec<String>,
    failed: Option<Failure>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), complete: false, notes: Vec::new(), failed: None }
    }
}

impl Clusters {
    pub(crate) fn new(aws: Aws) -> Self {
        Self { aws }
    }

    async fn look(&self, region: &Region, errand: &Errand) -> Result<Fact, Failure> {
        let share = Share::new(errand, SHARE, 0);
        let (clusters, plans, reservations) = tokio::join!(
            self.clusters(region, &share),
            self.plans(region, &share),
            self.reservations(region, &share)
        );
        if let (Some(failure), Some(_), Some(_)) =
            (&clusters.failed, &plans.failed, &reservations.failed)
        {
            return Err(failure.clone());
        }
        let listed = ClustersListed {
            region: region.clone(),
            clusters: clusters.complete,
            capacity: plans.complete && reservations.complete,
        };
        let partial = !(listed.clusters && listed.capacity && clusters.notes.is_empty());
        let mut notes = Vec::new();
        if listed.clusters && clusters.rows.is_empty() {
            notes.push(format!("The account has no HyperPod clusters in {region}."));
        }
        for (what, who, failed) in [
            ("HyperPod clusters", "SageMaker", clusters.failed),
            ("Training plans", "SageMaker", plans.failed),
            ("Capacity reservations", "EC2", reservations.failed),
        ] {
            let note = |why| format!("{what} in {region} are not known: {who} {why}.");
            notes.extend(failed.map(note));
        }
        for part in [clusters.notes, plans.notes, reservations.notes] {
            notes.extend(part);
        }
        let file = ClustersFile {
            as_of: clock::date(clock::now()),
            source: format!("SageMaker, EKS and EC2 in {region}"),
            clusters: clusters.rows.into(),
            capacity: plans.rows.into_iter().chain(reservations.rows).collect::<Vec<_>>().into(),
            listed: vec![listed].into(),
        };
        Ok(Fact { files: Files::default().with(file), notes, partial })
    }

    async fn clusters(&self, region: &Region, share: &Share<'_>) -> Part<Cluster> {
        let mut part = Part::default();
        let summaries = self.list(region, share, &mut part).await;
        let mut rows: Vec<Cluster> = summaries.iter().map(|one| one.row(region)).collect();
        self.describe(region, share, &summaries, &mut rows, &mut part.notes).await;
        self.inside(region, share, &mut rows, &mut part.notes).await;
        part.rows = rows;
        part
    }

    /// The clusters by name, those first on which something can run now.
    async fn list(
        &self,
        region: &Region,
        share: &Share<'_>,
        part: &mut Part<Cluster>,
    ) -> Vec<Summary> {
        let (mut found, mut pages, mut token) = (Vec::new(), Pages::new(PAGES), None);
        loop {
            let page: Listed = match self.page(LIST_CLUSTERS, region, share, json!({}), token).await
            {
                Ok(page) => page,
                Err(failure) => {
                    part.failed = Some(failure);
                    break;
                }
            };
            found.extend(page.cluster_summaries);
            match pages.turn(page.next_token) {
                Turn::Next(next) => token = Some(next),
                end => {
                    part.complete = end == Turn::End;
                    break;
                }
            }
        }
        if !part.complete && part.failed.is_none() {
            part.notes.push(format!("{region} has more clusters than were listed."));
        }
        // Equal ones stay in the order of the list.
        found.sort_by_key(|one: &Summary| !one.serves());
        found
    }

    /// Puts the instance groups of the first clusters in their rows.
    async fn describe(
        &self,
        region: &Region,
        share: &Share<'_>,
        summaries: &[Summary],
        rows: &mut [Cluster],
        notes: &mut Vec<String>,
    ) {
        let mut asked: Vec<Waiting<'_, Result<Description, Failure>>> = Vec::new();
        for summary in summaries.iter().take(DESCRIBED) {
            let Some(name) = summary.name() else { break };
            if !share.take() {
                break;
            }
            let call = Call::json(DESCRIBE_CLUSTER, region, json!({ "ClusterName": name }));
            asked
                .push(Box::pin(async move { whole(&self.aws.call(&call, share.errand()).await?) }));
        }
        let left = rows.len().saturating_sub(asked.len());
        if left > 0 {
            notes.push(format!(
                "{left} of {} clusters in {region} were not described, to stay within the request limit of one answer.",
                rows.len()
            ));
        }
        let mut failed = Failed::default();
        for (row, described) in rows.iter_mut().zip(together(asked).await) {
            match described {
                Ok(description) => notes.extend(description.fill(row)),
                Err(failure) => failed.add("instance groups", "SageMaker", failure, &row.name),
            }
        }
        notes.extend(failed.notes());
    }

    /// Kubernetes, operator and nodes of the clusters, as far as there are requests for it.
    async fn inside(
        &self,
        region: &Region,
        share: &Share<'_>,
        rows: &mut [Cluster],
        notes: &mut Vec<String>,
    ) {
        let mut unasked = Vec::new();
        let mut eks: Vec<Waiting<'_, (usize, Eks)>> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            match eks_name(row, region) {
                None => {}
                Some(Err(note)) => notes.push(note),
                Some(Ok(name)) if share.take() && share.take() => {
                    let name = name.to_owned();
                    eks.push(Box::pin(async move {
                        (at, Box::pin(self.eks(region, share, &name)).await)
                    }));
                }
                Some(Ok(_)) => unasked.push(row.name.clone()),
            }
        }
        if !unasked.is_empty() {
            notes.push(format!(
                "Kubernetes and the inference operator of {} were not read, to stay within the request limit of one answer.",
                unasked.join(", ")
            ));
        }
        let spare = Share::new(share.errand(), SHARE, SPARED);
        let mut nodes: Vec<Waiting<'_, (usize, Counted)>> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let Some(groups) = &row.groups else { continue };
            let count = groups.iter().map(|group| group.current).fold(0, u32::saturating_add);
            if count > 0 && count <= COUNTED && share.take() && spare.take() {
                let name = row.name.clone();
                let spare = &spare;
                let asking = async move { (at, self.nodes(region, share, spare, &name).await) };
                nodes.push(Box::pin(asking));
            }
        }
        let (eks, nodes) = tokio::join!(together(eks), together(nodes));
        let mut failed = Failed::default();
        for (at, found) in eks {
            let Some(row) = rows.get_mut(at) else { continue };
            for (what, failure) in found.failed {
                failed.add(what, "EKS", failure, &row.name);
            }
            (row.kubernetes, row.operator) = (found.kubernetes, found.operator);
        }
        for (at, found) in nodes {
            let Some(row) = rows.get_mut(at) else { continue };
            match found {
                Ok(Some(running)) => running.fill(row),
                Ok(None) => {}
                Err(failure) => failed.add("nodes", "SageMaker", failure, &row.name),
            }
        }
        notes.extend(failed.notes());
    }

    async fn eks(&self, region: &Region, share: &Share<'_>, name: &str) -> Eks {
        let errand = share.errand();
        let cluster = Call::get(DESCRIBE_EKS_CLUSTER, region, &["clusters", name], &[]);
        let path = ["clusters", name, "addons", OPERATOR];
        let addon = Call::get(DESCRIBE_ADDON, region, &path, &[]);
        let (cluster, addon) =
            tokio::join!(self.aws.call(&cluster, errand), self.aws.call(&addon, errand));
        let mut found = Eks::default();
        let cluster = cluster.map_err(Failure::from).and_then(|answer| whole(&answer));
        let known = cluster.is_ok();
        match cluster {
            Ok(cluster) => found.kubernetes = EksDescription::version(cluster),
            Err(failure) => found.failed.push(("Kubernetes version", failure)),
        }
        match addon {
            Ok(answer) => match whole::<Addon>(&answer) {
                Ok(addon) => found.operator = addon.version(),
                Err(failure) => found.failed.push(("inference operator", failure)),
            },
            // Both a cluster and an add-on that are not there are told like this.
            Err(refused) if refused.is_missing() && known => found.operator = Some(String::new()),
            Err(refused) => found.failed.push(("inference operator", refused.failure)),
        }
        found
    }

    /// Nodes that run. None where there are more than were read.
    async fn nodes(
        &self,
        region: &Region,
        share: &Share<'_>,
        spare: &Share<'_>,
        cluster: &str,
    ) -> Result<Option<Running>, Failure> {
        let (mut running, mut pages, mut token) = (Running::default(), Pages::new(PAGES), None);
        loop {
            let mut input = json!({ "ClusterName": cluster, "MaxResults": 100 });
            put_token(&mut input, token);
            let call = Call::json(LIST_CLUSTER_NODES, region, input);
            let page: Nodes = whole(&self.aws.call(&call, share.errand()).await?)?;
            running.add(&page);
            match pages.turn(page.next_token) {
                Turn::End => return Ok(Some(running)),
                Turn::Next(next) if share.take() && spare.take() => token = Some(next),
                Turn::Next(_) | Turn::Unread => return Ok(None),
            }
        }
    }

    async fn plans(&self, region: &Region, share: &Share<'_>) -> Part<mcc_catalogs::Capacity> {
        let (mut part, mut pages, mut token) = (Part::default(), Pages::new(PAGES), None);
        let mut unclear = 0;
        loop {
            let input = json!({ "SortBy": "StartTime", "SortOrder": "Descending" });
            let page: Plans =
                match self.page(LIST_TRAINING_PLANS, region, share, input, token).await {
                    Ok(page) => page,
                    Err(failure) => {
                        part.failed = Some(failure);
                        break;
                    }
                };
            let next = page.next_token.clone();
            let (rows, odd) = capacity::plans(page, region);
            part.rows.extend(rows);
            unclear += odd;
            match pages.turn(next) {
                Turn::Next(next) => token = Some(next),
                end => {
                    part.complete = end == Turn::End;
                    break;
                }
            }
        }
        part.say("training plans", region, unclear);
        part
    }

    async fn reservations(
        &self,
        region: &Region,
        share: &Share<'_>,
    ) -> Part<mcc_catalogs::Capacity> {
        let (mut part, mut pages, mut token) = (Part::default(), Pages::new(PAGES), None);
        let mut unclear = 0;
        loop {
            let page = match self.reserved(region, share, token).await {
                Ok(page) => page,
                Err(failure) => {
                    part.failed = Some(failure);
                    break;
                }
            };
            part.rows.extend(page.rows);
            unclear += page.unclear;
            match pages.turn(page.next_token) {
                Turn::Next(next) => token = Some(next),
                end => {
                    part.complete = end == Turn::End;
                    break;
                }
            }
        }
        part.say("capacity reservations", region, unclear);
        part
    }

    async fn reserved(
        &self,
        region: &Region,
        share: &Share<'_>,
        token: Option<String>,
    ) -> Result<Reservations, Failure> {
        if !share.take() {
            return Err(Failure::UsedUp);
        }
        let mut members = vec![
            ("Filter.1.Name", "state"),
            ("Filter.1.Value.1", "active"),
            ("Filter.1.Value.2", "scheduled"),
            ("Filter.1.Value.3", "pending"),
            ("MaxResults", "100"),
        ];
        members.extend(token.as_deref().map(|token| ("NextToken", token)));
        let call = Call::form(DESCRIBE_CAPACITY_RESERVATIONS, region, &members);
        capacity::reservations(&self.aws.call(&call, share.errand()).await?.xml()?, region)
    }

    /// A page of a list of SageMaker's.
    async fn page<T: serde::de::DeserializeOwned>(
        &self,
        action: super::Action,
        region: &Region,
        share: &Share<'_>,
        mut input: serde_json::Value,
        token: Option<String>,
    ) -> Result<T, Failure> {
        if !share.take() {
            return Err(Failure::UsedUp);
        }
        if let Some(members) = input.as_object_mut() {
            members.insert("MaxResults".to_owned(), 100.into());
        }
        put_token(&mut input, token);
        let call = Call::json(action, region, input);
        whole(&self.aws.call(&call, share.errand()).await?)
    }
}

fn put_token(input: &mut serde_json::Value, token: Option<String>) {
    if let (Some(members), Some(token)) = (input.as_object_mut(), token) {
        members.insert("NextToken".to_owned(), token.into());
    }
}

impl<T> Part<T> {
    /// Says what of a list is not in the rows.
    fn say(&mut self, what: &str, region: &Region, unclear: usize) {
        if unclear > 0 {
            self.notes.push(format!(
                "{unclear} {what} of {region} are left out because their type or number of instances is not given."
            ));
        }
        if !self.complete && self.failed.is_none() {
            self.notes.push(format!("{region} has more {what} than were listed."));
        }
    }
}

/// Nodes that run. None where there are more than were read.
type Counted = Result<Option<Running>, Failure>;

/// What EKS says of a cluster.
#[derive(Debug, Default)]
struct Eks {
    kubernetes: Option<String>,
    operator: Option<String>,
    failed: Vec<(&'static str, Failure)>,
}

/// What failed, told once for all clusters of which it is true.
#[derive(Debug, Default)]
struct Failed(BTreeMap<String, Vec<String>>);

impl Failed {
    fn add(&mut self, what: &str, who: &str, failure: Failure, name: &str) {
        let clusters = self.0.entry(format!("{what} not known: {who} {failure}.")).or_default();
        clusters.push(name.to_owned());
    }

    fn notes(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|(why, names)| format!("Cluster {}: {why}", names.join(", ")))
    }
}

impl Source for Clusters {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let Ask::Clusters(region) = ask else { return None };
        Some(Topic { words: format!("HyperPod in {region}"), holds: minutes(2) })
    }

    fn eyes<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async move {
            let Ask::Clusters(region) = ask else { return Err(super::owned::stranger()) };
            self.aws.eyes(Service::SageMaker, region, errand).await
        })
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            let Ask::Clusters(region) = ask else { return Err(super::owned::stranger()) };
            Box::pin(self.look(region, errand)).await
        })
    }
}
