//! What is known of a project's decisions beside what its files need: where they come from and what they come to.

use mcc_catalogs::Task;
use mcc_fit::TaskBasis;
use schemars::JsonSchema;
use serde::Serialize;

/// What is known of the decisions.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Basis {
    /// Serving engine in the base image, or the family of that image where it has none; absent where it is the user's own.
    pub engine: Option<String>,
    /// How the host's driver suits the image's CUDA; absent where no host image is asked for.
    pub host: Option<Host>,
    /// Package of the framework that the model was trained with.
    pub framework: Option<String>,
    /// Where the versions of framework and Python are from.
    pub origins: Origins,
    /// Folder of the project that a packed model is in.
    pub model_folder: String,
    /// Whether the hub serves the model only to those who have accepted its licence; absent where that is not known.
    pub gated: Option<bool>,
    /// Whether that is inferred from who published the model.
    pub gated_inferred: bool,
    /// Whether it is private on the hub, so that there is no licence to accept. No file tells it.
    #[serde(skip)]
    pub private: bool,
    /// How the model shares the memory of each accelerator; absent where that is not estimated.
    pub memory: Option<Memory>,
    /// What the model is for, whether the config serves that or not; absent where nothing certain tells it.
    pub task: Option<Task>,
    /// How the model's task is known; absent where nothing tells it.
    pub task_from: Option<TaskBasis>,
    /// Class name of the model's architecture.
    pub class: Option<String>,
    /// What runs it.
    pub runs_as: RunsAs,
    /// Whether a caller can take an answer in pieces.
    pub streams: bool,
    /// How a request reaches the container.
    pub route: String,
    /// What it costs.
    pub cost: CostBasis,
    /// What of this was looked up. How long ago is other the next time, and so in no file.
    #[serde(skip)]
    pub live: Vec<LiveValue>,
    /// How many of the instance type the account may have, where that is known: in no file either.
    #[serde(skip)]
    pub quota: Option<u32>,
}

/// A value of a plan that was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveValue {
    /// Which one: `cost`, `model`, `base image`, `quota` or `cluster`.
    pub value: String,
    /// What was found, where no other decision tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Who was asked, such as `Hugging Face`.
    pub source: String,
    /// Date of the look-up.
    pub as_of: String,
    /// Seconds since the source said it; left out of what the project kept of an earlier look-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
}

impl LiveValue {
    /// A value that is from `origin`, if that was a look-up.
    pub(crate) fn of(
        value: &str,
        found: Option<String>,
        origin: &mcc_catalogs::Origin,
    ) -> Option<Self> {
        let mcc_catalogs::Origin::Live { source, as_of, age } = origin else { return None };
        Some(Self {
            value: value.to_owned(),
            found,
            source: mcc_catalogs::echo(source),
            as_of: mcc_catalogs::echo(as_of),
            age_seconds: *age,
        })
    }

    /// Who said it, and how long ago.
    pub(crate) fn told(&self) -> String {
        mcc_catalogs::provenance(&self.source, &self.as_of, self.age_seconds)
    }
}

/// The host image and its driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Host {
    /// Branch of its GPU driver, such as 580.
    pub driver: Option<u32>,
    /// How that suits the image's CUDA; absent where one of the two is not known.
    pub fit: Option<mcc_catalogs::DriverFit>,
}

/// Where the versions in the image of a packed model are from.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Origins {
    /// That of the framework.
    pub framework: Origin,
    /// That of Python.
    pub python: Origin,
}

/// Where a version is from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// An input.
    Given,
    /// The model's file.
    File,
    /// The requirements of the training.
    Requirements,
    /// Nothing: there is a model, and it does not say.
    Guess,
    /// What the framework's packages are made for.
    Suits,
    /// The layer's usual one, where there is no model to suit.
    #[default]
    Usual,
}

/// Memory of one accelerator, in GiB, by what takes it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct Memory {
    /// The accelerator's name.
    pub device: String,
    /// Accelerators, or cores of such, of the instance.
    pub devices: u32,
    /// Those that one copy of the model takes.
    pub used: u32,
    /// Memory of one.
    pub device_gib: f64,
    /// What the engine may take of it.
    pub budget_gib: f64,
    /// Weights.
    pub weights_gib: f64,
    /// Activations, graphs and buffers.
    pub overhead_gib: f64,
    /// What is left for the key-value cache, or left over for a pipeline; absent for a model that keeps none.
    pub cache_gib: Option<f64>,
    /// Whether texts are read in one pass, so that nothing is generated from them.
    pub pools: bool,
    /// Longest context, in tokens, also where the engine finds it by itself; absent for what has none.
    pub context: Option<u64>,
    /// Sequences of that length at once; absent where nothing is known of the cache.
    pub sequences: Option<f64>,
    /// Copies of the model, each with a cache of its own.
    pub copies: u32,
}

/// What runs the project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum RunsAs {
    /// An endpoint, which runs until it is deleted.
    #[default]
    Endpoint,
    /// A job, which ends by itself.
    Job,
    /// Pods on nodes that are there already.
    Pods,
}

/// What the cost is worked out from.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub struct CostBasis {
    /// US dollars for an hour of one; absent where that is not known.
    pub usd_per_hour: Option<f64>,
    /// Whether AWS published that figure; otherwise it is estimated from EC2's.
    pub published: bool,
    /// Its date.
    pub as_of: String,
    /// The Region that it is for.
    pub region: String,
}
