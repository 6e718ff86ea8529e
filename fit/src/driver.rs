//! The driver of a host image that is named.

use mcc_catalogs::Catalogs;

use crate::deployment::AmiKind;

/// Branch of the GPU driver of the host image called `name`, such as 580; none where the image or its driver is not known.
pub fn host_driver(catalogs: &Catalogs, api: AmiKind, name: &str) -> Option<u32> {
    let amis = catalogs.amis();
    let row = match api {
        AmiKind::Inference => amis.get(name),
        AmiKind::Transform => amis.get_transform(name),
    };
    row?.driver
}
