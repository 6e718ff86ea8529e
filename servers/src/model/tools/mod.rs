//! One file per tool.

mod describe_model;
mod search_models;

use crate::mcp::server::Tool;

/// All tools, in the order in which an assistant uses them.
pub(crate) const ALL: &[Tool] = &[search_models::TOOL, describe_model::TOOL];
