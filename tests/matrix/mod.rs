//! What the tests have shown of which config on which target, for `.ci/matrix` to print.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses some of it")]
#![allow(clippy::expect_used, reason = "tests")]

use std::io::Write as _;

/// Notes that `check` of `tier` holds for `config` on `target`: in the file that `MCC_MATRIX` names, if it does.
pub fn shown(tier: &str, check: &str, config: &str, target: &str) {
    let Some(path) = std::env::var_os("MCC_MATRIX") else { return };
    let mut file =
        std::fs::OpenOptions::new().create(true).append(true).open(path).expect("MCC_MATRIX");
    // One write: tests append at the same time.
    let line = format!("{tier}\t{check}\t{config}\t{target}\n");
    file.write_all(line.as_bytes()).expect("MCC_MATRIX");
}

/// The same for `config` on all targets: what serves it is the same on each.
pub fn shown_on_all(tier: &str, check: &str, config: &str) {
    for target in mcc_generator::registry().targets() {
        shown(tier, check, config, target);
    }
}
