//! A registry that lies, is slow, never ends, or sends those who ask to others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcc_catalogs::{Ask, Catalogs};
use serde_json::json;

use crate::leaks::SIGNATURE;
use crate::registry::{OCI_CONFIG, digest};
use crate::standin::{Says, Standin, says};
use crate::{TOKEN, asked, block, desk, look, tried};

/// A stand-in that asks for a token of `realm`, where `{}` is its own address.
fn challenging(realm: &'static str, token: &'static str) -> Standin {
    Standin::start(move |own, came| {
        if came.path.starts_with("/token") {
            return says(200, token);
        }
        let realm = realm.replace("{}", own);
        says(401, "{}").with("WWW-Authenticate", &format!("Bearer realm=\"{realm}\",service=\"s\""))
    })
}

pub fn challenges_lead_nowhere_else() {
    block(async {
        // It never has enough.
        let standin = challenging("http://{}/token", r#"{"token":"t0ken-that-nobody-may-see"}"#);
        let asked = look(standin.image("a:1")).await;
        assert_eq!((asked.requests, asked.image.is_none()), (3, true));
        assert!(asked.notes().contains("login"), "{}", asked.notes());
        let came = standin.came();
        let sent: Vec<_> = came.iter().map(|came| came.authorization.is_some()).collect();
        assert_eq!(sent, [false, false, true]);
        // Of others, or of no form.
        for realm in [
            "https://registry.example.com/token",
            "http://registry.example.com/token",
            "http://169.254.169.254/latest/meta-data/",
            "http://user:proxyPasswordThatNobodyMaySee@{}/token",
            "file:///etc/passwd",
            "//",
            "",
        ] {
            let standin = challenging(realm, "{}");
            let asked = look(standin.image("a:1")).await;
            assert!(asked.notes().contains("not its own"), "{realm}: {}", asked.notes());
            assert_eq!(
                (asked.requests, asked.image, standin.came().len()),
                (1, None, 1),
                "{realm}"
            );
        }
        // Tokens that are none.
        for token in ["", "[]", r#"{"token":7}"#, "{\"token\":\"a\\r\\nX: y\"}", r#"{"token":""}"#]
        {
            let standin = challenging("http://{}/token", token);
            let asked = look(standin.image("a:1")).await;
            assert!(asked.notes().contains("login"), "{token}: {}", asked.notes());
            assert_eq!(asked.requests, 2, "{token}");
        }
    });
}

pub fn sizes_and_times_are_bounded() {
    block(async {
        let huge = Standin::start(|_, _| says(200, vec![b' '; 5 * 1024 * 1024]));
        let endless = Standin::start(|_, _| Says { endless: true, ..says(200, "{") });
        for standin in [huge, endless] {
            let asked = look(standin.image("a:1")).await;
            assert!(asked.notes().contains("more than 4194304 bytes"), "{}", asked.notes());
            assert_eq!((asked.image, asked.requests), (None, 1));
        }
        let slow =
            Standin::start(|_, _| Says { after: Duration::from_secs(30), ..says(200, "{}") });
        let since = Instant::now();
        let asked = asked(
            desk(Arc::clone(Catalogs::shared())),
            Ask::Image(slow.image("a:1")),
            Duration::from_secs(1),
        )
        .await;
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
        assert!(asked.notes().contains("in time"), "{}", asked.notes());
        // Nobody listens.
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let asked = look(format!("{closed}/a:1").parse().unwrap()).await;
        assert!(asked.notes().contains("could not be reached"), "{}", asked.notes());
        assert_eq!(asked.image, None);
    });
}

/// A stand-in with an image whose configuration is `config`, under its digest and the tag `1`.
fn having(
    config: &'static str,
    change: impl Fn(&str, &str, Says) -> Says + Send + Sync + 'static,
) -> Standin {
    Standin::start(move |own, came| {
        let manifest = json!({"schemaVersion": 2, "layers": [{"digest": digest(b"l"), "size": 4}],
            "config": {"mediaType": OCI_CONFIG, "digest": digest(config.as_bytes()), "size": config.len()}});
        let answer = if came.path.contains("/manifests/") {
            says(200, manifest.to_string())
        } else {
            says(200, config)
        };
        change(own, &came.path, answer)
    })
}

const CONFIG: &str =
    r#"{"os":"linux","architecture":"amd64","config":{"Env":["CUDA_VERSION=12.9.1"]}}"#;

pub fn lies_are_found_out() {
    block(async {
        let honest = look(having(CONFIG, |_, _, says| says).image("a:1")).await;
        assert_eq!(honest.image.expect("a row").cuda.as_deref(), Some("12.9"));
        // By digest, other content.
        let standin = having(CONFIG, |_, _, says| says);
        let asked = look(standin.image(&format!("a@{}", digest(b"other")))).await;
        assert!(asked.notes().contains("not match its digest"), "{}", asked.notes());
        assert_eq!(asked.image, None);
        // A header that says otherwise.
        let lies =
            |_: &str, _: &str, says: Says| says.with("Docker-Content-Digest", &digest(b"other"));
        let asked = look(having(CONFIG, lies).image("a:1")).await;
        assert!(asked.notes().contains("not match its digest"), "{}", asked.notes());
        assert_eq!(asked.image, None);
        // Another configuration than the manifest names: that the image is there stays true, and no more is told.
        let other = |_: &str, path: &str, answer: Says| {
            if path.contains("/blobs/") {
                says(200, CONFIG.replace("12.9", "13.0"))
            } else {
                answer
            }
        };
        let asked = look(having(CONFIG, other).image("a:1")).await;
        assert!(asked.notes().contains("are not known"), "{}", asked.notes());
        let found = asked.image.expect("a row");
        assert_eq!((found.exists, found.cuda, found.arch.len()), (true, None, 0));
        // No JSON, too much of it, or what no manifest is.
        for broken in ["", "{", "null", "<html>", "{\"manifests\":[{\"digest\":1}]}"] {
            let asked = look(Standin::start(move |_, _| says(200, broken)).image("a:1")).await;
            assert!(asked.notes().contains("cannot be read"), "{broken}: {}", asked.notes());
            assert_eq!(asked.image, None, "{broken}");
        }
        let deep = look(Standin::start(|_, _| says(200, "[".repeat(1_000_000))).image("a:1")).await;
        assert_eq!(deep.image, None);
        // A list that names what is no digest, and platforms that are none.
        let list = r#"{"manifests":[{"digest":"sha256:../../x","size":1,"platform":{"os":"linux","architecture":"amd64"}},
            {"digest":"sha256:y","size":1,"platform":{"os":"linux","architecture":"\u001b[2J"}}]}"#;
        let standin = Standin::start(move |_, _| says(200, list));
        let asked = look(standin.image("a:1")).await;
        assert_eq!(asked.image.expect("a row").platforms, ["linux/amd64"]);
        assert_eq!(standin.came().len(), 1);
        // A list of itself.
        let own = r#"{"manifests":[{"digest":"D","size":1,"platform":{"os":"linux","architecture":"amd64"}}]}"#;
        let asked = look(
            Standin::start(move |_, _| says(200, own.replace('D', &digest(b"x")))).image("a:1"),
        )
        .await;
        assert!(asked.image.is_none_or(|image| image.bytes.is_none()));
    });
}

pub fn redirects_are_followed_with_care() {
    block(async {
        // Blobs are elsewhere, where no token goes.
        let blobs = Standin::start(|_, _| says(200, CONFIG));
        let to = blobs.host.clone();
        let standin = Standin::start(move |own, came| {
            if came.path.starts_with("/token") {
                return says(200, json!({"access_token": TOKEN}).to_string());
            }
            if came.authorization.is_none() {
                let challenge = format!("Bearer realm=\"http://{own}/token\"");
                return says(401, "").with("WWW-Authenticate", &challenge);
            }
            if came.path.contains("/blobs/") {
                return says(307, "")
                    .with("Location", &format!("http://{to}/kept?X-Amz-Signature={SIGNATURE}"));
            }
            let manifest = json!({"layers": [], "config": {"digest": digest(CONFIG.as_bytes())}});
            says(200, manifest.to_string())
        });
        let asked = look(standin.image("a:1")).await;
        assert_eq!(asked.image.expect("a row").cuda.as_deref(), Some("12.9"));
        assert_eq!(asked.requests, 5);
        let came = blobs.came();
        assert_eq!((came.len(), came[0].authorization.as_ref()), (1, None));
        assert_eq!(came[0].path, format!("/kept?X-Amz-Signature={SIGNATURE}"));

        for location in [
            "http://registry.example.com/x",
            "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            "http://user:proxyPasswordThatNobodyMaySee@127.0.0.1:1/x",
            "file:///kept?X-Amz-Signature=signatureThatNobodyMaySee",
            "http://[",
            "",
        ] {
            let standin = Standin::start(move |_, _| says(302, "").with("Location", location));
            let asked = look(standin.image("a:1")).await;
            let told = asked.notes();
            let why = if location.is_empty() { "redirects in a circle" } else { "a redirect to" };
            assert!(told.contains(why), "{location}: {told}");
            assert_eq!(asked.image, None, "{location}");
        }
        let round = Standin::start(|_, _| says(302, "").with("Location", "/v2/again"));
        let asked = look(round.image("a:1")).await;
        assert!(asked.notes().contains("redirects in a circle"), "{}", asked.notes());
        assert_eq!(asked.requests, 2);
        let many = Standin::start(|_, came| {
            says(302, "").with("Location", &format!("{}/more", came.path))
        });
        let asked = look(many.image("a:1")).await;
        assert!(asked.notes().contains("more than 2 redirects"), "{}", asked.notes());
        assert_eq!(asked.requests, 3);
    });
}

/// A stand-in without the image, whose tags are `page`.
fn without(page: impl Fn(&str) -> Says + Send + Sync + 'static) -> Standin {
    Standin::start(move |_, came| {
        if came.path.contains("/manifests/") {
            return says(
                404,
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"\u001b[2Jno"}]}"#,
            );
        }
        page(&came.path)
    })
}

pub fn lists_of_tags_end() {
    block(async {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let standin = without(move |_| {
            let page = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let tags: Vec<String> = (0..1000).map(|tag| format!("1.{page}.{tag}")).collect();
            let link = format!("</v2/a/tags/list?n=1000&last={page}>; rel=\"next\"");
            says(200, json!({"tags": tags}).to_string()).with("Link", &link)
        });
        let asked = look(standin.image("a:1.9.9999")).await;
        let found = asked.image.as_ref().expect("a row");
        assert_eq!(
            (found.exists, found.like.first().map(String::as_str)),
            (false, Some("1.2.999"))
        );
        assert!(asked.notes().contains("more tags than were read"), "{}", asked.notes());
        assert_eq!(asked.requests, 4);

        // Pages are the registry's own.
        let other = Standin::start(|_, _| says(200, r#"{"tags":["1.9"]}"#));
        let to = other.host.clone();
        let standin = without(move |_| {
            says(200, r#"{"tags":["1.0","\u001b[2J","a b","-x"]}"#)
                .with("Link", &format!("<http://{to}/v2/a/tags/list>; rel=\"next\""))
        });
        let asked = look(standin.image("a:1.5")).await;
        assert_eq!(asked.image.expect("a row").like, ["1.0"]);
        assert_eq!(other.came().len(), 0);

        // No list, no choices; the image is not there all the same.
        for none in ["", "{}", r#"{"tags":null}"#, r#"{"tags":{"a":1}}"#, "[]"] {
            let found =
                look(without(move |_| says(200, none)).image("a:1.5")).await.image.expect("a row");
            assert_eq!((found.exists, found.like.len()), (false, 0), "{none}");
        }
        let found = tried(without(|_| says(500, "")).image("a:v1.5")).await.image.expect("a row");
        assert_eq!((found.exists, found.like.len()), (false, 0));

        // Releases come after thousands of nightly builds, which are skipped where the registry can.
        let standin = without(|path| {
            let tags = if path.contains("last=v") {
                r#"{"tags":["v1.0","v1.1"]}"#
            } else {
                r#"{"tags":["nightly"]}"#
            };
            says(200, tags)
        });
        let found = look(standin.image("a:v1.5")).await.image.expect("a row");
        assert_eq!(found.like, ["v1.1", "v1.0"]);
        // And read where it cannot.
        let standin = without(|path| {
            if path.contains("last=") { says(400, "") } else { says(200, r#"{"tags":["v1.0"]}"#) }
        });
        let found = look(standin.image("a:v1.5")).await.image.expect("a row");
        assert_eq!(found.like, ["v1.0"]);
    });
}

pub fn refusals_are_told_as_what_they_are() {
    block(async {
        let many = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"#;
        for (status, body, told) in [
            (429, many, "asked for fewer requests"),
            (429, "", "asked for fewer requests"),
            (403, many, "asked for fewer requests"),
            (403, r#"{"errors":[{"code":"DENIED"}]}"#, "login"),
            (500, "secret words", "refused: HTTP 500"),
            (503, "", "refused: HTTP 503"),
            (418, "", "refused: HTTP 418"),
            (404, "<html>not here</html>", "no container registry answers"),
            (404, "", "no container registry answers"),
        ] {
            let asked = look(Standin::start(move |_, _| says(status, body)).image("a:1")).await;
            assert!(asked.notes().contains(told), "{status} {body}: {}", asked.notes());
            assert!(!asked.notes().contains("secret words"));
            // What is not known is told as neither there nor missing.
            assert_eq!(asked.image, None, "{status} {body}");
        }
        // There, but the last step is refused.
        let last = |_: &str, path: &str, answer: Says| {
            if path.contains("/blobs/") { says(429, "") } else { answer }
        };
        let asked = look(having(CONFIG, last).image("a:1")).await;
        assert!(asked.notes().contains("its contents are not known"), "{}", asked.notes());
        assert_eq!(asked.image.map(|image| (image.exists, image.cuda)), Some((true, None)));
        // Few pulls are left.
        let few = |_: &str, _: &str, says: Says| says.with("RateLimit-Remaining", "3;w=21600");
        let asked = look(having(CONFIG, few).image("a:1")).await;
        assert!(asked.notes().contains("pull 3 more"), "{}", asked.notes());
        let many = |_: &str, _: &str, says: Says| says.with("RateLimit-Remaining", "76;w=21600");
        assert_eq!(look(having(CONFIG, many).image("a:1")).await.notes(), "");
    });
}
