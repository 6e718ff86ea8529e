//! The resources of this server: the Regions.

use serde_json::json;

use crate::common::values;
use crate::mcp::parameter::Parameter;
use crate::mcp::resource::{JSON, Resource};

pub(crate) const RESOURCES: &[Resource] = &[
    Resource {
        uri: "mcc://regions",
        name: "regions",
        title: "Regions",
        description: "All Regions, one a line: code, name, partition, services that projects use.",
        media_type: JSON,
        parameters: &[],
        read: |context, _| {
            values::lines(context.catalogs().regions().iter().map(|row| {
                json!({
                    "region": row.region, "name": row.name, "partition": row.partition,
                    "services": row.services, "hyperpodOperator": row.hyperpod_operator,
                })
            }))
        },
    },
    Resource {
        uri: "mcc://regions/{region}",
        name: "region",
        title: "A Region",
        description: "What the catalog has on a Region, with the accelerated types that EC2 offers there.",
        media_type: JSON,
        parameters: &[Parameter {
            name: "region",
            description: "Its code.",
            required: true,
            values: Some(values::regions),
        }],
        read: |context, given| {
            let code = given.get("region").map(String::as_str).unwrap_or_default();
            let regions = context.catalogs().regions();
            values::row(regions.get(code), &regions.nearest(code))
        },
    },
];
