//! One file per tool.

mod compare_instances;
mod recommend_instance;

use crate::mcp::server::Tool;

/// All tools, in the order in which an assistant uses them.
pub(crate) const ALL: &[Tool] = &[recommend_instance::TOOL, compare_instances::TOOL];
