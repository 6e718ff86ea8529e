//! A stand-in of the Hugging Face Hub on this machine: the routes, headers and codes that `huggingface_hub` itself
//! relies on, as `client.py` shows by having it talk to this.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

/// A token whose user has been let into every gated repository.
pub const GRANTED: &str = "hf_StandinGrantedToken0000000000000001";
/// A token whose user has been let into none.
pub const STRANGER: &str = "hf_StandinStrangerToken000000000000002";
/// Seconds that a slow answer takes.
const SLOW: u64 = 5;

/// What is wrong with answers to paths that have a word in them.
#[derive(Debug, Clone)]
pub enum Fault {
    Status(u16, Vec<(&'static str, &'static str)>),
    Body(&'static str),
    Huge,
    Slow,
    Cut,
    /// To itself, or to an address that is none.
    Redirect(&'static str),
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Came {
    pub path: String,
    pub head: String,
}

impl Came {
    pub fn has_token(&self) -> bool {
        self.head.to_ascii_lowercase().contains("\nauthorization:")
    }
}

struct State {
    models: BTreeMap<String, Value>,
    renamed: Map<String, Value>,
    faults: Mutex<Vec<(String, Fault)>>,
    came: Mutex<Vec<Came>>,
    cdn: u16,
}

pub struct Standin {
    pub port: u16,
    state: Arc<State>,
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The length of what a HEAD is about.
    length: Option<u64>,
}

impl Answer {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), length: None }
    }

    fn json(value: &Value) -> Self {
        Self::new(200, value.to_string()).with("Content-Type", "application/json; charset=utf-8")
    }

    fn error(status: u16, code: Option<&str>, message: &str) -> Self {
        let answer = Self::new(status, json!({"error": message}).to_string());
        let answer = answer.with("X-Error-Message", message);
        code.into_iter().fold(answer, |answer, code| answer.with("X-Error-Code", code))
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Standin {
    /// One with the repositories of `fixture`.
    pub fn start(fixture: &Value) -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").expect("a port of this machine");
        let (hub, cdn) = (listen(), listen());
        let port = |of: &TcpListener| of.local_addr().expect("an address").port();
        let models = fixture["models"].as_array().expect("models");
        let state = Arc::new(State {
            models: models
                .iter()
                .map(|m| (m["id"].as_str().expect("id").into(), m.clone()))
                .collect(),
            renamed: fixture["renamed"].as_object().cloned().unwrap_or_default(),
            faults: Mutex::default(),
            came: Mutex::default(),
            cdn: port(&cdn),
        });
        let started = Self { port: port(&hub), state: Arc::clone(&state) };
        for (listener, is_cdn) in [(hub, false), (cdn, true)] {
            let state = Arc::clone(&state);
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let state = Arc::clone(&state);
                    thread::spawn(move || state.serve(stream, is_cdn));
                }
            });
        }
        started
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Answers with `fault` wherever `word` is in the path.
    pub fn fault(&self, word: &str, fault: Fault) {
        self.state.faults.lock().unwrap().push((word.to_owned(), fault));
    }

    pub fn no_faults(&self) {
        self.state.faults.lock().unwrap().clear();
    }

    /// What came since it was last asked.
    pub fn came(&self) -> Vec<Came> {
        std::mem::take(&mut *self.state.came.lock().unwrap())
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream, cdn: bool) -> Option<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        stream.set_write_timeout(Some(Duration::from_secs(10))).ok()?;
        let mut head = Vec::new();
        let mut byte = [0; 1];
        while !head.ends_with(b"\r\n\r\n") && head.len() < 16 << 10 {
            stream.read_exact(&mut byte).ok()?;
            head.extend_from_slice(&byte);
        }
        let head = String::from_utf8(head).ok()?;
        let mut words = head.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        self.came.lock().unwrap().push(Came { path: path.clone(), head: head.clone() });
        let fault =
            self.faults.lock().unwrap().iter().find(|(word, _)| path.contains(word)).cloned();
        let mut answer = match fault.map(|(_, fault)| fault) {
            Some(Fault::Status(status, headers)) => headers
                .into_iter()
                .fold(Answer::new(status, "no"), |answer, (name, value)| answer.with(name, value)),
            Some(Fault::Body(body)) => Answer::new(200, body),
            Some(Fault::Huge) => Answer::new(200, vec![b' '; 20 << 20]),
            Some(Fault::Redirect(to)) => Answer::new(307, "").with("Location", to),
            Some(Fault::Slow) => {
                thread::sleep(Duration::from_secs(SLOW));
                self.answer(&path, &head, cdn)
            }
            Some(Fault::Cut) => {
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"id\":");
                return None;
            }
            None => self.answer(&path, &head, cdn),
        };
        let length = answer.length.unwrap_or(answer.body.len() as u64);
        let mut text = format!(
            "HTTP/1.1 {} X\r\nContent-Length: {length}\r\nConnection: close\r\n",
            answer.status
        );
        for (name, value) in &answer.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        if method == "HEAD" {
            answer.body.clear();
        }
        stream.write_all(text.as_bytes()).ok()?;
        stream.write_all(&answer.body).ok()
    }

    fn answer(&self, path: &str, head: &str, cdn: bool) -> Answer {
        let (route, query) = path.split_once('?').unwrap_or((path, ""));
        if cdn {
            return self.cdn(route, head);
        }
        let token = header(head, "authorization").map(|value| value.replace("Bearer ", ""));
        if token.as_ref().is_some_and(|token| ![GRANTED, STRANGER].contains(&token.as_str())) {
            return Answer::error(401, None, "Invalid credentials in Authorization header");
        }
        if route == "/api/models" {
            return self.list(query);
        }
        let (api, rest) = match route.strip_prefix("/api/models/") {
            Some(rest) => (true, rest),
            None => (
                false,
                route.trim_start_matches("/api/resolve-cache/models").trim_start_matches('/'),
            ),
        };
        for (old, new) in &self.renamed {
            if rest == old || rest.strip_prefix(&**old).is_some_and(|rest| rest.starts_with('/')) {
                let to = path.replacen(old.as_str(), new.as_str().expect("a name"), 1);
                return Answer::new(307, "").with("Location", &to);
            }
        }
        let found = self.models.iter().find_map(|(id, model)| {
            let rest = rest.strip_prefix(id.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((id, model, rest))
        });
        // A private repository is not there for others.
        let may_see = |model: &Value| {
            model["info"]["private"] != json!(true) || token.as_deref() == Some(GRANTED)
        };
        let Some((id, model, rest)) = found.filter(|(_, model, _)| may_see(model)) else {
            return if token.is_some() {
                Answer::error(404, Some("RepoNotFound"), "Repository not found")
            } else {
                Answer::error(401, None, "Invalid username or password.")
            };
        };
        let sha = model["info"]["sha"].as_str().expect("sha");
        let parts: Vec<&str> = rest.splitn(4, '/').filter(|part| !part.is_empty()).collect();
        let gated = model["info"]["gated"] != json!(false);
        let refused = || {
            let (status, message) = match token.as_deref() {
                None => (
                    401,
                    format!(
                        "Access to model {id} is restricted. You must have access to it and be authenticated to access it. Please log in."
                    ),
                ),
                Some(_) => (
                    403,
                    format!(
                        "Access to model {id} is restricted and you are not in the authorized list."
                    ),
                ),
            };
            Answer::error(status, Some("GatedRepo"), &message)
        };
        let out = gated && token.as_deref() != Some(GRANTED);
        match (api, &parts[..]) {
            (true, ["revision", at]) if !["main", "refs%2Fpr%2F1", sha].contains(at) => {
                Answer::error(404, Some("RevisionNotFound"), &format!("Invalid rev id: {at}"))
            }
            (true, [] | ["revision", _]) => Answer::json(&info(model, query.contains("blobs="))),
            (true, ["auth-check"]) => {
                if out {
                    refused()
                } else {
                    Answer::json(&json!({}))
                }
            }
            (false, _) if out => refused(),
            (false, ["resolve", _, name]) => {
                let Some(file) = model["files"].get(name) else { return missing(sha) };
                if file.get("tensors").is_some() || file.get("size").is_some() {
                    let to = format!(
                        "http://127.0.0.1:{}/{id}/{name}?Signature=signatureThatNobodyMaySee",
                        self.cdn
                    );
                    let size = size_of(file).to_string();
                    return Answer::new(302, "")
                        .with("Location", &to)
                        .with("X-Repo-Commit", sha)
                        .with("X-Linked-Size", &size)
                        .with("X-Linked-ETag", "\"6f\"");
                }
                let to = format!("/api/resolve-cache/models/{id}/{sha}/{name}?etag=%22a1%22");
                Answer::new(307, "")
                    .with("Location", &to)
                    .with("X-Repo-Commit", sha)
                    .with("X-Linked-ETag", "\"a1\"")
            }
            (false, ["raw", _, name]) => match model["files"].get(name) {
                Some(file) => small(file, sha),
                None => missing(sha),
            },
            (false, [at, rest @ ..]) if *at == sha => match model["files"].get(rest.join("/")) {
                Some(file) => small(file, sha),
                None => missing(sha),
            },
            _ => Answer::error(404, None, "Sorry, we can't find the page you are looking for."),
        }
    }

    fn list(&self, query: &str) -> Answer {
        let words =
            query.split('&').find_map(|pair| pair.strip_prefix("search=")).unwrap_or_default();
        let words = words.replace(['+'], " ").to_lowercase();
        let has = |id: &str| words.split(' ').all(|word| id.to_lowercase().contains(word));
        let all = self.models.iter().filter(|(id, _)| has(id));
        Answer::json(
            &all.map(|(_, model)| {
                let mut one = info(model, false);
                // What was not asked for is not listed.
                one.as_object_mut().expect("an object").retain(|key, _| {
                    matches!(key.as_str(), "_id" | "id" | "modelId")
                        || query.contains(&format!("expand={key}"))
                });
                one
            })
            .collect(),
        )
    }

    fn cdn(&self, route: &str, head: &str) -> Answer {
        let found = self.models.iter().find_map(|(id, model)| {
            let name = route.strip_prefix('/')?.strip_prefix(id.as_str())?.strip_prefix('/')?;
            model["files"].get(name)
        });
        let Some(file) = found else { return Answer::error(404, None, "none") };
        let (size, start) = (size_of(file), start_of(file));
        let range = header(head, "range").and_then(|range| {
            let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
            Some((from.parse::<u64>().ok()?, to.parse::<u64>().ok()?.min(size - 1)))
        });
        let Some((from, to)) = range else {
            return Answer { length: Some(size), ..Answer::new(200, "") };
        };
        let body: Vec<u8> = (from..=to)
            .map(|at| {
                usize::try_from(at).ok().and_then(|at| start.get(at)).copied().unwrap_or_default()
            })
            .collect();
        Answer::new(206, body).with("Content-Range", &format!("bytes {from}-{to}/{size}"))
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim().to_owned())
}

fn missing(sha: &str) -> Answer {
    Answer::error(404, Some("EntryNotFound"), "Entry not found").with("X-Repo-Commit", sha)
}

fn text_of(file: &Value) -> String {
    match &file["json"] {
        Value::Null => file["text"].as_str().unwrap_or_default().to_owned(),
        json => json.to_string(),
    }
}

fn small(file: &Value, sha: &str) -> Answer {
    Answer::new(200, text_of(file))
        .with("ETag", "\"a1\"")
        .with("X-Repo-Commit", sha)
        .with("Content-Type", "text/plain; charset=utf-8")
}

/// What the hub says of a repository: as it is recorded, with its files.
fn info(model: &Value, blobs: bool) -> Value {
    let mut said = model["info"].clone();
    said["id"] = model["id"].clone();
    said["modelId"] = model["id"].clone();
    let file = |(name, file): (&String, &Value)| {
        if !blobs {
            return json!({"rfilename": name});
        }
        let size = size_of(file);
        let mut one = json!({"rfilename": name, "blobId": "a".repeat(40), "size": size});
        if file.get("tensors").is_some() || file.get("size").is_some() {
            one["lfs"] = json!({"sha256": "b".repeat(64), "size": size, "pointerSize": 134});
        }
        one
    };
    said["siblings"] = model["files"].as_object().into_iter().flatten().map(file).collect();
    said
}

fn width(format: &str) -> u64 {
    match format {
        "F32" | "I32" => 4,
        "BF16" | "F16" => 2,
        "I64" => 8,
        _ => 1,
    }
}

/// Bytes of the tensors of a file.
pub fn tensor_bytes(file: &Value) -> u64 {
    let tensors = file["tensors"].as_object().into_iter().flatten();
    tensors.map(|(format, count)| width(format) * count.as_u64().expect("a count")).sum()
}

fn size_of(file: &Value) -> u64 {
    match file.get("size").and_then(Value::as_u64) {
        Some(size) => size,
        None if file.get("tensors").is_some() => start_of(file).len() as u64 + tensor_bytes(file),
        None => text_of(file).len() as u64,
    }
}

/// The beginning of a safetensors file: the length of its header, and the header.
fn start_of(file: &Value) -> Vec<u8> {
    let (mut header, mut at) = (Map::new(), 0);
    for (format, count) in file["tensors"].as_object().into_iter().flatten() {
        let bytes = width(format) * count.as_u64().expect("a count");
        let tensor = json!({"dtype": format, "shape": [count], "data_offsets": [at, at + bytes]});
        header.insert(format!("all.{format}"), tensor);
        at += bytes;
    }
    let mut header = Value::Object(header).to_string();
    // A recorded size says how long the header is; spaces may follow it.
    if let Some(size) = file.get("size").and_then(Value::as_u64) {
        let length = usize::try_from(size.saturating_sub(8 + at)).expect("a length");
        header.push_str(&" ".repeat(length.min(1 << 20).saturating_sub(header.len())));
    }
    let mut all = (header.len() as u64).to_le_bytes().to_vec();
    all.extend_from_slice(header.as_bytes());
    all
}
