//! The prompts of this server.

use crate::common::values;
use crate::mcp::parameter::{Given, Parameter};
use crate::mcp::prompt::{Prompt, said};
use crate::mcp::server::Context;

pub(crate) const PROMPTS: &[Prompt] = &[Prompt {
    name: "deploy_on_hyperpod",
    title: "Deploy a model on HyperPod",
    description: "From a model and a HyperPod cluster to a project that is deployed there.",
    arguments: &[
        Parameter {
            name: "model",
            description: "Hugging Face id of the model, or what it is.",
            required: true,
            values: Some(values::models),
        },
        Parameter {
            name: "cluster",
            description: "Name of the cluster, if you know it.",
            required: false,
            values: None,
        },
        Parameter {
            name: "region",
            description: "AWS Region.",
            required: false,
            values: Some(values::regions),
        },
        Parameter {
            name: "instanceType",
            description: "Instance type of its nodes, if you know it.",
            required: false,
            values: Some(values::instances),
        },
    ],
    write: deploy,
}];

fn deploy(_context: &Context, given: &Given) -> String {
    format!(
        "Deploy a model on a SageMaker HyperPod cluster (EKS).\n\n{}{}{}{}\n\
         1. Call describe_hyperpod. Find cluster and node groups with the commands that it names, or ask me to run them.\n\
         2. Call fit_hyperpod with the model and the node groups: how a copy is split, how many copies fit. Nodes are shared; \
         ask what else runs on them.\n\
         3. Call plan_project of the generate-project server with `inputs` of the group that is taken and hyperpodCluster. Put \
         its questions to me.\n\
         4. Show me the plan and its warnings. Once I agree: generate_project, then the scripts in its `nextSteps`.\n",
        said(given, "model", "Model"),
        said(given, "cluster", "Cluster"),
        said(given, "region", "Region"),
        said(given, "instanceType", "Nodes"),
    )
}
