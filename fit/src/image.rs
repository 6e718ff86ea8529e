//! Whether a container runs on an instance type: what its CUDA, its engine and its host image ask of the accelerator.

use std::borrow::Cow;

use mcc_catalogs::{
    Accelerator, AcceleratorKind, Catalogs, ComputeCapability, GpuLimit, Image, Instance, version,
};

use crate::deployment::Deployment;
use crate::host_image::{HostImage, host_image};
use crate::release::{Asked, Known, engine_in};

/// Why it does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageReason {
    /// It is made for accelerators of another kind.
    Kind {
        /// What it is made for.
        made_for: AcceleratorKind,
        /// The device.
        device: String,
    },
    /// The engine is compiled for newer devices.
    Capability {
        /// The device.
        device: String,
        /// What it has.
        has: ComputeCapability,
        /// What the engine is compiled for.
        needs: ComputeCapability,
    },
    /// The engine has no kernels for the device, or none for models of this class.
    Kernels {
        /// The device.
        device: String,
        /// What it has.
        has: ComputeCapability,
        /// What is known of the engine.
        limit: Box<GpuLimit>,
    },
    /// The image's CUDA makes no code for the device any more.
    CudaDropped {
        /// The device.
        device: String,
        /// What it has.
        has: ComputeCapability,
        /// The least that the CUDA makes code for.
        least: ComputeCapability,
        /// The image's CUDA.
        cuda: String,
    },
    /// The device needs a newer CUDA.
    Cuda {
        /// The device.
        device: String,
        /// The least it needs.
        needs: String,
        /// What the image has.
        has: String,
    },
    /// The device needs a newer driver than the host image has.
    Driver {
        /// The device.
        device: String,
        /// The least it needs.
        needs: u32,
        /// What the host image has.
        has: u32,
    },
    /// The driver of the host image no longer knows the device.
    DriverDropped {
        /// The device.
        device: String,
        /// The last branch that does.
        last: u32,
        /// What the host image has.
        has: u32,
    },
    /// No host image has a driver for the image's CUDA.
    NoHost {
        /// The image's CUDA.
        cuda: String,
    },
}

/// Whether the container of `image`, with a model that is `asked` for, runs on the accelerator of `instance`.
///
/// # Errors
/// Why it does not.
pub fn image_runs(
    catalogs: &Catalogs,
    deployment: &Deployment,
    image: Option<&Image>,
    asked: &Asked,
    instance: &Instance,
) -> Result<(), ImageReason> {
    image.map_or(Ok(()), |image| {
        let of = Release::new(catalogs, deployment, image, asked);
        runs(catalogs, image, of.as_ref(), instance)
    })
}

/// What is known of the release of the engine in an image.
#[derive(Debug)]
pub(crate) struct Release<'a, 'b> {
    known: Cow<'b, Known<'a>>,
    version: &'b str,
    /// The least compute capability that it is compiled for.
    pub(crate) compiled: Option<ComputeCapability>,
}

impl<'a, 'b> Release<'a, 'b> {
    /// None where the engine or its release is not known.
    fn new(
        catalogs: &'a Catalogs,
        deployment: &Deployment,
        image: &'b Image,
        asked: &Asked,
    ) -> Option<Self> {
        let (engine, release) = engine_in(deployment, image)?;
        let compiled = catalogs.engines().min_compute_capability(engine, release);
        Some(Self::of(Cow::Owned(Known::new(catalogs, engine, asked)), release, compiled))
    }

    pub(crate) fn of(
        known: Cow<'b, Known<'a>>,
        version: &'b str,
        compiled: Option<ComputeCapability>,
    ) -> Self {
        Self { known, version, compiled }
    }
}

/// The same with what is known of the release.
pub(crate) fn runs(
    catalogs: &Catalogs,
    image: &Image,
    of: Option<&Release<'_, '_>>,
    instance: &Instance,
) -> Result<(), ImageReason> {
    let Some(accelerator) = instance.accelerator() else {
        return Ok(());
    };
    let device = || accelerator.name.clone();
    // What is made for processors runs there, and leaves the accelerator idle.
    if image.accelerator != accelerator.kind && image.accelerator != AcceleratorKind::Cpu {
        return Err(ImageReason::Kind { made_for: image.accelerator, device: device() });
    }
    if let Some(has) = accelerator.compute_capability {
        if let Some(needs) = of.and_then(|of| of.compiled).filter(|needs| has < *needs) {
            return Err(ImageReason::Capability { device: device(), has, needs });
        }
        let limits = of.map(|of| of.known.limits(of.version, has)).unwrap_or_default();
        if let Some(limit) = limits.into_iter().find(|limit| limit.trust.refuses()) {
            let limit = Box::new(limit.clone());
            return Err(ImageReason::Kernels { device: device(), has, limit });
        }
    }
    image.cuda.as_deref().map_or(Ok(()), |cuda| cuda_runs(catalogs, cuda, accelerator))
}

/// Whether code of a CUDA runs on an accelerator.
pub(crate) fn cuda_runs(
    catalogs: &Catalogs,
    cuda: &str,
    accelerator: &Accelerator,
) -> Result<(), ImageReason> {
    let device = || accelerator.name.clone();
    let least = catalogs.engine_limits().of_cuda(cuda).map(|row| row.least);
    if let Some((has, least)) = accelerator.compute_capability.zip(least)
        && has < least
    {
        let cuda = cuda.to_owned();
        return Err(ImageReason::CudaDropped { device: device(), has, least, cuda });
    }
    match accelerator.min_cuda.as_deref() {
        Some(needs) if version::compare(cuda, needs).is_lt() => {
            let (needs, has) = (needs.to_owned(), cuda.to_owned());
            Err(ImageReason::Cuda { device: device(), needs, has })
        }
        _ => Ok(()),
    }
}

/// What is reported against the device, which is no reason to refuse it.
pub fn image_cautions<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    image: &Image,
    asked: &Asked,
    instance: &Instance,
) -> Vec<&'a GpuLimit> {
    let Some((engine, release)) = engine_in(deployment, image) else {
        return Vec::new();
    };
    cautions(&Known::new(catalogs, engine, asked), release, instance)
}

/// The same of an engine of which it is looked up what is known.
pub(crate) fn cautions<'a>(
    known: &Known<'a>,
    release: &str,
    instance: &Instance,
) -> Vec<&'a GpuLimit> {
    let capability = instance.accelerator().and_then(|accelerator| accelerator.compute_capability);
    let limits = capability.map(|has| known.limits(release, has)).unwrap_or_default();
    limits.into_iter().filter(|limit| !limit.trust.refuses()).collect()
}

/// Whether the driver of `host` knows the accelerator of `instance`.
///
/// # Errors
/// Why it does not.
pub fn host_runs(host: &HostImage<'_>, instance: &Instance) -> Result<(), ImageReason> {
    let (Some(accelerator), Some(has)) = (instance.accelerator(), host.ami().driver) else {
        return Ok(());
    };
    let device = || accelerator.name.clone();
    match (accelerator.min_driver, accelerator.last_driver) {
        (Some(needs), _) if has < needs => {
            Err(ImageReason::Driver { device: device(), needs, has })
        }
        (_, Some(last)) if has > last => {
            Err(ImageReason::DriverDropped { device: device(), last, has })
        }
        _ => Ok(()),
    }
}

/// The host image for a container of `image` on `instance`; none where the target lets nobody choose one, the type has no
/// accelerator, or nothing is known of the image's CUDA.
///
/// # Errors
/// Why no host image would do.
pub fn host_for<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    image: Option<&Image>,
    instance: &Instance,
) -> Result<Option<HostImage<'a>>, ImageReason> {
    let (Some(api), Some(accelerator)) = (deployment.ami, instance.accelerator()) else {
        return Ok(None);
    };
    let cuda = image.and_then(|image| image.cuda.as_deref());
    let found = host_image(catalogs, api, accelerator.kind, cuda, instance.family());
    match (found, cuda) {
        (Some(host), _) => host_runs(&host, instance).map(|()| Some(host)),
        (None, Some(cuda)) if accelerator.kind == AcceleratorKind::Cuda => {
            Err(ImageReason::NoHost { cuda: cuda.to_owned() })
        }
        (None, _) => Ok(None),
    }
}

/// What is not known of an image of the user's own, or speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnImage {
    /// Its CUDA is not known, so that no host image is chosen for it.
    NoCuda,
    /// The release of its engine is not known.
    NoRelease,
    /// It has another engine than the deployment starts.
    Engine {
        /// What is in it.
        has: String,
        /// What is started.
        needs: String,
    },
    /// It is made for processors, and the accelerator of the instance stays idle.
    Idle,
}

/// What is not known of `image`, the user's own, on `instance`, and what speaks against it.
pub fn own_image(
    deployment: &Deployment,
    image: Option<&Image>,
    instance: Option<&Instance>,
) -> Vec<OwnImage> {
    let mut found = Vec::new();
    let Some(accelerator) = instance.and_then(Instance::accelerator) else {
        return other_engine(deployment, image).into_iter().collect();
    };
    let made_for = image.map_or(AcceleratorKind::Cuda, |image| image.accelerator);
    let cuda = image.and_then(|image| image.cuda.as_ref());
    if accelerator.kind == AcceleratorKind::Cuda
        && made_for == AcceleratorKind::Cuda
        && cuda.is_none()
    {
        found.push(OwnImage::NoCuda);
    }
    let release = image.and_then(|image| image.engine_version.as_ref());
    if deployment.engine.is_some() && release.is_none() {
        found.push(OwnImage::NoRelease);
    }
    match other_engine(deployment, image) {
        None if made_for == AcceleratorKind::Cpu => found.push(OwnImage::Idle),
        other => found.extend(other),
    }
    found
}

fn other_engine(deployment: &Deployment, image: Option<&Image>) -> Option<OwnImage> {
    let (has, needs) = image?.engine.as_ref().zip(deployment.engine.as_ref())?;
    (has != needs).then(|| OwnImage::Engine { has: has.clone(), needs: needs.clone() })
}
