//! The prompts of this server.

use crate::common::values;
use crate::mcp::parameter::{Given, Parameter};
use crate::mcp::prompt::{Prompt, said};
use crate::mcp::server::Context;

pub(crate) const PROMPTS: &[Prompt] = &[Prompt {
    name: "update_base_image",
    title: "Update a project's base image",
    description: "Finds the newest base image that works for a project, and says what else has to change with it.",
    arguments: &[
        Parameter {
            name: "deploymentConfig",
            description: "What serves the model.",
            required: true,
            values: Some(values::configs),
        },
        Parameter {
            name: "model",
            description: "Hugging Face id of the model.",
            required: false,
            values: Some(values::models),
        },
        Parameter {
            name: "instanceType",
            description: "The instance type that it runs on.",
            required: false,
            values: Some(values::instances),
        },
        Parameter {
            name: "region",
            description: "AWS Region.",
            required: false,
            values: Some(values::regions),
        },
    ],
    write: update,
}];

fn update(_context: &Context, given: &Given) -> String {
    format!(
        "Which base image should this project use now?\n\n{}{}{}{}\n\
         1. Call recommend_image with all of that. Read `passedOver`: newer images may not work for the model, the \
         accelerator or the driver.\n\
         2. Compare with what the project has now, if there is one: the FROM line of its Dockerfile.\n\
         3. Tell me what changes: version of the server, CUDA, host image (AMI); and what to test.\n\
         4. If I agree, call generate_project of the generate-project server with `inputs` of the answer and onExisting \
         `update`, then do/build and do/test before do/deploy.\n",
        said(given, "deploymentConfig", "Deployment config"),
        said(given, "model", "Model"),
        said(given, "instanceType", "Instance type"),
        said(given, "region", "Region"),
    )
}
