//! Whole processes: how long one takes, and how much memory at most.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

use crate::{Figures, median_and_p99};

/// Makes this program run its other arguments and print their time and peak memory: the peak is
/// known only for all children of a process together, so each gets a parent of its own.
pub(crate) const MEASURE: &str = "--measure";

/// Runs a command and prints milliseconds and MB.
pub(crate) fn measure(command: &[String]) {
    let since = Instant::now();
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the command runs");
    let milliseconds = since.elapsed().as_secs_f64() * 1e3;
    assert!(status.success(), "{command:?} failed");
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage of the child").max_rss();
    // Linux counts in KiB, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1.0 } else { 1024.0 };
    let bytes = f64::from(i32::try_from(peak).unwrap_or(i32::MAX)) * unit;
    println!("{milliseconds} {}", bytes / 1e6);
}

/// Generates one project per round with each binary in turn, from an empty folder to one on disk.
pub(crate) fn generation(
    binaries: &[(PathBuf, &'static str)],
    rounds: usize,
) -> BTreeMap<String, Figures> {
    let place = tempfile::tempdir().expect("a temporary folder");
    let own = std::env::current_exe().expect("this program has a path");
    let mut taken = vec![(Vec::new(), Vec::new()); binaries.len()];
    for round in 0..rounds * 10 {
        for ((mcc, whose), (times, peaks)) in binaries.iter().zip(&mut taken) {
            let output = Command::new(&own)
                .arg(MEASURE)
                .arg(mcc)
                .args(["generate", &format!("project-{round}{}", whose.trim())])
                .args(["--deployment-config", "http-flask", "--framework", "sklearn"])
                .current_dir(place.path())
                .output()
                .expect("this program runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).expect("two numbers");
            let (time, peak) = text.trim().split_once(' ').expect("two numbers");
            times.push(time.parse().expect("a number"));
            peaks.push(peak.parse().expect("a number"));
        }
    }
    let figures = |((_, whose), (times, peaks)): (&(PathBuf, &str), _)| {
        let (median, p99) = median_and_p99(times);
        let (peak, _) = median_and_p99(peaks);
        let figures = Figures::from([
            ("generation, ms", median),
            ("generation p99, ms", p99),
            ("generation, peak MB", peak),
        ]);
        (format!("mcc generate{whose}"), figures)
    };
    binaries.iter().zip(taken).map(figures).collect()
}
