//! AWS's price list: what hosting costs in a Region, and so which instance types SageMaker has there.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use mcc_catalogs::{Errand, InstanceType, Region};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::actions::GET_PRODUCTS;
use super::call::Call;
use super::client::Aws;
use super::service::Partition;
use super::shelf::Shelf;
use crate::failure::Failure;

/// Pages of one Region at most: there are about 280 types, a hundred to a page.
const PAGES: usize = 8;
/// Largest page: each of its hundred products has about 3 kB.
const LARGEST: usize = 4 * 1024 * 1024;
/// Most US dollars for an hour that are believed: the dearest instance type costs some hundred.
const DEAREST: f64 = 10_000.0;
/// How long a list that was read is used for the other questions of an answer that are answered from it.
const FRESH: Duration = Duration::from_secs(60);

/// What hosting costs in a Region.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PriceList {
    /// US dollars for an hour of one instance.
    pub(super) prices: BTreeMap<InstanceType, f64>,
    /// Products that could not be read.
    pub(super) unread: usize,
    /// All pages were read.
    pub(super) complete: bool,
}

/// Where the price list of a Region is asked: it is in few Regions, and has all.
pub(crate) fn desk_of(region: &Region) -> Option<Region> {
    let nearest = match Partition::of(region).name {
        "aws-cn" => "cn-northwest-1",
        "aws" => match region.as_str().split('-').next().unwrap_or_default() {
            "eu" | "il" | "me" | "af" => "eu-central-1",
            "ap" => "ap-south-1",
            _ => "us-east-1",
        },
        // Those have none, and their accounts are known nowhere else.
        _ => return None,
    };
    nearest.parse().ok()
}

/// Lists that were read a moment ago, or are being read: one fact is asked for once.
#[derive(Debug, Default)]
pub(super) struct Lists {
    known: Shelf<Kept>,
}

/// A list, and when it was read.
type Kept = Option<(Instant, PriceList)>;

impl Lists {
    /// The list of a Region, through the eyes of whom `apart` names.
    pub(super) async fn of(
        &self,
        aws: &Aws,
        region: &Region,
        apart: &str,
        errand: &Errand,
    ) -> Result<PriceList, Failure> {
        let place = self.known.place(region, apart)?;
        let mut place = place.lock().await;
        if let Some((at, list)) = &*place
            && at.elapsed() < FRESH
        {
            return Ok(list.clone());
        }
        let list = read(aws, region, errand).await?;
        *place = list.complete.then(|| (Instant::now(), list.clone()));
        Ok(list)
    }
}

/// Reads the list, page by page.
async fn read(aws: &Aws, region: &Region, errand: &Errand) -> Result<PriceList, Failure> {
    let desk = desk_of(region).ok_or_else(|| {
        Failure::NotThere(format!("no Region that can be queried has the price list of {region}"))
    })?;
    let mut list = PriceList::default();
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let mut members = json!({
            "ServiceCode": "AmazonSageMaker",
            "FormatVersion": "aws_v1",
            "MaxResults": 100,
            "Filters": [
                { "Type": "TERM_MATCH", "Field": "regionCode", "Value": region },
                { "Type": "TERM_MATCH", "Field": "component", "Value": "Hosting" },
            ],
        });
        if let (Some(token), Some(members)) = (&token, members.as_object_mut()) {
            members.insert("NextToken".to_owned(), json!(token));
        }
        let call = Call::json(GET_PRODUCTS, &desk, members).at_most(LARGEST);
        let answer = match aws.call(&call, errand).await {
            Ok(answer) => answer,
            // What was read is true.
            Err(_) if token.is_some() => return Ok(list),
            Err(refused) => return Err(refused.into()),
        };
        let page: Page = serde_json::from_slice(&answer.body)
            .map_err(|_| Failure::Unreadable("it is not a page of a price list".to_owned()))?;
        for text in &page.products {
            match product(text, region) {
                Read::Price(name, usd) => {
                    // The same instance, with a term of its own: what is asked for is the usual price.
                    list.prices
                        .entry(name)
                        .and_modify(|known| *known = known.max(usd))
                        .or_insert(usd);
                }
                Read::Other => {}
                Read::Unread => list.unread += 1,
            }
        }
        match page.next.filter(|next| !next.is_empty()) {
            // A token that comes back leads nowhere.
            Some(next) if token.as_ref() == Some(&next) => return Ok(list),
            Some(next) => token = Some(next),
            None => {
                list.complete = true;
                return Ok(list);
            }
        }
    }
    Ok(list)
}

/// A page of the price list: each product is JSON in a text.
#[derive(Deserialize)]
pub(crate) struct Page {
    #[serde(rename = "PriceList", default)]
    pub(crate) products: Vec<String>,
    #[serde(rename = "NextToken")]
    pub(crate) next: Option<String>,
}

/// A product of the price list, as far as it is read.
#[derive(Deserialize)]
struct Product {
    product: Described,
    #[serde(default)]
    terms: Terms,
}

#[derive(Deserialize)]
struct Described {
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    component: Option<String>,
    instance_name: Option<String>,
    region_code: Option<String>,
    usagetype: Option<String>,
}

#[derive(Deserialize, Default)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: HashMap<String, Term>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    #[serde(default)]
    price_dimensions: HashMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: Option<String>,
    #[serde(default)]
    price_per_unit: HashMap<String, String>,
}

enum Read {
    Price(InstanceType, f64),
    /// Of no instance that hosts, or elsewhere, or in another currency.
    Other,
    Unread,
}

fn product(text: &str, region: &Region) -> Read {
    let Ok(product) = serde_json::from_str::<Product>(text) else { return Read::Unread };
    let about = product.product.attributes;
    let usage = about.usagetype.unwrap_or_default();
    // `USE1-Host:ml.g5.xlarge`; the first Region had no prefix. What is reserved, shared or asynchronous is named otherwise.
    let of_host =
        usage.split_once("Host:").filter(|(place, _)| place.is_empty() || place.ends_with('-'));
    let here = about.region_code.as_deref() == Some(region.as_str());
    if !here || about.component.as_deref() != Some("Hosting") {
        return Read::Other;
    }
    let Some((_, of_host)) = of_host else { return Read::Other };
    let name = about.instance_name.as_deref().unwrap_or(of_host);
    let Ok(name) = name.parse::<InstanceType>() else { return Read::Unread };
    let hours = product.terms.on_demand.values().flat_map(|term| term.price_dimensions.values());
    let prices: Vec<f64> = hours
        .filter(|one| {
            one.unit.as_deref().is_some_and(|unit| matches!(unit, "Hrs" | "Hours" | "hours"))
        })
        .filter_map(|one| one.price_per_unit.get("USD")?.parse::<f64>().ok())
        .filter(|usd| *usd > 0.0)
        .collect();
    if prices.iter().any(|usd| *usd > DEAREST) {
        return Read::Unread;
    }
    match prices.into_iter().reduce(f64::max) {
        Some(usd) => Read::Price(name, usd),
        // China's are in its own currency.
        None => Read::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut product = json!({
            "product": { "productFamily": "ML Instance", "sku": "S", "attributes": {
                "component": "Hosting", "instanceName": "ml.g5.xlarge", "regionCode": "us-west-2",
                "usagetype": "USW2-Host:ml.g5.xlarge",
            } },
            "terms": { "OnDemand": { "S.J": { "priceDimensions": { "S.J.6": {
                "unit": "Hrs", "pricePerUnit": { "USD": "1.4080000000" },
            } } } } },
        });
        change(&mut product);
        product.to_string()
    }

    fn usd(text: &str) -> Option<f64> {
        let region = "us-west-2".parse().unwrap();
        if let Read::Price(_, usd) = product(text, &region) { Some(usd) } else { None }
    }

    #[test]
    fn a_product_is_a_price_of_hosting_in_dollars_there() {
        assert_eq!(usd(&text(|_| {})), Some(1.408));
        let attribute = |name: &'static str, value: &'static str| {
            text(move |product| product["product"]["attributes"][name] = json!(value))
        };
        assert_eq!(usd(&attribute("component", "Training")), None);
        assert_eq!(usd(&attribute("regionCode", "us-east-1")), None);
        assert_eq!(usd(&attribute("usagetype", "USW2-AsyncInf:ml.g5.xlarge")), None);
        assert_eq!(usd(&attribute("usagetype", "Host:ml.g5.xlarge")), Some(1.408));
        assert_eq!(usd(&attribute("usagetype", "USW2-Host:ml.p6-b200.48xlarge")), Some(1.408));
        assert_eq!(usd(&attribute("usagetype", "USW2-ReservedHost:ml.g5.xlarge")), None);
        let price = |value: serde_json::Value| {
            text(move |product| {
                product["terms"]["OnDemand"]["S.J"]["priceDimensions"]["S.J.6"]["pricePerUnit"] =
                    value;
            })
        };
        assert_eq!(usd(&price(json!({ "CNY": "9.5" }))), None);
        for wrong in ["NaN", "-1", "1e999", "1e308", "10001", "inf", "x", "0"] {
            assert_eq!(usd(&price(json!({ "USD": wrong }))), None, "{wrong}");
        }
        assert_eq!(usd("{"), None);
    }

    #[test]
    fn the_list_is_asked_where_it_is() {
        for (region, desk) in [
            ("us-west-2", Some("us-east-1")),
            ("eu-west-2", Some("eu-central-1")),
            ("ap-southeast-2", Some("ap-south-1")),
            ("sa-east-1", Some("us-east-1")),
            ("us-gov-west-1", None),
            ("cn-north-1", Some("cn-northwest-1")),
            ("us-iso-east-1", None),
        ] {
            let found = desk_of(&region.parse().unwrap());
            assert_eq!(found.as_ref().map(Region::as_str), desk, "{region}");
        }
    }
}
