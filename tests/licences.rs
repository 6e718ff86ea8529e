//! Every dependency has a licence that deny.toml allows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::process::Command;

use serde_json::Value;

#[test]
fn licences_are_those_that_are_allowed() {
    let root = env!("CARGO_MANIFEST_DIR");
    let deny: toml::Table =
        std::fs::read_to_string(format!("{root}/deny.toml")).unwrap().parse().unwrap();
    let allowed: Vec<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--all-features"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 50);
    for package in packages {
        let licence = package["license"].as_str().unwrap_or_default();
        let is_allowed = |one: &str| allowed.contains(&one.trim_matches(['(', ')', ' ']));
        // `A OR B` and the older `A/B` let us choose; `A AND B` binds to both.
        let any = |all: &str| all.split(" AND ").all(is_allowed);
        let ok = licence.replace('/', " OR ").split(" OR ").any(any);
        assert!(ok, "{} {}: {licence:?}", package["name"], package["version"]);
    }
}
