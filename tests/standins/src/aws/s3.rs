//! The high-level `aws s3` commands: `cp`, `sync`, `rm`, `ls`, `mb`, `rb`.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::args::{Call, Format};
use super::storage::{check_bucket, keys, read, remove, split, write};
use crate::outcome::{Answer, Failure};
use crate::world::World;

/// Options that take a value.
const VALUED: [&str; 10] = [
    "output",
    "region",
    "sse",
    "sse-kms-key-id",
    "content-type",
    "exclude",
    "include",
    "metadata",
    "expected-size",
    "profile",
];
/// Options that take none.
const SWITCHES: [&str; 8] = [
    "recursive",
    "quiet",
    "only-show-errors",
    "no-progress",
    "force",
    "delete",
    "no-cli-pager",
    "human-readable",
];

/// Parses the words after `aws`.
pub(super) fn parse(words: &[String]) -> Result<Call, Failure> {
    let mut input = Map::new();
    let mut paths: Vec<Value> = Vec::new();
    let mut region = std::env::var("AWS_REGION").ok();
    let mut words = words.iter().skip(1);
    let command = words.next().cloned().unwrap_or_default();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else {
            paths.push(json!(word));
            continue;
        };
        if VALUED.contains(&option) {
            let value = words.next().ok_or_else(|| {
                Failure::usage(format!("aws: [ERROR]: argument --{option}: expected one argument"))
            })?;
            if option == "region" {
                region = Some(value.clone());
            }
            input.insert(option.to_owned(), json!(value));
        } else if SWITCHES.contains(&option) {
            input.insert(option.to_owned(), json!(true));
        } else {
            return Err(Failure::usage(format!("aws: [ERROR]: Unknown options: --{option}")));
        }
    }
    let wanted = match command.as_str() {
        "cp" | "sync" => 2..=2,
        "rm" | "mb" | "rb" => 1..=1,
        "ls" => 0..=1,
        other => {
            return Err(Failure::usage(format!(
                "aws: [ERROR]: argument subcommand: Found invalid choice '{other}'"
            )));
        }
    };
    if !wanted.contains(&paths.len()) {
        return Err(Failure::usage(format!("aws s3 {command}: wrong number of paths: {paths:?}")));
    }
    input.insert("paths".to_owned(), Value::Array(paths));
    Ok(Call {
        service: "s3".to_owned(),
        operation: command,
        input,
        outfile: None,
        region,
        query: None,
        format: Format::Text,
    })
}

fn tool(what: &str, e: &dyn std::fmt::Display) -> Failure {
    Failure::Tool(format!("fatal error: {what}: {e}"))
}

/// The key that a local file gets: S3 keys that end in `/` take the file's name.
fn join(key: &str, name: &str) -> String {
    if key.is_empty() || key.ends_with('/') { format!("{key}{name}") } else { key.to_owned() }
}

fn files_below(
    root: &Path,
    folder: &Path,
    out: &mut Vec<(String, PathBuf)>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(root, &path, out)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            out.push((relative.to_string_lossy().into_owned(), path.clone()));
        }
    }
    Ok(())
}

/// Handles `s3`.
pub(super) fn act(world: &mut World, call: &Call) -> Answer {
    let paths = call.texts("paths");
    let first = paths.first().map(String::as_str).unwrap_or_default();
    let second = paths.get(1).map(String::as_str).unwrap_or_default();
    let recursive = call.value("recursive") == json!(true) || call.operation == "sync";
    match call.operation.as_str() {
        "cp" | "sync" => match (split(first), split(second)) {
            (None, Some(to)) => upload(world, first, to, recursive),
            (Some(from), None) => download(world, from, second, recursive),
            (Some(from), Some(to)) => copy(world, from, to, recursive),
            (None, None) => Err(Failure::usage("usage: aws s3 cp <LocalPath> <S3Uri> …")),
        },
        "rm" => {
            let (bucket, key) = uri(first)?;
            check_bucket(world, bucket, false)?;
            if recursive {
                // As the CLI does: what is named is a folder.
                let folder = if key.is_empty() || key.ends_with('/') {
                    key.to_owned()
                } else {
                    format!("{key}/")
                };
                for (key, _) in keys(world, bucket, &folder) {
                    remove(world, bucket, &key);
                }
            } else {
                remove(world, bucket, key);
            }
            Ok(json!(""))
        }
        "ls" => {
            let (bucket, key) = uri(first)?;
            check_bucket(world, bucket, false)?;
            let found = keys(world, bucket, key);
            if found.is_empty() {
                return Err(Failure::Tool(String::new()));
            }
            let line = |(k, n): &(String, u64)| format!("2026-01-01 00:00:00 {n:>10} {k}\n");
            Ok(json!(found.iter().map(line).collect::<String>()))
        }
        _ => Err(Failure::usage(format!("standin: aws s3 {} is not covered", call.operation))),
    }
}

fn uri(text: &str) -> Result<(&str, &str), Failure> {
    split(text).ok_or_else(|| Failure::usage(format!("Invalid argument: {text} is no S3 URI")))
}

fn upload(world: &mut World, from: &str, to: (&str, &str), recursive: bool) -> Answer {
    let (bucket, key) = to;
    check_bucket(world, bucket, false)?;
    if recursive {
        let mut files = Vec::new();
        let root = Path::new(from);
        files_below(root, root, &mut files).map_err(|e| tool(from, &e))?;
        for (name, path) in files {
            let body = fs::read(&path).map_err(|e| tool(from, &e))?;
            let prefix = key.trim_end_matches('/');
            let key = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            write(world, bucket, &key, &body)?;
        }
        return Ok(json!(""));
    }
    let (body, name) = if from == "-" {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body).map_err(|e| tool(from, &e))?;
        (body, String::new())
    } else {
        let body = fs::read(from)
            .map_err(|_| Failure::Tool(format!("The user-provided path {from} does not exist.")))?;
        let name = Path::new(from).file_name().unwrap_or_default().to_string_lossy().into_owned();
        (body, name)
    };
    write(world, bucket, &join(key, &name), &body)?;
    Ok(json!(""))
}

fn download(world: &World, from: (&str, &str), to: &str, recursive: bool) -> Answer {
    let (bucket, key) = from;
    check_bucket(world, bucket, false)?;
    if recursive {
        for (found, _) in keys(world, bucket, key) {
            let body = read(world, bucket, &found).unwrap_or_default();
            let name = found.strip_prefix(key).unwrap_or(&found).trim_start_matches('/');
            let path = Path::new(to).join(name);
            let parent = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(parent).map_err(|e| tool(to, &e))?;
            fs::write(path, body).map_err(|e| tool(to, &e))?;
        }
        return Ok(json!(""));
    }
    let body = read(world, bucket, key).ok_or_else(|| {
        Failure::Tool(
            "fatal error: An error occurred (404) when calling the HeadObject operation: Key \
             does not exist"
                .to_owned(),
        )
    })?;
    if to == "-" {
        std::io::stdout().write_all(&body).map_err(|e| tool(to, &e))?;
        return Ok(json!(""));
    }
    let mut path = PathBuf::from(to);
    if path.is_dir() || to.ends_with('/') {
        path.push(key.rsplit('/').next().unwrap_or_default());
    }
    fs::write(&path, body).map_err(|e| tool(to, &e))?;
    Ok(json!(""))
}

fn copy(world: &mut World, from: (&str, &str), to: (&str, &str), recursive: bool) -> Answer {
    check_bucket(world, from.0, false)?;
    check_bucket(world, to.0, false)?;
    let found = if recursive { keys(world, from.0, from.1) } else { vec![(from.1.to_owned(), 0)] };
    for (key, _) in found {
        let body = read(world, from.0, &key)
            .ok_or_else(|| Failure::Tool(format!("fatal error: {key} does not exist")))?;
        let name = key.strip_prefix(from.1).unwrap_or_default();
        let base = key.rsplit('/').next().unwrap_or_default();
        let target = if recursive { format!("{}{name}", to.1) } else { join(to.1, base) };
        write(world, to.0, &target, &body)?;
    }
    Ok(json!(""))
}
