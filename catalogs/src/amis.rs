//! Host images of endpoints and transform jobs: which NVIDIA driver a container finds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::accelerators::AcceleratorKind;
use crate::file::catalog_file;
use crate::nearest::nearest;
use crate::rows::Table;

/// One value of `InferenceAmiVersion` or `TransformAmiVersion`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ami {
    /// The value.
    pub ami: String,
    /// What it is for.
    pub kind: AcceleratorKind,
    /// Branch of the NVIDIA driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<u32>,
    /// Newest CUDA that the driver fully supports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda: Option<String>,
    /// Version of the Neuron driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neuron_driver: Option<String>,
    /// The host puts its own CUDA compatibility libraries over those of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda_compat_mounted: Option<bool>,
    /// Families on which it is documented to work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families_documented: Vec<String>,
    /// Families on which AWS samples use it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families_in_samples: Vec<String>,
}

/// The driver that a family's endpoints have unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultDriver {
    /// `g5`.
    pub family: String,
    /// Branch of the NVIDIA driver; none if AWS does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<u32>,
    /// Newest CUDA that it fully supports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda: Option<String>,
    /// Whether AWS documents it.
    pub documented: bool,
    /// Where it is documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The driver that a CUDA toolkit wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CudaDriver {
    /// `12.4`.
    pub cuda: String,
    /// The first driver with everything in it.
    pub min_driver: String,
    /// How well it is known.
    pub basis: String,
}

/// The driver on which any toolkit of a major version starts, without what needs compiling at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MinorVersionDriver {
    /// `12`.
    pub cuda_major: u32,
    /// The first driver.
    pub min_driver: String,
}

/// `amis.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmisFile {
    /// Date of the facts.
    pub as_of: String,
    /// Where they come from.
    pub source: String,
    /// Values of `InferenceAmiVersion`.
    #[serde(default)]
    pub inference: Table<Ami>,
    /// Values of `TransformAmiVersion`.
    #[serde(default)]
    pub transform: Table<Ami>,
    /// By family.
    #[serde(default)]
    pub default_drivers: Table<DefaultDriver>,
    /// Branch that transform jobs have unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_transform_driver: Option<u32>,
    /// By toolkit.
    #[serde(default)]
    pub cuda: Table<CudaDriver>,
    /// By major version.
    #[serde(default)]
    pub minor_version: Table<MinorVersionDriver>,
}

catalog_file!(
    AmisFile, "amis.json",
    rows {
        inference by |row| row.ami.clone(),
        transform by |row| row.ami.clone(),
        default_drivers by |row| row.family.clone(),
        cuda by |row| row.cuda.clone(),
        minor_version by |row| row.cuda_major,
    },
    values { default_transform_driver }
);

/// How a driver suits a CUDA toolkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverFit {
    /// The driver is at least the toolkit's own.
    Full,
    /// Starts by minor-version compatibility; code that compiles PTX at run time fails.
    MinorVersion,
    /// Too old; only forward-compatibility libraries in the image could help.
    TooOld,
}

/// The host image to choose for a container.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AmiChoice<'a> {
    /// The host image.
    pub ami: &'a Ami,
    /// How its driver suits the container's CUDA.
    pub fit: DriverFit,
    /// Whether it is documented, or used in AWS samples, on the family; false means not known.
    pub known_on_family: bool,
}

/// Branches of the driver that a CUDA toolkit wants; none where that is not known.
#[derive(Debug, Clone, Copy)]
struct Wants {
    /// The first with everything in it.
    full: Option<u32>,
    /// The first on which it starts.
    compatible: Option<u32>,
}

impl Wants {
    fn fit(self, driver: u32) -> Option<DriverFit> {
        match self {
            Self { full: Some(least), .. } if driver >= least => Some(DriverFit::Full),
            Self { compatible: Some(least), .. } if driver >= least => {
                Some(DriverFit::MinorVersion)
            }
            Self { full: None, compatible: None } => None,
            _ => Some(DriverFit::TooOld),
        }
    }
}

/// The host images.
#[derive(Debug, Clone)]
pub struct Amis {
    file: AmisFile,
    /// Toolkits with a row, oldest first, with the branch of their driver: they are asked for with each image.
    toolkits: Vec<Toolkit>,
}

#[derive(Debug, Clone, Copy)]
struct Toolkit {
    version: (u32, u32),
    row: usize,
    branch: u32,
}

impl Amis {
    pub(crate) fn new(file: AmisFile) -> Self {
        let toolkit = |(row, of): (usize, &CudaDriver)| {
            Some(Toolkit { version: major_minor(&of.cuda)?, row, branch: branch(&of.min_driver) })
        };
        let mut toolkits: Vec<Toolkit> = file.cuda.iter().enumerate().filter_map(toolkit).collect();
        toolkits.sort_by_key(|toolkit| toolkit.version);
        Self { file, toolkits }
    }

    /// Values of `InferenceAmiVersion`.
    pub fn inference(&self) -> impl Iterator<Item = &Ami> {
        self.file.inference.iter()
    }

    /// Values of `TransformAmiVersion`.
    pub fn transform(&self) -> impl Iterator<Item = &Ami> {
        self.file.transform.iter()
    }

    /// An `InferenceAmiVersion` by its value.
    pub fn get(&self, ami: &str) -> Option<&Ami> {
        self.inference().find(|row| row.ami == ami)
    }

    /// A `TransformAmiVersion` by its value.
    pub fn get_transform(&self, ami: &str) -> Option<&Ami> {
        self.transform().find(|row| row.ami == ami)
    }

    /// The values of `InferenceAmiVersion` and `TransformAmiVersion` most like `ami`.
    pub fn nearest(&self, ami: &str) -> Vec<&str> {
        nearest(ami, self.inference().chain(self.transform()).map(|row| row.ami.as_str()), 3)
    }

    /// What endpoints of a family have unless told otherwise; its `driver` is none where AWS does not say,
    /// and there is no row for families without GPU.
    pub fn default_driver(&self, family: &str) -> Option<&DefaultDriver> {
        self.file.default_drivers.iter().find(|row| row.family == family)
    }

    /// Branch of the driver that transform jobs have unless told otherwise.
    pub fn default_transform_driver(&self) -> Option<u32> {
        self.file.default_transform_driver
    }

    /// All families with a row.
    pub fn default_drivers(&self) -> impl Iterator<Item = &DefaultDriver> {
        self.file.default_drivers.iter()
    }

    /// The first driver with everything that a CUDA toolkit (`12.9`, `13.0.1`) has in it.
    /// For a toolkit without a row the next newer of its major version answers.
    pub fn min_driver(&self, cuda: &str) -> Option<&str> {
        Some(self.file.cuda.get(self.toolkit(cuda)?.row)?.min_driver.as_str())
    }

    fn toolkit(&self, cuda: &str) -> Option<Toolkit> {
        let wanted = major_minor(cuda)?;
        let next = self.toolkits.iter().find(|toolkit| toolkit.version >= wanted)?;
        (next.version.0 == wanted.0).then_some(*next)
    }

    /// The first driver on which any toolkit of the same major version starts.
    pub fn starts_from(&self, cuda: &str) -> Option<&str> {
        let of = major(cuda);
        let row = self.file.minor_version.iter().find(|row| Some(row.cuda_major) == of)?;
        Some(&row.min_driver)
    }

    /// How a driver branch suits a CUDA toolkit; none if the toolkit is not known.
    pub fn fit(&self, driver: u32, cuda: &str) -> Option<DriverFit> {
        self.wants(cuda).fit(driver)
    }

    /// The drivers that a CUDA toolkit wants.
    fn wants(&self, cuda: &str) -> Wants {
        let of = major(cuda);
        let compatible = self.file.minor_version.iter().find(|row| Some(row.cuda_major) == of);
        Wants {
            full: self.toolkit(cuda).map(|toolkit| toolkit.branch),
            compatible: compatible.map(|row| branch(&row.min_driver)),
        }
    }

    /// The host image for endpoints of a family whose container has this CUDA: the oldest driver that fully
    /// supports it, else the newest on which it starts. None if there is none or the CUDA is not known.
    pub fn for_cuda(&self, cuda: &str, family: &str) -> Option<AmiChoice<'_>> {
        self.choose(&self.file.inference, cuda, family)
    }

    /// The same for transform jobs.
    pub fn for_cuda_transform(&self, cuda: &str, family: &str) -> Option<AmiChoice<'_>> {
        self.choose(&self.file.transform, cuda, family)
    }

    /// The host image of Neuron endpoints.
    pub fn for_neuron(&self) -> Option<&Ami> {
        self.inference().find(|row| row.kind == AcceleratorKind::Neuron)
    }

    fn choose<'a>(&self, amis: &'a [Ami], cuda: &str, family: &str) -> Option<AmiChoice<'a>> {
        let wants = self.wants(cuda);
        let fitting = |wanted: DriverFit| {
            amis.iter()
                .filter_map(|row| Some((row.driver?, row)))
                .filter(move |(driver, _)| wants.fit(*driver) == Some(wanted))
        };
        // Of several with one driver the last is the newest; AWS appends revisions.
        let oldest =
            fitting(DriverFit::Full).min_by_key(|(driver, _)| *driver).map(|(driver, _)| driver);
        let full = fitting(DriverFit::Full).rfind(|(driver, _)| Some(*driver) == oldest);
        let (fit, (_, ami)) = match full {
            Some(found) => (DriverFit::Full, found),
            None => (
                DriverFit::MinorVersion,
                fitting(DriverFit::MinorVersion).max_by_key(|(driver, _)| *driver)?,
            ),
        };
        let known_on_family = ami
            .families_documented
            .iter()
            .chain(&ami.families_in_samples)
            .any(|known| known == family);
        Some(AmiChoice { ami, fit, known_on_family })
    }
}

fn major(cuda: &str) -> Option<u32> {
    cuda.split('.').next()?.parse().ok()
}

/// A toolkit as numbers: `13.0.1` as 13 and 0.
fn major_minor(cuda: &str) -> Option<(u32, u32)> {
    let mut parts = cuda.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next().map_or(Ok(0), |part| part).ok()?))
}

/// The branch of a driver. Its first release counts as having what a toolkit needs.
fn branch(driver: &str) -> u32 {
    major(driver).unwrap_or_default()
}
