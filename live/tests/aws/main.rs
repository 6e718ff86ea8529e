//! The real SDK against a stand-in on the wire: what is asked of AWS, what comes of it, and what of each failure.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, clippy::format_push_string, reason = "tests")]

mod cloud;
mod standin;

#[path = "../../../tests/leaks/mod.rs"]
mod leaks;
#[path = "../../../tests/needs/mod.rs"]
mod needs;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcc_catalogs::{Ask, Catalogs, Errand, Found, Lookup, PriceBasis, QuotaUse};
use mcc_live::{ACTIONS, Aws, AwsSettings, Desk, Network, Web};
use serde_json::json;
use standin::{Reply, Seen, Standin};

needs::tests! {
    prices_of_a_region_are_its_own,
    quotas_are_read_within_the_errand,
    each_failure_is_told_as_what_it_is,
    a_wrong_clock_is_put_right,
    a_region_that_is_not_enabled_is_no_bad_key,
    who_asks_is_told_in_words_without_secrets,
    profiles_are_those_that_were_allowed,
    calls_are_those_of_the_list,
    the_wire_is_botocores,
    leaks::a_planted_leak_is_found,
}

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI0K7MDENG0bPxRfiCYEXAMPLEKEY";

fn runs<F: Future>(work: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

fn settings(url: &str, more: &[(&str, &str)]) -> AwsSettings {
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

fn desk(settings: AwsSettings) -> Desk {
    Desk::of_aws(&Aws::new(Web::new(&Network::default()).unwrap(), settings))
}

fn asks(region: &str) -> (Ask, Ask, Ask) {
    let [offers, prices, quotas] = Ask::of_place(&region.parse().unwrap());
    (offers, prices, quotas)
}

/// What an errand of `seconds` finds, which never has a secret in it.
async fn find(desk: &Desk, asks: &[Ask], errand: &Errand) -> Found {
    let found = desk.look_up(asks, errand).await;
    let shown = format!("{found:?} {:?} {desk:?}", found.rows);
    leaks::kept(&[KEY, SECRET, "FOREIGN TEXT", "hunter2"], &[shown], None);
    found
}

fn laid(found: Found) -> Arc<Catalogs> {
    let below = Arc::clone(Catalogs::shared());
    found.rows.into_iter().fold(below, |below, rows| Arc::new(below.with(rows)))
}

fn prices_of_a_region_are_its_own() {
    runs(async {
        let aws = Standin::start(cloud::answer).await;
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
        for (seen, _) in aws.seen() {
            assert_eq!(seen.scope().1, "us-east-1", "{seen:?}");
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

fn quotas_are_read_within_the_errand() {
    runs(async {
        let aws = Standin::start(cloud::answer).await;
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

        // Limits stay where what is used may not be seen, or is too much to look at, or is unknown.
        let denied = |seen: &Seen| match seen.operation().as_str() {
            "ListEndpoints" => Reply::refused("AccessDeniedException"),
            _ => cloud::answer(seen),
        };
        let many = |seen: &Seen| match seen.operation().as_str() {
            "ListEndpoints" => {
                let one = json!({ "EndpointName": "e", "EndpointArn": "arn", "CreationTime": 1,
                    "LastModifiedTime": 1, "EndpointStatus": "InService" });
                Reply::json(json!({ "Endpoints": vec![one; 9] }))
            }
            _ => cloud::answer(seen),
        };
        for (aws, says) in [
            (Standin::start(denied).await, "denied `sagemaker:ListEndpoints`"),
            (Standin::start(many).await, "there are 9 endpoints"),
        ] {
            let desk = self::desk(settings(&aws.url, &[]));
            let errand = Errand::new(Duration::from_secs(20));
            let found = find(&desk, std::slice::from_ref(&quotas), &errand).await;
            assert!(found.notes.iter().any(|note| note.contains(says)), "{:?}", found.notes);
            let catalogs = laid(found);
            let row = catalogs.quotas().get("us-west-2", QuotaUse::Endpoint, "ml.g5.xlarge");
            assert_eq!(row.map(|row| (row.limit, row.in_use)), Some((2, None)));
        }
    });
}

/// What an answer says where `GetProducts` is answered with `reply`.
async fn failing(reply: Reply, seconds: u64) -> (Vec<String>, usize, Duration) {
    let aws = Standin::start(move |seen: &Seen| match seen.operation().as_str() {
        "GetProducts" => reply.clone(),
        _ => cloud::answer(seen),
    })
    .await;
    let desk = desk(settings(&aws.url, &[]));
    let (errand, begun) = (Errand::new(Duration::from_secs(seconds)), Instant::now());
    let found = find(&desk, &[asks("us-west-2").1], &errand).await;
    (found.notes, aws.count("GetProducts"), begun.elapsed())
}

fn each_failure_is_told_as_what_it_is() {
    runs(async {
        let now = httpdate_far();
        let skewed =
            Reply { headers: vec![("date", now)], ..Reply::refused("InvalidSignatureException") };
        let slow = Reply { after: Duration::from_secs(30), ..Reply::json(json!({})) };
        let looping = json!({ "PriceList": [cloud::product("ml.g5.xlarge", "us-west-2", "1.5")],
            "NextToken": "again" });
        for (reply, says, tries) in [
            (Reply::refused("AccessDeniedException"), "denied `pricing:GetProducts`", 1),
            (Reply::refused("ThrottlingException"), "asked for fewer requests", 3),
            (Reply::refused("ExpiredTokenException"), "they have expired", 1),
            (Reply::refused("UnrecognizedClientException"), "could not be found: us-east-1", 1),
            (skewed, "this machine's clock is wrong", 3),
            (Reply::refused("SomethingElse"), "refused: SomethingElse", 1),
            (Reply::of(500, "oops"), "refused: HTTP 500", 3),
            (Reply::of(200, "<html>sign in</html>"), "cannot be read", 1),
            (Reply::of(200, "x".repeat(5 * 1024 * 1024)), "more than", 1),
            (Reply::json(json!({ "PriceList": [] })), "no hosting price", 1),
            (Reply::json(looping), "was read in part", 2),
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

fn a_wrong_clock_is_put_right() {
    runs(async {
        let aws = Standin::start(|seen: &Seen| {
            let date = seen.headers.get("x-amz-date").cloned().unwrap_or_default();
            let mut reply = if date.starts_with("20201130T") {
                cloud::answer(seen)
            } else {
                Reply::refused("InvalidSignatureException")
            };
            if !date.starts_with("20201130T") && seen.operation() == "GetCallerIdentity" {
                reply.body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>".to_owned();
            }
            reply.headers.push(("date", httpdate_far()));
            reply
        })
        .await;
        let desk = desk(settings(&aws.url, &[]));
        let errand = Errand::new(Duration::from_secs(20));
        let found = find(&desk, &[asks("us-west-2").1], &errand).await;
        assert_eq!(found.looked.len(), 1, "{found:?}");
        // What was learnt of the clock is kept for the calls after it.
        assert_eq!((aws.count("GetCallerIdentity"), aws.count("GetProducts")), (2, 3));
    });
}

fn a_region_that_is_not_enabled_is_no_bad_key() {
    runs(async {
        let aws = Standin::start(|seen: &Seen| {
            let (_, region) = seen.scope();
            match (region.as_str(), seen.operation().as_str()) {
                ("af-south-1", "GetCallerIdentity") => Reply::of(
                    403,
                    "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>",
                ),
                ("af-south-1", _) => Reply::refused("UnrecognizedClientException"),
                _ => cloud::answer(seen),
            }
        })
        .await;
        let desk = desk(settings(&aws.url, &[]));
        let (_, prices, quotas) = asks("af-south-1");
        let errand = Errand::new(Duration::from_secs(20));
        let alone = find(&desk, std::slice::from_ref(&quotas), &errand).await;
        assert!(
            alone.notes[0].contains("they are wrong, or the account has not enabled"),
            "{alone:?}"
        );
        assert_eq!(find(&desk, &[prices], &errand).await.looked.len(), 1);
        // What failed is not asked again at once.
        tokio::time::sleep(Duration::from_millis(3200)).await;
        let then = find(&desk, &[quotas], &errand).await;
        assert!(then.notes[0].contains("may not have enabled that Region"), "{then:?}");
    });
}

/// What is told where the environment is this one.
async fn whoever(more: &[(&str, &str)]) -> String {
    let aws = Standin::start(cloud::answer).await;
    let desk = desk(settings(&aws.url, more));
    let errand = Errand::new(Duration::from_secs(20));
    let found = find(&desk, &[asks("us-west-2").1], &errand).await;
    assert!(aws.seen().is_empty(), "{:?}", aws.seen());
    found.notes.join("\n")
}

fn who_asks_is_told_in_words_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let text = "[profile prints]\ncredential_process = echo hunter2\n\
        [profile fails]\ncredential_process = echo hunter2 >&2; exit 3\n\
        [profile sso]\nsso_start_url = https://a.awsapps.com/start\nsso_region = us-east-1\n\
        sso_account_id = 123456789012\nsso_role_name = r\n";
    fs::write(&config, text).unwrap();
    let (config, home) = (config.to_str().unwrap(), folder.path().to_str().unwrap());
    runs(async {
        let none = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
        let with = |profile: &'static str| {
            [
                none[0],
                none[1],
                ("AWS_CONFIG_FILE", config),
                ("HOME", home),
                ("AWS_PROFILE", profile),
            ]
        };
        assert!(whoever(&none).await.contains("there are no credentials"));
        for profile in ["prints", "fails"] {
            let told = whoever(&with(profile)).await;
            assert!(told.contains("credential_process") && told.contains(profile), "{told}");
        }
        let told = whoever(&with("sso")).await;
        assert!(told.contains("aws sso login --profile sso"), "{told}");
        let told = whoever(&with("nobody")).await;
        assert!(told.contains("`nobody`"), "{told}");

        // A failure is not for ever: files that changed are read again.
        let aws = Standin::start(cloud::answer).await;
        let desk = desk(settings(&aws.url, &with("later")));
        let errand = Errand::new(Duration::from_secs(20));
        let prices = [asks("us-west-2").1];
        assert_eq!(find(&desk, &prices, &errand).await.looked.len(), 0);
        let keys = format!(
            "{text}[profile later]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
        );
        fs::write(config, keys).unwrap();
        let found = find(&desk, &prices, &errand).await;
        assert_eq!(found.looked.len(), 1, "{found:?}");
    });
}

fn profiles_are_those_that_were_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let text = format!(
        "[profile team]\naws_access_key_id = TEAM{KEY}\naws_secret_access_key = {SECRET}\n[profile empty]\nregion = us-west-2\n"
    );
    fs::write(&config, text).unwrap();
    runs(async {
        let aws = Standin::start(cloud::answer).await;
        let mut settings = settings(&aws.url, &[("AWS_CONFIG_FILE", config.to_str().unwrap())]);
        settings.profiles = ["team", "empty"].map(str::to_owned).into();
        let desk = desk(settings);
        let errand = |profile: &str| {
            Errand::new(Duration::from_secs(20)).with_profile(Some(profile.to_owned()))
        };
        let prices = [asks("us-west-2").1];
        let other = find(&desk, &prices, &errand("other")).await;
        assert!(other.notes[0].contains("--allow-profile other"), "{other:?}");
        // Its own keys, and never the process's where it has none.
        let empty = find(&desk, &prices, &errand("empty")).await;
        assert!(empty.notes[0].contains("`empty`"), "{empty:?}");
        assert!(aws.seen().is_empty());
        assert_eq!(find(&desk, &prices, &errand("team")).await.looked.len(), 1);
        let signed = format!("Credential=TEAM{KEY}/");
        assert!(aws.seen().iter().all(|(seen, _)| seen.headers["authorization"].contains(&signed)));
    });
}

/// Everything that is asked of a Region, on the wire.
async fn all_calls() -> (String, Vec<(Seen, Reply)>) {
    let aws = Standin::start(cloud::answer).await;
    let desk = desk(settings(&aws.url, &[]));
    let (offers, prices, quotas) = asks("us-west-2");
    let errand = Errand::new(Duration::from_secs(20));
    let found = find(&desk, &[offers, prices, quotas], &errand).await;
    assert_eq!(found.looked.len(), 3, "{found:?}");
    (aws.url.clone(), aws.seen())
}

fn calls_are_those_of_the_list() {
    let (_, seen) = runs(all_calls());
    let made: BTreeSet<String> = seen.iter().map(|(seen, _)| seen.operation()).collect();
    let listed: BTreeSet<String> =
        ACTIONS.iter().map(|action| action.operation.to_owned()).collect();
    let unlisted: Vec<_> = made.difference(&listed).collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/smart-mode.md");
    let docs = fs::read_to_string(docs).unwrap();
    for action in ACTIONS {
        let row = format!("| `{}` | {} |", action.allows, action.why);
        assert!(docs.contains(&row), "docs/smart-mode.md lacks {row}");
    }
    let of_regions = ["prices", "quotas", "account", "instances in use"];
    for action in ACTIONS {
        if of_regions.iter().any(|what| action.why.contains(what)) {
            assert!(made.contains(action.operation), "{} is never called", action.operation);
        }
    }
}

fn the_wire_is_botocores() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let python = std::env::split_paths(&path).map(|dir| dir.join("python")).find(|python| {
        Command::new(python)
            .args(["-c", "import botocore"])
            .output()
            .is_ok_and(|run| run.status.success())
    });
    let Some(python) = python else {
        needs::missing_of("emulator", "botocore (.ci/emulator FOLDER, and FOLDER/bin on the PATH)")
    };
    let (url, seen) = runs(all_calls());
    let lines: Vec<String> = seen
        .iter()
        .map(|(seen, reply)| {
            json!({
                "service": seen.scope().0, "operation": seen.operation(), "url": url,
                "method": seen.method, "path": seen.path, "headers": seen.headers,
                "body": seen.body, "status": reply.status, "answer": reply.body,
            })
            .to_string()
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.jsonl");
    fs::write(&file, lines.join("\n")).unwrap();
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/oracle.py");
    let run = Command::new(python).arg(oracle).arg(file).args([KEY, SECRET]).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let err = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}{err}");
    assert_eq!(said.trim(), format!("{} calls", lines.len()));
}
