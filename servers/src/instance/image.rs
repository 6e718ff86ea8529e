//! Which image serves on an instance type, and on which host image: what their CUDA, drivers and
//! engine ask of it.

use mcc_catalogs::{
    AcceleratorKind, AmiChoice, Arch, Catalogs, DriverFit, Image, Instance, Support as Served,
    version,
};
use mcc_generator::AmiKind;

use super::judge::{Judge, Reason, far};
use crate::common::deployment::Deployment;
use crate::common::model::Sized;

impl<'a> Judge<'a> {
    /// The image for the processor of `instance`, if its accelerator runs it.
    pub(super) fn image(&self, instance: &Instance) -> Result<Option<&'a Image>, Reason> {
        let image = match instance.arch {
            Arch::X86_64 => self.x86,
            Arch::Arm64 => self.arm,
        };
        if image.is_none() && self.deployment.images.is_some() && self.deployment.hub {
            return Err(far(format!("there is no image for {}", instance.arch)));
        }
        let Some(accelerator) = instance.accelerator() else {
            return Ok(image);
        };
        if let (Some(least), Some(has)) = (self.capability, accelerator.compute_capability)
            && has < least
        {
            return Err(far(format!(
                "{} has compute capability {has}, and the image is compiled for {least} and up",
                accelerator.name
            )));
        }
        let cuda = image.and_then(|image| image.cuda.as_deref());
        if let (Some(least), Some(has)) = (accelerator.min_cuda.as_deref(), cuda)
            && version::compare(has, least).is_lt()
        {
            return Err(far(format!(
                "{} needs CUDA {least}, and the image has {has}",
                accelerator.name
            )));
        }
        Ok(image)
    }

    /// The host image with a driver for the image's CUDA, where the target lets one choose.
    pub(super) fn host_image(
        &self,
        instance: &Instance,
        image: Option<&Image>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<String>, Reason> {
        let amis = self.catalogs.amis();
        let (Some(api), Some(accelerator)) = (self.deployment.ami, instance.accelerator()) else {
            return Ok(None);
        };
        if accelerator.kind == AcceleratorKind::Neuron && api == AmiKind::Inference {
            return Ok(amis.for_neuron().map(|ami| ami.ami.clone()));
        }
        let Some(cuda) = image.and_then(|image| image.cuda.as_deref()) else {
            return Ok(None);
        };
        let choice = match instance.arch {
            Arch::X86_64 => &self.x86_host,
            Arch::Arm64 => &self.arm_host,
        };
        let Some(choice) = choice else {
            if api == AmiKind::Transform {
                let newest = amis
                    .transform()
                    .filter_map(|ami| Some((ami.driver?, ami)))
                    .max_by_key(|(driver, _)| *driver);
                let driver = newest.map_or(0, |(driver, _)| driver);
                warnings.push(format!(
                    "batch transform has driver {driver} at most; CUDA {cuda} then needs forward-compatibility libraries in the image"
                ));
                return Ok(newest.map(|(_, ami)| ami.ami.clone()));
            }
            return Err(far(format!("no host image has a driver for the image's CUDA {cuda}")));
        };
        if let (Some(least), Some(has)) = (accelerator.min_driver, choice.ami.driver)
            && has < least
        {
            return Err(far(format!(
                "{} needs driver {least}, and the newest host image has {has}",
                accelerator.name
            )));
        }
        if choice.fit != DriverFit::Full {
            warnings.push(format!(
                "{} starts CUDA {cuda} by minor-version compatibility only",
                choice.ami.ami
            ));
        }
        Ok(Some(choice.ami.ami.clone()))
    }
}

/// The host image with a driver for the CUDA of `image`. For which families it is documented is not asked here.
pub(super) fn host<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    image: Option<&Image>,
) -> Option<AmiChoice<'a>> {
    let cuda = image?.cuda.as_deref()?;
    match deployment.ami? {
        AmiKind::Inference => catalogs.amis().for_cuda(cuda, ""),
        AmiKind::Transform => catalogs.amis().for_cuda_transform(cuda, ""),
    }
}

/// What is to be said of the engine of the image and this model; nothing if it is known to serve it.
///
/// # Errors
/// Why it does not serve it at all.
pub(super) fn served(
    catalogs: &Catalogs,
    deployment: &Deployment,
    version: &str,
    model: &Sized<'_>,
) -> Result<Option<String>, String> {
    let embeds = model.row.and_then(|row| row.task.as_deref()) == Some("feature-extraction");
    let latent = model.shape.cache.is_some_and(|cache| cache.replicated);
    if deployment.compiles() && (embeds || latent) {
        let what = if latent { "models with latent attention" } else { "embedding models" };
        return Err(format!("{what} are not served on {}", deployment.runs_on_what()));
    }
    let (Some(engine), Some(class)) =
        (deployment.engine.as_deref(), model.shape.architecture.as_deref())
    else {
        return Ok(None);
    };
    match catalogs.engines().supports(engine, version, class) {
        Served::Supported => Ok(None),
        Served::TooOld { first } => Ok(Some(format!(
            "{class} came with {engine} {first}, and the image has {version}: see recommend_image"
        ))),
        Served::Dropped { last } => Ok(Some(format!(
            "{engine} {last} was the last with {class}, and the image has {version}: see recommend_image"
        ))),
        Served::Unknown => {
            Ok(Some(format!("whether {engine} {version} serves {class} is not known")))
        }
        Served::Absent => {
            Err(format!("{class} is none of the classes that {engine} {version} serves"))
        }
    }
}
