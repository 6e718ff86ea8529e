//! The real SDK against a stand-in on the wire: what is asked of AWS, what comes of it, and what of each failure.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcc_catalogs::{Ask, Catalogs, Errand, Found, Lookup, PriceBasis, QuotaUse};
use mcc_live::{Aws, AwsSettings, Cache, Desk, Network, Web};
use serde_json::json;

use crate::standin::{Asked, Said, Standin, header};
use crate::{KEY, SECRET, accounts, cloud, leaks};

pub fn runs<F: Future>(work: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

pub fn settings(url: &str, more: &[(&str, &str)]) -> AwsSettings {
    let usual = [
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_ENDPOINT_URL", url),
        ("AWS_REGION", "us-west-2"),
        ("HOME", "/nonexistent"),
    ];
    let all = usual.iter().chain(more);
    let mut variables: HashMap<String, String> =
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    variables.retain(|_, value| !value.is_empty());
    AwsSettings { variables, ..AwsSettings::default() }
}

pub fn desk(settings: AwsSettings) -> Desk {
    desk_with(settings, &Arc::default())
}

fn desk_with(settings: AwsSettings, cache: &Arc<Cache>) -> Desk {
    let aws = Aws::new(Web::new(&Network::default()).unwrap(), settings);
    Desk::of_aws(&aws, Arc::clone(cache))
}

pub fn asks(region: &str) -> (Ask, Ask, Ask) {
    let [offers, prices, quotas] = Ask::of_place(&region.parse().unwrap());
    (offers, prices, quotas)
}

/// What an errand of `seconds` finds, which never has a secret in it.
pub async fn find(desk: &Desk, asks: &[Ask], errand: &Errand) -> Found {
    let found = desk.look_up(asks, errand).await;
    let shown = format!("{found:?} {:?} {desk:?}", found.rows);
    leaks::kept(&[KEY, SECRET, "FOREIGN TEXT", "hunter2"], &[shown], None);
    found
}

fn laid(found: Found) -> Arc<Catalogs> {
    let below = Arc::clone(Catalogs::shared());
    found.rows.into_iter().fold(below, |below, rows| Arc::new(below.with(rows)))
}

pub fn prices_of_a_region_are_its_own() {
    runs(async {
        let aws = Standin::bare(cloud::answer);
        let desk = desk(settings(&aws.url, &[]));
        let (offers, prices, _) = asks("us-west-2");
        let errand = Errand::new(Duration::from_secs(20));
        let both = [offers, prices.clone()];
        let found = find(&desk, &both, &errand).await;
        assert_eq!(found.notes, ["1 prices of us-west-2 could not be read."]);
        let told = &found.looked[1];
        assert_eq!(told.source, "AWS prices of us-west-2 (asked in us-east-1)");
        assert_eq!(told.whom.as_deref(), Some("account 123456789012"));
        // One chain for both facts.
        assert_eq!((aws.count("GetProducts"), aws.count("GetCallerIdentity")), (3, 1));
        assert_eq!(errand.left(), Errand::REQUESTS - 4);
        for (seen, _) in aws.all() {
            // The list is elsewhere, and who asks is asked in the Region of the answer.
            let lists = seen.operation == "GetProducts";
            assert_eq!(seen.region, if lists { "us-east-1" } else { "us-west-2" }, "{seen:?}");
        }
        let catalogs = laid(found);
        let region = "us-west-2".parse().unwrap();
        let price = catalogs.prices().usd_per_hour("ml.g5.xlarge", Some("us-west-2")).unwrap();
        assert_eq!((price.usd, price.basis), (1.9, PriceBasis::Published));
        assert_eq!(price.region, Some(region));
        assert!(catalogs.prices().knows("us-west-2"));
        // What has a price there comes first, in the order of there; the rest keeps its price elsewhere, as an estimate.
        let first: Vec<&str> = catalogs
            .by_price(Some("us-west-2"))
            .take(4)
            .map(|(_, row)| row.name.as_str())
            .collect();
        assert_eq!(first, ["ml.m5.large", "ml.g6.xlarge", "ml.g5.xlarge", "ml.g5.2xlarge"]);
        let all = catalogs.by_price(Some("us-west-2"));
        let rest: Vec<f64> = all.skip(4).filter_map(|(usd, _)| usd).collect();
        assert!(rest.is_sorted() && rest.len() > 100);
        let other = catalogs.prices().usd_per_hour("ml.c5.large", Some("us-west-2")).unwrap();
        assert_eq!(
            (other.basis, other.region.unwrap().as_str()),
            (PriceBasis::Estimate, "us-east-1")
        );
        assert!(catalogs.standing(&both).live);
        assert!(!catalogs.standing(&[asks("eu-west-1").1]).live);
        // The second question asks nobody.
        let errand = Errand::new(Duration::from_secs(20));
        let again = find(&desk, &both, &errand).await;
        assert_eq!((again.looked.len(), errand.left()), (2, Errand::REQUESTS));
        // Prices of two Regions are in no one order.
        let errand = Errand::new(Duration::from_secs(20));
        let two = find(&desk, &[prices, asks("us-east-2").1], &errand).await;
        let catalogs = laid(two);
        let there = catalogs.prices().usd_per_hour("ml.g5.xlarge", Some("us-east-2")).unwrap();
        assert!((there.usd - 1.9).abs() < 1e-9);
        let usual = catalogs.prices().usd_per_hour("ml.g5.xlarge", None).unwrap();
        assert_eq!(usual.region.unwrap().as_str(), "us-east-1");
    });
}

pub fn quotas_are_read_within_the_errand() {
    runs(async {
        let aws = Standin::bare(cloud::answer);
        let desk = desk(settings(&aws.url, &[]));
        let (offers, prices, quotas) = asks("us-west-2");
        let errand = Errand::new(Duration::from_secs(20));
        let found = find(&desk, &[offers, prices, quotas.clone()], &errand).await;
        assert_eq!(found.looked.len(), 3, "{found:?}");
        assert!(errand.left() >= 8, "{}", errand.left());
        assert!(aws.count("ListServiceQuotas") <= 12);
        assert!(found.notes.iter().any(|note| note.contains("the next question continues")));
        let catalogs = laid(found);
        let get = |used_for, name| catalogs.quotas().get("us-west-2", used_for, name).cloned();
        let endpoint = get(QuotaUse::Endpoint, "ml.g5.xlarge").unwrap();
        assert_eq!((endpoint.limit, endpoint.in_use, endpoint.free()), (2, Some(2), Some(0)));
        assert_eq!(endpoint.code.as_deref(), Some("L-1928E07B"));
        assert_eq!(get(QuotaUse::Endpoint, "ml.g5.2xlarge").unwrap().in_use, Some(0));
        assert_eq!(get(QuotaUse::Cluster, "ml.g5.xlarge").unwrap().in_use, None);
        assert_eq!(catalogs.quotas().account(), Some("123456789012"));

        // Limits stay where what is used may not be seen.
        let denied = |seen: &Asked| match seen.operation.as_str() {
            "ListEndpoints" => Said::code("AccessDeniedException"),
            _ => cloud::answer(seen),
        };
        let aws = Standin::bare(denied);
        let desk = self::desk(settings(&aws.url, &[]));
        let errand = Errand::new(Duration::from_secs(20));
        let found = find(&desk, std::slice::from_ref(&quotas), &errand).await;
        let says = "denied `sagemaker:ListEndpoints`";
        assert!(found.notes.iter().any(|note| note.contains(says)), "{:?}", found.notes);
        let catalogs = laid(found);
        let row = catalogs.quotas().get("us-west-2", QuotaUse::Endpoint, "ml.g5.xlarge");
        assert_eq!(row.map(|row| (row.limit, row.in_use)), Some((2, None)));
    });
}

/// Endpoints, of which one is being updated, by the order in which they are counted.
fn endpoints(count: usize, updated: usize) -> impl Fn(&Asked) -> Said {
    move |asked| match asked.operation.as_str() {
        "ListEndpoints" => {
            let one = |at| {
                json!({"EndpointName": format!("e{at}"), "CreationTime": 1, "LastModifiedTime": 1,
                    "EndpointArn": format!("arn:aws:sagemaker:us-west-2:123456789012:endpoint/e{at}"),
                    "EndpointStatus": "InService"})
            };
            Said::json(&json!({"Endpoints": (0..count).map(one).collect::<Vec<_>>()}))
        }
        "DescribeEndpoint" if asked.input["EndpointName"] == format!("e{updated}") => {
            let said = cloud::answer(asked);
            let mut endpoint: serde_json::Value = serde_json::from_slice(&said.body).unwrap();
            endpoint["PendingDeploymentSummary"] = json!({"EndpointConfigName": "chat-2"});
            Said::json(&endpoint)
        }
        _ => cloud::answer(asked),
    }
}

pub fn endpoints_are_counted_question_by_question() {
    runs(async {
        // The quota is 2, and each endpoint wants 2.
        let aws = Standin::bare(endpoints(9, 100));
        let cache = Arc::default();
        let desk = desk_with(settings(&aws.url, &[]), &cache);
        let quotas = [asks("us-west-2").2];
        let ask = async |says: Option<&str>| {
            let errand = Errand::new(Duration::from_secs(20));
            let found = find(&desk, &quotas, &errand).await;
            let note = found.notes.iter().find(|note| note.contains("At least"));
            match (note, says) {
                (Some(note), Some(says)) => assert!(note.contains(says), "{note}"),
                (None, None) => {}
                other => panic!("{other:?}"),
            }
            let catalogs = laid(found);
            let row = catalogs.quotas().get("us-west-2", QuotaUse::Endpoint, "ml.g5.xlarge");
            let row = row.unwrap();
            // What is not counted is not known to be none.
            let other = catalogs.quotas().get("us-west-2", QuotaUse::Endpoint, "ml.g5.2xlarge");
            assert_eq!(other.unwrap().in_use, (!row.at_least).then_some(0));
            let _ = cache.clear();
            (row.in_use, row.at_least)
        };
        let says = "4 of 9 endpoints are counted; the next question continues";
        assert_eq!(ask(Some(says)).await, (Some(8), true));
        assert_eq!(ask(Some("8 of 9 endpoints are counted")).await, (Some(16), true));
        assert_eq!(ask(None).await, (Some(18), false));
        assert_eq!((aws.count("ListEndpoints"), aws.count("DescribeEndpoint")), (1, 9));
        accounts::judged(&aws, "endpoints");

        // While one is updated, or cannot be read, the others are a lower bound.
        let aws = Standin::bare(endpoints(2, 1));
        let denied = Standin::bare(|asked| match asked.operation.as_str() {
            "DescribeEndpointConfig" => Said::code("AccessDeniedException"),
            _ => cloud::answer(asked),
        });
        let says = "denied `sagemaker:DescribeEndpointConfig`";
        for (aws, says, used) in
            [(&aws, "is being updated", (Some(4), true)), (&denied, says, (None, false))]
        {
            let desk = self::desk(settings(&aws.url, &[]));
            let errand = Errand::new(Duration::from_secs(20));
            let found = find(&desk, &quotas, &errand).await;
            assert!(found.notes.iter().any(|note| note.contains(says)), "{:?}", found.notes);
            let catalogs = laid(found);
            let row = catalogs.quotas().get("us-west-2", QuotaUse::Endpoint, "ml.g5.xlarge");
            assert_eq!(row.map(|row| (row.in_use, row.at_least)), Some(used));
        }
    });
}

/// What an answer says where `GetProducts` is answered with `reply`.
async fn failing(reply: Said, seconds: u64) -> (Vec<String>, usize, Duration) {
    let aws = Standin::bare(move |seen: &Asked| match seen.operation.as_str() {
        "GetProducts" => reply.clone(),
        _ => cloud::answer(seen),
    });
    let desk = desk(settings(&aws.url, &[]));
    let (errand, begun) = (Errand::new(Duration::from_secs(seconds)), Instant::now());
    let found = find(&desk, &[asks("us-west-2").1], &errand).await;
    (found.notes, aws.count("GetProducts"), begun.elapsed())
}

pub fn each_failure_is_told_as_what_it_is() {
    runs(async {
        let now = httpdate_far();
        let skewed =
            Said { headers: vec![("date", now)], ..Said::code("InvalidSignatureException") };
        let slow = Said { after: Duration::from_secs(30), ..Said::json(&json!({})) };
        let looping = json!({ "PriceList": [cloud::product("ml.g5.xlarge", "us-west-2", "1.5")],
            "NextToken": "again" });
        for (reply, says, tries) in [
            (Said::code("AccessDeniedException"), "denied `pricing:GetProducts`", 1),
            (Said::code("ThrottlingException"), "asked for fewer requests", 3),
            (Said::code("ExpiredTokenException"), "they have expired", 1),
            (Said::code("UnrecognizedClientException"), "rejected these credentials", 1),
            (skewed, "this machine's clock is wrong", 3),
            (Said::code("SomethingElse"), "refused: SomethingElse", 1),
            (Said::of(500, "oops"), "refused: HTTP 500", 3),
            (Said::of(200, "<html>sign in</html>"), "cannot be read", 1),
            (Said::of(200, "x".repeat(5 * 1024 * 1024)), "more than", 1),
            (Said::json(&json!({ "PriceList": [] })), "no hosting price", 1),
            (Said::json(&looping), "was read in part", 2),
        ] {
            let (notes, sent, _) = failing(reply.clone(), 20).await;
            assert!(notes.iter().any(|note| note.contains(says)), "{says}: {notes:?}");
            assert_eq!(sent, tries, "{says}");
        }
        let (notes, _, took) = failing(slow, 1).await;
        assert!(notes.iter().any(|note| note.contains("did not answer in time")), "{notes:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    });
}

/// A date that is years away from any clock.
fn httpdate_far() -> String {
    "Mon, 30 Nov 2020 08:00:00 GMT".to_owned()
}

pub fn a_wrong_clock_is_put_right() {
    runs(async {
        let aws = Standin::bare(|seen: &Asked| {
            let date = header(&seen.head, "x-amz-date").unwrap_or_default();
            let mut reply = if date.starts_with("20201130T") {
                cloud::answer(seen)
            } else {
                Said::code("InvalidSignatureException")
            };
            if !date.starts_with("20201130T") && seen.operation == "GetCallerIdentity" {
                reply.body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>".into();
            }
            reply.headers.push(("date", httpdate_far()));
            reply
        });
        let desk = desk(settings(&aws.url, &[]));
        let errand = Errand::new(Duration::from_secs(20));
        let found = find(&desk, &[asks("us-west-2").1], &errand).await;
        assert_eq!(found.looked.len(), 1, "{found:?}");
        // What was learnt of the clock is kept for the calls after it.
        assert_eq!((aws.count("GetCallerIdentity"), aws.count("GetProducts")), (2, 3));
    });
}

/// Everything that is asked of a Region, on the wire.
pub fn all_calls() -> Standin {
    runs(async {
        let aws = Standin::bare(cloud::answer);
        let desk = desk(settings(&aws.url, &[]));
        let (offers, prices, quotas) = asks("us-west-2");
        let errand = Errand::new(Duration::from_secs(20));
        let found = find(&desk, &[offers, prices, quotas], &errand).await;
        assert_eq!(found.looked.len(), 3, "{found:?}");
        aws
    })
}

pub fn the_wire_is_botocores() {
    accounts::judged(&all_calls(), "regions");
}
