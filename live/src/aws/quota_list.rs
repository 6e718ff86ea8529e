//! Quotas of an account. SageMaker has about 3,000, a hundred to a page, and nobody can ask for those of one use: so a
//! question reads some pages, what was read is kept with its continuation, and the next question goes on from there.

use std::collections::BTreeMap;
use std::time::Duration;

use mcc_catalogs::{Errand, InstanceType, QuotaUse, Region};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::actions::LIST_SERVICE_QUOTAS;
use super::call::Call;
use super::client::Aws;
use super::shelf::Shelf;
use crate::failure::Failure;

/// Pages of one question at most.
const PAGES: usize = 12;
/// Requests that are left for other facts of the answer, those of its later rounds among them.
const FOR_OTHERS: usize = 12;
/// Pages in all at most.
const ALL: usize = 60;
/// How long what was read is gone on from.
const FRESH: Duration = Duration::from_secs(15 * 60);

/// Quotas as far as they were read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct QuotaList {
    pub(super) quotas: BTreeMap<(QuotaUse, InstanceType), Quota>,
    /// Quotas that were looked at.
    pub(super) seen: usize,
    /// Everything was read.
    pub(super) complete: bool,
    /// Why it was not gone on with, where that is no matter of requests.
    pub(super) stopped: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quota {
    pub(super) limit: u32,
    pub(super) code: Option<String>,
}

#[derive(Debug, Default)]
struct Reading {
    list: QuotaList,
    next: Option<String>,
    pages: usize,
    since: Option<Instant>,
}

/// What was read of quotas.
#[derive(Debug, Default)]
pub(super) struct Lists {
    known: Shelf<Reading>,
}

impl Lists {
    /// The quotas of a Region, through the eyes of whom `apart` names.
    ///
    /// # Errors
    /// Nothing of them could be read, now or before.
    pub(super) async fn of(
        &self,
        aws: &Aws,
        region: &Region,
        apart: &str,
        errand: &Errand,
    ) -> Result<QuotaList, Failure> {
        let place = self.known.place(region, apart)?;
        let mut reading = place.lock().await;
        if reading.since.is_none_or(|since| since.elapsed() > FRESH) || reading.list.complete {
            *reading = Reading { since: Some(Instant::now()), ..Reading::default() };
        }
        for page in 0..PAGES {
            // The first page is this fact's own share.
            if page > 0 && errand.left() <= FOR_OTHERS {
                break;
            }
            if let Err(failure) = reading.go_on(aws, region, errand).await {
                if reading.pages == 0 {
                    return Err(failure);
                }
                return Ok(QuotaList { stopped: Some(failure), ..reading.list.clone() });
            }
            if reading.list.complete {
                break;
            }
        }
        Ok(reading.list.clone())
    }
}

impl Reading {
    /// Reads the next page.
    async fn go_on(&mut self, aws: &Aws, region: &Region, errand: &Errand) -> Result<(), Failure> {
        let mut members = json!({
            "ServiceCode": "sagemaker",
            "MaxResults": 100,
            "QuotaAppliedAtLevel": "ACCOUNT",
        });
        if let (Some(token), Some(members)) = (&self.next, members.as_object_mut()) {
            members.insert("NextToken".to_owned(), json!(token));
        }
        let call = Call::json(LIST_SERVICE_QUOTAS, region, members);
        let answer = match aws.call(&call, errand).await {
            Ok(answer) => answer,
            Err(refused) => {
                // Continuations end after a while; it is begun anew with the next question.
                if refused.code == "InvalidPaginationTokenException" {
                    self.since = None;
                }
                return Err(refused.into());
            }
        };
        let page: Page = serde_json::from_slice(&answer.body)
            .map_err(|_| Failure::Unreadable("it is not a page of quotas".to_owned()))?;
        self.pages += 1;
        for quota in page.quotas {
            self.list.seen += 1;
            let Some((used_for, name)) = quota.name.as_deref().and_then(about) else { continue };
            let Some(limit) = quota.value.and_then(limit) else { continue };
            let code = quota.code.filter(|code| is_code(code));
            self.list.quotas.insert((used_for, name), Quota { limit, code });
        }
        let next = page.next.filter(|next| !next.is_empty());
        // A token that comes back leads nowhere.
        if next.is_some() && (next == self.next || self.pages >= ALL) {
            self.since = None;
            return Err(Failure::Unreadable("the pages of quotas do not end".to_owned()));
        }
        self.list.complete = next.is_none();
        self.next = next;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "Quotas", default)]
    quotas: Vec<Row>,
    #[serde(rename = "NextToken")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "QuotaName")]
    name: Option<String>,
    #[serde(rename = "QuotaCode")]
    code: Option<String>,
    #[serde(rename = "Value")]
    value: Option<f64>,
}

/// `ml.g5.xlarge for endpoint usage`. Spot instances, warm pools and other uses have quotas of their own.
fn about(name: &str) -> Option<(QuotaUse, InstanceType)> {
    let (name, of) = name.trim().split_once(" for ")?;
    let used_for = match of.trim() {
        "endpoint usage" => QuotaUse::Endpoint,
        "transform job usage" => QuotaUse::Transform,
        "cluster usage" => QuotaUse::Cluster,
        _ => return None,
    };
    Some((used_for, name.trim().parse().ok()?))
}

fn limit(value: f64) -> Option<u32> {
    let whole = value.floor();
    // More than any account has is a limit all the same.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in between")]
    (value.is_finite() && value >= 0.0).then(|| whole.min(f64::from(u32::MAX)) as u32)
}

fn is_code(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_by_their_names() {
        let read = |name| about(name).map(|(used_for, name)| (used_for, name.to_string()));
        let g5 = || "ml.g5.xlarge".to_owned();
        assert_eq!(read("ml.g5.xlarge for endpoint usage"), Some((QuotaUse::Endpoint, g5())));
        assert_eq!(read("ml.g5.xlarge for transform job usage"), Some((QuotaUse::Transform, g5())));
        assert_eq!(read("ml.g5.xlarge for cluster usage"), Some((QuotaUse::Cluster, g5())));
        assert_eq!(read("ml.g5.xlarge for spot training job usage"), None);
        assert_eq!(read("Number of instances across active endpoints"), None);
    }

    #[test]
    fn limits_are_whole_and_not_below_zero() {
        let limits = [limit(4.0), limit(0.0), limit(-1.0), limit(f64::NAN), limit(1e300)];
        assert_eq!(limits, [Some(4), Some(0), None, None, Some(u32::MAX)]);
    }
}
