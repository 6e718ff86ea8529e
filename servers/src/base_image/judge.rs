//! Whether an image works for a model, an instance type and a Region. Pure.

use mcc_catalogs::{Arch, Catalogs, DriverFit, Image, Instance, Region};
use mcc_fit::{Asked, Deployment, HostImage};
use mcc_generator::reasons;

use crate::common::deployment;

/// What an image has to work for.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) region: Region,
    pub(super) instance: Option<&'a Instance>,
    /// What of the model decides which releases serve it.
    pub(super) asked: Asked,
}

/// An image that works.
#[derive(Debug)]
pub(super) struct Works {
    pub(super) uri: String,
    pub(super) availability: mcc_catalogs::Availability,
    pub(super) ami: Option<Host>,
    pub(super) notes: Vec<String>,
}

/// The host image.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) ami: String,
    pub(super) driver: Option<u32>,
    pub(super) fit: DriverFit,
    pub(super) known_on_family: bool,
}

impl Wish<'_> {
    /// The processor that the image has to be for.
    pub(super) fn arch(&self) -> Arch {
        self.instance.map_or(Arch::X86_64, |instance| instance.arch)
    }
}

/// Whether `image` works, or why not.
pub(super) fn judge(catalogs: &Catalogs, image: &Image, wish: &Wish<'_>) -> Result<Works, String> {
    let arch = wish.arch();
    if !image.arch.contains(&arch) {
        return Err(format!("it is not made for {arch}"));
    }
    let resolved = catalogs
        .images()
        .resolve_on(image.platform, &image.family, Some(&image.tag), &wish.region, arch)
        .map_err(|error| error.to_string())?;
    let mut notes = Vec::new();
    if !image.listed {
        notes.push("its tag is composed, not listed: pull it once to see".to_owned());
    }
    notes.extend(deployment::release_serves(catalogs, wish.deployment, image, &wish.asked)?);
    let ami = host(catalogs, image, wish, &mut notes)?;
    Ok(Works { uri: resolved.uri.to_string(), availability: resolved.availability, ami, notes })
}

/// The device has to be known to the image's CUDA, and some host image has to have its driver.
fn host(
    catalogs: &Catalogs,
    image: &Image,
    wish: &Wish<'_>,
    notes: &mut Vec<String>,
) -> Result<Option<Host>, String> {
    let Some(instance) = wish.instance else {
        return Ok(None);
    };
    if !wish.deployment.takes(instance) {
        return Err(format!("{} does not take {}", wish.deployment.target, instance.name));
    }
    if wish.deployment.idles_on(instance) {
        notes.push(reasons::idle_accelerator(instance));
        return Ok(None);
    }
    if !wish.deployment.runs_on(instance) {
        return Err(format!(
            "it runs on {}, and {} has {}",
            deployment::runs_on_what(wish.deployment),
            instance.name,
            instance.accelerator().map_or("no accelerator", |a| a.name.as_str())
        ));
    }
    let words = |reason| reasons::image_reason(&reason);
    mcc_fit::image_runs(catalogs, wish.deployment, Some(image), &wish.asked, instance)
        .map_err(words)?;
    let limits = mcc_fit::image_cautions(catalogs, wish.deployment, image, &wish.asked, instance);
    notes.extend(limits.into_iter().map(reasons::gpu_limit));
    let found =
        mcc_fit::host_for(catalogs, wish.deployment, Some(image), instance).map_err(words)?;
    let choice = match found {
        None => return Ok(None),
        Some(HostImage::Driver(choice)) => choice,
        Some(HostImage::Neuron(ami)) => {
            return Ok(Some(Host {
                ami: ami.ami.clone(),
                driver: None,
                fit: DriverFit::Full,
                known_on_family: true,
            }));
        }
        Some(HostImage::Newest(ami)) => {
            let cuda = image.cuda.as_deref().unwrap_or_default();
            notes.push(format!(
                "no host image of batch transform has a driver for CUDA {cuda}: it works only where the image has forward-compatibility libraries"
            ));
            return Ok(Some(Host {
                ami: ami.ami.clone(),
                driver: ami.driver,
                fit: DriverFit::TooOld,
                known_on_family: false,
            }));
        }
    };
    if !choice.known_on_family {
        notes.push(format!(
            "that {} runs on {} is not documented, nor used in AWS's samples",
            choice.ami.ami,
            instance.family()
        ));
    }
    Ok(Some(Host {
        ami: choice.ami.ami.clone(),
        driver: choice.ami.driver,
        fit: choice.fit,
        known_on_family: choice.known_on_family,
    }))
}
