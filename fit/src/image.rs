//! Whether a container runs on an instance type: what its CUDA, its engine and its host image ask of the accelerator.

use mcc_catalogs::{ComputeCapability, Image, Instance, version};

use crate::host_image::HostImage;

/// Why it does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageReason {
    /// The engine is compiled for newer devices.
    Capability {
        /// The device.
        device: String,
        /// What it has.
        has: ComputeCapability,
        /// What the engine is compiled for.
        needs: ComputeCapability,
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
}

/// Whether the container of `image`, whose engine is compiled for `capability`, runs on the accelerator of `instance`.
///
/// # Errors
/// Why it does not.
pub fn image_runs(
    image: Option<&Image>,
    capability: Option<ComputeCapability>,
    instance: &Instance,
) -> Result<(), ImageReason> {
    let Some(accelerator) = instance.accelerator() else {
        return Ok(());
    };
    let device = || accelerator.name.clone();
    if let (Some(needs), Some(has)) = (capability, accelerator.compute_capability)
        && has < needs
    {
        return Err(ImageReason::Capability { device: device(), has, needs });
    }
    let cuda = image.and_then(|image| image.cuda.as_deref());
    if let (Some(needs), Some(has)) = (accelerator.min_cuda.as_deref(), cuda)
        && version::compare(has, needs).is_lt()
    {
        let (needs, has) = (needs.to_owned(), has.to_owned());
        return Err(ImageReason::Cuda { device: device(), needs, has });
    }
    Ok(())
}

/// Whether the driver of `host` is new enough for the accelerator of `instance`.
///
/// # Errors
/// Why it is not.
pub fn host_runs(host: &HostImage<'_>, instance: &Instance) -> Result<(), ImageReason> {
    let accelerator = instance.accelerator();
    let needs = accelerator.and_then(|accelerator| accelerator.min_driver);
    match (accelerator, needs, host.ami().driver) {
        (Some(accelerator), Some(needs), Some(has)) if has < needs => {
            Err(ImageReason::Driver { device: accelerator.name.clone(), needs, has })
        }
        _ => Ok(()),
    }
}
