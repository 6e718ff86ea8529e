//! How often each tool was called, with what outcome, and how long it took.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug, Default, Clone, Copy)]
struct Calls {
    answered: u64,
    failed: u64,
    seconds: f64,
}

/// One lock for all: it is held for nanoseconds, and calls take microseconds at least.
static CALLS: Mutex<BTreeMap<&'static str, Calls>> = Mutex::new(BTreeMap::new());

/// Counts one call.
pub(crate) fn count(tool: &'static str, failed: bool, took: Duration) {
    let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
    let calls = calls.entry(tool).or_default();
    calls.seconds += took.as_secs_f64();
    if failed {
        calls.failed += 1;
    } else {
        calls.answered += 1;
    }
}

/// All counts in the text format of Prometheus.
pub(crate) fn text() -> String {
    let calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut text = String::from(
        "# HELP mcc_tool_calls_total Calls of a tool by outcome.\n\
         # TYPE mcc_tool_calls_total counter\n",
    );
    for (tool, calls) in &calls {
        for (outcome, count) in [("answered", calls.answered), ("failed", calls.failed)] {
            text.push_str(&format!(
                "mcc_tool_calls_total{{tool=\"{tool}\",outcome=\"{outcome}\"}} {count}\n"
            ));
        }
    }
    text.push_str(
        "# HELP mcc_tool_seconds_total Time spent in a tool.\n\
         # TYPE mcc_tool_seconds_total counter\n",
    );
    for (tool, calls) in &calls {
        text.push_str(&format!("mcc_tool_seconds_total{{tool=\"{tool}\"}} {}\n", calls.seconds));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_outcome() {
        count("of_this_test", false, Duration::from_millis(500));
        count("of_this_test", true, Duration::from_millis(500));
        let text = text();
        for line in [
            "mcc_tool_calls_total{tool=\"of_this_test\",outcome=\"answered\"} 1",
            "mcc_tool_calls_total{tool=\"of_this_test\",outcome=\"failed\"} 1",
            "mcc_tool_seconds_total{tool=\"of_this_test\"} 1",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
