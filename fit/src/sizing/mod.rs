//! Will a model run on an accelerator, and how: pure arithmetic over what a model is, what a device has
//! and how the engine is started.
//!
//! Nothing here reads a file or names an engine. The formulas are those by which
//! paged-attention engines account for memory: a share of the device is budgeted, weights and the peak
//! of a forward pass are taken off, and what is left holds the key-value cache. The calibration against
//! measured deployments, with its errors, is in `generator/tests/sizing.rs`.

mod cache;
mod choose;
mod compiled;
mod config_json;
mod draft;
mod encoder;
mod estimate;
mod family;
mod host;
mod layers;
mod loaded;
mod longest;
mod notes;
mod parallel;
mod parameters;
mod pipeline;
mod precision;
mod quantized;
mod recurrent;
mod row;
mod sampling;
mod shape;
mod sizes;
mod state;
mod widths;

pub use cache::Cache;
pub use choose::{COMPILED_CONTEXT, Plan, Wanted, degrees, plan};
pub use compiled::{CompiledEngine, compiled_engine};
pub use config_json::{ConfigError, MAX_CONFIG_BYTES, parse_class, parse_config};
pub use draft::Draft;
pub use estimate::{COMPILED_SEQUENCES, Device, Serving, Sizing, Verdict, estimate};
pub use host::{HostNeeds, ModelSource, host_needs};
pub use loaded::{ExpertScales, Weights};
pub use longest::{TooLong, too_long};
pub use parallel::{Degree, allowed_degrees, check_degree, check_split};
pub use pipeline::{Parts, pipeline_shape};
pub use precision::{
    Support, lacks_eight_bit_cache, loads_by_layer, precision_support, too_much_while_loading,
};
pub use row::{device_of, shape_of, unusable_config, variant_shape};
pub use sampling::Sampling;
pub use shape::{Dtype, ModelShape, Origin, Quantization, Stretched};
pub use state::{StateBlocks, StateRule, States};
pub use widths::{Cut, Split, Widths};

/// Bytes in a GiB, the unit of every `*_gib` value.
pub const GIB: f64 = 1_073_741_824.0;

/// An integer count as the floating-point number that the estimates calculate with.
///
/// Parameter counts and byte counts stay far below 2^53, where `f64` is exact.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

/// A non-negative estimate as a whole number, rounded down; saturates.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}
