//! Whatever is asked, what is sent goes to the hosts of the sources and to those that a user named, and nothing foreign is
//! in its head.

use std::collections::HashMap;
use std::time::Duration;

use mcc_catalogs::{Arn, Ask, Errand, ImageUri, Region, S3Uri};
use proptest::prelude::*;

use super::*;
use crate::web::played::{Seen, Server, answer};

/// Hosts that are asked whatever a user says. Those of AWS are below its own domains.
const FIXED: [&str; 7] = [
    "huggingface.co",
    "registry-1.docker.io",
    "auth.docker.io",
    "public.ecr.aws",
    "nvcr.io",
    "ghcr.io",
    "quay.io",
];
const OF_AWS: [&str; 6] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
];
/// All headers that any source sends.
const HEADERS: [&str; 22] = [
    "accept",
    "accept-encoding",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "content-length",
    "content-type",
    "host",
    "proxy-connection",
    "range",
    "user-agent",
    "x-amz-api-version",
    "x-amz-checksum-mode",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-expected-bucket-owner",
    "x-amz-request-payer",
    "x-amz-security-token",
    "x-amz-target",
    "x-amz-user-agent",
    "x-amzn-query-mode",
    "connection",
];

/// Names as nobody should give them.
fn foreign() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9._-]{1,20}",
        "[a-z0-9./:@%?#&=+\\\\_ -]{0,30}",
        any::<String>(),
        "[a-z]{1,5}\r\n[A-Z][a-z]{1,5}: [a-z]{1,9}",
        Just("../../latest/meta-data".to_owned()),
        Just("a@evil.example".to_owned()),
        Just("169.254.169.254".to_owned()),
    ]
}

/// What could be asked of such names: whatever the grammars let through.
fn asks(a: &str, b: &str) -> Vec<Ask> {
    let images = [
        a.to_owned(),
        format!("{a}:{b}"),
        format!("{a}/{b}:1.0"),
        format!("registry.example.com/{a}:{b}"),
        format!("123456789012.dkr.ecr.us-west-2.amazonaws.com/{a}:{b}"),
    ];
    let images = images.iter().filter_map(|image| image.parse::<ImageUri>().ok()).map(Ask::Image);
    let models = [a.to_owned(), format!("{a}/{b}"), format!("https://huggingface.co/{a}/{b}")];
    let models = models.iter().filter_map(|name| Ask::of_model(name));
    let stored = [format!("s3://{a}/{b}"), format!("s3://bucket/{a}/{b}")];
    let stored = stored.iter().filter_map(|uri| uri.parse::<S3Uri>().ok()).map(Ask::Files);
    let arns = [
        a.to_owned(),
        format!("arn:aws:secretsmanager:us-west-2:123456789012:secret:{a}"),
        format!("arn:aws:sagemaker:{b}:123456789012:model-package/{a}/1"),
        format!("arn:aws:sagemaker:us-west-2:123456789012:model-package-group/{a}"),
    ];
    let arns = arns.iter().filter_map(|arn| arn.parse::<Arn>().ok()).map(Ask::Named);
    let region = a.parse::<Region>().ok();
    let places = region.into_iter().flat_map(|region| {
        let [offers, prices, quotas] = Ask::of_place(&region);
        [offers, prices, quotas, Ask::Clusters(region.clone()), Ask::Secrets(region)]
    });
    let words = [Ask::Models(a.to_owned()), Ask::Images(b.to_owned())];
    images.chain(models).chain(stored).chain(arns).chain(places).chain(words).collect()
}

fn settings(network: Network, hub: &str, more: &[(&str, &str)]) -> Settings {
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-west-2"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_CONFIG_FILE", "/nonexistent/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials"),
    ];
    let variables: HashMap<String, String> = keys
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings {
        network,
        cache: None,
        catalogs: Arc::clone(Catalogs::shared()),
        hub: Hub::at(hub).unwrap(),
        aws: AwsSettings { variables, ..AwsSettings::default() },
    }
}

/// What a server saw of all that `asks` led to. It is the proxy of everybody, and where `named`, also what the settings name
/// as the hub and as AWS.
fn sent(asks: &[Ask], named: bool) -> (Vec<Seen>, std::net::SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::http(|_, seen| {
            let proxy = seen.line.starts_with("CONNECT ");
            answer(if proxy { "407 Not Here" } else { "404 Not Found" }, "", "{}")
        })
        .await;
        let own = format!("http://{}", server.address);
        let proxy = Some(own.clone());
        let network =
            Network { https_proxy: proxy.clone(), http_proxy: proxy, ..Network::default() };
        let settings = if named {
            settings(network, &own, &[("AWS_ENDPOINT_URL", &own)])
        } else {
            settings(network, Hub::ENDPOINT, &[])
        };
        let (asked, _) = smart(settings, None).unwrap();
        for asks in asks.chunks(4) {
            asked.look_up(asks, &Errand::new(Duration::from_secs(3))).await;
        }
        let seen = server.seen.lock().unwrap().clone();
        (seen, server.address)
    })
}

/// Whether a host may be sent anything for `asks`.
fn may_be_asked(target: &str, asks: &[Ask]) -> bool {
    let (host, port) = target.rsplit_once(':').unwrap_or((target, "443"));
    let named = asks.iter().any(|ask| match ask {
        Ask::Image(image) => image.host().is_some_and(|own| {
            let own = own.to_ascii_lowercase();
            own == target || own == host && port == "443"
        }),
        _ => false,
    });
    let fixed = FIXED.contains(&host) || OF_AWS.iter().any(|domain| host.ends_with(domain));
    named || fixed && port == "443"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_is_sent_to_a_host_that_nobody_named(a in foreign(), b in foreign()) {
        let asks = asks(&a, &b);
        for seen in sent(&asks, false).0 {
            let target = seen.line.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
            prop_assert!(target.is_some_and(|target| may_be_asked(target, &asks)), "{asks:?}: {seen:?}");
        }
    }

    #[test]
    fn nothing_foreign_is_in_the_head_of_a_request(a in foreign(), b in foreign()) {
        let (seen, own) = sent(&asks(&a, &b), true);
        // What goes to others goes through TLS, and its host is looked at above.
        for seen in seen.into_iter().filter(|seen| !seen.line.starts_with("CONNECT ")) {
            let words: Vec<&str> = seen.line.trim_end().split(' ').collect();
            prop_assert!(words.len() == 3 && words[2] == "HTTP/1.1", "{seen:?}");
            prop_assert!(words[1].starts_with('/'), "{seen:?}");
            prop_assert!(words[1].bytes().all(|byte| byte.is_ascii_graphic()), "{seen:?}");
            for (name, value) in &seen.headers {
                prop_assert!(HEADERS.contains(&name.as_str()), "{name}: {seen:?}");
                prop_assert!(!value.chars().any(char::is_control), "{name}: {seen:?}");
            }
            prop_assert!(seen.headers["host"].ends_with(&own.to_string()), "{seen:?}");
        }
    }
}

/// The looks can fail: hosts that nobody named are told apart, and something is asked at all.
#[test]
fn other_hosts_are_told_apart_and_these_are_asked() {
    let image: ImageUri = "registry.example.com:5000/a:1".parse().unwrap();
    let asks = [Ask::Image(image), Ask::of_model("mine/new-9b").unwrap()];
    for other in [
        "evil.example:443",
        "huggingface.co.evil.example:443",
        "amazonaws.com.evil.example:443",
        "registry.example.com:443",
        "huggingface.co:80",
        "169.254.169.254:80",
    ] {
        assert!(!may_be_asked(other, &asks), "{other}");
    }
    let seen: Vec<String> = sent(&asks, false).0.into_iter().map(|seen| seen.line).collect();
    for host in ["registry.example.com:5000", "huggingface.co:443"] {
        assert!(may_be_asked(host, &asks));
        assert!(seen.iter().any(|line| line.contains(host)), "{host}: {seen:?}");
    }
    let place = Ask::of_place(&"us-west-2".parse().unwrap());
    assert!(sent(&place, true).0.len() >= 2);
}
