//! Whether a container runs on an instance type: what its CUDA, its engine and its host image ask of the accelerator.

use mcc_catalogs::{
    AcceleratorKind, Catalogs, ComputeCapability, GpuLimit, Image, Instance, version,
};

use crate::deployment::Deployment;
use crate::host_image::HostImage;
use crate::release::{Asked, engine_in};

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
}

/// What is known against the GPU of `instance` of the engine in an image, for models of a class.
fn limits<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    image: &Image,
    asked: &Asked,
    has: ComputeCapability,
) -> Vec<&'a GpuLimit> {
    let Some((engine, release)) = engine_in(deployment, image) else {
        return Vec::new();
    };
    let rows = catalogs.engine_limits().gpus_of(engine, release, asked.class.as_deref());
    rows.filter(|limit| limit.excludes(has)).collect()
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
    let (Some(accelerator), Some(image)) = (instance.accelerator(), image) else {
        return Ok(());
    };
    let device = || accelerator.name.clone();
    // What is made for processors runs there, and leaves the accelerator idle.
    if image.accelerator != accelerator.kind && image.accelerator != AcceleratorKind::Cpu {
        return Err(ImageReason::Kind { made_for: image.accelerator, device: device() });
    }
    if let Some(has) = accelerator.compute_capability {
        let compiled = engine_in(deployment, image).and_then(|(engine, release)| {
            catalogs.engines().min_compute_capability(engine, release)
        });
        if let Some(needs) = compiled.filter(|needs| has < *needs) {
            return Err(ImageReason::Capability { device: device(), has, needs });
        }
        let mut limits = limits(catalogs, deployment, image, asked, has).into_iter();
        if let Some(limit) = limits.find(|limit| limit.trust.refuses()) {
            let limit = Box::new(limit.clone());
            return Err(ImageReason::Kernels { device: device(), has, limit });
        }
        let cuda = image.cuda.as_deref();
        let made =
            cuda.and_then(|cuda| Some((cuda, catalogs.engine_limits().of_cuda(cuda)?.least)));
        if let Some((cuda, least)) = made.filter(|(_, least)| has < *least) {
            let cuda = cuda.to_owned();
            return Err(ImageReason::CudaDropped { device: device(), has, least, cuda });
        }
    }
    if let (Some(needs), Some(has)) = (accelerator.min_cuda.as_deref(), image.cuda.as_deref())
        && version::compare(has, needs).is_lt()
    {
        let (needs, has) = (needs.to_owned(), has.to_owned());
        return Err(ImageReason::Cuda { device: device(), needs, has });
    }
    Ok(())
}

/// What is reported against the device, which is no reason to refuse it.
pub fn image_cautions<'a>(
    catalogs: &'a Catalogs,
    deployment: &Deployment,
    image: &Image,
    asked: &Asked,
    instance: &Instance,
) -> Vec<&'a GpuLimit> {
    let capability = instance.accelerator().and_then(|accelerator| accelerator.compute_capability);
    capability.map_or_else(Vec::new, |has| {
        let limits = limits(catalogs, deployment, image, asked, has);
        limits.into_iter().filter(|limit| !limit.trust.refuses()).collect()
    })
}

/// Whether the release in `image` is known to be compiled for the accelerator of `instance`.
pub(crate) fn known_to_run(
    catalogs: &Catalogs,
    deployment: &Deployment,
    image: &Image,
    instance: &Instance,
) -> bool {
    let known = engine_in(deployment, image)
        .and_then(|(engine, release)| catalogs.engines().min_compute_capability(engine, release));
    let has = instance.accelerator().and_then(|accelerator| accelerator.compute_capability);
    known.zip(has).is_some_and(|(least, has)| has >= least)
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
