//! The resources of this server: the operator, its custom resources and the nodes.

use serde_json::json;

use crate::common::values;
use crate::mcp::parameter::{Given, Parameter};
use crate::mcp::resource::{Content, JSON, Resource};
use crate::mcp::server::Context;

pub(crate) const RESOURCES: &[Resource] = &[
    Resource {
        uri: "mcc://hyperpod",
        name: "hyperpod",
        title: "HyperPod",
        description: "The inference operator, its custom resources, and the Regions where its image is published.",
        media_type: JSON,
        parameters: &[],
        read: |context, _| {
            let catalogs = context.catalogs();
            let hyperpod = catalogs.hyperpod();
            let regions = catalogs.regions().iter().filter(|row| row.hyperpod_operator);
            values::row(
                Some(json!({
                    "operator": hyperpod.operator(),
                    "customResources": hyperpod.crds().collect::<Vec<_>>(),
                    "regions": regions.map(|row| &row.region).collect::<Vec<_>>(),
                })),
                &[],
            )
        },
    },
    Resource {
        uri: "mcc://hyperpod/nodes",
        name: "hyperpod-nodes",
        title: "Nodes",
        description: "What a node of each type offers to pods, one a line.",
        media_type: JSON,
        parameters: &[],
        read: |context, _| values::lines(context.catalogs().hyperpod().nodes()),
    },
    Resource {
        uri: "mcc://hyperpod/schemas/{kind}",
        name: "hyperpod-schema",
        title: "Schema of a custom resource",
        description: "The JSON schema of a custom resource of the inference operator.",
        media_type: JSON,
        parameters: &[Parameter {
            name: "kind",
            description: "Kind of the custom resource.",
            required: true,
            values: Some(kinds),
        }],
        read: |context, given| {
            let kind = given.get("kind").map(String::as_str).unwrap_or_default();
            let hyperpod = context.catalogs().hyperpod();
            hyperpod.crd_schema(kind).map(|text| Content::Facts(text.to_owned())).ok_or_else(|| {
                let known = hyperpod.crds().map(|row| row.kind.as_str());
                values::missing(&mcc_catalogs::nearest(kind, known, 5))
            })
        },
    },
];

/// Kinds whose schema is there.
fn kinds(context: &Context, _given: &Given) -> Vec<String> {
    let hyperpod = context.catalogs().hyperpod();
    let with_schema = hyperpod.crds().filter(|row| hyperpod.crd_schema(&row.kind).is_some());
    with_schema.map(|row| row.kind.clone()).collect()
}
