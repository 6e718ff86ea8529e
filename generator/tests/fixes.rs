//! A fix is data, and it works: valid inputs of every config on every target get one fault each, and whatever is proposed
//! for an error, with every value that it lets choose, makes a plan without any. With two faults, the fix of one finding
//! takes that finding away and nothing else that was given.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests"
)]

mod faults;
mod support;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use faults::{Dice, FAULTS, Fault};
use mcc_generator::{Finding, Plan, Remedy, Severity, rules};
use serde_json::{Map, Value, json};
use support::{base, pairs, plan_of};

type Inputs = Map<String, Value>;

/// Errors that inputs alone do not meet, or that the table of faults cannot: each with the reason.
const NOT_MET: &[(&str, &str)] = &[
    (
        "MCC-TEN-030",
        "tensors of the user's own are no fault of most configs: met in findings/tensors.rs",
    ),
    ("MCC-TEN-031", "a graph of the user's own is needed: met in findings/tensors.rs"),
    ("MCC-MDL-006", "a repository that was looked up (servers/tests/live_agreement/)"),
    ("MCC-MDL-008", "an address in S3 that was looked up (tests/findings/account.rs)"),
    ("MCC-MDL-010", "a package of the model registry (tests/findings/account.rs)"),
    ("MCC-SEC-003", "a secret that was looked up (tests/findings/account.rs)"),
    ("MCC-IMG-046", "an image that was looked up (tests/findings/registries.rs)"),
    ("MCC-IMG-047", "an image that was looked up (tests/findings/registries.rs)"),
    ("MCC-INP-003", "a file of inputs that cannot be read or parsed"),
    ("MCC-FMT-002", "a model file in a form that the version cannot read"),
    ("MCC-FMT-003", "a model file that is none"),
    ("MCC-FMT-004", "a model file that the server cannot serve"),
    ("MCC-FW-008", "a model file that is newer than what the image reads"),
    ("MCC-FW-001", "a model file or a requirements file that says another version"),
    ("MCC-MEM-008", "a config.json of one's own with recurrent layers (tests/memory.rs)"),
    ("MCC-TRT-001", "a compiled engine's own config.json (tests/findings/built_engines.rs)"),
    ("MCC-TRT-002", "a compiled engine's own config.json (tests/findings/built_engines.rs)"),
    ("MCC-LIM-004", "tensors of a model's owner that no request carries (tests/findings)"),
    ("MCC-GEN-001", "a value that passed its check and cannot be written: none is known"),
];

/// Errors with words alone as a fix, by rule and input: what they need is not the generator's to make up.
const WORDS_ALONE: &[(&str, &str, &str)] = &[
    (
        "MCC-INP-001",
        "kmsKeyArn",
        "without the key the volume would have less protection than was asked for",
    ),
    (
        "MCC-INP-001",
        "vpcSubnets",
        "without the VPC the container would be elsewhere than was asked for",
    ),
    ("MCC-INP-001", "modelName", "without it another model, or none, would be served"),
    ("MCC-INP-004", "modelPath", "the file has to be there"),
    ("MCC-INP-007", "networkIsolation", "the files have to be copied to S3"),
    ("MCC-REG-004", "hfTokenArn", "the secret has to be made in the Region of the key"),
    ("MCC-LIM-001", "modelEnv", "which of the variables can be spared is the user's to say"),
    ("MCC-LIM-003", "tags", "which of the tags can be spared is the user's to say"),
    ("MCC-TEN-001", "modelInputs", "only the model's owner knows its tensors"),
];

/// Inputs with one fault that the test makes, at least; and how often each rule is met.
const LEAST: (usize, usize) = (2000, 10);

/// Plans by their inputs: many fixes lead to the same.
#[derive(Default)]
struct Plans(HashMap<String, Plan>);

impl Plans {
    fn of(&mut self, inputs: &Inputs) -> &Plan {
        let key = json!(inputs).to_string();
        self.0.entry(key).or_insert_with(|| plan_of(inputs))
    }
}

/// The inputs of a pair in which `fault` is made; none where there is no place for it.
fn faulty(fault: &Fault, start: &Inputs, dice: &mut Dice) -> Option<Inputs> {
    let mut inputs = start.clone();
    (fault.make)(&mut inputs, dice)?;
    (inputs != *start).then_some(inputs)
}

fn errors(plan: &Plan) -> impl Iterator<Item = &Finding> {
    plan.findings.iter().filter(|finding| finding.is_error())
}

fn telling(finding: &Finding) -> String {
    let Finding { id, field, message, fix, .. } = finding;
    format!("{id} {field:?}\n{message}\n=> {fix}")
}

/// Tries every fix of every error of `inputs`, with every value of a choice. Of a plan with one error no error may be left;
/// of one with several the finding has to go, and nothing else may come.
fn try_all(inputs: &Inputs, single: bool, plans: &mut Plans, seen: &mut Seen) {
    let plan = plans.of(inputs).clone();
    let all: Vec<&Finding> = errors(&plan).collect();
    let alone = single && all.len() == 1;
    for finding in &all {
        let told = || format!("{}\n{}", json!(inputs), telling(finding));
        let field = finding.field.clone().unwrap_or_default();
        if alone {
            *seen.met.entry(finding.id.clone()).or_default() += 1;
        }
        if finding.fixes.data().next().is_none() {
            seen.words.insert((finding.id.clone(), field.clone()));
            // Of several faults another may stand in the way.
            if single && !WORDS_ALONE.iter().any(|(id, key, _)| *id == finding.id && *key == field)
            {
                seen.wrong.push(format!("no fix as data\n{}", told()));
            }
            continue;
        }
        for remedy in finding.fixes.data() {
            assert!(remedy.choices() > 0, "{}", told());
            for choice in 0..remedy.choices() {
                let mut fixed = inputs.clone();
                remedy.apply(&mut fixed, choice);
                let after = plans.of(&fixed);
                seen.tried += 1;
                let left: Vec<String> = if alone {
                    // What a fix leaves out may be asked for: some clusters have one answer only.
                    let before = |key: &str| plan.questions.iter().any(|asked| asked.key == key);
                    let unset = mcc_generator::WrittenFix::from(remedy).unset;
                    let asked = after.questions.iter();
                    let asked =
                        asked.filter(|asked| !before(&asked.key) && !unset.contains(&asked.key));
                    let asked = asked.map(|question| question.question.clone());
                    errors(after).map(telling).chain(asked).collect()
                } else {
                    errors(after).filter(|left| is_new(left, finding, &plan)).map(telling).collect()
                };
                if !left.is_empty() {
                    seen.wrong.push(format!("{remedy:?} [{choice}] leaves {left:#?}\n{}", told()));
                }
                // What only has an effect with something else may do without it.
                let moot = |key: &str| {
                    let about =
                        |f: &&Finding| f.id == "MCC-INP-006" && f.field.as_deref() == Some(key);
                    after.findings.iter().any(|f| about(&f))
                };
                let lost = untouched(inputs, remedy, &plan).filter(|(key, _)| !moot(key)).find(
                    |(key, value)| {
                        let now = after.inputs.iter().find(|input| input.key == **key);
                        now.is_none_or(|now| now.value != *value)
                    },
                );
                if let Some((key, _)) = lost.filter(|_| plan.decisions.is_some()) {
                    seen.wrong.push(format!("{remedy:?} [{choice}] loses {key}\n{}", told()));
                }
            }
        }
    }
}

/// Whether an error after the fix of `finding` is that finding still, or was not there in the plan `before`. What stopped a
/// plan early hides what comes later.
fn is_new(left: &Finding, finding: &Finding, before: &Plan) -> bool {
    let same = |a: &Finding, b: &Finding| a.id == b.id && a.field == b.field;
    let count = errors(before).filter(|other| same(other, left)).count();
    (same(left, finding) && left.message == finding.message)
        || (before.decisions.is_some() && count == 0)
}

/// What was given that a remedy does not name, with its value in the plan.
fn untouched<'a>(
    inputs: &'a Inputs,
    remedy: &Remedy,
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a String, Value)> {
    let written = mcc_generator::WrittenFix::from(remedy);
    let keys = written.set.keys().chain(written.choose.keys()).chain(&written.unset);
    let own: BTreeSet<String> = keys.map(|key| key.split('.').next().unwrap().to_owned()).collect();
    let given = inputs.keys().filter(move |key| !own.contains(*key));
    given.filter_map(|key| {
        let input = plan.inputs.iter().find(|input| input.key == *key)?;
        Some((key, input.value.clone()))
    })
}

#[derive(Default)]
struct Seen {
    met: BTreeMap<String, usize>,
    words: BTreeSet<(String, String)>,
    wrong: Vec<String>,
    tried: usize,
}

#[test]
fn every_fix_of_one_fault_leaves_no_error() {
    let (mut plans, mut seen) = (Plans::default(), Seen::default());
    let mut made = BTreeSet::new();
    for (config, target) in pairs() {
        for (at, fault) in FAULTS.iter().enumerate() {
            for roll in 0..fault.rolls.max(1) {
                let mut dice = Dice::new(roll, &config, &target, at);
                if fault.rolls == 0 && dice.of(&[true, false, false]) == Some(&false) {
                    continue;
                }
                let start = faults::start(base(&config, &target), &mut dice);
                let Some(inputs) = faulty(fault, &start, &mut dice) else { continue };
                if made.insert(json!(inputs).to_string()) {
                    try_all(&inputs, true, &mut plans, &mut seen);
                }
            }
        }
    }
    let mut out = std::mem::take(&mut seen.wrong);
    let failed = out.len();
    out.truncate(60);
    assert!(out.is_empty(), "{failed} of {}:\n{}", made.len(), out.join("\n\n"));
    assert!(made.len() >= LEAST.0, "{} inputs", made.len());
    let errors = rules().filter(|rule| rule.severity == Severity::Error).map(|rule| rule.id);
    let mut seldom = Vec::new();
    for id in errors {
        let met = seen.met.get(id).copied().unwrap_or_default();
        match NOT_MET.iter().find(|(own, _)| *own == id) {
            Some((_, reason)) => assert_eq!(met, 0, "{id} is met after all: {reason}"),
            None if met < LEAST.1 => seldom.push((id, met)),
            None => {}
        }
    }
    assert!(seldom.is_empty(), "{seldom:?} of {:#?}", seen.met);
    let has = |id: &str, field: &str| seen.words.contains(&(id.to_owned(), field.to_owned()));
    let needless: Vec<_> = WORDS_ALONE.iter().filter(|(id, field, _)| !has(id, field)).collect();
    assert!(needless.is_empty(), "these always have data: {needless:?}");
}

/// Inputs with two faults that are made of each pair.
const TWO: usize = 6;

#[test]
fn the_fix_of_one_of_two_faults_takes_that_away_and_nothing_else() {
    let (mut plans, mut seen) = (Plans::default(), Seen::default());
    let mut both = 0;
    for (config, target) in pairs() {
        for at in 0..TWO {
            let mut dice = Dice::new(7, &config, &target, at);
            let start = base(&config, &target);
            let made = |inputs: &Inputs, dice: &mut Dice| {
                let fault = dice.of(FAULTS)?;
                faulty(fault, inputs, dice)
            };
            let Some(one) = made(&start, &mut dice).filter(faults::has_deployment) else {
                continue;
            };
            let Some(two) = made(&one, &mut dice) else { continue };
            both += usize::from(errors(plans.of(&two)).count() > 1);
            try_all(&two, false, &mut plans, &mut seen);
        }
    }
    assert!(both > 50 && seen.tried > 200, "{both} with two errors, {} fixes", seen.tried);
    let wrong = seen.wrong.len();
    seen.wrong.truncate(20);
    assert!(seen.wrong.is_empty(), "{wrong}:\n{}", seen.wrong.join("\n\n"));
}
