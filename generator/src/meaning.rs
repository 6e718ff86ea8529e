//! What is meant by a value or a name that is not one: the backend of a config, the page of a model, an
//! instance type as EC2 writes it, a city in place of a Region.

use mcc_catalogs::{Catalogs, HubAddress};

use crate::fix::{Fix, Remedy};
use crate::format::{Format, valid_name};
use crate::inputs;
use crate::lenient;
use crate::registry::{Config, registry};

/// What a text of the wrong form means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meant {
    /// Exactly this; nothing is lost.
    This(String),
    /// One of these, if there are any, and what to do.
    Perhaps {
        /// Right values, nearest first.
        choices: Vec<String>,
        /// What to do, where it is more than to take the first choice.
        fix: Option<Remedy>,
    },
}

/// What `text` means where a text of `format` is wanted.
pub(crate) fn of_text(format: Format, text: &str) -> Meant {
    let perhaps = |choices: Vec<&str>| Meant::Perhaps {
        choices: choices.into_iter().map(str::to_owned).collect(),
        fix: None,
    };
    let catalogs = Catalogs::embedded();
    match format {
        Format::InstanceType => {
            let lower = text.trim().to_lowercase();
            let full = format!("ml.{lower}");
            for name in [lower, full] {
                if catalogs.instances().get(&name).is_some() {
                    return Meant::This(name);
                }
            }
            perhaps(catalogs.types_meant(text))
        }
        Format::Region => perhaps(catalogs.regions_meant(text)),
        Format::ModelName => match HubAddress::of(text) {
            Some(HubAddress { model, revision: None }) => Meant::This(model.to_string()),
            Some(HubAddress { model, revision: Some(revision) }) => Meant::Perhaps {
                fix: Some(
                    Fix::set("modelName", model.to_string())
                        .and(Fix::set("modelRevision", revision.clone())),
                ),
                choices: vec![model.to_string()],
            },
            None => perhaps(Vec::new()),
        },
        Format::ProjectName => {
            let name = valid_name(text);
            perhaps(name.as_deref().into_iter().collect())
        }
        _ => perhaps(Vec::new()),
    }
}

/// The deployment configs that `word` names by their backend, a framework of theirs, a part of their name, or what
/// they say of themselves; the best first.
pub fn configs(word: &str) -> Vec<String> {
    let word = word.trim().to_lowercase();
    if word.len() < 3 {
        return Vec::new();
    }
    let registry = registry();
    let word = lenient::word("framework", &word, registry.frameworks()).unwrap_or(&word);
    let usual = registry.usual().map(|config| config.architecture.as_str());
    let rank = |config: &Config| {
        let own =
            registry.layer(&format!("layers/{}/backend/{}", config.architecture, config.backend));
        let says = |text: &str| {
            let text = text.to_lowercase();
            text.split(|c: char| !c.is_alphanumeric()).any(|own| own == word)
        };
        if config.backend == word || config.frameworks.iter().any(|own| own == word) {
            Some(0)
        } else if config.name.contains(word) {
            Some(1)
        } else {
            own.is_some_and(|own| says(&own.manifest.title) || says(&own.manifest.description))
                .then_some(2)
        }
    };
    let mut found: Vec<(i32, &Config)> =
        registry.configs().iter().filter_map(|config| Some((rank(config)?, config))).collect();
    let best = found.iter().map(|(rank, _)| *rank).min();
    found.retain(|(rank, _)| Some(*rank) == best);
    found.sort_by_key(|(_, config)| (Some(config.architecture.as_str()) != usual, &config.name));
    found.into_iter().map(|(_, config)| config.name.clone()).collect()
}

/// Words that other tools and people use, and the inputs that are meant.
const WORDS: [(&str, &[&str]); 27] = [
    ("model", &["modelName", "modelPath"]),
    ("modelid", &["modelName"]),
    ("modelfile", &["modelPath"]),
    ("hfmodel", &["modelName"]),
    ("huggingfacemodel", &["modelName"]),
    ("hfmodelid", &["modelName"]),
    ("name", &["projectName"]),
    ("config", &["deploymentConfig"]),
    ("server", &["deploymentConfig"]),
    ("engine", &["deploymentConfig", "engineVersion"]),
    ("backend", &["deploymentConfig"]),
    ("target", &["deploymentTarget"]),
    ("instance", &["instanceType"]),
    ("machinetype", &["instanceType"]),
    ("role", &["roleArn"]),
    ("executionrole", &["roleArn"]),
    ("image", &["baseImage"]),
    ("env", &["modelEnv"]),
    ("environment", &["modelEnv"]),
    ("tp", &["tensorParallelSize"]),
    ("context", &["maxModelLen"]),
    ("contextlength", &["maxModelLen"]),
    ("maxlen", &["maxModelLen"]),
    ("revision", &["modelRevision"]),
    ("kmskey", &["kmsKeyArn"]),
    ("subnets", &["vpcSubnets"]),
    ("securitygroups", &["vpcSecurityGroups"]),
];

/// The keys of the inputs that other tools and people call `name`.
pub fn words(name: &str) -> Option<&'static [&'static str]> {
    let plain = plain(name);
    WORDS.iter().find(|(word, _)| *word == plain).map(|(_, keys)| *keys)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).take(100).collect::<String>().to_lowercase()
}

/// The keys of the inputs that `name` means or is most like, the best first.
pub fn inputs(name: &str) -> Vec<&'static str> {
    if let Some(keys) = words(name) {
        return keys.to_vec();
    }
    let plain = plain(name);
    if let Some(field) = inputs::fields().iter().find(|f| f.key.eq_ignore_ascii_case(&plain)) {
        return vec![&field.key];
    }
    mcc_catalogs::nearest(&plain, inputs::fields().iter().map(|field| field.key.as_str()), 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_people_name_inputs_that_exist() {
        for (word, keys) in WORDS {
            assert!(inputs::find(word).is_none(), "{word}");
            assert!(keys.iter().all(|key| inputs::find(key).is_some()), "{word}");
        }
        assert_eq!(inputs("model"), ["modelName", "modelPath"]);
        assert_eq!(inputs("instance_type"), ["instanceType"]);
        assert_eq!(inputs("regon"), ["region"]);
    }

    #[test]
    fn configs_are_found_by_what_they_serve() {
        let usual = registry().usual().expect("a usual config");
        // The backend of the usual config is its own, and not another's that has it too.
        assert_eq!(configs(&usual.backend).first(), Some(&usual.name));
        for config in registry().configs() {
            assert!(configs(&config.backend).contains(&config.name), "{}", config.name);
            for framework in &config.frameworks {
                assert!(configs(framework).contains(&config.name), "{framework}");
            }
        }
        assert!(configs("pytorch").iter().all(|name| name.contains("pytorch")));
        assert_eq!(configs("zzzz"), Vec::<String>::new());
    }

    #[test]
    fn texts_of_another_form_are_understood() {
        let this = |text: &str| Meant::This(text.to_owned());
        assert_eq!(of_text(Format::InstanceType, "g6e.2xlarge"), this("ml.g6e.2xlarge"));
        assert_eq!(of_text(Format::InstanceType, "ML.M5.XLARGE"), this("ml.m5.xlarge"));
        for page in [
            "https://huggingface.co/Qwen/Qwen3-8B",
            "https://huggingface.co/Qwen/Qwen3-8B/tree/main/",
        ] {
            assert_eq!(of_text(Format::ModelName, page), this("Qwen/Qwen3-8B"), "{page}");
        }
        let Meant::Perhaps { fix, .. } =
            of_text(Format::ModelName, "https://huggingface.co/Qwen/Qwen3-8B/tree/v1")
        else {
            panic!("a revision is not dropped")
        };
        let both = Fix::set("modelName", "Qwen/Qwen3-8B").and(Fix::set("modelRevision", "v1"));
        assert_eq!(fix, Some(both));
        let Meant::Perhaps { choices, .. } = of_text(Format::Region, "Frankfurt") else {
            panic!("a city is not a Region")
        };
        assert_eq!(choices.first().map(String::as_str), Some("eu-central-1"));
    }
}
