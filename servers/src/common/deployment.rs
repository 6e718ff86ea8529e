//! What a deployment config and a target ask of images, instances and host images, from the registry.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use mcc_catalogs::{AcceleratorKind, Arch, Catalogs, ComputeCapability, Image, Instance, Platform};
use mcc_generator::{Config, registry};
use serde_json::{Value, json};

use crate::arguments::{is_near, nearest};
use crate::common::model::Sized;
use crate::error::{Problem, ToolError};
use crate::schema::JsonObject;

/// The target that is meant when none is named.
const USUAL_TARGET: &str = "managed-inference";
/// Another name of it.
const OTHER_NAME: &str = "realtime-inference";

/// A config on a target, as far as hardware and images are concerned.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) config: String,
    pub(crate) target: String,
    /// Kinds of accelerator that the config runs on; empty if it does not say.
    pub(crate) accelerators: Vec<String>,
    /// The only accelerators of those kinds that it runs on; empty for all.
    devices: Vec<String>,
    /// Family of base images.
    pub(crate) images: Option<String>,
    /// Model server.
    pub(crate) engine: Option<String>,
    /// Whether the model is fetched from a hub, and so has to be sized.
    pub(crate) hub: bool,
    /// AWS services that the target needs.
    pub(crate) services: Vec<String>,
    pool: Option<mcc_generator::InstancePool>,
    /// Inputs that the config takes not, each with the reason.
    pub(crate) refuses: BTreeMap<String, String>,
    /// What to know before one takes the config to the target.
    pub(crate) advice: Option<String>,
    /// The engine's option for the number format of its key-value cache.
    cache_option: Option<String>,
    /// Sequences at once, where the config says how many.
    pub(crate) sequences: Option<u32>,
    /// Which API field names the host image.
    pub(crate) ami: Option<mcc_generator::AmiKind>,
}

/// Deployments by config, target and kind of accelerator.
type Made = BTreeMap<(&'static str, &'static str, &'static str), Arc<Deployment>>;

impl Deployment {
    /// The config called `config` on `target`; without a target on endpoints.
    ///
    /// # Errors
    /// Names the argument that is unknown, with what there is.
    pub(crate) fn named(config: &str, target: Option<&str>) -> Result<Arc<Self>, ToolError> {
        let registry = registry();
        let Some(row) = registry.config(config) else {
            let known = registry.configs().iter().map(|config| config.name.as_str());
            return Err(unknown("deploymentConfig", config, nearest(config, known)));
        };
        let target = match target.unwrap_or(USUAL_TARGET) {
            OTHER_NAME => USUAL_TARGET,
            other => other,
        };
        let Some(target) = registry.targets().iter().find(|known| *known == target) else {
            let known = registry.targets().iter().map(String::as_str);
            return Err(unknown("deploymentTarget", target, nearest(target, known)));
        };
        Ok(Self::made(row, target, ""))
    }

    /// What it becomes on a kind of accelerator for which its config has a layer of its own; none if there is none.
    pub(crate) fn on(&self, kind: AcceleratorKind) -> Option<Arc<Self>> {
        let row = registry().config(&self.config)?;
        let target = registry().targets().iter().find(|target| **target == self.target)?;
        registry().on(row, kind.as_str())?;
        Some(Self::made(row, target, kind.as_str()))
    }

    fn made(row: &'static Config, target: &'static str, on: &'static str) -> Arc<Self> {
        /// As many as there are configs, targets and kinds at most: the registry does not change.
        static MADE: RwLock<Made> = RwLock::new(BTreeMap::new());
        let key = (row.name.as_str(), target, on);
        if let Some(made) = MADE.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(made);
        }
        let made = Arc::new(Self::of(row, target, on));
        MADE.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&made));
        made
    }

    fn of(row: &Config, target: &str, on: &str) -> Self {
        let layers = registry().overlay_on(row, None, target, on);
        let mut this = Self {
            config: row.name.clone(),
            target: target.to_owned(),
            accelerators: Vec::new(),
            devices: Vec::new(),
            images: None,
            engine: None,
            hub: false,
            services: Vec::new(),
            pool: None,
            ami: None,
            refuses: BTreeMap::new(),
            advice: None,
            cache_option: None,
            sequences: None,
        };
        for manifest in layers.iter().map(|layer| &layer.manifest) {
            if !manifest.accelerators.is_empty() {
                this.accelerators.clone_from(&manifest.accelerators);
            }
            if !manifest.devices.is_empty() {
                this.devices.clone_from(&manifest.devices);
            }
            if !manifest.services.is_empty() {
                this.services.clone_from(&manifest.services);
            }
            this.images = manifest.images.clone().or(this.images);
            this.engine = manifest.engine.clone().or(this.engine);
            this.pool = manifest.instances.or(this.pool);
            this.ami = manifest.ami.or(this.ami);
            this.refuses.extend(manifest.refuses.clone());
            this.advice = manifest.advice.get(&this.target).cloned().or(this.advice);
            let sequences = manifest.defaults.get("maxNumSeqs").and_then(Value::as_u64);
            this.sequences = sequences.and_then(|n| u32::try_from(n).ok()).or(this.sequences);
            let mut roles = manifest.options.sizing.iter();
            let format = roles.find(|(_, role)| **role == mcc_generator::SizingRole::CacheFormat);
            this.cache_option = format
                .map(|(name, _)| name.clone())
                .or(this.cache_option)
                .filter(|name| !manifest.options.refused.contains_key(name));
            if let Some(weights) = manifest.weights {
                this.hub = weights == mcc_generator::Weights::Hub;
            }
        }
        this
    }

    /// The config that serves a model from a hub when none is named.
    pub(crate) fn of_models(target: Option<&str>) -> Result<Arc<Self>, ToolError> {
        static USUAL: LazyLock<Option<&Config>> = LazyLock::new(|| registry().usual());
        let none = || ToolError::internal("no config serves models of a hub");
        Self::named(&USUAL.ok_or_else(none)?.name, target)
    }

    /// Whether what it serves reads a context: language models do, pipelines that make images do not.
    pub(crate) fn has_context(&self) -> bool {
        !self.refuses.contains_key("maxModelLen")
    }

    /// Refuses a language model where none is served.
    ///
    /// # Errors
    /// Names the configs that serve such models.
    pub(crate) fn serves(&self, model: &Sized<'_>) -> Result<(), ToolError> {
        if self.has_context() || model.shape.max_positions.is_none() {
            return Ok(());
        }
        let others = configs().into_iter().filter(|config| {
            Self::named(config, None).is_ok_and(|other| other.hub && other.has_context())
        });
        Err(ToolError::of(
            "invalid_arguments",
            Problem::of(
                "deploymentConfig",
                format!("it serves no language models, and {} is one", model.name),
            )
            .value(&self.config.as_str().into())
            .fix("take one of the choices, or leave it out")
            .choices(others.map(str::to_owned).collect()),
        ))
    }

    /// Whether the target takes instances of this type.
    pub(crate) fn takes(&self, instance: &Instance) -> bool {
        match self.pool {
            Some(mcc_generator::InstancePool::Hosting) => instance.hosting,
            Some(mcc_generator::InstancePool::BatchTransform) => instance.batch_transform,
            Some(mcc_generator::InstancePool::Hyperpod) => instance.hyperpod,
            None => true,
        }
    }

    /// Whether the config runs on the accelerator of this type.
    pub(crate) fn runs_on(&self, instance: &Instance) -> bool {
        let kind = instance.accelerator_kind();
        let kinds = &self.accelerators;
        let device = instance.accelerator().map(|accelerator| &accelerator.name);
        (kinds.is_empty() || kinds.iter().any(|known| known == kind.as_str()))
            && (self.devices.is_empty() || device.is_some_and(|name| self.devices.contains(name)))
    }

    /// What it becomes on all the kinds of accelerator for which its config has a layer of its own.
    pub(crate) fn elsewhere(&self) -> Vec<Arc<Self>> {
        let kinds = [AcceleratorKind::Cpu, AcceleratorKind::Cuda, AcceleratorKind::Neuron];
        kinds.into_iter().filter_map(|kind| self.on(kind)).collect()
    }

    /// Whether models are compiled for a number of sequences before they are served.
    pub(crate) fn compiles(&self) -> bool {
        self.accelerators == [AcceleratorKind::Neuron.as_str()]
    }

    /// What it runs on, in words.
    pub(crate) fn runs_on_what(&self) -> String {
        if !self.devices.is_empty() {
            return self.devices.join(" or ");
        }
        let others = self.elsewhere();
        let others = others.iter().flat_map(|other| &other.devices);
        self.accelerators.iter().chain(others).map(String::as_str).collect::<Vec<_>>().join(" or ")
    }

    /// The families of base images that its config starts from, one for each kind of accelerator that has its own.
    pub(crate) fn families(&self) -> Vec<String> {
        let others = self.elsewhere().into_iter().filter_map(|other| other.images.clone());
        self.images.iter().cloned().chain(others).collect()
    }

    /// The image that a project of this deployment starts from on `arch`; none if there is none.
    pub(crate) fn image<'a>(
        &self,
        catalogs: &'a Catalogs,
        version: Option<&str>,
        arch: Arch,
    ) -> Option<&'a Image> {
        let family = self.images.as_deref()?;
        let version = version.or_else(|| catalogs.images().default_version(family))?;
        let rows = catalogs.images().of_family(family).filter(|row| {
            row.platform != Platform::Ec2
                && row.arch.contains(&arch)
                && mcc_catalogs::version::starts_with(&row.version, version)
        });
        // As `Images::resolve` chooses: the exact version, and listed tags before composed ones.
        rows.min_by_key(|row| (row.version != version, !row.listed))
    }

    /// The engine's option and its value for a key-value cache of eight bits; none if it has none.
    pub(crate) fn eight_bit_cache(&self, catalogs: &Catalogs) -> Option<(String, String)> {
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
    pub(crate) fn memory_utilization(&self, catalogs: &Catalogs, version: &str) -> Option<f64> {
        let engine = self.engine.as_deref()?;
        catalogs.engines().default_memory_utilization(engine, version)
    }

    /// The least compute capability that the engine's image is compiled for.
    pub(crate) fn capability(
        &self,
        catalogs: &Catalogs,
        version: &str,
    ) -> Option<ComputeCapability> {
        catalogs.engines().min_compute_capability(self.engine.as_deref()?, version)
    }
}

/// The names of all deployment configs.
pub(crate) fn configs() -> Vec<&'static str> {
    registry().configs().iter().map(|config| config.name.as_str()).collect()
}

/// The names of all targets, the other name of the first among them.
pub(crate) fn targets() -> Vec<&'static str> {
    registry().targets().iter().map(String::as_str).chain([OTHER_NAME]).collect()
}

/// Adds the names that the registry knows to a schema's `deploymentConfig` and `deploymentTarget`.
pub(crate) fn with_names(mut schema: JsonObject) -> JsonObject {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (key, names) in [("deploymentConfig", configs()), ("deploymentTarget", targets())] {
            if let Some(Value::Object(property)) = properties.get_mut(key) {
                property.insert("enum".to_owned(), json!(names));
            }
        }
    }
    schema
}

/// An argument with a name that does not exist.
pub(crate) fn unknown(field: &str, given: &str, choices: Vec<String>) -> ToolError {
    let near = is_near(given, choices.iter().map(String::as_str));
    let fix = match choices.first().filter(|_| near) {
        Some(first) => format!("did you mean `{first}`?"),
        None if choices.is_empty() => "leave it out".to_owned(),
        None => "take one of the choices, or leave it out".to_owned(),
    };
    ToolError::of(
        "invalid_arguments",
        Problem::of(field, "there is none of that name")
            .value(&given.into())
            .fix(fix)
            .choices(choices),
    )
}
