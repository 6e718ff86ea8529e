//! One mind about images: the image and the host image that are recommended are those of the project.
//!
//! Every config on every target and on one instance type of each kind, with some models; and a twentieth of the models on
//! the type that is recommended for each, or all of them with `MCC_TIER_FULL`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

use mcc_catalogs::Catalogs;
use mcc_generator::{Config, FileAccess, Plan, Project, Source, Sources, registry};
use serde_json::{Map, Value, json};

fn generated(inputs: &Map<String, Value>) -> Result<(Plan, Project), Box<Plan>> {
    let mut inputs = inputs.clone();
    inputs.insert("projectName".to_owned(), json!("one-mind"));
    let merged = Sources::new().files(FileAccess::Nothing).with(Source::Flag, inputs).merge();
    mcc_generator::generate(Catalogs::embedded(), &merged)
}

fn called(tool: &str, arguments: Map<String, Value>) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(mcc_servers::call(tool, arguments)).unwrap()
}

fn recommended(inputs: &Map<String, Value>) -> Value {
    let mut arguments = inputs.clone();
    // What the tool has no argument for.
    arguments.retain(|key, _| !["framework", "hyperpodCluster"].contains(&key.as_str()));
    called("recommend_image", arguments)
}

/// What the project starts from, and the host image that it asks AWS for.
fn made(project: &Project) -> (String, Option<String>) {
    let text = |path: &str| {
        let file = project.files().find(|(name, _)| *name == path);
        file.map(|(_, file)| String::from_utf8_lossy(file.bytes.as_ref()).into_owned())
    };
    let dockerfile = text("Dockerfile").unwrap();
    let from = dockerfile.lines().find_map(|line| line.strip_prefix("FROM ")).unwrap();
    let host =
        project.files().filter(|(name, _)| name.starts_with("deploy/")).find_map(|(_, file)| {
            let text = String::from_utf8_lossy(file.bytes.as_ref()).into_owned();
            let line = text.lines().find(|line| line.contains("AmiVersion\""))?;
            Some(line.split('"').nth(3)?.to_owned())
        });
    (from.split(' ').next().unwrap().to_owned(), host)
}

enum Compared {
    /// The model is not known, or something is still asked.
    Nothing,
    Same,
    Differs(String),
}

/// How the two differ.
fn compared(inputs: &Map<String, Value>) -> Compared {
    let answer = recommended(inputs);
    let of_image = |id: &str| {
        ["MCC-IMG-", "MCC-ENG-", "MCC-AMI-", "MCC-DRV-", "MCC-GPU-001"]
            .iter()
            .any(|f| id.starts_with(f))
    };
    // What is recommended is planned as it was given: also with the release that was named for the type's sake.
    let mut given = inputs.clone();
    given.extend(answer["inputs"].as_object().cloned().unwrap_or_default());
    let differ = match (answer["status"].as_str().unwrap(), generated(&given)) {
        ("error", _) => return Compared::Nothing,
        ("ok", Ok((_, project))) => {
            let (from, host) = made(&project);
            let image = answer["image"]["uri"].as_str().unwrap();
            let sent = answer["hostImage"]["amiVersion"].as_str().map(str::to_owned);
            (from != image || host != sent)
                .then(|| format!("recommended {image} {sent:?}, generated {from} {host:?}"))
        }
        ("ok", Err(plan)) if !plan.questions.is_empty() => return Compared::Nothing,
        ("ok", Err(plan)) => {
            let about = plan.findings.iter().find(|one| one.is_error() && of_image(&one.id));
            about.map(|one| format!("recommended {}, refused: {one:?}", answer["image"]["uri"]))
        }
        (_, Ok(_)) => Some(format!("nothing recommended ({}), generated", answer["passedOver"])),
        (_, Err(plan)) if !plan.questions.is_empty() => return Compared::Nothing,
        (_, Err(_)) => None,
    };
    differ.map_or(Compared::Same, |how| {
        Compared::Differs(format!("{}: {how}", Value::Object(inputs.clone())))
    })
}

/// One of each kind that decides.
const TYPES: [&str; 12] = [
    "ml.m5.xlarge",
    "ml.m7g.xlarge",
    "ml.g4dn.12xlarge",
    "ml.g5.12xlarge",
    "ml.g6.12xlarge",
    "ml.g6e.12xlarge",
    "ml.p3.2xlarge",
    "ml.p4d.24xlarge",
    "ml.p5.48xlarge",
    "ml.p6-b200.48xlarge",
    "ml.trn1.32xlarge",
    "ml.inf2.48xlarge",
];
/// Of old and new classes, some with releases that do not serve them.
const MODELS: [&str; 6] = [
    "Qwen/Qwen3-8B",
    "openai/gpt-oss-20b",
    "mistralai/Mistral-7B-Instruct-v0.3",
    "google/gemma-3-27b-it",
    "BAAI/bge-m3",
    "Qwen/Qwen3.5-9B",
];

/// What is asked of a config on a target and a type.
fn asked(config: &Config, target: &str, kind: &str, model: Option<&str>) -> Map<String, Value> {
    let mut inputs = Map::new();
    let mut put = |key: &str, value: &str| inputs.insert(key.to_owned(), json!(value));
    put("deploymentConfig", &config.name);
    put("deploymentTarget", target);
    put("instanceType", kind);
    put("region", "us-east-1");
    if let Some(model) = model {
        put("modelName", model);
    }
    if target == "hyperpod-eks" {
        put("hyperpodCluster", "c1");
    }
    if config.architecture == "http" {
        put("framework", "sklearn");
    }
    inputs
}

/// All comparisons of `cases`, which are more than `least`.
fn agree(cases: impl Iterator<Item = Map<String, Value>>, least: u32) {
    let (mut count, mut different) = (0_u32, Vec::new());
    for inputs in cases {
        match compared(&inputs) {
            Compared::Nothing => continue,
            Compared::Same => {}
            Compared::Differs(how) => different.push(how),
        }
        count += 1;
    }
    println!("{count} compared, {} different", different.len());
    assert!(count > least, "{count}");
    assert!(different.is_empty(), "{} of {count}:\n{}", different.len(), different.join("\n"));
}

/// Every config on every target, and whether it names a model.
fn cells() -> impl Iterator<Item = (&'static Config, &'static str, bool)> {
    registry().configs().iter().flat_map(|config| {
        registry().targets().iter().map(move |target| {
            let hub = mcc_generator::deployment(config, target, None).unwrap().hub;
            (config, target.as_str(), hub)
        })
    })
}

#[test]
fn the_recommended_images_are_those_of_the_project() {
    let cases = cells().flat_map(|(config, target, hub)| {
        let models: Vec<_> = if hub { MODELS.map(Some).to_vec() } else { vec![None] };
        TYPES.iter().flat_map(move |kind| {
            let models = models.clone();
            models.into_iter().map(move |model| asked(config, target, kind, model))
        })
    });
    agree(cases, 2000);
}

/// Of all models, on the type that is recommended for each.
#[test]
fn and_so_they_are_of_every_model() {
    let full = std::env::var_os("MCC_TIER_FULL").is_some();
    let every = if full { 1 } else { 20 };
    let cases = cells().filter(|(.., hub)| *hub).flat_map(|(config, target, _)| {
        let models = Catalogs::embedded().models().ids().step_by(every);
        models.filter_map(move |model| {
            let mut arguments = asked(config, target, "", Some(model));
            arguments.retain(|key, _| !["instanceType", "hyperpodCluster"].contains(&key.as_str()));
            let answer = called("recommend_instance", arguments);
            let kind = answer["recommendations"][0]["instanceType"].as_str()?;
            Some(asked(config, target, kind, Some(model)))
        })
    });
    agree(cases, 400);
}
