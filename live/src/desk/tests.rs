//! The desk with sources that are slow, silent, gone, wrong and many.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::*;
use crate::web::played::{Does, Server, answer};
use crate::web::{Network, Request, Web};

/// What a played source does when it is asked for the n-th time.
type Script = Box<dyn Fn(usize) -> (Duration, Result<Fact, Failure>) + Send + Sync>;

struct Played {
    words: &'static str,
    asked: Arc<AtomicUsize>,
    script: Script,
    /// Why it does not know who asks.
    blind: Option<Failure>,
    holds: Duration,
}

impl std::fmt::Debug for Played {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words)
    }
}

impl Source for Played {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let Ask::Models(words) = ask else { return None };
        Some(Topic { words: format!("{} of {words}", self.words), holds: self.holds })
    }

    fn eyes<'a>(&'a self, _: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async {
            if let Some(failure) = &self.blind {
                self.asked.fetch_add(1, Ordering::SeqCst);
                return Err(failure.clone());
            }
            let apart = errand.profile().unwrap_or("nobody").to_owned();
            Ok(Eyes { told: Some(format!("account {apart}")), apart })
        })
    }

    fn find<'a>(&'a self, _: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async {
            if !errand.take() {
                return Err(Failure::UsedUp);
            }
            let (pause, outcome) = (self.script)(self.asked.fetch_add(1, Ordering::SeqCst));
            tokio::time::sleep(pause).await;
            outcome
        })
    }
}

fn played(
    words: &'static str,
    script: impl Fn(usize) -> (Duration, Result<Fact, Failure>) + Send + Sync + 'static,
) -> (Box<dyn Source>, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let (script, holds) = (Box::new(script), minutes(10));
    let source = Played { words, asked: Arc::clone(&asked), script, blind: None, holds };
    (Box::new(source), asked)
}

fn said(note: &str) -> Result<Fact, Failure> {
    Ok(Fact { notes: vec![note.to_owned()], ..Fact::default() })
}

fn asks(words: &[&str]) -> Vec<Ask> {
    words.iter().map(|word| Ask::Models((*word).to_owned())).collect()
}

fn errand() -> Errand {
    Errand::new(Duration::from_secs(20))
}

fn desk(sources: Vec<Box<dyn Source>>) -> Desk {
    Desk::new(sources, Arc::default())
}

const NOW: Duration = Duration::ZERO;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[tokio::test]
async fn a_cold_cache_is_one_chain_for_each_fact_and_a_warm_one_none() {
    let (hub, hub_asked) = played("a hub", |_| (ms(50), said("hub")));
    let (aws, aws_asked) = played("AWS", |_| (ms(50), said("aws")));
    let desk = desk(vec![hub, aws]);
    let (asks, errand, start) = (asks(&["a", "b", "c"]), errand(), Instant::now());
    let found = desk.look_up(&asks, &errand).await;
    assert!(start.elapsed() < ms(140), "{:?}", start.elapsed());
    let sources: Vec<_> = found.looked.iter().map(|one| one.source.as_str()).collect();
    let all = ["a hub of a", "AWS of a", "a hub of b", "AWS of b", "a hub of c", "AWS of c"];
    assert_eq!((sources, found.rows.len()), (all.to_vec(), 6));
    assert_eq!(found.looked[0].whom.as_deref(), Some("account nobody"));
    assert_eq!(found.notes, ["hub", "aws"]);
    assert_eq!(errand.left(), Errand::REQUESTS - 6);
    assert_eq!(desk.look_up(&asks, &errand).await.rows.len(), 6);
    assert_eq!((hub_asked.load(Ordering::SeqCst), aws_asked.load(Ordering::SeqCst)), (3, 3));
    assert_eq!(errand.left(), Errand::REQUESTS - 6);
    // Another account is another question.
    let other = errand_of("other");
    assert_eq!(desk.look_up(&asks, &other).await.looked[0].whom.as_deref(), Some("account other"));
    assert_eq!(other.left(), Errand::REQUESTS - 6);
}

fn errand_of(profile: &str) -> Errand {
    errand().with_profile(Some(profile.to_owned()))
}

#[tokio::test]
async fn fifty_who_ask_the_same_at_once_are_one_look_up() {
    let (hub, asked) = played("a hub", |_| (ms(50), said("hub")));
    let desk = desk(vec![hub]);
    let (asks, errands) = (asks(&["a"]), (0..50).map(|_| errand()).collect::<Vec<_>>());
    let all = errands.iter().map(|errand| desk.look_up(&asks, errand)).collect();
    for found in together(all).await {
        assert_eq!((found.rows.len(), found.notes), (1, vec!["hub".to_owned()]));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_waited_for_it() {
    let (hub, asked) = played("a hub", |_| (ms(50), Err(Failure::Unreachable)));
    let desk = desk(vec![hub]);
    let (asks, errands) = (asks(&["a"]), (0..50).map(|_| errand()).collect::<Vec<_>>());
    let all = errands.iter().map(|errand| desk.look_up(&asks, errand)).collect();
    for found in together(all).await {
        assert_eq!((found.rows.len(), found.notes.len()), (0, 1));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // It may be otherwise for who asks later.
    desk.look_up(&asks, &errand()).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn who_leads_and_gives_up_fails_nobody_else() {
    let (hub, asked) =
        played("a hub", |number| (ms(if number == 0 { 5000 } else { 20 }), said("hub")));
    let desk = desk(vec![hub]);
    let (asks, one, other) = (asks(&["a"]), errand(), errand());
    // Cancelled.
    let led = tokio::time::timeout(ms(60), desk.look_up(&asks, &one));
    let followed = async {
        tokio::time::sleep(ms(20)).await;
        desk.look_up(&asks, &other).await
    };
    let (led, followed) = tokio::join!(led, followed);
    assert!(led.is_err());
    assert_eq!((followed.rows.len(), asked.load(Ordering::SeqCst)), (1, 2));
}

#[tokio::test]
async fn an_errand_that_is_short_is_short_for_itself() {
    let (hub, asked) =
        played("a hub", |number| (ms(if number == 0 { 5000 } else { 20 }), said("hub")));
    let desk = desk(vec![hub]);
    let (asks, short, other) = (asks(&["a"]), Errand::new(ms(60)), errand());
    let led = desk.look_up(&asks, &short);
    let followed = async {
        tokio::time::sleep(ms(20)).await;
        desk.look_up(&asks, &other).await
    };
    let (led, followed) = tokio::join!(led, followed);
    assert_eq!(led.notes, ["a hub of a did not answer in time. The catalogs are used instead."]);
    assert_eq!((followed.rows.len(), asked.load(Ordering::SeqCst)), (1, 2));
    // The same of requests.
    let (asks, used) = (self::asks(&["b"]), errand());
    while used.take() {}
    let (led, followed) = tokio::join!(desk.look_up(&asks, &used), desk.look_up(&asks, &other));
    assert!(led.notes[0].contains("used up its requests") || led.rows.len() == 1);
    assert_eq!(followed.rows.len(), 1);
}

#[tokio::test]
async fn a_slow_source_leaves_the_others_whole() {
    let (slow, _) = played("AWS", |_| (Duration::from_secs(60), said("never")));
    let (hub, _) = played("a hub", |_| (NOW, said("hub")));
    let desk = desk(vec![slow, hub]).with_patience(ms(80));
    let start = Instant::now();
    let found = desk.look_up(&asks(&["a", "b"]), &errand()).await;
    assert!(start.elapsed() < ms(1000), "{:?}", start.elapsed());
    assert_eq!(found.rows.len(), 2);
    let slow = "AWS of a did not answer in time. The same holds for AWS of b. The catalogs are used instead.";
    assert_eq!(found.notes, [slow, "hub"]);
}

#[tokio::test]
async fn everything_that_fails_at_once_is_told_within_the_time() {
    let failures = [
        Failure::Unreachable,
        Failure::Proxy,
        Failure::Certificate,
        Failure::Throttled(None),
        Failure::Denied("pricing:GetProducts".to_owned()),
        Failure::Unreadable("\u{1b}[2J\nliar".repeat(1000)),
    ];
    let names = ["A", "B", "C", "D", "E", "F"];
    let sources = names.into_iter().zip(failures.clone());
    let sources =
        sources.map(|(name, failure)| played(name, move |_| (NOW, Err(failure.clone()))).0);
    let mut sources: Vec<_> = sources.collect();
    sources.push(played("a hub", |_| (Duration::from_secs(60), said("never"))).0);
    let desk = desk(sources);
    let start = Instant::now();
    let found = desk.look_up(&asks(&["a", "b"]), &Errand::new(ms(200))).await;
    assert!(start.elapsed() < ms(1000));
    assert_eq!((found.rows.len(), found.notes.len()), (0, failures.len() + 1));
    for note in &found.notes {
        assert!(note.len() < 600 && !note.contains(mcc_catalogs::is_hidden), "{note}");
        assert!(note.ends_with("The catalogs are used instead."), "{note}");
    }
}

#[tokio::test]
async fn what_was_said_before_is_used_where_nothing_is_said_now() {
    for (failure, stands_in) in [
        (Failure::TooSlow, true),
        (Failure::Unreachable, true),
        (Failure::Throttled(None), true),
        (Failure::Denied("x".to_owned()), false),
        (Failure::NotThere("x".to_owned()), false),
    ] {
        let (hub, _) = played("a hub", move |_| (NOW, Err(failure.clone())));
        let cache = Arc::new(Cache::default());
        let at = clock::now() - 3 * 3600 - 60;
        let fact = Fact { notes: vec!["before".to_owned()], ..Fact::default() };
        let kept = Arc::new(Kept { at, source: "a hub of a".to_owned(), fact });
        let eyes = Eyes { apart: "nobody".to_owned(), told: None };
        let ask = &asks(&["a"])[0];
        cache.put(&key(&*hub, ask, &hub.knows(ask).unwrap(), &eyes), &kept);
        let desk = Desk::new(vec![hub], cache);
        let found = desk.look_up(&asks(&["a"]), &errand()).await;
        assert_eq!(found.rows.len(), usize::from(stands_in));
        if stands_in {
            assert!(
                found.notes[0].ends_with("The answer of 3 hours ago is used instead."),
                "{:?}",
                found.notes
            );
            assert_eq!(found.notes[1], "before");
            assert!(found.looked[0].age >= 3 * 3600);
        }
    }
}

#[tokio::test]
async fn who_is_not_known_is_not_asked_for_again_at_once() {
    let asked = Arc::<AtomicUsize>::default();
    let source = Played {
        words: "AWS",
        asked: Arc::clone(&asked),
        script: Box::new(|_| (NOW, said("never"))),
        blind: Some(Failure::NoCredentials),
        holds: minutes(10),
    };
    let desk = desk(vec![Box::new(source)]);
    for _ in 0..3 {
        let found = desk.look_up(&asks(&["a"]), &errand()).await;
        assert_eq!(found.notes.len(), 1);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    desk.look_up(&asks(&["a"]), &errand_of("other")).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn notes_of_sources_are_cut_and_cleaned_and_told_once() {
    let (hub, _) = played("a hub", |_| {
        let notes =
            (0..100).map(|number| format!("{number}\u{1b}[2J{}", "x".repeat(9000))).collect();
        (NOW, Ok(Fact { notes, ..Fact::default() }))
    });
    let found = desk(vec![hub]).look_up(&asks(&["a", "b"]), &errand()).await;
    assert_eq!(found.notes.len(), NOTES.0);
    assert!(found.notes.iter().all(|note| note.len() < 400 && !note.contains('\u{1b}')));
}

/// A source that asks a real server, with a token.
#[derive(Debug)]
struct Asking {
    web: Web,
    url: String,
}

impl Source for Asking {
    fn knows(&self, _: &Ask) -> Option<Topic> {
        Some(Topic { words: "a hub of a".to_owned(), holds: minutes(10) })
    }

    fn eyes<'a>(&'a self, _: &'a Ask, _: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async { Ok(Eyes { apart: "nobody".to_owned(), told: None }) })
    }

    fn find<'a>(&'a self, _: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async {
            let headers =
                [(http::header::AUTHORIZATION, http::HeaderValue::from_static("Bearer s3cret"))];
            let request = Request {
                method: http::Method::GET,
                url: self.url.parse().map_err(|_| Failure::Unreachable)?,
                headers: headers.into_iter().collect(),
                body: bytes::Bytes::new(),
                most: 1000,
            };
            let followed = self.web.send_following(request, errand).await?;
            said(&format!("{:?}", followed.response))
        })
    }
}

#[tokio::test]
async fn secrets_are_in_no_file_and_no_word() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("mcc");
    let network =
        Network { http_proxy: Some("http://u:s3cret@proxy:1".to_owned()), ..Network::default() };
    let answers = [
        answer("200 OK", "set-cookie: t=s3cret\r\n", "{\"token\": \"s3cret\"}"),
        answer("302 Found", "location: /x?token=s3cret\r\n", ""),
        answer("302 Found", "location: http://s3cret.example/\r\n", ""),
        answer("429 Slow s3cret", "retry-after: 99\r\n", "s3cret"),
        Does::Says(b"s3cret".to_vec()),
        Does::Stalls(Vec::new()),
    ];
    let mut said = String::new();
    for does in answers {
        let server = Server::http(move |_, _| does.clone()).await;
        let source = Asking { web: Web::new(&network).unwrap(), url: server.url("/?token=s3cret") };
        let cache = Arc::new(Cache::on_disk(folder.clone()));
        let desk = Desk::new(vec![Box::new(source)], cache).with_patience(ms(300));
        let ask = Ask::Models(server.address.to_string());
        let found = desk.look_up(&[ask], &errand()).await;
        assert_eq!(found.notes.len(), 1, "{:?}", found.notes);
        assert!(server.seen.lock().unwrap()[0].headers["authorization"].contains("s3cret"));
        let web = Web::new(&network);
        said.push_str(&format!("{found:?} {:?} {:?} {web:?}", desk.cache, desk.flights));
    }
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        said.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0 && !said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn a_cache_that_cannot_be_used_is_one_note_of_one_answer() {
    let (hub, _) = played("a hub", |_| (NOW, said("hub")));
    let desk = Desk::new(vec![hub], Arc::new(Cache::on_disk("/proc/none/mcc".into())));
    let found = desk.look_up(&asks(&["a"]), &errand()).await;
    assert_eq!((found.rows.len(), found.notes.len()), (1, 2));
    assert!(found.notes[1].contains("/proc/none/mcc"), "{:?}", found.notes);
    let found = desk.look_up(&asks(&["a"]), &errand()).await;
    assert_eq!((found.rows.len(), found.notes.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_that_give_up_at_any_time_leave_no_look_up_behind() {
    let (hub, asked) = played("a hub", |number| (ms(number as u64 % 7), said("hub")));
    let desk = Arc::new(desk(vec![hub]));
    let got = Arc::new(Mutex::new(0));
    let mut tasks = Vec::new();
    for number in 0..200_u32 {
        let (desk, got) = (Arc::clone(&desk), Arc::clone(&got));
        tasks.push(tokio::spawn(async move {
            let (asks, errand) = (asks(&["a", "b", "c"][..=number as usize % 3]), errand());
            let patience =
                ms(if number.is_multiple_of(2) { u64::from(number % 5) } else { 10_000 });
            if let Ok(found) = tokio::time::timeout(patience, desk.look_up(&asks, &errand)).await {
                assert_eq!(found.rows.len(), asks.len());
                *got.lock().unwrap() += 1;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert!(*got.lock().unwrap() >= 100);
    assert!(asked.load(Ordering::SeqCst) < 150);
    assert!(format!("{:?}", desk.flights).contains("{}"), "{:?}", desk.flights);
}

#[tokio::test]
async fn sources_that_have_the_same_words_say_each_their_part() {
    let (hub, asked) = played("a hub", |_| (NOW, said("hub")));
    let server = Server::http(|_, _| answer("200 OK", "", "")).await;
    let url = server.url("/");
    let other = Asking { web: Web::new(&Network::default()).unwrap(), url };
    let desk = desk(vec![hub, Box::new(other)]);
    for _ in 0..2 {
        let found = desk.look_up(&asks(&["a"]), &errand()).await;
        assert_eq!((found.rows.len(), found.notes.len()), (2, 2));
    }
    assert_eq!((asked.load(Ordering::SeqCst), server.count()), (1, 1));
}
