//! A stand-in of AWS at the wire: it takes what the client sends apart, strictly, answers from a table, and keeps both for
//! AWS's own models to judge.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// A request, taken apart.
#[derive(Debug, Clone)]
pub struct Asked {
    pub service: String,
    pub region: String,
    pub operation: String,
    /// Members of JSON or of a form.
    pub input: Value,
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub head: String,
    pub sent: String,
}

/// What is answered: status, headers, body.
#[derive(Debug, Clone)]
pub struct Said {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// How long it takes.
    pub after: Duration,
}

impl Said {
    pub fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![], body: body.into(), after: Duration::ZERO }
    }

    pub fn json(value: &Value) -> Self {
        Self::of(200, value.to_string())
    }

    pub fn text(text: &str) -> Self {
        Self::of(200, text)
    }

    /// Who asks.
    pub fn identity() -> Self {
        Self::text(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>AIDAABCDEFGHIJKLMNOP</UserId>\
             <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    }

    /// A refusal in JSON.
    pub fn code(code: &str) -> Self {
        let body = json!({"__type": format!("com.amazonaws#{code}"), "message": "FOREIGN TEXT"});
        Self::of(400, body.to_string())
    }

    /// A refusal in the form of the service.
    pub fn refused(asked: &Asked, status: u16, code: &str) -> Self {
        Self::because(
            asked,
            status,
            code,
            "User: arn:aws:iam::123456789012:user/s3cr3t-name is not authorized",
        )
    }

    pub fn because(asked: &Asked, status: u16, code: &str, message: &str) -> Self {
        let body = match asked.service.as_str() {
            "s3" => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
            "ec2" => format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
            ),
            _ => json!({"__type": code, "message": message}).to_string(),
        };
        let headers = if asked.service == "eks" {
            vec![("x-amzn-errortype", code.to_owned())]
        } else {
            vec![]
        };
        Self { headers, ..Self::of(status, body) }
    }
}

type Answers = dyn Fn(&Asked) -> Said + Send + Sync;

/// The stand-in. It ends with the test's process.
pub struct Standin {
    pub address: SocketAddr,
    pub url: String,
    calls: Arc<Mutex<Vec<(Asked, Said)>>>,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Standin {
    /// One that knows who asks; the rest is `answers`.
    pub fn start(answers: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        Self::bare(move |asked| match asked.operation.as_str() {
            "GetCallerIdentity" => Said::identity(),
            _ => answers(asked),
        })
    }

    pub fn bare(answers: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers: Arc<Answers> = Arc::new(answers);
        let (calls, faults) = (Arc::default(), Arc::default());
        let url = format!("http://{address}");
        let standin = Self { address, url, calls: Arc::clone(&calls), faults: Arc::clone(&faults) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, calls, faults) =
                    (Arc::clone(&answers), Arc::clone(&calls), Arc::clone(&faults));
                thread::spawn(move || serve(stream, &*answers, &calls, &faults));
            }
        });
        standin
    }

    /// What was asked, in order.
    pub fn all(&self) -> Vec<(Asked, Said)> {
        assert_eq!(
            *self.faults.lock().unwrap(),
            Vec::<String>::new(),
            "requests that no service takes"
        );
        self.calls.lock().unwrap().clone()
    }

    /// The same, except for who asks.
    pub fn calls(&self) -> Vec<(Asked, Said)> {
        let mut calls = self.all();
        calls.retain(|(asked, _)| asked.operation != "GetCallerIdentity");
        calls
    }

    /// How often an operation was asked.
    pub fn count(&self, operation: &str) -> usize {
        self.all().iter().filter(|(asked, _)| asked.operation == operation).count()
    }

    /// The operations that were asked, each with how often.
    pub fn operations(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (asked, _) in self.calls() {
            *counts.entry(format!("{}:{}", asked.service, asked.operation)).or_default() += 1;
        }
        counts
    }

    /// A line for each call, for AWS's models.
    pub fn lines(&self) -> String {
        let mut out = String::new();
        for (asked, said) in self.all() {
            let headers: BTreeMap<_, _> = said.headers.iter().cloned().collect();
            let line = json!({
                "service": asked.service, "operation": asked.operation, "input": asked.input, "method": asked.method,
                "path": asked.path, "query": asked.query, "status": said.status, "headers": headers,
                "body": String::from_utf8_lossy(&said.body), "head": asked.head, "sent": asked.sent,
            });
            writeln!(out, "{line}").unwrap();
        }
        out
    }
}

fn serve(
    mut stream: TcpStream,
    answers: &Answers,
    calls: &Mutex<Vec<(Asked, Said)>>,
    faults: &Mutex<Vec<String>>,
) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    loop {
        let Some((head, body)) = read(&mut stream) else { return };
        let said = match taken_apart(&head, &body) {
            Ok(asked) => {
                let said = answers(&asked);
                calls.lock().unwrap().push((asked, said.clone()));
                said
            }
            Err(fault) => {
                faults.lock().unwrap().push(fault);
                Said::of(501, "")
            }
        };
        thread::sleep(said.after);
        let mut text = format!("HTTP/1.1 {} X\r\n", said.status);
        let told = said.headers.iter().any(|(name, _)| *name == "content-length");
        for (name, value) in &said.headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        if !told {
            write!(text, "content-length: {}\r\n", said.body.len()).unwrap();
        }
        text.push_str("\r\n");
        if stream.write_all(text.as_bytes()).is_err() || stream.write_all(&said.body).is_err() {
            return;
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
            let mut body = bytes[end + 4..].to_vec();
            while body.len() < length {
                let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
                body.extend_from_slice(&buffer[..count]);
            }
            return Some((head, body));
        }
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
    }
}

pub fn header(head: &str, name: &str) -> Option<String> {
    head.lines().skip(1).find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let hex: String = bytes.by_ref().take(2).map(char::from).collect();
            out.push(u8::from_str_radix(&hex, 16).unwrap());
        } else {
            assert_ne!(byte, b'+', "a space is %20");
            out.push(byte);
        }
    }
    String::from_utf8(out).unwrap()
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(a, b)| (decoded(a), decoded(b)))
        .collect()
}

fn taken_apart(head: &str, body: &[u8]) -> Result<Asked, String> {
    let fault = |why: &str| format!("{why}: {}", head.lines().next().unwrap_or_default());
    let mut first = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let authorization = header(head, "authorization").ok_or_else(|| fault("no signature"))?;
    let scope = authorization.split("Credential=").nth(1).and_then(|text| text.split(',').next());
    let scope: Vec<&str> = scope.unwrap_or_default().split('/').collect();
    let [_, _, region, service, "aws4_request"] = scope[..] else { return Err(fault("no scope")) };
    for signed in ["host", "x-amz-date"] {
        if !authorization.contains(signed) {
            return Err(fault("a header that is not signed"));
        }
    }
    let mut asked = Asked {
        service: service.to_owned(),
        region: region.to_owned(),
        operation: String::new(),
        input: json!({}),
        method: method.to_owned(),
        path: decoded(path),
        query: pairs(query),
        head: head.to_owned(),
        sent: String::new(),
    };
    let text = std::str::from_utf8(body).map_err(|_| fault("no text"))?;
    text.clone_into(&mut asked.sent);
    match service {
        "sagemaker" | "ecr" | "secretsmanager" | "pricing" | "servicequotas" => {
            let prefix = match service {
                "sagemaker" => "SageMaker.",
                "ecr" => "AmazonEC2ContainerRegistry_V20150921.",
                "pricing" => "AWSPriceListService.",
                "servicequotas" => "ServiceQuotasV20190624.",
                _ => "secretsmanager.",
            };
            let target = header(head, "x-amz-target").ok_or_else(|| fault("no target"))?;
            let operation = target.strip_prefix(prefix).ok_or_else(|| fault("another target"))?;
            let kind = header(head, "content-type");
            if (method, path, kind.as_deref()) != ("POST", "/", Some("application/x-amz-json-1.1"))
            {
                return Err(fault("no JSON 1.1"));
            }
            asked.operation = operation.to_owned();
            asked.input = serde_json::from_str(text).map_err(|_| fault("no JSON"))?;
        }
        "ec2" | "sts" => {
            let mut form = pairs(text);
            let version = if service == "ec2" { "2016-11-15" } else { "2011-06-15" };
            if form.remove("Version").as_deref() != Some(version) || method != "POST" {
                return Err(fault("another version"));
            }
            asked.operation = form.remove("Action").ok_or_else(|| fault("no action"))?;
            asked.input = json!(form);
        }
        "eks" => {
            let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
            asked.operation = match (method, parts.as_slice()) {
                ("GET", ["clusters", _]) => "DescribeCluster",
                ("GET", ["clusters", _, "addons", _]) => "DescribeAddon",
                _ => return Err(fault("no operation of EKS")),
            }
            .to_owned();
        }
        "bedrock" => {
            let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
            asked.operation = match (method, parts.as_slice()) {
                ("POST", ["model", _, "converse"]) => "Converse",
                ("GET", ["inference-profiles", _]) => "GetInferenceProfile",
                ("GET", ["foundation-models", _]) => "GetFoundationModel",
                _ => return Err(fault("no operation of Bedrock")),
            }
            .to_owned();
            if method == "POST" {
                asked.input = serde_json::from_str(text).map_err(|_| fault("no JSON"))?;
            }
        }
        "s3" => {
            let of_bucket = asked.path.split('/').nth(2).unwrap_or_default().is_empty();
            asked.operation = match (method, of_bucket) {
                ("GET", true) if asked.query.get("list-type").is_some_and(|v| v == "2") => {
                    "ListObjectsV2"
                }
                ("GET", false) => "GetObject",
                ("HEAD", false) => "HeadObject",
                _ => return Err(fault("no operation of S3")),
            }
            .to_owned();
        }
        _ => return Err(fault("another service")),
    }
    Ok(asked)
}
