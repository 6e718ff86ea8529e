//! The driver of a host image that is named, and how it suits a container.

use mcc_catalogs::{AcceleratorKind, Ami, Catalogs, DriverFit, Image, Instance};

use crate::deployment::AmiKind;

/// The host image called `name`, of those that the API field takes.
pub fn named_host<'a>(catalogs: &'a Catalogs, api: AmiKind, name: &str) -> Option<&'a Ami> {
    let amis = catalogs.amis();
    match api {
        AmiKind::Inference => amis.get(name),
        AmiKind::Transform => amis.get_transform(name),
    }
}

/// What is wrong with the name of a host image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostFault<'a> {
    /// The API field takes others: these.
    Unknown(Vec<&'a str>),
    /// Its driver is for accelerators of another kind.
    Kind(AcceleratorKind),
}

/// What is wrong with the host image called `name` on `instance`; none if nothing is known to be.
pub fn host_fault<'a>(
    catalogs: &'a Catalogs,
    api: AmiKind,
    name: &str,
    instance: Option<&Instance>,
) -> Option<HostFault<'a>> {
    let Some(ami) = named_host(catalogs, api, name) else {
        let amis = catalogs.amis();
        let names: Vec<&str> = match api {
            AmiKind::Inference => amis.inference().map(|row| row.ami.as_str()).collect(),
            AmiKind::Transform => amis.transform().map(|row| row.ami.as_str()).collect(),
        };
        return Some(HostFault::Unknown(names));
    };
    let accelerator = instance.and_then(Instance::accelerator)?;
    (accelerator.kind != ami.kind).then_some(HostFault::Kind(ami.kind))
}

/// The driver of a host image that is named, beside the CUDA of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDriver<'a> {
    /// The host image.
    pub ami: &'a str,
    /// Branch of its GPU driver, such as 580.
    pub branch: u32,
    /// How it suits the CUDA; none where that is not known.
    pub fit: Option<DriverFit>,
    /// The first driver on which the CUDA starts.
    pub starts: Option<&'a str>,
    /// The first with everything in it that the CUDA needs.
    pub full: Option<&'a str>,
}

/// The driver of the host image called `name`; none where the image or its driver is not known.
pub fn host_driver<'a>(
    catalogs: &'a Catalogs,
    api: AmiKind,
    name: &str,
    cuda: Option<&str>,
) -> Option<HostDriver<'a>> {
    let ami = named_host(catalogs, api, name)?;
    let (amis, branch) = (catalogs.amis(), ami.driver?);
    Some(HostDriver {
        ami: &ami.ami,
        branch,
        fit: cuda.and_then(|cuda| amis.fit(branch, cuda)),
        starts: cuda.and_then(|cuda| amis.starts_from(cuda)),
        full: cuda.and_then(|cuda| amis.min_driver(cuda)),
    })
}

/// Whether the CUDA of `image` is known to start on a driver of `branch`.
pub fn starts_on(catalogs: &Catalogs, image: &Image, branch: u32) -> bool {
    let fit = image.cuda.as_deref().and_then(|cuda| catalogs.amis().fit(branch, cuda));
    fit.is_some_and(|fit| fit != DriverFit::TooOld)
}

/// The newest driver that transform jobs can be given.
pub fn newest_transform_driver(catalogs: &Catalogs) -> Option<u32> {
    catalogs.amis().transform().filter_map(|row| row.driver).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_held_against_its_own_api_and_the_accelerator() {
        let catalogs = Catalogs::embedded();
        let gpu = catalogs.instances().get("ml.g5.xlarge");
        let neuron = catalogs.amis().for_neuron().expect("a host image");
        let job = catalogs.amis().transform().next().expect("a host image");
        let fault = |name: &str, instance| host_fault(catalogs, AmiKind::Inference, name, instance);
        assert_eq!(fault(&neuron.ami, gpu), Some(HostFault::Kind(AcceleratorKind::Neuron)));
        assert_eq!(fault(&neuron.ami, None), None);
        assert!(
            matches!(fault("nothing", gpu), Some(HostFault::Unknown(names)) if names.len() > 2)
        );
        assert!(host_driver(catalogs, AmiKind::Transform, &job.ami, None).is_some());
        // No endpoint takes a host image of transform jobs.
        assert_eq!(host_driver(catalogs, AmiKind::Inference, &job.ami, None), None);
    }
}
