//! Which room may know which: the arrows of ARCHITECTURE.md, read from the crates' manifests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

#[path = "architecture/floors.rs"]
mod floors;
#[path = "architecture/reads.rs"]
mod reads;

/// A crate's folder and name, the project's own crates that it may use, and what it must not use of others.
const ROOMS: [(&str, &str, &[&str], &[&str]); 6] = [
    ("files", "mcc-files", &[], PURE),
    ("catalogs", "mcc-catalogs", &["mcc-files"], PURE),
    ("fit", "mcc-fit", &["mcc-catalogs"], PURE),
    ("generator", "mcc-generator", &["mcc-fit", "mcc-catalogs", "mcc-files"], PURE),
    ("servers", "mcc-servers", &["mcc-generator", "mcc-fit", "mcc-catalogs", "mcc-files"], NETWORK),
    ("live", "mcc-live", &["mcc-catalogs", "mcc-files"], &[]),
];
/// What reaches out.
const NETWORK: &[&str] = &["reqwest", "ureq", "hyper-rustls", "aws-config", "oci-client"];
/// And what waits.
const PURE: &[&str] =
    &["reqwest", "ureq", "hyper", "aws-config", "oci-client", "tokio", "rmcp", "axum"];

/// What a manifest depends on in a build: on every system, without what only tests use.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let mut tables = vec![manifest.get("dependencies")];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().map(|target| target.get("dependencies")));
    }
    let tables = tables.into_iter().flatten().filter_map(toml::Value::as_table);
    tables.flat_map(|table| table.keys().cloned()).collect()
}

/// What is wrong with a manifest.
fn fault(manifest: &str, allowed: &[&str], never: &[&str]) -> Option<String> {
    let used = dependencies(manifest);
    let wrong = |name: &String| {
        let own = name.starts_with("mcc-") || name == "mcc";
        (own && !allowed.contains(&name.as_str())) || never.contains(&name.as_str())
    };
    used.into_iter().find(wrong)
}

fn manifest(folder: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(folder).join("Cargo.toml")).unwrap()
}

#[test]
fn no_arrow_goes_the_other_way() {
    for (folder, name, allowed, never) in ROOMS {
        let text = manifest(folder);
        assert!(text.contains(&format!("name = \"{name}\"")), "{folder}");
        assert_eq!(fault(&text, allowed, never), None, "{folder}");
    }
}

/// Only `live/` has what reaches out: neither does the command line, which everything ends in.
#[test]
fn the_network_is_in_one_room() {
    let reaches = |folder: &str| {
        let used = dependencies(&manifest(folder));
        NETWORK.iter().any(|name| used.contains(*name))
            || used.iter().any(|name| name.starts_with("aws-"))
    };
    let rooms = ROOMS.iter().map(|room| room.0).chain(["."]);
    assert_eq!(rooms.filter(|folder| reaches(folder)).collect::<Vec<_>>(), ["live"]);
}

#[test]
fn every_room_has_its_arrows() {
    let root: toml::Table = manifest(".").parse().unwrap();
    let members = root["workspace"]["members"].as_array().unwrap();
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|room| room.0).collect();
    let known: BTreeSet<&str> = members
        .iter()
        .map(|member| member.as_str().unwrap())
        .filter(|m| *m != "tests/standins")
        .collect();
    assert_eq!(rooms, known);
}

#[test]
fn a_wrong_arrow_is_seen() {
    for (planted, found) in [
        ("mcc-servers.workspace = true", "mcc-servers"),
        ("mcc-generator = { path = \"../generator\" }", "mcc-generator"),
        ("tokio.workspace = true", "tokio"),
        ("[target.'cfg(unix)'.dependencies]\nreqwest = \"1\"", "reqwest"),
    ] {
        let text = manifest("fit").replacen(
            "[dependencies]\n",
            &format!("[dependencies]\n{planted}\n"),
            1,
        );
        // A table in the middle would take what follows it along.
        let text = if planted.starts_with('[') {
            format!("{}\n{planted}\n", manifest("fit"))
        } else {
            text
        };
        let (_, _, allowed, never) = ROOMS[2];
        assert_eq!(fault(&text, allowed, never).as_deref(), Some(found), "{planted}");
    }
}

/// The folders of `servers/src` and those of its own crate that each may use besides itself.
const WINGS: [(&str, &[&str]); 8] = [
    ("mcp", &[]),
    ("common", &["mcp"]),
    ("base_image", &["mcp", "common"]),
    ("generate_project", &["mcp", "common"]),
    ("hyperpod", &["mcp", "common"]),
    ("instance", &["mcp", "common"]),
    ("model", &["mcp", "common"]),
    ("region", &["mcp", "common"]),
];

/// `source` without the tests at its end. Tests in a file of their own, and what debug builds add, end nothing.
fn code(source: &str) -> &str {
    let inline = |(at, mark): &(usize, &str)| {
        let line = source[at + mark.len()..].trim_start().lines().next().unwrap_or_default();
        line.starts_with("mod ") && line.contains('{')
    };
    let end = source.match_indices("#[cfg(test)]").find(inline).map(|(at, _)| at);
    &source[..end.unwrap_or(source.len())]
}

/// The parts of its own crate that `source` names, without what is only for tests.
fn named(source: &str) -> BTreeSet<String> {
    let code = code(source);
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default(),
            None => rest.split(|c: char| c != '_' && !c.is_alphanumeric()).next().unwrap(),
        };
        let first = |name: &str| name.split("::").next().unwrap_or_default().trim().to_owned();
        found.extend(names.split(',').map(first).filter(|name| !name.is_empty()));
    }
    found
}

/// Rust files below a folder that are not tests, with their text.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") && !["tests.rs", "testing.rs"].contains(&name.as_str()) {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
    found
}

/// The first thing that `source` of `wing` uses and may not.
fn stranger(wing: &str, source: &str) -> Option<String> {
    let (_, allowed) = WINGS.iter().find(|(name, _)| *name == wing).unwrap();
    named(source).into_iter().find(|name| name != wing && !allowed.contains(&name.as_str()))
}

#[test]
fn the_protocol_knows_no_domain_and_no_domain_another() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/src");
    let mut folders: BTreeSet<String> = BTreeSet::new();
    for entry in std::fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            folders.insert(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    let known: BTreeSet<String> = WINGS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, known);
    for (wing, _) in WINGS {
        let files = sources(&root.join(wing));
        assert!(files.len() > 2, "{wing}");
        for (path, text) in files {
            assert_eq!(stranger(wing, &text), None, "{path}");
        }
    }
}

#[test]
fn a_wing_that_reaches_over_is_seen() {
    for (wing, planted, found) in [
        ("mcp", "use crate::common::text::Text;", Some("common")),
        ("mcp", "fn f() { crate::registry::find(\"all\"); }", Some("registry")),
        ("hyperpod", "use crate::instance::Judge;", Some("instance")),
        ("hyperpod", "use crate::{mcp, instance::Judge};", Some("instance")),
        ("hyperpod", "use crate::common::fits::Judge;\nuse crate::mcp::error::ToolError;", None),
        ("mcp", "#[cfg(test)]\nmod tests { use crate::registry; }", None),
    ] {
        assert_eq!(stranger(wing, planted).as_deref(), found, "{planted}");
    }
}
