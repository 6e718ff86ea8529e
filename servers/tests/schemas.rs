//! What clients see of the tools: recorded, so that a change is meant, and sound for every client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use serde_json::Value;
use snapbox::assert_data_eq;
use snapbox::data::{Data, DataFormat};

/// Words that some clients refuse or misread somewhere in a schema.
const UNPORTABLE: [&str; 8] =
    ["$schema", "$defs", "$ref", "format", "anyOf", "oneOf", "allOf", "patternProperties"];
const LONGEST_NAME: usize = 32;

fn tools() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for server in mcc_servers::servers() {
        let listed = mcc_servers::tool_schemas(server.name).expect("a server of the registry");
        for tool in listed.as_array().expect("a list") {
            all.push((server.name.to_owned(), tool.clone()));
        }
    }
    all
}

#[test]
fn tools_are_as_recorded() {
    for server in mcc_servers::servers() {
        let listed = mcc_servers::tool_schemas(server.name).expect("the server");
        let text = serde_json::to_string_pretty(&listed).expect("JSON") + "\n";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/snapshots/{}.json", server.name));
        assert_data_eq!(text, Data::read_from(&path, Some(DataFormat::Text)).raw());
    }
}

#[test]
fn names_descriptions_and_hints_are_there_and_short() {
    for (server, tool) in tools() {
        let name = tool["name"].as_str().expect("a name");
        assert!(name.len() <= LONGEST_NAME, "{name}");
        let snake = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.chars().all(snake), "{name} is not snake_case");
        assert!(server.len() <= 16, "{server}");
        let description = tool["description"].as_str().expect("a description");
        assert!((40..=700).contains(&description.len()), "{name}: {}", description.len());
        assert!(tool["title"].as_str().is_some_and(|title| !title.is_empty()), "{name}");
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name}: {hint}");
        }
    }
}

#[test]
fn schemas_are_plain_closed_and_described() {
    for (_, tool) in tools() {
        let name = tool["name"].as_str().expect("a name");
        let input = &tool["inputSchema"];
        assert_eq!(input["type"], "object", "{name}");
        assert_eq!(input["additionalProperties"], false, "{name}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
        assert!(tool["outputSchema"]["properties"]["status"].is_object(), "{name}");
        for which in ["inputSchema", "outputSchema"] {
            let schema = &tool[which];
            plain(name, schema, which);
            let properties = schema["properties"].as_object().expect("properties");
            for (property, schema) in properties {
                let described = schema["description"].as_str().is_some_and(|text| text.len() > 3);
                assert!(described, "{name}: {which} {property} has no description");
            }
            jsonschema::validator_for(schema).expect("a valid schema");
        }
    }
}

fn plain(name: &str, schema: &Value, at: &str) {
    match schema {
        Value::Object(members) => {
            for (key, member) in members {
                let inside = at.ends_with("/properties");
                assert!(inside || !UNPORTABLE.contains(&key.as_str()), "{name}: {at}/{key}");
                if key == "type" && !inside {
                    assert!(member.is_string(), "{name}: {at}/{key} is {member}");
                }
                plain(name, member, &format!("{at}/{key}"));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| plain(name, item, at)),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}

/// Hosts put the whole list before the model, so it must not crowd out the work.
#[test]
fn the_list_is_not_too_long() {
    for server in mcc_servers::servers() {
        let own = tools().into_iter().filter(|(name, _)| name == server.name);
        let bytes: usize = own.map(|(_, tool)| tool.to_string().len()).sum();
        assert!(bytes < 60_000, "{}: {bytes} bytes of descriptions and schemas", server.name);
    }
    // Of all servers together, without the schemas of answers, which few hosts show to the model.
    let input = |tool: &Value| {
        tool["description"].to_string().len() + tool["inputSchema"].to_string().len()
    };
    let bytes: usize = tools().iter().map(|(_, tool)| input(tool)).sum();
    assert!(bytes < 60_000, "{bytes} bytes of descriptions and arguments");
}

#[test]
fn mcp_json_registers_every_server() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../mcp.json");
    let text = std::fs::read_to_string(path).expect("mcp.json");
    let config: Value = serde_json::from_str(&text).expect("JSON");
    let registered = config["mcpServers"].as_object().expect("mcpServers");
    let names: Vec<&str> = mcc_servers::servers().iter().map(|server| server.name).collect();
    assert_eq!(registered.keys().collect::<Vec<_>>(), names);
    for (name, entry) in registered {
        assert_eq!(entry["command"], "mcc");
        assert_eq!(entry["args"], serde_json::json!(["serve", name]));
    }
}
