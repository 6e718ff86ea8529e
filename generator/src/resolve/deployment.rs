//! The endpoint, job or pods that the model runs in.

use serde_json::{Map, Value};

use super::Context;
use crate::registry::AmiKind;
use crate::spec::{
    Autoscaling, Aws, ComponentSpec, Endpoint, Hyperpod, Image, InstanceSpec, Model, ProjectSpec,
};

/// Seconds that a container with a packed model may take to answer `/ping`.
const PACKED_HEALTH_CHECK_S: u32 = 300;
/// Memory of a copy of a packed model, in MiB.
const PACKED_COPY_MIB: u32 = 1024;
/// Share of an instance's memory that copies may divide; the rest is the host's.
const COPY_MEMORY_SHARE: f64 = 0.75;
/// Share of a node's CPU and memory that a pod asks for; the rest is the kubelet's and the daemons'.
const POD_SHARE: f64 = 0.8;

impl Context<'_> {
    pub(super) fn endpoint(
        &mut self,
        project: &ProjectSpec,
        aws: &Aws,
        image: &Image,
        instance: &InstanceSpec,
        model: &Model,
    ) -> Endpoint {
        let i = self.inputs.clone();
        let needs = model.fit.as_ref();
        let ebs = !instance.nvme;
        let volume = i.endpoint_volume_size.or_else(|| {
            let disk = needs.map(|n| n.disk_gb).filter(|gb| *gb > 30);
            disk.filter(|_| ebs && self.takes("endpoint"))
        });
        let name = &project.name;
        let place = |given: &Option<String>, rest: &str| {
            given.clone().unwrap_or_else(|| self.default_s3(&aws.region, name, rest))
        };
        let capture = i.endpoint_data_capture_percent.filter(|p| *p > 0);
        let component = i.inference_component == Some(true);
        Endpoint {
            ami: self.ami(image, instance),
            health_check_timeout_s: i
                .health_check_timeout
                .or(needs.map(|n| n.health_check_timeout_s))
                .unwrap_or(PACKED_HEALTH_CHECK_S),
            download_timeout_s: i
                .model_download_timeout
                .or(needs.filter(|_| model.s3_mounted).map(|n| n.download_timeout_s)),
            volume_gb: volume.filter(|_| ebs),
            volume_kms_key: i.kms_key_arn.clone().filter(|_| ebs),
            autoscaling: self.autoscaling(),
            inference_component: component,
            ic: component.then(|| self.component(instance, model)),
            data_capture_path: capture
                .map(|_| place(&i.endpoint_data_capture_path, "data-capture")),
            async_output_path: place(&i.async_s3_output_path, "async/output"),
            async_failure_path: place(&i.async_s3_failure_path, "async/failure"),
            batch_input_path: place(&i.batch_input_path, "batch/input"),
            batch_output_path: place(&i.batch_output_path, "batch/output"),
        }
    }

    /// The host image that was asked for, or the first whose driver runs the image's CUDA.
    fn ami(&self, image: &Image, instance: &InstanceSpec) -> Option<String> {
        let kind = self.manifest(|m| m.ami)?;
        let given = match kind {
            AmiKind::Inference => self.inputs.inference_ami_version.clone(),
            AmiKind::Transform => self.inputs.transform_ami_version.clone(),
        };
        if given.is_some() {
            return given;
        }
        let amis = self.catalogs.amis();
        match (instance.accelerator_kind.as_str(), kind) {
            ("neuron", AmiKind::Inference) => amis.for_neuron().map(|a| a.ami.clone()),
            ("cuda", AmiKind::Inference) => {
                let cuda = image.cuda.as_deref()?;
                amis.for_cuda(cuda, &instance.family).map(|c| c.ami.ami.clone())
            }
            ("cuda", AmiKind::Transform) => {
                let cuda = image.cuda.as_deref()?;
                let best = amis.for_cuda_transform(cuda, &instance.family).map(|c| c.ami);
                // Where none suffices the newest is still the best that there is.
                best.or_else(|| amis.transform().max_by_key(|a| a.driver)).map(|a| a.ami.clone())
            }
            _ => None,
        }
    }

    fn autoscaling(&self) -> Option<Autoscaling> {
        let i = &self.inputs;
        let max = i.autoscaling_max?;
        let min = i.autoscaling_min.unwrap_or(1);
        Some(Autoscaling {
            min,
            max,
            target: i.autoscaling_target.unwrap_or(1.0),
            to_zero: min == 0,
        })
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded by an instance's memory
    fn component(&self, instance: &InstanceSpec, model: &Model) -> ComponentSpec {
        let i = &self.inputs;
        let split = model.tensor_parallel.filter(|_| instance.accelerators > 0);
        let accelerators = i.ic_gpu_count.or(split).filter(|n| *n > 0);
        let memory = i.ic_memory_size.unwrap_or_else(|| match (accelerators, instance.accelerators) {
            (Some(n), all) if all > 0 => {
                let share = f64::from(n) / f64::from(all);
                (instance.memory_gib * 1024.0 * COPY_MEMORY_SHARE * share.min(1.0)) as u32
            }
            _ => PACKED_COPY_MIB,
        });
        let cpus = i.ic_cpu_count.or_else(|| accelerators.is_none().then_some(1.0));
        ComponentSpec {
            accelerators,
            cpus,
            memory_mib: memory.max(128),
            copies: i.ic_copy_count.unwrap_or(1),
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded by a node's size
    pub(super) fn hyperpod(
        &self,
        project: &ProjectSpec,
        instance: &InstanceSpec,
        model: &Model,
        endpoint: &Endpoint,
    ) -> Hyperpod {
        let i = &self.inputs;
        let accelerators = i
            .hp_gpu_count
            .or(model.tensor_parallel.filter(|_| instance.accelerators > 0))
            .filter(|n| *n > 0);
        let share = match (accelerators, instance.accelerators) {
            (Some(n), all) if all > 0 => f64::from(n).min(f64::from(all)) / f64::from(all),
            _ if instance.accelerators == 0 && model.source == "packed" => 0.5,
            _ => 1.0,
        };
        let cpus = (f64::from(instance.vcpus) * POD_SHARE * share).max(1.0) as u32;
        let memory = (instance.memory_gib * POD_SHARE * share).max(2.0) as u32;
        let mut resources = Map::new();
        let resource =
            if instance.resource.is_empty() { "nvidia.com/gpu" } else { instance.resource.as_str() };
        if let Some(n) = accelerators {
            resources.insert(resource.to_owned(), Value::from(n));
        }
        let mut selector = i.hp_node_selector.clone().unwrap_or_default();
        if let Some(kind) = &instance.kind {
            selector
                .entry("node.kubernetes.io/instance-type")
                .or_insert_with(|| Value::from(kind.as_str()));
        }
        // Workers of one copy exchange tensors through shared memory, of which a pod has 64 MiB by default.
        let split = model.tensor_parallel.unwrap_or(1) > 1;
        Hyperpod {
            accelerators,
            accelerator_resources: resources,
            cpu_request: i.hp_cpu_request.clone().unwrap_or_else(|| cpus.to_string()),
            memory_request: i.hp_mem_request.clone().unwrap_or_else(|| format!("{memory}Gi")),
            efa: (i.hp_efa_enabled == Some(true)).then_some(instance.efa).filter(|n| *n > 0),
            shm_size: split.then(|| "16Gi".to_owned()),
            service: service_name(&project.name),
            startup_failures: endpoint.health_check_timeout_s.div_ceil(10),
            node_selector: selector,
        }
    }
}

/// A Service name that cannot collide with an engine's environment: Kubernetes injects `<NAME>_PORT`
/// into pods, and a Service called after an engine would overwrite that engine's own variable.
fn service_name(project: &str) -> String {
    let stem: String = project.chars().take(59).collect();
    let stem = stem.trim_end_matches('-');
    // A Service's name starts with a letter; a project's may start with a digit.
    let letter = if stem.starts_with(|c: char| c.is_ascii_digit()) { "m" } else { "" };
    format!("{letter}{stem}-svc").chars().take(63).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_names_are_labels() {
        assert_eq!(service_name("vllm"), "vllm-svc");
        assert_eq!(service_name("4u"), "m4u-svc");
        assert!(service_name(&"a".repeat(63)).len() <= 63);
    }
}
