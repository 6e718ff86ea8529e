//! What AWS is asked of a Region: prices and types from its price list, quotas from the account.

use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::{
    Ask, Catalogs, Errand, Files, InstanceType, PriceBasis, PriceRow, PricesFile, QuotaRow,
    QuotaUse, QuotasFile, Region, RegionRow, RegionsFile,
};

use super::client::Aws;
use super::price_list::{self, PriceList, desk_of};
use super::quota_list;
use super::service::Service;
use super::usage;
use crate::clock;
use crate::failure::Failure;
use crate::source::{Eyes, Fact, Source, Topic, Waiting};

/// Prices change a few times a year.
const PRICES: Duration = Duration::from_secs(12 * 3600);
/// Quotas change when they are asked for, and what is used with each deployment.
const QUOTAS: Duration = Duration::from_secs(10 * 60);

/// The sources of what a Region has.
pub(crate) fn of_regions(aws: &Aws) -> Vec<Box<dyn Source>> {
    vec![
        Box::new(Prices { aws: aws.clone(), lists: Arc::default() }),
        Box::new(Quotas {
            aws: aws.clone(),
            lists: quota_list::Lists::default(),
            counts: usage::Counts::default(),
        }),
    ]
}

/// Prices, and the types that have one.
#[derive(Debug)]
struct Prices {
    aws: Aws,
    lists: Arc<price_list::Lists>,
}

impl Source for Prices {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let (what, region) = match ask {
            Ask::Prices(region) => ("prices", region),
            Ask::Offers(region) => ("instance types", region),
            _ => return None,
        };
        let asked = desk_of(region).map(|desk| format!(" (asked in {desk})")).unwrap_or_default();
        Some(Topic { words: format!("AWS {what} of {region}{asked}"), holds: PRICES })
    }

    fn eyes<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async move {
            let region = region_of(ask).ok_or(Failure::TooSlow)?;
            let desk = desk_of(region).ok_or_else(|| {
                Failure::NotThere("that Region has no price list that can be queried".to_owned())
            })?;
            self.aws.eyes_at(Service::Pricing, region, &desk, errand).await
        })
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            let eyes = self.eyes(ask, errand).await?;
            let region = region_of(ask).ok_or(Failure::TooSlow)?;
            let list = self.lists.of(&self.aws, region, &eyes.apart, errand).await?;
            if list.prices.is_empty() {
                let what = "there is no hosting price in US dollars".to_owned();
                return Err(Failure::Unreadable(what));
            }
            Ok(if matches!(ask, Ask::Prices(_)) {
                prices(region, &list)
            } else {
                offers(region, &list)
            })
        })
    }
}

fn region_of(ask: &Ask) -> Option<&Region> {
    match ask {
        Ask::Prices(region) | Ask::Offers(region) | Ask::Quotas(region) => Some(region),
        _ => None,
    }
}

const SOURCE: &str = "AWS Price List API, AmazonSageMaker, hosting, on demand";

fn prices(region: &Region, list: &PriceList) -> Fact {
    let rows = list.prices.iter().map(|(name, usd)| PriceRow {
        name: name.clone(),
        usd_per_hour: *usd,
        basis: PriceBasis::Published,
        as_of: None,
        region: Some(region.clone()),
    });
    let file = PricesFile {
        as_of: clock::date(clock::now()),
        source: SOURCE.to_owned(),
        region: Some(region.clone()),
        currency: Some("USD".to_owned()),
        prices: rows.collect::<Vec<_>>().into(),
        ..PricesFile::default()
    };
    let mut notes = Vec::new();
    if !list.complete {
        notes.push(format!(
            "AWS's price list of {region} was read in part: types shown without a price may have one."
        ));
    }
    if list.unread > 0 {
        notes.push(format!("{} prices of {region} could not be read.", list.unread));
    }
    Fact { files: Files::default().with(file), notes, partial: !list.complete }
}

/// What has a hosting price is hosted there. What has none, and has one elsewhere, is not, though it may be a node of
/// HyperPod, of which this list says nothing.
fn offers(region: &Region, list: &PriceList) -> Fact {
    let catalogs = Catalogs::embedded();
    let Some(known) = catalogs.regions().get(region.as_str()) else {
        return Fact { partial: !list.complete, ..Fact::default() };
    };
    let priced_elsewhere = |name: &InstanceType| {
        catalogs
            .prices()
            .usd_per_hour(name.as_str(), None)
            .is_some_and(|price| price.basis == PriceBasis::Published)
    };
    let hosted = |name: &InstanceType| {
        list.prices.contains_key(name) || !list.complete || !priced_elsewhere(name)
    };
    let may_be_there = |name: &&InstanceType| {
        let of_clusters = catalogs.instances().get(name.as_str()).is_some_and(|row| row.hyperpod);
        of_clusters || hosted(name)
    };
    let hinted = known.ec2_accelerators.iter().flatten().filter(may_be_there);
    let accelerated = |name: &&InstanceType| {
        catalogs.instances().get(name.as_str()).is_some_and(|row| row.accelerator().is_some())
    };
    let priced = list.prices.keys().filter(accelerated);
    let mut types: Vec<InstanceType> = hinted.chain(priced).cloned().collect();
    types.sort_unstable();
    types.dedup();
    let all = catalogs.instances().iter().filter(|row| row.accelerator().is_some());
    let not_hosted = all.map(|row| &row.name).filter(|name| !hosted(name)).cloned().collect();
    let file = RegionsFile {
        as_of: clock::date(clock::now()),
        source: SOURCE.to_owned(),
        regions: vec![RegionRow { ec2_accelerators: Some(types), not_hosted, ..known.clone() }]
            .into(),
    };
    Fact { files: Files::default().with(file), notes: Vec::new(), partial: !list.complete }
}

/// Quotas of the account, and what its endpoints use of them.
#[derive(Debug)]
struct Quotas {
    aws: Aws,
    lists: quota_list::Lists,
    counts: usage::Counts,
}

impl Source for Quotas {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let Ask::Quotas(region) = ask else { return None };
        Some(Topic { words: format!("AWS quotas of {region}"), holds: QUOTAS })
    }

    fn eyes<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async move {
            let region = region_of(ask).ok_or(Failure::TooSlow)?;
            self.aws.eyes(Service::Quotas, region, errand).await
        })
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            let region = region_of(ask).ok_or(Failure::TooSlow)?;
            let eyes = self.eyes(ask, errand).await?;
            let account = self.aws.account(region, errand).await?;
            // What is used is one request where there are no endpoints, and so goes first.
            let used = self.counts.of(&self.aws, region, &eyes.apart, errand).await;
            let list = self.lists.of(&self.aws, region, &eyes.apart, errand).await?;
            let mut notes = Vec::new();
            let used = match used {
                Ok(used) => {
                    notes.extend(used.more.as_ref().map(|why| {
                        let next = if used.goes_on { "; the next question continues" } else { "" };
                        format!(
                            "At least the instances that were counted run in {region}: {why}{next}."
                        )
                    }));
                    Some(used)
                }
                Err(failure) => {
                    notes.push(format!(
                        "How many instances run in {region} is not known: SageMaker {failure}."
                    ));
                    None
                }
            };
            if let Some(failure) = &list.stopped {
                notes.push(format!("AWS quotas of {region} {failure}."));
            }
            if !list.complete {
                notes.push(format!(
                    "{} of SageMaker's quotas in {region} have been read; the next question continues from there.",
                    list.seen
                ));
            }
            let goes_on = used.as_ref().is_some_and(|used| used.goes_on);
            let rows = list.quotas.into_iter().map(|((used_for, name), quota)| {
                let counted = used.as_ref().filter(|_| used_for == QuotaUse::Endpoint);
                let (in_use, at_least) = counted.map_or((None, false), |used| used.of(&name));
                let (limit, code) = (quota.limit, quota.code);
                QuotaRow { region: region.clone(), used_for, name, limit, in_use, at_least, code }
            });
            let file = QuotasFile {
                as_of: clock::date(clock::now()),
                source: "AWS Service Quotas and SageMaker".to_owned(),
                account: Some(account),
                quotas: rows.collect::<Vec<_>>().into(),
            };
            let partial = !list.complete || goes_on;
            Ok(Fact { files: Files::default().with(file), notes, partial })
        })
    }
}
