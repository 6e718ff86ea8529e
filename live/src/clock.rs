//! What time it is, in the forms that facts have.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A time as a date: `2026-11-30`.
pub(crate) fn date(seconds: u64) -> String {
    let time = DateTime::from_secs(i64::try_from(seconds).unwrap_or_default());
    let text = time.fmt(Format::DateTime).unwrap_or_default();
    text.get(..10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(1_796_083_199), "2026-11-30");
        assert_eq!(date(1_796_083_200), "2026-12-01");
    }
}
