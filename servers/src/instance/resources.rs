//! The resources of this server: the instance types and their prices.

use serde_json::json;

use crate::common::values;
use crate::mcp::parameter::Parameter;
use crate::mcp::resource::{JSON, Resource};

pub(crate) const RESOURCES: &[Resource] = &[
    Resource {
        uri: "mcc://instances",
        name: "instances",
        title: "Instance types",
        description: "All instance types, one a line: accelerators and their memory, vCPUs, memory, US dollars per hour.",
        media_type: JSON,
        parameters: &[],
        read: |context, _| {
            let catalogs = context.catalogs();
            values::lines(catalogs.instances().iter().map(|row| {
                json!({
                    "instanceType": row.name,
                    "accelerators": row.accelerator().map(|device| json!({"name": device.name, "count": row.count})),
                    "acceleratorMemoryGib": row.accelerator_memory_gib(),
                    "vcpus": row.vcpus, "memoryGib": row.memory_gib(),
                    "usdPerHour": catalogs.prices().usd(row.name.as_str(), None),
                })
            }))
        },
    },
    Resource {
        uri: "mcc://instances/{instanceType}",
        name: "instance",
        title: "An instance type",
        description: "What the catalog has on an instance type, with its accelerator and price.",
        media_type: JSON,
        parameters: &[Parameter {
            name: "instanceType",
            description: "The type, such as ml.g5.xlarge.",
            required: true,
            values: Some(values::instances),
        }],
        read: |context, given| {
            let name = given.get("instanceType").map(String::as_str).unwrap_or_default();
            let catalogs = context.catalogs();
            let instances = catalogs.instances();
            let row = instances.get(name).map(|row| {
                json!({
                    "instance": row,
                    "accelerator": row.accelerator(),
                    "price": catalogs.prices().usd_per_hour(name, None),
                })
            });
            values::row(row, &instances.nearest(name))
        },
    },
];
