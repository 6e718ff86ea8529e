//! The world that the stand-ins act on: a set of resources in a JSON file.
//!
//! A resource is known by its kind, its region (`-` for global services and local tools) and its
//! id. Members whose name starts with `_` are the stand-ins' own and never printed:
//! `_pending` counts the looks at a resource until it settles, `_then` is what it becomes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::outcome::Failure;

/// The account that owns everything, unless the world says otherwise.
const ACCOUNT: &str = "111122223333";

/// Looks at a resource until it has settled, unless the world says otherwise.
const STEPS: u64 = 2;

/// An open, locked world.
pub(crate) struct World {
    dir: PathBuf,
    /// Everything in the file that is not a resource: account, counters, settings.
    settings: Map<String, Value>,
    resources: BTreeMap<String, Value>,
    // Held until the process ends, so that parallel calls act one after the other.
    _lock: File,
}

/// The key of a resource in the world file.
fn key(kind: &str, region: &str, id: &str) -> String {
    format!("{kind}/{region}/{id}")
}

impl World {
    /// Opens the world that `MCC_STANDIN_DIR` names, creating it when it does not exist.
    pub(crate) fn open() -> Result<Self, Failure> {
        let dir = std::env::var_os("MCC_STANDIN_DIR")
            .map(PathBuf::from)
            .ok_or_else(|| Failure::Tool("MCC_STANDIN_DIR is not set".to_owned()))?;
        Self::open_at(&dir).map_err(|e| Failure::Tool(format!("world {}: {e}", dir.display())))
    }

    fn open_at(dir: &Path) -> std::io::Result<Self> {
        fs::create_dir_all(dir)?;
        let lock = OpenOptions::new().create(true).append(true).open(dir.join("lock"))?;
        lock.lock()?;
        let mut settings = match fs::read(dir.join("world.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Map::new(),
            Err(e) => return Err(e),
        };
        let resources = match settings.remove("resources") {
            Some(Value::Object(map)) => map.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        Ok(Self { dir: dir.to_owned(), settings, resources, _lock: lock })
    }

    /// Writes the world back, whole or not at all.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let mut doc = self.settings.clone();
        let resources: Map<String, Value> = self.resources.clone().into_iter().collect();
        doc.insert("resources".to_owned(), Value::Object(resources));
        let write = || -> std::io::Result<()> {
            let beside = self.dir.join("world.json.new");
            fs::write(&beside, serde_json::to_vec(&doc)?)?;
            fs::rename(beside, self.dir.join("world.json"))
        };
        write().map_err(|e| Failure::Tool(format!("cannot save the world: {e}")))
    }

    /// The folder that the world lives in.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The account id.
    pub(crate) fn account(&self) -> String {
        let given = self.settings.get("account").and_then(Value::as_str);
        given.unwrap_or(ACCOUNT).to_owned()
    }

    /// The partition of a region, as it appears in ARNs.
    pub(crate) fn partition(region: &str) -> &'static str {
        if region.starts_with("cn-") {
            "aws-cn"
        } else if region.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }

    /// An ARN in this account.
    pub(crate) fn arn(&self, service: &str, region: &str, rest: &str) -> String {
        let partition = Self::partition(region);
        format!("arn:{partition}:{service}:{region}:{}:{rest}", self.account())
    }

    /// How often a changing resource is looked at before it settles.
    pub(crate) fn steps(&self) -> u64 {
        let given = self.settings.get("steps").and_then(Value::as_u64);
        given.unwrap_or(STEPS)
    }

    /// A yes/no setting of the world file.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.settings.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// A number in the world file, zero unless given.
    pub(crate) fn setting(&self, name: &str) -> u64 {
        self.settings.get(name).and_then(Value::as_u64).unwrap_or(0)
    }

    /// The next value of a counter.
    pub(crate) fn count(&mut self, name: &str) -> u64 {
        let next = self.setting(name) + 1;
        self.settings.insert(name.to_owned(), json!(next));
        next
    }

    /// A resource, if it exists.
    pub(crate) fn get(&self, kind: &str, region: &str, id: &str) -> Option<&Value> {
        self.resources.get(&key(kind, region, id))
    }

    /// A resource to change, if it exists.
    pub(crate) fn get_mut(&mut self, kind: &str, region: &str, id: &str) -> Option<&mut Value> {
        self.resources.get_mut(&key(kind, region, id))
    }

    /// Creates or replaces a resource.
    pub(crate) fn put(&mut self, kind: &str, region: &str, id: &str, value: Value) {
        self.resources.insert(key(kind, region, id), value);
    }

    /// Removes a resource; the answer is what it was.
    pub(crate) fn remove(&mut self, kind: &str, region: &str, id: &str) -> Option<Value> {
        self.resources.remove(&key(kind, region, id))
    }

    /// All resources of a kind in a region: id and value, in the order of their ids.
    pub(crate) fn list(&self, kind: &str, region: &str) -> Vec<(String, Value)> {
        let prefix = key(kind, region, "");
        let all = self.resources.iter();
        all.filter_map(|(k, v)| Some((k.strip_prefix(&prefix)?.to_owned(), v.clone()))).collect()
    }

    /// Starts a change of a resource that takes [`World::steps`] looks.
    pub(crate) fn start(resource: &mut Value, field: &str, now: &str, then: &str, steps: u64) {
        if let Value::Object(map) = resource {
            map.insert(field.to_owned(), json!(now));
            map.insert("_pending".to_owned(), json!(steps));
            map.insert("_then".to_owned(), json!(then));
        }
    }

    /// Looks at a resource: its pending change comes one step closer. A change to `gone` removes
    /// it. The answer tells whether the change settled with this look.
    pub(crate) fn look(&mut self, kind: &str, region: &str, id: &str, field: &str) -> bool {
        let Some(Value::Object(map)) = self.resources.get_mut(&key(kind, region, id)) else {
            return false;
        };
        let Some(pending) = map.get("_pending").and_then(Value::as_u64) else {
            return false;
        };
        if pending > 0 {
            map.insert("_pending".to_owned(), json!(pending - 1));
            return false;
        }
        map.remove("_pending");
        let then = map.remove("_then").unwrap_or_default();
        if then == "gone" {
            self.resources.remove(&key(kind, region, id));
        } else {
            map.insert(field.to_owned(), then);
        }
        true
    }

    /// Appends one call to the record.
    pub(crate) fn record(&self, call: &Value) -> Result<(), Failure> {
        let write = || -> std::io::Result<()> {
            let mut log =
                OpenOptions::new().create(true).append(true).open(self.dir.join("calls.jsonl"))?;
            log.write_all(format!("{call}\n").as_bytes())
        };
        write().map_err(|e| Failure::Tool(format!("cannot record the call: {e}")))
    }
}

/// Sets a member of an object.
pub(crate) fn set(object: &mut Value, member: &str, to: Value) {
    if let Value::Object(map) = object {
        map.insert(member.to_owned(), to);
    }
}

/// A copy of `value` without the stand-ins' own members.
pub(crate) fn public(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let seen = map.iter().filter(|(k, _)| !k.starts_with('_'));
            Value::Object(seen.map(|(k, v)| (k.clone(), public(v))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(public).collect()),
        other => other.clone(),
    }
}
