//! One file per tool.

mod recommend_image;
mod search_images;

use mcc_catalogs::{Catalogs, Image, Region};
use mcc_generator::registry;
use schemars::JsonSchema;
use serde::Serialize;

use crate::common::model::word;
use crate::common::region;
use crate::mcp::error::ToolError;
use crate::mcp::server::Tool;

/// All tools, in the order in which an assistant uses them.
pub(crate) const ALL: &[Tool] = &[recommend_image::TOOL, search_images::TOOL];

/// How a call went; a failed one has `error`. `nothing_fits` means that no image was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    NothingFits,
}

/// An image.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ImageAnswer {
    /// What FROM takes, in the Region of the answer; left out where it is not published there.
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    /// Family of images.
    family: String,
    /// Version within the family.
    version: String,
    /// The full tag.
    tag: String,
    /// Model server in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    /// Version of the model server.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine_version: Option<String>,
    /// CUDA in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cuda: Option<String>,
    /// Python in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    python: Option<String>,
    /// Distribution in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<String>,
    /// `cpu`, `cuda` or `neuron`.
    accelerator: String,
    /// Processor architectures.
    arch: Vec<String>,
    /// `sagemaker`, `ec2`, or `any` where it is not made for one of them.
    platform: String,
    /// Whether the tag stands in the publisher's list; else it is composed.
    listed: bool,
    /// How well it is known that it is in the Region: `known`, `assumed` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    availability: Option<String>,
    /// Digest, to pin it.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// End of its patches.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_of_patches: Option<String>,
}

impl ImageAnswer {
    /// `image` in `region`.
    fn new(catalogs: &Catalogs, image: &Image, region: &Region) -> Self {
        let resolved = catalogs.images().address(image, region).ok();
        Self {
            uri: resolved.as_ref().map(|resolved| resolved.uri.to_string()),
            availability: resolved.as_ref().map(|resolved| word(&resolved.availability)),
            family: image.family.clone(),
            version: image.version.clone(),
            tag: image.tag.clone(),
            engine: image.engine.clone(),
            engine_version: image.engine_version.clone(),
            cuda: image.cuda.clone(),
            python: image.python.clone(),
            os: image.os.clone(),
            accelerator: image.accelerator.to_string(),
            arch: image.arch.iter().map(ToString::to_string).collect(),
            platform: word(&image.platform),
            listed: image.listed,
            digest: image.digest.clone(),
            end_of_patches: image.eop.clone(),
        }
    }

    /// One line with what matters.
    fn text(&self) -> String {
        let mut facts = Vec::new();
        facts.extend(
            self.engine.iter().zip(&self.engine_version).map(|(name, has)| format!("{name} {has}")),
        );
        facts.extend(self.cuda.as_ref().map(|cuda| format!("CUDA {cuda}")));
        facts.extend(self.python.as_ref().map(|python| format!("Python {python}")));
        facts.extend(self.os.clone());
        facts.push(format!("for {} on {}", self.accelerator, self.arch.join(" and ")));
        facts.push(format!("made for {}", self.platform));
        facts.push(if self.listed { "listed" } else { "composed tag" }.to_owned());
        facts.extend(self.availability.as_ref().map(|known| format!("availability {known}")));
        facts.extend(self.end_of_patches.as_ref().map(|date| format!("patched until {date}")));
        let place = self.uri.as_deref().unwrap_or("not published in this Region");
        format!("{} {} ({}): {place}; {}", self.family, self.version, self.tag, facts.join(", "))
    }
}

/// The Region that addresses are for.
fn region(catalogs: &Catalogs, wanted: Option<&str>) -> Result<Region, ToolError> {
    region::named(catalogs, wanted.or_else(|| registry().usual_value("region")).unwrap_or_default())
        .map(|row| row.region.clone())
}
