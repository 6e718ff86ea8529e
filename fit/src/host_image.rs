//! The host image of an instance: which one the service has to be asked for, so that the driver suits the container.

use mcc_catalogs::{AcceleratorKind, Ami, AmiChoice, Catalogs};

use crate::deployment::AmiKind;

/// What there is to ask for.
#[derive(Debug, Clone)]
pub enum HostImage<'a> {
    /// The one for Neuron.
    Neuron(&'a Ami),
    /// One whose driver starts the container's CUDA.
    Driver(AmiChoice<'a>),
    /// None has such a driver; this is the newest, and all that there is for transform jobs, whose containers may bring
    /// libraries for forward compatibility.
    Newest(&'a Ami),
}

impl<'a> HostImage<'a> {
    /// Its row.
    pub fn ami(&self) -> &'a Ami {
        match self {
            Self::Neuron(ami) | Self::Newest(ami) => ami,
            Self::Driver(choice) => choice.ami,
        }
    }
}

/// The host image for a container with `cuda` on an accelerator of `kind`, on instances of `family`; none where nothing
/// has to be asked for, the CUDA is not known, or no endpoint has such a driver.
pub fn host_image<'a>(
    catalogs: &'a Catalogs,
    api: AmiKind,
    kind: AcceleratorKind,
    cuda: Option<&str>,
    family: &str,
) -> Option<HostImage<'a>> {
    let amis = catalogs.amis();
    match (kind, api) {
        (AcceleratorKind::Neuron, AmiKind::Inference) => amis.for_neuron().map(HostImage::Neuron),
        (AcceleratorKind::Cuda, AmiKind::Inference) => {
            amis.for_cuda(cuda?, family).map(HostImage::Driver)
        }
        (AcceleratorKind::Cuda, AmiKind::Transform) => {
            let best = amis.for_cuda_transform(cuda?, family).map(HostImage::Driver);
            best.or_else(|| amis.transform().max_by_key(|ami| ami.driver).map(HostImage::Newest))
        }
        _ => None,
    }
}
