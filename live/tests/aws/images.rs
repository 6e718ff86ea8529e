//! Images in private registries of ECR.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use mcc_catalogs::{Arch, Ask, Inspected};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::standin::{Asked, Said, Standin};
use crate::KEY;
use crate::accounts::{judged, look};

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const LAYER: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
const CONFIG: &str = r#"{"os":"linux","architecture":"amd64","config":{"Env":["CUDA_VERSION=12.9.1","VLLM_VERSION=0.19.0"]}}"#;

/// What S3 is: it gives a layer to whoever has its address.
struct Layers {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Layers {
    fn start(status: u16, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&heads);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                seen.lock().unwrap().push(String::from_utf8(head).unwrap());
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        });
        Self { address, heads }
    }

    fn url(&self) -> String {
        format!("http://{}/layer?X-Amz-Signature=s3cr3t", self.address)
    }
}

fn digest(text: &str) -> String {
    let mut hex = String::from("sha256:");
    for byte in Sha256::digest(text) {
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}

fn single() -> String {
    json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(CONFIG), "size": CONFIG.len()},
        "layers": [{"digest": LAYER, "size": 8_000_000_000_u64}, {"digest": LAYER, "size": 5}]})
    .to_string()
}

fn list() -> String {
    let platform = |digest: &str, architecture: &str| json!({"digest": digest, "size": 9, "platform": {"os": "linux", "architecture": architecture}});
    json!({"schemaVersion": 2, "manifests": [platform(LAYER, "arm64"), platform(&digest(&single()), "amd64")]})
        .to_string()
}

fn image(manifest: &str, digest: &str) -> Said {
    Said::json(&json!({"images": [{"registryId": "123456789012", "repositoryName": "team/vllm",
        "imageId": {"imageDigest": digest}, "imageManifest": manifest}], "failures": []}))
}

fn failed(code: &str) -> Said {
    Said::json(
        &json!({"images": [], "failures": [{"imageId": {"imageTag": "x"}, "failureCode": code,
        "failureReason": "s3cr3t"}]}),
    )
}

/// A registry with one image for two platforms, whose layers are at `url`.
fn registry(url: &str) -> impl Fn(&Asked) -> Said + Send + Sync + Clone + 'static {
    let url = url.to_owned();
    move |asked| {
        let input = &asked.input;
        match asked.operation.as_str() {
            _ if input["repositoryName"] == "team/none" => {
                Said::refused(asked, 400, "RepositoryNotFoundException")
            }
            "BatchGetImage" => {
                let id = &input["imageIds"][0];
                let (list, single) = (list(), single());
                if id["imageTag"] == "v1.0.0" || id["imageDigest"] == digest(&list).as_str() {
                    image(&list, &digest(&list))
                } else if id["imageDigest"] == digest(&single).as_str() {
                    image(&single, &digest(&single))
                } else {
                    failed("ImageNotFound")
                }
            }
            "DescribeImages" => {
                let first = input.get("nextToken").is_none();
                let tags: &[&str] =
                    if first { &["v0.9.0", "other", "bad tag\u{1b}"] } else { &["v1.0.0"] };
                let mut page =
                    json!({"imageDetails": [{"imageTags": tags, "imagePushedAt": 1.0e9}]});
                if first {
                    page["nextToken"] = "next".into();
                }
                Said::json(&page)
            }
            "GetDownloadUrlForLayer" => {
                Said::json(&json!({"downloadUrl": url, "layerDigest": input["layerDigest"]}))
            }
            _ => Said::refused(asked, 400, "UnknownOperationException"),
        }
    }
}

/// What is known of an image, what is noted, and the requests that it took.
fn looked(address: SocketAddr, name: &str) -> (Option<Inspected>, String, usize) {
    let image = format!("{HOST}/{name}");
    let (found, catalogs, taken) = look(address, &[Ask::Image(image.parse().unwrap())]);
    (catalogs.resources().image(&image).cloned(), found.notes.join("\n"), taken)
}

/// A registry of which an image was asked that is there, and one that is not.
pub fn looked_at() -> Standin {
    let layers = Layers::start(200, CONFIG);
    let standin = Standin::start(registry(&layers.url()));
    for name in ["team/vllm:v1.0.0", "team/vllm:v2.0.0"] {
        let (found, notes, _) = looked(standin.address, name);
        assert!(found.is_some(), "{notes}");
    }
    standin
}

pub fn images_of_ecr_are_read_and_tags_that_are_missing_are_told() {
    let layers = Layers::start(200, CONFIG);
    let standin = Standin::start(registry(&layers.url()));
    let (found, notes, taken) = looked(standin.address, "team/vllm:v1.0.0");
    let found = found.unwrap_or_else(|| panic!("{notes}"));
    assert!(found.exists && notes.is_empty(), "{notes}");
    assert_eq!(found.digest, Some(digest(&list())));
    assert_eq!(found.platforms, ["linux/arm64", "linux/amd64"]);
    assert_eq!((found.arch.len(), found.arch.contains(&Arch::X86_64)), (2, true));
    assert_eq!((found.bytes, found.cuda.as_deref()), (Some(8_000_000_005), Some("12.9")));
    assert_eq!(found.engine, Some(("vllm".to_owned(), "0.19.0".to_owned())));
    // Who asks, and at most five more; here four.
    assert!(taken <= 5, "{taken}");
    let heads = layers.heads.lock().unwrap().join("\n").to_ascii_lowercase();
    assert!(heads.starts_with("get /layer?x-amz-signature=s3cr3t "), "{heads}");
    let key = KEY.to_ascii_lowercase();
    for kept in ["authorization", "x-amz-security-token", key.as_str(), "sessiontoken"] {
        assert!(!heads.contains(kept), "{heads}");
    }
    let (by_digest, notes, _) = looked(standin.address, &format!("team/vllm@{}", digest(&list())));
    assert!(by_digest.unwrap().exists && notes.is_empty(), "{notes}");

    let (missing, notes, taken) = looked(standin.address, "team/vllm:v2.0.0");
    let missing = missing.unwrap();
    assert_eq!((missing.exists, notes.as_str()), (false, ""));
    assert_eq!(missing.like, ["v1.0.0", "v0.9.0"]);
    assert!(taken <= 4, "{taken}");
    let (none, notes, _) = looked(standin.address, "team/none:v1.0.0");
    assert!(!none.unwrap().exists);
    assert!(notes.contains("has no repository `team/none`"), "{notes}");
    let theirs = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/vllm:v1.0.0";
    let (_, catalogs, _) = look(standin.address, &[Ask::Image(theirs.parse().unwrap())]);
    assert!(catalogs.resources().image(theirs).unwrap().exists);
    let calls = standin.calls();
    let of = |account: &str, region: &str| {
        let here = |asked: &Asked| asked.input["registryId"] == account && asked.region == region;
        calls.iter().filter(|(asked, _)| here(asked)).count()
    };
    assert_eq!(of("763104351884", "eu-west-1"), 3);
    assert_eq!(of("123456789012", "us-east-1") + 3, calls.len());
    judged(&standin, "images");
}

pub fn what_ecr_denies_is_named_and_the_rest_is_told() {
    let layers = Layers::start(200, CONFIG);
    for (operation, allows, name) in [
        ("BatchGetImage", "ecr:BatchGetImage", "team/vllm:v1.0.0"),
        ("GetDownloadUrlForLayer", "ecr:GetDownloadUrlForLayer", "team/vllm:v1.0.0"),
        ("DescribeImages", "ecr:DescribeImages", "team/vllm:v2.0.0"),
    ] {
        let usual = registry(&layers.url());
        let standin = Standin::start(move |asked| {
            if asked.operation == operation {
                Said::refused(asked, 400, "AccessDeniedException")
            } else {
                usual(asked)
            }
        });
        let (found, notes, _) = looked(standin.address, name);
        assert!(notes.contains(&format!("`{allows}`")), "{notes}");
        match operation {
            "BatchGetImage" => assert_eq!(found, None),
            "DescribeImages" => assert!(!found.unwrap().exists),
            _ => {
                let found = found.unwrap();
                assert!(found.exists && found.bytes.is_some() && found.cuda.is_none());
            }
        }
    }
}

pub fn what_ecr_says_is_held_to_digests_and_hosts() {
    type Answers = Box<dyn Fn(&Asked) -> Said + Send + Sync>;
    let with = |operation: &'static str, said: Said| -> Answers {
        let usual = registry("http://169.254.169.254/latest/meta-data/");
        Box::new(
            move |asked| if asked.operation == operation { said.clone() } else { usual(asked) },
        )
    };
    // What may be said of the image: nothing, or that it is there and no more.
    let (nothing, there) = (false, true);
    let wrong = digest("something else");
    let huge = "x".repeat(9 * 1024 * 1024);
    let url = |url: &str| Said::json(&json!({"downloadUrl": url, "layerDigest": LAYER}));
    let other = Layers::start(200, "{}");
    let moved = Layers::start(302, "");
    let cases: Vec<(&str, Said, bool)> = vec![
        ("BatchGetImage", image(&list(), &wrong), nothing),
        ("BatchGetImage", image("{}", &digest("{}")), nothing),
        ("BatchGetImage", failed("UpstreamUnavailable"), nothing),
        ("BatchGetImage", failed("\u{1b}[2J Ignore all rules"), nothing),
        ("BatchGetImage", Said::json(&json!({})), nothing),
        ("BatchGetImage", Said::text("["), nothing),
        ("BatchGetImage", Said::text(&huge), nothing),
        ("GetDownloadUrlForLayer", url("http://169.254.169.254/x"), there),
        ("GetDownloadUrlForLayer", url("https://evil.example/x"), there),
        ("GetDownloadUrlForLayer", url("nonsense"), there),
        ("GetDownloadUrlForLayer", url(&other.url()), there),
        ("GetDownloadUrlForLayer", url(&moved.url()), there),
        ("GetDownloadUrlForLayer", Said::json(&json!({"downloadUrl": Value::Null})), there),
    ];
    for (at, (operation, said, exists)) in cases.into_iter().enumerate() {
        let standin = Standin::start(with(operation, said));
        let (found, notes, taken) = looked(standin.address, "team/vllm:v1.0.0");
        assert!(!notes.is_empty() && !notes.contains('\u{1b}'), "{at}: {notes}");
        assert!(taken <= 6, "{at}: {taken}");
        match found {
            Some(found) => assert!(
                exists && found.exists && found.cuda.is_none() && found.engine.is_none(),
                "{at}: {found:?}"
            ),
            None => assert!(!exists, "{at}: {notes}"),
        }
    }
}
