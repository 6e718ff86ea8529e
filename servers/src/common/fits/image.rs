//! Which image serves on an instance type, and on which host image: what their CUDA, drivers and
//! engine ask of it.

use mcc_catalogs::{Arch, DriverFit, Image, Instance, echo};
use mcc_fit::sizing::Wanted;
use mcc_fit::{Deployment, HostImage};
use mcc_generator::reasons;

use super::judge::{Judge, Reason, far};
use crate::common::deployment;
use crate::common::model::Sized;

/// What of an instance type decides which container runs on it: its processor, its family, its accelerator.
pub(super) type Device<'a> = (Arch, &'a str, Option<&'a str>);

/// The image for a device, with its host image, or why there is none.
#[derive(Debug, Clone)]
pub(super) struct Container<'a> {
    outcome: Result<(Option<&'a Image>, Option<String>), Reason>,
    warnings: Vec<String>,
    /// What is wanted of the release in it.
    wanted: Wanted,
}

impl<'a> Judge<'a> {
    /// The image for `instance` and its host image.
    pub(super) fn container(
        &self,
        instance: &'a Instance,
        warnings: &mut Vec<String>,
    ) -> Result<(Option<&'a Image>, Option<String>, Wanted), Reason> {
        let name = instance.accelerator().map(|accelerator| accelerator.name.as_str());
        let device = (instance.arch, instance.family(), name);
        let containers = self.containers.borrow();
        let known =
            containers.iter().find(|(its, _)| *its == device).map(|(_, found)| found.clone());
        drop(containers);
        let found = known.unwrap_or_else(|| {
            let mut warnings = Vec::new();
            let image = self.image(instance, &mut warnings);
            let outcome = image
                .and_then(|image| Ok((image, self.host_image(instance, image, &mut warnings)?)));
            let taken = outcome.as_ref().ok().and_then(|(image, _)| *image);
            let made = Container { outcome, warnings, wanted: self.wanted_of(taken) };
            self.containers.borrow_mut().push((device, made.clone()));
            made
        });
        warnings.extend(found.warnings);
        found.outcome.map(|(image, ami)| (image, ami, found.wanted))
    }

    /// The image for `instance`, if its accelerator runs it; what is to be said of its engine and the model is a warning.
    fn image(
        &self,
        instance: &Instance,
        warnings: &mut Vec<String>,
    ) -> Result<Option<&'a Image>, Reason> {
        let image = self.choice.on(instance.arch, Some(instance));
        if image.is_none() && self.deployment.images.is_some() {
            let version = self.wish.engine_version.as_deref();
            let of = version.map(|version| format!(" of version {}", echo(version)));
            let of = of.unwrap_or_default();
            return Err(far(format!("there is no image{of} for {}", instance.arch)));
        }
        let Some(image) = image else {
            return Ok(None);
        };
        let choice = &self.choice;
        choice.runs(image, instance).map_err(|reason| far(reasons::image_reason(&reason)))?;
        let against = choice.against(image);
        let said = deployment::said(self.deployment, image, &self.asked, against).map_err(far)?;
        warnings.extend(said);
        if !image.listed {
            warnings.push(format!("the tag of its image, {}, is composed, not listed", image.tag));
        }
        warnings.extend(choice.cautions(image, instance).into_iter().map(reasons::gpu_limit));
        Ok(Some(image))
    }

    /// The host image with a driver for the image's CUDA, where the target lets one choose.
    fn host_image(
        &self,
        instance: &Instance,
        image: Option<&Image>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<String>, Reason> {
        let found = mcc_fit::host_for(self.catalogs, self.deployment, image, instance)
            .map_err(|reason| far(reasons::image_reason(&reason)))?;
        let Some(found) = found else { return Ok(None) };
        let cuda = || image.and_then(|image| image.cuda.as_deref()).unwrap_or_default();
        match &found {
            HostImage::Driver(choice) if choice.fit != DriverFit::Full => warnings.push(format!(
                "{} starts CUDA {} by minor-version compatibility only",
                choice.ami.ami,
                cuda()
            )),
            HostImage::Newest(ami) => warnings.push(format!(
                "batch transform has driver {} at most; CUDA {} then needs forward-compatibility libraries in the image",
                ami.driver.unwrap_or_default(),
                cuda()
            )),
            HostImage::Driver(_) | HostImage::Neuron(_) => {}
        }
        Ok(Some(found.ami().ami.clone()))
    }
}

/// Whether models of this kind are served at all where models are compiled.
///
/// # Errors
/// Why they are not.
pub(super) fn compiled(deployment: &Deployment, model: &Sized<'_>) -> Result<(), String> {
    let latent = model.shape.cache.is_some_and(|cache| cache.replicated);
    if deployment.compiles() && latent {
        return Err(format!(
            "models with latent attention are not served on {}",
            deployment::runs_on_what(deployment)
        ));
    }
    Ok(())
}
