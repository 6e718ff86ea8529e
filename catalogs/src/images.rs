//! Base images: which tags exist, what is in them, and where they are pulled from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accelerators::AcceleratorKind;
use crate::file::catalog_file;
use crate::ids::Region;
use crate::image_address::{Availability, ImageError, ResolvedImage};
use crate::image_names::ImageName;
use crate::instances::Arch;
use crate::nearest::nearest;
use crate::regions::Regions;
use crate::registries::Registries;
use crate::rows::{Origin, Table};
use crate::version;

/// Where an image is made to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Speaks the SageMaker container contract.
    SageMaker,
    /// For EC2, ECS and EKS: its entry point is the engine's own.
    Ec2,
    /// Not made for one of them.
    Any,
}

/// Images that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageFamily {
    /// Name that layers refer to.
    pub family: String,
    /// For people.
    pub title: String,
    /// Backends of the Triton server in its images; empty where they have no such server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<String>,
    /// The version to take, where it is not the newest listed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Name of its family.
    pub family: String,
    /// Version of the image within the family.
    pub version: String,
    /// The full tag.
    pub tag: String,
    /// Other tags of the same image; the shorter ones move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Digest, for who wants to pin it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Registry host, for images outside the registries of AWS by region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Repository.
    pub repository: String,
    /// Name of the set in `registries.json` that says in which regions and accounts it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// The set is that of images like it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub set_assumed: bool,
    /// The tag stands in the publisher's list; else it is composed from what the SDK knows.
    pub listed: bool,
    /// Where it is made to run.
    pub platform: Platform,
    /// Processor architectures.
    pub arch: Vec<Arch>,
    /// The accelerator that it is made for.
    pub accelerator: AcceleratorKind,
    /// CUDA in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda: Option<String>,
    /// Driver that its publisher names, where that is more than the CUDA says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_driver: Option<String>,
    /// Python in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Distribution in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// Model server in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Version of the model server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// End of its patches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eop: Option<String>,
}

/// `images.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImagesFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By name.
    #[serde(default)]
    pub families: Table<ImageFamily>,
    /// By family and tag, the newest of a family first.
    #[serde(default)]
    pub images: Table<Image>,
    /// Public repositories whose tags say what they hold.
    #[serde(default)]
    pub names: Table<ImageName>,
}

catalog_file!(
    ImagesFile, "images.json",
    rows {
        families by |row| row.family.clone(),
        images by |row| (row.family.clone(), row.tag.clone()),
        names by |row| (row.host.clone(), row.repository.clone(), row.suffix.clone()),
    }
);

/// The images, joined with the registries and regions.
#[derive(Debug, Clone)]
pub struct Images {
    file: ImagesFile,
    registries: Registries,
    dns_suffixes: BTreeMap<Region, String>,
    /// Where the images of each family are, newest first.
    by_family: BTreeMap<String, Vec<usize>>,
    /// What a deployment chooses from, by family.
    usual: BTreeMap<String, Usual>,
}

/// The images of a family that are not for EC2 alone, in the order in which they are usual.
#[derive(Debug, Clone, Default)]
struct Usual {
    /// Where they are, each with where its CUDA is among `cudas`.
    rows: Vec<(usize, usize)>,
    cudas: Vec<Option<String>>,
    engines: Vec<String>,
}

impl Usual {
    /// Of `rows`, newest first.
    fn new(file: &ImagesFile, default: Option<&str>, rows: &[usize]) -> Self {
        let rows = rows.iter().filter_map(|at| Some((*at, file.images.get(*at)?)));
        let mut rows: Vec<(usize, &Image)> =
            rows.filter(|(_, row)| row.platform != Platform::Ec2).collect();
        rows.sort_by_key(|(_, row)| (Some(row.version.as_str()) != default, !row.listed));
        let mut usual = Self::default();
        for (at, row) in rows {
            let known = usual.cudas.iter().position(|cuda| *cuda == row.cuda);
            let cuda = known.unwrap_or_else(|| {
                usual.cudas.push(row.cuda.clone());
                usual.cudas.len() - 1
            });
            usual.rows.push((at, cuda));
            if let Some(engine) = row.engine.as_ref().filter(|own| !usual.engines.contains(own)) {
                usual.engines.push(engine.clone());
            }
        }
        usual
    }
}

/// What a deployment chooses from.
#[derive(Debug, Clone, Copy)]
pub struct UsualImages<'a> {
    images: &'a Images,
    usual: Option<&'a Usual>,
}

impl<'a> UsualImages<'a> {
    /// The images in the order in which they are usual, each with where its CUDA is among [`Self::cudas`]: of the
    /// default version, then those whose tags are listed, then the newest.
    pub fn rows(&self) -> impl Iterator<Item = (&'a Image, usize)> + use<'a> {
        let images = self.images;
        let rows = self.usual.map_or(&[][..], |usual| &usual.rows);
        rows.iter().filter_map(|(at, cuda)| Some((images.file.images.get(*at)?, *cuda)))
    }

    /// The CUDAs in them.
    pub fn cudas(&self) -> impl Iterator<Item = Option<&'a str>> + use<'a> {
        self.usual.map_or(&[][..], |usual| &usual.cudas).iter().map(Option::as_deref)
    }

    /// The engines in them.
    pub fn engines(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.usual.map_or(&[][..], |usual| &usual.engines).iter().map(String::as_str)
    }
}

impl Images {
    pub(crate) fn new(file: ImagesFile, registries: &Registries, regions: &Regions) -> Self {
        let dns_suffixes =
            regions.iter().map(|row| (row.region.clone(), row.dns_suffix.clone())).collect();
        let mut by_family: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, row) in file.images.iter().enumerate() {
            by_family.entry(row.family.clone()).or_default().push(at);
        }
        let version = |at: usize| file.images.get(at).map_or("", |row| row.version.as_str());
        for rows in by_family.values_mut() {
            rows.sort_by(|a, b| version::compare(version(*b), version(*a)));
        }
        let registries = registries.clone();
        let mut images =
            Self { file, registries, dns_suffixes, by_family, usual: BTreeMap::default() };
        let usual = images.by_family.iter().map(|(family, rows)| {
            (family.clone(), Usual::new(&images.file, images.default_version(family), rows))
        });
        images.usual = usual.collect();
        images
    }

    /// Where the latest of the rows is from that were laid on them.
    pub(crate) fn latest(&self) -> &Origin {
        self.file.images.latest()
    }

    /// Where the row of an image is from.
    pub fn origin(&self, image: &Image) -> &Origin {
        self.file.images.origin_where(|row| row == image)
    }

    /// Date of the facts.
    pub fn as_of(&self) -> &str {
        &self.file.as_of
    }

    /// The families.
    pub fn families(&self) -> impl Iterator<Item = &ImageFamily> {
        self.file.families.iter()
    }

    /// A family by name.
    pub fn family(&self, family: &str) -> Option<&ImageFamily> {
        self.families().find(|row| row.family == family)
    }

    /// All images.
    pub fn iter(&self) -> impl Iterator<Item = &Image> {
        self.file.images.iter()
    }

    /// The public repositories whose tags say what they hold.
    pub(crate) fn names(&self) -> impl Iterator<Item = &ImageName> {
        self.file.names.iter()
    }

    /// Whether `account` is one of those from which AWS publishes images.
    pub(crate) fn is_of_aws(&self, account: &str) -> bool {
        self.registries.iter().any(|row| row.accounts.values().any(|known| known == account))
    }

    /// The images of a family, newest first.
    pub fn of_family(&self, family: &str) -> impl Iterator<Item = &Image> {
        let rows = self.by_family.get(family).into_iter().flatten();
        rows.filter_map(|at| self.file.images.get(*at))
    }

    /// What a deployment chooses from: the images of a family that are not for EC2 alone.
    pub fn usual(&self, family: &str) -> UsualImages<'_> {
        UsualImages { images: self, usual: self.usual.get(family) }
    }

    /// The version of a family to take if none is asked for: the family's own, else the newest whose tag is
    /// listed, else the newest.
    pub fn default_version(&self, family: &str) -> Option<&str> {
        let own = self.family(family)?.default.as_deref();
        let rows = || self.of_family(family).filter(|row| row.platform != Platform::Ec2);
        own.or_else(|| rows().find(|row| row.listed).map(|row| row.version.as_str()))
            .or_else(|| rows().next().map(|row| row.version.as_str()))
    }

    /// The image of a family for SageMaker, with its address in a region. Without `version` the default one;
    /// a part of a version (`0.27`) takes the newest of it, listed ones before composed; a full tag is taken too.
    ///
    /// # Errors
    /// Says which of family, version, architecture and region is not known, with the nearest that is.
    pub fn resolve(
        &self,
        family: &str,
        version: Option<&str>,
        region: &Region,
        arch: Arch,
    ) -> Result<ResolvedImage, ImageError> {
        self.resolve_on(Platform::SageMaker, family, version, region, arch)
    }

    /// The same for another platform: pods can take the images made for EC2.
    ///
    /// # Errors
    /// As [`Images::resolve`].
    pub fn resolve_on(
        &self,
        platform: Platform,
        family: &str,
        version: Option<&str>,
        region: &Region,
        arch: Arch,
    ) -> Result<ResolvedImage, ImageError> {
        if self.family(family).is_none() {
            let nearest = nearest(family, self.families().map(|row| row.family.as_str()), 3);
            return Err(ImageError::Family { family: family.into(), nearest: owned(nearest) });
        }
        let rows: Vec<&Image> = self
            .of_family(family)
            .filter(|row| row.platform == platform || row.platform == Platform::Any)
            .collect();
        let for_arch: Vec<&Image> =
            rows.iter().copied().filter(|row| row.arch.contains(&arch)).collect();
        let wanted = version.or_else(|| self.default_version(family));
        let Some(image) = find(&for_arch, wanted) else {
            let other = find(&rows, wanted).is_some();
            return Err(match version {
                Some(version) if !other => {
                    let mut close =
                        nearest(version, rows.iter().map(|row| row.version.as_str()), 3);
                    if close.is_empty() {
                        close = rows.iter().map(|row| row.version.as_str()).take(3).collect();
                    }
                    ImageError::Version {
                        family: family.into(),
                        version: version.into(),
                        nearest: owned(close),
                    }
                }
                _ => ImageError::Arch {
                    family: family.into(),
                    version: version.map(Into::into),
                    arch,
                },
            });
        };
        self.address(image, region)
    }

    /// Where `image` is pulled from in a Region.
    ///
    /// # Errors
    /// It is not published there, or the Region is not known.
    pub fn address(&self, image: &Image, region: &Region) -> Result<ResolvedImage, ImageError> {
        let (host, account, availability) = match (&image.host, &image.set) {
            (Some(host), _) => (host.clone(), None, Availability::Known),
            (None, set) => {
                let (account, availability) = self.account(image, set.as_deref(), region)?;
                let Some(suffix) = self.dns_suffixes.get(region) else {
                    let nearest =
                        nearest(region.as_str(), self.dns_suffixes.keys().map(Region::as_str), 3);
                    return Err(ImageError::Region {
                        region: region.to_string(),
                        nearest: owned(nearest),
                    });
                };
                (format!("{account}.dkr.ecr.{region}.{suffix}"), Some(account), availability)
            }
        };
        let digest = image.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        let uri = format!("{host}/{}:{}{digest}", image.repository, image.tag);
        let uri = uri.parse().map_err(|error: crate::ids::ParseIdError| ImageError::Address {
            tag: image.tag.clone(),
            reason: error.to_string(),
        })?;
        let registry_region = account.is_some().then(|| region.clone());
        Ok(ResolvedImage {
            uri,
            host,
            registry_account: account,
            registry_region,
            availability,
            image: image.clone(),
        })
    }

    fn account(
        &self,
        image: &Image,
        set: Option<&str>,
        region: &Region,
    ) -> Result<(String, Availability), ImageError> {
        let set = set.and_then(|name| self.registries.set(name));
        let Some(set) = set else {
            return Err(ImageError::Address {
                tag: image.tag.clone(),
                reason: "it names neither a host nor a known set of registries".into(),
            });
        };
        if !self.dns_suffixes.contains_key(region) {
            let nearest = nearest(region.as_str(), self.dns_suffixes.keys().map(Region::as_str), 3);
            return Err(ImageError::Region { region: region.to_string(), nearest: owned(nearest) });
        }
        let Some(account) = self.registries.account(&set.registry, region.as_str()) else {
            return Err(ImageError::NotInRegion {
                tag: image.tag.clone(),
                region: region.to_string(),
                regions: set.regions.iter().map(ToString::to_string).collect(),
            });
        };
        let availability = match (set.regions.contains(region), image.set_assumed) {
            (true, false) => Availability::Known,
            (true, true) => Availability::Assumed,
            (false, _) => Availability::Unknown,
        };
        Ok((account.into(), availability))
    }
}

/// Newest first in `rows`. An exact version or tag wins; a part of a version takes the newest listed one, then the newest.
fn find<'a>(rows: &[&'a Image], wanted: Option<&str>) -> Option<&'a Image> {
    let Some(wanted) = wanted else {
        return rows.iter().find(|row| row.listed).or_else(|| rows.first()).copied();
    };
    let exact = |row: &&&Image| {
        row.version == wanted
            || row.tag == wanted
            || row.aliases.iter().any(|alias| alias == wanted)
    };
    let part = |row: &&&Image| version::starts_with(&row.version, wanted);
    rows.iter()
        .find(|row| exact(row) && row.listed)
        .or_else(|| rows.iter().find(exact))
        .or_else(|| rows.iter().find(|row| part(row) && row.listed))
        .or_else(|| rows.iter().find(part))
        .copied()
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
}
