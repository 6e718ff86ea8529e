//! Where an image is pulled from, or why it cannot be.

use serde::Serialize;

use crate::ids::{ImageUri, Region};
use crate::images::Image;
use crate::instances::Arch;

/// How well it is known that an image is in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Availability {
    /// AWS's SDK resolves it there, or the registry is a public one.
    Known,
    /// Images like it are there.
    Assumed,
    /// The registry is there, but nothing says that this image is.
    Unknown,
}

/// An image with its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResolvedImage {
    /// What `FROM` takes.
    pub uri: ImageUri,
    /// Registry host.
    pub host: String,
    /// Account of a private ECR registry, to which one must log in; none for public registries.
    pub registry_account: Option<String>,
    /// Region of a private ECR registry.
    pub registry_region: Option<Region>,
    /// How well it is known that the image is there.
    pub availability: Availability,
    /// The row.
    pub image: Image,
}

impl ResolvedImage {
    /// The full tag.
    pub fn tag(&self) -> &str {
        &self.image.tag
    }

    /// Version of the image within its family.
    pub fn version(&self) -> &str {
        &self.image.version
    }

    /// CUDA in it.
    pub fn cuda(&self) -> Option<&str> {
        self.image.cuda.as_deref()
    }

    /// Whether the tag stands in the publisher's list.
    pub fn listed(&self) -> bool {
        self.image.listed
    }

    /// Digest, if the catalog has one.
    pub fn digest(&self) -> Option<&str> {
        self.image.digest.as_deref()
    }
}

/// Why no image was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// No such family.
    #[error("there is no image family `{family}`{}", did_you_mean(nearest))]
    Family {
        /// What was asked for.
        family: String,
        /// Families with a name like it.
        nearest: Vec<String>,
    },
    /// No such version.
    #[error("image family `{family}` has no version `{version}`{}", did_you_mean(nearest))]
    Version {
        /// The family.
        family: String,
        /// What was asked for.
        version: String,
        /// Versions like it, or the newest.
        nearest: Vec<String>,
    },
    /// Not for the processor.
    #[error("image family `{family}` has no image for {arch}{}", version.as_ref().map(|version| format!(" of version `{version}`")).unwrap_or_default())]
    Arch {
        /// The family.
        family: String,
        /// The version that was asked for.
        version: Option<String>,
        /// The architecture that was asked for.
        arch: Arch,
    },
    /// No such region.
    #[error("there is no region `{region}`{}", did_you_mean(nearest))]
    Region {
        /// What was asked for.
        region: String,
        /// Regions with a name like it.
        nearest: Vec<String>,
    },
    /// The registry is not in the region.
    #[error("image `{tag}` is in no registry of {region}")]
    NotInRegion {
        /// The image.
        tag: String,
        /// The region.
        region: String,
        /// Where it is.
        regions: Vec<String>,
    },
    /// The row's parts make no address; only rows of a user's own can be so.
    #[error("image `{tag}` has no valid address: {reason}")]
    Address {
        /// The image.
        tag: String,
        /// What is wrong.
        reason: String,
    },
}

fn did_you_mean(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!(
            "; there is {}",
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        )
    }
}
