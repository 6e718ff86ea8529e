//! Instances that endpoints use, counted from the endpoints themselves: usage metrics come minutes late. A question
//! counts some, what was counted is kept, and the next question goes on; until then it is "at least".

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcc_catalogs::{Errand, InstanceType, Region};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::actions::{DESCRIBE_ENDPOINT, DESCRIBE_ENDPOINT_CONFIG, LIST_ENDPOINTS};
use super::call::Call;
use super::client::Aws;
use super::share::{Pages, Turn};
use crate::desk::together;
use crate::failure::Failure;
use crate::source::Waiting;

/// Endpoints that one question counts; each takes two requests.
const COUNTED: usize = 4;
/// Pages of a hundred endpoints that one question lists.
const PAGES: usize = 2;
/// Requests that are left for other facts.
const FOR_OTHERS: usize = 8;
/// How long what was counted is gone on from.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Accounts and Regions that are kept.
const KEPT: usize = 16;

/// What is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Usage {
    /// Instances that were counted.
    pub(super) used: HashMap<InstanceType, u32>,
    /// Why there may be more. None where these are all.
    pub(super) more: Option<String>,
    /// The next question counts on.
    pub(super) goes_on: bool,
}

impl Usage {
    /// Instances of a type, and whether there may be more. None if it is not known that there is one.
    pub(super) fn of(&self, name: &InstanceType) -> (Option<u32>, bool) {
        match (self.used.get(name).copied(), self.more.is_some()) {
            (None, true) => (None, false),
            (used, more) => (Some(used.unwrap_or_default()), more),
        }
    }
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Count>>>>,
}

/// What was counted in a Region.
#[derive(Debug, Default)]
struct Count {
    used: HashMap<InstanceType, u32>,
    /// Endpoints in all, as far as they are listed.
    listed: usize,
    /// Endpoints that are not counted yet.
    left: VecDeque<String>,
    /// Not all endpoints are listed.
    unlisted: bool,
    /// Why an endpoint could not be counted.
    unclear: BTreeSet<String>,
    since: Option<Instant>,
}

impl Counts {
    /// What endpoints use in a Region, through the eyes of whom `apart` names.
    ///
    /// # Errors
    /// Endpoints cannot be listed.
    pub(super) async fn of(
        &self,
        aws: &Aws,
        region: &Region,
        apart: &str,
        errand: &Errand,
    ) -> Result<Usage, Failure> {
        let place = {
            let mut known = self.known.lock().map_err(|_| Failure::TooSlow)?;
            if known.len() >= KEPT {
                known.clear();
            }
            Arc::clone(known.entry(apart.to_owned()).or_default())
        };
        let mut count = place.lock().await;
        let old = count.since.is_none_or(|since| since.elapsed() > FRESH);
        if old || count.left.is_empty() {
            *count = list(aws, region, errand).await?;
        }
        count.go_on(aws, region, errand).await;
        Ok(count.told())
    }
}

/// The endpoints that there are.
async fn list(aws: &Aws, region: &Region, errand: &Errand) -> Result<Count, Failure> {
    let (mut pages, mut token) = (Pages::new(PAGES), None::<String>);
    let mut names = VecDeque::new();
    loop {
        let mut input = json!({ "MaxResults": 100 });
        if let (Some(members), Some(token)) = (input.as_object_mut(), token) {
            members.insert("NextToken".to_owned(), token.into());
        }
        let page: Endpoints = read(aws, &Call::json(LIST_ENDPOINTS, region, input), errand).await?;
        names.extend(page.endpoints.into_iter().map(|endpoint| endpoint.name));
        let unlisted = match pages.turn(page.next.filter(|next| !next.is_empty())) {
            Turn::Next(next) => {
                token = Some(next);
                continue;
            }
            Turn::End => false,
            Turn::Unread => true,
        };
        let (listed, since) = (names.len(), Some(Instant::now()));
        return Ok(Count { listed, left: names, unlisted, since, ..Count::default() });
    }
}

impl Count {
    /// Counts what some more endpoints use.
    async fn go_on(&mut self, aws: &Aws, region: &Region, errand: &Errand) {
        let requests = errand.left().saturating_sub(FOR_OTHERS);
        let some = COUNTED.min(requests / 2).min(self.left.len());
        let names: Vec<String> = self.left.drain(..some).collect();
        let asked: Vec<Waiting<'_, _>> = names
            .iter()
            .map(|name| -> Waiting<'_, Result<Counted, Failure>> {
                Box::pin(used_by(aws, region, errand, name))
            })
            .collect();
        let counted = together(asked).await;
        for (name, counted) in names.into_iter().zip(counted) {
            match counted {
                Ok(Counted { used, unclear }) => {
                    for (instance, count) in used {
                        let sum: &mut u32 = self.used.entry(instance).or_default();
                        *sum = sum.saturating_add(count);
                    }
                    self.unclear.extend(unclear.map(str::to_owned));
                }
                // Those are about this answer: the next one asks again.
                Err(Failure::UsedUp | Failure::TooSlow | Failure::Throttled(_)) => {
                    self.left.push_back(name);
                }
                Err(failure) => {
                    self.unclear.insert(format!("SageMaker {failure}"));
                }
            }
        }
    }

    fn told(&self) -> Usage {
        let mut why: Vec<String> = self.unclear.iter().cloned().collect();
        let counted = self.listed - self.left.len();
        if self.unlisted {
            why.insert(0, format!("{counted} of more than {} endpoints are counted", self.listed));
        } else if !self.left.is_empty() {
            why.insert(0, format!("{counted} of {} endpoints are counted", self.listed));
        }
        let more = (!why.is_empty()).then(|| why.join("; "));
        Usage { used: self.used.clone(), more, goes_on: !self.left.is_empty() }
    }
}

/// What one endpoint uses.
#[derive(Debug, Default)]
struct Counted {
    used: Vec<(InstanceType, u32)>,
    /// Why that is not all, or may not be.
    unclear: Option<&'static str>,
}

async fn used_by(
    aws: &Aws,
    region: &Region,
    errand: &Errand,
    name: &str,
) -> Result<Counted, Failure> {
    let call = Call::json(DESCRIBE_ENDPOINT, region, json!({ "EndpointName": name }));
    let endpoint: Endpoint = read(aws, &call, errand).await?;
    let mut counted = Counted::default();
    if endpoint.pending.is_some() {
        counted.unclear = Some("an endpoint is being updated");
    }
    let call = Call::json(
        DESCRIBE_ENDPOINT_CONFIG,
        region,
        json!({ "EndpointConfigName": endpoint.config }),
    );
    let config: Config = read(aws, &call, errand).await?;
    let types: HashMap<&str, &Configured> = config
        .variants
        .iter()
        .chain(&config.shadows)
        .map(|variant| (variant.name.as_str(), variant))
        .collect();
    for variant in endpoint.variants.iter().chain(&endpoint.shadows) {
        let Some(configured) = types.get(variant.name.as_str()) else {
            counted.unclear = Some("an endpoint has a variant that its configuration lacks");
            continue;
        };
        if configured.serverless.is_some() {
            continue;
        }
        let count = variant.current.max(variant.desired);
        match (configured.instance.as_ref().and_then(|name| name.parse().ok()), count) {
            (Some(instance), Some(count)) => counted.used.push((instance, count)),
            _ => counted.unclear = Some("an endpoint does not say which instances it uses"),
        }
    }
    Ok(counted)
}

async fn read<T: for<'a> Deserialize<'a>>(
    aws: &Aws,
    call: &Call,
    errand: &Errand,
) -> Result<T, Failure> {
    let answer = aws.call(call, errand).await?;
    serde_json::from_slice(&answer.body).map_err(|_| {
        Failure::Unreadable(format!("`{}` has an unexpected form", call.action.operation))
    })
}

#[derive(Deserialize)]
struct Endpoints {
    #[serde(rename = "Endpoints")]
    endpoints: Vec<Listed>,
    #[serde(rename = "NextToken")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "EndpointName")]
    name: String,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "EndpointConfigName")]
    config: String,
    #[serde(rename = "ProductionVariants", default)]
    variants: Vec<Running>,
    #[serde(rename = "ShadowProductionVariants", default)]
    shadows: Vec<Running>,
    #[serde(rename = "PendingDeploymentSummary")]
    pending: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Running {
    #[serde(rename = "VariantName")]
    name: String,
    #[serde(rename = "CurrentInstanceCount")]
    current: Option<u32>,
    #[serde(rename = "DesiredInstanceCount")]
    desired: Option<u32>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "ProductionVariants", default)]
    variants: Vec<Configured>,
    #[serde(rename = "ShadowProductionVariants", default)]
    shadows: Vec<Configured>,
}

#[derive(Deserialize)]
struct Configured {
    #[serde(rename = "VariantName")]
    name: String,
    #[serde(rename = "InstanceType")]
    instance: Option<String>,
    #[serde(rename = "ServerlessConfig")]
    serverless: Option<serde_json::Value>,
}
