//! The resources of this server: the catalog of models.

use serde_json::json;

use crate::common::values;
use crate::mcp::parameter::Parameter;
use crate::mcp::resource::{JSON, Resource};

pub(crate) const RESOURCES: &[Resource] = &[
    Resource {
        uri: "mcc://models",
        name: "models",
        title: "Models",
        description: "All models of the catalog, one a line: id, parameters, task, licence.",
        media_type: JSON,
        parameters: &[],
        read: |context, _| {
            values::lines(context.catalogs().models().iter().map(|row| {
                json!({"id": row.id, "parameters": row.parameters, "task": row.task, "license": row.license})
            }))
        },
    },
    Resource {
        uri: "mcc://models/{+id}",
        name: "model",
        title: "A model",
        description: "What the catalog has on a model: shape, precision, attention, licence, variants.",
        media_type: JSON,
        parameters: &[Parameter {
            name: "id",
            description: "Id on Hugging Face.",
            required: true,
            values: Some(values::models),
        }],
        read: |context, given| {
            let id = given.get("id").map(String::as_str).unwrap_or_default();
            let models = context.catalogs().models();
            values::row(models.get(id), &models.nearest(id))
        },
    },
];
