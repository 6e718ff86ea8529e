//! The `docker` stand-in: images, containers that answer HTTP, and pushes to the world's ECR.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::aws::artifacts;
use crate::fault::{self, Fault};
use crate::outcome::{Failure, Outcome};
use crate::world::World;

const IMAGE: &str = "docker.image";
const CONTAINER: &str = "docker.container";
const LOGIN: &str = "docker.login";

/// Answers requests and batch outputs of every kind of project.
pub(crate) const CANNED: &str = concat!(
    r#"{"standin":true,"predictions":[0],"choices":[{"index":0,"text":"ok","#,
    r#""message":{"role":"assistant","content":"ok"}}],"#,
    r#""outputs":[{"name":"y","datatype":"FP32","shape":[1],"data":[0.0]}],"#,
    r#""text_output":"ok","data":[{"b64_json":"aW1hZ2U="}]}"#
);

/// Runs `docker` with `words`.
pub(crate) fn run(words: &[String]) -> Outcome {
    if words.first().map(String::as_str) == Some("standin-serve") {
        serve(words);
        return Outcome::default();
    }
    let mut world = match World::open() {
        Ok(world) => world,
        Err(failure) => return failed(&failure),
    };
    let operation = match words.first().map(String::as_str) {
        Some("image" | "buildx" | "container") => {
            words.iter().take(2).cloned().collect::<Vec<_>>().join(" ")
        }
        first => first.unwrap_or_default().to_owned(),
    };
    let fault = match fault::fires(&world, "docker", &operation) {
        Ok(fault) => fault,
        Err(failure) => return failed(&failure),
    };
    let mut stdin = String::new();
    if operation == "login" {
        let _ = std::io::stdin().read_to_string(&mut stdin);
    }
    let answer = match fault.and_then(|f| f.instead(&operation)) {
        Some(_) => Err(Failure::Tool("denied: requested access is denied (injected)".to_owned())),
        None => act(&mut world, &operation, words, &stdin),
    };
    let record = json!({
        "tool": "docker", "operation": operation, "argv": words,
        "fault": fault.map(|f| format!("{f:?}")),
        "result": match &answer { Ok(_) => "ok".to_owned(), Err(failure) => message(failure) },
    });
    if let Err(failure) = world.save().and_then(|()| world.record(&record)) {
        return failed(&failure);
    }
    if matches!(fault, Some(Fault::Killed | Fault::KilledBefore)) {
        fault::kill_group();
    }
    answer.unwrap_or_else(|failure| failed(&failure))
}

fn message(failure: &Failure) -> String {
    match failure {
        Failure::Usage(text) => format!("usage: {text}"),
        Failure::Service(code, text) => format!("{code}: {text}"),
        Failure::Tool(text) => text.clone(),
    }
}

fn failed(failure: &Failure) -> Outcome {
    let status = if matches!(failure, Failure::Usage(_)) { 125 } else { 1 };
    Outcome::failed(status, message(failure))
}

/// The options and operands of one docker command line.
struct Parsed {
    options: BTreeMap<String, Vec<String>>,
    operands: Vec<String>,
}

impl Parsed {
    fn last(&self, option: &str) -> Option<&str> {
        self.options.get(option)?.last().map(String::as_str)
    }
}

/// Splits a command line. Everything after the first operand belongs to the container when
/// `stops` is set, as for `docker run`.
fn parse(
    words: &[String],
    valued: &[&str],
    switches: &[&str],
    stops: bool,
) -> Result<Parsed, Failure> {
    let mut parsed = Parsed { options: BTreeMap::new(), operands: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let is_option = word.starts_with('-') && word != "-";
        if !is_option || (stops && !parsed.operands.is_empty()) {
            parsed.operands.push(word.clone());
            continue;
        }
        let name = word.trim_start_matches('-');
        let (name, inline) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let value = if switches.contains(&name) {
            inline.unwrap_or_default()
        } else if valued.contains(&name) {
            let next = inline.or_else(|| words.next().cloned());
            next.ok_or_else(|| Failure::usage(format!("flag needs an argument: --{name}")))?
        } else {
            return Err(Failure::usage(format!("unknown flag: --{name}")));
        };
        parsed.options.entry(name.to_owned()).or_default().push(value);
    }
    Ok(parsed)
}

fn act(
    world: &mut World,
    operation: &str,
    words: &[String],
    stdin: &str,
) -> Result<Outcome, Failure> {
    let skip = operation.split(' ').count();
    let rest = words.get(skip..).unwrap_or_default();
    match operation {
        "buildx version" => Ok(Outcome::text("github.com/docker/buildx v0.29.0\n")),
        "version" | "info" => Ok(Outcome::text("28.2.2\n")),
        "build" | "buildx build" => build(world, rest),
        "image inspect" => inspect(world, rest, IMAGE, "image"),
        "inspect" | "container inspect" => inspect(world, rest, CONTAINER, "object"),
        "tag" => tag(world, rest),
        "login" => login(world, rest, stdin),
        "push" => push(world, rest),
        "pull" => Ok(Outcome::default()),
        "run" => run_container(world, rest),
        "rm" | "stop" => remove(world, rest),
        "logs" => {
            let parsed =
                parse(rest, &["tail", "n", "since"], &["follow", "f", "timestamps"], false)?;
            let name = parsed.operands.first().cloned().unwrap_or_default();
            world.get(CONTAINER, "-", &name).ok_or_else(|| no_such("container", &name))?;
            Ok(Outcome::text("the model server is ready\n"))
        }
        other => Err(Failure::usage(format!("docker: '{other}' is not a docker command."))),
    }
}

fn no_such(what: &str, name: &str) -> Failure {
    Failure::Tool(format!("Error response from daemon: No such {what}: {name}"))
}

fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains(':') || name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}:latest")
    }
}

fn build(world: &mut World, rest: &[String]) -> Result<Outcome, Failure> {
    let valued = [
        "tag",
        "t",
        "platform",
        "file",
        "f",
        "build-arg",
        "secret",
        "output",
        "progress",
        "label",
        "target",
        "cache-from",
        "cache-to",
        "provenance",
        "sbom",
    ];
    let parsed = parse(rest, &valued, &["no-cache", "pull", "quiet", "q", "load"], false)?;
    let [context] = parsed.operands.as_slice() else {
        return Err(Failure::usage("\"docker build\" requires 1 argument"));
    };
    let file = parsed.last("file").or(parsed.last("f")).map(PathBuf::from);
    let file = file.unwrap_or_else(|| Path::new(context).join("Dockerfile"));
    let text = fs::read_to_string(&file).map_err(|e| {
        Failure::Tool(format!("ERROR: failed to read dockerfile: {}: {e}", file.display()))
    })?;
    if !text.lines().any(|l| l.starts_with("FROM ")) {
        return Err(Failure::Tool("ERROR: dockerfile parse error: no build stage".to_owned()));
    }
    for source in copied(&text) {
        if !Path::new(context).join(source).exists() {
            return Err(Failure::Tool(format!(
                "ERROR: failed to calculate checksum of ref: \"/{source}\": not found"
            )));
        }
    }
    let serial = world.count("builds_local");
    let platform = parsed.last("platform").unwrap_or("linux/amd64");
    let (os, arch) = platform.split_once('/').unwrap_or(("linux", platform));
    let tags = parsed.options.get("tag").or(parsed.options.get("t")).cloned().unwrap_or_default();
    let labels = parsed.options.get("label").into_iter().flatten();
    let labels: BTreeMap<&str, &str> = labels.filter_map(|l| l.split_once('=')).collect();
    for name in tags {
        let value = json!({"Config": {"Labels": labels}, "Id": format!("sha256:{serial:064x}"), "Os": os, "Architecture": arch,
                           "RepoDigests": []});
        world.put(IMAGE, "-", &with_tag(&name), value);
    }
    Ok(Outcome::default())
}

/// What a Dockerfile copies from its context: the words of `COPY` lines but for options and the destination.
fn copied(dockerfile: &str) -> impl Iterator<Item = &str> {
    let lines = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY "));
    lines.filter(|line| !line.contains("--from=")).flat_map(|line| {
        let words: Vec<&str> = line.split_whitespace().filter(|w| !w.starts_with("--")).collect();
        let sources = words.len().saturating_sub(1);
        words.into_iter().take(sources)
    })
}

fn inspect(world: &World, rest: &[String], kind: &str, what: &str) -> Result<Outcome, Failure> {
    let parsed = parse(rest, &["format", "f", "type"], &[], false)?;
    let name = parsed.operands.first().cloned().unwrap_or_default();
    let id = if kind == IMAGE { with_tag(&name) } else { name.clone() };
    let Some(value) = world.get(kind, "-", &id) else {
        return Err(Failure::Tool(format!("Error: No such {what}: {name}")));
    };
    let Some(format) = parsed.last("format").or(parsed.last("f")) else {
        return Ok(Outcome::json(&json!([value])));
    };
    let path = format.trim_start_matches("{{").trim_end_matches("}}").trim();
    let path = path.trim_start_matches("json ").replace('.', "/");
    let found = value.pointer(&path).ok_or_else(|| {
        Failure::Tool(format!("template parsing error: no {format} in the stand-in's {what}"))
    })?;
    let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    Ok(Outcome::text(text + "\n"))
}

fn tag(world: &mut World, rest: &[String]) -> Result<Outcome, Failure> {
    let [from, to] = rest else {
        return Err(Failure::usage("\"docker tag\" requires 2 arguments"));
    };
    let image = world.get(IMAGE, "-", &with_tag(from)).cloned();
    let image = image.ok_or_else(|| no_such("image", from))?;
    world.put(IMAGE, "-", &with_tag(to), image);
    Ok(Outcome::default())
}

fn login(world: &mut World, rest: &[String], password: &str) -> Result<Outcome, Failure> {
    let parsed = parse(rest, &["username", "u"], &["password-stdin"], false)?;
    if !parsed.options.contains_key("password-stdin") {
        return Err(Failure::usage("standin: a password on the command line is not accepted"));
    }
    let host = parsed.operands.first().cloned().unwrap_or_default();
    if password.trim() != "standin-login-password" {
        return Err(Failure::Tool("Error response from daemon: login attempt failed".to_owned()));
    }
    world.put(LOGIN, "-", &host, json!({}));
    Ok(Outcome::text("Login Succeeded\n"))
}

fn push(world: &mut World, rest: &[String]) -> Result<Outcome, Failure> {
    let parsed = parse(rest, &[], &["quiet", "q"], false)?;
    let name = with_tag(parsed.operands.first().map(String::as_str).unwrap_or_default());
    world.get(IMAGE, "-", &name).ok_or_else(|| no_such("image", &name))?;
    let (host, path) = name.split_once('/').unwrap_or_default();
    if world.get(LOGIN, "-", host).is_none() {
        return Err(Failure::Tool("no basic auth credentials".to_owned()));
    }
    let (repository, tag) = path.rsplit_once(':').unwrap_or((path, "latest"));
    let region = host.split('.').nth(3).unwrap_or_default().to_owned();
    let digest = artifacts::push(world, &region, repository, tag).ok_or_else(|| {
        Failure::Tool(format!(
            "name unknown: The repository with name '{repository}' does not exist"
        ))
    })?;
    Ok(Outcome::text(format!("{tag}: digest: {digest} size: 1\n")))
}

fn run_container(world: &mut World, rest: &[String]) -> Result<Outcome, Failure> {
    let valued = [
        "name",
        "platform",
        "publish",
        "p",
        "env",
        "e",
        "volume",
        "v",
        "gpus",
        "shm-size",
        "user",
        "u",
        "network",
        "entrypoint",
        "memory",
        "cpus",
    ];
    let parsed = parse(rest, &valued, &["detach", "d", "rm", "init", "read-only", "i", "t"], true)?;
    let image = with_tag(parsed.operands.first().map(String::as_str).unwrap_or_default());
    world.get(IMAGE, "-", &image).ok_or_else(|| no_such("image", &image))?;
    let name = parsed.last("name").map_or_else(|| "unnamed".to_owned(), str::to_owned);
    if world.get(CONTAINER, "-", &name).is_some() {
        return Err(Failure::Tool(format!("Conflict. The container name \"/{name}\" is in use")));
    }
    let detached = parsed.options.contains_key("detach") || parsed.options.contains_key("d");
    if !detached {
        // In the foreground the container would serve until it is stopped: it has been, at once.
        return Ok(Outcome::text("the model server is ready\n"));
    }
    let published = parsed.last("publish").or(parsed.last("p")).unwrap_or_default();
    let mut parts: Vec<&str> = published.split(':').collect();
    parts.pop();
    let port = parts.pop().unwrap_or("0").to_owned();
    let marker = world.dir().join(format!("container-{name}"));
    fs::write(&marker, "").map_err(|e| Failure::Tool(e.to_string()))?;
    let own = std::env::current_exe().map_err(|e| Failure::Tool(e.to_string()))?;
    Command::new(own)
        .args(["docker", "standin-serve", &port])
        .arg(&marker)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| Failure::Tool(e.to_string()))?;
    let env = parsed.options.get("env").cloned().unwrap_or_default();
    let value = json!({"State": {"Running": true, "ExitCode": 0}, "Config": {"Env": env},
                       "Image": image});
    world.put(CONTAINER, "-", &name, value);
    Ok(Outcome::text("0123456789ab\n"))
}

fn remove(world: &mut World, rest: &[String]) -> Result<Outcome, Failure> {
    let parsed = parse(rest, &["time", "t"], &["force", "f", "volumes"], false)?;
    for name in &parsed.operands {
        let _ = fs::remove_file(world.dir().join(format!("container-{name}")));
        if world.remove(CONTAINER, "-", name).is_none() {
            return Err(no_such("container", name));
        }
    }
    Ok(Outcome::default())
}

/// `standin-serve PORT MARKER`: answers HTTP on the port as long as the marker file exists.
fn serve(words: &[String]) {
    let (Some(port), Some(marker)) = (words.get(1), words.get(2)) else { return };
    let Ok(listener) = TcpListener::bind(format!("127.0.0.1:{port}")) else { return };
    serve_for(&listener, || Path::new(marker).exists());
}

/// Answers HTTP while `wanted`, and at most for a minute: nothing outlives a broken test.
pub(crate) fn serve_for(listener: &TcpListener, wanted: impl Fn() -> bool) {
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    let started = Instant::now();
    while wanted() && started.elapsed() < Duration::from_mins(1) {
        match listener.accept() {
            Ok((stream, _)) => {
                let _ = answer(stream);
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = Vec::new();
    let mut buffer = [0_u8; 4096];
    let head = loop {
        let n = stream.read(&mut buffer)?;
        request.extend(buffer.iter().take(n));
        let end = request.windows(4).position(|w| w == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        if n == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&request).into_owned();
    let length = text.lines().find_map(|l| l.strip_prefix("Content-Length: ")?.parse().ok());
    while request.len() < head + length.unwrap_or(0) {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        request.extend(buffer.iter().take(n));
    }
    let body = if text.starts_with("GET /ping") { "" } else { CANNED };
    let head = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
    stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes())
}
