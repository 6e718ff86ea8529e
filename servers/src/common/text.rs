//! Answers as text. Some clients give a model nothing else, so it says everything that matters.

use std::fmt::Write as _;

/// A text that is written in paragraphs.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Text {
    /// Begins with one sentence.
    pub(crate) fn new(first: &str) -> Self {
        Self(first.to_owned())
    }

    /// Adds a heading with one line per item, unless there are none.
    pub(crate) fn list(mut self, heading: &str, items: impl IntoIterator<Item = String>) -> Self {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            // Writing to a string cannot fail.
            let _ = write!(self.0, "\n\n{heading}:");
            for item in items {
                let _ = write!(self.0, "\n- {item}");
            }
        }
        self
    }

    /// Adds a line.
    pub(crate) fn line(mut self, line: Option<String>) -> Self {
        if let Some(line) = line {
            let _ = write!(self.0, "\n\n{line}");
        }
        self
    }

    /// The text.
    pub(crate) fn done(self) -> String {
        self.0
    }
}
