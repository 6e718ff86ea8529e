//! What a deployment config on a target asks of instance types, images and host images.

use std::collections::BTreeMap;

use mcc_catalogs::{AcceleratorKind, Arch, Catalogs, Image, Instance, Task};
use serde::{Deserialize, Serialize};

use crate::choice::ImageChoice;
use crate::release::Asked;

/// A config on a target, as far as hardware and images are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployment {
    /// The config's name.
    pub config: String,
    /// The target's name.
    pub target: String,
    /// The config's backend.
    pub backend: String,
    /// Kinds of accelerator that the config runs on; empty if it does not say.
    pub accelerators: Vec<AcceleratorKind>,
    /// The only accelerators of those kinds that it runs on, by their names in the catalogs; empty for all.
    pub devices: Vec<String>,
    /// Family of base images.
    pub images: Option<String>,
    /// Model server.
    pub engine: Option<String>,
    /// Whether the model is fetched from a hub, and so has to be sized.
    pub hub: bool,
    /// AWS services that the target needs.
    pub services: Vec<String>,
    /// The instance types that the target takes; all where it does not say.
    pub pool: Option<InstancePool>,
    /// The instance type that the config has where nothing else decides it; none where the model's size has to.
    pub usual_type: Option<String>,
    /// Inputs that the config does not take, each with the reason.
    pub refuses: BTreeMap<String, String>,
    /// What to know before one takes the config to the target.
    pub advice: Option<String>,
    /// The engine's option for the number format of its key-value cache.
    pub cache_option: Option<String>,
    /// Sequences at once, where the config says how many.
    pub sequences: Option<u32>,
    /// Which API field names the host image.
    pub ami: Option<AmiKind>,
    /// What models can be asked for here, the usual task first; empty if the config does not say.
    pub tasks: Vec<Task>,
    /// The oldest version of the images that serves a task, where not all of them do.
    pub task_images: BTreeMap<Task, String>,
}

/// The set of instance types that a target accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum InstancePool {
    Hosting,
    BatchTransform,
    Hyperpod,
}

impl InstancePool {
    /// Whether instances of this type are in it.
    pub fn has(self, instance: &Instance) -> bool {
        match self {
            Self::Hosting => instance.hosting,
            Self::BatchTransform => instance.batch_transform,
            Self::Hyperpod => instance.hyperpod,
        }
    }
}

/// Which API field names the host image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum AmiKind {
    Inference,
    Transform,
}

impl Deployment {
    /// Whether the target takes instances of this type.
    pub fn takes(&self, instance: &Instance) -> bool {
        self.pool.is_none_or(|pool| pool.has(instance))
    }

    /// Whether the config runs on the accelerator of this type, or on its processor where it has none.
    pub fn runs_on(&self, instance: &Instance) -> bool {
        (self.accelerators.is_empty() || self.accelerators.contains(&instance.accelerator_kind()))
            && self.runs_on_device(instance)
    }

    /// Whether it starts on this type without using its accelerator, which is only paid for.
    pub fn idles_on(&self, instance: &Instance) -> bool {
        let only_cpu = |kinds: &[AcceleratorKind]| kinds == [AcceleratorKind::Cpu];
        only_cpu(&self.accelerators)
            && self.devices.is_empty()
            && instance.accelerator_kind() == AcceleratorKind::Cuda
    }

    /// Whether the accelerator of this type is one of those that the config names, if it names any.
    pub fn runs_on_device(&self, instance: &Instance) -> bool {
        let device = instance.accelerator().map(|accelerator| &accelerator.name);
        self.devices.is_empty() || device.is_some_and(|name| self.devices.contains(name))
    }

    /// Whether models are compiled for a number of sequences before they are served.
    pub fn compiles(&self) -> bool {
        self.accelerators == [AcceleratorKind::Neuron]
    }

    /// Whether what it serves reads a context: language models do, pipelines that make images do not.
    pub fn has_context(&self) -> bool {
        !self.refuses.contains_key("maxModelLen")
    }

    /// Whether models can be asked for `task` here, as far as the config says.
    pub fn serves(&self, task: Task) -> bool {
        self.tasks.is_empty() || self.tasks.contains(&task)
    }

    /// The image that a project of this deployment starts from on `arch`, for a model that is `asked` for; none if there
    /// is none.
    pub fn image<'a>(
        &'a self,
        catalogs: &'a Catalogs,
        asked: &Asked,
        arch: Arch,
    ) -> Option<&'a Image> {
        ImageChoice::new(catalogs, self, None, asked).on(arch, None)
    }

    /// The engine's option and its value for a key-value cache of eight bits; none if it has none.
    pub fn eight_bit_cache(&self, catalogs: &Catalogs) -> Option<(String, String)> {
        let name = self.cache_option.as_ref()?;
        let known = catalogs.engines().options(self.engine.as_deref()?);
        let option = known.and_then(|known| known.get(name));
        let value = match option {
            // The plain name lets the engine choose among its eight-bit formats.
            Some(option) => {
                let mut eight = option.choices.iter().filter(|choice| choice.starts_with("fp8"));
                let plain = option.choices.iter().find(|choice| *choice == "fp8");
                let e4m3 = option.choices.iter().find(|choice| choice.ends_with("e4m3"));
                plain.or(e4m3).or_else(|| eight.next())?.clone()
            }
            None => "fp8".to_owned(),
        };
        Some((name.clone(), value))
    }

    /// The share of a device's memory that the engine takes unless told otherwise.
    pub fn memory_utilization(&self, catalogs: &Catalogs, release: &str) -> Option<f64> {
        catalogs.engines().default_memory_utilization(self.engine.as_deref()?, release)
    }
}
