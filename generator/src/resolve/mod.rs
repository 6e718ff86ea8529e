//! From merged inputs to the complete [`Spec`]: everything that templates need is decided here.

mod asked;
mod basis;
mod deployment;
mod draft;
mod engine;
mod hyperpod;
mod image;
mod limits;
mod model;
mod packages;
mod packed;
mod recommend;
mod task;
mod tensors;
mod version;

use std::collections::BTreeMap;
use std::sync::Arc;

use mcc_catalogs::{AcceleratorKind, Catalogs, GivenImage};
use mcc_fit::{Deployment, Purpose};
use serde_json::{Map, Value};

use crate::finding::Finding;
use crate::inputs::{self, Inputs};
use crate::manifest::Manifest;
use crate::merge::Merged;
use crate::registry::{Config, Layer};
use crate::render;
use crate::spec::{
    Aws, Basis, Hyperpod, Iam, InstanceSpec, Origins, ProjectSpec, Server, Spec, Tag, Vpc,
};
use mcc_fit::sizing::{self, Device, ModelShape};

pub(crate) use draft::Drafting;
pub(crate) use recommend::{Candidate, NoType};

/// Bucket that a project uses where no other is named; scripts put the account in for the zeros.
pub(crate) const DEFAULT_BUCKET: &str = "ml-container-creator-000000000000";
/// What images are built from is below this in that bucket. No project can have the name.
const SOURCES: &str = "_sources";
/// The account, until scripts put the real one in.
pub(crate) const ZERO_ACCOUNT: &str = "000000000000";
/// Port that `SageMaker` speaks to.
const PORT: u16 = 8080;

/// What a project is made from.
pub(crate) struct Context<'a> {
    pub(crate) catalogs: &'a Catalogs,
    pub(crate) merged: &'a Merged,
    pub(crate) inputs: Inputs,
    pub(crate) config: &'a Config,
    pub(crate) target: &'a str,
    pub(crate) layers: Vec<&'a Layer>,
    /// What they ask of hardware and images.
    pub(crate) deployment: Arc<Deployment>,
    /// What was found while resolving.
    pub(crate) findings: Vec<Finding>,
    /// What is known of a hub model and of the device that it runs on.
    pub(crate) facts: ModelFacts,
    /// Where the versions of a packed model's image are from.
    pub(crate) origins: Origins,
    /// Whether what would be right is looked for. Where fixes are tried only what is wrong matters.
    pub(crate) advises: bool,
}

/// What sizing knows of a hub model; rules judge by it.
#[derive(Debug, Default)]
pub(crate) struct ModelFacts {
    /// Class name of the model's architecture, known also of models that cannot be sized.
    pub(crate) class: Option<String>,
    /// The oldest release of the image that reads the model's file, where not all of them do.
    pub(crate) least_image: Option<String>,
    /// What the name of the user's own base image says of it.
    pub(crate) given: Option<GivenImage>,
    /// What the model is for.
    pub(crate) purpose: Option<Purpose>,
    /// The model, from the catalogs or from its `config.json`.
    pub(crate) shape: Option<ModelShape>,
    /// What its `config.json` does not say, where it says too little to estimate memory.
    pub(crate) unsaid: Option<String>,
    /// The accelerators of the instance.
    pub(crate) device: Option<Device>,
    /// What the user decided of how it is served.
    pub(crate) wanted: sizing::Wanted,
    /// Release of the engine in the image; `None` where it is not known.
    pub(crate) release: Option<String>,
    /// What was chosen for model and device together.
    pub(crate) plan: Option<sizing::Plan>,
}

impl Context<'_> {
    /// What the last layer that says anything says.
    pub(crate) fn manifest<T>(&self, pick: impl Fn(&Manifest) -> Option<T>) -> Option<T> {
        self.layers.iter().rev().find_map(|l| pick(&l.manifest))
    }

    /// Whether any layer takes inputs of `group`.
    pub(crate) fn takes(&self, group: &str) -> bool {
        self.layers.iter().any(|l| l.manifest.groups.iter().any(|g| g == group))
    }

    /// The complete description.
    pub(crate) fn spec(&mut self) -> Spec {
        self.facts.given = self.given_image();
        let project = self.project();
        let aws = self.aws(&project.name);
        let instance = self.instance();
        let model = self.model(&instance);
        let image = self.image(&aws, &instance, &model);
        let endpoint = self.endpoint(&project, &aws, &image, &instance, &model);
        let batch = self.batch(&project, &aws);
        let server = self.server();
        let iam = self.iam(&project, &aws, &endpoint, &batch, &model);
        let mut spec = Spec {
            inputs: self.all_inputs(),
            project,
            aws,
            image,
            instance,
            model,
            server,
            endpoint,
            batch,
            hyperpod: Hyperpod::default(),
            iam,
            basis: Basis::default(),
        };
        spec.server = self.requests(&spec).unwrap_or(spec.server);
        spec.server.env = self.environment(&spec);
        spec.hyperpod = self.hyperpod(&spec);
        spec.basis = self.basis(&spec);
        spec
    }

    /// Every input by key, null where it is not set.
    fn all_inputs(&self) -> Map<String, Value> {
        let one = |f: &inputs::Field| {
            (f.key.clone(), self.merged.get(&f.key).cloned().unwrap_or(Value::Null))
        };
        inputs::fields().iter().map(one).collect()
    }

    fn project(&self) -> ProjectSpec {
        ProjectSpec {
            name: self.inputs.project_name.clone().unwrap_or_default(),
            config: self.config.name.clone(),
            architecture: self.config.architecture.clone(),
            backend: self.config.backend.clone(),
            framework: self.inputs.framework.clone().unwrap_or_default(),
            target: self.target.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            codebuild: self.inputs.build_target.as_deref() == Some("codebuild"),
        }
    }

    pub(crate) fn aws(&self, project: &str) -> Aws {
        let region = self.inputs.region.clone().unwrap_or_default();
        let row = self.catalogs.regions().get(&region);
        let mut tags = vec![Tag { key: "mcc:project".to_owned(), value: project.to_owned() }];
        for (key, value) in self.inputs.tags.iter().flatten() {
            let value = value.as_str().unwrap_or_default().to_owned();
            tags.push(Tag { key: key.clone(), value });
        }
        let vpc = match (&self.inputs.vpc_subnets, &self.inputs.vpc_security_groups) {
            (Some(subnets), Some(groups)) => {
                Some(Vpc { security_group_ids: groups.clone(), subnets: subnets.clone() })
            }
            _ => None,
        };
        Aws {
            partition: row.map_or_else(|| partition(&region), |r| r.partition.clone()),
            dns_suffix: row.map_or_else(|| dns_suffix(&region), |r| r.dns_suffix.clone()),
            region,
            tags,
            vpc,
        }
    }

    fn instance(&self) -> InstanceSpec {
        let Some(name) = self.inputs.instance_type.clone() else {
            return InstanceSpec {
                count: self.count(),
                accelerator_kind: "cpu".to_owned(),
                ..InstanceSpec::default()
            };
        };
        let family = name.split('.').nth(1).unwrap_or_default().to_owned();
        let Some(row) = self.catalogs.instances().get(&name) else {
            return InstanceSpec {
                kind: Some(name),
                count: self.count(),
                family,
                accelerator_kind: "cpu".to_owned(),
                ..InstanceSpec::default()
            };
        };
        let kind = row.accelerator_kind();
        InstanceSpec {
            kind: Some(name),
            count: self.count(),
            family,
            known: true,
            gpus: row.gpus(),
            accelerators: row.count,
            accelerator_cores: row.accelerator().and_then(|a| a.cores).unwrap_or(1).max(1),
            accelerator_kind: kind.as_str().to_owned(),
            neuron: kind == AcceleratorKind::Neuron,
            accelerator: row.accelerator().map(|a| a.name.clone()),
            resource: kind.resource().unwrap_or_default().to_owned(),
            vcpus: row.vcpus,
            memory_gib: row.memory_gib(),
            nvme: row.nvme().unwrap_or_default(),
            efa: row.efa,
        }
    }

    fn server(&self) -> Server {
        let i = &self.inputs;
        let payloads = self
            .manifest(|m| (!m.payloads.is_empty()).then(|| m.payloads.clone()))
            .unwrap_or_default();
        let content_type = i.content_type.clone().unwrap_or_else(|| "application/json".to_owned());
        let body = self.manifest(|m| m.max_body_mb).unwrap_or(25);
        let timeout = self.manifest(|m| m.timeout_s).unwrap_or(60);
        Server {
            port: PORT,
            workers: i.workers.filter(|w| *w > 0),
            env: BTreeMap::new(),
            max_body_mb: i.batch_max_payload.unwrap_or(body),
            timeout_s: i.async_invocation_timeout.or(i.batch_invocation_timeout).unwrap_or(timeout),
            // Of a model whose features are not known the file is its owner's to write.
            test_payload: payloads.get(&content_type).cloned().unwrap_or_default(),
            content_type,
            request: None,
            test_expect: None,
            test_begins: None,
            engine_task: None,
            video_timeout_s: None,
        }
    }

    /// What layers put into the container's environment, and what the user does, who wins.
    fn environment(&self, spec: &Spec) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let own = self.layers.iter().map(|layer| &layer.manifest.env);
        let own: Vec<&Map<String, Value>> = own.filter(|env| !env.is_empty()).collect();
        // The view costs more than the rest, and many projects set nothing.
        let view = if own.is_empty() {
            Value::Null
        } else {
            serde_json::to_value(spec).unwrap_or_default()
        };
        for map in own {
            if let Some(Value::Object(map)) = render::fill(&Value::Object(map.clone()), &view) {
                env.extend(map.into_iter().map(|(k, v)| (k, render::plain(&v))));
            }
        }
        for (name, value) in self.inputs.model_env.iter().flatten() {
            env.insert(name.clone(), render::plain(value));
        }
        env
    }

    fn iam(
        &self,
        project: &ProjectSpec,
        aws: &Aws,
        endpoint: &crate::spec::Endpoint,
        batch: &crate::spec::Batch,
        model: &crate::spec::Model,
    ) -> Iam {
        let i = &self.inputs;
        let arn = |uri: &str| {
            let path = uri.trim_start_matches("s3://").trim_end_matches('/');
            format!("arn:{}:s3:::{path}", aws.partition)
        };
        let objects = |uri: &String| {
            if uri.ends_with(".tar.gz") { arn(uri) } else { format!("{}/*", arn(uri)) }
        };
        let bucket = format!("s3://{DEFAULT_BUCKET}-{}", aws.region);
        let mut read: Vec<String> = model.s3_uri.iter().cloned().collect();
        let mut write: Vec<String> = endpoint.data_capture_path.iter().cloned().collect();
        if self.takes("async") {
            // Requests name their input themselves.
            read.push(format!("{bucket}/{}", project.name));
            write.extend([endpoint.async_output_path.clone(), endpoint.async_failure_path.clone()]);
        }
        if self.takes("batch") {
            read.push(batch.input_path.clone());
            write.push(batch.output_path.clone());
        }
        let some = |mut list: Vec<String>| {
            list.sort();
            list.dedup();
            (!list.is_empty()).then_some(list)
        };
        let is_own = |uri: &&String| **uri == bucket || uri.starts_with(&format!("{bucket}/"));
        let own = |uris: &[String]| some(uris.iter().filter(is_own).map(objects).collect());
        let other =
            |uris: &[String]| some(uris.iter().filter(|u| !is_own(u)).map(objects).collect());
        let both = || read.iter().chain(&write);
        let bucket_of = |uri: &String| arn(uri).split('/').next().unwrap_or_default().to_owned();
        let topics = [i.async_sns_success_topic.clone(), i.async_sns_error_topic.clone()];
        Iam {
            own_read: own(&read),
            own_write: own(&write),
            own_bucket: both().find(is_own).map(|_| arn(&bucket)),
            sources: format!("{}/{SOURCES}/*", arn(&bucket)),
            s3_read: other(&read),
            s3_write: other(&write),
            s3_buckets: some(both().filter(|u| !is_own(u)).map(bucket_of).collect()),
            sns_topics: some(topics.into_iter().flatten().collect()),
            secrets: some(i.hf_token_arn.clone().into_iter().collect()),
            kms_keys: some(i.kms_key_arn.clone().into_iter().collect()),
        }
    }
}

/// An S3 place of this project in the default bucket.
fn default_s3(region: &str, name: &str, rest: &str) -> String {
    format!("s3://{DEFAULT_BUCKET}-{region}/{name}/{rest}")
}

/// The partition of a Region that the catalogs do not know, by its prefix.
fn partition(region: &str) -> String {
    let prefix = |p: &str| region.starts_with(p);
    if prefix("cn-") {
        "aws-cn"
    } else if prefix("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
    .to_owned()
}

fn dns_suffix(region: &str) -> String {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }.to_owned()
}
