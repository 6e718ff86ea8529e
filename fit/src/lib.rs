//! Whether a model runs, and how: pure arithmetic and comparisons over the facts of the catalogs.
//!
//! One question has one answer here, with all its reasons as data; the generator and the servers only word it. Nothing
//! here reads a file, reaches a network or names a tool.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod sizing;
