//! Which remedies of an error hold. Each that a rule proposes is tried on the inputs and judged by all rules, so that what
//! is said satisfies every one of them: the finding is gone, nothing else is wrong or asked for, and nothing that somebody
//! gave has lost its effect. Where none of them holds, others are looked for; where nothing does, that is said.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::applied;
use crate::finding::Finding;
use crate::fix::{self, Fix, Fixes, Remedy};
use crate::inputs;
use crate::merge::Merged;
use crate::plan::Plan;
use crate::registry::registry;
use crate::source::{Source, Sourced};
use crate::values;

/// Most remedies of a finding that are told, and most values of a choice.
const TOLD: (usize, usize) = (3, 4);
/// Most trials for one plan. A call with one mistake needs a few; one that is full of them gets remedies as proposed.
const TRIALS: usize = 200;
/// The note that an input is not taken.
const NOT_TAKEN: &str = "MCC-INP-005";
/// The note that an input does nothing without something else.
const MOOT: &str = "MCC-INP-006";
/// Inputs that say on what it runs, how it is divided and what it has to hold: one of them is often what stands in the way of another.
const HARDWARE: [&str; 13] = [
    "instanceType",
    "region",
    "baseImage",
    "engineVersion",
    "inferenceAmiVersion",
    "transformAmiVersion",
    "tensorParallelSize",
    "icGpuCount",
    "hpGpuCount",
    "quantization",
    "dtype",
    "maxModelLen",
    "maxNumSeqs",
];

/// What stands in the way of a project.
#[derive(Debug, Default)]
struct Obstacles {
    /// How many errors there are of a rule about an input.
    errors: BTreeMap<(String, Option<String>), usize>,
    /// The errors in words.
    messages: Vec<(String, String)>,
    /// What is asked.
    questions: Vec<String>,
    /// What is not taken though somebody gave it.
    lost: Vec<String>,
    /// What does nothing without something else.
    moot: usize,
}

impl Obstacles {
    fn of(plan: &Plan) -> Self {
        let mut this = Self::default();
        for finding in &plan.findings {
            if finding.is_error() {
                *this.errors.entry(about(finding)).or_default() += 1;
                this.messages.push((finding.id.clone(), finding.message.clone()));
            } else if finding.id == NOT_TAKEN {
                this.lost.extend(finding.field.clone());
            } else if finding.id == MOOT {
                this.moot += 1;
            }
        }
        this.questions.extend(plan.questions.iter().map(|question| question.key.clone()));
        this
    }

    /// How much there is that was not there `before`, apart from what a remedy does itself; and how much is asked.
    fn beyond(&self, before: &Self, remedy: &Remedy, choice: usize) -> Cost {
        let more = |(about, count): (&(String, Option<String>), &usize)| {
            count.saturating_sub(before.errors.get(about).copied().unwrap_or_default())
        };
        let errors: usize = self.errors.iter().map(more).sum();
        let changed =
            |key: &String| remedy.changes(choice).any(|(own, _)| fix::parts(own).0 == key);
        let lost = self.lost.iter().filter(|key| !before.lost.contains(key) && !changed(key));
        // What is left out may be asked for.
        let asked = |key: &&String| !before.questions.contains(key) && !changed(key);
        let asked = self.questions.iter().filter(asked);
        Cost {
            new: errors + lost.count() + asked.count(),
            asked: self.questions.len(),
            moot: self.moot.saturating_sub(before.moot),
        }
    }
}

/// What a remedy brings with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Cost {
    /// Errors, inputs that have lost their effect, and questions that were not there.
    new: usize,
    /// All that is asked.
    asked: usize,
    /// Inputs that do nothing any more without something else: a volume, on a type with a disk of its own.
    moot: usize,
}

fn about(finding: &Finding) -> (String, Option<String>) {
    (finding.id.clone(), finding.field.clone())
}

/// Leaves to each error of `plan` the remedies that hold. `start` is what was given, and `judge` plans that.
pub(crate) fn prove(start: &Merged, plan: &mut Plan, judge: impl Fn(Merged) -> Plan) {
    let mut trials = Trials {
        start,
        before: Obstacles::of(plan),
        // What stopped early says nothing of what would have been found later: that is no remedy's fault.
        early: plan.decisions.is_none(),
        judge: &judge,
        left: TRIALS,
    };
    for at in 0..plan.findings.len() {
        let Some(finding) = plan.findings.get(at).filter(|finding| finding.is_error()) else {
            continue;
        };
        if finding.fixes.data().next().is_none() || trials.left == 0 {
            continue;
        }
        let proven = trials.of(finding);
        if let Some(finding) = plan.findings.get_mut(at) {
            *finding = settled(finding.clone(), proven);
        }
    }
}

/// The finding with the remedies that hold; the words of others remain.
fn settled(finding: Finding, proven: Vec<Remedy>) -> Finding {
    let said: Vec<Remedy> =
        finding.fixes.0.iter().filter(|remedy| !remedy.is_data()).cloned().collect();
    let mut fixes = Fixes(proven);
    if fixes.0.is_empty() && said.is_empty() {
        fixes = "no other value of one input makes this possible: choose another model or config"
            .into();
    }
    fixes.0.extend(said);
    let field = finding.field.clone().unwrap_or_default();
    let listed = inputs::find(&field).is_some_and(|field| !field.kind.choices().is_empty());
    // Of an input whose values can be listed all are valid; of others those that hold.
    let choices = if listed || finding.choices.is_empty() {
        finding.choices.clone()
    } else {
        let values = fixes.0.iter().flat_map(|remedy| &remedy.0).flat_map(|fix| match fix {
            Fix::Choose(key, values) if *key == field => values.clone(),
            Fix::Set(key, value) if *key == field => vec![value.clone()],
            _ => Vec::new(),
        });
        values.map(|value| crate::render::plain(&value)).collect()
    };
    finding.fixed_by(fixes).choices(choices)
}

/// How a remedy treats what somebody gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Respect {
    /// All of it stays.
    Keeps,
    /// Some of it is left out.
    Leaves,
    /// It gets another value.
    Replaces,
}

struct Trials<'a> {
    start: &'a Merged,
    before: Obstacles,
    early: bool,
    judge: &'a dyn Fn(Merged) -> Plan,
    left: usize,
}

impl Trials<'_> {
    /// The remedies of `finding` that hold, those first that keep what somebody gave.
    fn of(&mut self, finding: &Finding) -> Vec<Remedy> {
        let proposed: Vec<Remedy> = finding.fixes.data().cloned().collect();
        let (cost, mut proven) = self.hold(finding, proposed.clone());
        if proven.is_empty() || cost.new > 0 {
            let others = self.others(finding);
            let others = others.into_iter().filter(|other| !proposed.contains(other)).collect();
            let (less, found) = self.hold(finding, others);
            if !found.is_empty() && (proven.is_empty() || less < cost) {
                proven = found;
            }
        }
        let keeps = proven.iter().any(|remedy| self.respect(remedy) == Respect::Keeps);
        proven.retain(|remedy| !(keeps && self.respect(remedy) == Respect::Replaces));
        proven.sort_by_key(|remedy| self.respect(remedy) != Respect::Keeps);
        proven.truncate(TOLD.0);
        proven
    }

    /// Those of `remedies` that hold, with the values that do, and what they bring with them.
    fn hold(&mut self, finding: &Finding, remedies: Vec<Remedy>) -> (Cost, Vec<Remedy>) {
        let mut found: Vec<(Cost, Remedy)> = Vec::new();
        for remedy in remedies {
            if found.iter().filter(|(cost, _)| *cost == Cost::default()).count() == TOLD.0 {
                break;
            }
            let mut values: Vec<(Cost, usize)> = Vec::new();
            for choice in 0..remedy.choices() {
                if values.iter().filter(|(cost, _)| *cost == Cost::default()).count() == TOLD.1 {
                    break;
                }
                values.extend(self.trial(finding, &remedy, choice).map(|cost| (cost, choice)));
            }
            let Some(least) = values.iter().map(|(cost, _)| *cost).min() else { continue };
            let keep: Vec<usize> =
                values.iter().filter(|(cost, _)| *cost == least).map(|(_, at)| *at).collect();
            found.push((least, remedy.choosing(&keep)));
        }
        let least = found.iter().map(|(cost, _)| *cost).min().unwrap_or_default();
        found.retain(|(cost, _)| *cost == least && (least.new == 0 || self.early));
        (least, found.into_iter().map(|(_, remedy)| remedy).collect())
    }

    /// How much is wrong after the remedy that was not before; none if the finding is still there.
    fn trial(&mut self, finding: &Finding, remedy: &Remedy, choice: usize) -> Option<Cost> {
        self.left = self.left.checked_sub(1)?;
        let plan = (self.judge)(changed(self.start, remedy, choice)?);
        let after = Obstacles::of(&plan);
        let count = |of: &Obstacles| of.errors.get(&about(finding)).copied().unwrap_or_default();
        let is =
            |(id, message): &(String, String)| *id == finding.id && *message == finding.message;
        let gone = count(&after) < count(&self.before) && !after.messages.iter().any(is);
        let mut cost = after.beyond(&self.before, remedy, choice);
        if self.early {
            // What is asked next is no fault of what was given first.
            let left = |key: &String| remedy.changes(choice).any(|(own, _)| own == key);
            let asked = |key: &&String| !self.before.questions.contains(key) && !left(key);
            cost.new -= after.questions.iter().filter(asked).count();
        }
        gone.then_some(cost)
    }

    fn respect(&self, remedy: &Remedy) -> Respect {
        let of = |(key, value): (&str, Option<&Value>)| {
            let (input, name) = fix::parts(key);
            let given = self.start.is_given(input)
                && name.is_none_or(|name| {
                    self.start.get(input).is_some_and(|entries| entries.get(name).is_some())
                });
            match (given, value) {
                (false, _) => Respect::Keeps,
                (true, None) => Respect::Leaves,
                (true, Some(_)) => Respect::Replaces,
            }
        };
        remedy.changes(0).map(of).max().unwrap_or(Respect::Keeps)
    }

    /// The instance type that is chosen where nobody names one.
    fn chosen_type(&mut self) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        let plan = (self.judge)(changed(self.start, &Fix::unset("instanceType").into(), 0)?);
        plan.inputs.into_iter().find(|input| input.key == "instanceType").map(|input| input.value)
    }

    /// What may help where nothing does that the rule proposes.
    fn others(&mut self, finding: &Finding) -> Vec<Remedy> {
        let given = |key: &&str| self.start.is_given(key) || self.start.is_refused(key);
        let mut all: Vec<Remedy> = Vec::new();
        let field = finding.field.as_deref().filter(given).filter(|key| !names_model(key));
        let hardware: Vec<&str> = HARDWARE.into_iter().filter(given).collect();
        let chosen = hardware.contains(&"instanceType").then(|| self.chosen_type()).flatten();
        all.extend(chosen.map(|name| Fix::set("instanceType", name).into()));
        all.extend(field.map(|key| Fix::unset(key).into()));
        all.extend(hardware.iter().map(|key| Remedy::from(Fix::unset(*key))));
        if hardware.len() > 1 {
            all.push(Remedy(hardware.iter().map(|key| Fix::unset(*key)).collect()));
        }
        let name = |key: &str| self.start.text(key).unwrap_or_default().to_owned();
        let (config, target) = (name("deploymentConfig"), name("deploymentTarget"));
        let targets = registry().targets().iter().filter(|name| **name != target);
        let targets = Fix::choose("deploymentTarget", targets.cloned());
        all.push(targets.clone().into());
        if hardware.contains(&"instanceType") {
            all.push(targets.and(Fix::unset("instanceType")));
        }
        let configs = registry().configs().iter().map(|config| &config.name);
        let configs: Vec<&String> = configs.filter(|name| **name != config).collect();
        let configs = Fix::choose("deploymentConfig", configs.into_iter().cloned());
        all.push(configs.clone().into());
        // Both are of one config: another one has other releases, and runs on other devices.
        let of_config = ["instanceType", "engineVersion"];
        let of_config = of_config.into_iter().filter(|key| hardware.contains(key));
        let unset: Vec<Fix> = of_config.map(Fix::unset).collect();
        all.extend(unset.iter().map(|fix| configs.clone().and(fix.clone())));
        if unset.len() > 1 {
            all.push(configs.and(Remedy(unset)));
        }
        all
    }
}

fn names_model(key: &str) -> bool {
    ["modelName", "modelPath", "framework"].contains(&key)
}

/// The inputs after a remedy; none if one of its values is not taken.
fn changed(start: &Merged, remedy: &Remedy, choice: usize) -> Option<Merged> {
    let mut merged = start.clone();
    for (key, value) in remedy.changes(choice) {
        let (input, _) = fix::parts(key);
        merged.findings.retain(|finding| finding.field.as_deref() != Some(input));
        merged.texts.remove(input);
        let mut own = serde_json::Map::new();
        own.extend(merged.get(input).map(|value| (input.to_owned(), value.clone())));
        applied::change(&mut own, key, value);
        match (own.remove(input), inputs::find(input)) {
            (Some(value), Some(field)) => {
                let value = values::normalise(field, &value).ok()?;
                merged.values.insert(input.to_owned(), Sourced { value, source: Source::Flag });
            }
            (Some(_), None) => return None,
            (None, _) => _ = merged.values.remove(input),
        }
    }
    Some(merged)
}
