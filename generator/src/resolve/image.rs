//! The image that the Dockerfile starts from.

use std::cmp::Reverse;

use mcc_catalogs::{
    Arch, GivenImage, Image as CatalogImage, ImageError, Instance, Region, ResolvedImage,
};
use mcc_fit::ImageChoice;

use super::Context;
use crate::finding::Finding;
use crate::fix::{Fix, Fixes};
use crate::spec::{Aws, Image, InstanceSpec, Model};

impl Context<'_> {
    pub(super) fn image(&mut self, aws: &Aws, instance: &InstanceSpec, model: &Model) -> Image {
        let arch = self.arch(instance);
        let mut image = Image {
            base: String::new(),
            platform: arch.platform().to_owned(),
            arch: arch.container_name().to_owned(),
            pull_host: String::new(),
            pull_region: String::new(),
            pull_account: String::new(),
            pull_repository: String::new(),
            cuda: None,
            engine_version: self.inputs.engine_version.clone(),
            listed: true,
        };
        let row = self.row_of(instance);
        if let Some(own) = &self.inputs.base_image {
            let host = own.split('/').next().unwrap_or_default();
            if let Some(region) = ecr_region(host) {
                image.pull_host = host.to_owned();
                image.pull_region = region.to_owned();
            }
            image.base.clone_from(own);
            if let Some(given) = &self.facts.given {
                image.cuda.clone_from(&given.image.cuda);
                // A moving tag says no version.
                let version = Some(&given.image.version).filter(|v| **v != given.image.tag);
                image.engine_version = version.cloned().or(image.engine_version);
            }
            image.set_place();
            return image;
        }
        if self.deployment.images.is_none() || aws.region.parse::<Region>().is_err() {
            return image;
        }
        // Where the version of the engine can be chosen, the image decides that of Python.
        let python = model.python_version.as_deref().filter(|_| !self.takes("engine"));
        match self.resolve_image(aws, arch, python, row) {
            Ok(found) => {
                image.base = found.uri.to_string();
                if let Some(region) = &found.registry_region {
                    region.as_str().clone_into(&mut image.pull_region);
                    image.pull_host.clone_from(&found.host);
                }
                image.cuda = found.cuda().map(str::to_owned);
                image.engine_version = Some(found.version().to_owned());
                image.listed = found.listed();
                image.set_place();
            }
            Err(error) => {
                let finding = self.without_image(&error);
                self.findings.push(finding);
            }
        }
        image
    }
}

/// Most versions or Regions that a fix names.
const NAMED: usize = 6;

impl Context<'_> {
    /// Why there is no image to start from, for what was asked for.
    pub(super) fn without_image(&self, error: &ImageError) -> Finding {
        let (key, choices) = match error {
            ImageError::Version { nearest, .. } => ("engineVersion", nearest.clone()),
            ImageError::Region { nearest, .. } => ("region", nearest.clone()),
            ImageError::NotInRegion { regions, .. } => ("region", self.nearby(regions)),
            ImageError::Arch { .. } => ("instanceType", self.other_processors()),
            ImageError::Family { .. } | ImageError::Address { .. } => ("baseImage", Vec::new()),
        };
        let right =
            (!choices.is_empty()).then(|| Fix::choose(key, choices.iter().take(NAMED).cloned()));
        let fixes =
            Fixes::from(right).or(Fix::unset(key)).or("give an image of your own as baseImage");
        let finding = Finding::error("MCC-IMG-001", error.to_string(), fixes).choices(choices);
        self.merged.about(key, finding)
    }

    /// The cheapest instance types that hold the model, on processors that there is an image for.
    fn other_processors(&self) -> Vec<String> {
        let project = self.inputs.project_name.clone().unwrap_or_default();
        let found = self.candidates(&self.aws(&project));
        found.iter().take(4).map(|found| found.instance.name.to_string()).collect()
    }

    /// Regions, the nearest first: those of the same partition, whose names begin alike.
    fn nearby(&self, regions: &[String]) -> Vec<String> {
        let own = self.inputs.region.as_deref().unwrap_or_default();
        let rows = self.catalogs.regions();
        let partition = |name: &str| rows.get(name).map(|row| row.partition.clone());
        let same = |name: &str| name.chars().zip(own.chars()).take_while(|(a, b)| a == b).count();
        let mut regions = regions.to_vec();
        regions.sort_by_key(|name| (partition(name) != partition(own), Reverse(same(name))));
        regions
    }

    /// The image of the layer's family for `arch` and the type of the instance, if one is known: of the engine's release
    /// that was asked for, or else of `version`, or else the best for the model.
    pub(super) fn resolve_image(
        &self,
        aws: &Aws,
        arch: Arch,
        version: Option<&str>,
        instance: Option<&Instance>,
    ) -> Result<ResolvedImage, ImageError> {
        let family = self.deployment.images.clone().unwrap_or_default();
        let none = || ImageError::Family { family: family.clone(), nearest: Vec::new() };
        let region: Region = aws.region.parse().map_err(|_| none())?;
        let version = self.inputs.engine_version.as_deref().or(version);
        let images = self.catalogs.images();
        match self.choice(version).on(arch, instance) {
            Some(image) => images.address(image, &region),
            None => images.resolve(&family, version, &region, arch),
        }
    }

    /// The images that come into question.
    pub(crate) fn choice(&self, version: Option<&str>) -> ImageChoice<'_> {
        ImageChoice::new(self.catalogs, &self.deployment, version, &self.asked())
    }

    /// What the name of the user's own base image says of it, and its registry where it was asked.
    pub(super) fn given_image(&self) -> Option<GivenImage> {
        let own = self.inputs.base_image.as_deref()?;
        self.catalogs.image_at(own)
    }

    /// What the container starts from on an instance type; none where nothing is known of the user's own image.
    pub(crate) fn base(&self, instance: &InstanceSpec) -> Option<&CatalogImage> {
        if self.inputs.base_image.is_some() {
            return self.facts.given.as_ref().map(|given| &given.image);
        }
        let choice = self.choice(self.inputs.engine_version.as_deref());
        choice.on(self.arch(instance), self.row_of(instance))
    }

    /// The row of the instance's type.
    pub(crate) fn row_of(&self, instance: &InstanceSpec) -> Option<&Instance> {
        instance.kind.as_deref().and_then(|kind| self.catalogs.instances().get(kind))
    }

    /// Processor architecture of the instance, and so of the image.
    pub(crate) fn arch(&self, instance: &InstanceSpec) -> Arch {
        let row = instance.kind.as_deref().and_then(|t| self.catalogs.instances().get(t));
        row.map_or(Arch::X86_64, |row| row.arch)
    }
}

impl Image {
    /// Account and repository of a base image that needs a login.
    fn set_place(&mut self) {
        if self.pull_host.is_empty() {
            return;
        }
        let account = self.pull_host.split('.').next().unwrap_or_default();
        account.clone_into(&mut self.pull_account);
        let path = self.base.split_once('/').map_or("", |(_, path)| path);
        let name = path.split(['@', ':']).next().unwrap_or_default();
        name.clone_into(&mut self.pull_repository);
    }
}

/// The Region of a private ECR host, as in `123456789012.dkr.ecr.us-east-1.amazonaws.com`.
fn ecr_region(host: &str) -> Option<&str> {
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let (region, domain) = rest.split_once('.')?;
    (account.len() == 12 && domain.starts_with("amazonaws.com")).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_hosts_tell_their_region() {
        assert_eq!(ecr_region("763104351884.dkr.ecr.eu-west-1.amazonaws.com"), Some("eu-west-1"));
        assert_eq!(ecr_region("public.ecr.aws"), None);
    }
}
