//! The facts that projects are built from: instance types, accelerators, prices, regions, image registries,
//! host images, base images, models and their tasks, model servers, limits and HyperPod.
//!
//! Each file of `data/` has one Rust type and one generated JSON schema, and says where it comes from and of
//! which day it is. Files are parsed when they are first asked for. [`Catalogs::with_overlay`] lays a user's own
//! rows over them; [`Catalogs::check`] looks at what must agree between files.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod accelerators;
mod amis;
mod asks;
mod catalogs;
mod check;
mod check_models;
mod clusters;
mod echo;
mod engine_limits;
mod engine_options;
mod engines;
mod evidence;
mod file;
mod files;
mod given_images;
mod hyperpod;
mod ids;
mod image_address;
mod image_names;
mod images;
mod inquiry;
mod instances;
mod jumpstart;
mod limits;
mod meant;
mod models;
mod nearest;
mod pipelines;
mod places;
mod prices;
mod quotas;
pub mod reason;
mod regions;
mod registries;
mod resources;
mod rows;
mod schemas;
mod secrets;
mod tasks;
pub mod version;
mod vision;
mod weight_files;

pub use accelerators::{
    Accelerator, AcceleratorKind, Accelerators, AcceleratorsFile, ComputeCapability, MemoryBasis,
};
pub use amis::{
    Ami, AmiChoice, Amis, AmisFile, CudaDriver, DefaultDriver, DriverFit, MinorVersionDriver,
};
pub use asks::{Ask, Errand, Found, Looked, Looking, Lookup, Standing};
pub use catalogs::Catalogs;
pub use check::CatalogFinding;
pub use clusters::{
    Capacity, CapacityKind, Cluster, ClusterGroup, Clusters, ClustersFile, ClustersListed,
};
pub use echo::{ECHOED, cut, echo, is_hidden, is_plain, visible};
pub use engine_limits::{
    BadPair, Circumstance, CudaCapability, EngineLimits, EngineLimitsFile, GpuLimit, Scales,
    SorterRow, SplitLimit, SplitPart, StateClass, StateLimit, Trust,
};
pub use engine_options::{
    EngineOption, EngineOptions, EngineOptionsFile, OptionKind, OptionSource,
};
pub use engines::{
    ClassOf, Engine, EngineArchitecture, EngineRelease, Engines, EnginesFile, MemoryUtilization,
    QuantizationMethod, Support,
};
pub use evidence::{Evidence, KnownFit, KnownFitsFile, MeasuredFile, Measurement, Quality};
pub use file::CatalogError;
pub use files::{Files, Laid, Visitor, visit};
pub use hyperpod::{CustomResource, Hyperpod, HyperpodFile, NodeResources, Operator};
pub use ids::{
    Arn, ArnKind, HubAddress, ImageUri, InstanceType, ModelId, ParseIdError, Region, S3Uri,
    is_revision,
};
pub use image_address::{Availability, ImageError, ResolvedImage};
pub use image_names::{GivenImage, ImageName};
pub use images::{Image, ImageFamily, Images, ImagesFile, Platform, UsualImages};
pub use inquiry::{Inquiry, Live};
pub use instances::{Arch, EnumCounts, Instance, Instances, InstancesFile};
pub use jumpstart::{JumpStart, JumpStartFile, JumpStartModel};
pub use limits::{
    AsyncLimits, BatchLimits, ContainerContract, InferenceComponentLimits, Limits, ModelEnvLimits,
    NameLimits, Range, RealtimeLimits,
};
pub use models::{
    Access, Basis, GatedFrom, Model, ModelConfig, Models, ModelsFile, Only, ParametersFrom,
    Variant, WeightsFrom,
};
pub use nearest::nearest;
pub use pipelines::{Makes, Pipeline, PipelinePart, Pipelines, PipelinesFile};
pub use places::{
    CountryGroup, NamedPlace, Places, PlacesFile, RegionPlace, Whereabouts, distance_km,
};
pub use prices::{Price, PriceBasis, PriceRow, Prices, PricesFile};
pub use quotas::{QuotaRow, QuotaUse, Quotas, QuotasFile};
pub use regions::{RegionRow, Regions, RegionsFile};
pub use registries::{ImageSet, Misplaced, Registries, RegistriesFile, Registry};
pub use resources::{
    Inspected, NamedRow, Resource, Resources, ResourcesFile, Stored, StoredFile, TokenSecret,
};
pub use rows::{Origin, Rows, Table, provenance};
pub use schemas::schemas;
pub use secrets::{names_a_secret, secret_in};
pub use tasks::{CategoryTask, ClassTask, NameTask, SuffixTask, Task, Tasks, TasksFile};
pub use vision::{ImageTokens, Vision, VisionFile};
pub use weight_files::{WeightFile, WeightSet, is_believable, is_gguf};
