//! Which image serves on an instance type, and on which host image: what their CUDA, drivers and
//! engine ask of it.

use mcc_catalogs::{
    AcceleratorKind, Arch, Catalogs, DriverFit, Image, Instance, Support as Served,
};
use mcc_fit::{Deployment, HostImage};

use super::judge::{Judge, Reason, far};
use crate::common::deployment;
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
        mcc_fit::image_runs(image, self.capability, instance)
            .map_err(|reason| far(deployment::image_reason(&reason)))?;
        Ok(image)
    }

    /// The host image with a driver for the image's CUDA, where the target lets one choose.
    pub(super) fn host_image(
        &self,
        instance: &Instance,
        image: Option<&Image>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<String>, Reason> {
        let (Some(api), Some(accelerator)) = (self.deployment.ami, instance.accelerator()) else {
            return Ok(None);
        };
        if accelerator.kind == AcceleratorKind::Neuron {
            let found = mcc_fit::host_image(self.catalogs, api, accelerator.kind, None, "");
            return Ok(found.map(|found| found.ami().ami.clone()));
        }
        let Some(cuda) = image.and_then(|image| image.cuda.as_deref()) else {
            return Ok(None);
        };
        let found = match instance.arch {
            Arch::X86_64 => &self.x86_host,
            Arch::Arm64 => &self.arm_host,
        };
        if let Some(host) = found {
            mcc_fit::host_runs(host, instance)
                .map_err(|reason| far(deployment::image_reason(&reason)))?;
        }
        let choice = match found {
            Some(HostImage::Driver(choice)) => choice,
            Some(HostImage::Newest(ami) | HostImage::Neuron(ami)) => {
                warnings.push(format!(
                    "batch transform has driver {} at most; CUDA {cuda} then needs forward-compatibility libraries in the image",
                    ami.driver.unwrap_or_default()
                ));
                return Ok(Some(ami.ami.clone()));
            }
            None => {
                return Err(far(format!("no host image has a driver for the image's CUDA {cuda}")));
            }
        };
        if choice.fit != DriverFit::Full {
            warnings.push(format!(
                "{} starts CUDA {cuda} by minor-version compatibility only",
                choice.ami.ami
            ));
        }
        Ok(Some(choice.ami.ami.clone()))
    }
}

/// The host image for the CUDA of `image`. For which families it is documented is not asked here.
pub(super) fn host<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    image: Option<&Image>,
) -> Option<HostImage<'a>> {
    let cuda = image?.cuda.as_deref();
    mcc_fit::host_image(catalogs, deployment.ami?, AcceleratorKind::Cuda, cuda, "")
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
        return Err(format!("{what} are not served on {}", deployment::runs_on_what(deployment)));
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
