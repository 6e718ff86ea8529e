//! The resources of this server: base images and host images.

use serde_json::json;

use crate::common::values;
use crate::mcp::parameter::Parameter;
use crate::mcp::resource::{JSON, Resource};

pub(crate) const RESOURCES: &[Resource] = &[
    Resource {
        uri: "mcc://images",
        name: "images",
        title: "Families of base images",
        description: "The families of base images, one a line, with the version that is taken unless told otherwise.",
        media_type: JSON,
        parameters: &[],
        read: |context, _| {
            let images = context.catalogs().images();
            values::lines(images.families().map(|row| {
                json!({
                    "family": row.family, "title": row.title,
                    "default": images.default_version(&row.family),
                    "images": images.of_family(&row.family).count(),
                })
            }))
        },
    },
    Resource {
        uri: "mcc://images/{family}",
        name: "image-family",
        title: "A family of base images",
        description: "The images of one family, one a line: version, tag, CUDA, processors, accelerator.",
        media_type: JSON,
        parameters: &[Parameter {
            name: "family",
            description: "The family.",
            required: true,
            values: Some(values::families),
        }],
        read: |context, given| {
            let family = given.get("family").map(String::as_str).unwrap_or_default();
            let images = context.catalogs().images();
            if images.family(family).is_none() {
                let known = images.families().map(|row| row.family.as_str());
                return Err(values::missing(&mcc_catalogs::nearest(family, known, 5)));
            }
            values::lines(images.of_family(family))
        },
    },
    Resource {
        uri: "mcc://host-images",
        name: "host-images",
        title: "Host images",
        description: "The host images (AMIs) of endpoints and batch transform, one a line, with their drivers.",
        media_type: JSON,
        parameters: &[],
        read: |context, _| {
            let amis = context.catalogs().amis();
            values::lines(amis.inference().chain(amis.transform()))
        },
    },
];
