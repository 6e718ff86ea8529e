//! Whether a model runs, and how: pure arithmetic and comparisons over the facts of the catalogs.
//!
//! One question has one answer here, with all its reasons as data; the generator and the servers only word it. Nothing
//! here reads a file, reaches a network or names a tool.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod choice;
mod deployment;
mod driver;
mod host_image;
mod image;
mod named;
mod offer;
mod order;
mod place;
mod release;
pub mod sizing;
mod stored;
mod task;
mod usual;

pub use choice::ImageChoice;
pub use deployment::{AmiKind, Deployment, InstancePool};
pub use driver::{
    HostDriver, HostFault, host_driver, host_fault, named_host, newest_transform_driver, starts_on,
};
pub use host_image::{HostImage, host_image};
pub use image::{
    ImageReason, OwnImage, host_for, host_runs, image_cautions, image_runs, own_image,
};
pub use named::{Holds, NamedSize, holds, named_method, named_size, original};
pub use offer::{
    HostShort, accelerated_types, as_large, far_too_small, has_room, host_short, is_burstable,
    is_current, is_not_hosted, is_proposed, lacks, local_disk_short, most_weights_gib, offered,
    stands_in, too_small,
};
pub use order::{has_node, in_order, quota, quota_allows, short_of_quota};
pub use place::{Found, Named, Place, Reason, Reservation, usual_context};
pub use release::{Against, Asked, against, against_task, circumstances_of, engine_in};
pub use stored::{StoredFault, only_there, stored_fault, stored_only, stored_weights};
pub use task::{Described, Purpose, TaskBasis, by_class, purpose};
pub use usual::{Host, HostAsked, LEAST_HOST, Proposed, is_of, less_memory, proposed, usual_type};
