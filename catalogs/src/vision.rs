//! Images as tokens of language models that read them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::rows::Table;

/// What becomes of an image in models of a class that keep its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageTokens {
    /// Class name, as in a model's `architectures`.
    pub class: String,
    /// Side of the square of pixels that becomes one token.
    pub side: u32,
    /// The most pixels that an image keeps: a larger one is made smaller.
    pub max_pixels: u64,
    /// Where that is from.
    pub source: String,
}

impl ImageTokens {
    /// Tokens of an image of so many pixels.
    pub fn of(&self, pixels: u64) -> u64 {
        let side = u64::from(self.side.max(1));
        pixels.min(self.max_pixels) / (side * side)
    }

    /// The same for a model whose own processor keeps so many pixels at most.
    #[must_use]
    pub fn with_pixels(&self, own: Option<u64>) -> Self {
        Self { max_pixels: own.unwrap_or(self.max_pixels), ..self.clone() }
    }

    /// The most tokens that an image can be.
    pub fn most(&self) -> u64 {
        self.of(self.max_pixels)
    }

    /// Pixels that an image may have to be at most so many tokens.
    pub fn pixels(&self, tokens: u64) -> u64 {
        let side = u64::from(self.side);
        tokens.saturating_mul(side * side)
    }
}

/// `vision.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VisionFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By class.
    #[serde(default)]
    pub images: Table<ImageTokens>,
}

catalog_file!(VisionFile, "vision.json", rows { images by |row| row.class.clone() });

/// What becomes of images.
#[derive(Debug, Clone)]
pub struct Vision {
    file: VisionFile,
}

impl Vision {
    pub(crate) fn new(file: VisionFile) -> Self {
        Self { file }
    }

    /// Of models of `class`, where that is known.
    pub fn images(&self, class: &str) -> Option<&ImageTokens> {
        self.file.images.iter().find(|row| row.class == class)
    }
}

#[cfg(test)]
mod tests {
    use crate::Catalogs;

    /// A photo of 12 megapixels is about 15,000 tokens for Qwen2.5-VL.
    #[test]
    fn a_photo_is_as_many_tokens_as_its_squares() {
        let vision = Catalogs::embedded().vision();
        let row = vision.images("Qwen2_5_VLForConditionalGeneration").expect("known");
        assert_eq!(row.of(4000 * 3000), 15_306);
        assert_eq!(row.most(), 16_384);
        assert_eq!(row.of(40_000 * 30_000), 16_384, "made smaller");
        assert_eq!(row.of(row.pixels(4096)), 4096);
        assert!(vision.images("LlavaForConditionalGeneration").is_none());
    }
}
