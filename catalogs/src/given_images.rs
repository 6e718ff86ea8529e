//! What is known of an image that somebody names: what its name says, and beside it what its registry has said.

use crate::accelerators::AcceleratorKind;
use crate::image_names::GivenImage;
use crate::images::{Image, Platform};
use crate::instances::Arch;
use crate::{Catalogs, ImageUri, Inspected};

impl Catalogs {
    /// What is known of the image at `address`, whatever says it; none if nothing does.
    pub fn image_at(&self, address: &str) -> Option<GivenImage> {
        let named = self.images().at(address, self.engines());
        let Some(found) = self.resources().image(address).filter(|found| found.exists) else {
            return named;
        };
        match named {
            Some(named) => Some(completed(named, found)),
            None => told(address, found),
        }
    }
}

/// What a name says, with what it leaves open. What both say is the name's: whoever publishes it answers for it.
fn completed(mut named: GivenImage, found: &Inspected) -> GivenImage {
    let image = &mut named.image;
    if image.cuda.is_none() && image.accelerator == AcceleratorKind::Cuda {
        image.cuda.clone_from(&found.cuda);
    }
    if !named.in_catalog && !found.arch.is_empty() {
        image.arch.clone_from(&found.arch);
    }
    if let Some((engine, release)) = &found.engine
        && image.engine_version.is_none()
        && image.engine.as_ref().is_none_or(|own| own == engine)
    {
        // A tag that moves, such as `latest`, stands for no version.
        if image.engine.is_some() && image.version == image.tag {
            image.version.clone_from(release);
        }
        image.engine = Some(engine.clone());
        image.engine_version = Some(release.clone());
    }
    named
}

/// What its registry says of an image whose name says nothing.
fn told(address: &str, found: &Inspected) -> Option<GivenImage> {
    if found.cuda.is_none() && found.engine.is_none() && found.triton.is_none() {
        return None;
    }
    let address: ImageUri = address.parse().ok()?;
    let tag = address.tag().or(address.digest()).unwrap_or("latest").to_owned();
    let (engine, engine_version) = found.engine.clone().unzip();
    let version = found.triton.clone().or_else(|| engine_version.clone());
    let arch =
        if found.arch.is_empty() { vec![Arch::X86_64, Arch::Arm64] } else { found.arch.clone() };
    let image = Image {
        family: String::new(),
        version: version.unwrap_or_else(|| tag.clone()),
        tag,
        aliases: Vec::new(),
        digest: None,
        host: address.host().map(str::to_owned),
        repository: address.repository().to_owned(),
        set: None,
        set_assumed: false,
        listed: true,
        platform: Platform::Any,
        arch,
        accelerator: AcceleratorKind::Cuda,
        cuda: found.cuda.clone(),
        min_driver: None,
        python: None,
        os: None,
        engine,
        engine_version,
        eop: None,
    };
    Some(GivenImage { image, in_catalog: false, named: false, backends: None })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{ResourcesFile, Rows, Table};

    fn with(found: Inspected) -> Catalogs {
        let file = ResourcesFile { images: Table::from(vec![found]), ..ResourcesFile::default() };
        Arc::clone(Catalogs::shared()).with(Rows::live("a registry").with(file))
    }

    fn found(address: &str) -> Inspected {
        let image = address.parse().unwrap();
        Inspected { image, exists: true, ..missing() }
    }

    fn missing() -> Inspected {
        Inspected::of("a:1".parse().unwrap(), false)
    }

    #[test]
    fn what_a_name_leaves_open_its_registry_says() {
        let vllm = Some(("vllm".to_owned(), "0.19.1".to_owned()));
        let latest = Inspected {
            cuda: Some("12.9".to_owned()),
            engine: vllm.clone(),
            arch: vec![Arch::X86_64],
            ..found("vllm/vllm-openai:latest")
        };
        let image = with(latest).image_at("vllm/vllm-openai:latest").unwrap().image;
        assert_eq!((image.cuda.as_deref(), image.version.as_str()), (Some("12.9"), "0.19.1"));
        assert_eq!((image.arch, image.family.as_str()), (vec![Arch::X86_64], "vllm-openai"));
        // What the name says stays.
        let other = Inspected {
            cuda: Some("11.8".to_owned()),
            engine: Some(("sglang".to_owned(), "0.5.0".to_owned())),
            ..found("vllm/vllm-openai:v0.27.1")
        };
        let image = with(other).image_at("vllm/vllm-openai:v0.27.1").unwrap().image;
        assert_eq!(
            (image.cuda.as_deref(), image.engine_version.as_deref()),
            (Some("13.0"), Some("0.27.1"))
        );
        // Of a name that says nothing, all is the registry's.
        let own = "registry.example.com/own:1";
        assert_eq!(with(found(own)).image_at(own), None);
        let given = with(Inspected { engine: vllm, ..found(own) }).image_at(own).unwrap();
        assert!(!given.named && !given.in_catalog && given.backends.is_none());
        assert_eq!(given.image.engine_version.as_deref(), Some("0.19.1"));
        let triton = Inspected { triton: Some("25.09".to_owned()), ..found(own) };
        assert_eq!(with(triton).image_at(own).unwrap().image.version, "25.09");
        // What is not there says nothing.
        let gone =
            Inspected { image: own.parse().unwrap(), cuda: Some("12.9".to_owned()), ..missing() };
        assert_eq!(with(gone).image_at(own), None);
    }
}
