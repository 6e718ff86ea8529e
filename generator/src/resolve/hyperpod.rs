//! The pods on a HyperPod cluster.

use serde_json::{Map, Value, json};

use super::{Context, ZERO_ACCOUNT};
use crate::spec::{Hyperpod, InstanceSpec, S3Source, Spec, TYPE_LABEL};

/// Share of a node's CPU and memory that a pod asks for; the rest is the kubelet's and the daemons'.
const POD_SHARE: f64 = 0.8;
/// Seconds for pulling the image and finding a node, beside the start of the container.
const SCHEDULING_S: u32 = 900;
/// Where fetched weights are kept.
const STORE: &str = "/mnt/model-store";
/// Where a model from S3 is mounted.
const MODEL_FOLDER: &str = "/opt/ml/model";
/// Longest name of a Kubernetes object that becomes part of a DNS name.
const MAX_NAME: usize = 63;

impl Context<'_> {
    /// The pods of the project that `spec` describes.
    pub(super) fn hyperpod(&self, spec: &Spec) -> Hyperpod {
        let i = &self.inputs;
        let name = object_name(&spec.project.name);
        let namespace = i.hyperpod_namespace.as_deref().unwrap_or("default");
        let operator = i.hyperpod_manifest.as_deref() != Some("deployment");
        let s3 = s3_source(spec);
        let from_s3 = s3.bucket.is_some();
        let volume: String = format!("{namespace}-{name}").chars().take(MAX_NAME).collect();
        let volume = volume.trim_end_matches('-').to_owned();
        let fsx = i.fsx_volume_handle.as_ref().map(|h| json!({"handle": h}));
        let selector = self.selector(&spec.instance);
        let affinity = i.hp_node_selector.as_ref().map(|_| affinity(&selector));
        let (requests, limits, whole) = self.resources(spec);
        let split = spec.model.tensor_parallel.unwrap_or(1) > 1;
        let shared = split || self.manifest(|m| m.shared_memory) == Some(true);
        let aws = &spec.aws;
        let host = format!("{ZERO_ACCOUNT}.dkr.ecr.{}.{}", aws.region, aws.dns_suffix);
        Hyperpod {
            operator,
            deployment: !operator,
            image: format!("{host}/{}:latest", spec.project.name),
            queue_labels: i
                .hp_queue
                .as_ref()
                .map(|q| Map::from_iter([("kueue.x-k8s.io/queue-name".to_owned(), json!(q))])),
            requests,
            limits,
            // No second pod has room on a node that one takes whole: an update would wait for it for ever.
            surge: u32::from(!whole),
            unavailable: u32::from(whole),
            instance_type: spec.instance.kind.clone().filter(|_| affinity.is_none()),
            node_affinity: affinity,
            node_selector: selector,
            // Workers of one copy exchange tensors through shared memory, of which a pod has 64 MiB by default.
            shm: shared.then(|| "8Gi".to_owned()),
            env: environment(spec, &name),
            startup_failures: spec.endpoint.health_check_timeout_s.div_ceil(10),
            deadline_s: spec.endpoint.health_check_timeout_s + SCHEDULING_S,
            source_type: if from_s3 { "s3" } else { "kubernetesVolume" }.to_owned(),
            store: !from_s3,
            scratch: !from_s3 && fsx.is_none(),
            claim: fsx.is_some() || (from_s3 && !operator),
            mount_path: if from_s3 { MODEL_FOLDER } else { STORE }.to_owned(),
            read_only: from_s3.then_some(true),
            mount_options: mount_options(&aws.region, &s3, fsx.is_some()),
            csi: self.csi(spec, &s3, &volume),
            tags: aws.tags.iter().map(|t| json!({"name": t.key, "value": t.value})).collect(),
            fsx,
            s3,
            volume,
            name,
        }
    }

    fn selector(&self, instance: &InstanceSpec) -> Map<String, Value> {
        let mut selector = self.inputs.hp_node_selector.clone().unwrap_or_default();
        if let Some(kind) = &instance.kind {
            selector.entry(TYPE_LABEL).or_insert_with(|| json!(kind));
        }
        selector
    }

    /// Requests and limits, and whether they leave no room for another pod on the node. There is no limit on CPU:
    /// throttling slows a server without freeing anything.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded by a node's size
    fn resources(&self, spec: &Spec) -> (Map<String, Value>, Map<String, Value>, bool) {
        let i = &self.inputs;
        let instance = &spec.instance;
        let hub = spec.model.source != "packed";
        let split = instance.split(spec.model.tensor_parallel);
        // A packed model that can use an accelerator takes one: without it the pod sees none.
        let one = (!hub && self.uses_accelerator(instance)).then_some(1);
        let wanted = split.or(hub.then_some(instance.accelerators)).or(one);
        let accelerators = i.hp_gpu_count.or(wanted).filter(|n| *n > 0);
        let share = match (accelerators, instance.accelerators) {
            (Some(n), all) if all > 0 => (f64::from(n) / f64::from(all)).min(1.0),
            // A packed model is small: several pods share a node.
            _ if !hub => 0.5,
            _ => 1.0,
        };
        let cpus = (f64::from(instance.vcpus) * POD_SHARE * share).max(1.0) as u32;
        let memory = (instance.memory_gib * POD_SHARE * share).max(1.0) as u32;
        let mut limits = Map::new();
        let memory = i.hp_mem_request.clone().unwrap_or_else(|| format!("{memory}Gi"));
        limits.insert("memory".to_owned(), json!(memory));
        if let Some(n) = accelerators {
            let resource = match instance.resource.as_str() {
                "" => "nvidia.com/gpu",
                known => known,
            };
            limits.insert(resource.to_owned(), json!(n.to_string()));
        }
        if i.hp_efa_enabled == Some(true) && instance.efa > 0 {
            limits.insert("vpc.amazonaws.com/efa".to_owned(), json!(instance.efa.to_string()));
        }
        let mut requests = Map::new();
        let cpu = i.hp_cpu_request.clone().unwrap_or_else(|| cpus.to_string());
        requests.insert("cpu".to_owned(), json!(cpu));
        requests.extend(limits.clone());
        let half = accelerators.is_some_and(|n| n.saturating_mul(2) > instance.accelerators);
        (requests, limits, instance.accelerators > 0 && half)
    }

    fn csi(&self, spec: &Spec, s3: &S3Source, volume: &str) -> Option<Value> {
        let aws = &spec.aws;
        if let Some(handle) = &self.inputs.fsx_volume_handle {
            let dns = format!("{handle}.fsx.{}.{}", aws.region, aws.dns_suffix);
            return Some(json!({
                "driver": "fsx.csi.aws.com",
                "volumeHandle": handle,
                "volumeAttributes": {"dnsname": dns, "mountname": "fsx"},
            }));
        }
        let bucket = s3.bucket.as_ref()?;
        Some(json!({
            "driver": "s3.csi.aws.com",
            "volumeHandle": volume,
            "volumeAttributes": {"bucketName": bucket},
        }))
    }
}

/// A name for Kubernetes objects that cannot collide with an engine's environment: Kubernetes injects
/// `<SERVICE>_PORT` into pods, and a Service called after an engine would overwrite the engine's own.
fn object_name(project: &str) -> String {
    let stem: String = project.chars().take(40).collect();
    let stem = stem.trim_end_matches('-');
    // Names of Services start with a letter; those of projects may start with a digit.
    let letter = if stem.starts_with(|c: char| c.is_ascii_digit()) { "m-" } else { "" };
    format!("{letter}{stem}-model")
}

fn s3_source(spec: &Spec) -> S3Source {
    let Some(rest) = spec.model.s3_uri.as_deref().and_then(|u| u.strip_prefix("s3://")) else {
        return S3Source::default();
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_end_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    S3Source { bucket: Some(bucket.to_owned()), prefix: Some(prefix) }
}

fn affinity(selector: &Map<String, Value>) -> Value {
    let one =
        |(key, value): (&String, &Value)| json!({"key": key, "operator": "In", "values": [value]});
    let expressions: Vec<Value> = selector.iter().map(one).collect();
    json!({"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": expressions}]
    }})
}

fn environment(spec: &Spec, name: &str) -> Vec<Value> {
    let mut env: Vec<Value> =
        spec.server.env.iter().map(|(n, v)| json!({"name": n, "value": v})).collect();
    let given = |name: &str| spec.server.env.contains_key(name);
    if spec.model.source == "hub" && !given("HF_HOME") {
        env.push(json!({"name": "HF_HOME", "value": format!("{STORE}/huggingface")}));
    }
    if spec.inputs.get("hfTokenArn").is_some_and(|v| !v.is_null()) {
        let secret = json!({"name": format!("{name}-hf"), "key": "token"});
        env.push(json!({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": secret}}));
    }
    env
}

fn mount_options(region: &str, s3: &S3Source, fsx: bool) -> Option<Vec<String>> {
    if fsx {
        return Some(vec!["flock".to_owned()]);
    }
    s3.bucket.as_ref()?;
    let mut options = vec![format!("region {region}")];
    if let Some(prefix) = s3.prefix.as_ref().filter(|p| !p.is_empty()) {
        options.push(format!("prefix {prefix}"));
    }
    options.push("read-only".to_owned());
    Some(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_are_labels_and_no_engine() {
        assert_eq!(object_name("vllm"), "vllm-model");
        assert_eq!(object_name("4u"), "m-4u-model");
        assert!(object_name(&"a".repeat(63)).len() <= MAX_NAME);
    }
}
