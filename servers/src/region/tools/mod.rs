//! One file per tool.

mod recommend_region;

use crate::mcp::server::Tool;

/// All tools, in the order in which an assistant uses them.
pub(crate) const ALL: &[Tool] = &[recommend_region::TOOL];
