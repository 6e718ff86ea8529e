//! One file per tool.

mod describe_hyperpod;
mod fit_hyperpod;

use crate::mcp::server::Tool;

/// All tools, in the order in which an assistant uses them.
pub(crate) const ALL: &[Tool] = &[describe_hyperpod::TOOL, fit_hyperpod::TOOL];
