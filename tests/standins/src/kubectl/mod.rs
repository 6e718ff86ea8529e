//! The `kubectl` stand-in: a small cluster with deployments that roll out, the inference
//! operator, and pods that answer HTTP.
//!
//! It is strict about what has to be said: every call names its kubeconfig, and namespaces exist
//! before objects do. Manifests are checked for the fields that an API server would refuse.

mod cluster;
mod manifest;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::fault::{self, Fault};
use crate::outcome::{Failure, Outcome};
use crate::world::World;
use cluster::Kind;

/// Options that take a value.
const VALUED: [&str; 15] = [
    "kubeconfig",
    "namespace",
    "n",
    "output",
    "o",
    "filename",
    "f",
    "field-manager",
    "selector",
    "l",
    "timeout",
    "tail",
    "since",
    "field-selector",
    "address",
];
/// Options that take none, or `=value` only.
const SWITCHES: [&str; 15] = [
    "cascade",
    "server-side",
    "force-conflicts",
    "ignore-not-found",
    "wait",
    "all-containers",
    "prefix",
    "follow",
    "local",
    "dry-run",
    "overwrite",
    "max-log-requests",
    "sort-by",
    "request-timeout",
    "previous",
];

/// A parsed command line.
pub(crate) struct Call {
    verb: String,
    operands: Vec<String>,
    options: BTreeMap<String, String>,
}

impl Call {
    fn option(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|n| self.options.get(*n)).map(String::as_str)
    }

    fn namespace(&self) -> &str {
        self.option(&["namespace", "n"]).unwrap_or("default")
    }

    fn operand(&self, i: usize) -> &str {
        self.operands.get(i).map(String::as_str).unwrap_or_default()
    }
}

fn parse(words: &[String]) -> Result<Call, Failure> {
    let mut call = Call { verb: String::new(), operands: Vec::new(), options: BTreeMap::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(name) = word.strip_prefix('-').filter(|n| !n.is_empty()) else {
            if call.verb.is_empty() {
                call.verb.clone_from(word);
            } else {
                call.operands.push(word.clone());
            }
            continue;
        };
        let name = name.trim_start_matches('-');
        let (name, inline) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let value = if SWITCHES.contains(&name) {
            inline.unwrap_or_default()
        } else if VALUED.contains(&name) {
            let next = inline.or_else(|| words.next().cloned());
            next.ok_or_else(|| Failure::usage(format!("error: flag needs an argument: --{name}")))?
        } else {
            return Err(Failure::usage(format!("error: unknown flag: --{name}")));
        };
        call.options.insert(name.to_owned(), value);
    }
    Ok(call)
}

/// Runs `kubectl` with `words`.
pub(crate) fn run(words: &[String]) -> Outcome {
    let call = parse(words);
    let mut world = match World::open() {
        Ok(world) => world,
        Err(failure) => return failed(&failure),
    };
    let operation = call.as_ref().map(|c| c.verb.clone()).unwrap_or_default();
    let fault = match fault::fires(&world, "kubectl", &operation) {
        Ok(fault) => fault,
        Err(failure) => return failed(&failure),
    };
    if fault == Some(Fault::KilledBefore) {
        let record = json!({
            "tool": "kubectl", "operation": operation, "argv": words, "fault": "KilledBefore",
        });
        if let Err(failure) = world.record(&record) {
            return failed(&failure);
        }
        fault::kill_group();
    }
    let mut sent = Value::Null;
    let answer = match (&call, fault.and_then(|f| f.instead(&operation))) {
        (_, Some(_)) => Err(Failure::Tool(
            "Error from server (Forbidden): the server does not allow this (injected)".to_owned(),
        )),
        (Err(failure), None) => Err(Failure::Usage(text(failure))),
        (Ok(call), None) => act(&mut world, call, fault, &mut sent),
    };
    let record = json!({
        "tool": "kubectl", "operation": operation, "argv": words, "input": sent,
        "fault": fault.map(|f| format!("{f:?}")),
        "result": match &answer {
            Ok(_) => "ok".to_owned(),
            Err(Failure::Usage(text)) => format!("usage: {text}"),
            Err(failure) => text(failure),
        },
    });
    if let Err(failure) = world.save().and_then(|()| world.record(&record)) {
        return failed(&failure);
    }
    if fault == Some(Fault::Killed) {
        fault::kill_group();
    }
    drop(world);
    match answer {
        Ok(_) if operation == "port-forward" => forward(),
        Ok(outcome) if fault == Some(Fault::Lost) => {
            drop(outcome);
            Outcome::failed(1, "Unable to connect to the server: EOF (injected)")
        }
        Ok(outcome) => outcome,
        Err(failure) => failed(&failure),
    }
}

fn text(failure: &Failure) -> String {
    match failure {
        Failure::Usage(text) | Failure::Tool(text) => text.clone(),
        Failure::Service(code, text) => format!("Error from server ({code}): {text}"),
    }
}

fn failed(failure: &Failure) -> Outcome {
    Outcome::failed(1, text(failure))
}

fn act(
    world: &mut World,
    call: &Call,
    fault: Option<Fault>,
    sent: &mut Value,
) -> Result<Outcome, Failure> {
    if call.verb == "annotate" && call.options.contains_key("local") {
        return annotate_local(call);
    }
    let config = call.option(&["kubeconfig"]).unwrap_or_default();
    if config.is_empty() || fs::metadata(config).is_err() {
        return Err(Failure::usage(
            "standin: kubectl without --kubeconfig FILE would use the user's own cluster",
        ));
    }
    match call.verb.as_str() {
        "apply" => apply(world, call, fault, sent),
        "get" => get(world, call),
        "create" => {
            let objects = manifests(call)?;
            *sent = json!(objects);
            let mut said = String::new();
            for object in objects {
                let name = cluster::create_namespace(world, object)?;
                said += &format!("namespace/{name} created\n");
            }
            Ok(Outcome::text(said))
        }
        "delete" => delete(world, call),
        "logs" => {
            let pods = cluster::pods(world, call.namespace());
            if pods.is_empty() {
                return Ok(Outcome::failed(0, "No resources found in the namespace."));
            }
            Ok(Outcome::text("[pod/model] the model server is ready\n"))
        }
        "port-forward" => {
            let target = call.operand(0);
            let ready = cluster::ready(world, call.namespace(), target)?;
            if !ready {
                return Err(Failure::Tool(
                    "error: unable to forward port: pod is not running".to_owned(),
                ));
            }
            Ok(Outcome::default())
        }
        "version" | "cluster-info" => Ok(Outcome::text("ok\n")),
        other => Err(Failure::usage(format!("error: unknown command \"{other}\" for \"kubectl\""))),
    }
}

/// The manifests of `--filename`, from a file or from standard input.
fn manifests(call: &Call) -> Result<Vec<Value>, Failure> {
    let file = call.option(&["filename", "f"]).unwrap_or_default();
    let text = if file == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|e| Failure::Tool(format!("error: {file}: {e}")))?;
    let found = manifest::parse(&text)?;
    if found.is_empty() {
        return Err(Failure::Tool("error: no objects passed to apply".to_owned()));
    }
    Ok(found)
}

/// `kubectl annotate --local --filename F KEY=VALUE --output json`: no cluster is asked.
fn annotate_local(call: &Call) -> Result<Outcome, Failure> {
    let pair = call.operand(0).split_once('=');
    let (key, value) =
        pair.ok_or_else(|| Failure::usage("error: at least one annotation update is required"))?;
    let mut out = Vec::new();
    for mut object in manifests(call)? {
        if let Some(meta) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            let notes = meta.entry("annotations").or_insert_with(|| json!({}));
            if let Value::Object(notes) = notes {
                notes.insert(key.to_owned(), json!(value));
            }
        }
        out.extend(Outcome::json(&object).stdout);
    }
    Ok(Outcome::text(out))
}

fn apply(
    world: &mut World,
    call: &Call,
    fault: Option<Fault>,
    sent: &mut Value,
) -> Result<Outcome, Failure> {
    let objects = manifests(call)?;
    *sent = json!(objects);
    let mut said = String::new();
    for object in objects {
        manifest::check(&object)?;
        let (kind, name) =
            cluster::apply(world, call.namespace(), object, fault == Some(Fault::EndsFailed))?;
        said += &format!("{kind}/{name} serverside-applied\n");
    }
    Ok(Outcome::text(said))
}

/// `KIND NAME` or `KIND/NAME`.
fn target(call: &Call) -> (String, Option<String>) {
    let first = call.operand(0);
    match first.split_once('/') {
        Some((kind, name)) => (kind.to_owned(), Some(name.to_owned())),
        None => (first.to_owned(), call.operands.get(1).cloned()),
    }
}

fn get(world: &mut World, call: &Call) -> Result<Outcome, Failure> {
    let (kind, name) = target(call);
    let json_wanted = call.option(&["output", "o"]) == Some("json");
    if kind.contains(',') || name.is_none() {
        let mut items = Vec::new();
        for kind in kind.split(',') {
            items.extend(cluster::list(world, Kind::parse(kind)?, call.namespace()));
        }
        if json_wanted {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
            return Ok(Outcome::json(&list));
        }
        let names = items.iter().filter_map(|i| i.pointer("/metadata/name")?.as_str());
        return Ok(Outcome::text(names.collect::<Vec<_>>().join("\n") + "\n"));
    }
    let kind = Kind::parse(&kind)?;
    let name = name.unwrap_or_default();
    match cluster::look(world, kind, call.namespace(), &name) {
        Some(object) if json_wanted => Ok(Outcome::json(&object)),
        Some(_) => Ok(Outcome::text(format!("{name}\n"))),
        None if call.options.contains_key("ignore-not-found") => Ok(Outcome::default()),
        None => Err(cluster::not_found(kind, &name)),
    }
}

fn delete(world: &mut World, call: &Call) -> Result<Outcome, Failure> {
    let (kind, name) = target(call);
    let kind = Kind::parse(&kind)?;
    let name = name.ok_or_else(|| Failure::usage("error: resource name may not be empty"))?;
    if cluster::delete(world, kind, call.namespace(), &name) {
        return Ok(Outcome::text(format!("\"{name}\" deleted\n")));
    }
    if call.options.contains_key("ignore-not-found") {
        return Ok(Outcome::default());
    }
    Err(cluster::not_found(kind, &name))
}

/// Serves canned answers on a free port until it is killed or nobody has asked for a while.
fn forward() -> Outcome {
    let listener = match TcpListener::bind("127.0.0.1:0") {
        Ok(listener) => listener,
        Err(e) => return Outcome::failed(1, format!("error: unable to listen: {e}")),
    };
    let port = listener.local_addr().map(|a| a.port()).unwrap_or_default();
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "Forwarding from 127.0.0.1:{port} -> 8080");
    let _ = stdout.flush();
    crate::docker::serve_for(&listener, || true);
    Outcome::default()
}
