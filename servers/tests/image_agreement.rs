//! One mind about images: the image and the host image that are recommended are those of the project.
//!
//! Every config on every target and on one instance type of each kind, with some models; and with all of them, where they
//! would run, with `MCC_TIER_FULL`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use mcc_catalogs::Catalogs;
use mcc_generator::{FileAccess, Plan, Project, Source, Sources, registry};
use serde_json::{Map, Value, json};

fn generated(inputs: &Map<String, Value>) -> Result<(Plan, Project), Box<Plan>> {
    let mut inputs = inputs.clone();
    inputs.insert("projectName".to_owned(), json!("one-mind"));
    let merged = Sources::new().files(FileAccess::Nothing).with(Source::Flag, inputs).merge();
    mcc_generator::generate(Catalogs::embedded(), &merged)
}

fn recommended(inputs: &Map<String, Value>) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut arguments = inputs.clone();
    // What the tool has no argument for.
    arguments.remove("framework");
    arguments.remove("hyperpodCluster");
    runtime.block_on(mcc_servers::call("recommend_image", arguments)).unwrap()
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
        ["MCC-IMG-", "MCC-ENG-", "MCC-AMI-", "MCC-DRV-"].iter().any(|f| id.starts_with(f))
    };
    let differ = match (answer["status"].as_str().unwrap(), generated(inputs)) {
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

#[test]
fn the_recommended_images_are_those_of_the_project() {
    let full = std::env::var_os("MCC_TIER_FULL").is_some();
    let all: Vec<String> = Catalogs::embedded().models().ids().map(str::to_owned).collect();
    let (mut count, mut different) = (0_u32, Vec::new());
    for config in registry().configs() {
        for target in registry().targets() {
            let hub = mcc_generator::deployment(config, target, None).unwrap().hub;
            for kind in TYPES {
                let models: Vec<Option<&str>> = if !hub {
                    vec![None]
                } else if full {
                    all.iter().map(|id| Some(id.as_str())).collect()
                } else {
                    MODELS.iter().copied().map(Some).collect()
                };
                for model in models {
                    let mut inputs = Map::new();
                    inputs.insert("deploymentConfig".to_owned(), json!(config.name));
                    inputs.insert("deploymentTarget".to_owned(), json!(target));
                    inputs.insert("instanceType".to_owned(), json!(kind));
                    inputs.insert("region".to_owned(), json!("us-east-1"));
                    if let Some(model) = model {
                        inputs.insert("modelName".to_owned(), json!(model));
                    }
                    if target == "hyperpod-eks" {
                        inputs.insert("hyperpodCluster".to_owned(), json!("c1"));
                    }
                    if config.architecture == "http" {
                        inputs.insert("framework".to_owned(), json!("sklearn"));
                    }
                    match compared(&inputs) {
                        Compared::Nothing => continue,
                        Compared::Same => {}
                        Compared::Differs(how) => different.push(how),
                    }
                    count += 1;
                }
            }
        }
    }
    println!("{count} compared, {} different", different.len());
    assert!(count > 500, "{count}");
    assert!(different.is_empty(), "{} of {count}:\n{}", different.len(), different.join("\n"));
}
