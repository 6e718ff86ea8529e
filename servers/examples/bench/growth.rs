//! What a recommendation and a search cost as the catalogs grow: each row of models and instance types once,
//! 10 times and 100 times, as a user's own rows beside those of the program.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::{Figures, Peer, stdio};

/// The files that grow, with the list of rows in each and their key.
const GROWING: [(&str, &str, &str); 3] = [
    ("models.json", "models", "id"),
    ("instances.json", "instances", "type"),
    ("prices.json", "prices", "type"),
];

pub(crate) fn figures(mcc: &str, rounds: usize) -> BTreeMap<String, Figures> {
    let mut all = BTreeMap::new();
    for (times, recommend, search) in [
        (1, "catalogs x1, recommend", "catalogs x1, search"),
        (10, "catalogs x10, recommend", "catalogs x10, search"),
        (100, "catalogs x100, recommend", "catalogs x100, search"),
    ] {
        let place = tempfile::tempdir().expect("a folder");
        grow(place.path(), times);
        let folder = place.path().to_str().expect("a path of UTF-8");
        let command = ["serve", "all", "--catalogs", folder].map(str::to_owned);
        let command: Vec<String> = [mcc.to_owned()].into_iter().chain(command).collect();
        let mut peers = Vec::new();
        for (name, call) in [
            (recommend, ("recommend_instance", json!({"modelName": "Qwen/Qwen3-8B"}))),
            (search, ("search_models", json!({"query": "qwen 8b"}))),
        ] {
            let name = name.to_owned();
            peers.push(Peer { name, command: command.clone(), http: false, call });
        }
        all.extend(stdio::calls(&peers, rounds));
    }
    all
}

/// Writes `times - 1` more of every row, under names of their own.
fn grow(folder: &Path, times: usize) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalogs/data");
    for (file, rows, key) in GROWING {
        let text = std::fs::read_to_string(data.join(file)).expect("a catalog");
        let mut catalog: Value = serde_json::from_str(&text).expect("JSON");
        let originals = catalog[rows].as_array().expect("rows").clone();
        let more: Vec<Value> = (1..times)
            .flat_map(|copy| originals.iter().map(move |row| (copy, row)))
            .map(|(copy, row)| {
                let mut row = row.clone();
                let name = format!("{}x{copy}", row[key].as_str().expect("a key"));
                row[key] = json!(name);
                // Variants have names of their own too, and none of them twice.
                if let Some(members) = row.as_object_mut() {
                    members.remove("variants");
                }
                row
            })
            .collect();
        catalog[rows] = json!(more);
        std::fs::write(folder.join(file), catalog.to_string()).expect("it is written");
    }
}
