//! What an account has under an address: files on S3, packages of its model registry, secrets, images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::catalog_file;
use crate::ids::{Arn, ImageUri, InstanceType, Region, S3Uri};
use crate::instances::Arch;
use crate::models::ModelConfig;
use crate::rows::{Origin, Table};

/// A file on S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoredFile {
    /// Its name below the address.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// What is at an S3 address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// The address that was asked for.
    pub address: S3Uri,
    /// Where the bucket is. None if that was not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The address is an object's own, and not the beginning of several.
    pub is_object: bool,
    /// What is there; empty where nothing is.
    pub files: Vec<StoredFile>,
    /// Whether `files` is everything: not, where there is more than was listed.
    pub complete: bool,
    /// The text of the model's `config.json`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ModelConfig>,
}

impl Stored {
    /// Bytes of all files that were listed.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).fold(0, u64::saturating_add)
    }
}

/// What an ARN names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
#[expect(clippy::large_enum_variant, reason = "an answer has a few of them at most")]
pub enum Resource {
    /// A secret: its name, and nothing that is in it.
    Secret {
        /// Its name.
        name: String,
        /// It is to be deleted.
        #[serde(default)]
        deleted: bool,
    },
    /// A package of the model registry.
    Package {
        /// The package that was read, where a group was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Arn>,
        /// `Approved`, `Rejected`, `PendingManualApproval`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<String>,
        /// What SageMaker says of it, such as `Completed`.
        status: String,
        /// The image of its first container.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<ImageUri>,
        /// Where its model is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<S3Uri>,
        /// What its model was made with, in the words of whoever registered it, such as `XGBOOST`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        framework: Option<String>,
        /// The version of that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        framework_version: Option<String>,
        /// Containers of which it is made.
        #[serde(default)]
        containers: u32,
        /// Types that it says endpoints may have; empty where it says none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        types: Vec<InstanceType>,
        /// Content types that it takes; empty where it says none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        takes: Vec<String>,
    },
    /// There is nothing of this name.
    Missing,
}

/// What an ARN names, with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedRow {
    /// The ARN.
    pub arn: Arn,
    /// What it names.
    pub resource: Resource,
}

/// A secret that could be a token of Hugging Face, by its name: an inference, since nobody looked into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenSecret {
    /// Its ARN.
    pub arn: Arn,
    /// Where it is.
    pub region: Region,
    /// Its name.
    pub name: String,
}

/// An image as its registry has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inspected {
    /// The address that was asked for.
    pub image: ImageUri,
    /// Whether it is there.
    pub exists: bool,
    /// The digest that the tag has now: `sha256:…`, of the list where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Platforms that it is for, such as `linux/amd64`; empty if that was not said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Processor architectures among them, of those that instance types have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arch: Vec<Arch>,
    /// Bytes to pull, of the layers of its amd64 image or the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// CUDA in it, from its own environment or labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda: Option<String>,
    /// The model server in it and its version, from the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<(String, String)>,
    /// Release of the Triton image that it is or was made from, such as `25.09`, from the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triton: Option<String>,
    /// The newest tags like it, where it is not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub like: Vec<String>,
}

impl Inspected {
    /// An image of which it is known only whether it is there.
    pub fn of(image: ImageUri, exists: bool) -> Self {
        Self {
            image,
            exists,
            digest: None,
            platforms: Vec::new(),
            arch: Vec::new(),
            bytes: None,
            cuda: None,
            engine: None,
            triton: None,
            like: Vec::new(),
        }
    }
}

/// `resources.json`. Empty in this build: these are an account's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourcesFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// By address.
    #[serde(default)]
    pub stored: Table<Stored>,
    /// By ARN.
    #[serde(default)]
    pub named: Table<NamedRow>,
    /// By address.
    #[serde(default)]
    pub images: Table<Inspected>,
    /// By ARN.
    #[serde(default)]
    pub tokens: Table<TokenSecret>,
}

catalog_file!(
    ResourcesFile, "resources.json",
    rows {
        stored by |row| row.address.clone(),
        named by |row| row.arn.clone(),
        images by |row| row.image.clone(),
        tokens by |row| row.arn.clone(),
    }
);

/// The resources that are known: none without a look-up or a user's own file.
#[derive(Debug, Clone)]
pub struct Resources {
    file: ResourcesFile,
}

impl Resources {
    pub(crate) fn new(file: ResourcesFile) -> Self {
        Self { file }
    }

    /// What is at an S3 address.
    pub fn stored(&self, address: &str) -> Option<&Stored> {
        self.file.stored.iter().find(|row| row.address.as_str() == address)
    }

    /// What an ARN names.
    pub fn named(&self, arn: &str) -> Option<&Resource> {
        self.file.named.iter().find(|row| row.arn.as_str() == arn).map(|row| &row.resource)
    }

    /// Where the model is that `name` names: the address in S3 of a package's model, if that is known; `name` otherwise.
    pub fn place_of<'a>(&'a self, name: &'a str) -> &'a str {
        match self.named(name) {
            Some(Resource::Package { model: Some(model), .. }) => model.as_str(),
            _ => name,
        }
    }

    /// An image as its registry has it.
    pub fn image(&self, image: &str) -> Option<&Inspected> {
        self.file.images.iter().find(|row| row.image.as_str() == image)
    }

    /// Secrets of a Region that could be tokens of Hugging Face, by their names.
    pub fn tokens(&self, region: &str) -> impl Iterator<Item = &TokenSecret> {
        self.file.tokens.iter().filter(move |row| row.region.as_str() == region)
    }

    /// Where the rows of those are from.
    pub fn origin_of_tokens(&self, region: &str) -> &Origin {
        self.file.tokens.origin_where(|row| row.region.as_str() == region)
    }

    /// Where the row of an S3 address is from.
    pub fn origin_of_stored(&self, address: &str) -> &Origin {
        self.file.stored.origin_where(|row| row.address.as_str() == address)
    }

    /// Where the row of an ARN is from.
    pub fn origin_of_named(&self, arn: &str) -> &Origin {
        self.file.named.origin_where(|row| row.arn.as_str() == arn)
    }

    /// Where the row of an image is from.
    pub fn origin_of_image(&self, image: &str) -> &Origin {
        self.file.images.origin_where(|row| row.image.as_str() == image)
    }
}
