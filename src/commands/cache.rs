//! `mcc cache`: what smart mode keeps of what it looked up.

use anyhow::{Context, Result};
use clap::{Arg, ArgMatches, Command};
use mcc_live::{Cache, Report};
use serde_json::json;

use super::{format_arg, is_json};
use crate::{Exit, live, output};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

pub(super) fn command() -> Command {
    Command::new("cache")
        .about("Show or clear the answers that smart mode has cached")
        .arg(
            Arg::new("DO")
                .value_parser(["show", "clear"])
                .default_value("show")
                .help("Show or remove the cached answers"),
        )
        .arg(format_arg())
        .after_help(
            "The folder is that of MCC_CACHE_DIR, or mcc below the user's cache folder. What Bedrock has used today \
             is counted there, too, and is not cleared: a ceiling would begin anew.",
        )
}

pub(super) fn run(matches: &ArgMatches) -> Result<Exit> {
    let folder = live::cache().context(
        "nothing is cached on disk because there is no home folder; set MCC_CACHE_DIR to a folder for the cache",
    )?;
    let cache = Cache::on_disk(folder);
    match matches.get_one::<String>("DO").map(String::as_str) {
        Some("clear") => clear(&cache, matches),
        _ => show(&cache.report(), matches),
    }
}

fn show(report: &Report, matches: &ArgMatches) -> Result<Exit> {
    let folder = report.folder.as_deref().map(|folder| folder.display().to_string());
    if is_json(matches) {
        output::json(&json!({
            "folder": folder,
            "entries": report.entries,
            "bytes": report.bytes,
            "oldestSeconds": report.oldest,
            "sources": report.sources,
            "trouble": report.trouble,
        }));
        return Ok(ended(report));
    }
    output::line(&format!("Folder:  {}", folder.unwrap_or_default()));
    // Nothing was counted in a folder that is not used.
    if let Some(trouble) = &report.trouble {
        output::failure(trouble, None);
        return Ok(ended(report));
    }
    output::line(&format!("Answers: {} ({})", report.entries, size(report.bytes)));
    if let Some(oldest) = report.oldest {
        output::line(&format!("Oldest:  {} ago", age(oldest)));
    }
    for (source, count) in &report.sources {
        output::line(&format!("  {count:>5}  {source}"));
    }
    Ok(ended(report))
}

fn clear(cache: &Cache, matches: &ArgMatches) -> Result<Exit> {
    let cleared = cache.clear();
    let left = cache.report();
    if is_json(matches) {
        output::json(&json!({
            "folder": left.folder.as_deref().map(|folder| folder.display().to_string()),
            "removed": cleared.entries,
            "bytes": cleared.bytes,
            "left": left.entries,
            "trouble": left.trouble,
        }));
    } else if let Some(trouble) = &left.trouble {
        output::failure(trouble, None);
    } else {
        let (count, bytes) = (cleared.entries, size(cleared.bytes));
        output::line(&format!("Removed {count} answers ({bytes})."));
        if left.entries > 0 {
            let left = left.entries;
            output::failure(&format!("{left} answers could not be removed"), None);
        }
    }
    Ok(if left.entries > 0 { Exit::Failed } else { ended(&left) })
}

/// A folder that cannot be used is an error here, where it is a note of an answer.
fn ended(report: &Report) -> Exit {
    if report.trouble.is_some() { Exit::Failed } else { Exit::Done }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        _ => format!("{} MiB", bytes / MIB),
    }
}

/// Seconds for people.
fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_in_units_of_their_own() {
        for (bytes, text) in [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (3 * MIB + 1, "3 MiB")]
        {
            assert_eq!(size(bytes), text);
        }
        for (seconds, text) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(age(seconds), text);
        }
    }
}
