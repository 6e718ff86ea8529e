//! `mcc`: the command line. It parses arguments, calls a library and prints.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod commands;
mod doctor;
mod hints;
mod live;
mod lookups;
mod mode;
mod output;
mod programs;
mod prompt;
mod reasoning;
mod surroundings;

use std::process::ExitCode;

/// Answers are built of many small pieces, by several threads on HTTP.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit codes, as `mcc --help` documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Exit {
    /// Done.
    Done = 0,
    /// The inputs, or the project that was checked, have errors; or something is missing.
    Refused = 1,
    /// Flags or variables that cannot be, besides those that clap refuses.
    Misused = 2,
    /// A folder or file could not be read or written.
    Failed = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

fn main() -> ExitCode {
    // A usage error makes clap print and exit with 2 by itself.
    let matches = commands::cli()
        .try_get_matches()
        .unwrap_or_else(|error| output::usage(&hints::better(error)));
    match commands::run(&matches) {
        Ok(_) if output::is_lost() => {
            output::failure(
                "the output could not be written",
                Some("see that there is room for it"),
            );
            Exit::Failed.into()
        }
        Ok(exit) => exit.into(),
        Err(error) => match error.downcast_ref::<mode::Misuse>() {
            Some(misuse) => {
                output::failure(&misuse.message, Some(&misuse.hint));
                Exit::Misused.into()
            }
            None => {
                output::failure(&format!("{error:#}"), None);
                Exit::Failed.into()
            }
        },
    }
}
