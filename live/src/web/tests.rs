//! The client against real sockets that are slow, silent, huge, wrong, busy, far away or not who they say.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use mcc_catalogs::Errand;

use super::played::{Authority, Does, Proxy, Seen, Server, answer};
use super::{Network, NetworkError, Request, Response, Web};
use crate::failure::Failure;

const MOST: usize = 10_000;

fn web() -> Web {
    Web::new(&Network::default()).unwrap()
}

fn errand() -> Errand {
    Errand::new(Duration::from_secs(10))
}

fn get(url: &str) -> Request {
    let headers = HeaderMap::new();
    Request {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers,
        body: Bytes::new(),
        most: MOST,
    }
}

async fn fetched(url: &str) -> Result<Response, Failure> {
    web().send_within(get(url), &errand(), Duration::from_millis(400)).await
}

/// What comes of one server that does this.
async fn done(does: Does) -> Result<Response, Failure> {
    let server = Server::http(move |_, _| does.clone()).await;
    fetched(&server.url("/")).await
}

#[tokio::test]
async fn an_answer_is_an_answer_whatever_its_status() {
    for status in
        ["200 OK", "204 No Content", "301 Moved", "401 Unauthorized", "404 Not Found", "418 Teapot"]
    {
        let body = if status.starts_with("204") { "" } else { "text" };
        let response = done(answer(status, "x-a: b\r\n", body)).await.unwrap();
        assert_eq!(response.status.as_str(), &status[..3]);
        assert_eq!(
            (&*response.body, &response.headers["x-a"]),
            (body.as_bytes(), &HeaderValue::from_static("b"))
        );
    }
}

#[tokio::test]
async fn servers_that_are_slow_silent_or_endless_end() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec();
    let open = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let start = Instant::now();
    assert_eq!(done(Does::Stalls(Vec::new())).await.unwrap_err(), Failure::TooSlow);
    assert_eq!(done(Does::Stalls(head.clone())).await.unwrap_err(), Failure::TooSlow);
    let slow = Does::Drips([&head[..], &[b'x'; 1000]].concat(), Duration::from_millis(20));
    assert_eq!(done(slow).await.unwrap_err(), Failure::TooSlow);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    let huge = Failure::Unreadable(format!("more than {MOST} bytes"));
    assert_eq!(done(Does::Floods(open)).await.unwrap_err(), huge);
    let told = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    assert_eq!(done(Does::Stalls(told)).await.unwrap_err(), huge);
    let headers = [&b"HTTP/1.1 200 OK\r\n"[..], &b"a: b\r\n".repeat(200_000)].concat();
    assert!(matches!(done(Does::Says(headers)).await.unwrap_err(), Failure::Unreadable(_)));
}

#[tokio::test]
async fn what_is_not_http_or_ends_early_is_told() {
    for garbage in [
        "",
        "garbage\r\n\r\n",
        "\0\0\0",
        "HTTP/1.1 999999 x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    ] {
        let failure = done(Does::Says(garbage.into())).await.unwrap_err();
        assert!(
            matches!(failure, Failure::Unreadable(_) | Failure::Unreachable),
            "{garbage:?} {failure:?}"
        );
    }
    let short =
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nconnection: close\r\n\r\nshort".to_vec();
    let failure = done(Does::Says(short)).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable | Failure::Unreadable(_)), "{failure:?}");
    let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nx\r\n".to_vec();
    let failure = done(Does::Says(chunks)).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable | Failure::Unreadable(_)), "{failure:?}");
}

#[tokio::test]
async fn nobody_there_and_no_such_name_are_unreachable() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    assert_eq!(fetched(&url).await.unwrap_err(), Failure::Unreachable);
    let failure = fetched(&format!("https://{}.invalid/", "x".repeat(64))).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable | Failure::TooSlow), "{failure:?}");
}

#[tokio::test]
async fn what_may_pass_is_tried_three_times_and_each_takes_a_request() {
    for (status, first) in [("429 Too Many Requests", 2), ("503 Unavailable", 2), ("500 Error", 1)]
    {
        let server = Server::http(move |number, _| {
            if number < first {
                answer(status, "retry-after: 0\r\n", "")
            } else {
                answer("200 OK", "", "x")
            }
        })
        .await;
        let errand = errand();
        let response = web().send(get(&server.url("/")), &errand).await.unwrap();
        assert_eq!((response.status, server.count()), (StatusCode::OK, first + 1));
        assert_eq!(errand.left(), Errand::REQUESTS - first - 1);
    }
    let server = Server::http(|_, _| answer("502 Bad Gateway", "", "")).await;
    assert_eq!(fetched(&server.url("/")).await.unwrap().status, StatusCode::BAD_GATEWAY);
    assert_eq!(server.count(), 3);
    let server = Server::http(|_, _| answer("429 Too Many Requests", "", "")).await;
    assert_eq!(fetched(&server.url("/")).await.unwrap_err(), Failure::Throttled(None));
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn what_changes_something_there_is_sent_once() {
    let server = Server::http(|_, _| answer("503 Unavailable", "", "")).await;
    let request = Request { method: Method::POST, ..get(&server.url("/")) };
    let response = web().send(request, &errand()).await.unwrap();
    assert_eq!((response.status, server.count()), (StatusCode::SERVICE_UNAVAILABLE, 1));
}

#[tokio::test]
async fn a_host_that_asks_for_time_is_left_alone_for_it() {
    let server =
        Server::http(|_, _| answer("429 Too Many Requests", "retry-after: 60\r\n", "")).await;
    let (web, start) = (web(), Instant::now());
    let failure = web.send(get(&server.url("/a")), &errand()).await.unwrap_err();
    assert_eq!(failure, Failure::Throttled(Some(60)));
    let errand = errand();
    let failure = web.send(get(&server.url("/b")), &errand).await.unwrap_err();
    assert_eq!(failure, Failure::Throttled(Some(60)));
    assert_eq!((server.count(), errand.left()), (1, Errand::REQUESTS));
    assert!(start.elapsed() < Duration::from_secs(2));
    let other = Server::http(|_, _| answer("200 OK", "", "")).await;
    assert!(web.send(get(&other.url("/")), &errand).await.is_ok());
}

#[tokio::test]
async fn an_errand_ends_by_its_requests_and_its_time() {
    let server = Server::http(|_, _| Does::Stalls(Vec::new())).await;
    let web = web();
    let short = Errand::new(Duration::from_millis(500));
    let start = Instant::now();
    assert_eq!(web.send(get(&server.url("/")), &short).await.unwrap_err(), Failure::TooSlow);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(web.send(get(&server.url("/")), &short).await.unwrap_err(), Failure::TooSlow);
    let used = errand();
    while used.take() {}
    assert_eq!(web.send(get(&server.url("/")), &used).await.unwrap_err(), Failure::UsedUp);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn four_requests_at_once_go_to_one_host() {
    let server = Server::http(|_, _| {
        Does::Drips(
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
            Duration::from_millis(1),
        )
    })
    .await;
    let (web, errand, url) = (web(), errand(), server.url("/"));
    let all = (0..12).map(|_| web.send(get(&url), &errand));
    let all = all.map(|one| -> crate::source::Waiting<'_, _> { Box::pin(one) }).collect();
    for response in crate::desk::together(all).await {
        assert_eq!(response.unwrap().status, StatusCode::OK);
    }
    assert_eq!(server.count(), 12);
    // One that is over for the client may not be yet for the server.
    assert!(server.most_at_once.load(Ordering::SeqCst) <= 8);
}

fn redirect(to: &str) -> Does {
    answer("302 Found", &format!("location: {to}\r\nset-cookie: a=b\r\n"), "")
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_for_others() {
    let last = Server::http(|_, _| answer("200 OK", "", "there")).await;
    let to = last.url("/there");
    let first =
        Server::http(move |number, _| redirect(if number == 0 { "/again" } else { &to })).await;
    let mut request = get(&first.url("/"));
    request.headers.insert("authorization", HeaderValue::from_static("Bearer s3cret"));
    request.headers.insert("x-api-key", HeaderValue::from_static("s3cret"));
    request.headers.insert("accept", HeaderValue::from_static("text/plain"));
    let errand = errand();
    let followed = web().send_following(request.clone(), &errand).await.unwrap();
    assert_eq!(&*followed.response.body, b"there");
    assert_eq!(followed.requests, 3);
    assert_eq!(errand.left(), Errand::REQUESTS - 3);
    let seen: Vec<Seen> = first.seen.lock().unwrap().clone();
    assert!(seen.iter().all(|one| one.headers["authorization"] == "Bearer s3cret"));
    let there = last.seen.lock().unwrap()[0].clone();
    assert_eq!(there.headers["accept"], "text/plain");
    assert!(!format!("{there:?}").contains("s3cret") && !there.headers.contains_key("cookie"));
}

#[tokio::test]
async fn redirects_in_circles_and_without_an_end_end() {
    let circle =
        Server::http(|_, seen| redirect(if seen.line.contains("/a ") { "/b" } else { "/a" })).await;
    let failed = |server: Server| async move {
        web().send_following(get(&server.url("/a")), &errand()).await.unwrap_err()
    };
    assert!(matches!(failed(circle.clone()).await, Failure::Unreadable(_)));
    assert_eq!(circle.count(), 2);
    let endless = Server::http(|number, _| redirect(&format!("/{number}"))).await;
    assert!(matches!(failed(endless.clone()).await, Failure::Unreadable(_)));
    assert_eq!(endless.count(), 6);
    let out = Server::http(|_, _| redirect("http://169.254.169.254/latest")).await;
    assert!(matches!(failed(out.clone()).await, Failure::Unreadable(_)));
    let broken = Server::http(|_, _| redirect("http://[")).await;
    assert!(matches!(failed(broken).await, Failure::Unreadable(_)));
}

/// A file of authorities with this text.
fn bundle(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("authorities.pem");
    std::fs::write(&file, text).unwrap();
    (dir, file)
}

fn trusting(file: PathBuf) -> Network {
    Network { authorities: Some(file), ..Network::default() }
}

#[tokio::test]
async fn certificates_are_those_of_authorities_that_are_known() {
    let authority = Authority::of(&["localhost"]);
    let server = Server::https(&authority, |_, _| answer("200 OK", "", "private")).await;
    let url = format!("https://localhost:{}/", server.address.port());
    assert_eq!(fetched(&url).await.unwrap_err(), Failure::Certificate);
    assert_eq!(server.count(), 0);

    let (_dir, file) = bundle(&format!("# ours\nnot a certificate\n{}", authority.pem));
    let web = Web::new(&trusting(file)).unwrap();
    let response = web.send(get(&url), &errand()).await.unwrap();
    assert_eq!(&*response.body, b"private");
    // Of another name it is not.
    let other = format!("https://127.0.0.1:{}/", server.address.port());
    assert_eq!(web.send(get(&other), &errand()).await.unwrap_err(), Failure::Certificate);
    // Another authority of the same name is another.
    let (_dir, file) = bundle(&Authority::of(&["localhost"]).pem);
    let web = Web::new(&trusting(file)).unwrap();
    assert_eq!(web.send(get(&url), &errand()).await.unwrap_err(), Failure::Certificate);
    // Who speaks no TLS shows none.
    let plain = Server::http(|_, _| answer("200 OK", "", "")).await;
    let url = format!("https://127.0.0.1:{}/", plain.address.port());
    let failure = fetched(&url).await.unwrap_err();
    assert!(matches!(failure, Failure::Unreachable | Failure::TooSlow), "{failure:?}");
}

#[test]
fn files_without_authorities_are_refused() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in ["", "text", broken] {
        let (_dir, file) = bundle(text);
        assert!(matches!(Web::new(&trusting(file)), Err(NetworkError::Authorities(_))), "{text}");
    }
    let gone = trusting(PathBuf::from("/no/such/file"));
    assert!(matches!(Web::new(&gone), Err(NetworkError::Authorities(_))));
}

#[tokio::test]
async fn proxies_are_asked_and_told_who_asks() {
    let authority = Authority::of(&["hub.example"]);
    let server = Server::https(&authority, |_, _| answer("200 OK", "", "private")).await;
    let plain = Server::http(|_, _| answer("200 OK", "", "plain")).await;
    let (_dir, file) = bundle(&authority.pem);
    for (auth, user) in [(None, ""), (Some("Basic dXNlcjpwQHNz"), "user:p%40ss@")] {
        let https = Proxy::to(server.address, auth).await;
        let http = Proxy::to(plain.address, auth).await;
        let network = Network {
            https_proxy: Some(format!("http://{user}{}", https.address)),
            http_proxy: Some(format!("{user}{}", http.address)),
            no_proxy: Some("direct.example".to_owned()),
            authorities: Some(file.clone()),
        };
        let web = Web::new(&network).unwrap();
        let response = web.send(get("https://hub.example/x"), &errand()).await.unwrap();
        assert_eq!(&*response.body, b"private");
        assert_eq!(*https.asked.lock().unwrap(), ["CONNECT hub.example:443 HTTP/1.1"]);
        let response = web.send(get("http://hub.example/x"), &errand()).await.unwrap();
        assert_eq!(&*response.body, b"plain");
        assert_eq!(*http.asked.lock().unwrap(), ["GET http://hub.example/x HTTP/1.1"]);
        // Servers learn nothing of what proxies are told.
        let seen = format!("{:?}{:?}", server.seen.lock().unwrap(), plain.seen.lock().unwrap());
        assert!(!seen.contains("proxy-authorization"), "{seen}");
        // This machine is asked directly.
        web.send(get(&plain.url("/own")), &errand()).await.unwrap();
        assert_eq!(http.asked.lock().unwrap().len(), 1);
        assert!(!format!("{web:?} {network:?}").contains("p%40ss"));
    }
}

#[tokio::test]
async fn proxies_that_refuse_or_are_not_there_are_told_apart_from_servers() {
    let server = Server::http(|_, _| answer("200 OK", "", "")).await;
    let refusing = Proxy::to(server.address, Some("Basic other")).await;
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = gone.local_addr().unwrap();
    drop(gone);
    for address in [refusing.address, nobody] {
        let proxy = Some(format!("http://u:s3cret@{address}"));
        let network =
            Network { https_proxy: proxy.clone(), http_proxy: proxy, ..Network::default() };
        let web = Web::new(&network).unwrap();
        for url in ["https://hub.example/", "http://hub.example/"] {
            let failure = web.send(get(url), &errand()).await.unwrap_err();
            assert_eq!(failure, Failure::Proxy, "{url} {address}");
            assert!(!format!("{failure} {failure:?}").contains("s3cret"));
        }
    }
    assert_eq!(server.count(), 0);
    // A proxy that opens connections shows a certificate of its own.
    let other =
        Server::https(&Authority::of(&["hub.example"]), |_, _| answer("200 OK", "", "")).await;
    let opening = Proxy::to(other.address, None).await;
    let proxy = Some(format!("http://{}", opening.address));
    let web = Web::new(&Network { https_proxy: proxy, ..Network::default() }).unwrap();
    let failure = web.send(get("https://hub.example/"), &errand()).await.unwrap_err();
    assert_eq!(failure, Failure::Certificate);
}
