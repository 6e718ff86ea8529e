//! The prompts of this server.

use crate::common::values;
use crate::mcp::parameter::{Given, Parameter};
use crate::mcp::prompt::{Prompt, said};
use crate::mcp::server::Context;

pub(crate) const PROMPTS: &[Prompt] = &[Prompt {
    name: "cheaper_instance",
    title: "Move a model to a cheaper instance",
    description: "Looks for a cheaper instance type for a model that runs already, and says what moving takes.",
    arguments: &[
        Parameter {
            name: "model",
            description: "Hugging Face id of the model, or what it is.",
            required: true,
            values: Some(values::models),
        },
        Parameter {
            name: "instanceType",
            description: "The instance type that it runs on now.",
            required: true,
            values: Some(values::instances),
        },
        Parameter {
            name: "contextLength",
            description: "Longest context in tokens that has to fit.",
            required: false,
            values: None,
        },
        Parameter {
            name: "concurrency",
            description: "Requests that have to run at once.",
            required: false,
            values: None,
        },
        Parameter {
            name: "region",
            description: "AWS Region.",
            required: false,
            values: Some(values::regions),
        },
    ],
    write: cheaper,
}];

fn cheaper(context: &Context, given: &Given) -> String {
    let price = given
        .get("instanceType")
        .and_then(|name| {
            context.catalogs().prices().usd_per_hour(name, given.get("region").map(String::as_str))
        })
        .map_or_else(String::new, |price| {
            format!("- What that costs by the catalog: {} USD per hour\n", price.usd)
        });
    format!(
        "I want to move a model to a cheaper SageMaker instance.\n\n{}{}{price}{}{}{}\n\
         1. Call compare_instances with the model and the type that it runs on: how much of it is used now, and what it \
         leaves free. Ask me for context and concurrency if I did not say; they decide.\n\
         2. Call recommend_instance with the same, budgetUsdPerHour just below the price of today. If nothing fits, try one \
         change at a time and say what it gives up: kvCacheDtype fp8, a shorter maxModelLen, a quantized variant of the \
         model (describe_model of the model server lists them), then a smaller model.\n\
         3. Show me today and the proposal side by side: US dollars per hour and month, longest context, sequences at once, \
         time per token. A cheaper type may be slower; say by how much as far as the numbers tell.\n\
         4. If there is a project, call generate_project of the generate-project server with `inputs` of the proposal and \
         onExisting `update`. Then do/deploy, do/test. The old endpoint costs until do/clean has removed it.\n\
         Change nothing that runs before I have agreed.\n",
        said(given, "model", "Model"),
        said(given, "instanceType", "It runs on"),
        said(given, "contextLength", "Context in tokens"),
        said(given, "concurrency", "Requests at once"),
        said(given, "region", "Region"),
    )
}
