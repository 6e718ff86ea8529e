//! Amazon CloudWatch Logs, with `aws logs tail`.

use serde_json::{Map, Value, json};

use super::args::{Call, Format};
use super::{find, not_implemented};
use crate::outcome::{Answer, Failure};
use crate::world::World;

const GROUP: &str = "logs.group";

/// Parses `aws logs tail GROUP [options]`.
pub(super) fn parse_tail(words: &[String]) -> Result<Call, Failure> {
    let mut input = Map::new();
    let mut region = std::env::var("AWS_REGION").ok();
    let mut words = words.iter().skip(2);
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else {
            if input.insert("group".to_owned(), json!(word)).is_some() {
                return Err(Failure::usage(format!("aws: [ERROR]: Unknown options: {word}")));
            }
            continue;
        };
        match option {
            "follow" => {
                input.insert(option.to_owned(), json!(true));
            }
            "no-cli-pager" => {}
            "since"
            | "format"
            | "log-stream-name-prefix"
            | "filter-pattern"
            | "region"
            | "output"
            | "log-stream-names" => {
                let value = words.next().ok_or_else(|| {
                    Failure::usage(format!("argument --{option}: expected one argument"))
                })?;
                if option == "region" {
                    region = Some(value.clone());
                } else {
                    input.insert(option.to_owned(), json!(value));
                }
            }
            _ => {
                return Err(Failure::usage(format!("aws: [ERROR]: Unknown options: --{option}")));
            }
        }
    }
    if !input.contains_key("group") {
        return Err(Failure::usage(
            "aws: [ERROR]: the following arguments are required: group_name",
        ));
    }
    Ok(Call {
        service: "logs".to_owned(),
        operation: "tail".to_owned(),
        input,
        outfile: None,
        region,
        query: None,
        format: Format::Json,
    })
}

/// Handles `logs`.
pub(super) fn act(world: &mut World, call: &Call) -> Answer {
    let region = call.region()?.to_owned();
    let group =
        if call.operation == "tail" { call.text("group") } else { call.text("logGroupName") };
    if call.operation == "describe-log-groups" {
        let prefix = call.text("logGroupNamePrefix");
        let all = world.list(GROUP, &region).into_iter();
        let list: Vec<Value> = all
            .filter(|(id, _)| id.starts_with(prefix))
            .map(|(id, _)| json!({"logGroupName": id}))
            .collect();
        return Ok(json!({"logGroups": list}));
    }
    find(world, GROUP, &region, group, || {
        Failure::service("ResourceNotFoundException", "The specified log group does not exist.")
    })?;
    let line = "the model server is ready";
    match call.operation.as_str() {
        "tail" => Ok(json!(format!("2026-01-01T00:00:00 {line}\n"))),
        "delete-log-group" => {
            world.remove(GROUP, &region, group);
            Ok(json!({}))
        }
        "describe-log-streams" => {
            let prefix = call.text("logStreamNamePrefix");
            let name = format!("{prefix}AllTraffic/i-0123456789abcdef0");
            Ok(json!({"logStreams": [{"logStreamName": name}]}))
        }
        "get-log-events" => Ok(json!({
            "events": [{"timestamp": 1, "message": line, "ingestionTime": 1}],
            // The same token again is how the service says that there is no more.
            "nextForwardToken": "f/1", "nextBackwardToken": "b/1",
        })),
        "filter-log-events" => Ok(json!({
            "events": [{"timestamp": 1, "message": line, "logStreamName": "s", "eventId": "1"}],
            "searchedLogStreams": [],
        })),
        _ => not_implemented(call),
    }
}
