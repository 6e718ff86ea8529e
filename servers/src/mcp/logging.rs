//! Logs go to stderr only: on stdio, stdout is the protocol.

use std::io::{Stderr, Write};

use mcc_catalogs::visible;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is logged when `MCC_LOG` is unset or unreadable.
///
/// rmcp warns about every protocol error a client causes, so only its errors are shown.
const DEFAULT: &str = "error,mcc_servers=info,rmcp=error";

/// Standard error, for lines that may have foreign text in them. A line comes in one piece.
struct Visible(Stderr);

impl Write for Visible {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write_all(visible(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Sends log lines to stderr, filtered by `MCC_LOG` (`target=level,…`). A second call does nothing,
/// so that a test or an embedding program may have its own subscriber.
pub(crate) fn start(filter: Option<&str>) {
    let targets: Targets = filter
        .and_then(|text| text.parse().ok())
        .or_else(|| DEFAULT.parse().ok())
        .unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Visible(std::io::stderr()))
        .with_ansi(false)
        .without_time();
    let already_there =
        tracing_subscriber::registry().with(targets).with(lines).try_init().is_err();
    if already_there {
        tracing::debug!("keeping the log subscriber that is already there");
    }
}
