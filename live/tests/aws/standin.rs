//! A stand-in for AWS: takes requests as they come over the wire, records them, and answers as a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// How many of this operation came before.
    pub before: usize,
}

impl Seen {
    /// `sagemaker`, `us-east-1`, of its signature.
    pub fn scope(&self) -> (String, String) {
        let scope = self.headers.get("authorization").cloned().unwrap_or_default();
        let mut parts = scope.split('/').skip(2).map(str::to_owned);
        let region = parts.next().unwrap_or_default();
        (parts.next().unwrap_or_default(), region)
    }

    /// `GetProducts`.
    pub fn operation(&self) -> String {
        let target = self.headers.get("x-amz-target").and_then(|target| target.split_once('.'));
        match target {
            Some((_, name)) => name.to_owned(),
            None => {
                let action = self.body.split('&').find_map(|part| part.strip_prefix("Action="));
                action.unwrap_or_default().to_owned()
            }
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub after: Duration,
}

impl Reply {
    pub fn of(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), after: Duration::ZERO }
    }

    pub fn json(body: Value) -> Self {
        Self::of(200, body.to_string())
    }

    /// A refusal, in JSON.
    pub fn refused(code: &str) -> Self {
        let body = json!({ "__type": format!("com.amazonaws#{code}"), "message": "FOREIGN TEXT" });
        Self::of(400, body.to_string())
    }

    /// An account of STS.
    pub fn account() -> Self {
        Self::of(
            200,
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a</Arn><UserId>A</UserId>\
             <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    }
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// The stand-in.
#[derive(Clone)]
pub struct Standin {
    pub url: String,
    seen: Arc<Mutex<Vec<(Seen, Reply)>>>,
}

impl Standin {
    pub async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<(Seen, Reply)>>> = Arc::default();
        let script: Arc<Script> = Arc::new(script);
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&all)));
            }
        });
        Self { url, seen }
    }

    pub fn seen(&self) -> Vec<(Seen, Reply)> {
        self.seen.lock().unwrap().clone()
    }

    /// Operations with how often each came.
    pub fn count(&self, operation: &str) -> usize {
        self.seen().iter().filter(|(seen, _)| seen.operation() == operation).count()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, all: Arc<Mutex<Vec<(Seen, Reply)>>>) {
    let mut text = Vec::new();
    let head = loop {
        let mut part = [0; 4096];
        let Ok(read) = stream.read(&mut part).await else { return };
        if read == 0 {
            return;
        }
        text.extend_from_slice(&part[..read]);
        if let Some(at) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
    };
    let lines = String::from_utf8_lossy(&text[..head]).into_owned();
    let mut lines = lines.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize =
        headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = text.split_off(head + 4);
    while body.len() < length {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(read) if read > 0 => body.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let body = String::from_utf8(body).unwrap();
    let mut seen = Seen { method, path, headers, body, before: 0 };
    let reply = {
        let mut all = all.lock().unwrap();
        let operation = seen.operation();
        seen.before = all.iter().filter(|(seen, _)| seen.operation() == operation).count();
        let reply = script(&seen);
        all.push((seen, reply.clone()));
        reply
    };
    tokio::time::sleep(reply.after).await;
    let mut out = format!(
        "HTTP/1.1 {} X\r\ncontent-length: {}\r\nconnection: close\r\n",
        reply.status,
        reply.body.len()
    );
    for (name, value) in &reply.headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("\r\n");
    out.push_str(&reply.body);
    let _gone = stream.write_all(out.as_bytes()).await;
}
