//! The endpoint, job or pods that the model runs in.

use super::{Context, ZERO_ACCOUNT};
use crate::spec::{
    Autoscaling, Aws, Batch, ComponentSpec, Endpoint, Image, InstanceSpec, ManagedScaling, Model,
    ProjectSpec, Scaling,
};
use mcc_fit::AmiKind;

/// Seconds that a container with a packed model may take to answer `/ping`.
const PACKED_HEALTH_CHECK_S: u32 = 300;
/// Memory of a copy of a packed model, in MiB.
const PACKED_COPY_MIB: u32 = 1024;
/// Share of an instance's memory that copies may divide; the rest is the host's.
const COPY_MEMORY_SHARE: f64 = 0.75;

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
            given.clone().unwrap_or_else(|| super::default_s3(&aws.region, name, rest))
        };
        let capture = i.endpoint_data_capture_percent.filter(|p| *p > 0);
        let component = i.inference_component == Some(true);
        let autoscaling = self.autoscaling();
        let initial = i.endpoint_initial_instance_count.unwrap_or(1);
        let bounds = autoscaling
            .as_ref()
            .map_or((initial, initial), |a| (a.min.min(initial), a.max.max(initial)));
        let scaling = autoscaling.as_ref().map(|_| scaling(name, &i, component));
        // A layer's own is for models of which nothing is known.
        let is_given = self.merged.is_given("healthCheckTimeout");
        let given = i.health_check_timeout.filter(|_| is_given);
        let role =
            || format!("arn:{}:iam::{ZERO_ACCOUNT}:role/mcc-{name}-{}", aws.partition, aws.region);
        Endpoint {
            ami: self.ami(image, instance),
            health_check_timeout_s: given
                .or(needs.map(|n| n.health_check_timeout_s).max(i.health_check_timeout))
                .unwrap_or_else(|| self.start_unsized(instance)),
            download_timeout_s: i
                .model_download_timeout
                .or(needs.filter(|_| model.s3_mounted).map(|n| n.download_timeout_s)),
            volume_gb: volume.filter(|_| ebs),
            volume_kms_key: i.kms_key_arn.clone().filter(|_| ebs),
            scaled: autoscaling.is_some(),
            scale_to_zero: autoscaling.as_ref().is_some_and(|a| a.to_zero),
            autoscaling,
            scaling,
            managed_scaling: ManagedScaling {
                min_instance_count: bounds.0,
                max_instance_count: bounds.1 + 1,
            },
            inference_component: component,
            ic: component.then(|| self.component(instance, model)),
            config_role: component.then(role),
            config_isolation: i.network_isolation.filter(|_| component),
            data_capture_path: capture
                .map(|_| place(&i.endpoint_data_capture_path, "data-capture")),
            async_output_path: place(&i.async_s3_output_path, "async/output"),
            async_failure_path: place(&i.async_s3_failure_path, "async/failure"),
        }
    }

    /// Seconds that a model of unknown size may take: as long as one of the size that its name says, or one that fills
    /// the accelerators, which none can exceed.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // bounded by an instance's memory
    fn start_unsized(&self, instance: &InstanceSpec) -> u32 {
        let row = self.row_of(instance).filter(|_| self.deployment.hub);
        let gib = row.map_or(0.0, |row| mcc_fit::most_weights_gib(row, self.size_in_name()));
        if gib <= 0.0 {
            return PACKED_HEALTH_CHECK_S;
        }
        self.host_needs((gib * 1024.0 * 1024.0 * 1024.0) as u64).health_check_timeout_s
    }

    /// Whether the instance has accelerators that the server can use.
    pub(super) fn uses_accelerator(&self, instance: &InstanceSpec) -> bool {
        instance.accelerators > 0
            && self.row_of(instance).is_some_and(|row| self.deployment.runs_on(row))
    }

    pub(super) fn batch(&self, project: &ProjectSpec, aws: &Aws) -> Batch {
        let i = &self.inputs;
        let place = |given: &Option<String>, rest: &str| {
            given.clone().unwrap_or_else(|| super::default_s3(&aws.region, &project.name, rest))
        };
        let lines = i.batch_split_type.as_deref() == Some("Line");
        Batch {
            input_path: place(&i.batch_input_path, "batch/input/"),
            input_is_ours: i.batch_input_path.is_none(),
            output_path: place(&i.batch_output_path, "batch/output/"),
            content_type: i
                .batch_content_type
                .clone()
                .or_else(|| i.content_type.clone())
                .unwrap_or_else(|| "application/json".to_owned()),
            join: i.batch_join_source.as_deref() == Some("Input"),
            assemble_with: if lines { "Line" } else { "None" }.to_owned(),
            max_retries: 1,
        }
    }

    /// The host image that was asked for, or the first whose driver runs the image's CUDA.
    fn ami(&self, image: &Image, instance: &InstanceSpec) -> Option<String> {
        let kind = self.deployment.ami?;
        let given = match kind {
            AmiKind::Inference => self.inputs.inference_ami_version.clone(),
            AmiKind::Transform => self.inputs.transform_ami_version.clone(),
        };
        if given.is_some() {
            return given;
        }
        let row = self.catalogs.instances().get(instance.kind.as_deref()?)?;
        let (of, cuda) = (row.accelerator_kind(), image.cuda.as_deref());
        let found = mcc_fit::host_image(self.catalogs, kind, of, cuda, &instance.family)?;
        Some(found.ami().ami.clone())
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
        let split = instance.split(model.tensor_parallel).filter(|_| instance.accelerators > 0);
        // An engine that is told nothing takes one.
        let one = self.uses_accelerator(instance).then_some(1);
        let accelerators = i.ic_gpu_count.or(split).or(one).filter(|n| *n > 0);
        let memory =
            i.ic_memory_size.unwrap_or_else(|| match (accelerators, instance.accelerators) {
                (Some(n), all) if all > 0 => {
                    let share = f64::from(n) / f64::from(all);
                    (instance.memory_gib * 1024.0 * COPY_MEMORY_SHARE * share.min(1.0)) as u32
                }
                _ => PACKED_COPY_MIB,
            });
        let cpus = i.ic_cpu_count.or_else(|| accelerators.is_none().then_some(1.0));
        ComponentSpec {
            gpus: accelerators,
            cpus,
            memory_mb: memory.max(128),
            // A component is made with a copy at least; scaling takes it away.
            copies: i.ic_copy_count.unwrap_or(1).max(1),
        }
    }
}

/// What autoscaling scales: the copies of a component, or the instances of a variant.
fn scaling(endpoint: &str, inputs: &crate::inputs::Inputs, component: bool) -> Scaling {
    if component {
        return Scaling {
            resource_id: format!("inference-component/{endpoint}"),
            dimension: "sagemaker:inference-component:DesiredCopyCount".to_owned(),
            metric: "SageMakerInferenceComponentInvocationsPerCopy".to_owned(),
        };
    }
    let variant = inputs.endpoint_variant_name.as_deref().unwrap_or("AllTraffic");
    Scaling {
        resource_id: format!("endpoint/{endpoint}/variant/{variant}"),
        dimension: "sagemaker:variant:DesiredInstanceCount".to_owned(),
        metric: "SageMakerVariantInvocationsPerInstance".to_owned(),
    }
}
