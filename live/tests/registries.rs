//! Container registries, asked by the client that answers ask them with: a real one, and one that lies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

#[path = "registry/hostile.rs"]
mod hostile;
#[path = "../../tests/leaks/mod.rs"]
mod leaks;
#[path = "../../tests/needs/mod.rs"]
mod needs;
mod registry;
#[path = "registry/standin.rs"]
mod standin;

use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::{Arch, Ask, Catalogs, Errand, Found, ImageUri, Inspected, Lookup};
use mcc_live::{Cache, Desk, Network, Registries, Web};
use registry::{DOCKER_IMAGE, OCI_IMAGE, OCI_INDEX, Registry, config, digest};
use serde_json::json;
use standin::{Standin, says};

needs::tests! {
    a_real_registry_says_what_it_has,
    a_token_is_got_where_the_registry_says,
    a_login_is_told_as_such,
    releases_of_a_family_are_rows_where_all_is_known,
    hosts_that_are_none_and_private_ones_are_not_asked,
    hostile::challenges_lead_nowhere_else,
    hostile::sizes_and_times_are_bounded,
    hostile::lies_are_found_out,
    hostile::redirects_are_followed_with_care,
    hostile::lists_of_tags_end,
    hostile::refusals_are_told_as_what_they_are,
    leaks::a_planted_leak_is_found,
}

static CACHES: leaks::Caches = leaks::Caches::new(env!("CARGO_TARGET_TMPDIR"), "registries");

/// Most requests for one image, as the issue and the docs have it.
const FIVE: usize = 5;

/// Nobody's token: it must be nowhere but in a header.
const TOKEN: &str = "t0ken-that-nobody-may-see";

/// What came of one ask: what was found, the row, and the requests that were made.
struct Asked {
    found: Found,
    image: Option<Inspected>,
    requests: usize,
    desk: Desk,
}

impl Asked {
    fn notes(&self) -> String {
        self.found.notes.join("\n")
    }
}

fn desk(catalogs: Arc<Catalogs>) -> Desk {
    let web = Web::new(&Network::default()).unwrap();
    Registries::new(web, catalogs).desk(Arc::new(Cache::on_disk(CACHES.one())))
}

async fn asked(desk: Desk, ask: Ask, time: Duration) -> Asked {
    let errand = Errand::new(time);
    let mut found = desk.look_up(std::slice::from_ref(&ask), &errand).await;
    let shown = format!("{found:?} {:?} {desk:?}", found.rows);
    let secrets = [TOKEN, leaks::SIGNATURE, leaks::PROXY_PASSWORD];
    leaks::kept(&secrets, &[shown], Some(&CACHES.folder()));
    let mut catalogs = Arc::clone(Catalogs::shared());
    for rows in std::mem::take(&mut found.rows) {
        catalogs = Arc::new(catalogs.with(rows));
    }
    let image = match &ask {
        Ask::Image(image) => catalogs.resources().image(image.as_str()).cloned(),
        _ => None,
    };
    for note in &found.notes {
        assert!(!note.contains(|c: char| c.is_control()), "{note:?}");
    }
    Asked { found, image, requests: Errand::REQUESTS - errand.left(), desk }
}

async fn look(image: ImageUri) -> Asked {
    let asked = tried(image).await;
    assert!(asked.requests <= FIVE, "{} requests", asked.requests);
    asked
}

/// The same, where a registry is out of order and one request is tried twice more.
async fn tried(image: ImageUri) -> Asked {
    let asked =
        asked(desk(Arc::clone(Catalogs::shared())), Ask::Image(image), Duration::from_secs(20))
            .await;
    assert!(asked.requests <= FIVE + 2, "{} requests", asked.requests);
    asked
}

fn block<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// An index with an image of each processor and where they are from.
async fn index(registry: &Registry, name: &str) -> registry::Pushed {
    let repository = name.split(':').next().unwrap();
    let labels = json!({"com.amazonaws.ml.engines.sagemaker.dlc.framework.vllm.0-19-1": "true"});
    let environment = ["PATH=/bin", "CUDA_VERSION=12.9.1", "NV_CUDA_CUDART_VERSION=12.9.79-1"];
    let amd = config("amd64", &environment, &labels);
    let amd = registry.push(repository, OCI_IMAGE, &amd, 3000).await;
    let arm =
        registry.push(repository, OCI_IMAGE, &config("arm64", &environment, &labels), 2000).await;
    let from = registry
        .push(repository, OCI_IMAGE, &json!({"architecture": "unknown", "os": "unknown"}), 10)
        .await;
    let one = |pushed: &registry::Pushed, os: &str, arch: &str| {
        json!({"mediaType": OCI_IMAGE, "digest": pushed.digest, "size": pushed.size,
            "platform": {"os": os, "architecture": arch}})
    };
    let list = [
        one(&from, "unknown", "unknown"),
        one(&arm, "linux", "arm64"),
        one(&amd, "linux", "amd64"),
    ];
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list});
    registry.manifest(name, OCI_INDEX, &index).await
}

fn a_real_registry_says_what_it_has() {
    block(async {
        let registry = Registry::start("");
        let pushed = index(&registry, "team/vllm:v0.19.1").await;
        for name in [
            registry.image("team/vllm:v0.19.1"),
            registry.image(&format!("team/vllm@{}", pushed.digest)),
        ] {
            let asked = look(name.clone()).await;
            let found = asked.image.expect("a row");
            assert_eq!(
                (found.exists, found.digest.as_deref()),
                (true, Some(pushed.digest.as_str()))
            );
            assert_eq!(found.arch, [Arch::X86_64, Arch::Arm64]);
            assert_eq!(found.platforms, ["linux/arm64", "linux/amd64"]);
            assert_eq!((found.bytes, found.cuda.as_deref()), (Some(3000), Some("12.9")));
            assert_eq!(found.engine, Some(("vllm".to_owned(), "0.19.1".to_owned())));
            assert_eq!((asked.requests, asked.found.notes.len()), (3, 0));
            assert_eq!(asked.found.looked[0].source, registry.host);
        }

        // One image of Docker's form, which is not the registry's only form.
        let environment = ["CUDA_VERSION=13.0.1.012", "NVIDIA_TRITON_SERVER_VERSION=25.09"];
        let single = config("arm64", &environment, &json!(null));
        let single = registry.push("team/triton:25.09-py3", DOCKER_IMAGE, &single, 500).await;
        let asked = look(registry.image("team/triton:25.09-py3")).await;
        let found = asked.image.expect("a row");
        assert_eq!(
            (found.digest.as_deref(), found.bytes),
            (Some(single.digest.as_str()), Some(500))
        );
        assert_eq!(
            (found.arch, found.platforms),
            (vec![Arch::Arm64], vec!["linux/arm64".to_owned()])
        );
        assert_eq!((found.cuda.as_deref(), found.triton.as_deref()), (Some("13.0"), Some("25.09")));
        assert_eq!((found.engine, asked.requests), (None, 2));

        // Twice is once: it is kept.
        let again = self::asked(
            asked.desk,
            Ask::Image(registry.image("team/triton:25.09-py3")),
            Duration::from_secs(9),
        )
        .await;
        assert_eq!((again.requests, again.image.is_some()), (0, true));

        // Not there: the newest tags of its kind are.
        for tag in ["v0.9.2", "v0.10.0", "v0.20.0", "v0.21.0rc1", "v0.20.0-cu128", "nightly"] {
            registry
                .push(&format!("team/vllm:{tag}"), OCI_IMAGE, &config("amd64", &[], &json!({})), 5)
                .await;
        }
        let asked = look(registry.image("team/vllm:v0.99.0")).await;
        let found = asked.image.expect("a row");
        assert_eq!((found.exists, found.digest, found.arch.len()), (false, None, 0));
        assert_eq!(found.like, ["v0.20.0", "v0.19.1", "v0.10.0", "v0.9.2"]);
        let other = format!("team/vllm@{}", digest(b"nothing"));
        assert!(!look(registry.image(&other)).await.image.expect("a row").exists);
        let nowhere = look(registry.image("team/none:1")).await.image.expect("a row");
        assert_eq!((nowhere.exists, nowhere.like.len()), (false, 0));

        // What a registry keeps and no container starts from.
        let chart = registry.blob("team/chart", b"{}").await;
        let chart = json!({"schemaVersion": 2, "mediaType": OCI_IMAGE, "layers": [],
            "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": chart.digest, "size": 2}});
        registry.manifest("team/chart:1", OCI_IMAGE, &chart).await;
        let asked = look(registry.image("team/chart:1")).await;
        assert!(asked.notes().contains("no container image under"), "{}", asked.notes());
        assert_eq!(asked.image.map(|image| (image.exists, image.arch.len())), Some((true, 0)));
    });
}

fn a_token_is_got_where_the_registry_says() {
    block(async {
        let realm = Standin::start(|_, _| says(200, json!({"token": TOKEN}).to_string()));
        let auth =
            format!("auth: {{silly: {{realm: 'http://{}/token', service: test}}}}\n", realm.host);
        let registry = Registry::start(&auth);
        index(&registry, "team/vllm:v1.0").await;
        index(&registry, "team/vllm:v1.1").await;
        let desk = desk(Arc::clone(Catalogs::shared()));
        let time = Duration::from_secs(20);
        // Refused, a token, and three steps.
        let first = asked(desk, Ask::Image(registry.image("team/vllm:v1.0")), time).await;
        assert_eq!((first.requests, first.image.map(|image| image.exists)), (5, Some(true)));
        // It is known by now who gives out tokens.
        let second = asked(first.desk, Ask::Image(registry.image("team/vllm:v1.1")), time).await;
        assert_eq!((second.requests, second.image.map(|image| image.exists)), (4, Some(true)));
        let came = realm.came();
        assert_eq!(came.len(), 2);
        for came in came {
            assert_eq!(came.path, "/token?service=test&scope=repository%3Ateam%2Fvllm%3Apull");
            assert_eq!(came.authorization, None);
        }
    });
}

fn a_login_is_told_as_such() {
    block(async {
        let registry = Registry::start("auth: {htpasswd: {realm: test, path: PASSWORDS}}\n");
        let asked = look(registry.image("team/vllm:v1.0")).await;
        assert!(asked.notes().contains("only after a login"), "{}", asked.notes());
        assert_eq!((asked.image, asked.requests), (None, 1));
    });
}

fn releases_of_a_family_are_rows_where_all_is_known() {
    block(async {
        let registry = Registry::start("");
        let engines = Catalogs::embedded().engines();
        let read = &engines.get("vllm").unwrap().last_sampled;
        for tag in [
            &format!("{read}-gpu-py312-cu130"),
            "0.19.0-gpu-py312-cu129",
            "99.0.0-gpu-py312-cu140",
            "latest",
        ] {
            registry
                .push(&format!("mine/vllm:{tag}"), OCI_IMAGE, &config("amd64", &[], &json!({})), 5)
                .await;
        }
        let folder = tempfile::tempdir().unwrap();
        let own = json!({"as_of": "2026-11-01", "source": "own", "families": [{"family": "mine", "title": "Mine"}],
            "images": [{"family": "mine", "version": "0.19.0", "tag": "0.19.0-gpu-py312-cu129", "host": registry.host,
                "repository": "mine/vllm", "listed": true, "platform": "any", "arch": ["x86_64"], "accelerator": "cuda",
                "cuda": "12.9", "python": "3.12", "engine": "vllm", "engine_version": "0.19.0"}]});
        std::fs::write(folder.path().join("images.json"), own.to_string()).unwrap();
        let catalogs = Arc::new(Catalogs::with_overlay(folder.path()).unwrap());
        let errand = Errand::new(Duration::from_secs(20));
        let found =
            desk(Arc::clone(&catalogs)).look_up(&[Ask::Images("mine".to_owned())], &errand).await;
        assert!(Errand::REQUESTS - errand.left() <= FIVE);
        let laid = found.rows.into_iter().fold(catalogs, |below, rows| Arc::new(below.with(rows)));
        let rows: Vec<_> = laid.images().of_family("mine").collect();
        let told: Vec<_> = rows.iter().map(|row| (row.tag.as_str(), row.cuda.as_deref())).collect();
        let newest = format!("{read}-gpu-py312-cu130");
        assert_eq!(
            told,
            [(newest.as_str(), Some("13.0")), ("0.19.0-gpu-py312-cu129", Some("12.9"))]
        );
        assert_eq!(rows[0].host.as_deref(), Some(registry.host.as_str()));
        assert_eq!(rows[0].engine_version.as_ref(), Some(read));
        // What nothing is known of is told and not chosen.
        assert_eq!(laid.images().default_version("mine"), Some(read.as_str()));
        let notes = found.notes.join("\n");
        assert!(notes.contains("`99.0.0-gpu-py312-cu140`"), "{notes}");
    });
}

fn hosts_that_are_none_and_private_ones_are_not_asked() {
    block(async {
        for image in [
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/a:1",
            "169.254.169.254/latest:1",
            "0x7f.0.0.1/a:1",
        ] {
            let asked = look(image.parse().unwrap()).await;
            assert_eq!(
                (asked.requests, asked.notes().as_str(), asked.image),
                (0, "", None),
                "{image}"
            );
        }
    });
}
