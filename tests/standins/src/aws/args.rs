//! The command line of the AWS CLI: what was asked, as the service's own input document.
//!
//! `operations.txt` lists every operation with its members. Anything else is refused, the way
//! the CLI refuses it: unknown operations, unknown options, missing required members.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::outcome::Failure;

const OPERATIONS: &str = include_str!("operations.txt");

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Pretty JSON.
    Json,
    /// Tab-separated text.
    Text,
}

/// One parsed call.
#[derive(Debug)]
pub(crate) struct Call {
    /// Service as on the command line: `sagemaker`.
    pub(crate) service: String,
    /// Operation as on the command line: `create-endpoint`.
    pub(crate) operation: String,
    /// The input document, whatever the way it was given.
    pub(crate) input: Map<String, Value>,
    /// The file to write a streamed answer to.
    pub(crate) outfile: Option<String>,
    /// The region, from the option or the environment.
    pub(crate) region: Option<String>,
    /// `JMESPath` expression over the answer.
    pub(crate) query: Option<String>,
    /// Output format.
    pub(crate) format: Format,
}

impl Call {
    /// The operation as the service names it: `CreateEndpoint`.
    pub(crate) fn api_name(&self) -> String {
        let api = self.operation.split('-').map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        });
        api.collect()
    }

    /// A required text member. The table has made sure that it is there.
    pub(crate) fn text(&self, member: &str) -> &str {
        let value = self.input.get(member).and_then(Value::as_str);
        value.unwrap_or_default()
    }

    /// Any member.
    pub(crate) fn value(&self, member: &str) -> Value {
        self.input.get(member).cloned().unwrap_or(Value::Null)
    }

    /// The texts of a list member.
    pub(crate) fn texts(&self, member: &str) -> Vec<String> {
        let items = self.input.get(member).and_then(Value::as_array);
        let texts = items.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// The region of a regional service.
    pub(crate) fn region(&self) -> Result<&str, Failure> {
        self.region.as_deref().ok_or_else(|| {
            Failure::Tool(
                "You must specify a region. You can also configure your region by running \
                 \"aws configure\"."
                    .to_owned(),
            )
        })
    }
}

/// The type of a member, as its marks in the table tell.
#[derive(Debug, Clone, Copy)]
struct Member<'a> {
    name: &'a str,
    required: bool,
    list: bool,
    structure: bool,
    number: bool,
    boolean: bool,
    blob: bool,
}

impl<'a> Member<'a> {
    fn parse(word: &'a str) -> Self {
        let name = word.trim_end_matches(['!', '[', ']', '{', '}', '#', '?', '*']);
        let marks = word.get(name.len()..).unwrap_or_default();
        Self {
            name,
            required: marks.contains('!'),
            list: marks.contains("[]"),
            structure: marks.contains("{}"),
            number: marks.contains('#'),
            boolean: marks.contains('?'),
            blob: marks.contains('*'),
        }
    }

    /// `VolumeSizeInGB` becomes `volume-size-in-gb`, by the own rule of the CLI.
    fn option(&self) -> String {
        let letters: Vec<char> = self.name.chars().collect();
        let mut out = String::new();
        for (i, c) in letters.iter().enumerate() {
            let before = i.checked_sub(1).and_then(|j| letters.get(j));
            let after_lower = before.is_some_and(|p| p.is_ascii_lowercase() || p.is_ascii_digit());
            let ends_run = before.is_some_and(char::is_ascii_uppercase)
                && letters.get(i + 1).is_some_and(char::is_ascii_lowercase);
            if c.is_ascii_uppercase() && (after_lower || ends_run) {
                out.push('-');
            }
            out.push(c.to_ascii_lowercase());
        }
        out
    }
}

/// The members of an operation, or the usage error that the CLI prints.
fn members(service: &str, operation: &str) -> Result<Vec<Member<'static>>, Failure> {
    let mut known_service = false;
    for line in OPERATIONS.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some(service) {
            continue;
        }
        known_service = true;
        if words.next() == Some(operation) {
            return Ok(words.map(Member::parse).collect());
        }
    }
    let (what, name) = if known_service { ("operation", operation) } else { ("command", service) };
    Err(Failure::usage(format!("aws: [ERROR]: argument {what}: Found invalid choice '{name}'")))
}

/// Reads `file://` and `fileb://`, as the CLI does for any option.
fn load(word: &str, blob: bool) -> Result<Vec<u8>, Failure> {
    let path = word.strip_prefix("file://").or(word.strip_prefix("fileb://"));
    if blob && word.starts_with("file://") {
        return Err(Failure::usage(format!("{word}: blobs are read with fileb://")));
    }
    match path {
        Some(path) => fs::read(path).map_err(|e| {
            Failure::usage(format!("aws: [ERROR]: Unable to load paramfile {word}: {e}"))
        }),
        // Version 2 of the CLI takes blobs on the command line as base64.
        None if blob => {
            STANDARD.decode(word).map_err(|_| Failure::usage(format!("Invalid base64: \"{word}\"")))
        }
        None => Ok(word.as_bytes().to_vec()),
    }
}

fn json_text(option: &str, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|e| {
        Failure::usage(format!(
            "aws: [ERROR]: Error parsing parameter '--{option}': Invalid JSON: {e}"
        ))
    })
}

/// `Key=a,Value=b` as an object. Nested shorthand is refused: scripts use JSON for that.
fn shorthand(option: &str, text: &str) -> Result<Value, Failure> {
    let mut map = Map::new();
    for pair in text.split(',') {
        let Some((k, v)) = pair.split_once('=') else {
            return Err(Failure::usage(format!(
                "aws: [ERROR]: Error parsing parameter '--{option}': Expected: '=', received: \
                 '{pair}'"
            )));
        };
        let value = match v {
            "true" => json!(true),
            "false" => json!(false),
            other => json!(other),
        };
        map.insert(k.to_owned(), value);
    }
    Ok(Value::Object(map))
}

fn scalar(member: Member<'_>, option: &str, word: &str) -> Result<Value, Failure> {
    let bytes = load(word, member.blob)?;
    if member.blob {
        return Ok(match String::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(e) => json!({"base64": STANDARD.encode(e.as_bytes())}),
        });
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("--{option}: the value is not UTF-8")))?;
    if member.structure {
        return if text.trim_start().starts_with(['{', '[']) {
            json_text(option, &text)
        } else {
            shorthand(option, &text)
        };
    }
    if member.number {
        return text.parse::<i64>().map(|n| json!(n)).map_err(|_| {
            Failure::usage(format!("--{option}: invalid literal for int(): '{text}'"))
        });
    }
    Ok(json!(text))
}

fn option_value(member: Member<'_>, option: &str, words: &[String]) -> Result<Value, Failure> {
    let Some(first) = words.first() else {
        return Err(Failure::usage(format!(
            "aws: [ERROR]: argument --{option}: expected {}",
            if member.list { "at least one argument" } else { "one argument" }
        )));
    };
    if !member.list {
        if words.len() > 1 {
            return Err(Failure::usage(format!(
                "aws: [ERROR]: Unknown options: {}",
                words.get(1..).unwrap_or_default().join(", ")
            )));
        }
        return scalar(member, option, first);
    }
    if words.len() == 1 {
        let text = String::from_utf8_lossy(&load(first, false)?).into_owned();
        if text.trim_start().starts_with('[') {
            return json_text(option, &text);
        }
    }
    let items = words.iter().map(|w| scalar(member, option, w));
    items.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// Parses the words after `aws` for an operation of the table.
pub(crate) fn parse(words: &[String]) -> Result<Call, Failure> {
    let mut positional: Vec<String> = Vec::new();
    let mut options: Vec<(String, Vec<String>)> = Vec::new();
    for word in words {
        if let Some(option) = word.strip_prefix("--").filter(|o| !o.is_empty()) {
            match option.split_once('=') {
                Some((name, value)) => options.push((name.to_owned(), vec![value.to_owned()])),
                None => options.push((option.to_owned(), Vec::new())),
            }
        } else if let Some((_, values)) = options.last_mut().filter(|(n, v)| takes_more(n, v)) {
            values.push(word.clone());
        } else {
            positional.push(word.clone());
        }
    }
    let mut names = positional.into_iter();
    let (service, operation) = (names.next(), names.next());
    let (Some(service), Some(operation)) = (service, operation) else {
        return Err(Failure::usage("usage: aws [options] <command> <subcommand> [parameters]"));
    };
    let table = members(&service, &operation)?;
    let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let mut call = Call {
        service,
        operation,
        input: Map::new(),
        outfile: None,
        region: env("AWS_REGION").or_else(|| env("AWS_DEFAULT_REGION")),
        query: None,
        format: match env("AWS_DEFAULT_OUTPUT").as_deref() {
            Some("text") => Format::Text,
            _ => Format::Json,
        },
    };
    let mut rest: Vec<String> = names.collect();
    for (option, mut values) in options {
        if let Some(member) = table.iter().find(|m| m.option() == option) {
            // The last option of a streaming operation is followed by its output file.
            if !member.list && values.len() > 1 {
                rest.extend(values.split_off(1));
            }
            let value = if member.boolean {
                rest.append(&mut values);
                json!(true)
            } else {
                option_value(*member, &option, &values)?
            };
            call.input.insert(member.name.to_owned(), value);
        } else if !global(&mut call, &option, &mut values, &mut rest)? {
            return Err(Failure::usage(format!("aws: [ERROR]: Unknown options: --{option}")));
        }
    }
    check(&mut call, &table, rest)?;
    Ok(call)
}

/// Options that every operation takes and that are followed by nothing.
const SWITCHES: [&str; 6] = [
    "no-cli-pager",
    "no-paginate",
    "no-cli-auto-prompt",
    "no-verify-ssl",
    "debug",
    "no-sign-request",
];

/// Whether a word after this option belongs to it. Which options take many words is known only
/// with the operation at hand, so only what takes none or one before the operation matters here.
fn takes_more(option: &str, values: &[String]) -> bool {
    const ONE: [&str; 8] = [
        "region",
        "output",
        "query",
        "profile",
        "endpoint-url",
        "cli-read-timeout",
        "cli-connect-timeout",
        "cli-binary-format",
    ];
    !SWITCHES.contains(&option) && (values.is_empty() || !ONE.contains(&option))
}

/// Takes an option of the CLI itself; false when it is none.
fn global(
    call: &mut Call,
    option: &str,
    values: &mut Vec<String>,
    rest: &mut Vec<String>,
) -> Result<bool, Failure> {
    if SWITCHES.contains(&option) {
        rest.append(values);
        return Ok(true);
    }
    if values.len() > 1 {
        rest.extend(values.split_off(1));
    }
    let value = values.pop();
    let missing = || Failure::usage(format!("argument --{option}: expected one argument"));
    match option {
        "region" => call.region = Some(value.filter(|v| !v.is_empty()).ok_or_else(missing)?),
        "query" => call.query = Some(value.ok_or_else(missing)?),
        "output" => {
            call.format = match value.as_deref() {
                Some("json") => Format::Json,
                Some("text") => Format::Text,
                other => return Err(Failure::usage(format!("--output: {other:?} is not known"))),
            }
        }
        "cli-input-json" => {
            let word = value.ok_or_else(missing)?;
            let text = String::from_utf8_lossy(&load(&word, false)?).into_owned();
            match json_text(option, &text)? {
                Value::Object(map) => {
                    for (k, v) in map {
                        // Options on the command line win over the document.
                        call.input.entry(k).or_insert(v);
                    }
                }
                _ => return Err(Failure::usage("--cli-input-json: not a JSON object")),
            }
        }
        "profile"
        | "endpoint-url"
        | "cli-read-timeout"
        | "cli-connect-timeout"
        | "max-items"
        | "page-size"
        | "starting-token"
        | "cli-binary-format" => {
            value.ok_or_else(missing)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Unknown and missing members, and the output file of streaming operations.
fn check(call: &mut Call, table: &[Member<'_>], rest: Vec<String>) -> Result<(), Failure> {
    let outfile = table.iter().any(|m| m.name == "outfile");
    let mut rest = rest.into_iter();
    if outfile {
        call.outfile = Some(rest.next().ok_or_else(|| {
            Failure::usage("aws: [ERROR]: the following arguments are required: outfile")
        })?);
    }
    let extra: Vec<String> = rest.collect();
    if !extra.is_empty() {
        return Err(Failure::usage(format!("aws: [ERROR]: Unknown options: {}", extra.join(", "))));
    }
    for name in call.input.keys() {
        if !table.iter().any(|m| m.name == name) {
            return Err(Failure::usage(format!(
                "aws: [ERROR]: Parameter validation failed: Unknown parameter in input: \"{name}\""
            )));
        }
    }
    for member in table.iter().filter(|m| m.required) {
        let given = call.input.get(member.name);
        if given.is_none_or(|v| v.is_null() || v == "") {
            return Err(Failure::usage(format!(
                "aws: [ERROR]: the following arguments are required: --{}",
                member.option()
            )));
        }
        if member.list && !given.is_some_and(Value::is_array) {
            return Err(Failure::usage(format!(
                "Parameter validation failed: Invalid type for parameter {}: a list is wanted",
                member.name
            )));
        }
    }
    Ok(())
}
