//! The prompts of this server.

use crate::common::values;
use crate::mcp::parameter::{Given, Parameter};
use crate::mcp::prompt::{Prompt, said};
use crate::mcp::server::Context;

pub(crate) const PROMPTS: &[Prompt] = &[Prompt {
    name: "choose_model",
    title: "Choose a model",
    description: "Finds models for a job, and what each would cost to serve.",
    arguments: &[
        Parameter {
            name: "job",
            description: "What the model is for, in your words.",
            required: true,
            values: None,
        },
        Parameter {
            name: "like",
            description: "A model that you know and that is about right.",
            required: false,
            values: Some(values::models),
        },
        Parameter {
            name: "budget",
            description: "Most that an hour may cost, in US dollars.",
            required: false,
            values: None,
        },
        Parameter {
            name: "licence",
            description: "A licence that it has to have.",
            required: false,
            values: Some(licences),
        },
    ],
    write: choose,
}];

fn licences(context: &Context, _given: &Given) -> Vec<String> {
    let models = context.catalogs().models();
    let mut all: Vec<String> = models.iter().filter_map(|row| row.license.clone()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn choose(_context: &Context, given: &Given) -> String {
    format!(
        "Help me to choose a model.\n\n{}{}{}{}\n\
         1. Find candidates with search_models; narrow by task, licence and parameters.\n\
         2. Look at the best three with describe_model: what serves them, whether they are gated, what has to be set.\n\
         3. Price each with recommend_instance of the instance server, or compare_instances with all of them.\n\
         4. Show them side by side: size, context, licence, instance type, US dollars per hour, and what you would take \
         and why. Say what the catalog does not know; do not fill it in from memory.\n",
        said(given, "job", "What it is for"),
        said(given, "like", "A model like it"),
        said(given, "budget", "Most per hour, in US dollars"),
        said(given, "licence", "Licence"),
    )
}
