//! One file per tool.

mod check_project;
mod explain_rule;
mod generate_project;
mod list_deployments;
mod plan_project;

use crate::mcp::server::Tool;

/// All tools, in the order in which an assistant uses them.
pub(crate) const ALL: &[Tool] = &[
    list_deployments::TOOL,
    plan_project::TOOL,
    generate_project::TOOL,
    check_project::TOOL,
    explain_rule::TOOL,
];
