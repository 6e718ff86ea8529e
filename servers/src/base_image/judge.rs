//! Whether an image works for a model, an instance type and a Region. Pure.

use mcc_catalogs::{
    AcceleratorKind, Arch, Catalogs, DriverFit, Image, Instance, Model, Region, Support, version,
};
use mcc_fit::{Deployment, HostImage};

use crate::common::deployment;

/// What an image has to work for.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) region: Region,
    pub(super) instance: Option<&'a Instance>,
    /// Class name of the model.
    pub(super) architecture: Option<String>,
    /// What the catalog has on the model.
    pub(super) row: Option<&'a Model>,
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
    engine(catalogs, image, wish, &mut notes)?;
    let ami = host(catalogs, image, wish, &mut notes)?;
    Ok(Works { uri: resolved.uri.to_string(), availability: resolved.availability, ami, notes })
}

/// The engine has to know the model's class.
fn engine(
    catalogs: &Catalogs,
    image: &Image,
    wish: &Wish<'_>,
    notes: &mut Vec<String>,
) -> Result<(), String> {
    let (Some(engine), Some(has), Some(class)) =
        (image.engine.as_deref(), image.engine_version.as_deref(), wish.architecture.as_deref())
    else {
        return Ok(());
    };
    match catalogs.engines().supports(engine, has, class) {
        Support::Supported => {}
        Support::TooOld { first } => {
            return Err(format!("{class} came with {engine} {first}, and it has {has}"));
        }
        Support::Dropped { last } => {
            return Err(format!("{engine} {last} was the last with {class}, and it has {has}"));
        }
        Support::Absent => {
            return Err(format!("{class} is none of the classes that {engine} {has} serves"));
        }
        Support::Unknown => {
            notes.push(format!("whether {engine} {has} serves {class} is not known"));
        }
    }
    if let Some(least) = wish.row.and_then(|row| row.first_version_of(engine))
        && version::compare(has, least).is_lt()
    {
        return Err(format!(
            "the model needs {engine} {least} by its own recipe, and it has {has}"
        ));
    }
    Ok(())
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
    if !wish.deployment.runs_on(instance) {
        return Err(format!(
            "it runs on {}, and {} has {}",
            deployment::runs_on_what(wish.deployment),
            instance.name,
            instance.accelerator().map_or("no accelerator", |a| a.name.as_str())
        ));
    }
    let kind = instance.accelerator_kind();
    // What is made for GPUs starts without one, where the config does without.
    if image.accelerator != kind && kind != AcceleratorKind::Cpu {
        return Err(format!(
            "it is made for {}, and {} has {kind}",
            image.accelerator, instance.name
        ));
    }
    let family = instance.family();
    let found = wish
        .deployment
        .ami
        .and_then(|api| mcc_fit::host_image(catalogs, api, kind, image.cuda.as_deref(), family));
    if let Some(HostImage::Neuron(ami)) = found {
        return Ok(Some(Host {
            ami: ami.ami.clone(),
            driver: None,
            fit: DriverFit::Full,
            known_on_family: true,
        }));
    }
    let (Some(_), Some(cuda)) = (instance.accelerator(), image.cuda.as_deref()) else {
        return Ok(None);
    };
    let engine = image.engine.as_deref().zip(image.engine_version.as_deref());
    let capability =
        engine.and_then(|(engine, has)| catalogs.engines().min_compute_capability(engine, has));
    let words = |reason| deployment::image_reason(&reason);
    mcc_fit::image_runs(Some(image), capability, instance).map_err(words)?;
    if let Some(host) = &found {
        mcc_fit::host_runs(host, instance).map_err(words)?;
    }
    let choice = match found {
        Some(HostImage::Driver(choice)) => choice,
        Some(HostImage::Newest(ami) | HostImage::Neuron(ami)) => {
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
        None if wish.deployment.ami.is_none() => return Ok(None),
        None => return Err(format!("no host image has a driver for CUDA {cuda}")),
    };
    if !choice.known_on_family {
        notes.push(format!(
            "that {} runs on {family} is not documented, nor used in AWS's samples",
            choice.ami.ami
        ));
    }
    Ok(Some(Host {
        ami: choice.ami.ami.clone(),
        driver: choice.ami.driver,
        fit: choice.fit,
        known_on_family: choice.known_on_family,
    }))
}
