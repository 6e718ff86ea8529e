//! What a project's files are made of and what its plan tells are one: of everything that a [`Spec`] holds, changed
//! alone, both change or neither does. What is an exception is in `tests.json` with its reason, and that list is exact.

use std::collections::{BTreeMap, BTreeSet};

use mcc_catalogs::Catalogs;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::plan::{Plan, described, plan};
use crate::project::Project;
use crate::registry::Layer;
use crate::render::render;
use crate::source::Source;
use crate::spec::Spec;
use crate::{FileAccess, Sources};

/// Projects, and what is not both told and rendered in any of them, each with its reason. `*` stands for the rest of a
/// name.
#[derive(Debug, Deserialize)]
struct Table {
    /// Inputs of projects that together have every member of a description.
    projects: Vec<Map<String, Value>>,
    /// Members whose own members have names that inputs or models give.
    open: BTreeSet<String>,
    /// What the plan tells and no file has.
    plan: BTreeMap<String, String>,
    /// What files have and the plan does not tell.
    project: BTreeMap<String, String>,
    /// What neither has: only rules and other members follow from it.
    neither: BTreeMap<String, String>,
    /// What no project here has.
    absent: BTreeMap<String, String>,
}

fn table() -> Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/decisions/tests.json");
    serde_json::from_slice(&std::fs::read(path).expect("the table")).expect("a table")
}

/// What a change of one member changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Both,
    Plan,
    Project,
    Neither,
}

/// The members by name, each with what changes of it change; nothing for a member that is absent or empty.
type Sides = BTreeMap<String, BTreeSet<Side>>;

/// Takes from a changed description what one of the two is blind to, by the one that it was.
type Blind = fn(&mut Spec, &Spec);

const SOUND: Blind = |_, _| {};

/// A finished description, its plan and its project.
struct Finished {
    spec: Spec,
    view: Value,
    layers: Vec<&'static Layer>,
    plan: Plan,
    project: Project,
}

impl Finished {
    fn new(inputs: &Map<String, Value>) -> Self {
        let access = FileAccess::Anywhere(std::env::temp_dir());
        let merged = Sources::new().files(access).with(Source::Flag, inputs.clone()).merge();
        let catalogs = Catalogs::embedded();
        let plan = plan(catalogs, &merged);
        assert!(plan.is_ready(), "{inputs:?}: {:#?} {:#?}", plan.questions, plan.findings);
        let (spec, layers) = described(catalogs, &merged).expect("a description");
        let view = serde_json::to_value(&spec).expect("a view");
        let read: Spec = serde_json::from_value(view.clone()).expect("the same description");
        assert_eq!(serde_json::to_value(read).expect("a view"), view);
        let project = rendered(&layers, &spec).expect("a project");
        Self { spec, view, layers, plan, project }
    }

    /// What each change of each member changes.
    fn sides(
        &self,
        open: &BTreeSet<String>,
        (plan_is, project_is): (Blind, Blind),
        sides: &mut Sides,
    ) {
        let plan = self.told(&self.spec, &self.project);
        for (pointer, name) in leaves(&self.view, open) {
            let old = self.view.pointer(&pointer).expect("a leaf");
            let found = sides.entry(name.clone()).or_default();
            let mut queue = others(old);
            while let Some(value) = queue.pop() {
                let spec = match self.changed(&pointer, &value) {
                    Ok(spec) => spec,
                    Err(choices) => {
                        assert!(!choices.is_empty(), "{name} cannot be {value}");
                        queue.extend(choices.into_iter().filter(|choice| choice != old));
                        continue;
                    }
                };
                let (mut seen, mut drawn) = (spec.clone(), spec);
                plan_is(&mut seen, &self.spec);
                project_is(&mut drawn, &self.spec);
                // What inputs there are is told by every plan and kept in every project; whether each has an effect is
                // shown by tests/inputs.rs. What the plan tells of them beside that is in the files too.
                let given = name.starts_with("inputs.");
                if given && self.told(&seen, &self.project) == plan {
                    continue;
                }
                // A description of which no project can be made has changed it.
                let project = rendered(&self.layers, &drawn);
                let there = project.as_ref().unwrap_or(&self.project);
                let rendered = project.as_ref() != Some(&self.project);
                let side = match (self.told(&seen, there) != plan, rendered) {
                    (true, true) => Side::Both,
                    (true, false) => Side::Plan,
                    (false, true) => Side::Project,
                    (false, false) => Side::Neither,
                };
                found.insert(side);
            }
        }
    }

    /// What a plan tells of `spec`.
    fn told(&self, spec: &Spec, project: &Project) -> Value {
        let mut plan = self.plan.clone();
        plan.tell(spec);
        plan.guide(spec, project);
        json!([plan.decisions, plan.cost, plan.fit, plan.first_steps, plan.next_steps])
    }

    /// The description with `value` at `pointer`; the choices that there are where it is none of them.
    fn changed(&self, pointer: &str, value: &Value) -> Result<Spec, Vec<Value>> {
        let mut view = self.view.clone();
        *view.pointer_mut(pointer).expect("a leaf") = value.clone();
        serde_json::from_value(view).map_err(|error| {
            let text = error.to_string();
            let choices = text.split_once("expected ").map_or("", |(_, choices)| choices);
            choices.split('`').skip(1).step_by(2).map(Value::from).collect()
        })
    }
}

/// The project of `spec`; none where a value cannot stand in a file.
fn rendered(layers: &[&Layer], spec: &Spec) -> Option<Project> {
    render(layers, serde_json::to_value(spec).expect("a view")).ok()
}

/// Every value of `view` that has no members, as a pointer and as the name of what it is.
fn leaves(view: &Value, open: &BTreeSet<String>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut queue = vec![(view, String::new(), String::new())];
    while let Some((value, at, name)) = queue.pop() {
        let inside = |key: &str| {
            if name.ends_with('*') {
                name.clone()
            } else if open.contains(&name) {
                format!("{name}.*")
            } else if name.is_empty() {
                key.to_owned()
            } else {
                format!("{name}.{key}")
            }
        };
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (key, value) in members {
                    let step = key.replace('~', "~0").replace('/', "~1");
                    queue.push((value, format!("{at}/{step}"), inside(key)));
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (n, value) in items.iter().enumerate() {
                    let name = if open.contains(&name) { inside("") } else { name.clone() };
                    queue.push((value, format!("{at}/{n}"), name));
                }
            }
            _ => found.push((at, name)),
        }
    }
    found
}

/// Other values of the same kind; nothing for what is absent or empty.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(is) => vec![json!(!is)],
        Value::Number(number) => match number.as_i64() {
            Some(whole) => vec![json!(whole + 1)],
            None => vec![json!(number.as_f64().unwrap_or_default() + 1.0)],
        },
        Value::String(text) => vec![json!(another(text))],
        _ => Vec::new(),
    }
}

/// A text like `text`: with another last digit, or longer.
fn another(text: &str) -> String {
    let (stem, last) = text.split_at(text.char_indices().last().map_or(0, |(at, _)| at));
    match last.parse::<u32>() {
        Ok(digit) => format!("{stem}{}", (digit + 1) % 10),
        Err(_) if last == "/" => format!("{stem}x/"),
        Err(_) => format!("{text}x"),
    }
}

/// Where `sides` and the table differ.
fn faults(sides: &Sides, table: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    let mut hold = |name: &str, kind: &str, is: bool, list: &BTreeMap<String, String>| {
        let listed = list.contains_key(name);
        match (is, listed) {
            (true, false) => faults.push(format!("{kind} {name}")),
            (false, true) => faults.push(format!("{kind} {name} is no exception")),
            _ => {}
        }
    };
    for (name, found) in sides {
        let given = name.starts_with("inputs.");
        let nothing = !found.is_empty() && found.iter().all(|side| *side == Side::Neither);
        hold(name, "plan", found.contains(&Side::Plan), &table.plan);
        hold(name, "project", found.contains(&Side::Project) && !given, &table.project);
        hold(name, "neither", nothing && !given, &table.neither);
        // What is absent here may have members there.
        let there = sides.keys().any(|other| other.starts_with(&format!("{name}.")));
        hold(name, "absent", found.is_empty() && !there && !given, &table.absent);
    }
    for list in [&table.plan, &table.project, &table.neither, &table.absent] {
        let unknown = list.keys().filter(|name| !sides.contains_key(*name));
        faults.extend(unknown.map(|name| format!("{name} is no member")));
        let silent = list.iter().filter(|(_, reason)| reason.is_empty());
        faults.extend(silent.map(|(name, _)| format!("{name} has no reason")));
    }
    faults
}

#[test]
fn what_is_decided_is_told_and_rendered_together() {
    let table = table();
    let mut sides = Sides::new();
    for inputs in &table.projects {
        Finished::new(inputs).sides(&table.open, (SOUND, SOUND), &mut sides);
    }
    let faults = faults(&sides, &table);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn what_one_side_does_not_see_is_found() {
    let table = table();
    let inputs = table.projects.first().expect("a project");
    let base = Finished::new(inputs);
    let sides = |blind: (Blind, Blind)| {
        let mut sides = Sides::new();
        base.sides(&table.open, blind, &mut sides);
        sides
    };
    // A plan that does not see the base image, and files that do not see how long a start may take.
    let plan: Blind = |spec, old| spec.image.base.clone_from(&old.image.base);
    let project: Blind = |spec, old| {
        spec.endpoint.health_check_timeout_s = old.endpoint.health_check_timeout_s;
    };
    let (sound, blind) = (sides((SOUND, SOUND)), sides((plan, project)));
    let more = |sides: &Sides| -> BTreeSet<String> { faults(sides, &table).into_iter().collect() };
    let found: Vec<String> = more(&blind).difference(&more(&sound)).cloned().collect();
    assert_eq!(found, ["plan endpoint.health_check_timeout_s", "project image.base"]);
    // An exception that is none.
    let mut wrong = table;
    wrong.project.insert("image.base".to_owned(), "told".to_owned());
    assert!(faults(&sound, &wrong).contains(&"project image.base is no exception".to_owned()));
}
