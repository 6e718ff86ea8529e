//! Clients that take what they can get, from many addresses, while honest ones work: these are served, and afterwards
//! everything is given back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![cfg(target_os = "linux")]

mod mcp;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use mcp::{HttpServer, MCC};

/// How long an honest client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Descriptors of the server, so few that an attack needs few as well.
const DESCRIPTORS: usize = 512;
/// Connections that one hostile address opens and keeps.
const EACH: usize = 80;

fn server() -> HttpServer {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\""), MCC])
        .args(["serve", "all", "--http", "127.0.0.1:0"])
        .env_remove("MCC_LOG")
        .env_remove("MCC_SERVE_TOKEN")
        .stdin(Stdio::null());
    HttpServer::spawned(&mut command)
}

fn call() -> String {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "recommend_region", "arguments": {"near": "Tokyo"}},
    });
    let body = body.to_string();
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A connection from 127.0.0.`last`.
async fn connect(server: SocketAddr, last: u8) -> std::io::Result<TcpStream> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0)))?;
    let stream = socket.connect(server).await?.into_std()?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// What an attacker does once with a connection of its own; it is called again and again.
type Attack = fn(&mut TcpStream, usize);

fn write(stream: &mut TcpStream, bytes: &[u8]) {
    // It may have been closed, or be full.
    let _ = stream.write(bytes);
}

const LONG_BODY: &str = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
    Content-Length: 4000000\r\n\r\n{";

const ATTACKS: [(&str, Attack); 12] = [
    ("half a head", |stream, turn| {
        if turn == 0 {
            write(stream, b"POST /mcp HTTP/1.1\r\nHost: local");
        }
    }),
    ("nothing at all", |_, _| {}),
    ("a head of one byte at a time", |stream, turn| {
        let head = call().into_bytes();
        write(stream, &head[turn % head.len()..=turn % head.len()]);
    }),
    ("headers without end", |stream, turn| {
        if turn == 0 {
            write(stream, b"GET /mcp HTTP/1.1\r\n");
        }
        write(stream, b"X-More: more\r\n");
    }),
    ("a body that does not come", |stream, turn| {
        if turn == 0 {
            write(stream, LONG_BODY.as_bytes());
        }
    }),
    ("a body of one byte at a time", |stream, turn| {
        write(stream, if turn == 0 { LONG_BODY.as_bytes() } else { b" " });
    }),
    ("a body that is long and stops before its end", |stream, turn| {
        if turn == 0 {
            write(stream, LONG_BODY.as_bytes());
        }
        write(stream, &[b' '; 50_000]);
    }),
    ("a chunked body without end", |stream, turn| {
        if turn == 0 {
            write(
                stream,
                b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                  Transfer-Encoding: chunked\r\n\r\n",
            );
        }
        write(stream, b"1\r\n \r\n");
    }),
    ("answers that nobody reads", |stream, _| write(stream, call().repeat(40).as_bytes())),
    ("many requests at once, answers read at once", |stream, _| {
        write(stream, call().repeat(4).as_bytes());
        let mut answers = [0; 64 * 1024];
        while stream.read(&mut answers).is_ok_and(|length| length > 0) {}
    }),
    ("one request and then nothing", |stream, turn| {
        if turn == 0 {
            write(stream, call().as_bytes());
        }
    }),
    ("what is no HTTP", |stream, _| write(stream, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")),
];

/// Opens connections from 127.0.0.2 to 9, uses them as `attack` says, and opens new ones for those that were closed.
async fn attack(server: SocketAddr, attack: Attack, until: Instant) {
    let mut open: Vec<(u8, TcpStream, usize)> = Vec::new();
    while Instant::now() < until {
        for last in 2..=9 {
            let mut own = open.iter().filter(|(its, ..)| *its == last).count();
            while own < EACH {
                if let Ok(stream) = connect(server, last).await {
                    open.push((last, stream, 0));
                }
                own += 1;
            }
        }
        open.retain_mut(|(_, stream, turn)| {
            attack(stream, *turn);
            *turn += 1;
            !matches!(stream.take_error(), Ok(Some(_))) && !matches!(stream.peek(&mut [0]), Ok(0))
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Connects and leaves, as fast as it can.
async fn come_and_go(server: SocketAddr, until: Instant) {
    for last in (2..=9).cycle() {
        if Instant::now() >= until {
            return;
        }
        for _ in 0..20 {
            drop(connect(server, last).await);
        }
        tokio::task::yield_now().await;
    }
}

/// Calls until the time is over, on one connection or on a new one each time: how often.
fn honest(server: SocketAddr, keeps: bool, until: Instant) -> usize {
    let mut calls = 0;
    let mut kept: Option<TcpStream> = None;
    while Instant::now() < until {
        let mut stream = kept.take().unwrap_or_else(|| TcpStream::connect(server).unwrap());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(call().as_bytes()).unwrap();
        let answer = answer(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "after {calls} calls: {answer}");
        assert!(answer.contains("ap-northeast"), "{answer}");
        calls += 1;
        kept = keeps.then_some(stream);
        std::thread::sleep(Duration::from_millis(5));
    }
    calls
}

/// One answer, with its head.
fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let length = stream.read(&mut piece).expect("an answer in time");
        assert!(length > 0, "closed after {:?}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&piece[..length]);
        let shown = String::from_utf8_lossy(&text);
        if let Some((head, body)) = shown.split_once("\r\n\r\n") {
            let said = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            if body.len() >= said.unwrap_or(0) {
                return shown.into_owned();
            }
        }
    }
}

/// Descriptors and resident kilobytes of a process.
fn held(pid: u32) -> (usize, usize) {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    (descriptors, line.split_whitespace().nth(1).unwrap().parse().unwrap())
}

#[test]
fn honest_clients_are_served_whatever_others_do() {
    let server = server();
    let address: SocketAddr = server.address().parse().unwrap();
    let pid = server.child.id();
    honest(address, true, Instant::now() + Duration::from_millis(200));
    let (descriptors, memory) = held(pid);
    let names = ATTACKS.map(|(name, _)| name);
    for (number, name) in names.into_iter().chain(["come and go"]).enumerate() {
        let until = Instant::now() + Duration::from_secs(3);
        let attacker = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                match ATTACKS.get(number) {
                    Some((_, how)) => attack(address, *how, until).await,
                    None => come_and_go(address, until).await,
                }
            });
        });
        let clients: Vec<_> = [true, false, true, false]
            .map(|keeps| std::thread::spawn(move || honest(address, keeps, until)))
            .into_iter()
            .collect();
        for client in clients {
            let calls = client.join().unwrap_or_else(|_| panic!("{name}: a client is not served"));
            assert!(calls > 0, "{name}");
        }
        let (during, grown) = held(pid);
        assert!(during <= DESCRIPTORS, "{name}: {during}");
        assert!(grown < memory + 256 * 1024, "{name}: {memory} kB became {grown} kB");
        attacker.join().unwrap();
        let since = Instant::now();
        while held(pid).0 > descriptors + 4 {
            assert!(since.elapsed() < PATIENCE, "{name}: {:?} of {descriptors}", held(pid));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let (_, after) = held(pid);
    assert!(after < memory + 128 * 1024, "{memory} kB became {after} kB");
}

#[test]
fn heads_and_first_requests_have_a_deadline() {
    let server = server();
    let address: SocketAddr = server.address().parse().unwrap();
    let mut open: Vec<(&str, TcpStream)> = ["", "GET /health HTTP/1.1\r\nHo", "\r\n"]
        .map(|sent| (sent, TcpStream::connect(address).unwrap()))
        .into_iter()
        .collect();
    let mut idle = TcpStream::connect(address).unwrap();
    idle.write_all(call().as_bytes()).unwrap();
    assert!(answer(&mut idle).starts_with("HTTP/1.1 200"));
    let since = Instant::now();
    for (sent, stream) in &mut open {
        stream.write_all(sent.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    }
    for (sent, stream) in &mut open {
        let ended = stream.read(&mut [0; 1024]);
        assert!(
            !matches!(&ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
            "{sent:?}"
        );
        assert!(since.elapsed() > Duration::from_secs(5), "{sent:?} was cut off at once");
    }
    // Between requests there is more time, and the head of the next one counts from its beginning.
    idle.write_all(call().as_bytes()).unwrap();
    assert!(answer(&mut idle).starts_with("HTTP/1.1 200"));
}
