//! The list of all catalog files. A new one is a line here, beside its type and its data; what has to be done with
//! each of them is done from this list.

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::file::{self, CatalogError, CatalogFile};

/// What is done with each catalog file.
pub trait Visitor {
    /// The file `name`, whose embedded text is `text` and whose type is `F`.
    fn file<F>(&mut self, name: &'static str, text: &'static str)
    where
        F: DeserializeOwned + Serialize + JsonSchema;
}

/// A catalog file as a member of [`Files`].
pub trait Laid: Sized {
    /// Where it is in `files`.
    fn place(files: &Files) -> Option<&Self>;
    /// The same, to be set.
    fn place_mut(files: &mut Files) -> &mut Option<Self>;
}

macro_rules! files {
    ($($field:ident: $file:ident),+ $(,)?) => {
        /// Files of rows that are laid over others: one field for each catalog.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Files {
            $(#[serde(default, skip_serializing_if = "Option::is_none")] $field: Option<crate::$file>,)+
        }

        impl Files {
            /// With the rows of `file`, instead of those of the same catalog that are there already.
            #[must_use]
            pub fn with<F: Laid>(mut self, file: F) -> Self {
                *F::place_mut(&mut self) = Some(file);
                self
            }

            /// Reads the files that `dir` has.
            pub(crate) fn read(dir: &Path) -> Result<Self, CatalogError> {
                Ok(Self { $($field: file::overlay(dir)?,)+ })
            }
        }

        $(impl Laid for crate::$file {
            fn place(files: &Files) -> Option<&Self> {
                files.$field.as_ref()
            }
            fn place_mut(files: &mut Files) -> &mut Option<Self> {
                &mut files.$field
            }
        })+

        /// The names of all files.
        pub(crate) const NAMES: &[&str] = &[$(<crate::$file as CatalogFile>::NAME,)+];

        /// Has `visitor` see each file.
        pub fn visit(visitor: &mut impl Visitor) {
            $(visitor.file::<crate::$file>(
                <crate::$file as CatalogFile>::NAME,
                <crate::$file as CatalogFile>::TEXT,
            );)+
        }
    };
}

files! {
    accelerators: AcceleratorsFile,
    amis: AmisFile,
    clusters: ClustersFile,
    engine_limits: EngineLimitsFile,
    engine_options: EngineOptionsFile,
    engines: EnginesFile,
    hyperpod: HyperpodFile,
    images: ImagesFile,
    instances: InstancesFile,
    jumpstart: JumpStartFile,
    known_fits: KnownFitsFile,
    limits: Limits,
    measured: MeasuredFile,
    models: ModelsFile,
    pipelines: PipelinesFile,
    places: PlacesFile,
    prices: PricesFile,
    quotas: QuotasFile,
    regions: RegionsFile,
    registries: RegistriesFile,
    resources: ResourcesFile,
    tasks: TasksFile,
    vision: VisionFile,
}
