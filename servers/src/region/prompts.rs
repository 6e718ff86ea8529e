//! The prompts of this server.

use crate::common::values;
use crate::mcp::parameter::{Given, Parameter};
use crate::mcp::prompt::{Prompt, said};
use crate::mcp::server::Context;

pub(crate) const PROMPTS: &[Prompt] = &[Prompt {
    name: "choose_region",
    title: "Choose a Region",
    description: "Finds the Region for users, data and instance types.",
    arguments: &[
        Parameter {
            name: "near",
            description: "Where the users are: a city, country or continent.",
            required: false,
            values: Some(places),
        },
        Parameter {
            name: "residency",
            description: "Country or group of countries that data must not leave.",
            required: false,
            values: Some(places),
        },
        Parameter {
            name: "instanceType",
            description: "An instance type that has to be there.",
            required: false,
            values: Some(values::instances),
        },
    ],
    write: choose,
}];

/// Cities and countries of Regions: what most people name.
fn places(context: &Context, _given: &Given) -> Vec<String> {
    let places = context.catalogs().places();
    let mut all: Vec<String> = places
        .regions()
        .flat_map(|row| [row.city.clone(), places.country(&row.country).to_owned()])
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn choose(_context: &Context, given: &Given) -> String {
    format!(
        "Which AWS Region should I deploy to?\n\n{}{}{}\n\
         1. Call recommend_region with what I said. Ask me first whether there is data that must not leave a country, if I \
         did not say.\n\
         2. Compare the best two or three: distance, what each has and lacks, and what is not known.\n\
         3. Prices in the catalog are of one Region; say so when you name one.\n\
         4. Go on with recommend_instance of the instance server for the Region that I take.\n",
        said(given, "near", "Near"),
        said(given, "residency", "Data must stay in"),
        said(given, "instanceType", "Instance type"),
    )
}
