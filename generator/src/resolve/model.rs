//! The model: packed into the image, or fetched from a hub or S3 when the container starts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use mcc_catalogs::Stored;

use super::Context;
use crate::finding::Finding;
use crate::kept;
use crate::manifest::Weights;
use crate::spec::{Fit, InstanceSpec, Model};
use mcc_fit::sizing::{
    self, CompiledEngine, Dtype, ExpertScales, ModelShape, ModelSource, Quantization, Sampling,
    Split, StateRule, Wanted, device_of,
};

/// Where the service puts a model that it downloads itself.
const MODEL_FOLDER: &str = "/opt/ml/model";

impl Context<'_> {
    pub(super) fn model(&mut self, instance: &InstanceSpec) -> Model {
        match self.manifest(|m| m.weights) {
            Some(Weights::Hub) => self.hub_model(instance),
            _ => self.packed_model(instance),
        }
    }

    fn hub_model(&mut self, instance: &InstanceSpec) -> Model {
        let name = self.inputs.model_name.clone().unwrap_or_default();
        let mut model = empty(name.clone(), "hub");
        model.id = Some(name.clone());
        if name.starts_with("s3://") {
            self.s3_model(&name, &mut model);
        }
        let i = &self.inputs;
        model.tensor_parallel = i.tensor_parallel_size;
        model.max_model_len = i.max_model_len;
        model.max_num_seqs = i.max_num_seqs;
        model.gpu_memory_utilization = i.gpu_memory_utilization;
        model.dtype.clone_from(&i.dtype);
        // An accelerator that the engine does not run on is another rule's matter.
        self.facts.device = instance
            .kind
            .as_deref()
            .and_then(|t| self.catalogs.instances().get(t))
            .filter(|row| self.deployment.runs_on(row))
            .and_then(device_of);
        let compiled = self.facts.device.as_ref().is_some_and(|device| device.compiled);
        self.facts.shape = self.shape(&name);
        self.note_class();
        self.decide_task(&mut model);
        let release = self.engine_release(instance);
        model.engine_options = self.engine_options(release.as_deref());
        self.facts.wanted = self.wanted(release.as_deref(), model.engine_options.as_ref());
        self.facts.release = release;
        self.size(&mut model);
        if self.facts.plan.is_none() && model.max_num_seqs.is_none() && !compiled {
            // Of a model that cannot be sized the class says at least that its states take blocks.
            let wanted = &self.facts.wanted;
            model.max_num_seqs = wanted.states.filter(|_| !wanted.eager).and_then(StateRule::few);
        }
        if !self.deployment.has_context() {
            model.tensor_parallel = model.tensor_parallel.or(Some(1));
        }
        if compiled && model.max_model_len.is_none() {
            // The engine would compile the model's longest context in, whatever that takes.
            model.max_model_len = Some(sizing::COMPILED_CONTEXT);
        }
        model
    }

    /// Where the weights come from when the container starts.
    pub(super) fn source(&self) -> ModelSource {
        let in_s3 = self.inputs.model_name.as_deref().is_some_and(|n| n.starts_with("s3://"));
        if in_s3 && self.manifest(|m| m.s3_model_source) == Some(true) {
            ModelSource::Service
        } else {
            ModelSource::Container
        }
    }

    /// Bytes of the files that are fetched: the model's, and those of a draft model.
    pub(super) fn files(&self, shape: &ModelShape) -> u64 {
        let draft = self.facts.wanted.draft.map_or(0, |draft| draft.weight_bytes);
        shape.weight_bytes.saturating_add(draft)
    }

    /// What the model needs of its host here.
    pub(super) fn host_needs(&self, weight_bytes: u64) -> sizing::HostNeeds {
        let needs = sizing::host_needs(weight_bytes, self.source());
        if self.deployment.compiles() { needs.compiled(weight_bytes) } else { needs }
    }

    /// Model artifacts in S3: an archive or a prefix, copied by the service where the target can.
    fn s3_model(&mut self, uri: &str, model: &mut Model) {
        "s3".clone_into(&mut model.source);
        model.s3_uri = Some(uri.to_owned());
        let service = self.manifest(|m| m.s3_model_source).unwrap_or(false);
        if uri.ends_with(".tar.gz") {
            model.s3_archive = Some(uri.to_owned());
        } else {
            model.s3_prefix = Some(format!("{}/", uri.trim_end_matches('/')));
        }
        if service {
            model.s3_mounted = true;
            model.id = Some(MODEL_FOLDER.to_owned());
        }
    }

    /// What the catalogs say of it.
    fn catalogued(&self, name: &str) -> Option<ModelShape> {
        if !self.deployment.has_context() {
            return self.catalogs.pipelines().get(name).map(sizing::pipeline_shape);
        }
        let models = self.catalogs.models();
        let variant = || {
            let (row, variant) = models.variant(name)?;
            sizing::variant_shape(row, variant.precision.as_deref()?)
        };
        models.get(name).and_then(sizing::shape_of).or_else(variant)
    }

    /// What the catalogs or the model's own `config.json` say of it.
    pub(super) fn shape(&mut self, name: &str) -> Option<ModelShape> {
        let Some(config) = self.inputs.model_config.clone() else {
            return self.stored_shape().or_else(|| self.catalogued(name));
        };
        // What was read, or cannot be; a model of the catalogs otherwise.
        let Some(text) = self.merged.texts.get("modelConfig").cloned() else {
            return self.catalogued(&config);
        };
        let is_text = config.trim_start().starts_with('{');
        let path = if is_text { String::new() } else { config };
        match text.map(|text| sizing::parse_config(&text)) {
            Ok(Ok(shape)) => Some(shape),
            // Nothing is wrong with such a file, and nobody is worse off for having given it.
            Ok(Err(error @ sizing::ConfigError::Missing(_))) => {
                self.facts.unsaid = Some(error.to_string());
                self.catalogued(name)
            }
            failed => {
                let reason = match failed {
                    Ok(Err(error)) => error.to_string(),
                    Err(reason) => reason,
                    Ok(Ok(_)) => return None,
                };
                let fix = match crate::named::fix(&path, &reason) {
                    fix if fix.starts_with("name a file") => {
                        "give the config.json of the model's repository".to_owned()
                    }
                    fix => fix,
                };
                let finding = Finding::error("MCC-INP-004", reason, fix);
                self.findings.push(self.merged.about("modelConfig", finding));
                None
            }
        }
    }

    /// What was found at the model's address in S3.
    pub(crate) fn stored(&self) -> Option<&Stored> {
        self.catalogs.resources().stored(self.inputs.model_name.as_deref()?)
    }

    /// The text of the model's configuration, given or found in S3, where the config takes one.
    pub(crate) fn config_text(&self) -> Option<Result<&str, &str>> {
        // An input that is left out here has left its text behind.
        let left_out = self.inputs.model_config.is_none()
            && self.merged.texts.contains_key("modelConfig")
            || self.layers.iter().any(|l| l.manifest.without("modelConfig").is_some());
        let found = kept::config_of(self.catalogs, self.merged).filter(|_| !left_out);
        found.map(|(text, _)| text)
    }

    /// What the `config.json` at the model's address in S3 says of it, with the bytes of the weights beside it.
    fn stored_shape(&mut self) -> Option<ModelShape> {
        let read = self.config_text()?.ok().map(sizing::parse_config)?;
        match read {
            Ok(shape) => {
                let bytes = self.stored().and_then(mcc_fit::stored_weights);
                Some(ModelShape { weight_bytes: bytes.unwrap_or(shape.weight_bytes), ..shape })
            }
            Err(error) => {
                self.facts.unsaid = Some(error.to_string());
                None
            }
        }
    }

    /// How the engine was built whose configuration is given, if it is one.
    pub(crate) fn built_engine(&self) -> Option<CompiledEngine> {
        let (text, _) = kept::config_of(self.catalogs, self.merged)?;
        sizing::compiled_engine(text.ok()?)
    }

    /// Decides what was left open, by what fits.
    fn size(&mut self, model: &mut Model) {
        let Some(shape) = self.facts.shape.clone() else {
            return;
        };
        let needs = self.host_needs(self.files(&shape));
        let mut fit = Fit {
            weights_gib: 0.0,
            disk_gb: u32::try_from(needs.disk_gb).unwrap_or(u32::MAX),
            memory_gib: needs.memory_gib,
            health_check_timeout_s: needs.health_check_timeout_s,
            download_timeout_s: needs.download_timeout_s,
            notes: Vec::new(),
        };
        if let Some(device) = self.facts.device.clone() {
            let plan = sizing::plan(&shape, &device, &self.facts.wanted);
            model.tensor_parallel = Some(plan.serving.tensor_parallel);
            model.max_model_len = plan.max_model_len;
            model.max_num_seqs = plan.max_num_seqs;
            if self.inputs.dtype.is_none() {
                model.dtype.clone_from(&plan.dtype_flag);
            }
            fit.weights_gib = plan.sizing.weights_gib;
            fit.notes.extend(self.recommendation());
            fit.notes.extend(crate::caution(&shape.origin));
            fit.notes.extend(plan.notes(&shape, &device, &self.facts.wanted));
            self.facts.plan = Some(plan);
        }
        model.fit = Some(fit);
    }
}

impl Context<'_> {
    /// How a release divides a model.
    pub(super) fn split(&self, release: Option<&str>) -> Split {
        let engine = self.deployment.engine.as_deref();
        Split::of(self.catalogs, engine.zip(release))
    }

    /// How a release keeps states of recurrent layers.
    pub(super) fn states(&self, release: Option<&str>) -> Option<StateRule> {
        let engine = self.deployment.engine.as_deref();
        StateRule::of(self.catalogs, engine.zip(release), self.facts.class.as_deref())
    }

    /// How a release chooses the next tokens.
    pub(super) fn sampling(&self, release: Option<&str>) -> Sampling {
        Sampling::of(self.catalogs, self.deployment.engine.as_deref().zip(release))
    }

    /// How a release keeps the scales of experts in four bits.
    pub(super) fn scales(&self, release: Option<&str>) -> ExpertScales {
        ExpertScales::of(self.catalogs, self.deployment.engine.as_deref().zip(release))
    }

    /// What the user decided; the rest is open.
    pub(super) fn wanted(
        &self,
        release: Option<&str>,
        options: Option<&Map<String, Value>>,
    ) -> Wanted {
        let i = &self.inputs;
        let open = Wanted::default();
        let usual = release.and_then(|r| self.deployment.memory_utilization(self.catalogs, r));
        let mut wanted = Wanted {
            tensor_parallel: i.tensor_parallel_size,
            // Components and pods leave devices to others.
            alone: i.inference_component != Some(true) && !self.takes("hyperpod"),
            max_model_len: i.max_model_len,
            memory_utilization: i
                .gpu_memory_utilization
                .or(usual)
                .unwrap_or(open.memory_utilization),
            dtype: i.dtype.as_deref().and_then(Dtype::parse),
            in_flight: i.quantization.as_deref().and_then(|q| Quantization::named(q, None)),
            max_num_seqs: i.max_num_seqs,
            lora: (i.enable_lora == Some(true))
                .then(|| (i.max_loras.unwrap_or(1), i.max_lora_rank.unwrap_or(16))),
            split: self.split(release),
            states: self.states(release),
            sampling: self.sampling(release),
            scales: self.scales(release),
            ..open
        };
        self.size_by_options(options, &mut wanted);
        if let Some(built) = self.built_engine() {
            wanted.pipeline_parallel = built.pipeline_parallel;
        }
        wanted
    }
}

pub(super) fn empty(name: String, source: &str) -> Model {
    Model {
        name,
        source: source.to_owned(),
        file: None,
        format: None,
        framework_version: None,
        python_version: None,
        requirements: Vec::new(),
        inputs: None,
        outputs: None,
        max_batch_size: None,
        classifier: false,
        request: None,
        records: Vec::new(),
        named: false,
        id: None,
        s3_uri: None,
        s3_archive: None,
        s3_prefix: None,
        s3_mounted: false,
        tensor_parallel: None,
        max_model_len: None,
        max_num_seqs: None,
        gpu_memory_utilization: None,
        dtype: None,
        task: None,
        asked_for: BTreeMap::new(),
        reads_images: false,
        pools: None,
        encodes: None,
        runner: None,
        engine_options: None,
        fit: None,
    }
}
